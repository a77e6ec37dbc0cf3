//! Watching nodes: what changes is told once, what is slow changes nothing, and what does not answer is unknown.

use super::super::{
    fakes::{
        Trouble,
        bench::{Bench, OWNER, still},
    },
    live::Live,
};
use crate::{
    model::{EventKind, Health, NodeName, Observed, Power, ServiceRef},
    plan::Action,
    provider::InjectOptions,
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// A deployed lab that was looked at.
async fn watched() -> (Bench, Arc<dyn Live>) {
    let bench = Bench::deployed().await;
    let live = bench.live();
    live.watch(&bench.lab.flows).await.unwrap();
    bench.look(&live).await.unwrap();
    (bench, live)
}

/// Lets so many seconds pass, looking at the lab meanwhile as the window does.
async fn pass(bench: &Bench, live: &Arc<dyn Live>, secs: u64) -> Observed {
    for _ in 0..secs {
        sleep(Duration::from_secs(1)).await;
        bench.look(live).await.unwrap();
    }
    bench.look(live).await.unwrap()
}

fn health(seen: &Observed, at: &str) -> Health {
    let at: ServiceRef = at.parse().unwrap();
    seen.nodes[&at.node].services[&at.service].health
}

fn holders(seen: &Observed) -> Vec<String> {
    seen.vips["database"].holders.iter().map(ToString::to_string).collect()
}

/// What happened since, without what was broken on purpose.
fn told(bench: &Bench) -> Vec<(EventKind, String)> {
    bench.told().into_iter().map(|event| (event.kind, event.text)).collect()
}

#[test]
fn the_first_look_knows_everything_and_tells_nothing() {
    still(async {
        let began = Instant::now();
        let (bench, live) = watched().await;
        let seen = bench.look(&live).await.unwrap();
        for (at, _) in &bench.wanted.services {
            assert_eq!(health(&seen, &at.to_string()), Health::Healthy, "{at}");
        }
        assert_eq!(holders(&seen), ["db1"]);
        assert!(seen.nodes.values().all(|node| node.power == Power::Running));
        assert_eq!(told(&bench), []);
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        let inside = |flow: &&crate::model::ObservedFlow| flow.id.from.node().is_some();
        let unhealthy: Vec<_> = seen.flows.iter().filter(inside).filter(|flow| flow.health != Health::Healthy).collect();
        assert!(unhealthy.is_empty(), "{unhealthy:?}");
    });
}

#[test]
fn each_change_is_told_once() {
    still(async {
        let (bench, live) = watched().await;
        bench.machines.with("app1", |there| there.guest.unhealthy.insert("todo".into()));
        let seen = pass(&bench, &live, 8).await;
        assert_eq!(health(&seen, "app1/todo"), Health::Down);
        bench.machines.with("app1", |there| there.guest.unhealthy.clear());
        let seen = pass(&bench, &live, 8).await;
        assert_eq!(health(&seen, "app1/todo"), Health::Healthy);
        let kinds: Vec<EventKind> = told(&bench).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [EventKind::Died, EventKind::Started]);

        // The VIP moves to the other candidate.
        bench.machines.with("db1", |there| {
            there.guest.memory.active.remove("keepalived.service");
            there.guest.memory.addresses.remove("192.168.60.30/24");
        });
        let seen = pass(&bench, &live, 4).await;
        assert_eq!(holders(&seen), ["db2"]);
        let moved: Vec<(EventKind, String)> = told(&bench).split_off(2);
        let kinds: Vec<EventKind> =
            moved.iter().map(|(kind, _)| *kind).filter(|kind| matches!(kind, EventKind::LeftVip | EventKind::TookVip)).collect();
        assert!(kinds.len() == 2 && kinds.contains(&EventKind::LeftVip) && kinds.contains(&EventKind::TookVip), "{moved:?}");
    });
}

