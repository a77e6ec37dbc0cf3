//! An adapter has a hardware address that no adapter can have.
//!
//! ## Why
//! Where the lowest bit of the first byte is set, the address means a group of machines (IEEE 802), and hypervisors refuse
//! it; so they do with an address of zeros.
//!
//! ## Example
//! ```ron
//! "app1": (role: app, adapters: [(network: "lab", mac: "01:00:5e:00:00:12")])
//! ```
//!
//! ## Do this instead
//! Leave `mac` out, or choose one whose first byte is even, such as VirtualBox's own `08:00:27:…`.

use super::{Facts, Report, duplicate_hardware_address::choose};
use crate::model::{Node, NodeName, Subject};

pub(super) fn check(_: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (slot, adapter) in node.adapters.iter().enumerate() {
        let Some(mac) = adapter.mac.filter(|mac| !mac.usable()) else { continue };
        let wire = &adapter.network;
        report
            .add(Subject::Adapter(name.clone(), slot, wire.clone()), format!("no adapter can have {mac}, as {name} on {wire} does"))
            .fix("Have one chosen", choose(name, slot, adapter));
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn group_addresses_and_zeros() {
        let code = "invalid-hardware-address";
        let adapter = |mac: &str| {
            lab(&format!(r#"(name: "x", networks: {{"lan": nat()}}, nodes: {{"a": (role: worker, adapters: [(network: "lan"{mac})])}})"#))
        };
        for mac in ["01:00:5e:00:00:12", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"] {
            let wrong = adapter(&format!(r#", mac: "{mac}""#));
            check(code, &wrong, &[&format!("no adapter can have {mac}, as a on lan does")]);
            assert_eq!(fixes(code, &wrong), ["Have one chosen"]);
        }
        check(code, &adapter(r#", mac: "08:00:27:00:00:12""#), &[]);
        check(code, &adapter(""), &[]);
    }
}
