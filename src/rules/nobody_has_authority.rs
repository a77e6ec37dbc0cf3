//! Servers copy from one that has no authority.
//!
//! ## Why
//! Uploads, scheduled jobs and admin pages must happen on one server, from which the others copy. Where none has
//! authority, they happen anywhere or nowhere, and what one server takes is lost with the next copy.
//!
//! ## Example
//! `app1/php` and `app2/php` are copies of `admin1/php`, which does not say `authoritative: true`.
//!
//! ## Do this instead
//! Give authority to the server that the others copy from.

use super::{Facts, Report, offer};
use crate::catalog::Copying;
use crate::model::{Node, NodeName, ServiceRef, Subject, Value};

const AUTHORITATIVE: &str = "authoritative";

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        let Some(entry) = facts.entry(service).filter(|entry| entry.copies == Copying::Files) else { continue };
        if service.replica_of.is_some() || entry.setting(AUTHORITATIVE).is_none() || entry.is_on(service, AUTHORITATIVE) {
            continue;
        }
        let at = ServiceRef { node: name.clone(), service: service_name.clone() };
        let copies: Vec<&ServiceRef> = facts.replicas_of(&at).collect();
        let has_authority = |at: &&ServiceRef| {
            facts.lab.service(at).is_some_and(|service| service.settings.get(AUTHORITATIVE) == Some(&Value::Bool(true)))
        };
        if copies.is_empty() || copies.iter().any(has_authority) {
            continue;
        }
        let edits = offer::service(name, service_name, service, |service| {
            service.settings.insert(AUTHORITATIVE.to_owned(), Value::Bool(true));
        });
        let who = offer::row(&copies);
        let verb = if copies.len() == 1 { "copies" } else { "copy" };
        report
            .add(Subject::Service(at.clone()), format!("{who} {verb} from {at}, which has no authority: uploads, jobs and admin pages belong to nobody"))
            .fix(format!("Give {at} authority"), edits);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn copies_of_a_server_without_authority() {
        let code = "nobody-has-authority";
        let press = |settings: &str| {
            lab(&format!(
                r#"(name: "x", nodes: {{
                    "a": (role: app, services: {{"php": (kind: "apache", settings: {{{settings}}})}}),
                    "b": (role: app, services: {{"php": (kind: "apache", replica_of: "a/php")}}),
                }})"#
            ))
        };
        check(code, &press(""), &["b/php copies from a/php, which has no authority: uploads, jobs and admin pages belong to nobody"]);
        assert_eq!(fixes(code, &press("")), ["Give a/php authority"]);
        check(code, &press(r#""authoritative": true"#), &[]);
    }
}
