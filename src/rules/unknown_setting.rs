//! A service has a setting that its kind does not have.
//!
//! ## Why
//! Such a setting does nothing: the service runs as if it were not there. The author of `tlss: true` believes that the
//! service encrypts.
//!
//! ## Example
//! ```ron
//! "web": (kind: "nginx", settings: {"tlss": true})
//! ```
//!
//! ## Do this instead
//! Use the name that the catalog has, here `tls`, or remove the setting.

use super::{Facts, Report, exposure, offer};
use crate::catalog::Mismatch;
use crate::model::{Node, NodeName, Path, shortened};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in node.services.iter().filter(|(_, service)| !service.settings.is_empty()) {
        let Some(entry) = facts.entry(service) else { continue };
        for mismatch in entry.unknown_settings(service) {
            let Mismatch::Setting { name: setting, nearest } = &mismatch else { continue };
            let mut found = report
                .add(exposure::subject(name, service_name), format!("{name}/{service_name} {mismatch}"))
                .within(Path::root().field("settings").key(setting));
            if service.settings.len() > offer::ENTRIES_MAX {
                continue;
            }
            if let Some(near) = nearest.as_ref().filter(|near| !service.settings.contains_key(*near)) {
                let edits = offer::service(name, service_name, service, |service| {
                    if let Some(value) = service.settings.remove(*setting) {
                        service.settings.insert(near.clone(), value);
                    }
                });
                found = found.fix(format!("Rename it to {near}"), edits);
            }
            let edits = offer::service(name, service_name, service, |service| {
                service.settings.remove(*setting);
            });
            found.fix(format!("Remove {}", shortened(setting, offer::TITLE_CHARS_MAX)), edits);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_mistyped_setting() {
        let code = "unknown-setting";
        let lab = |settings: &str| {
            lab(&format!(r#"(name: "x", nodes: {{"n": (role: app, services: {{"web": (kind: "nginx", settings: {{{settings}}})}})}})"#))
        };
        let mistyped = lab(r#""tlss": true"#);
        check(code, &mistyped, &[r#"n/web has the setting "tlss", which its kind does not have; did you mean tls?"#]);
        assert_eq!(fixes(code, &mistyped), ["Rename it to tls", "Remove tlss"]);
        let both = lab(r#""tls": true, "tlss": true"#);
        assert_eq!(fixes(code, &both), ["Remove tlss"]);
        check(code, &lab(r#""something": 1"#), &[r#"n/web has the setting "something", which its kind does not have"#]);
        check(code, &lab(r#""tls": true"#), &[]);
    }
}
