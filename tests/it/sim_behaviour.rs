//! What the simulator does with each sort of thing, one question a test.

use super::sim_support::*;
use sandtable::{
    model::*,
    plan::Action,
    sim::{Progress, ScriptedFailure, SimError, World, blast_radius},
};

#[track_caller]
fn health(world: &World, at: &str) -> (Health, String) {
    let at = service_ref(at);
    let seen = world.observe().nodes[&at.node].services[&at.service].clone();
    (seen.health, seen.reason)
}

fn flow_health(world: &World, from: &str, to: &str) -> (Health, bool, bool) {
    let seen = world.observe();
    let flow = seen.flows.iter().find(|flow| flow.id.from.to_string() == from && flow.id.to.to_string() == to).unwrap();
    (flow.health, flow.forward, flow.backward)
}

fn broken(lab: &Lab, text: &str) -> World {
    let mut world = deployed(lab, 1);
    assert_eq!(complaints(&world), Vec::<String>::new());
    world.inject(&fault(text)).unwrap();
    world.run_for(6_000);
    world
}

#[test]
fn every_lab_of_these_tests_comes_up_well() {
    for lab in [mini_cloud(), two_meshes(), small_office()] {
        assert_eq!(complaints(&deployed(&lab, 4)), Vec::<String>::new(), "{}", lab.name);
    }
}

#[test]
fn doing_everything_twice_changes_nothing() {
    for lab in [mini_cloud(), small_office()] {
        let mut world = deployed(&lab, 2);
        let before = world.observe();
        for action in actions(&lab) {
            let outcome = world.act(&action).unwrap();
            assert!(!outcome.changed && outcome.takes_ms == 0, "{action:?}: {outcome:?}");
            assert_eq!(world.progress(&action), Progress::Done, "{action:?}");
        }
        assert_eq!(world.observe(), before);
    }
}

#[test]
fn removing_everything_leaves_nothing() {
    let lab = mini_cloud();
    let mut world = deployed(&lab, 2);
    world.inject(&fault("link-down db1 backend")).unwrap();
    world.inject(&fault("stop lb/haproxy")).unwrap();
    for node in lab.nodes.keys() {
        for action in [Action::PowerOff { node: node.clone() }, Action::DeleteMachine { node: node.clone() }] {
            world.perform(&action, 30_000).unwrap();
            assert!(!world.act(&action).is_ok_and(|outcome| outcome.changed), "{action:?} twice");
        }
    }
    for network in lab.networks.keys() {
        world.perform(&Action::DeleteNetwork { network: network.clone() }, 30_000).unwrap();
    }
    world.run_for(30_000);
    let seen = world.observe();
    assert!(seen.is_empty() && seen.vips.is_empty() && seen.clusters.is_empty() && seen.faults.is_empty(), "{seen:#?}");
}

#[test]
fn a_lab_can_be_made_again_after_it_was_removed() {
    let lab = small_office();
    let mut world = deployed(&lab, 2);
    for node in lab.nodes.keys() {
        world.perform(&Action::DeleteMachine { node: node.clone() }, 30_000).unwrap();
    }
    for action in actions(&lab) {
        world.perform(&action, 60_000).unwrap();
    }
    world.run_for(10_000);
    assert_eq!(complaints(&world), Vec::<String>::new());
}

#[test]
fn actions_on_what_is_not_ready_are_refused_and_say_what_to_do() {
    let lab = mini_cloud();
    let mut world = World::new(1);
    let db1: NodeName = name("db1");
    let spec = machine_spec(&lab, &db1);
    let refused = |world: &mut World, action: Action| world.act(&action).unwrap_err().to_string();
    assert_eq!(refused(&mut world, Action::PowerOn { node: db1.clone() }), "there is no machine db1");
    assert_eq!(refused(&mut world, Action::CreateMachine { node: db1.clone(), spec: spec.clone() }), "there is no network backend");
    for (network, drawn) in &lab.networks {
        world.act(&Action::CreateNetwork { network: network.clone(), spec: network_spec(drawn) }).unwrap();
    }
    world.act(&Action::CreateMachine { node: db1.clone(), spec: spec.clone() }).unwrap();
    assert!(
        refused(
            &mut world,
            Action::Configure { node: db1.clone(), spec: spec.clone(), kinds: Default::default(), vips: Default::default() }
        )
        .contains("power it on first")
    );
    assert!(refused(&mut world, Action::DeleteNetwork { network: name("backend") }).contains("db1 is still plugged into it"));
    world.perform(&Action::PowerOn { node: db1.clone() }, 30_000).unwrap();
    let larger = MachineSpec { memory_mib: 4096, ..spec };
    assert!(refused(&mut world, Action::ChangeMachine { node: db1, spec: larger }).contains("power it off before"));
}

