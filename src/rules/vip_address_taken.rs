//! A virtual IP has an address that something else has, or may get.
//!
//! ## Why
//! A virtual IP must belong to its holder alone. Where a node, another virtual IP, the host or the DHCP
//! server's next guest has it too, two machines answer for it, and a failover changes nothing.
//!
//! ## Example
//! ```ron
//! nodes: {"db1": (role: database, adapters: [(network: "backend", address: "192.168.60.21")])},
//! vips: {"database": (address: "192.168.60.21", network: "backend", id: 51)},
//! ```
//!
//! ## Do this instead
//! Choose an address of the network that is free, outside its DHCP range.

use super::{Facts, Report, readdress, reserved_address};
use crate::model::{Subject, Vip, VipName};

pub(super) fn check(facts: &Facts<'_>, name: &VipName, vip: &Vip, report: &mut Report) {
    let Some(network) = facts.network(&vip.network) else { return };
    let (address, wire) = (vip.address, &vip.network);
    let holder = facts.adapters_at(wire, address).next();
    let other = facts.vips_at(wire, address).next().filter(|other| *other != name);
    let whose = if let Some((node, _)) = holder {
        format!("is also the address of {node}")
    } else if let Some(other) = other {
        format!("is also the address of vip:{other}")
    } else if let Some(why) = reserved_address::why_not_here(network, address).filter(|_| network.provider_address() == Some(address)) {
        why.to_owned()
    } else if network.dhcp.is_some_and(|range| range.contains(address)) {
        format!("may be handed out by {wire}'s DHCP server")
    } else {
        return;
    };
    let mut found = report.add(Subject::Vip(name.clone()), format!("{address} of vip:{name} {whose}"));
    if let Some((node, slot)) = holder {
        found = found.involving(Subject::Adapter(node.clone(), *slot, wire.clone()));
    }
    if let Some((title, edits)) = readdress::vip_to_free(facts, name, vip) {
        found.fix(title, edits);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn vip(kind: &str, address: &str, more: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"lan": {kind}(subnet: "192.168.56.0/24", dhcp: (from: "192.168.56.100", to: "192.168.56.200")), "other": internal()}},
                nodes: {{"db1": (role: database, adapters: [(network: "lan", address: "192.168.56.21"), (network: "other", address: "192.168.56.31")])}},
                vips: {{"v": (address: "{address}", network: "lan", id: 51){more}}})"#
        ))
    }

    #[test]
    fn an_address_with_two_owners() {
        let code = "vip-address-taken";
        check(code, &vip("internal", "192.168.56.21", ""), &["192.168.56.21 of vip:v is also the address of db1"]);
        assert_eq!(fixes(code, &vip("internal", "192.168.56.21", "")), ["Use 192.168.56.10"]);
        check(code, &vip("host_only", "192.168.56.1", ""), &["192.168.56.1 of vip:v is the host's own address"]);
        check(code, &vip("internal", "192.168.56.150", ""), &["192.168.56.150 of vip:v may be handed out by lan's DHCP server"]);
        let second = r#", "w": (address: "192.168.56.30", network: "lan", id: 52)"#;
        check(code, &vip("internal", "192.168.56.30", second), &["192.168.56.30 of vip:w is also the address of vip:v"]);
        check(code, &vip("internal", "192.168.56.40", second), &[]);
        check(code, &vip("internal", "192.168.56.31", ""), &[]);
        check(code, &vip("internal", "192.168.56.1", ""), &[]);
    }
}
