//! A node has two adapters on one network.
//!
//! ## Why
//! Both cards answer for both addresses, and answers leave by either (Linux ip-sysctl documentation, `arp_filter` and
//! `rp_filter`). Cables that are pulled and links that are cut then do not do what the drawing says. One adapter is enough.
//!
//! A NAT network gives each adapter a network of its own, and is left out.
//!
//! ## Example
//! ```ron
//! adapters: [(network: "lab", address: "192.168.56.10"), (network: "lab", address: "192.168.56.11")]
//! ```
//!
//! ## Do this instead
//! Remove one of the two.

use super::{Facts, Report};
use crate::model::{Edit, ListEdit, Node, NodeName, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (slot, adapter) in node.adapters.iter().enumerate().skip(1) {
        let is_second = node.adapters.iter().take(slot).any(|other| other.network == adapter.network);
        if !is_second || !facts.joins(&adapter.network) {
            continue;
        }
        let remove = Edit::Adapter { node: name.clone(), slot, change: ListEdit::Remove };
        report
            .add(Subject::Adapter(name.clone(), slot, adapter.network.clone()), format!("{name} has two adapters on {}", adapter.network))
            .fix("Remove the second", vec![remove]);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn two_cards_on_one_wire() {
        let code = "two-adapters-on-network";
        let node = |second: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lab": internal(subnet: "10.1.0.0/24"), "rear": internal(subnet: "10.2.0.0/24")}}, nodes: {{
                    "n": (role: app, adapters: [(network: "lab", address: "10.1.0.10"), (network: "{second}")]),
                }})"#
            ))
        };
        check(code, &node("lab"), &["n has two adapters on lab"]);
        assert_eq!(fixes(code, &node("lab")), ["Remove the second"]);
        check(code, &node("rear"), &[]);
    }
}
