//! A lab on fake machines, with its state folder and a clock that the test moves.

use super::{FakeMachines, Trouble, host::Host};
use crate::{
    catalog::Catalog,
    host::state::{LabFolder, Locked, StateFolder, Wait},
    model::{ActiveFault, Fault, Flow, Lab, NodeName, Observed, Prediction},
    plan::{self, Action, Desired, LabId, desired, fixture},
    provider::{
        Answer, Done, FaultSelection, InjectOptions, ProviderError, Traffic,
        machines::Below,
        real::{
            Core, Hold, act,
            live::Live,
            notes,
            watch::{Shared, Watch},
        },
        sim::WallClock,
    },
    sim::Event,
};
use std::{
    future::Future,
    sync::{Arc, Mutex, OnceLock},
};
use tokio::{sync::mpsc, time::Instant};

/// When tests begin, in milliseconds since 1970.
pub(crate) const BEGIN_MS: u64 = 1_800_000_000_000;
/// The ownership tag of the lab.
pub(crate) const OWNER: &str = "ours";
/// Lines of a step that may wait.
const SAYS_MAX: usize = 1024;

/// A file of the lab's state folder: its name and content.
type StateFile = (String, Vec<u8>);

/// Runs a test whose clock stands still: it goes on only while everything waits.
pub(crate) fn still<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(test)
}

/// A clock that goes with the runtime's.
pub(crate) fn clock() -> WallClock {
    let begin = Instant::now();
    Arc::new(move || BEGIN_MS + u64::try_from(begin.elapsed().as_millis()).unwrap())
}

/// A lab.
pub(crate) struct Bench {
    pub(crate) machines: FakeMachines,
    pub(crate) core: Arc<Core>,
    pub(crate) lab: Lab,
    pub(crate) wanted: Desired,
    first: OnceLock<Arc<Shared>>,
    root: tempfile::TempDir,
}

impl Bench {
    /// The mini-cloud on an empty host. Call it on a runtime.
    pub(crate) fn new() -> Self {
        Self::on(Host::default(), fixture::mini_cloud())
    }

    /// A lab on a host.
    pub(crate) fn on(host: Host, lab: Lab) -> Self {
        let root = tempfile::tempdir().unwrap();
        let wanted = desired(&lab, Catalog::embedded(), &fixture::id());
        let machines = FakeMachines::new(OWNER, Arc::new(Mutex::new(host)), clock());
        let locked = Arc::new(folder(&root).lock(Wait::No).unwrap());
        let core = core(&machines, &locked);
        Self { machines, core, lab, wanted, first: OnceLock::new(), root }
    }

    /// The mini-cloud, deployed. It is deployed once and copied from then on.
    pub(crate) async fn deployed() -> Self {
        static DEPLOYED: OnceLock<(Host, Vec<StateFile>)> = OnceLock::new();
        const STATE: [&str; 3] = ["secrets.json", "faults.json", "since"];
        if let Some((host, files)) = DEPLOYED.get() {
            let bench = Self::on(host.clone(), fixture::mini_cloud());
            files.iter().for_each(|(name, bytes)| bench.core.locked(|locked| locked.write(name, bytes)).unwrap());
            return bench;
        }
        let bench = Self::new();
        bench.deploy().await;
        let files = STATE.map(|name| (name.to_owned(), bench.core.folder.read(name).unwrap().unwrap()));
        let _another_was_quicker = DEPLOYED.set((bench.machines.host().clone(), files.to_vec()));
        bench
    }

    /// The plan from what is there to what is drawn.
    pub(crate) fn plan(&self) -> plan::Plan {
        plan::plan(&self.lab, Catalog::embedded(), &self.wanted, &self.seen())
    }

    /// Does all that the plan asks for, without trouble.
    pub(crate) async fn deploy(&self) {
        for step in self.plan().steps {
            self.act(&step.action).await.unwrap_or_else(|error| panic!("{}: {error}", step.id));
        }
    }

    /// The steps that are left, but for starting services: whether they run is not observed here.
    pub(crate) fn drift(&self) -> Vec<String> {
        let steps = self.plan().steps.into_iter();
        steps.filter(|step| !matches!(step.action, Action::StartService { .. })).map(|step| step.id.to_string()).collect()
    }