#[test]
fn a_machine_that_goes_off_is_told_and_one_that_comes_back_is_watched_again() {
    still(async {
        let (bench, live) = watched().await;
        for (action, power) in [
            (Action::PowerOff { node: "app1".parse().unwrap() }, Power::Stopped),
            (Action::PowerOn { node: "app1".parse().unwrap() }, Power::Running),
        ] {
            bench.act(&action).await.unwrap();
            let seen = pass(&bench, &live, 8).await;
            assert_eq!(seen.nodes["app1"].power, power);
            let expected = if power == Power::Running { Health::Healthy } else { Health::Down };
            assert_eq!(health(&seen, "app1/todo"), expected);
            let last = told(&bench).into_iter().rfind(|(kind, _)| *kind == EventKind::Machine).unwrap();
            assert!(last.1.contains(power.title()), "{last:?}");
        }
    });
}

#[test]
fn a_slow_node_changes_nothing() {
    still(async {
        let (bench, live) = watched().await;
        bench.machines.with("db1", |there| there.slow_ms = 3000);
        for _ in 0..12 {
            let seen = pass(&bench, &live, 5).await;
            assert_eq!(health(&seen, "db1/galera"), Health::Healthy);
            assert_eq!(holders(&seen), ["db1"]);
        }
        assert_eq!(told(&bench), []);
    });
}

#[test]
fn a_node_that_does_not_answer_is_unknown_and_not_stopped() {
    still(async {
        let (bench, live) = watched().await;
        bench.machines.with("db1", |there| there.is_unreachable = true);
        let seen = pass(&bench, &live, 15).await;
        assert_eq!((seen.nodes["db1"].power, health(&seen, "db1/galera")), (Power::Running, Health::Unknown));
        let kinds: Vec<EventKind> = told(&bench).into_iter().map(|(kind, _)| kind).collect();
        assert!(!kinds.iter().any(|kind| matches!(kind, EventKind::Died | EventKind::Stopped | EventKind::Machine)), "{kinds:?}");
        assert_eq!(health(&seen, "db2/galera"), Health::Healthy, "the others are known");
        bench.machines.with("db1", |there| there.is_unreachable = false);
        let seen = pass(&bench, &live, 12).await;
        assert_eq!(health(&seen, "db1/galera"), Health::Healthy, "it recovers");
    });
}

#[test]
fn a_lab_with_a_node_that_never_answers_is_looked_at_in_time() {
    still(async {
        let bench = Bench::deployed().await;
        bench.machines.with("db1", |there| there.is_unreachable = true);
        let live = bench.live();
        let began = Instant::now();
        let seen = bench.look(&live).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        assert_eq!((health(&seen, "db1/galera"), health(&seen, "db2/galera")), (Health::Unknown, Health::Healthy));
        let again = Instant::now();
        bench.look(&live).await.unwrap();
        assert!(again.elapsed() < Duration::from_millis(200), "a second look does not wait: {:?}", again.elapsed());
    });
}

#[test]
fn streams_that_break_or_make_no_sense_are_begun_again() {
    still(async {
        for trouble in Trouble::FAILURES {
            let bench = Bench::deployed().await;
            let mut left = 7;
            bench.machines.trouble(move |_, call| {
                let breaks = call.what == "watch" && left > 0;
                left -= usize::from(breaks);
                breaks.then_some(trouble).filter(|trouble| *trouble != Trouble::AnswerLost && *trouble != Trouble::CutHalfway)
            });
            let live = bench.live();
            live.watch(&bench.lab.flows).await.unwrap();
            let seen = pass(&bench, &live, 12).await;
            for (at, _) in &bench.wanted.services {
                assert_eq!(health(&seen, &at.to_string()), Health::Healthy, "{at} after {trouble:?}");
            }
        }
    });
}

#[test]
fn a_hypervisor_that_does_not_answer_is_an_error_and_changes_nothing() {
    still(async {
        let (bench, live) = watched().await;
        bench.core.changed_below();
        bench.machines.trouble(|_, call| (call.what == "look").then_some(Trouble::Refused));
        assert!(bench.look(&live).await.is_err());
        bench.machines.no_trouble();
        let seen = bench.look(&live).await.unwrap();
        assert_eq!(health(&seen, "db1/galera"), Health::Healthy);
        assert_eq!(told(&bench), []);
    });
}

