//! A virtual IP's address is not one for nodes in its network.
//!
//! ## Why
//! Its holder announces it on the network, but the others look for it elsewhere: in another subnet, or nowhere.
//! The failover works, and no request gets through.
//!
//! ## Example
//! ```ron
//! networks: {"backend": internal(subnet: "192.168.60.0/24")},
//! vips: {"database": (address: "192.168.6.30", network: "backend", id: 51)},
//! ```
//!
//! ## Do this instead
//! Choose a free address of the network's subnet, or name the network in which it lies.

use super::{Facts, Report, readdress, reserved_address};
use crate::model::{Subject, Vip, VipName};

pub(super) fn check(facts: &Facts<'_>, name: &VipName, vip: &Vip, report: &mut Report) {
    let Some(network) = facts.network(&vip.network) else { return };
    let (address, wire) = (vip.address, &vip.network);
    let here = || reserved_address::why_not_here(network, address).filter(|_| network.provider_address() != Some(address));
    let why = match (reserved_address::why_never(address).or_else(here), network.subnet) {
        (Some(why), _) => why.to_owned(),
        (None, Some(subnet)) if !subnet.contains(&address) => format!("does not lie in {wire} ({subnet})"),
        (None, _) => return,
    };
    let found = report.add(Subject::Vip(name.clone()), format!("{address} of vip:{name} {why}"));
    if let Some((title, edits)) = readdress::vip_to_free(facts, name, vip) {
        found.fix(title, edits);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn vip(network: &str, address: &str) -> crate::model::Lab {
        lab(&format!(r#"(name: "x", networks: {{"lan": {network}}}, vips: {{"v": (address: "{address}", network: "lan", id: 51)}})"#))
    }

    #[test]
    fn an_address_from_elsewhere() {
        let code = "vip-outside-subnet";
        let subnet = r#"host_only(subnet: "192.168.56.0/24")"#;
        for (address, why) in [
            ("192.168.6.30", "does not lie in lan (192.168.56.0/24)"),
            ("192.168.56.255", "is the subnet's broadcast address"),
            ("224.0.0.18", "is a multicast address"),
        ] {
            check(code, &vip(subnet, address), &[&format!("{address} of vip:v {why}")]);
            assert_eq!(fixes(code, &vip(subnet, address)), ["Use 192.168.56.10"]);
        }
        check(code, &vip(subnet, "192.168.56.30"), &[]);
        // The host's own address is another rule's business.
        check(code, &vip(subnet, "192.168.56.1"), &[]);
        check(code, &vip("internal()", "192.168.6.30"), &[]);
    }
}
