//! A node is on no network.
//!
//! ## Why
//! It can be neither reached nor set up. It is advice only: a node that has just been dropped on the canvas is like this,
//! and while a lab has no networks at all, nothing is said.
//!
//! ## Example
//! `app2` has no adapter, in a lab with the network `frontend`.
//!
//! ## Do this instead
//! Draw a line from the node to a network.

use super::{Facts, Report, offer};
use crate::model::{Node, NodeName, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    if !node.adapters.is_empty() || facts.lab.networks.is_empty() {
        return;
    }
    let mut found = report.add(Subject::Node(name.clone()), format!("{name} is on no network"));
    for network in facts.joining() {
        let (title, edits) = offer::adapter(facts, name, node, network);
        found = found.fix(title, edits);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, codes, fixes, lab};

    #[test]
    fn a_node_on_no_network() {
        let node = |networks: &str, adapters: &str| {
            lab(&format!(r#"(name: "x", networks: {{{networks}}}, nodes: {{"db1": (role: database, adapters: [{adapters}], services: {{"db": (kind: "mariadb", bind: loopback)}})}})"#))
        };
        let lan = r#""lan": host_only(subnet: "192.168.56.0/24")"#;
        check("isolated-node", &node(lan, ""), &["db1 is on no network"]);
        assert_eq!(fixes("isolated-node", &node(lan, "")), ["Put db1 on lan with 192.168.56.10"]);
        assert_eq!(codes(&node(lan, "")), ["isolated-node"]);
        check("isolated-node", &node("", ""), &[]);
        check("isolated-node", &node(lan, r#"(network: "lan", address: "192.168.56.10")"#), &[]);
    }
}
