//! Faults: each reaches its nodes, has its end, and leaves nothing once it is healed, whatever went wrong meanwhile.

use super::super::{
    fakes::{
        Trouble,
        bench::{BEGIN_MS, Bench, OWNER, still},
        guest::FAULTS_FOLDER,
        host::{FakeMachine, Host},
    },
    journal::{FAULTS_FILE, Faults, Where},
    live::Live,
};
use crate::{
    model::{Author, EventKind, Fault, Power, ServiceRef, Value},
    plan::Action,
    provider::{Done, FaultDuration, FaultSelection, InjectOptions, REAL_FAULT_SECS, Retry},
};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

/// Each fault that is done inside nodes, and the call that must reach them.
const INSIDE: [(&str, &str); 16] = [
    ("stop db1/galera", "stop"),
    ("kill db1/galera", "kill"),
    ("hang db1/galera", "hang"),
    ("cookie db1/galera", "cookie"),
    ("block db1/galera", "block"),
    ("expire db1/galera", "expire"),
    ("one-way db1 db2", "drop_from"),
    ("cut db1 db2", "drop_from"),
    ("loss db1 backend 30%", "loss"),
    ("delay db1 backend 200ms", "delay"),
    ("fill-disk db1", "fill_disk"),
    ("fill-memory db1", "fill_memory"),
    ("hog-cpu db1", "hog_cpu"),
    ("skew db1 +90s", "skew"),
    ("skew db1 -90s", "skew"),
    ("no-dns db1", "no_dns"),
];
/// Each that is done below them.
const BELOW: [&str; 3] = ["power-off db1", "pause db1", "link-down db1 backend"];

