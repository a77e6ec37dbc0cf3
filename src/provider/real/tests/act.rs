//! Steps: done twice, interrupted and repeated, undone where they never ran or half ran.

use super::super::{
    Core, Hold, act,
    fakes::{
        FakeMachines, Trouble,
        bench::{Bench, Blind, still},
        host::Host,
    },
    notes,
};
use crate::{
    model::{Kind, Power, ServiceRef, Value},
    plan::{Action, fixture, step_id},
    provider::{Done, Retry, machines::Machines},
};
use std::{collections::BTreeSet, sync::Arc};
use tokio::sync::mpsc;

fn host(machines: &FakeMachines) -> Host {
    machines.host().clone()
}

#[test]
fn a_step_that_is_done_twice_changes_nothing_the_second_time() {
    still(async {
        let bench = Bench::new();
        let mut verbs = BTreeSet::new();
        for step in bench.plan().steps {
            bench.act(&step.action).await.unwrap_or_else(|error| panic!("{}: {error}", step.id));
            let once = host(&bench.machines);
            assert_eq!(bench.act(&step.action).await, Ok(Done::AlreadySo), "{}", step.id);
            assert_eq!(host(&bench.machines), once, "{}", step.id);
            verbs.insert(step.action.verb());
        }
        assert_eq!(verbs.len(), 7, "{verbs:?}");
        assert_eq!(bench.drift(), Vec::<String>::new(), "what was set up is read from the machines' metadata");
    });
}

#[test]
fn a_step_that_was_interrupted_is_completed_by_repeating_it() {
    still(async {
        let bench = Bench::deployed().await;
        let (good, secrets) = (host(&bench.machines), bench.core.folder.read("secrets.json").unwrap().unwrap());
        let bench = Bench::new();
        bench.core.locked(|locked| locked.write("secrets.json", &secrets)).unwrap();
        let mut verbs = BTreeSet::new();
        for step in bench.plan().steps {
            let before = host(&bench.machines);
            bench.act(&step.action).await.unwrap();
            let after = host(&bench.machines);
            // One of each sort is enough: the others do the same on other nodes.
            if !verbs.insert(step.action.verb()) {
                continue;
            }
            for trouble in Trouble::FAILURES {
                for at in 0.. {
                    *bench.machines.host() = before.clone();
                    if let Some(node) = step.action.node() {
                        bench.core.forget(node);
                    }
                    let begin = bench.machines.calls().all.len();
                    bench.machines.trouble(move |number, _| (number == begin + at).then_some(trouble));
                    let _failed_or_unharmed = bench.act(&step.action).await;
                    let was_reached = bench.machines.calls().all.len() > begin + at;
                    bench.machines.no_trouble();
                    let again = bench.act(&step.action).await;
                    assert!(again.is_ok(), "{} after {trouble:?} of call {at}: {again:?}", step.id);
                    assert!(host(&bench.machines) == after, "{} after {trouble:?} of call {at} leaves something else", step.id);
                    if !was_reached {
                        break;
                    }
                }
            }
        }
        assert!(host(&bench.machines) == good, "the lab is not as one that was deployed without trouble");
    });
}

#[test]
fn what_a_change_asks_for_is_done_although_it_was_interrupted() {
    still(async {
        let bench = Bench::deployed().await;
        let at: ServiceRef = "lb/haproxy".parse().unwrap();
        let mut spec = bench.wanted.services[&at].clone();
        spec.settings.insert("tls".into(), Value::Bool(true));
        spec.upstreams.clear();
        let action = Action::ReconfigureService { node: at.node.clone(), service: at.service.clone(), spec };
        let done = bench.act_again(&action, "stream", Trouble::CutHalfway).await;
        assert_eq!(done, Ok(Done::Changed));
        let log = bench.state();
        assert!(log.contains("# restarting"), "it runs with its new configuration: {log}");
        assert_eq!(bench.act(&action).await, Ok(Done::AlreadySo));
        assert_eq!(bench.seen().nodes["lb"].services["haproxy"].spec.as_ref().unwrap().settings["tls"], Value::Bool(true));
    });
}

/// app1 alone: nothing else uses its networks.
fn alone() -> Bench {
    let mut lab = fixture::mini_cloud();
    lab.nodes.retain(|name, _| name.as_str() == "app1");
    lab.vips.clear();
    Bench::on(Host::default(), lab)
}

/// Undoes whatever there may be of app1, from the inside out.
fn undoing(bench: &Bench) -> Vec<Action> {
    let node = || "app1".parse().unwrap();
    let services = ["todo", "garbd", "sync"].map(|service| Action::RemoveService { node: node(), service: service.parse().unwrap() });
    let machine = [Action::PowerOff { node: node() }, Action::DeleteMachine { node: node() }];
    let networks = bench.wanted.networks.keys().map(|network| Action::DeleteNetwork { network: network.clone() });
    services.into_iter().chain(machine).chain(networks).collect()
}

#[test]
fn undo_tolerates_what_never_ran_and_what_half_ran() {
    still(async {
        let steps = alone().plan().steps.len();
        for count in 0..=steps {
            let bench = alone();
            let plan = bench.plan();
            for step in &plan.steps[..count] {
                bench.act(&step.action).await.unwrap();
            }
            if let Some(half) = plan.steps.get(count) {
                bench.machines.trouble(|_, call| matches!(call.what, "act" | "stream").then_some(Trouble::CutHalfway));
                bench.act(&half.action).await.unwrap_err();
                bench.machines.no_trouble();
            }
            for action in undoing(&bench) {
                let power = bench.seen().nodes.get("app1").map(|there| there.power);
                // A plan asks nothing inside a node that is off, and not to turn off what is missing.
                let is_asked = match action {
                    Action::RemoveService { .. } => power == Some(Power::Running),
                    Action::PowerOff { .. } => power.is_some(),
                    _ => true,
                };
                for time in ["once", "twice"].iter().filter(|_| is_asked) {
                    let done = bench.act(&action).await;
                    assert!(done.is_ok(), "{count} steps and a half, {action:?} {time}: {done:?}");
                }
            }
            assert_eq!(host(&bench.machines), Host::default(), "{count} steps and a half: something is left");
        }
    });
}

