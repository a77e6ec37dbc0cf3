//! A fault in words: as something that was done, and as a state that lasts.

use crate::model::{Fault, NodeName, ServiceRef, Subject};

/// Names of a list that are said one by one; of more, only how many they are.
const NAMES_MAX: usize = 3;

/// A fault as something that was done: "stopped galera on db1".
pub fn done(fault: &Fault) -> String {
    match fault {
        Fault::Stop(service) => format!("stopped {}", at(service)),
        Fault::Kill(service) => format!("killed {}", at(service)),
        Fault::Hang(service) => format!("froze {}", at(service)),
        Fault::Restart(service) => format!("restarted {}", at(service)),
        Fault::Cookie(service) => format!("changed the cookie of {}", at(service)),
        Fault::PowerOff(node) => format!("powered {node} off"),
        Fault::Pause(node) => format!("paused {node}"),
        Fault::LinkDown(node, network) => format!("pulled the cable of {node} to {network}"),
        Fault::OneWay(from, to) => format!("dropped what {from} sends to {to}"),
        Fault::Cut(one, other) => format!("cut {} off from {}", list(one), list(other)),
        Fault::Loss(node, network, percent) => format!("dropped {percent} % of the packets of {node} on {network}"),
        Fault::Delay(node, network, ms) => format!("delayed the packets of {node} on {network} by {ms} ms"),
        Fault::Block(service) => format!("blocked {}", at(service)),
        Fault::Expire(service) => format!("expired the certificate of {}", at(service)),
        Fault::FillDisk(node) => format!("filled the disk of {node}"),
        Fault::FillMemory(node) => format!("filled the memory of {node}"),
        Fault::HogCpu(node) => format!("loaded the processors of {node}"),
        Fault::Skew(node, secs) => format!("set the clock of {node} off by {secs:+} s"),
        Fault::NoDns(node) => format!("blocked DNS lookups on {node}"),
    }
}

/// A fault as a state that lasts: "galera stopped on db1".
pub fn state(fault: &Fault) -> String {
    match fault {
        Fault::Stop(at) => format!("{} stopped on {}", at.service, at.node),
        Fault::Kill(at) => format!("{} killed on {}", at.service, at.node),
        Fault::Hang(at) => format!("{} frozen on {}", at.service, at.node),
        Fault::Restart(at) => format!("{} restarted on {}", at.service, at.node),
        Fault::Cookie(service) => format!("wrong cookie of {}", at(service)),
        Fault::PowerOff(node) => format!("{node} powered off"),
        Fault::Pause(node) => format!("{node} paused"),
        Fault::LinkDown(node, network) => format!("{node} unplugged from {network}"),
        Fault::OneWay(from, to) => format!("{from} cannot send to {to}"),
        Fault::Cut(one, other) => format!("{} cut off from {}", list(one), list(other)),
        Fault::Loss(node, network, percent) => format!("{node} loses {percent} % of its packets on {network}"),
        Fault::Delay(node, network, ms) => format!("packets of {node} on {network} are {ms} ms late"),
        Fault::Block(service) => format!("{} blocked", at(service)),
        Fault::Expire(service) => format!("certificate of {} expired", at(service)),
        Fault::FillDisk(node) => format!("disk of {node} full"),
        Fault::FillMemory(node) => format!("memory of {node} full"),
        Fault::HogCpu(node) => format!("processors of {node} loaded"),
        Fault::Skew(node, secs) => format!("clock of {node} off by {secs:+} s"),
        Fault::NoDns(node) => format!("DNS lookups blocked on {node}"),
    }
}

/// What a fault is told about: the lab where it is about nothing smaller.
pub fn told_about(fault: &Fault) -> Subject {
    subject_of(fault).unwrap_or(Subject::Lab)
}

/// What a fault is about, as one thing to show.
pub fn subject_of(fault: &Fault) -> Option<Subject> {
    match fault {
        fault if fault.service().is_some() => fault.service().cloned().map(Subject::Service),
        other => other.nodes().first().map(|node| Subject::Node((*node).clone())),
    }
}

/// Whether a fault falls on a thing or on what is part of it.
pub fn falls_on(fault: &Fault, subject: &Subject) -> bool {
    match subject {
        Subject::Node(node) => fault.nodes().contains(&node),
        Subject::Service(at) => fault.service().map_or_else(|| fault.adapter().is_none() && fault.nodes() == [&at.node], |on| on == at),
        Subject::Adapter(node, _, network) => fault.adapter().is_some_and(|on| on == (node, network)),
        _ => false,
    }
}

fn at(at: &ServiceRef) -> String {
    format!("{} on {}", at.service, at.node)
}

fn list(nodes: &[NodeName]) -> String {
    match nodes {
        [one] => one.to_string(),
        [first @ .., last] if nodes.len() <= NAMES_MAX => {
            format!("{} and {last}", first.iter().map(NodeName::as_str).collect::<Vec<_>>().join(", "))
        }
        many => format!("{} nodes", many.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_as_done_and_as_a_state() {
        let fault = |text: &str| text.parse::<Fault>().unwrap();
        for (text, was_done, is_so) in [
            ("stop db1/galera", "stopped galera on db1", "galera stopped on db1"),
            ("one-way app1 db1", "dropped what app1 sends to db1", "app1 cannot send to db1"),
            ("hog-cpu db1", "loaded the processors of db1", "processors of db1 loaded"),
            ("no-dns db1", "blocked DNS lookups on db1", "DNS lookups blocked on db1"),
            ("skew db1 -90s", "set the clock of db1 off by -90 s", "clock of db1 off by -90 s"),
            ("cut a,b c", "cut a and b off from c", "a and b cut off from c"),
            ("cut a b,c,d,e", "cut a off from 4 nodes", "a cut off from 4 nodes"),
        ] {
            assert_eq!((done(&fault(text)).as_str(), state(&fault(text)).as_str()), (was_done, is_so));
        }
    }

    #[test]
    fn a_fault_falls_on_its_service_its_adapter_and_their_node() {
        let stop: Fault = "stop db1/galera".parse().unwrap();
        let loss: Fault = "loss db1 backend 20%".parse().unwrap();
        let node = Subject::Node("db1".parse().unwrap());
        let adapter = Subject::Adapter("db1".parse().unwrap(), 0, "backend".parse().unwrap());
        let service = |text: &str| Subject::Service(text.parse().unwrap());
        assert!(falls_on(&stop, &node) && falls_on(&loss, &node));
        assert!(falls_on(&stop, &service("db1/galera")) && !falls_on(&stop, &service("db1/ssh")));
        assert!(falls_on(&loss, &adapter) && !falls_on(&stop, &adapter) && !falls_on(&loss, &service("db1/galera")));
        assert!(falls_on(&"power-off db1".parse().unwrap(), &service("db1/galera")));
    }
}
