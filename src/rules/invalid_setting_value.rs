//! A setting has a value that it does not take.
//!
//! ## Why
//! A text where yes or no belongs counts as no, a number out of range stops the service or the deployment, and a choice that
//! does not exist is refused by the service itself. The catalog says what each setting takes: `plan` and `deploy` refuse the
//! same values.
//!
//! ## Example
//! ```ron
//! "balance": (kind: "haproxy", settings: {"tls": "yes", "check_ms": 7, "balance": "fastest"})
//! ```
//!
//! ## Do this instead
//! Give it a value of the type, the range or the choices that the message names.

use super::{Facts, Report, exposure, offer};
use crate::catalog::Mismatch;
use crate::model::{Node, NodeName, Value};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in node.services.iter().filter(|(_, service)| !service.settings.is_empty()) {
        let Some(entry) = facts.entry(service) else { continue };
        for mismatch in entry.wrong_values(service) {
            let Mismatch::Value { setting, item, .. } = &mismatch else { continue };
            let mut found = report
                .add(exposure::subject(name, service_name), format!("{name}/{service_name} {mismatch}"))
                .within(setting.path(*item));
            let own = service.settings.get(&setting.name);
            // A value that fits alone is too small beside another.
            let fits = own.is_none_or(|value| setting.mismatch(value).is_none());
            let meant = if fits { entry.least(service, setting).map(Value::Number) } else { own.and_then(|value| setting.meant(value)) };
            if let Some(value) = meant {
                let title = format!("Set {} to {value}", setting.name);
                let edits = offer::service(name, service_name, service, |service| {
                    service.settings.insert(setting.name.clone(), value);
                });
                found = found.fix(title, edits);
            }
            if let Some(default) = &setting.default {
                let edits = offer::service(name, service_name, service, |service| {
                    service.settings.remove(&setting.name);
                });
                let default = default.to_string();
                let what = if default.is_empty() { "empty" } else { &default };
                found.fix(format!("Use the default, {what}"), edits);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn types_ranges_choices_and_forms() {
        let code = "invalid-setting-value";
        let lab = |kind: &str, settings: &str| {
            lab(&format!(r#"(name: "x", nodes: {{"n": (role: app, services: {{"s": (kind: "{kind}", settings: {{{settings}}})}})}})"#))
        };
        let text = lab("nginx", r#""tls": "yes""#);
        check(code, &text, &[r#"n/s has "yes" for tls, which takes true or false"#]);
        assert_eq!(fixes(code, &text), ["Set tls to true", "Use the default, false"]);
        let range = lab("haproxy", r#""check_ms": 7"#);
        check(code, &range, &["n/s has 7 for check_ms, which takes a whole number from 100 to 60000"]);
        assert_eq!(fixes(code, &range), ["Set check_ms to 100", "Use the default, 500"]);
        let choice = lab("haproxy", r#""balance": "fastest""#);
        check(code, &choice, &[r#"n/s has "fastest" for balance, which takes roundrobin, leastconn or source"#]);
        let rule = lab("port-forward", r#""rules": ["web:hall/web"]"#);
        check(code, &rule, &[r#"n/s has "web:hall/web" for rules, which takes PORT:NODE/SERVICE, such as "8080:app1/web""#]);
        check(code, &lab("haproxy", r#""check_ms": 100, "balance": "source", "tls": true"#), &[]);
        check(code, &lab("of-another-catalog", r#""tls": "yes""#), &[]);
    }
}
