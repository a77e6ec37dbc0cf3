//! A service that holds data can be reached on a bridged network.
//!
//! ## Why
//! A bridged adapter puts the node on the host's own network: every machine there reaches it, in an office, a school or
//! a café. No port forward is needed, and the lab's other networks no longer shield it.
//!
//! ## Example
//! ```ron
//! networks: {"lan": bridged()},
//! nodes: {"db1": (role: database, adapters: [(network: "lan")], services: {"db": (kind: "mariadb", bind: any)})},
//! ```
//!
//! ## Do this instead
//! Unplug the node from the bridged network, or bind the service to an inner one: `bind: on("backend")`.

use super::{Facts, Report, exposure};
use crate::model::{Bind, Edit, Network, NetworkKind, Node, NodeName, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        if !exposure::hands_out_data(facts, service) {
            continue;
        }
        let bridged = exposure::heard_on(facts, node, service).find(|(_, _, network)| network.kind == NetworkKind::Bridged);
        let Some((slot, adapter, _)) = bridged else { continue };
        let lan = &adapter.network;
        let message = format!("{name}/{service_name} listens on bridged {lan}: everybody on the host's network reaches it");
        let mut found = report.add(exposure::subject(name, service_name), message).involving(Subject::Network(lan.clone()));
        for (title, edits) in exposure::bindings(facts, name, node, service_name) {
            found = found.fix(title, edits);
        }
        if let Some(network) = facts.network(lan) {
            for kind in [NetworkKind::Internal, NetworkKind::HostOnly] {
                let to = Network { kind, interface: None, ..network.clone() };
                found = found.fix(format!("Make {lan} {}", kind.title()), vec![Edit::Network { name: lan.clone(), at: None, to: Some(to) }]);
            }
        }
        // Unplugged, a service that listens everywhere would still do so, and one without another network has no clients.
        let has_other = exposure::adapters(facts, node).any(|(other, _, network)| other != slot && network.kind.joins_nodes());
        if service.bind != Bind::Any && has_other {
            let (title, edits) = exposure::unplug(name, slot, adapter);
            found.fix(title, edits);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn database(kind: &str, bind: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"back": host_only(subnet: "192.168.56.0/24"), "lan": bridged()}},
                nodes: {{"db1": (role: database, adapters: [(network: "lan"), (network: "back", address: "192.168.56.11")],
                    services: {{"db": (kind: "{kind}", bind: {bind})}})}})"#
        ))
    }

    #[test]
    fn a_database_on_the_hosts_own_network() {
        let message = ["db1/db listens on bridged lan: everybody on the host's network reaches it"];
        for bind in ["any", r#"on("lan")"#] {
            check("data-service-on-bridged-network", &database("galera", bind), &message);
        }
        assert_eq!(fixes("data-service-on-bridged-network", &database("galera", r#"on("lan")"#)).first().unwrap(), "Bind to back");
        for (kind, bind) in [("galera", r#"on("back")"#), ("galera", "loopback"), ("nginx", "any"), ("galera", r#"address("192.168.56.11")"#)] {
            check("data-service-on-bridged-network", &database(kind, bind), &[]);
        }
    }
}
