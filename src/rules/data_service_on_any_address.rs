//! A service that holds data listens on every address of its node.
//!
//! ## Why
//! Bound to 0.0.0.0, a database answers on every network that its node is on, and on each that is added later.
//! Databases that listen everywhere and are reached from the internet are one of the most common causes of data breaches.
//! A firewall in front does not make it good: it is one mistake away from being open.
//!
//! Where the node is on a bridged network, `data-service-on-bridged-network` speaks instead. A node that has no adapter
//! yet is left alone.
//!
//! ## Example
//! ```ron
//! "db1": (role: database, adapters: [(network: "backend")], services: {"db": (kind: "mariadb", bind: any)})
//! ```
//!
//! ## Do this instead
//! Bind it to the one network from which it is used: `bind: on("backend")`.

use super::{Facts, Report, exposure};
use crate::model::{Bind, NetworkKind, Node, NodeName};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    if node.adapters.is_empty() || exposure::adapters(facts, node).any(|(_, _, network)| network.kind == NetworkKind::Bridged) {
        return;
    }
    for (service_name, service) in &node.services {
        if service.bind != Bind::Any || !exposure::hands_out_data(facts, service) {
            continue;
        }
        let message = format!("{name}/{service_name} listens on every address: whoever reaches {name} reaches it");
        let mut found = report.add(exposure::subject(name, service_name), message);
        for (title, edits) in exposure::bindings(facts, name, node, service_name) {
            found = found.fix(title, edits);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn database(kind: &str, bind: &str, adapters: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"internet": nat(), "front": internal(purpose: frontend), "back": internal(purpose: backend), "wlan": bridged()}},
                nodes: {{"db1": (role: database, adapters: [{adapters}], services: {{"db": (kind: "{kind}", bind: {bind})}})}})"#
        ))
    }

    #[test]
    fn a_database_that_listens_everywhere() {
        let both = r#"(network: "front"), (network: "back")"#;
        let message = ["db1/db listens on every address: whoever reaches db1 reaches it"];
        check("data-service-on-any-address", &database("mariadb", "any", both), &message);
        assert_eq!(fixes("data-service-on-any-address", &database("mariadb", "any", both)), ["Bind to back", "Bind to front"]);
        check("data-service-on-any-address", &database("memcached", "any", both), &message);
        for (kind, bind, adapters) in [
            ("mariadb", r#"on("back")"#, both),
            ("mariadb", "loopback", both),
            ("nginx", "any", both),
            ("prometheus", "any", both),
            ("of-another-catalog", "any", both),
            ("mariadb", "any", ""),
            ("mariadb", "any", r#"(network: "back"), (network: "wlan")"#),
        ] {
            check("data-service-on-any-address", &database(kind, bind, adapters), &[]);
        }
    }
}