#[test]
fn the_hypervisor_is_asked_seldom_and_an_older_answer_serves_while_it_is() {
    still(async {
        let (bench, live) = watched().await;
        let looks = |bench: &Bench| bench.machines.calls().all.iter().filter(|call| call.what == "look").count();
        let before = looks(&bench);
        for _ in 0..100 {
            bench.look(&live).await.unwrap();
        }
        assert_eq!(looks(&bench), before, "no time has passed");
        pass(&bench, &live, 10).await;
        let asked = looks(&bench) - before;
        assert!((3..=11).contains(&asked), "{asked} looks in 10 s");
    });
}

#[test]
fn faults_of_another_process_are_told_and_a_killed_service_that_runs_again_is_forgotten() {
    still(async {
        let (bench, live) = watched().await;
        let other = bench.live();
        other.inject(&"kill db1/galera".parse().unwrap(), InjectOptions::default()).await.unwrap();
        let seen = pass(&bench, &live, 4).await;
        assert_eq!(seen.faults.len(), 1);
        assert!(told(&bench).iter().any(|(kind, text)| *kind == EventKind::Injected && text == "kill db1/galera"));
        assert_eq!(health(&seen, "db1/galera"), Health::Down);
        // As systemd does.
        bench.machines.with("db1", |there| there.guest.memory.active.insert("mariadb.service".into()));
        let seen = pass(&bench, &live, 12).await;
        assert_eq!((seen.faults.len(), health(&seen, "db1/galera")), (0, Health::Healthy));
        assert!(told(&bench).iter().any(|(kind, _)| *kind == EventKind::Healed));
    });
}

#[test]
fn a_service_that_was_removed_is_not_missed_and_one_that_is_new_is_watched() {
    still(async {
        let (bench, live) = watched().await;
        let (node, service): (NodeName, _) = ("lb".parse().unwrap(), "haproxy".parse().unwrap());
        let remove = Action::RemoveService { node: node.clone(), service };
        bench.act(&remove).await.unwrap();
        live.touched(&node);
        let seen = pass(&bench, &live, 5).await;
        assert!(seen.nodes["lb"].services.is_empty());
        bench.deploy().await;
        live.touched(&node);
        let seen = pass(&bench, &live, 5).await;
        assert_eq!(health(&seen, "lb/haproxy"), Health::Healthy);
    });
}

#[test]
fn nothing_is_asked_once_the_watch_is_dropped() {
    still(async {
        let (bench, live) = watched().await;
        bench.machines.with("db1", |there| there.is_unreachable = true);
        sleep(Duration::from_secs(10)).await;
        drop(live);
        sleep(Duration::from_millis(1)).await;
        let before = bench.machines.calls().all.len();
        sleep(Duration::from_secs(600)).await;
        assert_eq!(bench.machines.calls().all.len(), before);
        assert_eq!(bench.machines.host().machines.keys().filter(|(owner, _)| owner == OWNER).count(), 5);
    });
}

#[test]
fn flows_that_were_said_by_another_process_are_tried() {
    still(async {
        let (bench, live) = watched().await;
        let (other, count) = (bench.live(), bench.lab.flows.len());
        assert_eq!(bench.look(&other).await.unwrap().flows.len(), count);
        live.watch(&bench.lab.flows[..2]).await.unwrap();
        assert_eq!(bench.look(&other).await.unwrap().flows.len(), 2);
        bench.core.locked(|locked| locked.write("flows.json", b"{ not ours")).unwrap();
        assert_eq!(bench.look(&other).await.unwrap().flows.len(), 0, "what cannot be read is not tried");
        // A node that is cut off: its flows are down, and it is none of its services' fault.
        live.watch(&bench.lab.flows).await.unwrap();
        other.inject(&"link-down db1 backend".parse().unwrap(), InjectOptions::default()).await.unwrap();
        let seen = pass(&bench, &other, 8).await;
        assert!(seen.flows.iter().any(|flow| flow.health == Health::Down), "{:?}", seen.flows);
        assert_eq!(health(&seen, "db1/galera"), Health::Healthy);
    });
}
