//! A node has more processors than the host, or all together have far too many.
//!
//! ## Why
//! A node with more virtual processors than the host has real ones runs slower than with fewer: its processors wait for
//! each other. All nodes together may have more, because few work at once; beyond eight to one they do not get by, and
//! timeouts expire on nodes that are well.
//!
//! The host is the one that the lab names, else the machine that it is checked on.
//!
//! ## Example
//! `db1` has eight processors on a host with four.
//!
//! ## Do this instead
//! Give the node as many as the host has, or fewer: one is enough for most.

use super::{Facts, Report, offer};
use crate::model::Subject;

/// Virtual processors for each real one that a host gets by with.
const OVERCOMMIT: u32 = 8;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let Some(host) = facts.host().filter(|host| host.cpus > 0) else { return };
    let mut all: u32 = 0;
    for (name, node) in &facts.lab.nodes {
        all = all.saturating_add(u32::from(node.cpus.min(host.cpus)));
        if node.cpus > host.cpus {
            let edits = offer::node(name, node, |node| node.cpus = host.cpus);
            report
                .add(Subject::Node(name.clone()), format!("{name} has {} processors, the host only {}", node.cpus, host.cpus))
                .fix(format!("Give {name} {}", host.cpus), edits);
        }
    }
    if all > OVERCOMMIT * u32::from(host.cpus) {
        report.add(Subject::Lab, format!("nodes have {all} processors together, more than {OVERCOMMIT} for each of the host's {}", host.cpus));
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn more_than_the_host_has() {
        let nodes = |cpus: u16, rest: u16| {
            let rest: String = (0..rest).map(|n| format!(r#""n{n}": (role: worker),"#)).collect();
            lab(&format!(r#"(name: "x", host: (memory: 65536, cpus: 2), nodes: {{"db1": (role: database, cpus: {cpus}), {rest}}})"#))
        };
        check("cpus-over-host", &nodes(3, 0), &["db1 has 3 processors, the host only 2"]);
        assert_eq!(fixes("cpus-over-host", &nodes(3, 0)), ["Give db1 2"]);
        check("cpus-over-host", &nodes(2, 15), &["nodes have 17 processors together, more than 8 for each of the host's 2"]);
        check("cpus-over-host", &nodes(2, 14), &[]);
    }
}
