//! Services pass requests on to each other in a circle.
//!
//! ## Why
//! A cache asks the server behind it, and a web server passes on what it does not have. Where each has a flow to the other,
//! one request goes round until a limit ends it, and takes a connection on every node at each turn.
//!
//! ## Example
//! `lens/varnish` leads to `page/web`, and `page/web` leads back to `lens/varnish`.
//!
//! ## Do this instead
//! Take away the flow that leads back.

use super::{Facts, Report, offer};
use crate::catalog::Behaviour;
use crate::model::{Endpoint, Flow, Node, NodeName, ServiceRef, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for service_name in node.services.keys() {
        let at = ServiceRef { node: name.clone(), service: service_name.clone() };
        if !passes_on(facts, &at) {
            continue;
        }
        for (next, _) in passed_on(facts, &at) {
            // Said once, of the first by name.
            let back = passed_on(facts, next).find(|(to, _)| **to == at).map(|(_, flow)| (vec![&at, next], flow));
            let through = || {
                passed_on(facts, next).filter(|(third, _)| **third != at && *third != next).find_map(|(third, _)| {
                    let (_, flow) = passed_on(facts, third).find(|(to, _)| **to == at)?;
                    Some((vec![&at, next, third], flow))
                })
            };
            let Some((circle, flow)) = back.or_else(through).filter(|(circle, _)| circle.iter().all(|other| **other >= at)) else { continue };
            let mut found = report.add(Subject::Service(at.clone()), format!("{} pass requests on in a circle", offer::row(&circle)));
            for other in circle.iter().skip(1) {
                found = found.involving(Subject::Service((*other).clone()));
            }
            found.fix(format!("Remove the flow {flow}"), offer::no_flow(facts, flow));
        }
    }
}

fn passes_on(facts: &Facts<'_>, at: &ServiceRef) -> bool {
    let behaviour = facts.lab.service(at).and_then(|service| facts.behaviour(service));
    matches!(behaviour, Some(Behaviour::Web | Behaviour::Balancer))
}

/// The services to which a service passes requests on, with the flows that say so.
fn passed_on<'a>(facts: &Facts<'a>, at: &ServiceRef) -> impl Iterator<Item = (&'a ServiceRef, &'a Flow)> + use<'a> {
    let (facts, at) = (*facts, at.clone());
    facts.flows_of(&at.node).filter_map(move |(_, flow)| match (&flow.from, &flow.to) {
        (Endpoint::Service(from), Endpoint::Service(to)) if *from == at && to != from && passes_on(&facts, to) => Some((to, flow)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn requests_that_come_back() {
        let code = "requests-in-circle";
        let lens = |flows: &str| {
            lab(&format!(
                r#"(name: "x", nodes: {{
                    "a": (role: cache, services: {{"s": (kind: "varnish")}}),
                    "b": (role: app, services: {{"s": (kind: "nginx")}}),
                    "c": (role: app, services: {{"s": (kind: "haproxy")}}),
                }}, flows: [{flows}])"#
            ))
        };
        let pair = lens(r#"(from: "a/s", to: "b/s"), (from: "b/s", to: "a/s")"#);
        check(code, &pair, &["a/s and b/s pass requests on in a circle"]);
        assert_eq!(fixes(code, &pair), ["Remove the flow b/s -> a/s"]);
        let three = lens(r#"(from: "a/s", to: "b/s"), (from: "b/s", to: "c/s"), (from: "c/s", to: "a/s")"#);
        check(code, &three, &["a/s, b/s and c/s pass requests on in a circle"]);
        check(code, &lens(r#"(from: "a/s", to: "b/s"), (from: "b/s", to: "c/s")"#), &[]);
        check(code, &lens(r#"(from: "a", to: "b/s"), (from: "b", to: "a/s")"#), &[]);
    }
}
