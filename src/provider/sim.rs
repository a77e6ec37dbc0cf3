//! The simulator as a provider: a simulated lab that lives on between calls of the program.
//!
//! The world is a file in the lab's state folder, with the moment at which it was saved. Whoever looks brings a copy up to
//! the wall clock, and since the world is deterministic all who look see the same; looking writes nothing. Whoever changes it
//! holds the folder's lock. A deployment takes virtual time only: its steps move the world's clock on, ahead of the wall
//! clock's, and from there time goes on as on the wall.
//!
//! It never reads a clock of its own: the clock is an argument.

mod errors;
mod file;

use self::errors::{in_state, in_world, not_promoted, not_real, nothing_there, unreadable};
use super::{Answer, Done, FaultDuration, FaultSelection, InjectOptions, Provider, ProviderError, Retry, Traffic};
use crate::{
    catalog::Catalog,
    host::state::{LabFolder, Locked, Stamp, Wait},
    model::{ActiveFault, ClusterName, ClusterState, Fault, Flow, NodeName, Observed, Prediction},
    plan::{Action, Promotion},
    sim::{ActionOutcome, Progress, SimError, World, blast_radius},
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The world's file in a lab's state folder.
pub const WORLD_FILE: &str = "sim.json";

/// The wall clock: milliseconds since 1970.
pub type WallClock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What the world runs between two looks at the actions under way, in milliseconds. Small enough to keep them together.
const SLICE_MS: u64 = 50;
/// How long an action may take in the world's time, in milliseconds.
const ACTION_MS_MAX: u64 = 600_000;
/// How many actions may be under way at a time, at least: the same on every machine, or the same deployment would give another world.
const STEPS_AT_ONCE: usize = 8;
/// In a large lab one of so many steps may be under way: the world's time, and with it the work of all nodes' agents, would else grow
/// with the square of the number of nodes.
const STEPS_A_PLACE: usize = 20;
/// How often it is asked whether the world has settled, in milliseconds of its time.
const SETTLE_STEP_MS: u64 = 500;
/// How often a deployment saves the world at most, in milliseconds of the wall clock. It is always saved when it is next observed.
const SAVE_EVERY_MS: u64 = 250;
/// A save is followed by so many times the time that it took before the next.
const SAVE_REST: u64 = 20;
/// How long to wait for somebody else who changes the world.
const LOCK_WAIT: Duration = Duration::from_secs(3);

/// The world as last read or written, brought forward since.
struct Open {
    world: World,
    wall_ms: u64,
    world_ms: u64,
    stamp: Option<Stamp>,
}

#[derive(Default)]
struct State {
    open: Option<Open>,
    under_way: usize,
    /// How many of those have looked at the world since its time was last moved on. It moves once all have, so actions that begin
    /// at the same moment run side by side, however many there are.
    looked: usize,
    /// Counts how often its time was moved on for actions.
    slice: u64,
    save_due_ms: u64,
    /// Whether the world has changed since it was saved.
    unsaved: bool,
}

impl State {
    /// Moves the world's time on once every action under way has looked at it.
    fn run_slice_if_all_looked(&mut self) {
        if let Some(open) = self.open.as_mut().filter(|_| self.under_way > 0 && self.looked >= self.under_way) {
            open.world.run_for(SLICE_MS);
            self.looked = 0;
            self.slice += 1;
        }
    }
}

/// Who holds the folder's lock.
enum Hold {
    /// Each change takes it for itself.
    EachChange,
    /// The one who made this provider, for as long as it lives.
    Whole(Arc<Locked>),
}

/// One simulated lab.
pub struct SimProvider {
    folder: LabFolder,
    seed: u64,
    clock: WallClock,
    hold: Hold,
    state: Mutex<State>,
}

impl SimProvider {
    /// A provider that takes the lock for each change: for looking, injecting and healing.
    pub fn new(folder: LabFolder, clock: WallClock) -> Self {
        Self { seed: seed_of(&folder), folder, clock, hold: Hold::EachChange, state: Mutex::default() }
    }

    /// A provider for one who holds the lock already: for deploying.
    pub fn holding(locked: Arc<Locked>, clock: WallClock) -> Self {
        let folder = locked.folder().clone();
        Self { seed: seed_of(&folder), folder, clock, hold: Hold::Whole(locked), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere left the world as it was between two actions; it is read again if its file moved.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the world as it is now.
    fn look<R>(&self, look: impl FnOnce(Option<&World>) -> R) -> Result<R, ProviderError> {
        let mut state = self.state();
        self.save_if(&mut state, |state| state.unsaved && state.under_way == 0)?;
        self.refresh(&mut state)?;
        self.catch_up(&mut state);
        Ok(look(state.open.as_ref().map(|open| &open.world)))
    }

    /// What is broken now.
    ///
    /// # Errors
    /// Where the world cannot be read.
    pub fn faults(&self) -> Result<Vec<ActiveFault>, ProviderError> {
        self.look(|world| world.map(World::active_faults).unwrap_or_default())
    }

    /// Changes the world as it is now, and saves it.
    fn change<R>(&self, change: impl FnOnce(&mut World) -> Result<R, SimError>) -> Result<R, ProviderError> {
        let mut state = self.state();
        let own;
        let locked: &Locked = match &self.hold {
            Hold::Whole(locked) => locked,
            Hold::EachChange => {
                own = self.folder.lock(Wait::AtMost(LOCK_WAIT)).map_err(in_state)?;
                &own
            }
        };
        self.refresh(&mut state)?;
        self.catch_up(&mut state);
        let open = state.open.get_or_insert_with(|| self.fresh());
        // So that what it does happens after all that anybody has seen.
        open.world.run_for(1);
        let result = change(&mut open.world).map_err(|error| in_world("change the simulated lab", None, &error))?;
        self.save(&mut state, locked)?;
        Ok(result)
    }

    fn fresh(&self) -> Open {
        let mut world = World::new(self.seed);
        world.set_load(crate::sim::REQUESTS_PER_SEC);
        Open { world, wall_ms: (self.clock)(), world_ms: 0, stamp: None }
    }

    /// Reads the world's file where another has changed it.
    fn refresh(&self, state: &mut State) -> Result<(), ProviderError> {
        // While steps are under way the world in memory is ahead of its file, and nobody else may change that.
        if state.under_way > 0 {
            return Ok(());
        }
        let stamp = self.folder.stamp(WORLD_FILE);
        if state.open.as_ref().is_some_and(|open| open.stamp == stamp && stamp.is_some()) {
            return Ok(());
        }
        state.open = None;
        let Some(bytes) = self.folder.read(WORLD_FILE).map_err(in_state)? else { return Ok(()) };
        let file::Saved { wall_ms, world_ms, world } = file::read(&bytes).map_err(|why| unreadable(&self.folder, why))?;
        state.open = Some(Open { world, wall_ms, world_ms, stamp });
        Ok(())
    }

    /// Lets the world's time go on with the wall clock's.
    fn catch_up(&self, state: &mut State) {
        if let Some(open) = state.open.as_mut().filter(|_| state.under_way == 0) {
            // A wall clock that was set back stops the world for a while and never turns it back.
            let passed_ms = (self.clock)().saturating_sub(open.wall_ms);
            open.world.catch_up(open.world_ms.saturating_add(passed_ms));
        }
    }

    fn save(&self, state: &mut State, locked: &Locked) -> Result<(), ProviderError> {
        let Some(open) = state.open.as_mut() else { return Ok(()) };
        (open.wall_ms, open.world_ms) = ((self.clock)(), open.world.now_ms());
        let bytes = file::write(&mut open.world, open.wall_ms).map_err(|error| ProviderError {
            what: "save the simulated lab".into(),
            node: None,
            why: error.to_string(),
            next: "Report this: the simulated world cannot be written.".into(),
            retry: Retry::Useless,
        })?;
        locked.write(WORLD_FILE, &bytes).map_err(in_state)?;
        open.stamp = self.folder.stamp(WORLD_FILE);
        let took_ms = (self.clock)().saturating_sub(open.wall_ms);
        state.save_due_ms = open.wall_ms + took_ms + SAVE_EVERY_MS.max(took_ms.saturating_mul(SAVE_REST));
        state.unsaved = false;
        Ok(())
    }

    /// Saves the world of a deployment, if this says so.
    fn save_if(&self, state: &mut State, is_due: impl Fn(&State) -> bool) -> Result<(), ProviderError> {
        match &self.hold {
            Hold::Whole(locked) if is_due(state) => self.save(state, locked),
            _ => Ok(()),
        }
    }

    fn begin(&self, action: &Action) -> Result<(UnderWay<'_>, ActionOutcome, u64), ProviderError> {
        let Hold::Whole(_) = &self.hold else {
            return Err(ProviderError {
                what: action.verb().into(),
                node: action.node().cloned(),
                why: "steps are done by who holds the lab's lock".into(),
                next: "Deploy through `sandtable deploy`.".into(),
                retry: Retry::Useless,
            });
        };
        let mut state = self.state();
        if state.under_way == 0 {
            self.refresh(&mut state)?;
            self.catch_up(&mut state);
        }
        let open = state.open.get_or_insert_with(|| self.fresh());
        let began_ms = open.world.now_ms();
        let outcome = open.world.begin(Catalog::embedded(), action).map_err(|error| in_world(action.verb(), Some(action), &error))?;
        state.under_way += 1;
        state.unsaved = true;
        drop(state);
        Ok((UnderWay { provider: self, looked_in: None, waits_for: None }, outcome, began_ms))
    }

    /// Looks whether an action is done that was begun, and lets the world run a little once all have looked.
    fn is_done(&self, action: &Action, under_way: &mut UnderWay<'_>, outcome: ActionOutcome, began_ms: u64) -> Result<bool, ProviderError> {
        let mut state = self.state();
        if under_way.looked_in == Some(state.slice) {
            state.run_slice_if_all_looked();
            return Ok(false);
        }
        under_way.looked_in = Some(state.slice);
        state.looked += 1;
        let Some(open) = state.open.as_mut() else { return Ok(true) };
        open.world.began();
        let now_ms = open.world.now_ms();
        let takes_time = now_ms < began_ms.saturating_add(outcome.takes_ms);
        // Thousands may be under way at a time: until its time is over each looks only once what it waits for.
        if under_way.waits_for.is_none() || !takes_time {
            under_way.waits_for = Some(match open.world.progress(action) {
                Progress::Done if !takes_time => return Ok(true),
                Progress::Done => String::new(),
                Progress::Working(what) => what,
            });
        }
        if now_ms.saturating_sub(began_ms) >= ACTION_MS_MAX {
            let waits_for = under_way.waits_for.as_deref().unwrap_or_default();
            let why = format!("not done after {} s: {waits_for}", ACTION_MS_MAX / 1000);
            return Err(in_world(action.verb(), Some(action), &SimError::Refused { on: action.verb().into(), why }));
        }
        state.run_slice_if_all_looked();
        Ok(false)
    }
}

/// An action under way: counted until it is over or dropped.
struct UnderWay<'a> {
    provider: &'a SimProvider,
    /// The slice of the world's time in which it has looked.
    looked_in: Option<u64>,
    /// What it waited for when it looked last.
    waits_for: Option<String>,
}

impl UnderWay<'_> {
    /// It is over: saves the world, if it is time to.
    fn over(self) -> Result<(), ProviderError> {
        let provider = self.provider;
        drop(self);
        let mut state = provider.state();
        let wall_ms = (provider.clock)();
        state.unsaved = true;
        if let Some(open) = state.open.as_mut() {
            // The world's time is ahead of the wall clock's by what the actions took; from here both go on together.
            (open.wall_ms, open.world_ms) = (wall_ms, open.world.now_ms());
        }
        provider.save_if(&mut state, |state| wall_ms >= state.save_due_ms)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut state = self.provider.state();
        state.under_way = state.under_way.saturating_sub(1);
        if self.looked_in == Some(state.slice) {
            state.looked = state.looked.saturating_sub(1);
        }
    }
}

impl Drop for SimProvider {
    fn drop(&mut self) {
        let mut state = std::mem::take(self.state.get_mut().unwrap_or_else(PoisonError::into_inner));
        // A deployment that ended early: what it did is observed by the next. Where it cannot be saved, the journal tells what was begun.
        if let Err(error) = self.save_if(&mut state, |state| state.unsaved) {
            tracing::warn!("{error}");
        }
    }
}

impl Provider for SimProvider {
    fn name(&self) -> &str {
        "sim"
    }

    fn observe(&self) -> Answer<'_, Observed> {
        Box::pin(async { self.look(|world| world.map(World::observe).unwrap_or_default()) })
    }

    fn act<'a>(&'a self, action: &'a Action, says: &'a (dyn Fn(&str) + Send + Sync)) -> Answer<'a, Done> {
        Box::pin(async move {
            let (mut under_way, outcome, began_ms) = self.begin(action)?;
            // Others begin at the same moment of the world's time.
            tokio::task::yield_now().await;
            let mut said = String::new();
            while !self.is_done(action, &mut under_way, outcome, began_ms)? {
                if let Some(waits_for) = under_way.waits_for.as_ref().filter(|waits_for| !waits_for.is_empty() && **waits_for != said) {
                    says(waits_for);
                    said.clone_from(waits_for);
                }
                tokio::task::yield_now().await;
            }
            under_way.over()?;
            Ok(if outcome.changed { Done::Changed } else { Done::AlreadySo })
        })
    }

    fn watch<'a>(&'a self, flows: &'a [Flow]) -> Answer<'a, ()> {
        Box::pin(async move {
            self.change(|world| {
                world.watch(flows);
                Ok(())
            })
        })
    }

    fn settle<'a>(&'a self, is_settled: &'a (dyn Fn(&Observed) -> bool + Send + Sync), ms_max: u64) -> Answer<'a, Observed> {
        Box::pin(async move {
            self.change(|world| {
                let until_ms = world.now_ms().saturating_add(ms_max);
                loop {
                    let observed = world.observe();
                    if is_settled(&observed) || world.now_ms() >= until_ms {
                        return Ok(observed);
                    }
                    world.run_for(SETTLE_STEP_MS);
                }
            })
        })
    }

    fn inject<'a>(&'a self, fault: &'a Fault, options: InjectOptions) -> Answer<'a, u64> {
        Box::pin(async move {
            if !self.folder.exists() {
                return Err(nothing_there());
            }
            self.change(|world| {
                let id = match options.duration {
                    FaultDuration::Usual => world.inject(fault)?,
                    FaultDuration::Secs(secs) => world.inject_for(fault, u64::from(secs) * 1000)?,
                };
                world.sign(id, options.by);
                Ok(id)
            })
        })
    }

    fn heal(&self, which: FaultSelection) -> Answer<'_, Vec<ActiveFault>> {
        Box::pin(async move {
            if !self.folder.exists() {
                return Err(nothing_there());
            }
            self.change(|world| {
                let mut faults = world.active_faults();
                match which {
                    FaultSelection::All => world.heal_all(),
                    FaultSelection::One(id) => {
                        faults.retain(|fault| fault.id == id);
                        world.heal(id)?;
                    }
                }
                Ok(faults)
            })
        })
    }

    fn predict<'a>(&'a self, fault: &'a Fault, lasts_ms: Option<u64>) -> Answer<'a, Option<Prediction>> {
        Box::pin(async move {
            let copy = self.look(|world| world.cloned())?.ok_or_else(nothing_there)?;
            // On a copy and without the lock: the window goes on looking meanwhile.
            let predicted = blast_radius(&copy, fault, lasts_ms);
            predicted.map(Some).map_err(|error| in_world("predict what a fault would do", None, &error))
        })
    }

    fn recover<'a>(&'a self, cluster: &'a ClusterName, says: &'a (dyn Fn(&str) + Send + Sync)) -> Answer<'a, Done> {
        Box::pin(async move {
            if !self.folder.exists() {
                return Err(nothing_there());
            }
            self.change(|world| {
                let works = |state| matches!(state, ClusterState::Whole | ClusterState::Partial);
                if world.observe().clusters.get(cluster).is_some_and(|seen| works(seen.state)) {
                    return Ok(Done::AlreadySo);
                }
                says("beginning anew with the member whose data goes furthest");
                world.recover_cluster(cluster).map(|()| Done::Changed)
            })
        })
    }

    fn promote<'a>(&'a self, promotion: &'a Promotion, says: &'a (dyn Fn(&str) + Send + Sync)) -> Answer<'a, Done> {
        Box::pin(async move {
            says(&format!("promoting {}", promotion.at));
            let begun = self.change(|world| Ok(world.promote(promotion)))?;
            begun.map(|()| Done::Changed).map_err(|error| not_promoted(&promotion.at, &error))
        })
    }

    fn steps_at_once(&self, steps: usize) -> usize {
        STEPS_AT_ONCE.max(steps / STEPS_A_PLACE)
    }

    fn shell<'a>(&'a self, node: &'a NodeName, _: &'a [String]) -> Answer<'a, Vec<String>> {
        Box::pin(async move { Err(not_real("open a shell", node, "a simulated node runs no programs")) })
    }

    fn console<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Vec<String>> {
        Box::pin(async move { Err(not_real("open the console", node, "a simulated node has no screen")) })
    }

    fn traffic(&self) -> Answer<'_, Traffic> {
        Box::pin(async move {
            self.look(|world| {
                world.map_or_else(Traffic::default, |world| Traffic {
                    per_sec: world.load(),
                    totals: world.load_totals(),
                    seconds: world.load_seconds(),
                    entries: world.load_entries(),
                    failover: world.failover(),
                    outage: world.outage(),
                    answered: std::collections::BTreeMap::new(),
                })
            })
        })
    }
}

/// The same lab gets the same seed, two labs side by side get two.
fn seed_of(folder: &LabFolder) -> u64 {
    let name = folder.path().file_name().map(std::ffi::OsStr::as_encoded_bytes).unwrap_or_default();
    name.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
