//! The mini-cloud on the simulator, through the runner: deployed, broken, healed, destroyed; the wall clock is the test's.

use super::*;
use crate::{
    catalog::Catalog,
    host::state::{LabFolder, StateFolder, Wait},
    model::{Health, Lab, Observed},
    plan::{Plan, desired, destroy, doubt, fixture::mini_cloud, plan},
    probe,
    provider::{
        FaultSelection, InjectOptions, Provider,
        sim::{SimProvider, WallClock},
    },
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

struct Bench {
    root: tempfile::TempDir,
    lab: Lab,
    wall_ms: Arc<AtomicU64>,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        Self { root: tempfile::tempdir().unwrap(), lab: mini_cloud(), wall_ms: Arc::new(AtomicU64::new(1_700_000_000_000)), runtime }
    }

    fn clock(&self) -> WallClock {
        let wall_ms = Arc::clone(&self.wall_ms);
        Arc::new(move || wall_ms.load(Ordering::Relaxed))
    }

    fn pass(&self, ms: u64) {
        self.wall_ms.fetch_add(ms, Ordering::Relaxed);
    }

    fn folder(&self) -> LabFolder {
        StateFolder::at(self.root.path()).lab("mini-cloud-1")
    }

    /// A provider as another process would make it: it knows only the folder.
    fn looking(&self) -> SimProvider {
        SimProvider::new(self.folder(), self.clock())
    }

    fn observe(&self) -> Observed {
        self.runtime.block_on(self.looking().observe()).unwrap()
    }

    fn holders(&self) -> Vec<String> {
        self.observe().vips.get("database").map(|vip| vip.holders.iter().map(ToString::to_string).collect()).unwrap_or_default()
    }

    fn run(&self, make: impl FnOnce(&Self, &Observed, &Journal) -> Plan) -> Ending {
        let locked = Arc::new(self.folder().lock(Wait::No).unwrap());
        let mut journal = Journal::open(&locked).unwrap();
        let provider: Arc<dyn Provider> = Arc::new(SimProvider::holding(Arc::clone(&locked), self.clock()));
        let (_canceller, cancel) = canceller();
        let (sender, mut receiver) = tokio::sync::mpsc::channel(16);
        self.runtime.block_on(async {
            let reader = tokio::spawn(async move { while receiver.recv().await.is_some() {} });
            provider.watch(&self.lab.flows).await.unwrap();
            let before = provider.observe().await.unwrap();
            let plan = make(self, &before, &journal);
            let ending = run(&plan, &before, &provider, &mut journal, &Options::default(), &cancel, &sender).await.unwrap();
            provider.settle(&|seen| probe::health(&self.lab, seen) == Health::Healthy, 60_000).await.unwrap();
            drop(sender);
            reader.await.unwrap();
            ending
        })
    }

    /// Deploys until this many steps have ended, and then as if the process were killed: nothing is saved or said any more.
    fn deploy_and_crash(&self, after_steps: usize) {
        let locked = Arc::new(self.folder().lock(Wait::No).unwrap());
        let mut journal = Journal::open(&locked).unwrap();
        let provider: Arc<dyn Provider> = Arc::new(SimProvider::holding(Arc::clone(&locked), self.clock()));
        let (_canceller, cancel) = canceller();
        let (sender, mut receiver) = tokio::sync::mpsc::channel(16);
        self.runtime.block_on(async {
            let before = provider.observe().await.unwrap();
            let plan = self.planned(&before, &journal);
            let options = Options::default();
            let crash = async {
                let mut ended = 0;
                while ended < after_steps {
                    ended += usize::from(matches!(receiver.recv().await, Some(Event::StepDone { .. })));
                }
            };
            tokio::select! {
                biased;
                () = crash => {}
                _ = run(&plan, &before, &provider, &mut journal, &options, &cancel, &sender) => panic!("it ended before step {after_steps}"),
            }
            // The runtime lets go of the steps that were under way, and with them of the lock.
            tokio::task::yield_now().await;
        });
    }

    fn planned(&self, before: &Observed, journal: &Journal) -> Plan {
        let catalog = Catalog::embedded();
        let doubted = doubt(before.clone(), &journal.unfinished());
        plan(&self.lab, catalog, &desired(&self.lab, catalog, &crate::plan::fixture::id()), &doubted)
    }

    fn deploy(&self) -> Ending {
        self.run(Self::planned)
    }
}

fn fault(text: &str) -> crate::model::Fault {
    text.parse().unwrap()
}