fn fault(text: &str) -> Fault {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn faults(bench: &Bench) -> Faults {
    Faults::read(&bench.core.folder).unwrap()
}

/// The mini-cloud, deployed, whose db1 has a certificate.
async fn with_certificate() -> Bench {
    let bench = Bench::deployed().await;
    let at: ServiceRef = "db1/galera".parse().unwrap();
    let mut spec = bench.wanted.services[&at].clone();
    spec.settings.insert("tls".into(), Value::Bool(true));
    let action = Action::ReconfigureService { node: at.node, service: at.service, spec };
    assert_eq!(bench.act(&action).await, Ok(Done::Changed));
    bench
}

/// What is broken in a node, as it says itself.
fn broken(there: &FakeMachine) -> Vec<String> {
    there.guest.disk.faults.values().chain(there.guest.memory.faults.values()).cloned().collect()
}

async fn inject(live: &Arc<dyn Live>, text: &str) -> Result<u64, crate::provider::ProviderError> {
    live.inject(&fault(text), InjectOptions::default()).await
}

fn host(bench: &Bench) -> Host {
    bench.machines.host().clone()
}

#[test]
fn each_fault_inside_reaches_its_nodes_and_healing_restores_exactly() {
    still(async {
        let bench = with_certificate().await;
        let (live, before) = (bench.live(), host(&bench));
        for (number, (text, call)) in (1..).zip(INSIDE) {
            assert_eq!(inject(&live, text).await, Ok(number), "{text}");
            let touched: Vec<String> = match fault(text) {
                Fault::OneWay(_, to) => vec![to.to_string()],
                fault => fault.nodes().iter().map(ToString::to_string).collect(),
            };
            for node in &touched {
                bench.machines.with(node, |there| {
                    let all = broken(there);
                    assert!(all.len() == 1 && all[0].split(' ').next() == Some(call), "{text} on {node}: {all:?}");
                });
            }
            let entry = &faults(&bench).entries[0];
            assert_eq!((entry.fault.to_string(), entry.at), (fault(text).to_string(), Where::Inside));
            let healed = live.heal(FaultSelection::One(number)).await.unwrap();
            assert_eq!(healed.iter().map(|one| one.id).collect::<Vec<_>>(), [number], "{text}");
            assert!(host(&bench) == before, "{text} is healed and something is left");
            assert_eq!(live.heal(FaultSelection::One(number)).await, Ok(Vec::new()), "{text} is healed twice");
            assert_eq!(faults(&bench).entries, [], "{text}");
        }
    });
}

#[test]
fn each_fault_below_is_done_and_healed_there() {
    still(async {
        let bench = Bench::deployed().await;
        let live = bench.live();
        let shape =
            |there: &FakeMachine| (there.power, there.links_up.clone(), there.guest.disk.clone(), there.guest.memory.active.clone());
        let before = bench.machines.with("db1", |there| shape(there));
        for text in BELOW {
            let id = inject(&live, text).await.unwrap();
            assert!(bench.machines.with("db1", |there| shape(there)) != before, "{text}");
            assert_eq!(faults(&bench).entries[0].at, Where::Below);
            assert_eq!(live.heal(FaultSelection::One(id)).await.unwrap().len(), 1, "{text}");
            assert!(bench.machines.with("db1", |there| shape(there)) == before, "{text}");
        }
    });
}

#[test]
fn a_fault_that_cannot_be_is_refused_before_anything_is_broken() {
    still(async {
        let bench = Bench::deployed().await;
        bench.machines.with("db2", |there| (there.power, there.guest.memory) = (Power::Stopped, Default::default()));
        let (live, before) = (bench.live(), host(&bench));
        for (text, why) in [
            ("stop db2/galera", "db2 is stopped"),
            ("cut db1 db2", "db2 is stopped"),
            ("no-dns nowhere", "no machine nowhere"),
            ("stop db1/nothing", "db1/nothing is not set up"),
            ("expire db1/galera", "no certificate"),
            ("loss db1 frontend 10%", "not on frontend"),
        ] {
            let error = inject(&live, text).await.unwrap_err();
            assert!(error.to_string().contains(why) && !error.next.is_empty() && error.retry == Retry::Useless, "{text}: {error:?}");
            assert_eq!(faults(&bench).entries, [], "{text}");
        }
        assert!(host(&bench) == before);
    });
}

#[test]
fn a_fault_whose_answer_was_lost_is_undone() {
    still(async {
        for trouble in [Trouble::AnswerLost, Trouble::CutHalfway, Trouble::Garbage, Trouble::Refused, Trouble::TimedOut] {
            for (text, call) in [("cut db1 app1", "run"), ("link-down db1 backend", "break_below"), ("fill-disk db1", "run")] {
                let bench = Bench::deployed().await;
                let (live, before) = (bench.live(), host(&bench));
                bench.machines.fail_next(call, trouble);
                assert!(inject(&live, text).await.is_err(), "{text}, {trouble:?}");
                assert!(host(&bench) == before, "{text}, {trouble:?}: something is left");
                assert_eq!(faults(&bench).entries, [], "{text}, {trouble:?}");
            }
        }
    });
}

#[test]
fn what_could_not_be_undone_stays_in_the_journal_for_the_next_process() {
    still(async {
        let bench = Bench::deployed().await;
        let before = host(&bench);
        {
            let live = bench.live();
            // The first command breaks, and nothing answers any more.
            let mut count = 0;
            bench.machines.trouble(move |_, call| {
                count += usize::from(call.what == "run");
                (call.what == "run").then_some(if count == 1 { Trouble::AnswerLost } else { Trouble::Refused })
            });
            inject(&live, "no-dns db1").await.unwrap_err();
        }
        assert_eq!(faults(&bench).entries[0].at, Where::Unknown);
        bench.machines.no_trouble();
        let bench = bench.reopened();
        assert_eq!(bench.live().heal(FaultSelection::All).await.unwrap().len(), 1);
        assert!(host(&bench) == before);
    });
}

#[test]
fn a_second_fault_that_fails_does_not_heal_the_first() {
    still(async {
        let bench = Bench::deployed().await;
        let live = bench.live();
        let before = host(&bench);
        let is_down = |bench: &Bench| bench.machines.with("db1", |there| there.links_up.contains(&false));
        assert_eq!(inject(&live, "link-down db1 backend").await, Ok(1));
        bench.machines.fail_next("break_below", Trouble::AnswerLost);
        inject(&live, "link-down db1 backend").await.unwrap_err();
        bench.machines.no_trouble();
        assert!(is_down(&bench), "the first still lasts");
        assert_eq!(faults(&bench).entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), [1]);
        // Of two that last, the last one that is healed plugs it in.
        assert_eq!(inject(&live, "link-down db1 backend").await, Ok(3));
        live.heal(FaultSelection::One(1)).await.unwrap();
        assert!(is_down(&bench));
        live.heal(FaultSelection::One(3)).await.unwrap();
        assert!(host(&bench) == before);
    });
}

#[test]
fn two_faults_on_one_service_are_healed_each_for_itself() {
    still(async {
        let bench = Bench::deployed().await;
        let (live, before) = (bench.live(), host(&bench));
        let health = |bench: &Bench| bench.machines.with("db1", |there| there.guest.health("galera"));
        let first = inject(&live, "stop db1/galera").await.unwrap();
        let second = inject(&live, "stop db1/galera").await.unwrap();
        live.heal(FaultSelection::One(first)).await.unwrap();
        assert_eq!(health(&bench), 1, "the second holds it");
        live.heal(FaultSelection::One(second)).await.unwrap();
        assert!(host(&bench) == before);
    });
}

