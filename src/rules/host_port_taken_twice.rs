//! One port of the host is forwarded to two places.
//!
//! ## Why
//! A port can be opened once. The node that starts second comes up without its forward, and requests go to the first.
//!
//! ## Example
//! `lb` forwards host port 8080 to its port 80, and `monitor` forwards 8080 to its port 9090.
//!
//! ## Do this instead
//! Forward another port of the host for one of them.

use super::{Facts, Report, offer};
use crate::model::{Forward, NodeName, Subject};
use std::{collections::BTreeMap, net::Ipv4Addr};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    // The first at each address of a port, and the first of all there.
    let mut first: BTreeMap<(u16, Option<Ipv4Addr>), &NodeName> = BTreeMap::new();
    for (name, node) in &facts.lab.nodes {
        for (slot, adapter) in node.adapters.iter().enumerate() {
            for forward in &adapter.forwards {
                // Who listens on every address is in the way of all, and all are in the way of it.
                let here = Some(forward.address).filter(|address| !address.is_unspecified());
                let others = [(forward.host, here), (forward.host, Some(Ipv4Addr::UNSPECIFIED))];
                let Some(other) = others.iter().find_map(|key| first.get(key)).copied() else {
                    first.entry((forward.host, None)).or_insert(name);
                    first.insert((forward.host, Some(forward.address)), name);
                    continue;
                };
                let message = if other == name {
                    format!("{name} forwards host port {} twice", forward.host)
                } else {
                    format!("host port {} of {name} is also forwarded to {other}", forward.host)
                };
                let subject = Subject::Adapter(name.clone(), slot, adapter.network.clone());
                let found = report.add(subject, message).involving(Subject::Node(other.clone()));
                if let Some(host) = offer::free_host_port(facts, forward.host) {
                    let edits = offer::forward(name, node, slot, forward, Some(Forward { host, ..*forward }));
                    found.fix(format!("Use host port {host}"), edits);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn two_forwards_of_one_port() {
        let forwards = |one: &str, other: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"internet": nat()}}, nodes: {{
                    "a": (role: app, adapters: [(network: "internet", forwards: [({one}, to: 80)])]),
                    "b": (role: app, adapters: [(network: "internet", forwards: [({other}, to: 80)])]),
                }})"#
            ))
        };
        let clash = forwards("host: 8080", r#"host: 8080, address: "0.0.0.0""#);
        check("host-port-taken-twice", &clash, &["host port 8080 of b is also forwarded to a"]);
        assert_eq!(fixes("host-port-taken-twice", &clash), ["Use host port 8081"]);
        check("host-port-taken-twice", &forwards("host: 8080", "host: 8081"), &[]);
        check("host-port-taken-twice", &forwards("host: 8080", r#"host: 8080, address: "192.168.1.5""#), &[]);
    }

    #[test]
    fn one_node_forwards_a_port_twice() {
        let twice = |second: u16| {
            lab(&format!(
                r#"(name: "x", networks: {{"internet": nat()}}, nodes: {{"a": (role: app, adapters: [(network: "internet", forwards: [(host: 8080, to: 80), (host: {second}, to: 443)])])}})"#
            ))
        };
        check("host-port-taken-twice", &twice(8080), &["a forwards host port 8080 twice"]);
        check("host-port-taken-twice", &twice(8443), &[]);
    }
}