#[test]
fn scripted_failures_hit_what_they_name() {
    let lab = mini_cloud();
    let create = |network: &str| Action::CreateNetwork { network: name(network), spec: network_spec(&lab.networks[network]) };
    let mut world = World::new(1);
    world.fail_on(vec![ScriptedFailure { verb: "create-network".into(), on: "backend".into(), times: 2 }]);
    assert!(world.act(&create("frontend")).is_ok());
    for _ in 0..2 {
        assert!(matches!(world.act(&create("backend")), Err(SimError::Scripted { .. })));
    }
    assert!(world.act(&create("backend")).is_ok());
    world.fail_next(1);
    assert!(world.act(&create("internet")).is_err());
    assert!(world.act(&create("internet")).is_ok());
}

#[test]
fn a_fault_is_seen_at_once_and_good_health_needs_several_answers() {
    let mut world = deployed(&mini_cloud(), 3);
    let hang = world.inject(&fault("hang app1/todo")).unwrap();
    assert_eq!(health(&world, "app1/todo"), (Health::Down, "hangs".to_owned()), "no answer from before the fault counts");
    world.run_for(3_000);
    assert_eq!(health(&world, "app1/todo"), (Health::Down, "hangs".to_owned()));
    world.heal(hang).unwrap();
    world.run_for(500);
    assert_eq!(health(&world, "app1/todo").0, Health::Down);
    world.run_for(2_500);
    assert_eq!(health(&world, "app1/todo").0, Health::Healthy);
}

#[test]
fn facts_about_a_frozen_node_get_old() {
    let world = broken(&mini_cloud(), "pause app2");
    let seen = world.observe();
    let node = &seen.nodes["app2"];
    assert_eq!(node.power, Power::Paused);
    assert!(seen.at_ms - node.seen_ms >= 5_000, "{} {}", seen.at_ms, node.seen_ms);
    assert_eq!((node.services["todo"].health, node.services["todo"].reason.as_str()), (Health::Down, "its machine is paused"));
}

#[test]
fn a_balancer_leaves_out_a_server_and_goes_on() {
    let mut world = deployed(&mini_cloud(), 1);
    world.set_load(20);
    world.run_for(1_000);
    world.inject(&fault("stop app1/todo")).unwrap();
    world.run_for(6_000);
    assert_eq!(world.load_totals().failed, 0, "{:?}", world.load_totals());
    let (state, reason) = health(&world, "lb/haproxy");
    assert_eq!((state, reason.as_str()), (Health::Degraded, "192.168.50.11:8080: what it needs does not answer"));
    world.inject(&fault("stop app2/todo")).unwrap();
    world.run_for(6_000);
    assert_eq!(health(&world, "lb/haproxy"), (Health::Down, "no server is up".to_owned()));
    assert!(world.load_totals().failed > 60);
}

#[test]
fn an_application_without_its_database_answers_and_is_degraded() {
    let world = broken(&small_office(), "stop db/db");
    assert_eq!(health(&world, "app/todo"), (Health::Degraded, "10.0.1.12:3306: connection refused".to_owned()));
    assert_eq!(health(&world, "copy/db").0, Health::Degraded);
    assert_eq!(health(&world, "web/nginx").0, Health::Healthy);
}

#[test]
fn logins_and_mounts_are_degraded_without_their_servers() {
    let world = broken(&small_office(), "power-off dir");
    assert_eq!(health(&world, "work/login").0, Health::Degraded);
    assert_eq!(health(&world, "work/home").0, Health::Degraded);
    assert_eq!(health(&world, "app/todo").0, Health::Healthy);
}

