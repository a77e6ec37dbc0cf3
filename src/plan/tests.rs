use super::fixture::{carry_out, id, mini_cloud};
use super::*;
use crate::model::{ActiveFault, Fault, Flow, NodeName, Power};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn planned(lab: &Lab, world: &Observed) -> Plan {
    let catalog = Catalog::embedded();
    plan(lab, catalog, &desired(lab, catalog, &id()), world)
}

fn apply(world: &mut Observed, plan: &Plan) {
    plan.steps.iter().for_each(|step| carry_out(world, &step.action));
}

fn deployed(lab: &Lab) -> Observed {
    let mut world = Observed::default();
    let plan = planned(lab, &world);
    apply(&mut world, &plan);
    world
}

fn assert_sound(plan: &Plan) {
    let mut done = BTreeSet::new();
    for step in &plan.steps {
        assert!(step.after.iter().all(|id| done.contains(id)), "{} stands before what it waits for", step.id);
        assert!(done.insert(&step.id), "{} twice", step.id);
        assert!(step.reason.ends_with('.'), "{}: {}", step.id, step.reason);
    }
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.0.as_str()).collect()
}

/// Whether a step waits for another, through any number of others.
fn waits(plan: &Plan, step: &str, before: &str) -> bool {
    let mut open = vec![step];
    while let Some(id) = open.pop() {
        let found = plan.steps.iter().find(|step| step.id.0 == id).unwrap_or_else(|| panic!("no step {id}"));
        if found.after.iter().any(|id| id.0 == before) {
            return true;
        }
        open.extend(found.after.iter().map(|id| id.0.as_str()));
    }
    false
}

fn name(text: &str) -> NodeName {
    text.parse().unwrap()
}

#[test]
fn a_booting_machine_is_waited_for_where_a_step_needs_it() {
    let lab = mini_cloud();
    let mut world = deployed(&lab);
    let db1 = world.nodes.get_mut(&name("db1")).unwrap();
    (db1.power, db1.is_booting) = (Power::Running, true);
    assert_eq!(ids(&planned(&lab, &world)), [""; 0], "no step depends on db1");
    let db1 = world.nodes.get_mut(&name("db1")).unwrap();
    db1.services.remove("galera").unwrap();
    let plan = planned(&lab, &world);
    assert_sound(&plan);
    assert!(waits(&plan, "install:db1/galera", "power-on:db1"), "{:?}", ids(&plan));
    assert!(!ids(&plan).iter().any(|id| id.starts_with("power-on:") && *id != "power-on:db1"));
}

#[test]
fn a_cluster_comes_up_in_its_order() {
    let plan = planned(&mini_cloud(), &Observed::default());
    assert_sound(&plan);
    let order = [
        "start:db1/galera",
        "start:db2/galera",
        "start:app1/garbd",
        "start:app2/garbd",
        "set-vip:database@db1",
        "start:app1/todo",
        "start:lb/haproxy",
    ];
    for (before, after) in order.iter().zip(order.iter().skip(1)) {
        assert!(waits(&plan, after, before), "{after} does not wait for {before}");
    }
    assert!(waits(&plan, "set-vip:database@db2", "set-vip:database@db1"), "the best holder comes first");
    assert!(!waits(&plan, "start:app1/todo", "set-vip:database@db2"), "one holder is enough to be answered");
    assert!(waits(&plan, "start:db1/galera", "install:db2/galera"), "who begins a cluster asks the others first");
    let bootstraps: Vec<&str> = plan
        .steps
        .iter()
        .filter(|step| matches!(step.action, Action::StartService { bootstrap: true, .. }))
        .map(|step| step.id.0.as_str())
        .collect();
    assert_eq!(bootstraps, ["start:db1/galera"]);
    assert!(!waits(&plan, "start:app1/todo", "start:app2/todo"), "what need not wait does not");
}

#[test]
fn a_deployed_lab_needs_nothing() {
    let lab = mini_cloud();
    let world = deployed(&lab);
    assert_eq!(planned(&lab, &world), Plan::default());
    assert_eq!(world.nodes.len(), 5);
}

/// What follows a start, such as the accounts of a database, is missing where a deployment was killed in it.
#[test]
fn a_start_that_was_not_completed_is_repeated() {
    let lab = mini_cloud();
    let mut world = deployed(&lab);
    world.nodes.get_mut(&name("db1")).unwrap().services.get_mut("galera").unwrap().start_pending = true;
    let plan = planned(&lab, &world);
    assert_eq!(ids(&plan), ["start:db1/galera"]);
    assert_eq!(plan.steps[0].reason, "The start of db1/galera was not completed.");
}

