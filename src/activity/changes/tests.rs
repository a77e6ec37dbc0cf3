//! Pairs of observations and the events between them.

use super::*;
use crate::model::{self, NetworkKind, NetworkSpec, Observed, ObservedNetwork, ObservedService, ObservedVip, RequestOutage};
use std::collections::BTreeSet;

/// The wall clock at the lab's moment 0.
const EPOCH_MS: u64 = 1_700_000_000_000;

fn stream(before: &Observed, after: &Observed, viewer: Viewer<'_>) -> Vec<Event> {
    between(sample(before), sample(after), viewer)
}

fn at(wall_ms: u64, observed: &Observed) -> Sample<'_> {
    Sample { wall_ms, observed, outage: None }
}

/// An observation of a lab whose clock goes like that on the wall.
fn sample(observed: &Observed) -> Sample<'_> {
    Sample { wall_ms: EPOCH_MS + observed.at_ms, observed, outage: None }
}

fn nobody(healing: &BTreeSet<u64>) -> Viewer<'_> {
    Viewer { process: 5, healing, operation: None }
}

/// Events as text: moment of the lab, author, who and what.
fn lines_of(before: &Observed, after: &Observed, viewer: Viewer<'_>) -> Vec<String> {
    let events = stream(before, after, viewer);
    assert!(events.iter().all(|event| event.at_ms == EPOCH_MS + event.lab_ms), "{events:?}");
    events.iter().map(|event| format!("{} {:?} {} {}", event.lab_ms, event.author, event.who(), event.what())).collect()
}

fn lines(before: &Observed, after: &Observed) -> Vec<String> {
    lines_of(before, after, nobody(&BTreeSet::new()))
}

fn holding(holders: &[&str], at_ms: u64) -> Observed {
    let holders = holders.iter().map(|name| name.parse().unwrap()).collect();
    let vip = ObservedVip { address: Some("192.168.60.30".parse().unwrap()), holders, since_ms: at_ms, ..ObservedVip::default() };
    Observed { at_ms, vips: [("database".parse().unwrap(), vip)].into(), ..Observed::default() }
}

#[test]
fn a_move_of_the_vip_is_two_events_and_none_or_two_holders_are_an_alarm() {
    let [one, other, none, two] = [holding(&["db1"], 0), holding(&["db2"], 1300), holding(&[], 900), holding(&["db1", "db2"], 500)];
    assert_eq!(lines(&one, &other), ["1300 Lab db1 leaves 192.168.60.30", "1300 Lab db2 takes 192.168.60.30"]);
    assert_eq!(lines(&one, &none).last().unwrap(), "900 Lab database no node holds 192.168.60.30");
    assert_eq!(lines(&one, &two).last().unwrap(), "500 Lab database 2 nodes hold 192.168.60.30 at once");
    assert!(lines(&one, &one).is_empty());
}

fn node(power: Power) -> ObservedNode {
    ObservedNode { power, links_up: vec![true], ..ObservedNode::default() }
}

fn world(at_ms: u64, nodes: &[(&str, ObservedNode)]) -> Observed {
    let nodes = nodes.iter().map(|(name, node)| (name.parse().unwrap(), node.clone())).collect();
    Observed { at_ms, nodes, ..Observed::default() }
}

