//! What happened: the differences between two observations of a running lab, as lines that people read, in the window and in
//! `status --watch`.
//!
//! It compares what was observed and never guesses why.

use crate::fault::{done, state, subject_of};
use crate::look::Tone as LookTone;
use crate::model::{
    ActiveFault, Author, ClusterState, Fault, FlowId, Health, NetworkName, NodeName, Observed, ObservedFlow, Power, ServiceRef, Subject,
};
use std::collections::{BTreeSet, HashMap, HashSet};

/// How good what happened is: the colour of its mark.
pub type Tone = LookTone;

/// One line of the events.
#[derive(Debug, Clone, PartialEq)]
pub struct Happening {
    /// When, in milliseconds of the lab's clock.
    pub at_ms: u64,
    /// How good it is.
    pub tone: Tone,
    /// Who did it, or where: "you", or a thing's name.
    pub who: String,
    /// What.
    pub what: String,
    /// The thing it is about, to be shown on a click.
    pub subject: Option<Subject>,
    /// Whether it was done to the lab and did not just happen: times count from the last such line.
    pub is_act: bool,
}

/// Who looks: whose acts are told as "you".
#[derive(Debug, Clone, Copy)]
pub struct Viewer<'a> {
    /// The process of the window.
    pub process: u32,
    /// Faults that this window heals or has healed.
    pub healing: &'a BTreeSet<u64>,
}

impl Viewer<'_> {
    /// Who injected a fault, in a word.
    pub fn author(&self, by: Author) -> &'static str {
        match by {
            Author::Window { process } if process == self.process => YOU,
            Author::Window { .. } => "another window",
            Author::CommandLine => "command line",
            Author::Unknown => "not recorded",
        }
    }
}

/// The user of this window.
const YOU: &str = "you";
/// How much later than its timer says a fault may be found healed, in milliseconds.
const TIMER_MS: u64 = 1500;

fn tone_of(health: Health) -> Tone {
    match health {
        Health::Healthy => Tone::Good,
        Health::Degraded => Tone::Warn,
        Health::Down => Tone::Bad,
        Health::Unknown => Tone::Neutral,
    }
}

/// What changed between two observations, in the order: faults, networks, nodes, services, VIPs, clusters, flows.
pub fn between(before: &Observed, after: &Observed, viewer: Viewer<'_>) -> Vec<Happening> {
    let mut all = Vec::new();
    faults(before, after, viewer, &mut all);
    networks(before, after, &mut all);
    nodes(before, after, &mut all);
    conditions(before, after, &mut all);
    vips(before, after, &mut all);
    clusters(before, after, &mut all);
    flows(before, after, &mut all);
    all
}

fn faults(before: &Observed, after: &Observed, viewer: Viewer<'_>, all: &mut Vec<Happening>) {
    let is_new = |fault: &&ActiveFault| !before.faults.iter().any(|old| old.id == fault.id);
    let is_gone = |fault: &&ActiveFault| !after.faults.iter().any(|new| new.id == fault.id);
    let mut say = |at_ms, tone, who: &str, what, fault: &ActiveFault| {
        all.push(Happening { at_ms, tone, who: who.to_owned(), what, subject: subject_of(&fault.fault), is_act: true });
    };
    for fault in after.faults.iter().filter(is_new) {
        say(fault.since_ms, Tone::Bad, viewer.author(fault.by), done(&fault.fault), fault);
    }
    for fault in before.faults.iter().filter(is_gone) {
        let words = state(&fault.fault);
        // A timer ends a fault at its moment; whoever looks sees it a little later.
        let expired = fault.until_ms.filter(|until_ms| *until_ms <= after.at_ms + TIMER_MS);
        let (at_ms, who, what) = match expired {
            _ if viewer.healing.contains(&fault.id) => (after.at_ms, YOU, format!("healed: {words}")),
            Some(until_ms) => (until_ms.clamp(before.at_ms.min(after.at_ms), after.at_ms), "timer", format!("healed: {words}")),
            None if matches!(fault.fault, Fault::Kill(_)) => (after.at_ms, "restart", format!("over: {words}")),
            None => (after.at_ms, "another process", format!("healed: {words}")),
        };
        say(at_ms, Tone::Good, who, what, fault);
    }
}

fn networks(before: &Observed, after: &Observed, all: &mut Vec<Happening>) {
    let mut say = |name: &NetworkName, tone, what: &str| {
        let (who, subject) = (format!("network {name}"), Some(Subject::Network(name.clone())));
        all.push(Happening { at_ms: after.at_ms, tone, who, what: what.to_owned(), subject, is_act: false });
    };
    after.networks.keys().filter(|name| !before.networks.contains_key(*name)).for_each(|name| say(name, Tone::Neutral, "is made"));
    before.networks.keys().filter(|name| !after.networks.contains_key(*name)).for_each(|name| say(name, Tone::Neutral, "is gone"));
}

