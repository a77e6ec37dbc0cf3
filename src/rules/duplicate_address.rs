//! Two adapters on one network have the same address.
//!
//! ## Why
//! Which of the two answers is decided by whoever was asked last (ARP, RFC 826), so connections reach now one and now
//! the other, and break half-way. It is among the hardest faults to see from inside either node.
//!
//! ## Example
//! `db1` and `db2` both have 192.168.60.21 on `backend`.
//!
//! ## Do this instead
//! Give each adapter an address of its own; leave the second one out to get it from DHCP.

use super::{Facts, Report};
use crate::model::{Adapter, Edit, ListEdit, Network, NetworkName, NodeName, Subject};
use std::{collections::HashMap, net::Ipv4Addr};

pub(super) fn check(facts: &Facts<'_>, name: &NetworkName, network: &Network, report: &mut Report) {
    if !network.kind.joins_nodes() {
        return;
    }
    let mut first: HashMap<Ipv4Addr, &NodeName> = HashMap::new();
    for (node_name, slot) in facts.on_network(name) {
        let Some(adapter) = facts.lab.nodes.get(node_name).and_then(|node| node.adapters.get(slot)) else { continue };
        let Some(address) = adapter.address else { continue };
        let Some(other) = first.get(&address) else {
            first.insert(address, node_name);
            continue;
        };
        let found = report
            .add(Subject::Adapter(node_name.clone(), slot, name.clone()), format!("{address} of {node_name} on {name} is also the address of {other}"))
            .involving(Subject::Node((*other).clone()));
        if let Some(free) = facts.lab.free_address(name) {
            let change = ListEdit::Replace(Adapter { address: Some(free), ..adapter.clone() });
            found.fix(format!("Use {free}"), vec![Edit::Adapter { node: node_name.clone(), slot, change }]);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn two_nodes_with_one_address() {
        let wires = |first: &str, second: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                    "a": (role: worker, adapters: [(network: "lan", address: "{first}")]),
                    "b": (role: worker, adapters: [(network: "lan", address: "{second}")]),
                }})"#
            ))
        };
        check("duplicate-address", &wires("10.1.0.10", "10.1.0.10"), &["10.1.0.10 of b on lan is also the address of a"]);
        assert_eq!(fixes("duplicate-address", &wires("10.1.0.10", "10.1.0.10")), ["Use 10.1.0.11"]);
        check("duplicate-address", &wires("10.1.0.10", "10.1.0.11"), &[]);
    }
}
