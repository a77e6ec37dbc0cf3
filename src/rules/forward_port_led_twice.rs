//! A port forwarding leads one port to two services.
//!
//! ## Why
//! A packet goes to one place: the first rule for a port takes all of them, and the second service gets none.
//!
//! ## Example
//! ```ron
//! "forward": (kind: "port-forward", settings: {"rules": ["8080:app1/web", "8080:app2/web"]})
//! ```
//!
//! ## Do this instead
//! Lead another port to one of them, or put a balancer before both.

use super::{Facts, Report, exposure, offer};
use crate::catalog::{Behaviour, ForwardRule};
use crate::model::{Node, NodeName, Path, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The setting that lists the rules.
const RULES: &str = "rules";

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    let mut first: BTreeMap<u16, ForwardRule> = BTreeMap::new();
    for (service_name, service) in &node.services {
        if facts.behaviour(service) != Some(Behaviour::PortForward) {
            continue;
        }
        let Some(Value::List(texts)) = service.settings.get(RULES) else { continue };
        let rules: Vec<ForwardRule> = texts.iter().filter_map(|text| text.parse().ok()).collect();
        let taken: BTreeSet<u16> = rules.iter().map(|rule| rule.port).collect();
        for (text, rule) in texts.iter().filter_map(|text| Some((text, text.parse::<ForwardRule>().ok()?))) {
            let Some(other) = first.get(&rule.port) else {
                first.insert(rule.port, rule);
                continue;
            };
            let port = rule.port;
            let message = if other.to == rule.to {
                format!("{name}/{service_name} leads port {port} to {} twice", rule.to)
            } else {
                format!("{name}/{service_name} leads port {port} to {} and to {}", other.to, rule.to)
            };
            let found =
                report.add(exposure::subject(name, service_name), message).within(Path::root().field("settings").key(RULES));
            if texts.len() > offer::ENTRIES_MAX {
                continue;
            }
            let change = |to: Option<String>| {
                offer::service(name, service_name, service, |service| {
                    if let Some(Value::List(list)) = service.settings.get_mut(RULES)
                        && let Some(place) = list.iter().rposition(|there| there == text)
                    {
                        match to {
                            Some(to) => list.splice(place..=place, [to]).for_each(drop),
                            None => list.drain(place..=place).for_each(drop),
                        }
                    }
                })
            };
            let free = (port..u16::MAX).take(offer::PORTS_TRIED_MAX).find(|port| !taken.contains(port) && !first.contains_key(port));
            if other.to == rule.to {
                found.fix("Remove the second rule", change(None));
            } else if let Some(free) = free {
                found.fix(format!("Lead port {free} to {}", rule.to), change(Some(format!("{free}:{}", rule.to))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn one_port_to_two_services() {
        let code = "forward-port-led-twice";
        let lab = |rules: &str| {
            lab(&format!(
                r#"(name: "x", nodes: {{"hall": (role: app, services: {{"web": (kind: "nginx"), "ssh": (kind: "sshd")}}),
                    "porch": (role: gateway, services: {{"lead": (kind: "port-forward", settings: {{"rules": [{rules}]}})}})}})"#
            ))
        };
        let twice = lab(r#""80:hall/web", "80:hall/ssh", "81:hall/ssh""#);
        check(code, &twice, &["porch/lead leads port 80 to hall/web and to hall/ssh"]);
        assert_eq!(fixes(code, &twice), ["Lead port 82 to hall/ssh"]);
        let same = lab(r#""80:hall/web", "80:hall/web""#);
        check(code, &same, &["porch/lead leads port 80 to hall/web twice"]);
        assert_eq!(fixes(code, &same), ["Remove the second rule"]);
        check(code, &lab(r#""80:hall/web", "81:hall/web""#), &[]);
    }
}