#[test]
fn nodes_networks_and_services_change() {
    let running = world(0, &[("db1", node(Power::Running))]);
    let becomes = |after: &ObservedNode| lines(&running, &world(9, &[("db1", after.clone())]));
    assert_eq!(becomes(&node(Power::Stopped)), ["9 Lab db1 is off"]);
    assert_eq!(becomes(&node(Power::Paused)), ["9 Lab db1 is paused"]);
    assert_eq!(becomes(&node(Power::Missing)), ["9 AnotherProcess db1 is removed"]);
    assert_eq!(lines(&running, &world(9, &[])), ["9 AnotherProcess db1 is removed"]);
    assert_eq!(becomes(&ObservedNode { links_up: vec![false], ..node(Power::Running) }), ["9 Lab db1 its link to adapter 1 is down"]);
    let full = ObservedNode { reason: "its disk is full".into(), health: Health::Degraded, ..node(Power::Running) };
    assert_eq!(becomes(&full), ["9 Lab db1 its disk is full"]);
    assert_eq!(lines(&world(0, &[("db1", full)]), &world(9, &[("db1", node(Power::Running))])), ["9 Lab db1 no longer: its disk is full"]);
    assert!(becomes(&node(Power::Running)).is_empty());
    let service = |health, reason: &str| {
        let spec = Some(crate::testing::service("mariadb"));
        let service = ObservedService { spec, health, reason: reason.into(), since_ms: 4, ..ObservedService::default() };
        ObservedNode { services: [("sql".parse().unwrap(), service)].into(), ..node(Power::Running) }
    };
    let healthy = world(0, &[("db1", service(Health::Healthy, ""))]);
    assert_eq!(lines(&healthy, &world(9, &[("db1", service(Health::Down, "not running"))])), ["4 Lab db1 sql is down: not running"]);
    let mut promoted = service(Health::Healthy, "");
    let spec = promoted.services.values_mut().next().and_then(|service| service.spec.as_mut()).unwrap();
    spec.promoted_from = Some("db2/sql".parse().unwrap());
    assert_eq!(lines(&healthy, &world(9, &[("db1", promoted)])), ["9 AnotherProcess db1 sql is the primary now"]);
}

#[test]
fn what_is_created_and_removed_has_the_process_as_its_author() {
    let network = ObservedNetwork::of(NetworkSpec { kind: NetworkKind::Internal, subnet: None, dhcp: None, interface: None });
    let nothing = world(0, &[]);
    let made = Observed { networks: [("lab".parse().unwrap(), network)].into(), ..world(9, &[("db1", node(Power::Stopped))]) };
    let healing = BTreeSet::new();
    for (operation, author) in [(Some(Operation::Deploy), "Viewer"), (None, "AnotherProcess")] {
        let viewer = Viewer { operation, ..nobody(&healing) };
        let created = [format!("9 {author} network lab is created"), format!("9 {author} db1 is created, and off")];
        assert_eq!(lines_of(&nothing, &made, viewer), created);
    }
    assert_eq!(lines(&made, &nothing), ["0 AnotherProcess network lab is removed", "0 AnotherProcess db1 is removed"]);
}

#[test]
fn flows_with_the_same_ends_have_events_of_their_own() {
    let flow = |id: &str, health| ObservedFlow {
        id: id.parse().unwrap(),
        health,
        forward: true,
        backward: true,
        latency_ms: None,
        reason: String::new(),
    };
    let observed = |site, page| Observed {
        flows: vec![flow("outside -> lb/haproxy", site), flow("outside -> lb/haproxy:8404", page)],
        ..Observed::default()
    };
    let (one, other) = (observed(Health::Healthy, Health::Down), observed(Health::Healthy, Health::Healthy));
    assert!(lines(&one, &one).is_empty(), "nothing changed");
    assert_eq!(lines(&one, &other), ["0 Lab outside reaches lb/haproxy:8404"]);
    let down = observed(Health::Down, Health::Down);
    assert_eq!(lines(&one, &down), ["0 Lab outside cannot reach lb/haproxy"]);
    // A layout may have a flow twice: it has one event.
    let twice = |health| Observed { flows: vec![flow("a -> b", health), flow("a -> b", Health::Down)], ..Observed::default() };
    assert_eq!(lines(&twice(Health::Healthy), &twice(Health::Down)), ["0 Lab a cannot reach b"]);
    assert!(lines(&twice(Health::Healthy), &twice(Health::Healthy)).is_empty());
}

fn quiet(at_ms: u64) -> Observed {
    Observed { at_ms, ..Observed::default() }
}

fn broken(fault: &str, id: u64, by: model::Author, until_ms: Option<u64>) -> Observed {
    let fault = ActiveFault { id, fault: fault.parse().unwrap(), since_ms: 40, until_ms, by };
    Observed { faults: vec![fault], ..quiet(50) }
}

