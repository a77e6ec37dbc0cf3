//! Watching the nodes: one stream a node that lives on between calls, and what they say kept in the book.
//!
//! A stream that breaks is begun anew, later each time. Nothing here waits for a node that hangs.

use super::{
    core::Core,
    inject,
    live::Live,
    load::Load,
    notes,
    outside::{self, Outside},
};
use crate::{
    model::{ActiveFault, Fault, Flow, NodeName, Observed, Power, Prediction},
    probe::{
        book::Book,
        record,
        tries::{Beyond, tries},
    },
    provider::{
        Answer, FaultSelection, InjectOptions, ProviderError, Traffic,
        machines::Below,
        transport::{Command, Line},
    },
    provision::{observe, slug},
    sim::EventKind,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc},
    task::{AbortHandle, JoinHandle},
    time::{Instant, sleep, timeout},
};

/// The flows that are tried, in the lab's state folder.
const FLOWS_FILE: &str = "flows.json";
/// How long whoever looks first waits until every node has said something, and until each that speaks has said all that it says.
const FIRST_WORD: Duration = Duration::from_millis(2800);
const FIRST_LOOK: Duration = Duration::from_secs(6);
/// Nodes that can begin to speak within those times; more take their times as often as they are that many more.
const AT_ONCE: usize = 20;
/// The longest silence of a stream. What is said too seldom is old long before (`probe::pace`); a frozen node
/// may speak again.
const SILENCE: Duration = Duration::from_secs(30);
/// Lines of a stream that may wait to be read.
const LINES_MAX: usize = 256;
/// The least and the most time between two attempts to watch a node.
const AGAIN: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(5));

/// What watches the nodes of one lab, and breaks them. Call it on a runtime: it spawns there.
pub fn watch(core: Arc<Core>) -> Arc<dyn Live> {
    Arc::new(Watch::new(core))
}

/// A node's stream.
struct Stream {
    /// What is run there: another text is another stream.
    text: String,
    since: Instant,
    task: AbortHandle,
}

/// What tasks and callers share.
pub(super) struct Shared {
    pub(super) core: Arc<Core>,
    pub(super) book: Mutex<Book>,
    /// Somebody said something.
    pub(super) heard: Notify,
    /// The streams, by node; a record of another stream than this says nothing any more.
    numbers: Mutex<BTreeMap<NodeName, u64>>,
}

impl Shared {
    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        // A panic elsewhere left at worst one record half taken.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The watch of one lab.
pub(super) struct Watch {
    pub(super) shared: Arc<Shared>,
    state: Mutex<State>,
    pub(super) load: Load,
}

#[derive(Default)]
struct State {
    streams: BTreeMap<NodeName, Stream>,
    outside: Option<(Vec<Outside>, JoinHandle<()>)>,
    /// Who hears what the hypervisor tells of these nodes.
    told: Option<(Vec<NodeName>, AbortHandle)>,
    /// The flows, and the stamp of the file that they were read from.
    flows: Vec<Flow>,
    stamp: Option<crate::host::state::Stamp>,
    count: u64,
    faults: Option<Vec<ActiveFault>>,
}

impl Watch {
    pub(super) fn new(core: Arc<Core>) -> Self {
        let shared = Shared { core, book: Mutex::default(), heard: Notify::new(), numbers: Mutex::default() };
        Self { shared: Arc::new(shared), state: Mutex::default(), load: Load::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.shared.core
    }

    /// The flows of the contract as they were said last, by whatever process.
    pub(super) fn flows(&self) -> Vec<Flow> {
        let mut state = self.state();
        let stamp = self.core().folder.stamp(FLOWS_FILE);
        if state.stamp != stamp || (stamp.is_none() && state.flows.is_empty()) {
            state.flows = self.read_flows().unwrap_or_else(|why| {
                let path = self.core().folder.path().join(FLOWS_FILE);
                tracing::warn!("{}: {why}; no flow is tried until the lab is deployed again, which writes it", path.display());
                Vec::new()
            });
            state.stamp = stamp;
        }
        state.flows.clone()
    }

    fn read_flows(&self) -> Result<Vec<Flow>, String> {
        match self.core().folder.read(FLOWS_FILE).map_err(|error| error.to_string())? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
            None => Ok(Vec::new()),
        }
    }