#[test]
fn removal_leaves_nothing_of_a_service_or_a_vip() {
    still(async {
        let bench = Bench::deployed().await;
        let (node, vip) = ("db1".parse().unwrap(), "database".parse().unwrap());
        for action in
            [Action::RemoveVip { node, vip }, Action::RemoveService { node: "db1".parse().unwrap(), service: "galera".parse().unwrap() }]
        {
            assert_eq!(bench.act(&action).await, Ok(Done::Changed));
            assert_eq!(bench.act(&action).await, Ok(Done::AlreadySo), "{action:?}");
        }
        bench.machines.with("db1", |there| {
            let ours: Vec<&String> = there.guest.disk.files.keys().filter(|path| path.contains("galera") || path.contains("vip")).collect();
            assert_eq!(ours, Vec::<&String>::new());
            assert_eq!((there.guest.disk.enabled.len(), there.guest.memory.active.len()), (0, 0));
            assert_eq!(there.notes.keys().collect::<Vec<_>>(), [notes::CONFIGURED]);
        });
        bench.machines.with("db2", |there| assert!(there.guest.memory.addresses.contains("192.168.60.30/24"), "db2 took the VIP"));
    });
}

#[test]
fn a_configured_node_has_its_packages_and_the_provider_s_way_in() {
    still(async {
        let bench = Bench::new();
        let steps = bench.plan().steps;
        let configure = steps.iter().position(|step| step_id(&step.action).0 == "configure:db1").unwrap();
        for step in &steps[..=configure] {
            bench.act(&step.action).await.unwrap();
        }
        bench.machines.with("db1", |there| {
            assert!(
                there.guest.disk.packages.is_superset(&["mariadb-server", "keepalived"].map(str::to_owned).into()),
                "{:?}",
                there.guest.disk.packages
            );
            assert!(there.guest.memory.firewall.contains("ip saddr 10.99.0.0/24 tcp dport 22 accept"), "{}", there.guest.memory.firewall);
            assert!(there.guest.disk.files["/etc/hosts"].contains("192.168.60.22 db2"), "{}", there.guest.disk.files["/etc/hosts"]);
        });
        // A node without services of its own gets no package.
        let action = Action::Configure {
            node: "lb".parse().unwrap(),
            spec: bench.wanted.machines["lb"].clone(),
            kinds: BTreeSet::<Kind>::new(),
            vips: BTreeSet::new(),
        };
        bench.machines.with("lb", |there| {
            there.power = Power::Running;
            there.guest.disk.packages.clear();
        });
        bench.act(&action).await.unwrap();
        bench.machines.with("lb", |there| assert!(there.guest.disk.packages.is_empty()));
    });
}

#[test]
fn what_cannot_be_done_is_refused_with_a_way_out() {
    still(async {
        let bench = Bench::new();
        let (node, service) = ("db1".parse().unwrap(), "galera".parse().unwrap());
        let start = Action::StartService { node, service, bootstrap: false };
        let error = bench.act(&start).await.unwrap_err();
        assert_eq!((error.why.as_str(), error.retry), ("its machine is not there", Retry::Useless));
        for step in
            bench.plan().steps.into_iter().filter(|step| matches!(step.action, Action::CreateNetwork { .. } | Action::CreateMachine { .. }))
        {
            bench.act(&step.action).await.unwrap();
        }
        let error = bench.act(&start).await.unwrap_err();
        assert!(error.why.contains("not installed") && error.next.contains("Deploy again"), "{error:?}");

        // Steps are done only by who holds the lab's lock.
        let root = tempfile::tempdir().unwrap();
        let folder = crate::host::state::StateFolder::at(root.path()).lab("lab-1");
        let machines: Arc<dyn Machines> = Arc::new(bench.machines.clone());
        let looking = Core::new(machines, folder, fixture::id(), "Mini cloud".into(), Arc::clone(&bench.core.clock), Hold::EachChange);
        let calls = bench.machines.calls().all.len();
        let (says, _said) = mpsc::channel(1);
        let error = act::act(Arc::new(looking), Arc::new(Blind), start, says).await.unwrap_err();
        assert!(error.why.contains("lock"), "{error:?}");
        assert_eq!(bench.machines.calls().all.len(), calls, "nothing was asked");
    });
}

#[test]
fn a_node_that_is_slow_is_waited_for_as_long_as_the_step_may_take() {
    still(async {
        let bench = Bench::deployed().await;
        let action = Action::StartService { node: "db1".parse().unwrap(), service: "galera".parse().unwrap(), bootstrap: false };
        bench.machines.with("db1", |there| there.slow_ms = 60_000);
        assert_eq!(bench.act(&action).await, Ok(Done::AlreadySo));
        bench.machines.with("db1", |there| there.slow_ms = 24 * 3_600_000);
        let error = bench.act(&action).await.unwrap_err();
        assert_eq!((error.why.as_str(), error.retry), ("no answer in time", Retry::Worth));
    });
}
