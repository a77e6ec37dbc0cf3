//! A network's DHCP range does not lie in its subnet.
//!
//! ## Why
//! A server hands out addresses of the subnet that it serves (RFC 2131, section 4.3.1). Nodes with an address from elsewhere
//! reach no node on the network; VirtualBox does not make such a server at all.
//!
//! ## Example
//! ```ron
//! "lab": host_only(subnet: "192.168.59.0/24", dhcp: (from: "192.168.62.100", to: "192.168.62.200"))
//! ```
//!
//! ## Do this instead
//! Choose a range of the subnet that no node's drawn address lies in.

use super::{Facts, Report};
use crate::model::{DhcpRange, Edit, Ipv4Net, Network, NetworkName, Path, Subject};
use std::net::Ipv4Addr;

pub(super) fn check(_: &Facts<'_>, name: &NetworkName, network: &Network, report: &mut Report) {
    let (Some(subnet), Some(range)) = (network.subnet, network.dhcp) else { return };
    if range.from <= range.to && subnet.contains(&range.from) && subnet.contains(&range.to) {
        return;
    }
    let found = report
        .add(Subject::Network(name.clone()), format!("the DHCP range of {name}, {} to {}, is not in {subnet}", range.from, range.to))
        .within(Path::root().field("dhcp"));
    if let Some(within) = inside(subnet, range) {
        let to = Network { dhcp: Some(within), ..network.clone() };
        let title = format!("Hand out {} to {}", within.from, within.to);
        found.fix(title, vec![Edit::Network { name: name.clone(), at: None, to: Some(to) }]);
    }
}

/// The range with the same place in the subnet, where it has one there.
fn inside(subnet: Ipv4Net, range: DhcpRange) -> Option<DhcpRange> {
    let (network, host) = (u32::from(subnet.network()), u32::from(subnet.hostmask()));
    let moved = |address: Ipv4Addr| Ipv4Addr::from(network | (u32::from(address) & host));
    let within = DhcpRange { from: moved(range.from), to: moved(range.to) };
    let is_usable = within.from < within.to && within.from != subnet.network() && within.to != subnet.broadcast();
    (is_usable && subnet.prefix_len() <= 30).then_some(within)
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_range_elsewhere() {
        let code = "dhcp-range-outside-subnet";
        let with = |from: &str, to: &str| lab(&format!(r#"(name: "x", networks: {{"lab": internal(subnet: "10.1.0.0/24", dhcp: (from: "{from}", to: "{to}"))}})"#));
        let outside = with("10.2.0.100", "10.2.0.200");
        check(code, &outside, &["the DHCP range of lab, 10.2.0.100 to 10.2.0.200, is not in 10.1.0.0/24"]);
        assert_eq!(fixes(code, &outside), ["Hand out 10.1.0.100 to 10.1.0.200"]);
        check(code, &with("10.1.0.200", "10.1.1.5"), &["the DHCP range of lab, 10.1.0.200 to 10.1.1.5, is not in 10.1.0.0/24"]);
        check(code, &with("10.1.0.100", "10.1.0.200"), &[]);
    }
}
