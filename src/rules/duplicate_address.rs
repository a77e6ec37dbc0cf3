//! Two adapters on one network have the same address.
//!
//! ## Why
//! Which of the two answers depends on which was asked last (ARP, RFC 826), so connections reach now one and now
//! the other, and break half-way. It is among the hardest faults to see from inside either node.
//!
//! A virtual IP that has an adapter's address is the business of `vip-address-taken`.
//!
//! ## Example
//! `db1` and `db2` both have 192.168.60.21 on `backend`.
//!
//! ## Do this instead
//! Give each adapter an address of its own; leave the second one out to get it from DHCP.

use super::{Facts, Report, exposure, readdress};
use crate::model::{Node, NodeName, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (slot, adapter, network) in exposure::adapters(facts, node).filter(|(_, _, network)| network.kind.joins_nodes()) {
        let Some(address) = adapter.address else { continue };
        let Some((other, other_slot)) = facts.adapters_at(&adapter.network, address).next() else { continue };
        // The first by name keeps it, and so does anybody at an address that no adapter can have.
        if (other, *other_slot) == (name, slot) || network.subnet.is_some_and(|subnet| !subnet.contains(&address)) {
            continue;
        }
        let wire = &adapter.network;
        let found = report
            .add(
                Subject::Adapter(name.clone(), slot, wire.clone()),
                format!("{address} of {name} on {wire} is also the address of {}", if other == name { "its other adapter" } else { other }),
            )
            .involving(Subject::Node(other.clone()));
        if let Some((title, edits)) = readdress::to_free(facts, name, node, slot) {
            found.fix(title, edits);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn wires(kind: &str, first: &str, second: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"lan": {kind}(subnet: "10.1.0.0/24")}}, nodes: {{
                "a": (role: worker, adapters: [(network: "lan", address: "{first}")]),
                "b": (role: worker, adapters: [(network: "lan", address: "{second}")]),
            }})"#
        ))
    }

    #[test]
    fn two_nodes_with_one_address() {
        let code = "duplicate-address";
        check(code, &wires("internal", "10.1.0.10", "10.1.0.10"), &["10.1.0.10 of b on lan is also the address of a"]);
        assert_eq!(fixes(code, &wires("internal", "10.1.0.10", "10.1.0.10")), ["Use 10.1.0.11"]);
        check(code, &wires("internal", "10.1.0.10", "10.1.0.11"), &[]);
        // Behind NAT each node is alone.
        check(code, &wires("nat", "10.1.0.10", "10.1.0.10"), &[]);
    }

    #[test]
    fn two_adapters_of_one_node() {
        let one = lab(r#"(name: "x", networks: {"lan": internal(), "other": internal()}, nodes: {"a": (role: worker, adapters: [
            (network: "lan", address: "10.1.0.10"), (network: "other", address: "10.1.0.10"), (network: "lan", address: "10.1.0.10")])})"#);
        check("duplicate-address", &one, &["10.1.0.10 of a on lan is also the address of its other adapter"]);
    }
}
