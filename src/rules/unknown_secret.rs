//! A service names a secret that its kind does not have.
//!
//! ## Why
//! The secret is made and given to no service. The one that the service needs is made for it alone, so it shares none with
//! those that it was meant to share it with, and logins fail.
//!
//! ## Example
//! ```ron
//! "cache": (kind: "redis", secrets: {"passwort": "cache-password"})
//! ```
//!
//! ## Do this instead
//! Use the name that the catalog has, here `password`, or remove it.

use super::{Facts, Report, exposure, offer};
use crate::catalog::Mismatch;
use crate::model::{Node, NodeName, Path, shortened};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in node.services.iter().filter(|(_, service)| !service.secrets.is_empty()) {
        let Some(entry) = facts.entry(service) else { continue };
        for mismatch in entry.unknown_secrets(service) {
            let Mismatch::Secret { name: secret, nearest } = &mismatch else { continue };
            let mut found = report
                .add(exposure::subject(name, service_name), format!("{name}/{service_name} {mismatch}"))
                .within(Path::root().field("secrets").key(secret));
            if service.secrets.len() > offer::ENTRIES_MAX {
                continue;
            }
            if let Some(near) = nearest.as_ref().filter(|near| !service.secrets.contains_key(*near)) {
                let edits = offer::service(name, service_name, service, |service| {
                    if let Some(named) = service.secrets.remove(*secret) {
                        service.secrets.insert(near.clone(), named);
                    }
                });
                found = found.fix(format!("Rename it to {near}"), edits);
            }
            let edits = offer::service(name, service_name, service, |service| {
                service.secrets.remove(*secret);
            });
            found.fix(format!("Remove {}", shortened(secret, offer::TITLE_CHARS_MAX)), edits);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_mistyped_secret() {
        let code = "unknown-secret";
        let lab = |secrets: &str| {
            lab(&format!(r#"(name: "x", nodes: {{"n": (role: cache, services: {{"s": (kind: "redis", secrets: {{{secrets}}})}})}})"#))
        };
        let mistyped = lab(r#""passwort": "x""#);
        check(code, &mistyped, &[r#"n/s has the secret "passwort", which its kind does not have; did you mean password?"#]);
        assert_eq!(fixes(code, &mistyped), ["Rename it to password", "Remove passwort"]);
        check(code, &lab(r#""persist": "x""#), &[r#"n/s has the secret "persist", which its kind does not have"#]);
        check(code, &lab(r#""password": "x""#), &[]);
    }
}