/// What changed of nodes that ran before and still run: their links, and what is wrong with the node itself.
fn conditions(before: &Observed, after: &Observed, all: &mut Vec<Happening>) {
    for (name, node) in &after.nodes {
        let Some(old) = before.nodes.get(name) else { continue };
        if old.power != Power::Running || node.power != Power::Running {
            continue;
        }
        let mut say = |tone, what: String| {
            let subject = Some(Subject::Node(name.clone()));
            all.push(Happening { at_ms: after.at_ms, tone, who: name.to_string(), what, subject, is_act: false });
        };
        let links = old.links_up.iter().zip(&node.links_up).enumerate();
        for (slot, (_, is_up)) in links.filter(|(_, (was_up, is_up))| was_up != is_up) {
            let adapter = node.spec.as_ref().and_then(|spec| spec.adapters.get(slot));
            let place = adapter.map_or_else(|| format!("adapter {}", slot + 1), |adapter| adapter.network.to_string());
            let (tone, state) = if *is_up { (Tone::Good, "up") } else { (Tone::Bad, "down") };
            say(tone, format!("its link to {place} is {state}"));
        }
        if node.reason != old.reason {
            match node.reason.as_str() {
                "" => say(Tone::Good, format!("no longer: {}", old.reason)),
                reason => say(tone_of(node.health), reason.to_owned()),
            }
        }
    }
}

fn nodes(before: &Observed, after: &Observed, all: &mut Vec<Happening>) {
    for (name, node) in &after.nodes {
        let old = before.nodes.get(name);
        let subject = Some(Subject::Node(name.clone()));
        let mut say =
            |at_ms, tone, what: String, subject| all.push(Happening { at_ms, tone, who: name.to_string(), what, subject, is_act: false });
        let was = old.map_or(Power::Missing, |old| old.power);
        if node.power != was || (node.is_booting && !old.is_some_and(|old| old.is_booting)) {
            let (tone, what) = match node.power {
                Power::Running | Power::Stopped if node.is_booting => (Tone::Neutral, "is booting"),
                Power::Running => (Tone::Good, "is running"),
                Power::Paused => (Tone::Bad, "is frozen"),
                Power::Stopped if was == Power::Missing => (Tone::Neutral, "is made, and off"),
                Power::Stopped => (Tone::Bad, "is off"),
                Power::Missing => (Tone::Neutral, "is gone"),
            };
            say(after.at_ms, tone, what.to_owned(), subject.clone());
        }
        for (service_name, service) in &node.services {
            let was = old.and_then(|old| old.services.get(service_name)).map_or(Health::Unknown, |old| old.health);
            if service.health == was || service.spec.is_none() {
                continue;
            }
            let why = if service.reason.is_empty() || service.health == Health::Healthy {
                String::new()
            } else {
                format!(": {}", service.reason)
            };
            let at = ServiceRef { node: name.clone(), service: service_name.clone() };
            let what = format!("{service_name} is {}{why}", service.health.title());
            say(service.since_ms.max(before.at_ms).min(after.at_ms), tone_of(service.health), what, Some(Subject::Service(at)));
        }
    }
    for name in before.nodes.keys().filter(|name| !after.nodes.contains_key(*name)) {
        all.push(Happening {
            at_ms: after.at_ms,
            tone: Tone::Neutral,
            who: name.to_string(),
            what: "is gone".into(),
            subject: None,
            is_act: false,
        });
    }
}

fn vips(before: &Observed, after: &Observed, all: &mut Vec<Happening>) {
    for (name, vip) in &after.vips {
        let was: &[NodeName] = before.vips.get(name).map_or(&[], |old| &old.holders);
        // Which of several took it last may change as they announce it.
        if vip.holders.len() == was.len() && was.iter().all(|node| vip.holders.contains(node)) {
            continue;
        }
        let address = vip.address.map_or_else(|| name.to_string(), |address| address.to_string());
        let at_ms = vip.since_ms.max(before.at_ms).min(after.at_ms);
        let subject = Some(Subject::Vip(name.clone()));
        for lost in was.iter().filter(|node| !vip.holders.contains(node)) {
            all.push(Happening {
                at_ms,
                tone: Tone::Warn,
                who: lost.to_string(),
                what: format!("leaves {address}"),
                subject: subject.clone(),
                is_act: false,
            });
        }
        for new in vip.holders.iter().filter(|node| !was.contains(node)) {
            all.push(Happening {
                at_ms,
                tone: Tone::Vip,
                who: new.to_string(),
                what: format!("takes {address}"),
                subject: subject.clone(),
                is_act: false,
            });
        }
        let alarm = match vip.holders.len() {
            0 => Some(format!("nobody holds {address}")),
            1 => None,
            several => Some(format!("{several} nodes hold {address} at once")),
        };
        if let Some(what) = alarm {
            all.push(Happening { at_ms, tone: Tone::Bad, who: name.to_string(), what, subject, is_act: false });
        }
    }
}

