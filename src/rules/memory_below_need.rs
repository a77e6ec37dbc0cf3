//! A node has less memory than its services need.
//!
//! ## Why
//! The kernel ends whichever process is largest when memory runs out: most often the database, and under load, so it
//! looks like a crash.
//!
//! A node needs 192 MiB for a small Linux, and for each service what the catalog says.
//!
//! ## Example
//! `db1` has 512 MiB and runs a Galera member (384 MiB).
//!
//! ## Do this instead
//! Give the node more memory, or move a service to another node.

use super::{Facts, Report, offer};
use crate::model::{Node, NodeName, Subject};

/// What a small Linux needs before any service runs, in MiB.
const SYSTEM_MIB: u32 = 192;
/// Memory is offered in multiples of this, in MiB.
const STEP_MIB: u32 = 128;

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    let services = node.services.values().filter_map(|service| facts.entry(service));
    let need = services.fold(SYSTEM_MIB, |sum, entry| sum.saturating_add(entry.memory_mib));
    if node.memory < need {
        let enough = need.div_ceil(STEP_MIB).saturating_mul(STEP_MIB);
        let what = if node.services.is_empty() { "Linux needs" } else { "Linux and its services need" };
        report
            .add(Subject::Node(name.clone()), format!("{name} has {} MiB; {what} {need}", node.memory))
            .fix(format!("Give {name} {enough} MiB"), offer::node(name, node, |node| node.memory = enough));
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn too_little_for_a_database() {
        let memory = |memory: u32, services: &str| {
            lab(&format!(r#"(name: "x", nodes: {{"db1": (role: database, memory: {memory}, services: {{{services}}})}})"#))
        };
        let galera = r#""db": (kind: "galera", bind: loopback)"#;
        check("memory-below-need", &memory(512, galera), &["db1 has 512 MiB; Linux and its services need 576"]);
        assert_eq!(fixes("memory-below-need", &memory(512, galera)), ["Give db1 640 MiB"]);
        check("memory-below-need", &memory(576, galera), &[]);
        check("memory-below-need", &memory(128, ""), &["db1 has 128 MiB; Linux needs 192"]);
        check("memory-below-need", &memory(192, ""), &[]);
    }
}
