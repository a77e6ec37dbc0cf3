//! A node may hold a VIP, and is not on the VIP's network.
//!
//! ## Why
//! It neither hears the other holders nor answers for the address. If it believes that it must take over, the VIP is
//! gone; and it will believe so at once, because it hears no other holder.
//!
//! A node without any adapter is left to `isolated-node`.
//!
//! ## Example
//! `database` is on `backend`; its second holder, `db2`, is on `management` only.
//!
//! ## Do this instead
//! Put the node on the VIP's network, or take it off the holders.

use super::{Facts, Report, offer};
use crate::model::{Subject, Vip, VipName};

pub(super) fn check(facts: &Facts<'_>, name: &VipName, vip: &Vip, report: &mut Report) {
    for holder in &vip.holders {
        let Some(node) = facts.lab.nodes.get(&holder.node) else { continue };
        if node.adapters.is_empty() || node.adapter_on(&vip.network).is_some() {
            continue;
        }
        let mut found = report
            .add(Subject::Vip(name.clone()), format!("{} may hold {name} but is not on {}", holder.node, vip.network))
            .involving(Subject::Node(holder.node.clone()));
        // Who does not have what the VIP follows can never hold it, on whatever network it is.
        if vip.follows.as_ref().is_none_or(|follows| node.services.contains_key(follows)) {
            let (title, edits) = offer::adapter(facts, &holder.node, node, &vip.network);
            found = found.fix(title, edits);
        }
        let (title, edits) = offer::not_holding(name, vip, &holder.node);
        found.fix(title, edits);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_holder_elsewhere() {
        let held = |adapters: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24"), "mgmt": internal(subnet: "10.2.0.0/24")}}, nodes: {{
                    "db1": (role: database, adapters: [(network: "lan", address: "10.1.0.10")]),
                    "db2": (role: database, adapters: [{adapters}]),
                }}, vips: {{"v": (address: "10.1.0.30", network: "lan", id: 51, holders: [(node: "db1", priority: 110), (node: "db2", priority: 100)])}})"#
            ))
        };
        let off = held(r#"(network: "mgmt", address: "10.2.0.11")"#);
        check("vip-holder-off-network", &off, &["db2 may hold v but is not on lan"]);
        assert_eq!(fixes("vip-holder-off-network", &off), ["Put db2 on lan with 10.1.0.11", "Take db2 off the holders"]);
        check("vip-holder-off-network", &held(r#"(network: "lan", address: "10.1.0.11")"#), &[]);
        check("vip-holder-off-network", &held(""), &[]);
    }
}