#[test]
fn a_fault_has_its_injector_and_its_healer_as_authors() {
    use model::Author::{CommandLine, Unknown, Window};
    let healing = BTreeSet::from([7]);
    let viewer = nobody(&healing);
    let stop = "stop db1/galera";
    for (by, who) in [
        (Window { process: 5 }, "Viewer you"),
        (Window { process: 6 }, "AnotherWindow another window"),
        (CommandLine, "CommandLine command line"),
        (Unknown, "Unknown not recorded"),
    ] {
        assert_eq!(lines_of(&quiet(0), &broken(stop, 1, by, None), viewer), [format!("40 {who} stopped galera on db1")]);
    }
    let healed = |id, until_ms| lines_of(&broken(stop, id, CommandLine, until_ms), &quiet(9000), viewer);
    assert_eq!(healed(7, None), ["9000 Viewer you healed: galera stopped on db1"]);
    assert_eq!(healed(1, Some(8800)), ["8800 Timer timer healed: galera stopped on db1"]);
    assert_eq!(healed(1, Some(600_000)), ["9000 AnotherProcess another process healed: galera stopped on db1"]);
    // Of what this window injected, too.
    let own = broken(stop, 1, Window { process: 5 }, None);
    assert_eq!(lines_of(&own, &quiet(9000), viewer), ["9000 AnotherProcess another process healed: galera stopped on db1"]);
    let killed = broken("kill db1/galera", 1, CommandLine, None);
    assert_eq!(lines_of(&killed, &quiet(9000), viewer), ["9000 Lab restart over: galera killed on db1"]);
}

#[test]
fn events_have_the_time_of_the_wall_although_the_clock_of_the_lab_jumps() {
    let healing = BTreeSet::new();
    // A deployment of another process has moved the lab's clock on by a minute while two seconds have passed.
    let (before, after) = (holding(&["db1"], 1000), Observed { at_ms: 61_000, ..holding(&["db2"], 30_000) });
    let events = |after_wall_ms| {
        let (before, after) = (at(EPOCH_MS, &before), at(EPOCH_MS + after_wall_ms, &after));
        between(before, after, nobody(&healing)).iter().map(|event| event.at_ms - EPOCH_MS).collect::<Vec<_>>()
    };
    assert_eq!(events(2000), [0, 0], "no earlier than the observation before");
    assert_eq!(events(60_000), [29_000, 29_000]);
    // What is learnt late happened when it happened.
    let late = Observed { at_ms: 100, faults: broken("pause db1", 1, model::Author::CommandLine, None).faults, ..Observed::default() };
    let early = quiet(60);
    let (one, other) = (at(EPOCH_MS, &early), at(EPOCH_MS + 40, &late));
    assert_eq!(between(one, other, nobody(&healing)).iter().map(|event| event.at_ms).collect::<Vec<_>>(), [EPOCH_MS - 20]);
}

#[test]
fn requests_that_are_answered_again_are_one_event() {
    let outage = |fault_at_ms, answered_after_ms| RequestOutage {
        fault_at_ms,
        requests: 9,
        failed_requests: 3,
        answered_after_ms,
        entries: Vec::new(),
    };
    let healing = BTreeSet::new();
    let (one, other) = (quiet(1000), quiet(5000));
    let events = |before: Option<RequestOutage>, after: RequestOutage| {
        let (old, new) = (Sample { outage: before.as_ref(), ..sample(&one) }, Sample { outage: Some(&after), ..sample(&other) });
        let events = between(old, new, nobody(&healing)).into_iter();
        events.map(|event| format!("{} {:?} {} {}", event.lab_ms, event.author, event.who(), event.what())).collect::<Vec<_>>()
    };
    let told = ["3500 Lab requests recovered"];
    assert_eq!(events(Some(outage(900, None)), outage(900, Some(2600))), told);
    assert_eq!(events(None, outage(1100, Some(2400))), told, "the fault is newer than the observation before");
    assert_eq!(events(Some(outage(10, Some(3))), outage(1100, Some(2400))), told, "of another fault");
    assert!(events(Some(outage(900, Some(2600))), outage(900, Some(2600))).is_empty());
    assert!(events(None, outage(900, Some(2600))).is_empty() && events(Some(outage(900, None)), outage(900, None)).is_empty());
}
