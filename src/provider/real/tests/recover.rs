//! Recovery of a cluster: which member begins it, who is started after it, and what is left alone.

use super::super::{
    fakes::{
        Trouble,
        bench::{Bench, Blind, OWNER, still},
    },
    live::Live,
    recover::{begin, recover},
};
use crate::{
    model::{Power, ServiceRef},
    provider::{Done, ProviderError, Retry},
};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Nodes that have a member of the cluster, and its service.
const MEMBERS: [(&str, &str); 4] = [("db1", "galera"), ("db2", "galera"), ("app1", "garbd"), ("app2", "garbd")];

/// The mini-cloud whose cluster has stopped as a whole: the data of these members goes so far, the others have never worked, and these
/// nodes are off.
async fn stopped(positions: &[(&str, i64)], off: &[&str]) -> Bench {
    let bench = Bench::deployed().await;
    for node in ["db1", "db2"] {
        let position = positions.iter().find(|(name, _)| *name == node);
        bench.machines.with(node, |there| {
            let guest = &mut there.guest;
            guest.memory.active.remove("mariadb.service");
            guest.positions.extend(position.map(|(_, position)| ("galera".to_owned(), *position)));
            guest.disk.files.retain(|path, _| position.is_some() || !path.ends_with("/galera/started"));
        });
    }
    for node in off {
        bench.machines.with(node, |there| (there.power, there.guest.memory) = (Power::Stopped, Default::default()));
    }
    bench.machines.calls().all.clear();
    bench
}

/// What was done to members, in order: `NODE WORD`.
fn done(bench: &Bench) -> Vec<String> {
    let words = [("value_of", "position"), ("service_start 'first'", "first"), ("service_start 'next'", "next"), ("units_stop", "stop")];
    let calls = bench.machines.calls();
    let streams = calls.all.iter().filter(|call| call.what == "stream");
    let word = |script: &str| words.iter().find(|(call, _)| script.contains(call)).map_or("else", |(_, word)| word);
    streams.map(|call| format!("{} {}", call.node.as_ref().unwrap(), word(&call.script))).collect()
}

/// Starts db1/galera of a lab as the first of its cluster.
async fn start_first(bench: &Bench) -> Result<Done, ProviderError> {
    let live: Arc<dyn Live> = Arc::new(Blind);
    let at: ServiceRef = "db1/galera".parse().unwrap();
    let (says, _said) = mpsc::channel(64);
    begin(&bench.core, &live, &at, &bench.wanted.services[&at], &says).await
}

async fn recovered(bench: &Bench) -> Result<Done, ProviderError> {
    let (says, _said) = mpsc::channel(64);
    recover(Arc::clone(&bench.core), Arc::new(Blind), "galera".parse().unwrap(), says).await
}

fn begun(positions: &[(&str, i64)], off: &[&str]) -> (Result<Done, ProviderError>, Vec<String>) {
    still(async {
        let bench = stopped(positions, off).await;
        (start_first(&bench).await, done(&bench))
    })
}

#[test]
fn a_new_cluster_is_begun_by_its_first_member() {
    let (ended, done) = begun(&[], &[]);
    assert_eq!((ended, done), (Ok(Done::Changed), vec!["db1 first".to_owned()]));
}

#[test]
fn a_cluster_that_has_worked_is_begun_by_whose_data_goes_furthest() {
    // The arbitrators' nodes are drawn after the databases, so they are still off.
    let (ended, done) = begun(&[("db1", 41), ("db2", 42)], &["app1", "app2", "lb"]);
    assert_eq!(ended, Ok(Done::Changed));
    let mut positions = done[..2].to_vec();
    positions.sort();
    assert_eq!(positions, ["db1 position", "db2 position"]);
    assert_eq!(done[2..], ["db2 first", "db1 next"]);
    // A member that was recreated has nothing that the others must take over.
    let (ended, done) = begun(&[("db2", 7)], &["app1", "app2", "lb"]);
    assert_eq!((ended, &done[2..]), (Ok(Done::Changed), &["db2 first".to_owned(), "db1 next".to_owned()][..]));
}

