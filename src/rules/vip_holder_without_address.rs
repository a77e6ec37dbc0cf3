//! A node may hold a VIP, and its adapter on the VIP's network has no address.
//!
//! ## Why
//! The holders of a VIP tell each other by their own addresses that they are there, and each must know those of the others
//! beforehand. A node without a fixed address cannot take part, and the lab cannot be deployed.
//!
//! ## Example
//! `db2` may hold `database`, and its adapter on `backend` says no `address`.
//!
//! ## Do this instead
//! Give the adapter an address, or take the node off the holders.

use super::{Facts, Report, offer};
use crate::model::{Adapter, Edit, ListEdit, Subject, Vip, VipName};

pub(super) fn check(facts: &Facts<'_>, name: &VipName, vip: &Vip, report: &mut Report) {
    for holder in &vip.holders {
        let Some(node) = facts.lab.nodes.get(&holder.node) else { continue };
        let slot = node.adapters.iter().position(|adapter| adapter.network == vip.network);
        if slot.is_none() || node.address_on(&vip.network).is_some() {
            continue;
        }
        let mut found = report
            .add(Subject::Vip(name.clone()), format!("{} may hold {name} and has no address on {}", holder.node, vip.network))
            .involving(Subject::Node(holder.node.clone()));
        let adapter = slot.and_then(|slot| Some((slot, node.adapters.get(slot)?)));
        if let (Some((slot, adapter)), Some(address)) = (adapter, offer::free_address(facts, &vip.network)) {
            let change = ListEdit::Replace(Adapter { address: Some(address), ..adapter.clone() });
            found = found.fix(format!("Give it {address}"), vec![Edit::Adapter { node: holder.node.clone(), slot, change }]);
        }
        let (title, edits) = offer::not_holding(name, vip, &holder.node);
        found.fix(title, edits);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_holder_without_an_address() {
        let code = "vip-holder-without-address";
        let held = |address: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                    "db1": (role: database, adapters: [(network: "lan", address: "10.1.0.10")]),
                    "db2": (role: database, adapters: [(network: "lan"{address})]),
                }}, vips: {{"v": (address: "10.1.0.30", network: "lan", id: 51, holders: [(node: "db1", priority: 110), (node: "db2", priority: 100)])}})"#
            ))
        };
        check(code, &held(""), &["db2 may hold v and has no address on lan"]);
        assert_eq!(fixes(code, &held("")), ["Give it 10.1.0.11", "Take db2 off the holders"]);
        check(code, &held(r#", address: "10.1.0.11""#), &[]);
    }
}