    /// Has every running node watched for what is set up now. Gives when the last stream began that has not said all yet.
    fn follow(&self, below: &Below, seen: &Observed) {
        let flows = self.flows();
        let machines = &self.core().machines;
        let beyond = Beyond { outside: &|flow| machines.outside(flow, below), beyond: &|from| machines.beyond(from, below) };
        let found = tries(&flows, seen, self.core().catalog, &beyond);
        self.shared.book().learn(seen, &flows, found.clone(), &slug);
        let mut state = self.state();
        let state = &mut *state;
        let wanted = |node: &NodeName| seen.nodes.get(node).is_some_and(|there| there.power == Power::Running && there.configured);
        state.streams.retain(|node, stream| {
            // A frozen node goes on speaking in the very moment in which it is let run: two holders of a VIP are seen then.
            let stays = wanted(node) || seen.nodes.get(node).is_some_and(|there| there.power == Power::Paused);
            if !stays {
                stream.task.abort();
                self.numbers().remove(node);
            }
            stays
        });
        for node in seen.nodes.keys().filter(|node| wanted(node)) {
            let text = observe::watching(node, &found, seen);
            if state.streams.get(node).is_some_and(|stream| stream.text == text && !stream.task.is_finished()) {
                continue;
            }
            if let Some(old) = state.streams.remove(node) {
                old.task.abort();
            }
            state.count += 1;
            let number = state.count;
            self.numbers().insert(node.clone(), number);
            let task = tokio::spawn(stream(Arc::clone(&self.shared), node.clone(), text.clone(), number)).abort_handle();
            state.streams.insert(node.clone(), Stream { text, since: Instant::now(), task });
        }
        if state.told.as_ref().is_none_or(|(nodes, _)| !nodes.iter().eq(seen.nodes.keys())) {
            if let Some((_, task)) = state.told.take() {
                task.abort();
            }
            let nodes: Vec<NodeName> = seen.nodes.keys().cloned().collect();
            let task = tokio::spawn(told(Arc::clone(self.core()), nodes.clone())).abort_handle();
            state.told = Some((nodes, task));
        }
        let outside = outside::of(&found, &flows, seen, self.core().catalog);
        if state.outside.as_ref().is_none_or(|(known, task)| *known != outside || task.is_finished()) {
            if let Some((_, task)) = state.outside.take() {
                task.abort();
            }
            let task = tokio::spawn(outside::probe(Arc::clone(&self.shared), outside.clone()));
            state.outside = Some((outside, task));
        }
    }

    fn numbers(&self) -> MutexGuard<'_, BTreeMap<NodeName, u64>> {
        self.shared.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where requests from outside come in.
    pub(super) fn entries(&self) -> Vec<Outside> {
        self.state().outside.as_ref().map(|(all, _)| all.clone()).unwrap_or_default()
    }

    /// Whether every node whose stream is new has said all that it says, and every flow was tried.
    fn has_said_all(&self) -> bool {
        let now_ms = self.core().now_ms();
        let state = self.state();
        let slowness = self.core().slowness() * times_as_long(state.streams.len());
        let book = self.shared.book();
        let fresh: Vec<&NodeName> = state
            .streams
            .iter()
            .filter(|(node, it)| {
                let age = it.since.elapsed();
                age < FIRST_WORD * slowness || (age < FIRST_LOOK * slowness && book.speaks(node, now_ms))
            })
            .map(|(node, _)| node)
            .collect();
        fresh.is_empty() || (fresh.into_iter().all(|node| book.is_known(node, now_ms)) && book.knows_flows())
    }

    /// Waits for those who have just begun to speak.
    async fn first_words(&self) {
        let all = async {
            loop {
                let heard = self.shared.heard.notified();
                if self.has_said_all() {
                    return;
                }
                // Those who stay silent have their time too.
                let _waited = timeout(Duration::from_millis(100), heard).await;
            }
        };
        let slowness = self.core().slowness() * times_as_long(self.state().streams.len());
        let _late = timeout(FIRST_LOOK * slowness, all).await;
    }

    /// Tells what others have broken and mended since the last look.
    fn tell_faults(&self, faults: &[ActiveFault], now_ms: u64) {
        let before = self.state().faults.replace(faults.to_vec());
        let Some(before) = before else { return };
        let mut book = self.shared.book();
        for fault in faults.iter().filter(|fault| !before.iter().any(|old| old.id == fault.id)) {
            book.tell(fault.since_ms, crate::fault::told_about(&fault.fault), EventKind::Injected, fault.fault.to_string());
        }
        for fault in before.iter().filter(|old| !faults.iter().any(|fault| fault.id == old.id)) {
            book.tell(now_ms, crate::fault::told_about(&fault.fault), EventKind::Healed, fault.fault.to_string());
        }
    }

    /// Looks into the nodes, and fills in what they say.
    ///
    /// # Errors
    /// Where it cannot be read what is broken on purpose.
    pub(super) async fn look(&self, below: &Below, seen: &mut Observed) -> Result<(), ProviderError> {
        let began = Instant::now();
        self.follow(below, seen);
        self.first_words().await;
        seen.at_ms = self.core().now_ms();
        seen.faults = inject::active(self.core())?;
        self.tell_faults(&seen.faults, seen.at_ms);
        self.shared.book().fill(seen);
        inject::forget_over(self.core(), seen);
        tracing::trace!(took_ms = began.elapsed().as_millis(), "a look");
        Ok(())
    }