#[test]
fn a_router_is_the_only_way_between_its_networks() {
    let world = broken(&small_office(), "stop gw/router");
    assert_eq!(flow_health(&world, "copy/db", "db/db"), (Health::Down, false, false));
    assert_eq!(health(&world, "work/login").0, Health::Degraded);
    assert_eq!(flow_health(&world, "app/todo", "db/db").0, Health::Healthy);
}

#[test]
fn a_forwarded_port_leads_requests_in() {
    let mut world = deployed(&behind_a_forward(), 1);
    assert_eq!(complaints(&world), Vec::<String>::new());
    world.set_load(10);
    world.run_for(3_000);
    assert!(world.load_totals().ok >= 29 && world.load_totals().failed == 0, "{:?}", world.load_totals());
    world.inject(&fault("link-down web back")).unwrap();
    world.run_for(8_000);
    assert!(world.load_totals().failed > 30, "{:?}", world.load_totals());
    assert_eq!(health(&world, "gw/forward").0, Health::Degraded);
}

/// Programs and probes dial one address: that of the first network that both nodes are on.
#[test]
fn a_second_network_does_not_stand_in_for_the_first() {
    let mut lab = small_office();
    for (name, address) in [("app", "192.168.56.11"), ("db", "192.168.56.12")] {
        let adapter = Adapter { address: address.parse().ok(), ..Adapter::on("front".parse().unwrap()) };
        lab.nodes.get_mut(name).unwrap().adapters.push(adapter);
    }
    let world = broken(&lab, "link-down db back");
    assert_eq!(flow_health(&world, "app/todo", "db/db").0, Health::Down);
    assert_eq!(flow_health(&broken(&lab, "link-down db front"), "app/todo", "db/db").0, Health::Healthy);
}

#[test]
fn a_one_way_link_is_named_as_such() {
    let world = broken(&small_office(), "one-way db app");
    assert_eq!(flow_health(&world, "app/todo", "db/db"), (Health::Down, true, false));
    let world = broken(&small_office(), "one-way app db");
    assert_eq!(flow_health(&world, "app/todo", "db/db"), (Health::Down, false, true));
}

#[test]
fn a_service_is_reached_only_where_it_is_bound_and_by_whom_it_lets_in() {
    let mut lab = small_office();
    lab.nodes.get_mut("db").unwrap().services.get_mut("db").unwrap().bind = Bind::Loopback;
    let mut world = World::new(1);
    for action in actions(&lab) {
        world.perform(&action, 60_000).unwrap();
    }
    world.watch(&lab.flows);
    world.run_for(5_000);
    assert_eq!(health(&world, "app/todo"), (Health::Degraded, "10.0.1.12:3306: no answer: nothing opens the port".to_owned()));
    let mut world = deployed(&small_office(), 1);
    world.watch(&[Flow::new("work".parse().unwrap(), "db/db".parse().unwrap())]);
    world.run_for(5_000);
    let flow = world.observe().flows[0].clone();
    assert_eq!((flow.health, flow.reason.as_str(), flow.forward), (Health::Down, "10.0.1.12:3306: not allowed in", false));
}

#[test]
fn a_killed_service_comes_back_and_its_fault_is_over() {
    let mut world = deployed(&mini_cloud(), 1);
    world.inject(&fault("kill app1/todo")).unwrap();
    assert_eq!(world.active_faults().len(), 1);
    world.run_for(6_000);
    assert_eq!(world.active_faults(), vec![]);
    assert_eq!(complaints(&world), Vec::<String>::new());
}

#[test]
fn a_restart_is_over_by_itself_and_a_stop_survives_a_reboot() {
    let mut world = deployed(&mini_cloud(), 1);
    world.inject(&fault("restart app1/todo")).unwrap();
    assert_eq!(world.active_faults(), vec![]);
    world.run_for(5_000);
    assert_eq!(complaints(&world), Vec::<String>::new());
    let stop = world.inject(&fault("stop app1/todo")).unwrap();
    let off = world.inject(&fault("power-off app1")).unwrap();
    world.run_for(1_000);
    world.heal(off).unwrap();
    world.run_for(20_000);
    assert_eq!(health(&world, "app1/todo").0, Health::Down);
    world.heal(stop).unwrap();
    world.run_for(20_000);
    assert_eq!(complaints(&world), Vec::<String>::new());
    assert!(matches!(world.heal(stop), Err(SimError::Unknown { .. })));
}

