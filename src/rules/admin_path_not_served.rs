//! Administrators are led to a service that does not serve their path.
//!
//! ## Why
//! A web server passes its admin path on as it is. An application that has another one, or none, answers "not found" to administrators.
//!
//! ## Example
//! ```ron
//! "web": (kind: "nginx", settings: {"admin_path": "/office", "admin_to": "editor/php"})
//! "php": (kind: "apache", settings: {"admin_path": "/admin", "authoritative": true})
//! ```
//!
//! ## Do this instead
//! Give both the same path.

use super::{Facts, Report, offer};
use crate::catalog::{Behaviour, Carries, Entry, Holds, Named};
use crate::model::{Path, Service, Subject, Value, shortened};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    for (at, service) in facts.naming() {
        let Some(entry) = facts.entry(service) else { continue };
        let Some(own) = entry.settings.iter().find(|setting| setting.holds == Holds::UrlPath) else { continue };
        let Some(path) = path_of(entry, service, &own.name).filter(|path| !plain(path).is_empty()) else { continue };
        for reference in entry.named(service).filter(|reference| reference.setting.carries == Carries::ToIt) {
            let Named::Service(to) = &reference.named else { continue };
            let Some(there) = facts.lab.service(to) else { continue };
            // Only an application has a path of its own: another web server serves whatever lies in its folder.
            let Some(app) = facts.entry(there).filter(|entry| entry.behaviour == Behaviour::App) else { continue };
            let Some(served) = path_of(app, there, &own.name).filter(|served| !is_below(path, served)) else { continue };
            let has = if plain(served).is_empty() { "serves no such path".to_owned() } else { format!("serves {}", text(served)) };
            let found = report
                .add(Subject::Service(at.clone()), format!("{at} passes {} to {to}, which {has}", text(path)))
                .within(Path::root().field("settings").key(&own.name))
                .involving(Subject::Service(to.clone()));
            let edits = offer::service(&to.node, &to.service, there, |service| {
                service.settings.insert(own.name.clone(), Value::Text(path.to_owned()));
            });
            found.fix(format!("Serve {} at {to}", text(path)), edits);
        }
    }
}

/// The path that a service has for a setting; `None` where its kind has no such setting.
fn path_of<'a>(entry: &'a Entry, service: &'a Service, setting: &str) -> Option<&'a str> {
    match entry.setting(setting).and_then(|setting| entry.value(service, &setting.name))? {
        Value::Text(path) => Some(path),
        Value::Bool(_) | Value::Number(_) | Value::List(_) => None,
    }
}

/// A path without the slashes at its ends: recipes add the first, and none needs the last.
fn plain(path: &str) -> &str {
    path.trim_matches('/')
}

/// Whether who serves a path serves another one: itself, or one below it.
fn is_below(path: &str, served: &str) -> bool {
    let rest = plain(path).strip_prefix(plain(served));
    !plain(served).is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn text(path: &str) -> std::borrow::Cow<'_, str> {
    shortened(path, offer::TITLE_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn the_path_of_the_application() {
        let code = "admin-path-not-served";
        let press = |kind: &str, settings: &str| {
            lab(&format!(
                r#"(name: "x", nodes: {{
                    "gate": (role: balancer, services: {{"web": (kind: "nginx", settings: {{"admin_path": "/office", "admin_to": "editor/s"}})}}),
                    "editor": (role: app, services: {{"s": (kind: "{kind}", settings: {{{settings}}})}}),
                }}, flows: [(from: "gate/web", to: "editor/s")])"#
            ))
        };
        let other = press("apache", r#""admin_path": "/admin""#);
        check(code, &other, &["gate/web passes /office to editor/s, which serves /admin"]);
        assert_eq!(fixes(code, &other), ["Serve /office at editor/s"]);
        let none = press("apache", r#""authoritative": true"#);
        check(code, &none, &["gate/web passes /office to editor/s, which serves no such path"]);
        for served in ["/office", "office/", "/office/"] {
            check(code, &press("apache", &format!(r#""admin_path": "{served}""#)), &[]);
        }
        check(code, &press("nginx", ""), &[]);
        check(code, &press("todo", ""), &[]);
    }
}
