//! An arbitrator has no path to where a voter of its cluster listens.
//!
//! ## Why
//! An arbitrator decides between two halves by being connected to one of them. One that cannot see every voter counts as
//! lost for those, and tips the scale the wrong way, or never joins.
//!
//! Nodes without any adapter are not drawn yet and are left alone.
//!
//! ## Example
//! `arb1/garbd` is on `frontend`, the databases of its cluster are on `backend`.
//!
//! ## Do this instead
//! Put the arbitrator's node on a network that the other voters share.

use super::contract::heard_in;
use super::{Facts, Report, offer};
use crate::catalog::Behaviour;
use crate::model::{Bind, ClusterName, NetworkName, Node, NodeName, Service, ServiceRef, Subject};

/// The most nodes that a finding names beside its own.
const INVOLVED_MAX: usize = 32;

pub(super) fn check(facts: &Facts<'_>, name: &ClusterName, report: &mut Report) {
    let voters: Vec<(&ServiceRef, &Service)> =
        facts.members(name).filter(|(_, service)| facts.behaviour(service).is_some_and(Behaviour::votes)).collect();
    // Where each member that keeps data is heard: asked once, and not by each arbitrator.
    let keeps = voters.iter().filter(|(_, service)| facts.behaviour(service) != Some(Behaviour::Arbitrator));
    let drawn = keeps.filter_map(|(at, service)| Some((facts.lab.nodes.get_key_value(&at.node)?, *service)));
    let members: Vec<(&NodeName, &Node, Vec<usize>)> = drawn
        .filter(|((_, node), _)| !node.adapters.is_empty())
        .map(|((name, node), service)| (name, node, heard_in(facts, node, service)))
        .collect();
    for (at, service) in &voters {
        let Some(node) = facts.lab.nodes.get(&at.node).filter(|node| !node.adapters.is_empty()) else { continue };
        if facts.behaviour(service) != Some(Behaviour::Arbitrator) {
            continue;
        }
        let own = facts.groups(node);
        let unseen: Vec<(&NodeName, &Node)> = members
            .iter()
            .filter(|(other, _, heard)| **other != at.node && !heard.iter().any(|group| own.contains(group)))
            .map(|(other, there, _)| (*other, *there))
            .collect();
        let Some((_, first)) = unseen.first() else { continue };
        let mut found =
            report.add(Subject::Service((*at).clone()), format!("{at} has no path to {}", offer::row(unseen.iter().map(|(name, _)| name))));
        for (other, _) in unseen.iter().take(INVOLVED_MAX) {
            found = found.involving(Subject::Node((*other).clone()));
        }
        let shared = |network: &&NetworkName| facts.joins(network) && unseen.iter().all(|(_, other)| other.adapter_on(network).is_some());
        let bound = voters.iter().find_map(|(_, service)| match &service.bind {
            Bind::On(network) => Some(network).filter(shared),
            _ => None,
        });
        let shared = bound.or_else(|| first.adapters.iter().map(|adapter| &adapter.network).find(shared));
        if let Some(network) = shared {
            let (title, edits) = offer::adapter(facts, &at.node, node, network);
            found.fix(title, edits);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn an_arbitrator_elsewhere() {
        let cluster = |adapters: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"front": internal(subnet: "10.1.0.0/24"), "back": internal(subnet: "10.2.0.0/24"), "mgmt": internal(subnet: "10.3.0.0/24")}}, nodes: {{
                    "db1": (role: database, adapters: [(network: "back", address: "10.2.0.10"), (network: "mgmt", address: "10.3.0.11")], services: {{"db": (kind: "galera", bind: on("back"), cluster: "c")}}),
                    "db2": (role: database, adapters: [(network: "back", address: "10.2.0.11")], services: {{"db": (kind: "galera", bind: on("back"), cluster: "c")}}),
                    "arb1": (role: arbitrator, adapters: [{adapters}], services: {{"garbd": (kind: "garbd", cluster: "c")}}),
                }})"#
            ))
        };
        let apart = cluster(r#"(network: "front", address: "10.1.0.10")"#);
        check("arbitrator-cannot-see-voters", &apart, &["arb1/garbd has no path to db1 and db2"]);
        assert_eq!(fixes("arbitrator-cannot-see-voters", &apart), ["Put arb1 on back with 10.2.0.12"]);
        let beside = cluster(r#"(network: "front", address: "10.1.0.10"), (network: "mgmt", address: "10.3.0.10")"#);
        check("arbitrator-cannot-see-voters", &beside, &["arb1/garbd has no path to db1 and db2"]);
        check("arbitrator-cannot-see-voters", &cluster(r#"(network: "back", address: "10.2.0.12")"#), &[]);
        check("arbitrator-cannot-see-voters", &cluster(""), &[]);
    }
}
