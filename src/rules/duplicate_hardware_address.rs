//! Two adapters on one network have the same hardware address.
//!
//! ## Why
//! A switch, VirtualBox's included, sends each frame to where it last saw the address: the two nodes take each other's
//! packets. It is what a full clone leaves behind when its hardware addresses are kept.
//!
//! ## Example
//! ```ron
//! "app1": (role: app, adapters: [(network: "lab", mac: "08:00:27:00:00:15")]),
//! "app2": (role: app, adapters: [(network: "lab", mac: "08:00:27:00:00:15")]),
//! ```
//!
//! ## Do this instead
//! Leave `mac` out: each adapter then gets an address of its own that stays the same for the lab.

use super::{Facts, Report, exposure};
use crate::model::{Adapter, Edit, ListEdit, Node, NodeName, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (slot, adapter, _) in exposure::adapters(facts, node).filter(|(_, _, network)| network.kind.joins_nodes()) {
        let Some(mac) = adapter.mac.filter(|mac| mac.usable()) else { continue };
        let Some((other, other_slot)) = facts.adapters_with(&adapter.network, mac).next() else { continue };
        if (other, *other_slot) == (name, slot) {
            continue;
        }
        let wire = &adapter.network;
        let whose = if other == name { "its other adapter" } else { other };
        report
            .add(Subject::Adapter(name.clone(), slot, wire.clone()), format!("{name} on {wire} has the hardware address {mac} of {whose}"))
            .involving(Subject::Node(other.clone()))
            .fix("Have one chosen", choose(name, slot, adapter));
    }
}

/// Edits that leave the hardware address to the deployment.
pub(super) fn choose(name: &NodeName, slot: usize, adapter: &Adapter) -> Vec<Edit> {
    let change = ListEdit::Replace(Adapter { mac: None, ..adapter.clone() });
    vec![Edit::Adapter { node: name.clone(), slot, change }]
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn pair(second_network: &str, second: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"lan": internal(), "other": internal()}}, nodes: {{
                "a": (role: worker, adapters: [(network: "lan", mac: "08:00:27:00:00:15")]),
                "b": (role: worker, adapters: [(network: "{second_network}", mac: "{second}")])}})"#
        ))
    }

    #[test]
    fn a_clone_that_kept_its_address() {
        let code = "duplicate-hardware-address";
        let twins = pair("lan", "08-00-27-00-00-15");
        check(code, &twins, &["b on lan has the hardware address 08:00:27:00:00:15 of a"]);
        assert_eq!(fixes(code, &twins), ["Have one chosen"]);
        check(code, &pair("lan", "08:00:27:00:00:16"), &[]);
        check(code, &pair("other", "08:00:27:00:00:15"), &[]);
    }
}
