//! The use cases on the simulator: what window and command line have in common.

use super::*;
use crate::{
    host::state::StateFolder,
    model::{Author, Lab, Power},
    plan::fixture::mini_cloud,
};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

struct Bench {
    root: tempfile::TempDir,
    clock: Arc<AtomicU64>,
}

impl Bench {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap(), clock: Arc::new(AtomicU64::new(1_700_000_000_000)) }
    }

    fn file(&self) -> PathBuf {
        let file = self.root.path().join("lab.ron");
        std::fs::write(&file, "x").unwrap();
        file
    }

    fn open(&self, lab: Lab) -> Session {
        let state = StateFolder::at(self.root.path().join("state"));
        let clock = Arc::clone(&self.clock);
        let provider = ProviderSelection::DeployedOr(ProviderId::Sim);
        Session::open(&state, &self.file(), lab, provider, Arc::new(move || clock.load(Ordering::Relaxed)), Arc::default()).unwrap()
    }

    fn deploy(&self, lab: Lab) -> Finished {
        let session = self.open(lab);
        let mut progress = |_| {};
        let mut monitor = Monitor::new(Cancel::default(), &mut progress);
        session.prepare_deploy(Extent::Full, &mut monitor).unwrap().run(&mut monitor).unwrap()
    }
}

#[test]
fn a_plan_names_its_observation_and_is_refused_when_it_is_stale() {
    let bench = Bench::new();
    let session = bench.open(mini_cloud());
    let approved = session.plan(Extent::Full).unwrap();
    assert_eq!(approved.plan.observed_at_ms, approved.observed.at_ms);
    let mut progress = |_| {};
    let mut monitor = Monitor::new(Cancel::default(), &mut progress);
    // Unchanged, it is as good as new, although time goes on.
    bench.clock.fetch_add(60_000, Ordering::Relaxed);
    drop(session.prepare_approved(&approved.plan, &mut monitor).unwrap());
    assert_eq!(bench.deploy(mini_cloud()).ending, Ending::Done, "another process deploys the lab meanwhile");
    let session = bench.open(mini_cloud());
    let Err(SessionError::StalePlan(fresh)) = session.prepare_approved(&approved.plan, &mut monitor) else { panic!("not refused") };
    assert!(fresh.is_empty() && !approved.plan.is_empty());
    assert!(session.prepare_approved(&fresh, &mut monitor).unwrap().run(&mut monitor).is_ok_and(|done| done.ending == Ending::Done));
}

#[test]
fn a_cancelled_deployment_ends_with_a_journal_and_can_be_undone_or_continued() {
    for continues in [false, true] {
        let bench = Bench::new();
        let session = bench.open(mini_cloud());
        let cancel = Cancel::default();
        let (mut begun, mut ended) = (0, 0);
        let (asked, mut progress) = (cancel.clone(), |progress: Progress| match progress {
            Progress::Run(RunEvent::StepStarted { .. }) => begun += 1,
            Progress::Run(RunEvent::StepDone { .. }) => {
                ended += 1;
                cancel.request();
            }
            _ => {}
        });
        let mut monitor = Monitor::new(asked, &mut progress);
        let prepared = session.prepare_deploy(Extent::Full, &mut monitor).unwrap();
        let steps = prepared.plan().steps.len();
        let finished = prepared.run(&mut monitor).unwrap();
        assert_eq!((finished.ending, finished.is_gone), (Ending::Stopped, false));
        assert!(begun == ended && (1..steps).contains(&ended), "steps under way are let end: {begun} {ended}");
        let session = bench.open(mini_cloud());
        assert!(session.is_deployed(), "the lab is recorded");
        if continues {
            assert_eq!(bench.deploy(mini_cloud()).ending, Ending::Done);
            continue;
        }
        let mut progress = |_| {};
        let mut monitor = Monitor::new(Cancel::default(), &mut progress);
        let undo = session.prepare_undo(&mut monitor).unwrap();
        assert!(!undo.deletes_unasked() && !undo.plan().is_empty());
        let undone = undo.run(&mut monitor).unwrap();
        assert!(undone.is_gone && undone.observed.is_empty());
        assert!(!session.folder.exists(), "nothing of it is left");
    }
}

