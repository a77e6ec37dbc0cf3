//! An adapter has an address that no node may have.
//!
//! ## Why
//! The first and the last address of a subnet mean the subnet itself and all hosts in it (broadcast). On host-only and NAT networks
//! the subnet's first usable address is the host's or the gateway's own. Loopback, multicast and link-local addresses are
//! never one node's on a network (RFC 6890).
//!
//! ## Example
//! ```ron
//! networks: {"lab": host_only(subnet: "192.168.56.0/24")},
//! nodes: {"db1": (role: database, adapters: [(network: "lab", address: "192.168.56.1")])},
//! ```
//!
//! ## Do this instead
//! Give it another address of the subnet. By custom the first few are left to routers.

use super::{Facts, Report, exposure, readdress};
use crate::model::{Network, NetworkKind, Node, NodeName, Subject};
use std::net::Ipv4Addr;

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (slot, adapter, network) in exposure::adapters(facts, node) {
        let Some(address) = adapter.address else { continue };
        let Some(why) = why_never(address).or_else(|| why_not_here(network, address)) else { continue };
        let wire = &adapter.network;
        let message = format!("{address} of {name} on {wire} {why}");
        let found = report.add(Subject::Adapter(name.clone(), slot, wire.clone()), message);
        if let Some((title, edits)) = readdress::to_free(facts, name, node, slot) {
            found.fix(title, edits);
        }
    }
}

/// Why no adapter anywhere may have an address.
pub(super) fn why_never(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [0, ..] => Some("means no address"),
        [127, ..] => Some("is a loopback address"),
        [169, 254, ..] => Some("is a link-local address"),
        [224..=239, ..] => Some("is a multicast address"),
        [240..=255, ..] => Some("is not an address for a node"),
        _ => None,
    }
}

/// Why no node may have an address in a network.
pub(super) fn why_not_here(network: &Network, address: Ipv4Addr) -> Option<&'static str> {
    let subnet = network.subnet?;
    // A subnet of two (/31) or of one address has neither (RFC 3021).
    if subnet.prefix_len() < 31 && address == subnet.network() {
        Some("is the subnet's own address")
    } else if subnet.prefix_len() < 31 && address == subnet.broadcast() {
        Some("is the subnet's broadcast address")
    } else if network.provider_address() == Some(address) {
        Some(if network.kind == NetworkKind::HostOnly { "is the host's own address" } else { "is the gateway's own address" })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn adapter(kind: &str, address: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"lan": {kind}(subnet: "192.168.56.0/24")}}, nodes: {{
                "a": (role: worker, adapters: [(network: "lan", address: "{address}")])}})"#
        ))
    }

    #[test]
    fn addresses_of_nobody() {
        let code = "reserved-address";
        for (kind, address, why) in [
            ("internal", "192.168.56.0", "is the subnet's own address"),
            ("internal", "192.168.56.255", "is the subnet's broadcast address"),
            ("host_only", "192.168.56.1", "is the host's own address"),
            ("nat_network", "192.168.56.1", "is the gateway's own address"),
            ("internal", "127.0.0.1", "is a loopback address"),
            ("internal", "224.0.0.18", "is a multicast address"),
            ("internal", "0.0.0.0", "means no address"),
        ] {
            check(code, &adapter(kind, address), &[&format!("{address} of a on lan {why}")]);
            assert_eq!(fixes(code, &adapter(kind, address)), ["Use 192.168.56.10"]);
        }
        for (kind, address) in [("internal", "192.168.56.1"), ("host_only", "192.168.56.2"), ("internal", "192.168.57.255")] {
            check(code, &adapter(kind, address), &[]);
        }
    }
}