#[test]
fn arbitrators_that_run_are_stopped_first_and_started_last() {
    let (ended, done) = begun(&[("db1", 5), ("db2", 5)], &[]);
    assert_eq!(ended, Ok(Done::Changed));
    assert_eq!(done[..2], ["app1 stop", "app2 stop"]);
    assert_eq!(done[4..], ["db1 first", "db2 next", "app1 next", "app2 next"]);
}

#[test]
fn data_that_cannot_be_looked_at_is_not_left_behind() {
    let (ended, done) = begun(&[("db1", 41)], &["db2"]);
    let error = ended.unwrap_err();
    assert!(error.why.contains("db2 is not on") && error.next.contains("sandtable recover LAYOUT galera"), "{error:?}");
    assert_eq!(done, Vec::<String>::new(), "nothing is started");
}

#[test]
fn every_member_runs_after_a_recovery_and_a_second_one_changes_nothing() {
    still(async {
        let bench = stopped(&[("db1", 41), ("db2", 42)], &[]).await;
        assert_eq!(recovered(&bench).await, Ok(Done::Changed));
        for (node, slug) in MEMBERS {
            bench.machines.with(node, |there| assert_eq!(there.guest.health(slug), 0, "{node}/{slug}"));
        }
        let before = bench.machines.host().clone();
        assert_eq!(recovered(&bench).await, Ok(Done::AlreadySo));
        assert!(*bench.machines.host() == before);
    });
}

#[test]
fn a_cluster_that_works_in_part_is_left_alone() {
    still(async {
        let bench = stopped(&[("db1", 41), ("db2", 42)], &[]).await;
        bench.machines.with("db2", |there| there.guest.memory.active.insert("mariadb.service".into()));
        assert_eq!(recovered(&bench).await, Ok(Done::AlreadySo));
        assert_eq!(done(&bench), Vec::<String>::new());
        // As a step, the member that was to begin joins those that work.
        assert_eq!(start_first(&bench).await, Ok(Done::Changed));
        assert_eq!(done(&bench), ["db1 next"]);
    });
}

#[test]
fn a_member_that_does_not_answer_may_work_so_nothing_is_stopped() {
    still(async {
        let bench = stopped(&[("db1", 41), ("db2", 42)], &[]).await;
        let before = bench.machines.host().clone();
        bench.machines.with("db2", |there| there.is_unreachable = true);
        for ended in [recovered(&bench).await, start_first(&bench).await] {
            let error = ended.unwrap_err();
            assert!(error.why.contains("db2/galera does not answer") && error.retry == Retry::Worth, "{error:?}");
        }
        bench.machines.with("db2", |there| there.is_unreachable = false);
        assert!(*bench.machines.host() == before, "the arbitrators still vote");
        for trouble in [Trouble::Garbage, Trouble::Refused, Trouble::TimedOut] {
            bench.machines.trouble(move |_, call| (call.what == "run" && call.node.as_ref().unwrap() == "db1").then_some(trouble));
            assert!(recovered(&bench).await.is_err(), "{trouble:?}");
            assert!(*bench.machines.host() == before, "{trouble:?}");
        }
    });
}

#[test]
fn a_recovery_that_was_interrupted_is_completed_by_the_next() {
    still(async {
        for at in 0..40 {
            let bench = stopped(&[("db1", 41), ("db2", 42)], &[]).await;
            bench.machines.trouble(move |number, _| (number == at).then_some(Trouble::CutHalfway));
            let first = recovered(&bench).await;
            bench.machines.no_trouble();
            let again = recovered(&bench).await;
            assert!(again.is_ok(), "call {at}: {first:?}, then {again:?}");
            bench.machines.with("db2", |there| assert_eq!(there.guest.health("galera"), 0, "call {at}"));
        }
    });
}

#[test]
fn a_cluster_without_members_is_refused() {
    still(async {
        let bench = stopped(&[], &[]).await;
        bench.machines.host().machines.retain(|(owner, node), _| owner == OWNER && node.as_str() == "lb");
        let error = recovered(&bench).await.unwrap_err();
        assert!(error.why.contains("no member") && error.next.contains("status"), "{error:?}");
    });
}
