//! An adapter's fixed address lies where the network's DHCP server hands out addresses.
//!
//! ## Why
//! The server does not know of the fixed address. Sooner or later it gives it to another node, and both have it.
//!
//! ## Example
//! ```ron
//! networks: {"lab": host_only(subnet: "192.168.56.0/24", dhcp: (from: "192.168.56.100", to: "192.168.56.200"))},
//! nodes: {"db1": (role: database, adapters: [(network: "lab", address: "192.168.56.111")])},
//! ```
//!
//! ## Do this instead
//! Choose an address outside the range, or leave it out and let the server choose.

use super::{Facts, Report, exposure, readdress};
use crate::model::{Node, NodeName, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (slot, adapter, network) in exposure::adapters(facts, node) {
        let (Some(address), Some(range)) = (adapter.address, network.dhcp) else { continue };
        let is_elsewhere = network.subnet.is_some_and(|subnet| !subnet.contains(&address));
        if !range.contains(address) || is_elsewhere || super::reserved_address::why_not_here(network, address).is_some() {
            continue;
        }
        let wire = &adapter.network;
        let message = format!("{address} of {name} lies where {wire} hands out addresses ({} to {})", range.from, range.to);
        let found = report.add(Subject::Adapter(name.clone(), slot, wire.clone()), message);
        if let Some((title, edits)) = readdress::to_free(facts, name, node, slot) {
            found.fix(title, edits);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn adapter(dhcp: &str, address: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24"{dhcp})}}, nodes: {{
                "a": (role: worker, adapters: [(network: "lan"{address})])}})"#
        ))
    }

    #[test]
    fn a_fixed_address_that_is_handed_out() {
        let code = "address-in-dhcp-range";
        let dhcp = r#", dhcp: (from: "10.1.0.10", to: "10.1.0.20")"#;
        for address in ["10.1.0.10", "10.1.0.20"] {
            let wrong = adapter(dhcp, &format!(r#", address: "{address}""#));
            check(code, &wrong, &[&format!("{address} of a lies where lan hands out addresses (10.1.0.10 to 10.1.0.20)")]);
            assert_eq!(fixes(code, &wrong), ["Use 10.1.0.21"]);
        }
        check(code, &adapter(dhcp, r#", address: "10.1.0.21""#), &[]);
        check(code, &adapter(dhcp, ""), &[]);
        check(code, &adapter("", r#", address: "10.1.0.10""#), &[]);
    }
}