fn clusters(before: &Observed, after: &Observed, all: &mut Vec<Happening>) {
    for (name, cluster) in &after.clusters {
        if before.clusters.get(name).map(|old| old.state) == Some(cluster.state) {
            continue;
        }
        let (tone, what) = match cluster.state {
            ClusterState::Whole => (Tone::Good, "all members are together".to_owned()),
            ClusterState::Partial => {
                let there = cluster.parts.first().map_or(0, Vec::len);
                (Tone::Warn, format!("{there} of {} members work on", cluster.size))
            }
            ClusterState::Stopped => (Tone::Bad, "has no quorum: it stands still".to_owned()),
            ClusterState::Split => (Tone::Bad, "is split: two parts work, and their data will differ".to_owned()),
        };
        let subject = Some(Subject::Cluster(name.clone()));
        all.push(Happening { at_ms: after.at_ms, tone, who: name.to_string(), what, subject, is_act: false });
    }
}

fn flows(before: &Observed, after: &Observed, all: &mut Vec<Happening>) {
    // A layout may have a flow twice: the first counts.
    let old_flows: HashMap<&FlowId, &ObservedFlow> = before.flows.iter().rev().map(|old| (&old.id, old)).collect();
    let mut told = HashSet::new();
    for flow in after.flows.iter().filter(|flow| told.insert(&flow.id)) {
        let old = old_flows.get(&flow.id);
        let was = old.map_or(Health::Unknown, |old| old.health);
        if flow.health == was || (old.is_none() && flow.health != Health::Down) {
            continue;
        }
        let what = match flow.health {
            Health::Healthy => format!("reaches {}", flow.id.target()),
            Health::Degraded => format!("degraded: {}", flow.id.target()),
            Health::Down => format!("cannot reach {}", flow.id.target()),
            Health::Unknown => continue,
        };
        let why = if flow.reason.is_empty() || flow.health == Health::Healthy { String::new() } else { format!(": {}", flow.reason) };
        all.push(Happening {
            at_ms: after.at_ms,
            tone: tone_of(flow.health),
            who: flow.id.from.to_string(),
            what: format!("{what}{why}"),
            subject: Some(Subject::Flow(flow.id.clone())),
            is_act: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NetworkKind, NetworkSpec, ObservedNetwork, ObservedNode, ObservedService, ObservedVip};

    fn holding(holders: &[&str], at_ms: u64) -> Observed {
        let holders = holders.iter().map(|name| name.parse().unwrap()).collect();
        let vip = ObservedVip { address: Some("192.168.60.30".parse().unwrap()), holders, since_ms: at_ms, ..ObservedVip::default() };
        Observed { at_ms, vips: [("database".parse().unwrap(), vip)].into(), ..Observed::default() }
    }

    fn lines(before: &Observed, after: &Observed) -> Vec<String> {
        between(before, after, Viewer { process: 0, healing: &BTreeSet::new() })
            .into_iter()
            .map(|event| format!("{} {} {}", event.at_ms, event.who, event.what))
            .collect()
    }

    #[test]
    fn a_move_of_the_vip_is_two_lines_and_none_or_two_holders_are_an_alarm() {
        let [one, other, none, two] = [holding(&["db1"], 0), holding(&["db2"], 1300), holding(&[], 900), holding(&["db1", "db2"], 500)];
        assert_eq!(lines(&one, &other), ["1300 db1 leaves 192.168.60.30", "1300 db2 takes 192.168.60.30"]);
        assert_eq!(lines(&one, &none).last().unwrap(), "900 database nobody holds 192.168.60.30");
        assert_eq!(lines(&one, &two).last().unwrap(), "500 database 2 nodes hold 192.168.60.30 at once");
        assert!(lines(&one, &one).is_empty());
    }

    #[test]
    fn what_becomes_of_machines_is_told() {
        let node = |power| ObservedNode { power, links_up: vec![true], ..ObservedNode::default() };
        let world = |at_ms, nodes: &[(&str, ObservedNode)]| {
            let nodes = nodes.iter().map(|(name, node)| (name.parse().unwrap(), node.clone())).collect();
            Observed { at_ms, nodes, ..Observed::default() }
        };
        let running = world(0, &[("db1", node(Power::Running))]);
        let told = |after: &ObservedNode| lines(&running, &world(9, &[("db1", after.clone())]));
        assert_eq!(told(&node(Power::Stopped)), ["9 db1 is off"]);
        assert_eq!(told(&node(Power::Paused)), ["9 db1 is frozen"]);
        assert_eq!(told(&node(Power::Missing)), ["9 db1 is gone"]);
        assert_eq!(lines(&running, &world(9, &[])), ["9 db1 is gone"]);
        assert_eq!(told(&ObservedNode { links_up: vec![false], ..node(Power::Running) }), ["9 db1 its link to adapter 1 is down"]);
        let full = ObservedNode { reason: "its disk is full".into(), health: Health::Degraded, ..node(Power::Running) };
        assert_eq!(told(&full), ["9 db1 its disk is full"]);
        assert_eq!(lines(&world(0, &[("db1", full)]), &world(9, &[("db1", node(Power::Running))])), ["9 db1 no longer: its disk is full"]);
        assert!(told(&node(Power::Running)).is_empty());
        let service = |health, reason: &str| {
            let spec = Some(crate::testing::service("mariadb"));
            let service = ObservedService { spec, health, reason: reason.into(), since_ms: 4, ..ObservedService::default() };
            ObservedNode { services: [("sql".parse().unwrap(), service)].into(), ..node(Power::Running) }
        };
        let healthy = world(0, &[("db1", service(Health::Healthy, ""))]);
        assert_eq!(lines(&healthy, &world(9, &[("db1", service(Health::Down, "not running"))])), ["4 db1 sql is down: not running"]);
        let wired = Observed { at_ms: 9, networks: [("lab".parse().unwrap(), network())].into(), ..running.clone() };
        assert_eq!(lines(&running, &wired), ["9 network lab is made"]);
        assert_eq!(lines(&wired, &running), ["0 network lab is gone"]);
    }

    fn network() -> ObservedNetwork {
        ObservedNetwork::of(NetworkSpec { kind: NetworkKind::Internal, subnet: None, dhcp: None, interface: None })
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
        assert_eq!(lines(&one, &other), ["0 outside reaches lb/haproxy:8404"]);
        let down = observed(Health::Down, Health::Down);
        assert_eq!(lines(&one, &down), ["0 outside cannot reach lb/haproxy"]);
        // A layout may have a flow twice: it has one event.
        let twice = |health| Observed { flows: vec![flow("a -> b", health), flow("a -> b", Health::Down)], ..Observed::default() };
        assert_eq!(lines(&twice(Health::Healthy), &twice(Health::Down)), ["0 a cannot reach b"]);
        assert!(lines(&twice(Health::Healthy), &twice(Health::Healthy)).is_empty());
    }

    #[test]
    fn a_fault_comes_and_goes_and_its_author_is_told() {
        let healing = BTreeSet::from([7]);
        let told = |before: &Observed, after: &Observed| {
            let events = between(before, after, Viewer { process: 5, healing: &healing });
            events.into_iter().map(|event| format!("{} {} {}", event.at_ms, event.who, event.what)).collect::<Vec<_>>()
        };
        let quiet = |at_ms| Observed { at_ms, ..Observed::default() };
        let broken = |id, by, until_ms| {
            let fault = ActiveFault { id, fault: "stop db1/galera".parse().unwrap(), since_ms: 40, until_ms, by };
            Observed { at_ms: 50, faults: vec![fault], ..Observed::default() }
        };
        for (by, who) in [
            (Author::Window { process: 5 }, "you"),
            (Author::Window { process: 6 }, "another window"),
            (Author::CommandLine, "command line"),
            (Author::Unknown, "not recorded"),
        ] {
            assert_eq!(told(&quiet(0), &broken(1, by, None)), [format!("40 {who} stopped galera on db1")]);
        }
        let healed = |id, until_ms| told(&broken(id, Author::CommandLine, until_ms), &quiet(9000));
        assert_eq!(healed(7, None), ["9000 you healed: galera stopped on db1"]);
        assert_eq!(healed(1, Some(8800)), ["8800 timer healed: galera stopped on db1"]);
        assert_eq!(healed(1, Some(600_000)), ["9000 another process healed: galera stopped on db1"]);
    }
}