#[test]
fn faults_are_healed_after_their_node_was_restarted() {
    still(async {
        let bench = with_certificate().await;
        let live = bench.live();
        for (text, _) in INSIDE {
            inject(&live, text).await.unwrap();
        }
        for action in [Action::PowerOff { node: "db1".parse().unwrap() }, Action::PowerOn { node: "db1".parse().unwrap() }] {
            bench.act(&action).await.unwrap();
        }
        assert_eq!(live.heal(FaultSelection::All).await.unwrap().len(), INSIDE.len());
        for node in ["db1", "db2"] {
            bench.machines.with(node, |there| {
                assert_eq!(broken(there), Vec::<String>::new());
                assert!(!there.guest.disk.files.keys().any(|path| path.starts_with(FAULTS_FOLDER)), "{node}");
                assert_eq!(there.guest.health("galera"), 0, "{node}");
            });
        }
    });
}

#[test]
fn a_node_that_is_off_keeps_faults_that_changed_its_files() {
    still(async {
        let bench = Bench::deployed().await;
        let live = bench.live();
        for text in ["no-dns db1", "fill-disk db1"] {
            inject(&live, text).await.unwrap();
        }
        bench.act(&Action::PowerOff { node: "db1".parse().unwrap() }).await.unwrap();
        let error = live.heal(FaultSelection::All).await.unwrap_err();
        assert!(error.why.contains("db1 is stopped") && error.next.contains("Power it on"), "{error:?}");
        let left: Vec<String> = faults(&bench).entries.iter().map(|entry| entry.fault.to_string()).collect();
        assert_eq!(left, ["fill-disk db1"], "its rules ended with its power");
        bench.act(&Action::PowerOn { node: "db1".parse().unwrap() }).await.unwrap();
        assert_eq!(live.heal(FaultSelection::All).await.unwrap().len(), 1);
        bench.machines.with("db1", |there| assert!(there.guest.disk.faults.is_empty()));
        // One that is gone has nothing to heal.
        inject(&live, "fill-disk db1").await.unwrap();
        bench.machines.host().machines.remove(&(OWNER.into(), "db1".parse().unwrap()));
        assert_eq!(live.heal(FaultSelection::All).await.unwrap().len(), 1);
    });
}

#[test]
fn each_fault_has_its_end_in_the_node_and_in_the_journal() {
    still(async {
        let bench = Bench::deployed().await;
        let (live, before) = (bench.live(), host(&bench));
        for (lasts, secs) in
            [(FaultDuration::Usual, u64::from(REAL_FAULT_SECS)), (FaultDuration::Secs(30), 30), (FaultDuration::Secs(0), 1)]
        {
            let now_ms = (bench.core.clock)();
            let options = InjectOptions { duration: lasts, by: Author::CommandLine };
            let id = live.inject(&fault("no-dns db1"), options).await.unwrap();
            let entry = faults(&bench).entries[0].clone();
            assert_eq!((entry.until_wall_ms, entry.by), (now_ms + secs * 1000, Author::CommandLine));
            bench.machines.with("db1", |there| assert_eq!(there.guest.memory.timers[&id], entry.until_wall_ms));
            // The process that injected it may have ended: the node heals itself, and healing again is no error.
            sleep(Duration::from_secs(secs + 1)).await;
            assert_eq!(live.heal(FaultSelection::One(id)).await.unwrap().len(), 1);
            assert!(host(&bench) == before);
        }
        assert!((bench.core.clock)() > BEGIN_MS);
    });
}

#[test]
fn what_lies_below_is_healed_first_so_that_the_node_answers() {
    still(async {
        let bench = Bench::deployed().await;
        let live = bench.live();
        for text in ["stop db1/galera", "fill-disk db1", "power-off db1"] {
            inject(&live, text).await.unwrap();
        }
        let healed = live.heal(FaultSelection::All).await.unwrap();
        assert_eq!(healed.first().map(|one| one.fault.to_string()), Some("power-off db1".into()));
        assert_eq!(healed.len(), 3);
        bench.machines.with("db1", |there| {
            assert_eq!((there.power, there.guest.health("galera"), broken(there).len()), (Power::Running, 0, 0));
        });
    });
}

