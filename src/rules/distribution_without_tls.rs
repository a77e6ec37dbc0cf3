//! The nodes of a BEAM mesh talk to each other in clear text.
//!
//! ## Why
//! Erlang distribution carries everything, and a node that has joined may run any code on every other. The cookie that
//! guards it passes the wire only as a hash, but nothing of what follows is encrypted or signed. A private network is not
//! secure enough: any host on it can read along and take over a connection.
//!
//! Where some of a mesh use TLS and others do not, they do not talk at all: that is `settings-disagree`.
//!
//! ## Example
//! ```ron
//! "beam": (kind: "beam", cluster: "us-mesh", settings: {"tls": false})
//! ```
//!
//! ## Do this instead
//! Leave `tls` on for all of the mesh (`-proto_dist inet_tls`): they must agree, or they do not find each other.

use super::{Facts, Report, exposure};
use crate::model::{ClusterName, ServiceRef, Subject, Value};

pub(super) fn check(facts: &Facts<'_>, cluster: &ClusterName, report: &mut Report) {
    let mut clear: Vec<&ServiceRef> = Vec::new();
    let mut encrypted = 0;
    let mut edits = Vec::new();
    for (at, service) in facts.members(cluster) {
        let Some(entry) = facts.entry(service).filter(|entry| entry.behaviour.is_beam()) else { continue };
        let Some(distribution) = entry.ports.first() else { continue };
        if entry.is_encrypted(service, distribution) {
            encrypted += 1;
        } else {
            let mut encrypting = service.clone();
            encrypting.settings.insert("tls".into(), Value::Bool(true));
            edits.push(exposure::put(&at.node, &at.service, encrypting));
            clear.push(at);
        }
    }
    let Some(first) = clear.first().filter(|_| encrypted == 0) else { return };
    let who = match clear.len() {
        1 => first.to_string(),
        2 => format!("{first} and 1 other"),
        more => format!("{first} and {} others", more - 1),
    };
    let mut found = report.add(Subject::Cluster(cluster.clone()), format!("the mesh {cluster} talks in clear text at {who}"));
    for at in clear {
        found = found.involving(Subject::Service(at.clone()));
    }
    found.fix("Turn tls on", edits);
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn mesh(one: &str, two: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", nodes: {{"a": (role: worker, services: {{"s": ({one})}}), "b": (role: gateway, services: {{"s": ({two})}})}})"#
        ))
    }

    #[test]
    fn a_mesh_that_can_be_read() {
        let code = "distribution-without-tls";
        let clear = r#"kind: "beam", cluster: "us", settings: {"tls": false}"#;
        let encrypted = r#"kind: "beam-gateway", cluster: "us""#;
        check(code, &mesh(clear, encrypted), &[]);
        check(code, &mesh(clear, clear), &["the mesh us talks in clear text at a/s and 1 other"]);
        assert_eq!(fixes(code, &mesh(clear, clear)), ["Turn tls on"]);
        check(code, &mesh(encrypted, encrypted), &[]);
        check(code, &mesh(r#"kind: "galera", cluster: "us", settings: {"tls": false}"#, encrypted), &[]);
    }
}
