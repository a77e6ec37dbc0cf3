//! An administrator cannot get to a node.
//!
//! ## Why
//! Without ssh a node can be neither set up nor mended. A lab with a management network keeps that way apart from its
//! traffic: then every node belongs on it, or behind a router or beside a bastion that is. In a lab without one, a node
//! must be on a network that the host gets to: any but an internal one.
//!
//! The way ends at ssh: a node whose only ssh server is bound to loopback admits no host. A lab of which the host reaches no
//! network at all is left to `host-reaches-no-network`.
//!
//! A node without adapters is left to `isolated-node`.
//!
//! ## Example
//! `lb`, `app1` and `db1` are on `management`, and `db2` is on `backend` only.
//!
//! ## Do this instead
//! Put the node on the management network.

use super::{Facts, Report, offer};
use crate::catalog::Behaviour;
use crate::model::{Bind, Endpoint, Flow, Node, NodeName, Purpose, Service, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    // Where the host reaches nothing at all, that is one finding about the lab.
    if node.adapters.is_empty() || !facts.is_anything_managed() {
        return;
    }
    if node.adapters.iter().any(|adapter| facts.is_managed(&adapter.network)) {
        on_loopback(facts, name, node, report);
        return;
    }
    let administration = facts.administration();
    let message = match administration.filter(|(_, network)| network.purpose == Purpose::Management) {
        Some((network, _)) => format!("{name} has no way for administrators: it is not on {network}"),
        None => format!("{name} has no way for administrators: the host does not get to its networks"),
    };
    let found = report.add(Subject::Node(name.clone()), message);
    if let Some((network, _)) = administration {
        let (title, edits) = offer::adapter(facts, name, node, network);
        found.involving(Subject::Network(network.clone())).fix(title, edits);
    }
}

/// Reports a node whose only way for administrators is bound to loopback.
fn on_loopback(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    let is_shell = |service: &Service| facts.behaviour(service) == Some(Behaviour::Shell);
    let mut shells = node.services.iter().filter(|(_, service)| is_shell(service));
    let Some((first, service)) = shells.next() else { return };
    if service.bind != Bind::Loopback || shells.any(|(_, service)| service.bind != Bind::Loopback) {
        return;
    }
    // A flow from another node to it says the same.
    let is_flow_to_it = |flow: &Flow| {
        matches!(&flow.to, Endpoint::Service(to) if to.node == *name && to.service == *first) && flow.from.node().is_some_and(|from| from != name)
    };
    if facts.flows_of(name).any(|(_, flow)| is_flow_to_it(flow)) {
        return;
    }
    let found = report.add(Subject::Node(name.clone()), format!("{name} has no way for administrators: {first} is bound to loopback (127.0.0.1)"));
    if let Some(network) = node.adapters.iter().map(|adapter| &adapter.network).find(|network| facts.joins(network) && facts.is_managed(network)) {
        let (title, edits) = offer::bind(name, first, service, network);
        found.fix(title, edits);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn managed(network: &str, adapters: &str, others: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"backend": internal(subnet: "10.2.0.0/24"), "mgmt": {network}}}, nodes: {{
                "db1": (role: database, adapters: [{adapters}]), {others}
            }})"#
        ))
    }

    #[test]
    fn a_node_off_the_management_network() {
        let network = r#"host_only(subnet: "192.168.56.0/24", purpose: management)"#;
        let on_backend = r#"(network: "backend", address: "10.2.0.10")"#;
        let off = managed(network, on_backend, "");
        check("node-without-management-path", &off, &["db1 has no way for administrators: it is not on mgmt"]);
        assert_eq!(fixes("node-without-management-path", &off), ["Put db1 on mgmt with 192.168.56.10"]);
        check("node-without-management-path", &managed(network, "", ""), &[]);
        check("node-without-management-path", &managed(network, r#"(network: "mgmt", address: "192.168.56.10")"#, ""), &[]);
        let beside = |role: &str, services: &str| {
            format!(r#""b": (role: {role}, adapters: [(network: "mgmt", address: "192.168.56.11"), (network: "backend", address: "10.2.0.11")], services: {{{services}}})"#)
        };
        check("node-without-management-path", &managed(network, on_backend, &beside("bastion", "")), &[]);
        check("node-without-management-path", &managed(network, on_backend, &beside("gateway", r#""r": (kind: "gateway")"#)), &[]);
        let app = managed(network, on_backend, &beside("app", ""));
        check("node-without-management-path", &app, &["db1 has no way for administrators: it is not on mgmt"]);
    }

    #[test]
    fn a_lab_without_a_management_network() {
        let network = r#"host_only(subnet: "192.168.56.0/24")"#;
        let message = "db1 has no way for administrators: the host does not get to its networks";
        check("node-without-management-path", &managed(network, r#"(network: "backend", address: "10.2.0.10")"#, ""), &[message]);
        check("node-without-management-path", &managed(network, r#"(network: "mgmt", address: "192.168.56.10")"#, ""), &[]);
    }

    #[test]
    fn ssh_that_lets_nobody_in() {
        let network = r#"host_only(subnet: "192.168.56.0/24", purpose: management)"#;
        let shell = |bind: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"mgmt": {network}}}, nodes: {{
                    "n": (role: worker, adapters: [(network: "mgmt", address: "192.168.56.10")], services: {{"ssh": (kind: "sshd", bind: {bind})}}),
                }})"#
            ))
        };
        check("node-without-management-path", &shell("loopback"), &["n has no way for administrators: ssh is bound to loopback (127.0.0.1)"]);
        assert_eq!(fixes("node-without-management-path", &shell("loopback")), ["Bind ssh to mgmt"]);
        check("node-without-management-path", &shell("any"), &[]);
    }
}