#[test]
fn a_bigger_machine_is_turned_off_around_the_change_and_comes_back() {
    let mut lab = mini_cloud();
    let mut world = deployed(&lab);
    lab.nodes[&name("db1")].memory = 2048;
    let plan = planned(&lab, &world);
    assert_eq!(ids(&plan), ["power-off:db1", "change-machine:db1", "power-on:db1", "start:db1/galera"]);
    assert_eq!(plan.steps[1].reason, "db1 has 1024 MiB, the layout says 2048 MiB.");
    assert!(matches!(plan.steps[3].action, Action::StartService { bootstrap: false, .. }), "db2 keeps the cluster up");
    apply(&mut world, &plan);
    assert!(planned(&lab, &world).is_empty());
}

#[test]
fn members_of_a_cluster_go_down_one_after_the_other() {
    let mut lab = mini_cloud();
    let world = deployed(&lab);
    for node in ["db1", "db2", "app1"] {
        lab.nodes[&name(node)].cpus = 2;
    }
    let plan = planned(&lab, &world);
    assert_sound(&plan);
    assert!(waits(&plan, "power-off:db2", "start:db1/galera"));
    assert!(waits(&plan, "power-off:app1", "start:db2/galera"));
}

#[test]
fn a_stopped_cluster_is_bootstrapped_and_a_half_stopped_one_is_joined() {
    let lab = mini_cloud();
    let bootstraps = |down: &[&str]| {
        let mut world = deployed(&lab);
        for node in down {
            carry_out(&mut world, &Action::PowerOff { node: name(node) });
        }
        let plan = planned(&lab, &world);
        let first = |step: &Step| matches!(&step.action, Action::StartService { bootstrap: true, .. });
        plan.steps.iter().filter(|step| first(step)).map(|step| step.id.0.clone()).collect::<Vec<_>>()
    };
    assert_eq!(bootstraps(&["db1", "db2"]), ["start:db1/galera"]);
    assert_eq!(bootstraps(&["db1"]), Vec::<String>::new());
    assert_eq!(bootstraps(&["db2"]), Vec::<String>::new());
}

#[test]
fn another_image_is_another_machine() {
    let mut lab = mini_cloud();
    let mut world = deployed(&lab);
    lab.nodes[&name("app2")].image = Some(crate::model::Image {
        name: "rocky-9".into(),
        snapshot: None,
        family: Default::default(),
        arch: Default::default(),
        full_clone: false,
    });
    let plan = planned(&lab, &world);
    assert_sound(&plan);
    assert_eq!(ids(&plan)[..5], ["power-off:app2", "delete-machine:app2", "create-machine:app2", "power-on:app2", "configure:app2"]);
    assert!(plan.steps[1].reason.contains("will be lost"), "{}", plan.steps[1].reason);
    assert!(plan.steps.iter().all(|step| step.action.node().is_some_and(|node| node == "app2")), "{:?}", ids(&plan));
    apply(&mut world, &plan);
    assert!(planned(&lab, &world).is_empty());
}

#[test]
fn another_version_of_a_package_comes_to_one_member_after_the_other() {
    let mut lab = mini_cloud();
    let mut world = deployed(&lab);
    lab.pins.insert("mariadb-server".parse().unwrap(), "1:10.11.*".parse().unwrap());
    let plan = planned(&lab, &world);
    assert_sound(&plan);
    let wanted: std::collections::BTreeSet<_> = lab.nodes.keys().map(|node| format!("configure:{node}")).collect();
    assert_eq!(ids(&plan).into_iter().map(str::to_owned).collect::<std::collections::BTreeSet<_>>(), wanted);
    assert!(plan.steps[0].reason.contains("keeps to no version of any package, the layout says mariadb-server 1:10.11.*"));
    assert!(waits(&plan, "configure:db2", "configure:db1") && !waits(&plan, "configure:lb", "configure:db1"));
    apply(&mut world, &plan);
    assert!(planned(&lab, &world).is_empty());
    lab.pins.clear();
    assert_eq!(planned(&lab, &world).steps.len(), wanted.len(), "what is no longer pinned is let go");
}

