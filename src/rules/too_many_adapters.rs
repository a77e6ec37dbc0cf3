//! A node has more adapters than a machine can have.
//!
//! ## Why
//! VirtualBox gives a machine eight network cards with its usual chipset (PIIX3), and its command line sets no more. The
//! ninth is not made, and the network behind it is missing in the guest.
//!
//! ## Example
//! A gateway with an adapter on each of nine networks.
//!
//! ## Do this instead
//! Join some of the networks, or split the node in two.

use super::{Facts, Report};
use crate::model::{Node, NodeName, Subject};

/// The most network cards of a VirtualBox machine with the chipset PIIX3 (manual, section 6.1).
const ADAPTERS_MAX: usize = 8;

pub(super) fn check(_: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    let count = node.adapters.len();
    if let Some(first_over) = node.adapters.get(ADAPTERS_MAX) {
        report
            .add(Subject::Node(name.clone()), format!("{name} has {count} adapters; a machine has {ADAPTERS_MAX} at most"))
            .involving(Subject::Adapter(name.clone(), ADAPTERS_MAX, first_over.network.clone()));
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, lab};

    #[test]
    fn nine_adapters() {
        let node = |count: usize| {
            let adapters = r#"(network: "lan"), "#.repeat(count);
            lab(&format!(r#"(name: "x", networks: {{"lan": internal()}}, nodes: {{"gw": (role: gateway, adapters: [{adapters}])}})"#))
        };
        check("too-many-adapters", &node(9), &["gw has 9 adapters; a machine has 8 at most"]);
        check("too-many-adapters", &node(8), &[]);
    }
}
