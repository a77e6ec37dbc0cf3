//! A node is named twice among the holders of a VIP.
//!
//! ## Why
//! A node takes part in an election once, with one priority (RFC 5798, section 5.2.4). Which of the two it has is chance, and
//! a VIP with one other holder less has one place less to move to.
//!
//! ## Example
//! ```ron
//! holders: [(node: "db1", priority: 110), (node: "db1", priority: 100)]
//! ```
//!
//! ## Do this instead
//! Name each node once; the second was probably meant to be another.

use super::{Facts, Report, offer};
use crate::model::{NodeName, Subject, Vip, VipName};
use std::collections::BTreeSet;

pub(super) fn check(_: &Facts<'_>, name: &VipName, vip: &Vip, report: &mut Report) {
    let mut seen: BTreeSet<&NodeName> = BTreeSet::new();
    let twice: BTreeSet<&NodeName> = vip.holders.iter().map(|holder| &holder.node).filter(|node| !seen.insert(node)).collect();
    for node in twice {
        let once = offer::vip(name, vip, |vip| {
            let mut kept = false;
            vip.holders.retain(|holder| holder.node != *node || !std::mem::replace(&mut kept, true));
        });
        report
            .add(Subject::Vip(name.clone()), format!("{node} is named twice among the holders of {name}"))
            .involving(Subject::Node(node.clone()))
            .fix(format!("Name {node} once"), once);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn one_node_twice() {
        let held = |second: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                    "db1": (role: database, adapters: [(network: "lan", address: "10.1.0.10")]),
                    "db2": (role: database, adapters: [(network: "lan", address: "10.1.0.11")]),
                }}, vips: {{"v": (address: "10.1.0.30", network: "lan", id: 51, holders: [(node: "db1", priority: 110), (node: "{second}", priority: 100)])}})"#
            ))
        };
        check("vip-holder-twice", &held("db1"), &["db1 is named twice among the holders of v"]);
        assert_eq!(fixes("vip-holder-twice", &held("db1")), ["Name db1 once"]);
        check("vip-holder-twice", &held("db2"), &[]);
        check("vip-single-holder", &held("db1"), &["only db1 may hold v: it has nowhere to move"]);
    }
}