#[test]
fn what_is_no_longer_drawn_goes_children_first() {
    let mut lab = mini_cloud();
    let mut world = deployed(&lab);
    lab.flows.retain(|flow| !flow.to_string().contains("app2") && !flow.from.to_string().contains("app2"));
    lab.nodes.shift_remove("app2");
    lab.nodes.values_mut().for_each(|node| node.adapters.retain(|adapter| adapter.network != *"management"));
    lab.networks.shift_remove("management");
    let plan = planned(&lab, &world);
    assert_sound(&plan);
    assert!(waits(&plan, "delete-machine:app2", "power-off:app2"));
    assert!(waits(&plan, "power-off:app2", "reconfigure:lb/haproxy") || waits(&plan, "power-off:app2", "start:lb/haproxy"));
    assert!(waits(&plan, "delete-network:management", "delete-machine:app2"));
    assert!(waits(&plan, "delete-network:management", "change-machine:db1"));
    apply(&mut world, &plan);
    assert!(planned(&lab, &world).is_empty());
    assert!(!world.nodes.contains_key("app2") && !world.networks.contains_key("management"));
}

#[test]
fn a_network_whose_making_was_cut_off_is_made_and_goes() {
    let lab = mini_cloud();
    let mut world = deployed(&lab);
    world.networks.get_mut("management").unwrap().cut_off = true;
    assert_eq!(ids(&planned(&lab, &world)), ["create-network:management"]);
    assert!(ids(&destroy(&world)).contains(&"delete-network:management"));
    let plan = planned(&lab, &world);
    apply(&mut world, &plan);
    assert!(planned(&lab, &world).is_empty());
}

#[test]
fn a_vip_or_a_service_that_is_no_longer_drawn_leaves_its_node() {
    let mut lab = mini_cloud();
    let mut world = deployed(&lab);
    lab.vips[&"database".parse::<crate::model::VipName>().unwrap()].holders.pop();
    lab.nodes[&name("app1")].services.shift_remove("sync");
    lab.flows.retain(|flow| !flow.to_string().contains("sync"));
    let plan = planned(&lab, &world);
    assert_sound(&plan);
    assert!(ids(&plan).contains(&"remove-vip:database@db2") && ids(&plan).contains(&"remove:app1/sync"), "{:?}", ids(&plan));
    apply(&mut world, &plan);
    assert!(planned(&lab, &world).is_empty());
}

#[test]
fn what_a_fault_did_is_no_difference() {
    let lab = mini_cloud();
    let mut world = deployed(&lab);
    let stopped = carried(&mut world, "db1");
    assert!(!planned(&lab, &world).is_empty(), "without a fault it is one");
    world.faults.push(ActiveFault {
        id: 1,
        fault: Fault::PowerOff(stopped),
        since_ms: 0,
        until_ms: None,
        by: crate::model::Author::Unknown,
    });
    assert_eq!(ids(&planned(&lab, &world)), Vec::<&str>::new());

    fn carried(world: &mut Observed, node: &str) -> NodeName {
        carry_out(world, &Action::PowerOff { node: name(node) });
        name(node)
    }
}

#[test]
fn half_drawn_things_stay_as_they_are() {
    let mut lab = mini_cloud();
    let world = deployed(&lab);
    lab.nodes[&name("app1")].services[&"todo".parse::<crate::model::ServiceName>().unwrap()].kind = "nonesuch".parse().unwrap();
    let plan = planned(&lab, &world);
    assert!(!ids(&plan).iter().any(|id| id.contains("app1/todo")), "{:?}", ids(&plan));
}

#[test]
fn destroying_leaves_nothing() {
    let lab = mini_cloud();
    let mut world = deployed(&lab);
    let plan = destroy(&world);
    assert_sound(&plan);
    apply(&mut world, &plan);
    assert!(world.is_empty());
    assert!(destroy(&world).is_empty());
}

#[test]
fn a_disk_grows_and_never_shrinks() {
    let mut lab = mini_cloud();
    let mut world = deployed(&lab);
    let disk = lab.nodes["db1"].disk;
    lab.nodes.get_mut("db1").unwrap().disk = disk + 10;
    let plan = planned(&lab, &world);
    assert!(waits(&plan, "change-machine:db1", "power-off:db1"), "{:?}", ids(&plan));
    let refused = |lab: &Lab, world: &Observed| refusals(&desired(lab, Catalog::embedded(), &id()), world);
    assert_eq!(refused(&lab, &world), []);
    apply(&mut world, &plan);
    lab.nodes.get_mut("db1").unwrap().disk = disk;
    assert_eq!(ids(&planned(&lab, &world)), Vec::<&str>::new());
    let said = refused(&lab, &world);
    assert!(said.len() == 1 && said[0].why.contains("cannot shrink") && said[0].subject.to_string().contains("db1"), "{said:?}");
}

