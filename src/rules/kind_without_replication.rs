//! A service is drawn as the copy of another, and its kind cannot copy.
//!
//! ## Why
//! What is set up for it knows no replication. The copy starts empty, stays empty, and is found out on the day that it must
//! take over.
//!
//! ## Example
//! ```ron
//! "second": (kind: "openldap", replica_of: "dir1/ldap")
//! ```
//!
//! ## Do this instead
//! Draw one of it, back it up, and let clients wait while it is down; or use a kind that copies.

use super::{Facts, Report, offer};
use crate::catalog::Copying;
use crate::model::{Node, NodeName, Path, ServiceRef, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        let Some(primary) = &service.replica_of else { continue };
        let Some(entry) = facts.entry(service).filter(|entry| entry.keeps_data && entry.copies == Copying::Never) else { continue };
        let at = ServiceRef { node: name.clone(), service: service_name.clone() };
        let edits = offer::service(name, service_name, service, |service| service.replica_of = None);
        report
            .add(Subject::Service(at.clone()), format!("{at} is to copy from {primary}, and {} knows no replication: it stays empty", entry.title))
            .within(Path::root().field("replica_of"))
            .involving(Subject::Service(primary.clone()))
            .fix(format!("Let {at} be no copy"), edits);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_copy_of_what_cannot_copy() {
        let code = "kind-without-replication";
        let pair = |kind: &str| {
            lab(&format!(
                r#"(name: "x", nodes: {{"a": (role: database, services: {{"s": (kind: "{kind}")}}), "b": (role: database, services: {{"s": (kind: "{kind}", replica_of: "a/s")}})}})"#
            ))
        };
        check(code, &pair("openldap"), &["b/s is to copy from a/s, and OpenLDAP knows no replication: it stays empty"]);
        assert_eq!(fixes(code, &pair("openldap")), ["Let b/s be no copy"]);
        for copies in ["mariadb", "postgresql", "redis", "apache"] {
            check(code, &pair(copies), &[]);
        }
    }
}