#[test]
fn loss_and_delay_are_felt_and_heal_apart() {
    let mut world = deployed(&mini_cloud(), 1);
    let delay = world.inject(&fault("delay lb frontend 50ms")).unwrap();
    let more = world.inject(&fault("delay lb frontend 30ms")).unwrap();
    world.set_load(20);
    world.run_for(5_000);
    let slow = world.load_seconds().last().unwrap().latency_ms;
    assert!((150.0..600.0).contains(&slow), "{slow}");
    world.heal(delay).unwrap();
    world.run_for(5_000);
    let less = world.load_seconds().last().unwrap().latency_ms;
    assert!(less < slow && less > 50.0, "{less} {slow}");
    world.heal(more).unwrap();
    world.run_for(5_000);
    assert!(world.load_seconds().last().unwrap().latency_ms < 20.0);
    world.inject(&fault("loss lb frontend 40%")).unwrap();
    world.set_load(20);
    world.run_for(20_000);
    let lossy = world.load_seconds().last().unwrap().latency_ms_max;
    assert!(lossy > 190.0, "{lossy}");
}

#[test]
fn a_net_split_between_sites_leaves_each_mesh_whole() {
    let world = broken(&two_meshes(), "link-down gw-eu wan");
    let seen = world.observe();
    assert_eq!(seen.clusters["us"].state, ClusterState::Whole);
    assert_eq!(seen.clusters["eu"].state, ClusterState::Whole);
    assert_eq!(flow_health(&world, "gw-us/gateway", "gw-eu/gateway").0, Health::Down);
    assert_eq!(health(&world, "us1/beam").0, Health::Healthy);
}

#[test]
fn another_cookie_is_refused_and_named() {
    let mut world = broken(&two_meshes(), "cookie us1/beam");
    assert_eq!(health(&world, "us1/beam"), (Health::Degraded, "another cookie".to_owned()));
    assert_eq!(world.observe().clusters["us"].state, ClusterState::Split);
    assert!(matches!(world.inject(&fault("cookie us1/nothing")), Err(SimError::Unknown { .. })));
    world.heal_all();
    world.run_for(6_000);
    assert_eq!(complaints(&world), Vec::<String>::new());
}

#[test]
fn a_preempting_holder_takes_its_vip_back() {
    for (preempt, holder) in [(true, "db1"), (false, "db2")] {
        let lab = cloud(&CloudSize { apps: 2, databases: 2, arbitrators: 1, advertise_ms: 500, preempt });
        let mut world = deployed(&lab, 1);
        let stop = world.inject(&fault("stop db1/galera")).unwrap();
        world.run_for(10_000);
        assert_eq!(world.observe().vips["database"].holders, ["db2"]);
        world.heal(stop).unwrap();
        world.run_for(20_000);
        assert_eq!(world.observe().vips["database"].holders, [holder], "preempt {preempt}");
    }
}

#[test]
fn the_check_runs_as_often_as_advertisements_come() {
    let lab = cloud(&CloudSize { apps: 2, databases: 2, arbitrators: 1, advertise_ms: 4000, preempt: false });
    let mut world = deployed(&lab, 1);
    world.inject(&fault("stop db1/galera")).unwrap();
    // Two checks must fail, and they are four seconds apart.
    world.run_for(3_900);
    assert_eq!(world.observe().vips["database"].holders, ["db1"]);
    world.run_for(10_000);
    assert_eq!(world.observe().vips["database"].holders, ["db2"]);
}