/// Labs that differ from the mini-cloud in a few places each.
fn spoiled() -> impl Strategy<Value = Lab> {
    let node = prop::sample::select(vec!["lb", "app1", "app2", "db1", "db2"]);
    let change = (0_u8..9, node.clone(), node, 1_u16..4);
    prop::collection::vec(change, 0..6).prop_map(|changes| {
        let mut lab = mini_cloud();
        for (kind, one, other, number) in changes {
            let Some(node) = lab.nodes.get_mut(one) else { continue };
            match kind {
                0 => node.memory = u32::from(number) * 512,
                1 => node.cpus = number,
                2 => node.after.push(name(other)),
                3 => drop(node.services.pop()),
                4 => drop(node.adapters.pop()),
                5 => node.services.values_mut().for_each(|service| service.port = Some(7000 + number)),
                6 => lab.flows.push(Flow::new(crate::model::Endpoint::Node(name(one)), crate::model::Endpoint::Node(name(other)))),
                7 => lab.vips.values_mut().for_each(|vip| vip.preempt = !vip.preempt),
                _ => node.disk = 10 + u32::from(number),
            }
        }
        lab
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_change_is_planned_in_order_and_leads_to_the_drawing(before in spoiled(), after in spoiled()) {
        let mut world = Observed::default();
        for lab in [&before, &after] {
            let plan = planned(lab, &world);
            assert_sound(&plan);
            for step in plan.steps.iter().filter(|step| matches!(step.action, Action::DeleteMachine { .. })) {
                let node = step.action.node().unwrap();
                let is_off = world.nodes[node].power == Power::Stopped;
                prop_assert!(is_off || waits(&plan, &step.id.0, &format!("power-off:{node}")), "{node} is deleted while it is on");
            }
            apply(&mut world, &plan);
            let again = planned(lab, &world);
            prop_assert_eq!(ids(&again), Vec::<&str>::new());
        }
        let gone = destroy(&world);
        assert_sound(&gone);
        apply(&mut world, &gone);
        prop_assert!(world.is_empty());
    }

    #[test]
    fn one_change_of_size_touches_one_node(node in prop::sample::select(vec!["lb", "app1", "app2", "db1", "db2"]), memory in 2000_u32..4000) {
        let mut lab = mini_cloud();
        let world = deployed(&lab);
        lab.nodes[&name(node)].memory = memory;
        let plan = planned(&lab, &world);
        prop_assert!(!plan.is_empty());
        prop_assert!(plan.steps.iter().all(|step| step.action.node().is_some_and(|touched| touched == node)), "{:?}", ids(&plan));
    }
}

#[test]
fn a_plan_for_a_large_lab_is_quick_to_make() {
    // Not a timing test: it would not end, or not fit, if anything here were a square of the lab's size.
    let mut lab = mini_cloud();
    for number in 0..2000_u16 {
        let [high, low] = number.to_be_bytes();
        let network: crate::model::NetworkName = format!("net{}", number / 100).parse().unwrap();
        let subnet = format!("10.{}.0.0/16", number / 100).parse().unwrap();
        lab.networks
            .entry(network.clone())
            .or_insert_with(|| crate::model::Network::with_subnet(crate::model::NetworkKind::Internal, subnet));
        let mut node = lab.nodes["app1"].clone();
        node.adapters.truncate(1);
        node.adapters[0].network = network;
        node.adapters[0].address = Some(std::net::Ipv4Addr::new(10, (number / 100) as u8, high, low.max(1)));
        node.services.retain(|name, _| name == "todo");
        node.services[0].bind = crate::model::Bind::Any;
        lab.nodes.insert(name(&format!("n{number}")), node);
    }
    let plan = planned(&lab, &Observed::default());
    assert_sound(&plan);
    assert!(plan.steps.len() > 2000 * 5);
}

#[test]
fn removing_a_node_through_an_edit_plans_its_removal_only() {
    let mut lab = mini_cloud();
    let world = deployed(&lab);
    let edits = crate::model::cascade::remove_node(&lab, &name("lb"));
    lab.apply(&edits).unwrap();
    let plan = planned(&lab, &world);
    let outside: Vec<&str> = ids(&plan)
        .into_iter()
        .filter(|id| !id.ends_with(":lb") && !id.starts_with("configure:") && !id.starts_with("reconfigure:app"))
        .collect();
    assert_eq!(outside, Vec::<&str>::new());
}
