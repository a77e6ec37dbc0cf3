//! An adapter's address does not lie in its network's subnet.
//!
//! ## Why
//! The node believes that its neighbours are elsewhere: it sends what is meant for them to a router, or nowhere. It comes
//! up, looks healthy from inside, and reaches no other node.
//!
//! An address that no adapter can have is the business of `reserved-address`.
//!
//! ## Example
//! ```ron
//! networks: {"backend": internal(subnet: "192.168.60.0/24")},
//! nodes: {"db1": (role: database, adapters: [(network: "backend", address: "192.168.6.21")])},
//! ```
//!
//! ## Do this instead
//! Give it an address of the subnet, or correct the subnet.

use super::{Facts, Report, exposure, readdress, reserved_address};
use crate::model::{Node, NodeName, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (slot, adapter, network) in exposure::adapters(facts, node) {
        let (Some(address), Some(subnet)) = (adapter.address, network.subnet) else { continue };
        if subnet.contains(&address) || reserved_address::why_never(address).is_some() {
            continue;
        }
        let wire = &adapter.network;
        let message = format!("{address} of {name} does not lie in {wire} ({subnet})");
        let found = report.add(Subject::Adapter(name.clone(), slot, wire.clone()), message);
        if let Some((title, edits)) = readdress::to_free(facts, name, node, slot) {
            found.fix(title, edits);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn adapter(network: &str, address: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"lan": {network}}}, nodes: {{
                "a": (role: app, adapters: [(network: "lan"{address})], services: {{"web": (kind: "nginx", bind: address("10.1.1.10"))}})}})"#
        ))
    }

    #[test]
    fn an_address_of_another_subnet() {
        let code = "address-outside-subnet";
        let wrong = adapter(r#"internal(subnet: "10.1.0.0/24")"#, r#", address: "10.1.1.10""#);
        check(code, &wrong, &["10.1.1.10 of a does not lie in lan (10.1.0.0/24)"]);
        assert_eq!(fixes(code, &wrong), ["Use 10.1.0.10"]);
        check(code, &adapter(r#"internal(subnet: "10.1.0.0/16")"#, r#", address: "10.1.1.10""#), &[]);
        check(code, &adapter("internal()", r#", address: "10.1.1.10""#), &[]);
        check(code, &adapter(r#"internal(subnet: "10.1.0.0/24")"#, ""), &[]);
        check(code, &adapter(r#"internal(subnet: "10.1.0.0/24")"#, r#", address: "127.0.0.1""#), &[]);
    }

    #[test]
    fn a_bound_service_moves_along() {
        let mut lab = adapter(r#"internal(subnet: "10.1.0.0/24")"#, r#", address: "10.1.1.10""#);
        let findings = crate::rules::testing::findings(&lab);
        let found = findings.iter().find(|finding| finding.rule == "address-outside-subnet").unwrap();
        lab.apply(&found.fixes[0].edits).unwrap();
        assert_eq!(lab.nodes["a"].services["web"].bind, crate::model::Bind::Address("10.1.0.10".parse().unwrap()));
    }
}
