//! A database copies from nothing that it can copy from.
//!
//! ## Why
//! A replica that does not reach its primary stands still at what it had, or never has anything, and answers with it. It
//! is found out on the day that it must take over.
//!
//! ## Example
//! `db2/db` copies from `db1/db`, and the two nodes share no network; or each copies from the other; or `db2/db` refuses
//! writes and copies from no server.
//!
//! ## Do this instead
//! Let every replica copy from a primary of its own kind that it reaches. Nodes without any adapter are not drawn yet and
//! are left alone.

use super::contract::gets_to;
use super::writes_to_replica::refuses_writes;
use super::{Facts, Report, offer};
use crate::catalog::Behaviour;
use crate::model::{Node, NodeName, Service, ServiceRef, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        if facts.behaviour(service) != Some(Behaviour::Database) {
            continue;
        }
        let at = ServiceRef { node: name.clone(), service: service_name.clone() };
        let Some(primary_at) = &service.replica_of else {
            let refuses = facts.entry(service).is_some_and(|entry| entry.is_on(service, "read_only"));
            if refuses {
                let edits = offer::service(name, service_name, service, |service| {
                    service.settings.remove("read_only");
                });
                let mut found = report.add(Subject::Service(at.clone()), format!("{at} refuses writes and copies from no primary"));
                if let Some(primary) = beside(facts, &at, node, service) {
                    let edits = offer::service(name, service_name, service, |service| service.replica_of = Some(primary.clone()));
                    found = found.fix(format!("Copy from {primary}"), edits);
                }
                found.fix("Let it take writes", edits);
            }
            continue;
        };
        let Some(message) = wrong(facts, &at, node, service, primary_at) else { continue };
        let found = report.add(Subject::Service(at), message).involving(Subject::Service(primary_at.clone()));
        let (primary, ring) = (facts.lab.nodes.get(&primary_at.node), facts.ring(primary_at));
        let heard = primary.zip(facts.lab.service(primary_at)).map(|(node, service)| facts.reachable_on(node, service)).unwrap_or_default();
        let network = heard.iter().find(|network| facts.joins(network));
        let unlike = facts.lab.service(primary_at).filter(|primary| primary.kind != service.kind);
        if let (Some(primary), None) = (unlike, &ring) {
            let title = facts.entry(primary).map_or_else(|| primary.kind.to_string(), |entry| entry.title.clone());
            let alike = offer::service(name, service_name, service, |service| {
                service.kind = primary.kind.clone();
                let entry = facts.entry(primary);
                service.settings.retain(|setting, _| entry.is_some_and(|entry| entry.setting(setting).is_some()));
            });
            let alone = offer::service(name, service_name, service, |service| service.replica_of = None);
            found.fix(format!("Make it {title}"), alike).fix("Let it be no copy", alone);
        } else if let (Some(network), None) = (network, &ring) {
            let (title, edits) = offer::adapter(facts, name, node, network);
            found.fix(title, edits);
        } else if ring.is_some() {
            let edits = offer::service(name, service_name, service, |service| service.replica_of = None);
            found.fix(format!("Make {name}/{service_name} the primary"), edits);
        }
    }
}

/// How many adapters of each network are looked at for a primary.
const LOOKED_AT_MAX: usize = 64;

/// A database of the same kind that takes writes, on a network of the node.
fn beside(facts: &Facts<'_>, at: &ServiceRef, node: &Node, service: &Service) -> Option<ServiceRef> {
    let networks = node.adapters.iter().map(|adapter| &adapter.network).filter(|network| facts.joins(network));
    let mut nodes = networks.flat_map(|network| facts.on_network(network).take(LOOKED_AT_MAX));
    nodes.find_map(|(name, _)| {
        let services = &facts.lab.nodes.get(name)?.services;
        let is_one = |other: &Service| other.kind == service.kind && !refuses_writes(facts, other);
        let (found, _) = services.iter().find(|(service, other)| is_one(other) && (name, *service) != (&at.node, &at.service))?;
        Some(ServiceRef { node: name.clone(), service: found.clone() })
    })
}

fn wrong(facts: &Facts<'_>, at: &ServiceRef, node: &Node, service: &Service, primary_at: &ServiceRef) -> Option<String> {
    let (primary_node, primary) = (facts.lab.nodes.get(&primary_at.node)?, facts.lab.service(primary_at)?);
    if primary_at == at {
        return Some(format!("{at} copies from itself"));
    }
    if let Some(ring) = facts.ring(at) {
        // Said once, of the first.
        return (ring.first() == Some(at)).then(|| format!("{} copy from each other: none is the primary", offer::row(ring)));
    }
    if primary.kind != service.kind {
        let title = |service: &Service| facts.entry(service).map_or_else(|| service.kind.to_string(), |entry| entry.title.clone());
        return Some(format!("{at} ({}) cannot copy from {primary_at} ({})", title(service), title(primary)));
    }
    let drawn = at.node != primary_at.node && !node.adapters.is_empty() && !primary_node.adapters.is_empty();
    (drawn && !gets_to(facts, node, primary_node, primary)).then(|| format!("{at} has no path to its primary {primary_at}"))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn pair(primary: &str, replica: &str, network: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24"), "other": internal(subnet: "10.2.0.0/24")}}, nodes: {{
                "db1": (role: database, adapters: [(network: "lan", address: "10.1.0.10")], services: {{"db": ({primary})}}),
                "db2": (role: database, adapters: [(network: "{network}")], services: {{"db": ({replica})}}),
            }})"#
        ))
    }

    const PRIMARY: &str = r#"kind: "mariadb""#;
    const REPLICA: &str = r#"kind: "mariadb", replica_of: "db1/db""#;

    #[test]
    fn a_primary_out_of_reach() {
        check("replica-without-primary", &pair(PRIMARY, REPLICA, "lan"), &[]);
        let apart = pair(PRIMARY, REPLICA, "other");
        check("replica-without-primary", &apart, &["db2/db has no path to its primary db1/db"]);
        assert_eq!(fixes("replica-without-primary", &apart), ["Put db2 on lan with 10.1.0.11"]);
        let unlike = pair(r#"kind: "postgresql""#, REPLICA, "lan");
        check("replica-without-primary", &unlike, &["db2/db (MariaDB) cannot copy from db1/db (PostgreSQL)"]);
        assert_eq!(fixes("replica-without-primary", &unlike), ["Make it PostgreSQL", "Let it be no copy"]);
    }

    #[test]
    fn no_primary_at_all() {
        let each_other = pair(r#"kind: "mariadb", replica_of: "db2/db""#, REPLICA, "lan");
        check("replica-without-primary", &each_other, &["db1/db and db2/db copy from each other: none is the primary"]);
        assert_eq!(fixes("replica-without-primary", &each_other), ["Make db1/db the primary"]);
        check("replica-without-primary", &pair(r#"kind: "mariadb", replica_of: "db1/db""#, PRIMARY, "lan"), &["db1/db copies from itself"]);
        let reader = pair(PRIMARY, r#"kind: "mariadb", settings: {"read_only": true}"#, "lan");
        check("replica-without-primary", &reader, &["db2/db refuses writes and copies from no primary"]);
        assert_eq!(fixes("replica-without-primary", &reader), ["Copy from db1/db", "Let it take writes"]);
    }
}
