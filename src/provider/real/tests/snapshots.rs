//! Snapshots, and the metadata that belongs to them.

use super::super::fakes::{
    Trouble,
    bench::{BEGIN_MS, Bench, still},
};
use crate::{
    model::{NodeName, Power},
    plan::Action,
    provider::Done,
};
use std::time::Duration;
use tokio::time::sleep;

const KEPT: &str = "before";

fn take(node: &str) -> Action {
    Action::TakeSnapshot { node: node.parse().unwrap(), snapshot: KEPT.into() }
}

fn restore(node: &str) -> Action {
    Action::RestoreSnapshot { node: node.parse().unwrap(), snapshot: KEPT.into() }
}

/// Removes the service of lb, as a later deployment would.
async fn remove_haproxy(bench: &Bench) {
    let action = Action::RemoveService { node: "lb".parse().unwrap(), service: "haproxy".parse().unwrap() };
    assert_eq!(bench.act(&action).await, Ok(Done::Changed));
    assert_eq!(services(bench), 0);
}

fn services(bench: &Bench) -> usize {
    bench.seen().nodes["lb"].services.len()
}

#[test]
fn a_node_goes_back_with_its_metadata_whatever_the_hypervisor_keeps() {
    for holds_notes in [false, true] {
        still(async {
            let bench = Bench::deployed().await;
            bench.machines.host().snapshots_hold_notes = holds_notes;
            assert_eq!(bench.act(&take("lb")).await, Ok(Done::Changed));
            let before = bench.machines.with("lb", |there| there.clone());
            remove_haproxy(&bench).await;
            assert_eq!(bench.act(&restore("lb")).await, Ok(Done::Changed));
            bench.machines.with("lb", |there| {
                assert_eq!(there.notes, before.notes);
                assert_eq!(there.guest.disk, before.guest.disk);
            });
            assert_eq!(bench.drift(), Vec::<String>::new());
        });
    }
}

#[test]
fn metadata_is_saved_before_the_snapshot_so_an_answer_that_was_lost_loses_nothing() {
    for trouble in Trouble::FAILURES {
        still(async {
            let bench = Bench::deployed().await;
            bench.act_again(&take("lb"), "act", trouble).await.unwrap();
            remove_haproxy(&bench).await;
            bench.act(&restore("lb")).await.unwrap();
            assert_eq!(services(&bench), 1, "{trouble:?}: haproxy is there again and must be known");
        });
    }
}

#[test]
fn a_second_snapshot_of_the_same_name_leaves_the_first_and_its_metadata() {
    still(async {
        let bench = Bench::deployed().await;
        bench.act(&take("lb")).await.unwrap();
        remove_haproxy(&bench).await;
        assert_eq!(bench.act(&take("lb")).await, Ok(Done::AlreadySo));
        bench.act(&restore("lb")).await.unwrap();
        assert_eq!(services(&bench), 1, "the first snapshot has haproxy");
        // One that was deleted makes room for another.
        let delete = Action::DeleteSnapshot { node: "lb".parse().unwrap(), snapshot: KEPT.into() };
        assert_eq!(bench.act(&delete).await, Ok(Done::Changed));
        assert_eq!(bench.act(&delete).await, Ok(Done::AlreadySo));
        remove_haproxy(&bench).await;
        assert_eq!(bench.act(&take("lb")).await, Ok(Done::Changed));
        bench.act(&restore("lb")).await.unwrap();
        assert_eq!(services(&bench), 0, "the second one has not");
    });
}