#[test]
fn cut_holders_both_hold_and_only_one_part_commits() {
    let mut world =
        broken(&cloud(&CloudSize { apps: 1, databases: 2, arbitrators: 1, advertise_ms: 1000, preempt: false }), "cut db1 db2,app1");
    // Both hold until db1 is sure that it is alone: behind a cut link that takes evs.inactive_timeout. The one that took it last comes first.
    assert_eq!(world.observe().vips["database"].holders, ["db2", "db1"]);
    world.run_for(4_000);
    let seen = world.observe();
    // db1 has lost its quorum, so its check fails and it does not hold.
    assert_eq!(seen.vips["database"].holders, ["db2"]);
    assert_eq!(seen.clusters["minicloud"].state, ClusterState::Partial);
    assert_eq!(health(&world, "db1/galera").0, Health::Down);
}

#[test]
fn a_forecast_is_what_happens_and_leaves_the_world_alone() {
    let mut world = deployed(&mini_cloud(), 6);
    let before = serde_json::to_string(&world).unwrap();
    let stop = fault("stop db1/galera");
    let forecast = blast_radius(&world, &stop, None).unwrap();
    assert_eq!(serde_json::to_string(&world).unwrap(), before);
    let vip = &forecast.vips[0];
    assert_eq!((&vip.before[..], &vip.after[..]), (&[name("db1")][..], &[name("db2")][..]));
    assert!((10..=80).contains(&forecast.requests_failed), "{forecast:#?}");
    assert!(forecast.recovers_after_ms.is_some_and(|ms| (1_000..=5_000).contains(&ms)), "{forecast:#?}");
    assert_eq!(forecast.clusters[&name::<ClusterName>("minicloud")].worst, ClusterState::Partial);
    assert!(forecast.services.iter().any(|seen| seen.service == service_ref("db1/galera") && seen.worst == Health::Down));
    assert!(!forecast.is_harmless());
    world.inject(&stop).unwrap();
    world.run_for(12_000);
    assert_eq!(world.observe().vips["database"].holders, vip.after);
    let harmless = blast_radius(&deployed(&mini_cloud(), 6), &fault("no-dns app1"), None).unwrap();
    assert!(harmless.is_harmless(), "{harmless:#?}");
    assert!(matches!(blast_radius(&world, &fault("pause nobody"), None), Err(SimError::Unknown { .. })));
}

#[test]
fn catching_up_with_a_week_is_quick_and_shows_the_right_time() {
    let mut world = deployed(&mini_cloud(), 1);
    world.inject(&fault("stop db1/galera")).unwrap();
    let (now_ms, week_ms) = (world.now_ms(), 7 * 24 * 3_600_000);
    world.catch_up(now_ms + week_ms);
    assert_eq!(world.now_ms(), now_ms + week_ms);
    let seen = world.observe();
    assert_eq!((seen.at_ms, &seen.vips["database"].holders[..]), (now_ms + week_ms, &[name("db2")][..]));
    assert!(seen.at_ms - seen.nodes["db2"].seen_ms < 2_000);
    // What happened before the skip keeps its time.
    assert!(seen.vips["database"].since_ms < now_ms + 10_000);
    world.heal_all();
    world.run_for(20_000);
    assert_eq!(complaints(&world), Vec::<String>::new());
}

#[test]
fn catching_up_a_little_is_exact() {
    let mut one = deployed(&mini_cloud(), 1);
    let mut other = one.clone();
    one.set_load(5);
    other.set_load(5);
    let to_ms = one.now_ms() + 60_000;
    one.catch_up(to_ms);
    other.run_until(to_ms);
    assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&other).unwrap());
}

#[test]
fn the_story_of_a_failover_is_told() {
    let mut world = deployed(&mini_cloud(), 6);
    world.set_load(20);
    world.run_for(1_000);
    world.drain_events();
    world.inject(&fault("stop db1/galera")).unwrap();
    world.run_for(6_000);
    let told: Vec<String> = world.drain_events().into_iter().map(|event| format!("{}: {}", event.subject, event.text)).collect();
    for (place, wanted) in [
        "db1/galera: stop db1/galera",
        "db1/galera: galera leaves the cluster",
        "db1/galera: galera stopped: by a fault",
        "outside -> lb/haproxy: a request fails: connection refused",
        "db1: check of what database follows fails, leaves the VIP",
        "vip:database: db1 leaves database: its check fails",
        "vip:database: db2 takes 192.168.60.30",
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(told.get(place).map(String::as_str), Some(wanted), "{told:#?}");
    }
    assert!(told.iter().any(|text| text.starts_with("outside -> lb/haproxy: good request again through app")), "{told:#?}");
    assert_eq!(world.drain_events(), vec![]);
}