#[test]
fn the_mini_cloud_is_deployed_broken_healed_and_destroyed() {
    let bench = Bench::new();
    assert_eq!(bench.observe(), Observed::default(), "nothing is there yet, and looking makes nothing");
    assert!(!bench.folder().exists());
    assert_eq!(bench.deploy(), Ending::Done);
    let seen = bench.observe();
    let ill: Vec<_> = seen
        .nodes
        .iter()
        .flat_map(|(name, node)| node.services.iter().map(move |(service, there)| (name, service, there.health, &there.reason)))
        .filter(|(_, _, health, _)| *health != Health::Healthy)
        .collect();
    assert_eq!(probe::health(&bench.lab, &seen), Health::Healthy, "{ill:?} {:?}", seen.flows);
    assert_eq!(bench.holders(), ["db1"]);

    let provider = bench.looking();
    let id = bench.runtime.block_on(provider.inject(&fault("stop db1/galera"), InjectOptions::default())).unwrap();
    bench.pass(8_000);
    assert_eq!(bench.holders(), ["db2"], "another process sees the VIP move");
    let traffic = bench.runtime.block_on(bench.looking().traffic()).unwrap();
    let last = traffic.seconds.iter().rev().nth(1).unwrap();
    assert!(last.ok > 0 && last.failed == 0, "requests go on: {last:?}");
    assert_eq!(bench.observe().faults.len(), 1);
    let catalog = Catalog::embedded();
    let specs = desired(&bench.lab, catalog, &crate::plan::fixture::id());
    assert!(plan(&bench.lab, catalog, &specs, &bench.observe()).is_empty(), "a fault is nothing to deploy");

    let healed = bench.runtime.block_on(bench.looking().heal(FaultSelection::One(id))).unwrap();
    assert_eq!(healed.len(), 1);
    bench.pass(30_000);
    assert_eq!(probe::health(&bench.lab, &bench.observe()), Health::Healthy, "db1 rejoins");

    assert_eq!(bench.run(|_, before, _| destroy(before)), Ending::Done);
    assert!(bench.observe().is_empty());
    super::labs::forget(Arc::new(bench.folder().lock(Wait::No).unwrap())).unwrap();
    assert_eq!(StateFolder::at(bench.root.path()).labs().unwrap(), Vec::<String>::new());
}

#[test]
fn a_second_deployment_has_nothing_to_do_and_a_change_only_what_differs() {
    let mut bench = Bench::new();
    bench.deploy();
    let calls = |bench: &Bench| {
        let catalog = Catalog::embedded();
        let specs = desired(&bench.lab, catalog, &crate::plan::fixture::id());
        plan(&bench.lab, catalog, &specs, &bench.observe()).steps.iter().map(|step| step.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(calls(&bench), Vec::<String>::new());
    bench.lab.nodes[&"db1".parse::<crate::model::NodeName>().unwrap()].memory = 2048;
    assert_eq!(calls(&bench), ["power-off:db1", "change-machine:db1", "power-on:db1", "start:db1/galera"]);
    assert_eq!(bench.deploy(), Ending::Done);
    assert_eq!(calls(&bench), Vec::<String>::new());
    assert_eq!(probe::health(&bench.lab, &bench.observe()), Health::Healthy);
}

#[test]
fn a_deployment_that_was_killed_is_taken_up_by_the_next() {
    for after_steps in [1, 7, 20, 33] {
        let bench = Bench::new();
        bench.deploy_and_crash(after_steps);
        let journal = Journal::open(&bench.folder().lock(Wait::No).unwrap()).unwrap();
        assert!(journal.is_cut_off(), "after {after_steps} steps");
        assert_eq!(bench.deploy(), Ending::Done, "after {after_steps} steps");
        let seen = bench.observe();
        assert_eq!(probe::health(&bench.lab, &seen), Health::Healthy, "after {after_steps} steps");
        assert_eq!(seen.nodes.len(), bench.lab.nodes.len(), "nothing twice, nothing left over");
        let journal = Journal::open(&bench.folder().lock(Wait::No).unwrap()).unwrap();
        assert!(bench.planned(&seen, &journal).is_empty(), "after {after_steps} steps");
    }
}

#[test]
fn all_who_look_see_the_same_and_looking_changes_nothing() {
    let bench = Bench::new();
    bench.deploy();
    let world = || bench.folder().read(crate::provider::sim::WORLD_FILE).unwrap();
    let before = world();
    let one = bench.looking();
    for _ in 0..10 {
        bench.pass(700);
        let by_one = bench.runtime.block_on(one.observe()).unwrap();
        assert_eq!(by_one, bench.observe());
    }
    assert_eq!(world(), before);
    bench.runtime.block_on(bench.looking().inject(&fault("power-off db1"), InjectOptions::default())).unwrap();
    assert_eq!(bench.runtime.block_on(one.observe()).unwrap().faults.len(), 1, "who looked before sees what another did");
}

#[test]
fn a_lab_that_was_left_alone_for_a_year_is_looked_at_in_no_time() {
    let bench = Bench::new();
    bench.deploy();
    bench.pass(365 * 24 * 3_600_000);
    let seen = bench.observe();
    assert!(seen.at_ms >= 365 * 24 * 3_600_000);
    assert_eq!(probe::health(&bench.lab, &seen), Health::Healthy);
}

#[test]
fn what_is_not_deployed_cannot_be_broken_and_steps_need_the_lock() {
    let bench = Bench::new();
    let error = bench.runtime.block_on(bench.looking().inject(&fault("stop db1/galera"), InjectOptions::default())).unwrap_err();
    assert!(error.why.contains("not deployed"), "{error}");
    let action = crate::plan::Action::PowerOn { node: "db1".parse().unwrap() };
    let error = bench.runtime.block_on(bench.looking().act(&action, &|_| {})).unwrap_err();
    assert!(error.why.contains("lock"), "{error}");
    bench.deploy();
    let error = bench.runtime.block_on(bench.looking().inject(&fault("stop db9/galera"), InjectOptions::default()));
    assert!(error.unwrap_err().to_string().contains("db9"));
}