#[test]
fn what_is_deleted_leaves_no_metadata() {
    still(async {
        let bench = Bench::deployed().await;
        let folder = bench.core.folder.path().join("snapshots");
        let named = |node: &str, snapshot: &str| Action::TakeSnapshot { node: node.parse().unwrap(), snapshot: snapshot.into() };
        for action in [take("lb"), named("lb", "Later on"), take("db1"), named("db1", "more")] {
            bench.act(&action).await.unwrap();
        }
        let delete = |node: &str, snapshot: &str| Action::DeleteSnapshot { node: node.parse().unwrap(), snapshot: snapshot.into() };
        bench.machines.fail_next("act", Trouble::Refused);
        bench.act(&delete("lb", KEPT)).await.unwrap_err();
        assert!(folder.join("lb/before.json").exists(), "the snapshot is still there");
        bench.act(&delete("lb", KEPT)).await.unwrap();
        assert_eq!(std::fs::read_dir(folder.join("lb")).unwrap().count(), 1, "the other one keeps its own");
        bench.act(&delete("lb", "Later on")).await.unwrap();
        assert!(!folder.join("lb").exists());
        bench.act(&Action::DeleteMachine { node: "db1".parse().unwrap() }).await.unwrap();
        assert!(!folder.exists(), "with the machine, and the last of all");
        assert_eq!(bench.act(&delete("lb", KEPT)).await, Ok(Done::AlreadySo));
    });
}

#[test]
fn a_restore_that_is_interrupted_leaves_no_node_that_only_seems_to_be_set_up() {
    still(async {
        let bench = Bench::deployed().await;
        remove_haproxy(&bench).await;
        bench.act(&take("lb")).await.unwrap();
        let plan = bench.plan();
        for step in &plan.steps {
            bench.act(&step.action).await.unwrap();
        }
        assert_eq!(services(&bench), 1);
        bench.machines.fail_next("act", Trouble::AnswerLost);
        bench.act(&restore("lb")).await.unwrap_err();
        bench.machines.no_trouble();
        // As if Sandtable were killed now: the disk has no haproxy, and nothing may say that it has.
        assert_eq!(services(&bench), 0);
        bench.act(&restore("lb")).await.unwrap();
        assert!(bench.seen().nodes["lb"].configured, "the metadata of the snapshot is back");
    });
}

#[test]
fn a_snapshot_that_is_missing_is_refused_and_nothing_is_changed() {
    still(async {
        let bench = Bench::deployed().await;
        let before = bench.machines.host().clone();
        let error = bench.act(&restore("lb")).await.unwrap_err();
        assert!(error.why.contains("no such snapshot"), "{error}");
        assert!(*bench.machines.host() == before);
    });
}

#[test]
fn the_clock_of_a_running_machine_is_set_after_a_restore_and_a_stopped_one_stays_off() {
    still(async {
        let bench = Bench::deployed().await;
        for node in ["db1", "db2"] {
            bench.act(&take(node)).await.unwrap();
        }
        let off = Action::PowerOff { node: "db2".parse().unwrap() };
        bench.act(&off).await.unwrap();
        sleep(Duration::from_secs(3600)).await;
        for node in ["db1", "db2"] {
            bench.act(&restore(node)).await.unwrap();
        }
        bench.machines.with("db1", |there| {
            assert!(there.guest.clock_ahead_ms.abs() <= 2000, "an hour ago it was {BEGIN_MS}; off by {} ms", there.guest.clock_ahead_ms);
            assert_eq!(there.power, Power::Running);
        });
        let node: NodeName = "db2".parse().unwrap();
        assert_eq!(bench.seen().nodes[&node].power, Power::Stopped);
        let calls = bench.machines.calls().all.iter().rev().take_while(|call| call.what != "act").filter(|call| call.what == "run").count();
        assert_eq!(calls, 0, "a stopped machine is asked nothing");
    });
}

#[test]
fn a_snapshot_that_another_program_took_has_no_metadata() {
    still(async {
        let bench = Bench::deployed().await;
        bench.act(&take("lb")).await.unwrap();
        std::fs::remove_dir_all(bench.core.folder.path().join("snapshots")).unwrap();
        bench.act(&restore("lb")).await.unwrap();
        assert!(!bench.seen().nodes["lb"].configured);
        // The next deployment sets it up again and finds most of it done.
        for step in bench.plan().steps {
            bench.act(&step.action).await.unwrap_or_else(|error| panic!("{}: {error}", step.id));
        }
        assert_eq!(bench.drift(), Vec::<String>::new());
    });
}
