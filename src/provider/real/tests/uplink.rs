//! Packages that nodes cannot get by themselves: fetched over an uplink that never stays open.

use super::super::{
    fakes::{
        Trouble,
        bench::{Bench, OWNER, still},
        host::Host,
    },
    provisioned,
};
use crate::{
    plan::{Action, fixture},
    provider::{Done, Retry},
};
use std::sync::Arc;

/// A lab up to the point where db1 runs, on a host whose nodes have no package source.
async fn offline(gives_uplinks: bool) -> (Bench, Action) {
    let bench = Bench::on(Host { is_offline: true, gives_uplinks, ..Host::default() }, fixture::mini_cloud());
    let plan = bench.plan();
    for step in &plan.steps {
        match &step.action {
            Action::Configure { node, .. } if node.as_str() == "db1" => return (bench, step.action.clone()),
            Action::CreateNetwork { .. } | Action::CreateMachine { .. } | Action::PowerOn { .. } => {
                assert_eq!(bench.act(&step.action).await, Ok(Done::Changed), "{}", step.id)
            }
            _ => {}
        }
    }
    panic!("db1 is not configured: {plan:?}")
}

/// Nodes that have an uplink or a route through it.
fn open(bench: &Bench) -> usize {
    let host = bench.machines.host();
    host.machines.iter().filter(|((owner, _), there)| owner == OWNER && (there.guest.has_card || there.guest.memory.uplink)).count()
}

#[test]
fn packages_come_over_an_uplink_that_is_gone_afterwards() {
    still(async {
        let (bench, configure) = offline(true).await;
        assert_eq!(bench.act(&configure).await, Ok(Done::Changed));
        bench.machines.with("db1", |there| assert!(there.guest.disk.packages.contains("mariadb-server")));
        assert_eq!(open(&bench), 0);
        assert_eq!(provisioned(Arc::clone(&bench.core)).await, Ok(Done::AlreadySo));
        let log = bench.state();
        assert!(log.contains("prove-that-the-uplink-is-gone"), "{log}");
    });
}

#[test]
fn without_an_uplink_the_missing_packages_are_named() {
    still(async {
        let (bench, configure) = offline(false).await;
        let error = bench.act(&configure).await.unwrap_err();
        assert!(error.why.contains("mariadb-server") && error.retry == Retry::Useless, "{error:?}");
        assert!(!bench.seen().nodes["db1"].configured);
    });
}

#[test]
fn no_uplink_stays_open_whatever_fails() {
    still(async {
        for trouble in Trouble::FAILURES {
            for at in 0..14 {
                let (bench, configure) = offline(true).await;
                let begin = bench.machines.calls().all.len();
                bench.machines.trouble(move |number, _| (number == begin + at).then_some(trouble));
                let first = bench.act(&configure).await;
                bench.machines.no_trouble();
                let again = bench.act(&configure).await;
                assert!(again.is_ok(), "{trouble:?} of call {at}: {first:?}, then {again:?}");
                provisioned(Arc::clone(&bench.core)).await.unwrap_or_else(|error| panic!("{trouble:?} of call {at}: {error}"));
                assert_eq!(open(&bench), 0, "{trouble:?} of call {at}");
            }
        }
    });
}

#[test]
fn an_uplink_that_a_killed_deployment_left_is_closed_by_the_next() {
    still(async {
        for is_running in [true, false] {
            let (bench, _) = offline(true).await;
            bench.machines.with("db1", |there| (there.guest.has_card, there.guest.memory.uplink) = (true, true));
            if !is_running {
                bench.act(&Action::PowerOff { node: "db1".parse().unwrap() }).await.unwrap();
            }
            let bench = bench.reopened();
            assert_eq!(provisioned(Arc::clone(&bench.core)).await, Ok(Done::Changed));
            assert_eq!(open(&bench), 0);
            assert_eq!(provisioned(Arc::clone(&bench.core)).await, Ok(Done::AlreadySo));
        }
    });
}
