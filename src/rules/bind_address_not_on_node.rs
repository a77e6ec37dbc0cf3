//! A service is bound to an address that its node does not have.
//!
//! ## Why
//! The service cannot open its port and does not start: "cannot assign requested address".
//!
//! A node without any adapter is not drawn yet and is left alone; so is an address that DHCP may give, and one of a VIP
//! that the node may hold.
//!
//! ## Example
//! `db1/db` is bound to `backend`, and `db1` is on `lab` only.
//!
//! ## Do this instead
//! Bind it to a network that its node is on, or put the node on that network.

use super::{Facts, Report, offer};
use crate::model::{Bind, NAT_ADDRESS, NetworkName, Node, NodeName, Service, ServiceRef, Subject};
use std::net::Ipv4Addr;

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    if node.adapters.is_empty() {
        return;
    }
    for (service_name, service) in &node.services {
        if !is_elsewhere(facts, name, node, service) {
            continue;
        }
        let (wanted, network) = match &service.bind {
            Bind::On(network) => (network.to_string(), Some(network)),
            Bind::Address(address) => (address.to_string(), None),
            Bind::Any | Bind::Loopback => continue,
        };
        let at = ServiceRef { node: name.clone(), service: service_name.clone() };
        let verb = if network.is_some() { "is not on" } else { "does not have" };
        let mut found = report.add(Subject::Service(at.clone()), format!("{at} is bound to {wanted}, which {name} {verb}"));
        for own in own_networks(facts, node, &service.bind) {
            let (title, edits) = offer::bind(name, service_name, service, own);
            found = found.fix(title, edits);
        }
        if let Some(network) = network {
            let (title, edits) = offer::adapter(facts, name, node, network);
            found.fix(title, edits);
        }
    }
}

/// Whether a service is bound to a network or an address that its node does not have.
pub(super) fn is_elsewhere(facts: &Facts<'_>, name: &NodeName, node: &Node, service: &Service) -> bool {
    match &service.bind {
        Bind::On(network) => node.adapter_on(network).is_none(),
        Bind::Address(address) => !may_have(facts, name, node, *address),
        Bind::Any | Bind::Loopback => false,
    }
}

/// Whether a node has an address, or may have it once it runs.
fn may_have(facts: &Facts<'_>, name: &NodeName, node: &Node, address: Ipv4Addr) -> bool {
    let on_adapter = node.adapters.iter().any(|adapter| match (adapter.address, facts.network(&adapter.network)) {
        (Some(own), _) => own == address,
        (None, Some(network)) if network.kind.joins_nodes() => network.subnet.is_none_or(|subnet| subnet.contains(&address)),
        (None, Some(network)) => network.subnet.is_some_and(|subnet| subnet.contains(&address)) || address == NAT_ADDRESS,
        (None, None) => true,
    });
    on_adapter || address.is_unspecified() || address.is_loopback() || facts.vips_of(name).any(|(_, vip)| vip.address == address)
}

/// The networks of a node to which a service may be bound instead, the one that its address lies in first.
fn own_networks<'a>(facts: &Facts<'_>, node: &'a Node, bind: &Bind) -> Vec<&'a NetworkName> {
    let mut own: Vec<&NetworkName> = node.adapters.iter().map(|adapter| &adapter.network).filter(|network| facts.joins(network)).collect();
    own.dedup();
    if let Bind::Address(address) = bind {
        let has = |network: &&NetworkName| facts.network(network).and_then(|wire| wire.subnet).is_some_and(|subnet| subnet.contains(address));
        own.sort_by_key(|network| !has(network));
    }
    own.truncate(2);
    own
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn bound_to_what_the_node_has_not() {
        let bound = |bind: &str, adapters: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lab": internal(subnet: "10.1.0.0/24"), "backend": internal(subnet: "10.2.0.0/24")}}, nodes: {{
                    "db1": (role: database, adapters: [{adapters}], services: {{"db": (kind: "mariadb", bind: {bind})}}),
                }}, vips: {{"v": (address: "10.1.0.30", network: "lab", id: 51, holders: [(node: "db1", priority: 100)])}})"#
            ))
        };
        let on_lab = r#"(network: "lab", address: "10.1.0.10")"#;
        let elsewhere = bound(r#"on("backend")"#, on_lab);
        check("bind-address-not-on-node", &elsewhere, &["db1/db is bound to backend, which db1 is not on"]);
        assert_eq!(fixes("bind-address-not-on-node", &elsewhere), ["Bind db to lab", "Put db1 on backend with 10.2.0.10"]);
        let wrong = bound(r#"address("10.1.0.11")"#, on_lab);
        check("bind-address-not-on-node", &wrong, &["db1/db is bound to 10.1.0.11, which db1 does not have"]);
        assert_eq!(fixes("bind-address-not-on-node", &wrong), ["Bind db to lab"]);
        for good in [r#"on("lab")"#, "any", "loopback", r#"address("10.1.0.10")"#, r#"address("10.1.0.30")"#] {
            check("bind-address-not-on-node", &bound(good, on_lab), &[]);
        }
        check("bind-address-not-on-node", &bound(r#"on("backend")"#, ""), &[]);
        check("bind-address-not-on-node", &bound(r#"address("10.1.0.11")"#, r#"(network: "lab")"#), &[]);
    }
}
