//! A file sync has no partner to keep files the same with.
//!
//! ## Why
//! Files that are written on one node stay there, and the first request that another node answers does not find them.
//!
//! ## Example
//! `app1/sync` is in the cluster `uploads`, and no other service is.
//!
//! ## Do this instead
//! Put a file sync of the same cluster on each node that must have the files.

use super::{Facts, Report};
use crate::catalog::Behaviour;
use crate::model::{Endpoint, Node, NodeName, ServiceRef, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        if facts.behaviour(service) != Some(Behaviour::Sync) {
            continue;
        }
        let at = ServiceRef { node: name.clone(), service: service_name.clone() };
        let has_partner = match &service.cluster {
            Some(cluster) => facts.is_on_other_nodes(cluster, name),
            None => false,
        };
        let is_here = |end: &Endpoint| matches!(end, Endpoint::Service(service) if *service == at);
        let copies = service.replica_of.is_some() || facts.replicas_of(&at).next().is_some();
        if has_partner || copies || facts.flows_of(name).any(|(_, flow)| is_here(&flow.from) || is_here(&flow.to)) {
            continue;
        }
        let message = match &service.cluster {
            Some(cluster) => format!("{at} is alone in {cluster}: there is nobody to copy to"),
            None => format!("{at} is in no cluster: there is nobody to copy to"),
        };
        report.add(Subject::Service(at), message);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, lab};

    #[test]
    fn nobody_to_copy_to() {
        let synced = |one: &str, other: &str, flows: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                    "app1": (role: app, adapters: [(network: "lan", address: "10.1.0.10")], services: {{"sync": (kind: "file-sync"{one})}}),
                    "app2": (role: app, adapters: [(network: "lan", address: "10.1.0.11")], services: {{{other}}}),
                }}, flows: [{flows}])"#
            ))
        };
        let cluster = r#", cluster: "uploads""#;
        check("sync-without-partner", &synced(cluster, "", ""), &["app1/sync is alone in uploads: there is nobody to copy to"]);
        check("sync-without-partner", &synced("", "", ""), &["app1/sync is in no cluster: there is nobody to copy to"]);
        check("sync-without-partner", &synced(cluster, r#""sync": (kind: "file-sync", cluster: "uploads")"#, ""), &[]);
        check("sync-without-partner", &synced("", r#""ssh": (kind: "sshd")"#, r#"(from: "app1/sync", to: "app2/ssh")"#), &[]);
    }
}