#[test]
fn a_lab_that_cannot_be_planned_leaves_no_state_and_a_faulty_one_is_not_changed() {
    let bench = Bench::new();
    let mut broken = mini_cloud();
    let node = broken.nodes.get_mut("app1").unwrap();
    node.services.values_mut().for_each(|service| service.kind = "nonsense".parse().unwrap());
    let session = bench.open(broken);
    let mut progress = |_| {};
    let mut monitor = Monitor::new(Cancel::default(), &mut progress);
    let Err(SessionError::Unplannable(why)) = session.prepare_deploy(Extent::Full, &mut monitor) else { panic!("not refused") };
    assert!(!why.is_empty() && !session.folder.exists());

    assert_eq!(bench.deploy(mini_cloud()).ending, Ending::Done);
    let session = bench.open(mini_cloud());
    let options = InjectOptions { by: Author::CommandLine, ..InjectOptions::default() };
    assert!(matches!(session.inject(&"stop db9/galera".parse().unwrap(), options), Err(SessionError::UnknownTarget(_))));
    let id = session.inject(&"power-off db1".parse().unwrap(), options).unwrap();
    let mut smaller = mini_cloud();
    smaller.flows.clear();
    smaller.nodes.shift_remove("app1");
    let session = bench.open(smaller);
    let refused = session.prepare_deploy(Extent::Full, &mut monitor).err().unwrap();
    assert!(matches!(&refused, SessionError::Faulty(faults) if faults.len() == 1), "{refused}");
    assert!(matches!(session.heal(FaultSelection::One(id + 1)), Err(SessionError::NoFault { .. })));
    assert_eq!(session.heal(FaultSelection::All).unwrap().len(), 1);
}

#[test]
fn a_snapshot_is_taken_found_and_restored_by_the_same_names_everywhere() {
    let bench = Bench::new();
    assert_eq!(bench.deploy(mini_cloud()).ending, Ending::Done);
    let session = bench.open(mini_cloud());
    let mut progress = |_| {};
    let mut monitor = Monitor::new(Cancel::default(), &mut progress);
    let mut take = |task, node: &str| {
        let wanted = Snapshots { task, node: Some(node.to_owned()), name: None };
        let (_, prepared) = session.prepare_snapshots(&wanted, &mut monitor)?;
        prepared.run(&mut monitor).map(|done| done.observed.nodes[node].snapshots.clone())
    };
    assert_eq!(take(SnapshotTask::Take, "db1").unwrap(), ["db1-configured"]);
    assert!(matches!(take(SnapshotTask::Take, "db1"), Err(SessionError::SnapshotsExist(_))));
    assert_eq!(take(SnapshotTask::TakeNext, "db1").unwrap(), ["db1-configured", "db1-2"]);
    assert!(matches!(take(SnapshotTask::Take, "db9"), Err(SessionError::NoNode { nodes, .. }) if !nodes.is_empty()));
    let none = session.prepare_restore("db1", Some("other"), &mut monitor).err().unwrap();
    assert_eq!(none.to_string(), "db1 has no snapshot \"other\"; it has: db1-configured, db1-2");
    let (node, snapshot, prepared) = session.prepare_restore("db1", None, &mut monitor).unwrap();
    assert_eq!((node.as_str(), snapshot.as_str()), ("db1", "db1-configured"));
    let done = prepared.run(&mut monitor).unwrap();
    assert_eq!((done.ending, done.observed.nodes["db1"].power), (Ending::Done, Power::Running));
}

#[test]
fn logs_are_read_while_another_process_holds_the_lock() {
    use std::io::Write as _;
    let bench = Bench::new();
    bench.deploy(mini_cloud());
    let deploying = bench.open(mini_cloud());
    let locked = deploying.folder.lock(crate::host::state::Wait::No).unwrap();
    let mut log = locked.begin_below(&["logs", "db1"], "start-galera.log").unwrap();
    log.write_all(b"half of it\n").unwrap();
    let session = bench.open(mini_cloud());
    assert!(session.lock().is_err(), "a deployment runs");
    let read = || session.step_logs(&"db1".parse().unwrap()).unwrap().into_iter().map(|log| (log.step, log.text)).collect::<Vec<_>>();
    assert_eq!(read(), [("start-galera".to_owned(), "half of it\n".to_owned())]);
    log.write_all(b"the rest\n").unwrap();
    assert_eq!(read()[0].1, "half of it\nthe rest\n");
    assert!(session.step_logs(&"db2".parse().unwrap()).unwrap().is_empty());
}
