//! A port of the host below 1024 is forwarded.
//!
//! ## Why
//! On Linux and macOS only the administrator may open ports below 1024. VirtualBox runs as you, so the node starts
//! without its forward, and the only word of it is in the machine's log.
//!
//! ## Example
//! `lb` forwards host port 80 to its port 80.
//!
//! ## Do this instead
//! Forward 8080 instead of 80, 8443 instead of 443.

use super::{Facts, Report, offer};
use crate::model::{Forward, Node, NodeName, Subject};

/// The first port that everybody may open (Linux: net.ipv4.ip_unprivileged_port_start).
const UNPRIVILEGED: u16 = 1024;

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (slot, adapter) in node.adapters.iter().enumerate() {
        for forward in adapter.forwards.iter().filter(|forward| forward.host < UNPRIVILEGED) {
            let subject = Subject::Adapter(name.clone(), slot, adapter.network.clone());
            let found = report.add(subject, format!("{name} forwards host port {}, which only an administrator may open", forward.host));
            if let Some(host) = offer::free_host_port(facts, forward.host) {
                let edits = offer::forward(name, node, slot, forward, Some(Forward { host, ..*forward }));
                found.fix(format!("Use host port {host}"), edits);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_port_for_administrators() {
        let forward = |host: u16| {
            lab(&format!(
                r#"(name: "x", networks: {{"internet": nat()}}, nodes: {{"lb": (role: balancer, adapters: [(network: "internet", forwards: [(host: {host}, to: 80)])])}})"#
            ))
        };
        check("privileged-host-port", &forward(80), &["lb forwards host port 80, which only an administrator may open"]);
        assert_eq!(fixes("privileged-host-port", &forward(80)), ["Use host port 8080"]);
        check("privileged-host-port", &forward(1024), &[]);
    }
}
