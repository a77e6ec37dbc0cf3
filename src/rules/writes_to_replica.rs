//! An application writes, and the only database that it has refuses writes.
//!
//! ## Why
//! A replica copies what its primary writes and takes nothing from any other client (MariaDB documentation, `read_only`;
//! PostgreSQL documentation, Hot Standby). The application reads well and fails at the first change.
//!
//! ## Example
//! `app1/todo` leads to `db2/db` alone, which copies from `db1/db`.
//!
//! ## Do this instead
//! Lead the flow to the primary. A second flow, to the replica, may stay for what only reads.

use super::agreement::answering;
use super::{Facts, Report, offer};
use crate::catalog::Behaviour;
use crate::model::{Endpoint, Flow, Node, NodeName, Service, ServiceRef, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        let Some(entry) = facts.entry(service) else { continue };
        for need in entry.needs.iter().filter(|need| need.writes) {
            let is_own = |end: &Endpoint| matches!(end, Endpoint::Service(at) if at.node == *name && at.service == *service_name);
            let is_store = |service: &Service| facts.behaviour(service).is_some_and(|behaviour| need.from.contains(&behaviour));
            let stores = facts.flows_of(name).filter(|(_, flow)| is_own(&flow.from)).map(|(_, flow)| {
                let there = answering(facts, &flow.to).into_iter().filter(|(_, service)| is_store(service));
                (flow, there.collect::<Vec<_>>())
            });
            let stores: Vec<(&Flow, Vec<(ServiceRef, &Service)>)> = stores.filter(|(_, there)| !there.is_empty()).collect();
            let Some((flow, there)) = stores.first() else { continue };
            if stores.iter().flat_map(|(_, there)| there).any(|(_, service)| !refuses_writes(facts, service)) {
                continue;
            }
            let Some((at, store)) = there.first() else { continue };
            let message = format!("{name}/{service_name} writes, and {at}, which it leads to, refuses writes");
            let found = report.add(Subject::flow(flow), message).involving(Subject::Service(at.clone()));
            if let Some(primary) = &store.replica_of {
                found.fix(format!("Lead it to {primary}"), offer::lead(facts, flow, Endpoint::Service(primary.clone())));
            }
        }
    }
}

/// Whether a database takes no writes from applications.
pub(super) fn refuses_writes(facts: &Facts<'_>, service: &Service) -> bool {
    facts.entry(service).is_some_and(|entry| {
        entry.behaviour == Behaviour::Database && (service.replica_of.is_some() || entry.is_on(service, "read_only"))
    })
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn the_only_database_is_a_replica() {
        let code = "writes-to-replica";
        let mill = |flows: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                    "app": (role: app, adapters: [(network: "lan", address: "10.1.0.10")], services: {{"todo": (kind: "todo")}}),
                    "db1": (role: database, adapters: [(network: "lan", address: "10.1.0.11")], services: {{"db": (kind: "postgresql", bind: on("lan"))}}),
                    "db2": (role: database, adapters: [(network: "lan", address: "10.1.0.12")], services: {{"db": (kind: "postgresql", bind: on("lan"), replica_of: "db1/db")}}),
                }}, flows: [{flows}])"#
            ))
        };
        let replica = mill(r#"(from: "app/todo", to: "db2/db")"#);
        check(code, &replica, &["app/todo writes, and db2/db, which it leads to, refuses writes"]);
        assert_eq!(fixes(code, &replica), ["Lead it to db1/db"]);
        check(code, &mill(r#"(from: "app/todo", to: "db2/db"), (from: "app/todo", to: "db1/db")"#), &[]);
        check(code, &mill(r#"(from: "app/todo", to: "db1/db")"#), &[]);
    }
}
