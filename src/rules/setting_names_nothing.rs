//! A setting names a service or a node that the lab does not have.
//!
//! ## Why
//! A port that is led to a service that is not there answers no request, and a backup that lists one copies nothing, without a
//! word.
//!
//! ## Example
//! ```ron
//! "forward": (kind: "port-forward", settings: {"rules": ["8080:hall/wbe"]})
//! ```
//! where `hall` has the service `web`.
//!
//! ## Do this instead
//! Correct the name, or draw what it names.

use super::{Facts, Report, offer};
use crate::catalog::Named;
use crate::model::{NodeName, Path, Service, ServiceName, ServiceRef, Subject, Value, nearest, shortened};

/// For how many names the nearest is looked up: each costs a walk over all nodes.
const GUESSES_MAX: usize = 20;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let mut guesses = 0..GUESSES_MAX;
    for (at, service) in facts.naming() {
        let Some(entry) = facts.entry(service) else { continue };
        for (setting, text, named) in entry.named(service) {
            let lost = match &named {
                Named::Node(node) => (!facts.lab.nodes.contains_key(node)).then(|| format!("the node {node}")),
                Named::Service(to) => facts.lab.service(to).is_none().then(|| format!("the service {to}")),
            };
            let Some(lost) = lost else { continue };
            let near = guesses.next().and_then(|_| meant(facts, &named));
            let hint = near.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            let found = report
                .add(Subject::Service(at.clone()), format!("{at} names {lost} in {}, which this lab does not have{hint}", setting.name))
                .within(Path::root().field("settings").key(&setting.name));
            if let Some(near) = near {
                // The text ends with the name: a rule has a port before it.
                let kept = text.rsplit_once(':').map_or(String::new(), |(port, _)| format!("{port}:"));
                let to = format!("{kept}{near}");
                let title = format!("Use {}", shortened(&to, offer::TITLE_CHARS_MAX));
                found.fix(title, offer::service(&at.node, &at.service, service, |service| replace(service, &setting.name, text, &to)));
            }
        }
    }
}

/// What was probably meant by a name that leads nowhere.
fn meant(facts: &Facts<'_>, named: &Named) -> Option<String> {
    let node_like = |name: &NodeName| nearest(name, &mut facts.lab.nodes.keys().map(NodeName::as_str));
    match named {
        Named::Node(node) => node_like(node),
        Named::Service(ServiceRef { node, service }) => {
            let node = if facts.lab.nodes.contains_key(node) { node.to_string() } else { node_like(node)? };
            let there = &facts.lab.nodes.get(node.as_str())?.services;
            let service = match there.get_key_value(service) {
                Some((name, _)) => name.to_string(),
                None => nearest(service, &mut there.keys().map(ServiceName::as_str))?,
            };
            Some(format!("{node}/{service}"))
        }
    }
}

fn replace(service: &mut Service, setting: &str, from: &str, to: &str) {
    match service.settings.get_mut(setting) {
        Some(Value::Text(text)) => *text = to.to_owned(),
        Some(Value::List(texts)) => texts.iter_mut().filter(|text| *text == from).for_each(|text| *text = to.to_owned()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn names_in_settings_lead_somewhere() {
        let code = "setting-names-nothing";
        let lab = |service: &str| {
            lab(&format!(
                r#"(name: "x", nodes: {{"hall": (role: app, services: {{"web": (kind: "nginx")}}), "n": (role: gateway, services: {{"s": ({service})}})}})"#
            ))
        };
        let rules = |rule: &str| lab(&format!(r#"kind: "port-forward", settings: {{"rules": ["{rule}"]}}"#));
        check(code, &rules("80:hall/wbe"), &["n/s names the service hall/wbe in rules, which this lab does not have; did you mean hall/web?"]);
        assert_eq!(fixes(code, &rules("80:hall/wbe")), ["Use 80:hall/web"]);
        assert_eq!(fixes(code, &rules("80:hal/web")), ["Use 80:hall/web"]);
        check(code, &rules("80:nowhere/at-all"), &["n/s names the service nowhere/at-all in rules, which this lab does not have"]);
        check(code, &rules("80:hall/web"), &[]);
        let via = |node: &str| lab(&format!(r#"kind: "ssh-tunnel", settings: {{"via": "{node}"}}"#));
        check(code, &via("halls"), &["n/s names the node halls in via, which this lab does not have; did you mean hall?"]);
        assert_eq!(fixes(code, &via("halls")), ["Use hall"]);
        check(code, &via("hall"), &[]);
        check(code, &via(""), &[]);
        check(code, &lab(r#"kind: "nfs-server", settings: {"clients": ["*", "10.0.0.0/8", "hall"]}"#), &[]);
    }
}
