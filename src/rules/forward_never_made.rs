//! A port of the host is forwarded on a network that forwards none.
//!
//! ## Why
//! VirtualBox forwards ports of the host on NAT adapters and NAT networks only (VirtualBox manual, Network Address
//! Translation and NAT Service). On any other network the forward is never made, without a word.
//!
//! ## Example
//! ```ron
//! adapters: [(network: "internet"), (network: "lab", forwards: [(host: 8080, to: 80)])]
//! ```
//! where `lab` is host-only.
//!
//! ## Do this instead
//! Put the forward on the adapter of a NAT network. On a host-only or bridged network none is needed: the node's address
//! answers.

use super::{Facts, Report, offer};
use crate::model::{Adapter, Edit, ListEdit, Node, NodeName, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    let takes = |adapter: &Adapter| facts.network(&adapter.network).is_none_or(|network| network.kind.takes_forwards());
    for (slot, adapter) in node.adapters.iter().enumerate().filter(|(_, adapter)| !adapter.forwards.is_empty() && !takes(adapter)) {
        let Some(network) = facts.network(&adapter.network) else { continue };
        let ports = adapter.forwards.iter().map(|forward| forward.host);
        let message = format!(
            "host port {} of {name} is forwarded on {}, which is {}: only NAT and NAT networks forward ports",
            offer::row(ports),
            adapter.network,
            network.kind.title()
        );
        let mut found = report.add(Subject::Adapter(name.clone(), slot, adapter.network.clone()), message);
        let edit = |slot: usize, adapter: Adapter| Edit::Adapter { node: name.clone(), slot, change: ListEdit::Replace(adapter) };
        let without = || Adapter { forwards: Vec::new(), ..adapter.clone() };
        if let Some((to_slot, to)) = node.adapters.iter().enumerate().find(|(_, adapter)| takes(adapter)) {
            let mut moved = to.clone();
            moved.forwards.extend(adapter.forwards.iter().copied());
            found = found.fix(format!("Forward on {}", to.network), vec![edit(slot, without()), edit(to_slot, moved)]);
        }
        found.fix("Remove the forward", vec![edit(slot, without())]);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_forward_that_is_never_made() {
        let code = "forward-never-made";
        let kiosk = |nat: &str, lan: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"internet": nat(), "lab": host_only(subnet: "192.168.56.0/24")}}, nodes: {{
                    "kiosk": (role: app, adapters: [(network: "internet"{nat}), (network: "lab", address: "192.168.56.10"{lan})], services: {{"web": (kind: "nginx")}}),
                }})"#
            ))
        };
        let forward = ", forwards: [(host: 8090, to: 80)]";
        let wrong = kiosk("", forward);
        check(code, &wrong, &["host port 8090 of kiosk is forwarded on lab, which is host-only: only NAT and NAT networks forward ports"]);
        assert_eq!(fixes(code, &wrong), ["Forward on internet", "Remove the forward"]);
        check(code, &kiosk(forward, ""), &[]);
    }
}
