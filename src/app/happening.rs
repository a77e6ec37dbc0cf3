//! What happened: the differences between two looks at a running lab, as lines that people read.
//!
//! It compares what was observed and never guesses why.

use crate::fault::{done, state, subject_of};
use crate::look::Tone as LookTone;
use crate::model::{ActiveFault, Author, ClusterState, Fault, Health, NodeName, Observed, Power, ServiceRef, Subject};
use std::collections::BTreeSet;

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

/// What changed between two looks, in the order: faults, nodes, services, VIPs, clusters, flows.
pub fn between(before: &Observed, after: &Observed, viewer: Viewer<'_>) -> Vec<Happening> {
    let mut all = Vec::new();
    faults(before, after, viewer, &mut all);
    nodes(before, after, &mut all);
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
        if vip.holders == was {
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
    for flow in &after.flows {
        let old = before.flows.iter().find(|old| old.from == flow.from && old.to == flow.to);
        let was = old.map_or(Health::Unknown, |old| old.health);
        if flow.health == was || (old.is_none() && flow.health != Health::Down) {
            continue;
        }
        let what = match flow.health {
            Health::Healthy => format!("reaches {}", flow.to),
            Health::Degraded => format!("degraded: {}", flow.to),
            Health::Down => format!("cannot reach {}", flow.to),
            Health::Unknown => continue,
        };
        let why = if flow.reason.is_empty() || flow.health == Health::Healthy { String::new() } else { format!(": {}", flow.reason) };
        all.push(Happening {
            at_ms: after.at_ms,
            tone: tone_of(flow.health),
            who: flow.from.to_string(),
            what: format!("{what}{why}"),
            subject: Some(Subject::Flow(flow.from.clone(), flow.to.clone())),
            is_act: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ObservedVip;

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