    /// What is known of the lab without a look into its nodes, and that look as far as it goes now.
    pub(super) async fn known(&self) -> Result<(Arc<Below>, Observed), ProviderError> {
        let below = self.core().below().await?;
        let seen = notes::seen(&below, self.core().now_ms());
        Ok((below, seen))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        state.streams.values().for_each(|stream| stream.task.abort());
        if let Some((_, task)) = state.outside.take() {
            task.abort();
        }
        if let Some((_, task)) = state.told.take() {
            task.abort();
        }
    }
}

impl Live for Watch {
    fn see(&self, below: Arc<Below>, mut seen: Observed) -> Answer<'_, Observed> {
        Box::pin(async move {
            self.look(&below, &mut seen).await?;
            Ok(seen)
        })
    }

    fn watch<'a>(&'a self, flows: &'a [Flow]) -> Answer<'a, ()> {
        Box::pin(async move {
            if self.flows() != flows {
                let bytes = serde_json::to_vec(flows).unwrap_or_default();
                self.core().locked(|locked| locked.write(FLOWS_FILE, &bytes))?;
            }
            Ok(())
        })
    }

    fn touched(&self, node: &NodeName) {
        self.shared.book().touched(node);
    }

    fn inject<'a>(&'a self, fault: &'a Fault, options: InjectOptions) -> Answer<'a, u64> {
        Box::pin(inject::inject(self, fault, options))
    }

    fn heal(&self, which: FaultSelection) -> Answer<'_, Vec<ActiveFault>> {
        Box::pin(inject::heal(self, which))
    }

    fn predict<'a>(&'a self, fault: &'a Fault, lasts_ms: Option<u64>) -> Answer<'a, Option<Prediction>> {
        Box::pin(inject::predict(self, fault, lasts_ms))
    }

    fn traffic(&self) -> Answer<'_, Traffic> {
        Box::pin(async { Ok(self.load.traffic(&self.shared.book().events(), self.core().now_ms())) })
    }

    fn set_load(&self, per_sec: u32) -> Answer<'_, ()> {
        Box::pin(async move {
            if per_sec > 0 && self.entries().is_empty() {
                let (below, seen) = self.known().await?;
                self.follow(&below, &seen);
            }
            self.load.set(per_sec, self.entries(), Arc::clone(&self.shared));
            Ok(())
        })
    }
}

/// How many times as long it takes until so many nodes have begun to speak.
fn times_as_long(nodes: usize) -> u32 {
    u32::try_from(nodes.div_ceil(AT_ONCE)).unwrap_or(u32::MAX).clamp(1, 10)
}

/// Hears what the hypervisor tells for as long as somebody wants to know; one that does not tell says so at once.
async fn told(core: Arc<Core>, nodes: Vec<NodeName>) {
    while let Err(error) = core.told_below(&nodes).await {
        tracing::debug!("listening below the guests: {error}");
        sleep(AGAIN.1).await;
    }
}

/// Watches one node for as long as somebody wants to know.
async fn stream(shared: Arc<Shared>, node: NodeName, text: String, number: u64) {
    let mut again = AGAIN.0;
    loop {
        let began = Instant::now();
        if let Err(error) = listen(&shared, &node, &text, number).await {
            tracing::debug!(%node, "watching: {error}");
        }
        // One that held for a while is begun anew at once.
        again = if began.elapsed() > AGAIN.1 { AGAIN.0 } else { (again * 2).min(AGAIN.1) };
        sleep(again).await;
    }
}

async fn listen(shared: &Shared, node: &NodeName, text: &str, number: u64) -> Result<(), ProviderError> {
    let transport = shared.core.transport(node).await?;
    let command = Command { argv: observe::SHELL.map(str::to_owned).to_vec(), stdin: text.as_bytes().to_vec(), timeout: SILENCE };
    let (sender, mut lines) = mpsc::channel(LINES_MAX);
    let take = async {
        while let Some(line) = lines.recv().await {
            let Line::Out(line) = line else { continue };
            tracing::trace!(%node, line, "said");
            let Some(numbered) = record::read(&line) else { continue };
            let is_current = shared.numbers.lock().unwrap_or_else(PoisonError::into_inner).get(node) == Some(&number);
            if !is_current {
                return;
            }
            shared.book().take(node, numbered, shared.core.now_ms(), (shared.core.clock)() / 1000);
            shared.heard.notify_waiters();
        }
    };
    let (ended, ()) = tokio::join!(transport.stream(command, sender), take);
    ended.map(drop)
}
