//! The nodes together want more memory than the host can give.
//!
//! ## Why
//! The hypervisor refuses to start the last nodes, or the host swaps and everything on it crawls, which looks like faults
//! of the lab.
//!
//! The host keeps an eighth of its memory for itself, at least 512 MiB and at most 4096 MiB; the rest is for nodes. The
//! host is the one that the lab names, else the machine that it is checked on.
//!
//! ## Example
//! Ten nodes of 2048 MiB on a host of 16384 MiB, of which 14336 MiB are for nodes.
//!
//! ## Do this instead
//! Give nodes less, or draw fewer of them: `memory-below-need` says how little is too little.

use super::{Facts, Report};
use crate::model::Subject;

/// What part of its memory a host keeps, and between which bounds, in MiB.
const KEPT_PART: u64 = 8;
const KEPT_MIB: std::ops::RangeInclusive<u64> = 512..=4096;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let Some(host) = facts.host() else { return };
    let has = u64::from(host.memory);
    let gives = has.saturating_sub((has / KEPT_PART).clamp(*KEPT_MIB.start(), *KEPT_MIB.end()));
    let wanted: u64 = facts.lab.nodes.values().map(|node| u64::from(node.memory)).sum();
    if wanted > gives {
        report.add(Subject::Lab, format!("nodes want {wanted} MiB together; of its {has} MiB the host can give {gives}"));
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, lab};

    #[test]
    fn more_than_the_host_has() {
        let nodes = |host: &str, memory: u32| {
            lab(&format!(r#"(name: "x"{host}, nodes: {{"a": (role: app, memory: {memory}), "b": (role: app, memory: 1536)}})"#))
        };
        let host = ", host: (memory: 4096, cpus: 4)";
        check("memory-over-host", &nodes(host, 2049), &["nodes want 3585 MiB together; of its 4096 MiB the host can give 3584"]);
        check("memory-over-host", &nodes(host, 2048), &[]);
        check("memory-over-host", &nodes("", 1_000_000), &[]);
    }
}