#[test]
fn a_damaged_world_is_known_as_such() {
    let mut world = deployed(&mini_cloud(), 1);
    world.set_load(20);
    world.run_for(1_000);
    assert!(world.is_sound());
    let good = serde_json::to_value(&world).unwrap();
    for table in ["machines", "networks", "services", "vips", "clusters", "requests"] {
        let mut bad = good.clone();
        let rows = bad[table].as_array_mut().unwrap();
        assert!(rows.pop().is_some(), "{table}");
        let read: World = serde_json::from_value(bad).unwrap();
        assert!(!read.is_sound(), "without the last of {table}");
    }
    assert!(serde_json::from_value::<World>(good).unwrap().is_sound());
}

#[test]
fn what_is_sent_to_a_blocked_service_is_dropped_and_its_own_probe_is_well() {
    let mut world = broken(&mini_cloud(), "block app1/todo");
    assert_eq!(health(&world, "app1/todo").0, Health::Healthy);
    assert_eq!(flow_health(&world, "lb/haproxy", "app1/todo").0, Health::Down);
    assert_eq!(flow_health(&world, "lb/haproxy", "app2/todo").0, Health::Healthy);
    world.heal_all();
    world.run_for(10_000);
    assert_eq!(complaints(&world), Vec::<String>::new());
}

#[test]
fn a_full_disk_stops_what_keeps_data_and_nothing_else() {
    let mut world = broken(&mini_cloud(), "fill-disk db1");
    assert_eq!(health(&world, "db1/galera"), (Health::Down, "no room on the disk".to_owned()));
    assert_eq!(health(&world, "db2/galera").0, Health::Healthy);
    let mut other = broken(&mini_cloud(), "fill-disk lb");
    assert_eq!(complaints(&other), Vec::<String>::new(), "a balancer keeps nothing");
    world.heal_all();
    other.heal_all();
    world.run_for(30_000);
    assert_eq!(complaints(&world), Vec::<String>::new());
}

#[test]
fn what_cannot_be_broken_is_refused() {
    let mut world = deployed(&mini_cloud(), 1);
    for text in ["expire app1/todo", "cookie app1/todo", "block lb/none", "hog-cpu nobody"] {
        assert!(world.inject(&fault(text)).is_err(), "{text}");
    }
    assert!(world.active_faults().is_empty());
}

#[test]
fn a_fault_with_a_time_heals_by_itself() {
    let mut world = deployed(&mini_cloud(), 1);
    let id = world.inject_for(&fault("stop db1/galera"), 5_000).unwrap();
    world.run_for(4_000);
    assert_eq!(world.active_faults().iter().map(|fault| fault.id).collect::<Vec<_>>(), [id]);
    world.run_for(1_500);
    assert!(world.active_faults().is_empty());
    world.run_for(30_000);
    assert_eq!(complaints(&world), Vec::<String>::new());
    let again = world.inject_for(&fault("pause app1"), 5_000).unwrap();
    world.heal(again).unwrap();
    world.run_for(10_000);
    assert!(world.active_faults().is_empty(), "one that is healed before its time is healed once");
}

#[test]
fn two_machines_with_one_address_are_told() {
    let mut lab = small_office();
    lab.nodes.get_mut("dir").unwrap().adapters[0].address = lab.nodes["app"].adapters[0].address;
    let seen = deployed(&lab, 1).observe();
    for node in ["app", "dir"] {
        let (health, reason) = (seen.nodes[node].health, seen.nodes[node].reason.as_str());
        assert!(health >= Health::Degraded && reason == "another machine has its address 10.0.1.11", "{node}: {health:?} {reason}");
    }
    assert_eq!(seen.nodes["db"].reason, "");
    assert!(deployed(&small_office(), 1).observe().nodes.values().all(|node| node.reason.is_empty()));
}
