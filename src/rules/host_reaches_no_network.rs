//! The host reaches no network of the lab, so that administrators get to no node.
//!
//! ## Why
//! Without ssh a node can be neither set up nor repaired. Internal networks join nodes among themselves; a lab of nothing else
//! needs one network that the host is on. It is one cause, and it is reported once.
//!
//! ## Example
//! Five nodes on `lan`, an internal network, and no other network.
//!
//! ## Do this instead
//! Add a host-only network for management, and put every node on it; or make the network host-only.

use super::{Facts, Report};
use crate::model::{Edit, Network, NetworkKind, Subject};

/// How many nodes are named.
const NAMED_MAX: usize = 64;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    if facts.is_anything_managed() {
        return;
    }
    let drawn = facts.lab.nodes.iter().filter(|(_, node)| !node.adapters.is_empty()).take(NAMED_MAX);
    let nodes: Vec<_> = drawn.map(|(name, _)| name).collect();
    if nodes.is_empty() {
        return;
    }
    let mut found = report.add(Subject::Lab, "the host reaches no network of this lab: administrators get to none of its nodes");
    for name in nodes {
        found = found.involving(Subject::Node(name.clone()));
    }
    let mut joining = facts.joining().iter().filter_map(|name| Some((name, facts.network(name)?)));
    if let (Some((name, network)), None) = (joining.next(), joining.next())
        && network.kind == NetworkKind::Internal
    {
        let to = Network { kind: NetworkKind::HostOnly, ..network.clone() };
        found.fix(format!("Make {name} host-only"), vec![Edit::Network { name: name.clone(), at: None, to: Some(to) }]);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_lab_of_internal_networks() {
        let code = "host-reaches-no-network";
        let jars = |kind: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lan": {kind}(subnet: "192.168.56.0/24")}}, nodes: {{
                    "a": (role: worker, adapters: [(network: "lan", address: "192.168.56.10")]), "b": (role: worker, adapters: [(network: "lan", address: "192.168.56.11")]),
                }})"#
            ))
        };
        check(code, &jars("internal"), &["the host reaches no network of this lab: administrators get to none of its nodes"]);
        assert_eq!(fixes(code, &jars("internal")), ["Make lan host-only"]);
        check("node-without-management-path", &jars("internal"), &[]);
        check(code, &jars("host_only"), &[]);
        check(code, &lab(r#"(name: "x", nodes: {"a": (role: worker)})"#), &[]);
    }
}
