//! A node that keeps data is on a network that leads to the internet.
//!
//! ## Why
//! A database answers the application alone. While it runs it downloads nothing and calls no other host, so a way to
//! the internet only adds ways in, and a way out for what is stolen.
//!
//! It says nothing where a graver finding says it already: where the service listens on a bridged network
//! (`data-service-on-bridged-network`), where a port of the host leads to the data (`data-port-forwarded`), and where the
//! node answers requests too and needs the internet for that (`app-and-database-together`).
//!
//! ## Example
//! ```ron
//! networks: {"internet": nat(), "lab": host_only(subnet: "192.168.56.0/24")},
//! nodes: {"db1": (role: database, adapters: [(network: "internet"), (network: "lab")])},
//! ```
//!
//! ## Do this instead
//! Leave the node on inner networks only. Packages come from its image, or through a proxy on another node.

use super::{Facts, Report, exposure};
use crate::model::{NetworkKind, Node, NodeName, Role, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    let keeps = |service| facts.keeps_data(service) && exposure::hands_out_data(facts, service);
    let keeps_data = node.role == Role::Database || node.services.values().any(keeps);
    if !keeps_data || node.services.values().any(|service| exposure::answers_requests(facts, service)) {
        return;
    }
    for (slot, adapter, network) in exposure::adapters(facts, node) {
        let data = || node.services.values().filter(|service| exposure::hands_out_data(facts, service));
        let heard = network.kind == NetworkKind::Bridged && data().any(|service| service.bind.is_on(adapter));
        let forwarded = adapter.forwards.iter().any(|forward| data().any(|service| exposure::opens_port(facts, service, forward.to)));
        if !network.kind.reaches_internet() || heard || forwarded {
            continue;
        }
        let (title, edits) = exposure::unplug(name, slot, adapter);
        let message = format!("{name} keeps data and reaches the internet through {}", adapter.network);
        report.add(Subject::Adapter(name.clone(), slot, adapter.network.clone()), message).fix(title, edits);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn node(role: &str, internet: &str, services: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"internet": {internet}, "lab": host_only(subnet: "192.168.56.0/24")}}, nodes: {{
                "n": (role: {role}, adapters: [(network: "internet"), (network: "lab")], services: {{{services}}})}})"#
        ))
    }

    #[test]
    fn a_database_with_a_way_out() {
        let message = ["n keeps data and reaches the internet through internet"];
        let database = r#""db": (kind: "mariadb", bind: on("lab"))"#;
        for (role, internet, services) in
            [("database", "nat()", database), ("database", "nat()", ""), ("storage", "nat_network()", database), ("database", "bridged()", database)]
        {
            check("data-node-on-internet", &node(role, internet, services), &message);
            assert_eq!(fixes("data-node-on-internet", &node(role, internet, services)), ["Unplug n from internet"]);
        }
        for (role, internet, services) in [
            ("database", "internal()", database),
            ("monitor", "nat()", r#""prometheus": (kind: "prometheus")"#),
            ("app", "nat()", r#""web": (kind: "nginx"), "db": (kind: "mariadb", bind: on("lab"))"#),
            ("database", "bridged()", r#""db": (kind: "mariadb", bind: any)"#),
            ("cache", "nat()", r#""memcached": (kind: "memcached", bind: on("lab"))"#),
        ] {
            check("data-node-on-internet", &node(role, internet, services), &[]);
        }
    }
}
