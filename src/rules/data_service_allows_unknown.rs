//! A service that holds data allows an address that no network of the lab has.
//!
//! ## Why
//! An allow list says who may talk to the data. An address that is on no network of the lab is a leftover, or a slip of the pen:
//! it admits no node today, and tomorrow any node that takes that address. Meanwhile the one who was meant may be locked out.
//!
//! All clients at once (`outside`, `0.0.0.0/0`) is the business of `data-service-open-to-all`, and a name that is not in the lab
//! that of `setting-names-nothing`.
//!
//! ## Example
//! ```ron
//! "db": (kind: "mariadb", bind: on("backend"), allow: only(["app1", "10.2.0.5"]))
//! ```
//! in a lab whose only network is 10.1.0.0/24.
//!
//! ## Do this instead
//! Name a node, a network (`network:backend`) or a subnet of the lab, or leave `allow` out and draw the flows.

use super::{Facts, Report, exposure};
use crate::model::{Allow, Bind, Node, NodeName, Peer, Service};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        let Allow::Only(peers) = &service.allow else { continue };
        if service.bind == Bind::Loopback || !exposure::hands_out_data(facts, service) {
            continue;
        }
        for peer in peers.iter().filter(|peer| is_unknown(facts, peer)) {
            let found = report
                .add(exposure::subject(name, service_name), format!("{name}/{service_name} lets in {peer}, which this lab does not have"));
            if peers.len() <= super::offer::ENTRIES_MAX {
                let kept = peers.iter().filter(|other| *other != peer).cloned().collect();
                let edits = vec![exposure::put(name, service_name, Service { allow: Allow::Only(kept), ..service.clone() })];
                found.fix(format!("Take {peer} off the list"), edits);
            }
        }
    }
}

fn is_unknown(facts: &Facts<'_>, peer: &Peer) -> bool {
    match peer {
        Peer::Subnet(subnet) if exposure::is_everywhere(*subnet) => false,
        // A network whose subnet is not drawn may have any address.
        Peer::Subnet(subnet) => !facts.some_network_meets(*subnet),
        Peer::Node(_) | Peer::Network(_) | Peer::Outside => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn allowing(kind: &str, peer: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"back": internal(subnet: "10.1.0.0/24")}}, nodes: {{"app1": (role: app), "db1": (role: database,
                adapters: [(network: "back")], services: {{"db": (kind: "{kind}", bind: on("back"), allow: only(["app1", "{peer}"]))}})}})"#
        ))
    }

    #[test]
    fn an_allow_list_with_a_stranger() {
        let code = "data-service-allows-unknown";
        for peer in ["10.2.0.5", "10.2.0.0/24"] {
            check(code, &allowing("galera", peer), &[&format!("db1/db lets in {peer}, which this lab does not have")]);
            assert_eq!(fixes(code, &allowing("galera", peer)), [format!("Take {peer} off the list")]);
        }
        for peer in ["db1", "ap1", "network:back", "10.1.0.5", "10.1.0.0/25", "10.0.0.0/8", "outside", "0.0.0.0/0"] {
            check(code, &allowing("galera", peer), &[]);
        }
        check(code, &allowing("nginx", "10.2.0.5"), &[]);
    }
}
