//! A network has the subnet that VirtualBox's NAT gives to an adapter of one of its nodes.
//!
//! ## Why
//! Each NAT adapter has a network of its own, 10.0.2.0/24 for a node's first adapter, 10.0.3.0/24 for its second, and so on
//! (VirtualBox manual, Network Address Translation). A node that has one, and another network with the same addresses,
//! cannot tell the two apart: it reaches the internet or its neighbours, not both.
//!
//! ## Example
//! `mole` has a NAT adapter first, and then one on `inner`, which is 10.0.2.0/24.
//!
//! ## Do this instead
//! Give the network another subnet.

use super::{Facts, Report, readdress};
use crate::model::{Ipv4Net, Network, NetworkKind, NetworkName, Node, Path, Subject};
use std::net::Ipv4Addr;

pub(super) fn check(facts: &Facts<'_>, name: &NetworkName, network: &Network, report: &mut Report) {
    let Some(subnet) = network.subnet.filter(|subnet| network.kind.joins_nodes() && may_meet_nat(*subnet)) else { return };
    let meets = |node: &Node| nat_subnets(facts, node).find(|nat| nat.contains(&subnet) || subnet.contains(nat));
    let mut nodes = facts.on_network(name).filter_map(|(node, _)| Some((node, meets(facts.lab.nodes.get(node)?)?)));
    let Some((node, nat)) = nodes.next() else { return };
    let message = format!("{name} ({subnet}) has the addresses of VirtualBox's NAT ({nat}), which {node} is on as well");
    let found = report
        .add(Subject::Network(name.clone()), message)
        .within(Path::root().field("subnet"))
        .involving(Subject::Node(node.clone()));
    let ranges: Vec<Ipv4Net> = match network.kind {
        NetworkKind::HostOnly => facts.context.host_only_ranges.clone(),
        _ => ["192.168.0.0/16", "172.16.0.0/12"].iter().filter_map(|range| range.parse().ok()).collect(),
    };
    if let Some((title, edits)) = readdress::network_to_free(facts, name, &ranges, subnet) {
        found.fix(title, edits);
    }
}

/// Whether a subnet meets one of those that NAT may give to some adapter.
fn may_meet_nat(subnet: Ipv4Net) -> bool {
    let all = Ipv4Net::new(Ipv4Addr::new(10, 0, 0, 0), 16);
    all.is_ok_and(|all| all.contains(&subnet) || subnet.contains(&all))
}

/// The subnets of a node's NAT adapters: 10.0.2.0/24 for the adapter in slot 0, and so on.
fn nat_subnets<'a>(facts: &Facts<'a>, node: &'a Node) -> impl Iterator<Item = Ipv4Net> {
    let facts = *facts;
    let is_nat = move |network: &NetworkName| facts.network(network).is_some_and(|network| network.kind == NetworkKind::Nat);
    let slots = node.adapters.iter().enumerate().filter(move |(_, adapter)| is_nat(&adapter.network)).map(|(slot, _)| slot);
    slots.filter_map(|slot| Ipv4Net::new(Ipv4Addr::new(10, 0, u8::try_from(slot + 2).ok()?, 0), 24).ok())
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_subnet_that_nat_has_too() {
        let code = "subnet-of-nat";
        let lab = |subnet: &str, adapters: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"internet": nat(), "inner": internal(subnet: "{subnet}")}}, nodes: {{
                    "mole": (role: app, adapters: [{adapters}]), "vole": (role: app, adapters: [(network: "inner", address: "10.0.2.41")]),
                }})"#
            ))
        };
        let both = r#"(network: "internet"), (network: "inner", address: "10.0.2.40")"#;
        let met = lab("10.0.2.0/24", both);
        check(code, &met, &["inner (10.0.2.0/24) has the addresses of VirtualBox's NAT (10.0.2.0/24), which mole is on as well"]);
        assert_eq!(fixes(code, &met), ["Move inner to 192.168.0.0/24"]);
        check(code, &lab("10.0.0.0/8", both), &["inner (10.0.0.0/8) has the addresses of VirtualBox's NAT (10.0.2.0/24), which mole is on as well"]);
        check(code, &lab("10.0.3.0/24", both), &[]);
        let second = r#"(network: "inner", address: "10.0.3.40"), (network: "internet")"#;
        check(code, &lab("10.0.3.0/24", second), &["inner (10.0.3.0/24) has the addresses of VirtualBox's NAT (10.0.3.0/24), which mole is on as well"]);
        check(code, &lab("10.0.2.0/24", r#"(network: "inner", address: "10.0.2.40")"#), &[]);
        check(code, &lab("10.1.0.0/24", both), &[]);
    }
}