    /// What is there without a look into the nodes.
    pub(crate) fn seen(&self) -> Observed {
        notes::seen(&self.machines.host().below(OWNER), self.core.now_ms())
    }

    /// Does one step.
    pub(crate) async fn act(&self, action: &Action) -> Result<Done, ProviderError> {
        let (says, _said) = mpsc::channel(SAYS_MAX);
        act::act(Arc::clone(&self.core), Arc::new(Blind), action.clone(), says).await
    }

    /// Does one step in trouble, then again without.
    pub(crate) async fn act_again(&self, action: &Action, what: &'static str, trouble: Trouble) -> Result<Done, ProviderError> {
        self.machines.fail_next(what, trouble);
        let failed = self.act(action).await;
        assert!(failed.is_err(), "{action:?} did not notice {trouble:?} of {what}");
        self.machines.no_trouble();
        self.act(action).await
    }

    /// What watches the nodes and breaks them.
    pub(crate) fn live(&self) -> Arc<dyn Live> {
        let watch = Watch::new(Arc::clone(&self.core));
        let _another_was_first = self.first.set(Arc::clone(&watch.shared));
        Arc::new(watch)
    }

    /// What the first that watches the nodes has noted, in order.
    pub(crate) fn told(&self) -> Vec<Event> {
        self.first.get().unwrap().book().events()
    }

    /// Looks into the nodes.
    pub(crate) async fn look(&self, live: &Arc<dyn Live>) -> Result<Observed, ProviderError> {
        let below = self.core.below().await?;
        let seen = notes::seen(&below, self.core.now_ms());
        live.see(below, seen).await
    }

    /// Everything that Sandtable wrote in the lab's state folder, as text.
    pub(crate) fn state(&self) -> String {
        text_below(folder(&self.root).path())
    }

    /// As another process finds the lab.
    pub(crate) fn reopened(self) -> Self {
        let Self { machines, core, lab, wanted, first, root } = self;
        drop((core, first));
        let locked = Arc::new(folder(&root).lock(Wait::No).unwrap());
        let core = self::core(&machines, &locked);
        Self { machines, core, lab, wanted, first: OnceLock::new(), root }
    }
}

/// What the parts of a provider share, for one who holds the lab's lock.
pub(crate) fn core(machines: &FakeMachines, locked: &Arc<Locked>) -> Arc<Core> {
    Arc::new(core_of(machines, locked, fixture::id()))
}

/// Likewise, not yet shared.
pub(crate) fn core_of(machines: &FakeMachines, locked: &Arc<Locked>, id: LabId) -> Core {
    let (folder, hold) = (locked.folder().clone(), Hold::Whole(Arc::clone(locked)));
    Core::new(Arc::new(machines.clone()), folder, id, "Mini cloud".into(), Arc::clone(&machines.0.clock), hold)
}

fn folder(root: &tempfile::TempDir) -> LabFolder {
    StateFolder::at(root.path()).lab("lab-1")
}

fn text_below(folder: &std::path::Path) -> String {
    let mut text = String::new();
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            text.push_str(&text_below(&path));
        } else {
            text.push_str(&format!("{}:\n{}\n", path.display(), String::from_utf8_lossy(&std::fs::read(&path).unwrap())));
        }
    }
    text
}

/// Looks into no node.
pub(crate) struct Blind;

impl Live for Blind {
    fn see(&self, _: Arc<Below>, seen: Observed) -> Answer<'_, Observed> {
        Box::pin(async move { Ok(seen) })
    }
    fn watch<'a>(&'a self, _: &'a [Flow]) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }
    fn touched(&self, _: &NodeName) {}
    fn inject<'a>(&'a self, _: &'a Fault, _: InjectOptions) -> Answer<'a, u64> {
        Box::pin(async { Ok(0) })
    }
    fn heal(&self, _: FaultSelection) -> Answer<'_, Vec<ActiveFault>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn predict<'a>(&'a self, _: &'a Fault, _: Option<u64>) -> Answer<'a, Option<Prediction>> {
        Box::pin(async { Ok(None) })
    }
    fn traffic(&self) -> Answer<'_, Traffic> {
        Box::pin(async { Ok(Traffic::default()) })
    }
    fn set_load(&self, _: u32) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}