#[test]
fn a_machine_that_was_frozen_gets_the_right_time() {
    still(async {
        let bench = Bench::deployed().await;
        let live = bench.live();
        let id = inject(&live, "pause db1").await.unwrap();
        sleep(Duration::from_secs(120)).await;
        bench.machines.with("db1", |there| there.guest.clock_ahead_ms = -120_000);
        live.heal(FaultSelection::One(id)).await.unwrap();
        bench.machines.with("db1", |there| assert!(there.guest.clock_ahead_ms.abs() <= 2000, "{}", there.guest.clock_ahead_ms));
    });
}

#[test]
fn a_node_that_does_not_answer_keeps_its_part_and_the_others_are_healed() {
    still(async {
        let bench = Bench::deployed().await;
        let (live, before) = (bench.live(), host(&bench));
        inject(&live, "cut db1 app1,app2").await.unwrap();
        inject(&live, "no-dns db2").await.unwrap();
        bench.machines.with("app1", |there| there.is_unreachable = true);
        assert!(live.heal(FaultSelection::All).await.is_err());
        for (node, count) in [("db1", 0), ("app2", 0), ("db2", 0), ("app1", 1)] {
            bench.machines.with(node, |there| assert_eq!(broken(there).len(), count, "{node}"));
        }
        assert_eq!(faults(&bench).entries.len(), 1, "the cut");
        bench.machines.with("app1", |there| there.is_unreachable = false);
        live.heal(FaultSelection::All).await.unwrap();
        assert!(host(&bench) == before);
    });
}

#[test]
fn a_restart_is_over_at_once_and_is_told() {
    still(async {
        let bench = Bench::deployed().await;
        let live = bench.live();
        assert_eq!(inject(&live, "restart db1/galera").await, Ok(1));
        assert_eq!(faults(&bench).entries, []);
        let told: Vec<EventKind> = bench.told().into_iter().map(|event| event.kind).collect();
        assert_eq!(told, [EventKind::Injected]);
    });
}

#[test]
fn a_journal_that_cannot_be_read_is_not_taken_for_no_faults() {
    still(async {
        let bench = Bench::deployed().await;
        let live = bench.live();
        inject(&live, "no-dns db1").await.unwrap();
        let before = host(&bench);
        bench.core.locked(|locked| locked.write(FAULTS_FILE, b"{ not ours")).unwrap();
        for failed in [
            inject(&live, "stop db1/galera").await.map(drop),
            live.heal(FaultSelection::All).await.map(drop),
            bench.look(&live).await.map(drop),
        ] {
            assert!(failed.unwrap_err().to_string().contains(FAULTS_FILE));
        }
        assert!(host(&bench) == before, "nothing more is broken, and nothing healed");
        assert_eq!(bench.core.folder.read(FAULTS_FILE).unwrap().unwrap(), b"{ not ours");
    });
}

#[test]
fn a_journal_that_is_missing_is_not_taken_for_no_faults() {
    still(async {
        let bench = Bench::deployed().await;
        let live = bench.live();
        assert_eq!(faults(&bench), Faults::default(), "it is there from the first step on");
        inject(&live, "no-dns db1").await.unwrap();
        let before = host(&bench);
        bench.core.locked(|locked| locked.remove_file(FAULTS_FILE)).unwrap();
        for failed in [
            inject(&live, "stop db1/galera").await.map(drop),
            live.heal(FaultSelection::All).await.map(drop),
            bench.look(&live).await.map(drop),
        ] {
            let error = failed.unwrap_err();
            assert!(error.why.contains("faults.json: it is missing") && error.next.contains("{}"), "{error}");
        }
        assert!(host(&bench) == before && !bench.core.folder.has(FAULTS_FILE), "nothing more is broken, and nothing takes its place");
        // The way out that the error names.
        bench.core.locked(|locked| locked.write(FAULTS_FILE, b"{}")).unwrap();
        assert_eq!(live.heal(FaultSelection::All).await.map(|healed| healed.len()), Ok(0));
        // A lab of an earlier version had no journal before its first fault.
        bench.core.locked(|locked| locked.remove_file(FAULTS_FILE).and_then(|()| locked.write("since", b"1800000000000"))).unwrap();
        assert_eq!(live.heal(FaultSelection::All).await.map(|healed| healed.len()), Ok(0));
    });
}

#[test]
fn a_forecast_breaks_nothing() {
    still(async {
        let bench = Bench::deployed().await;
        let (live, before) = (bench.live(), host(&bench));
        live.watch(&bench.lab.flows).await.unwrap();
        assert!(live.predict(&fault("power-off db1"), None).await.unwrap().is_some());
        assert!(live.predict(&fault("power-off nowhere"), None).await.unwrap().is_none());
        assert!(host(&bench) == before);
        assert_eq!(faults(&bench), Faults::default());
    });
}
