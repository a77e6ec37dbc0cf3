//! A path for administrators leads to a server without authority.
//!
//! ## Why
//! What administrators change must happen on the server that the others copy from. On a copy it is overwritten with the next
//! sync.
//!
//! ## Example
//! `gate/web` has `admin_to: "proof/php"`, which is a copy of `editor/php`.
//!
//! ## Do this instead
//! Lead the path to the server with `authoritative: true`.

use super::{Facts, Report, offer};
use crate::catalog::{Carries, Named};
use crate::model::{Subject, Value};

const AUTHORITATIVE: &str = "authoritative";

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    for (at, service) in facts.naming() {
        let Some(entry) = facts.entry(service) else { continue };
        for reference in entry.named(service) {
            let (path, setting) = (reference.path(), reference.setting);
            let Named::Service(to) = reference.named else { continue };
            let Some(there) = facts.lab.service(&to).filter(|_| setting.carries == Carries::ToIt) else { continue };
            let Some(primary) = &there.replica_of else { continue };
            let has_authority = facts.entry(there).is_none_or(|entry| entry.setting(AUTHORITATIVE).is_none() || entry.is_on(there, AUTHORITATIVE));
            if has_authority {
                continue;
            }
            let edits = offer::service(&at.node, &at.service, service, |service| {
                service.settings.insert(setting.name.clone(), Value::Text(primary.to_string()));
            });
            report
                .add(Subject::Service(at.clone()), format!("{at} leads administrators to {to}, a copy of {primary}: what they change there is overwritten"))
                .within(path)
                .involving(Subject::Service(to.clone()))
                .fix(format!("Lead them to {primary}"), edits);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn administrators_are_led_to_a_copy() {
        let code = "admin-path-without-authority";
        let press = |to: &str| {
            lab(&format!(
                r#"(name: "x", nodes: {{
                    "gate": (role: balancer, services: {{"web": (kind: "nginx", settings: {{"admin_path": "/office", "admin_to": "{to}"}})}}),
                    "editor": (role: app, services: {{"php": (kind: "apache", settings: {{"authoritative": true}})}}),
                    "proof": (role: app, services: {{"php": (kind: "apache", replica_of: "editor/php")}}),
                }}, flows: [(from: "gate/web", to: "editor/php"), (from: "gate/web", to: "proof/php")])"#
            ))
        };
        check(code, &press("proof/php"), &["gate/web leads administrators to proof/php, a copy of editor/php: what they change there is overwritten"]);
        assert_eq!(fixes(code, &press("proof/php")), ["Lead them to editor/php"]);
        check(code, &press("editor/php"), &[]);
    }
}
