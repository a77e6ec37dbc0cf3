//! A backup is kept on the disk that it is for.
//!
//! ## Why
//! A backup is for the day on which a disk or a node is lost. One that lies beside its data is lost with it.
//!
//! ## Example
//! `db1` has the database `db` and a backup that lists `db1/db`.
//!
//! ## Do this instead
//! Put the backup on another node.

use super::{Facts, Report};
use crate::catalog::{Behaviour, Named};
use crate::model::{Node, NodeName, ServiceRef, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        let Some(entry) = facts.entry(service).filter(|entry| entry.behaviour == Behaviour::Backup) else { continue };
        let at = ServiceRef { node: name.clone(), service: service_name.clone() };
        for reference in entry.named(service) {
            let Named::Service(of) = reference.named else { continue };
            if of.node == *name && node.services.contains_key(&of.service) {
                report
                    .add(Subject::Service(at.clone()), format!("{at} copies {of} to the disk that it is on: losing {name} loses both"))
                    .involving(Subject::Service(of));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, lab};

    #[test]
    fn a_backup_on_the_same_node() {
        let desk = |of: &str| {
            lab(&format!(
                r#"(name: "x", nodes: {{
                    "a": (role: database, services: {{"db": (kind: "mariadb"), "copies": (kind: "rsync-backup", settings: {{"services": ["{of}"]}})}}),
                    "b": (role: database, services: {{"db": (kind: "mariadb")}}),
                }})"#
            ))
        };
        check("backup-beside-its-data", &desk("a/db"), &["a/copies copies a/db to the disk that it is on: losing a loses both"]);
        check("backup-beside-its-data", &desk("b/db"), &[]);
    }
}
