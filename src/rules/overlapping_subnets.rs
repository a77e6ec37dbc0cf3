//! The subnets of two networks overlap.
//!
//! ## Why
//! A machine that is on both, the host included, cannot know through which of them an address is reached: it takes one
//! and never finds what is behind the other. The networks may be apart today; the first node that joins them breaks.
//!
//! NAT networks of kind `nat` do not count: behind them each node is alone, and the addresses are always the same.
//!
//! ## Example
//! ```ron
//! networks: {"frontend": host_only(subnet: "192.168.56.0/23"), "backend": host_only(subnet: "192.168.57.0/24")}
//! ```
//!
//! ## Do this instead
//! Give each network a subnet of its own.

use super::{Facts, Report, readdress};
use crate::model::{Ipv4Net, NetworkKind, NetworkName, Subject};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let wires = facts.lab.networks.iter().enumerate().filter(|(_, (_, network))| network.kind.joins_nodes());
    let mut subnets: Vec<(Ipv4Net, usize, &NetworkName)> =
        wires.filter_map(|(place, (name, network))| Some((network.subnet?.trunc(), place, name))).collect();
    // Subnets either nest or are apart: sorted by their first address, the larger first, one that overlaps others comes
    // right after the widest that reaches so far.
    subnets.sort_by_key(|(subnet, place, _)| (subnet.network(), subnet.prefix_len(), *place));
    let mut widest: Option<(Ipv4Net, usize, &NetworkName)> = None;
    for &(subnet, place, name) in &subnets {
        match widest {
            Some((other_subnet, other_place, other)) if other_subnet.contains(&subnet) => {
                let ((first, _), (second, its_subnet)) =
                    if place < other_place { ((name, subnet), (other, other_subnet)) } else { ((other, other_subnet), (name, subnet)) };
                overlap(facts, first, second, its_subnet, report);
            }
            _ => widest = Some((subnet, place, name)),
        }
    }
}

/// The one that was drawn later is the one to move.
fn overlap(facts: &Facts<'_>, first: &NetworkName, second: &NetworkName, subnet: Ipv4Net, report: &mut Report) {
    let found = report
        .add(Subject::Network(second.clone()), format!("{second} ({subnet}) overlaps {first}"))
        .involving(Subject::Network(first.clone()));
    let is_host_only = facts.network(second).is_some_and(|network| network.kind == NetworkKind::HostOnly);
    let private: Vec<Ipv4Net> = ["192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8"].iter().filter_map(|range| range.parse().ok()).collect();
    let ranges = if is_host_only { facts.context.host_only_ranges.clone() } else { private };
    if let Some((title, edits)) = readdress::network_to_free(facts, second, &ranges, subnet) {
        found.fix(title, edits);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn three(first: &str, second: &str, third: &str) -> crate::model::Lab {
        lab(&format!(r#"(name: "x", networks: {{"a": {first}, "b": {second}, "c": {third}}})"#))
    }

    #[test]
    fn nested_subnets() {
        let code = "overlapping-subnets";
        let (wide, narrow) = (r#"internal(subnet: "10.1.0.0/16")"#, r#"internal(subnet: "10.1.7.0/24")"#);
        check(code, &three(wide, narrow, "internal()"), &["b (10.1.7.0/24) overlaps a"]);
        assert_eq!(fixes(code, &three(wide, narrow, "internal()")), ["Move b to 192.168.0.0/24"]);
        check(code, &three(narrow, wide, r#"internal(subnet: "10.2.0.0/24")"#), &["b (10.1.0.0/16) overlaps a"]);
        check(code, &three(wide, narrow, narrow), &["b (10.1.7.0/24) overlaps a", "c (10.1.7.0/24) overlaps a"]);
        let host_only = r#"host_only(subnet: "192.168.56.0/24")"#;
        assert_eq!(fixes(code, &three(host_only, host_only, "nat()")), ["Move b to 192.168.57.0/24"]);
        check(code, &three(narrow, r#"internal(subnet: "10.1.8.0/24")"#, "internal()"), &[]);
        check(code, &three(r#"nat(subnet: "10.0.2.0/24")"#, r#"nat(subnet: "10.0.2.0/24")"#, "internal()"), &[]);
    }
}
