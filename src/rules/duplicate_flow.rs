//! Two flows have the same ends and the same port.
//!
//! ## Why
//! A flow is known by its ends and its port. Of two that have all three in common, one says nothing that the other does not:
//! findings, events and the inspector cannot tell them apart, and the lab waits for the same connection twice. Where one is
//! optional or need not be encrypted and the other must be, what the layout means depends on which is read.
//!
//! Flows between the same ends on different ports are different flows. A flow without a port leads to the main port of its
//! service.
//!
//! ## Example
//! `(from: "app1", to: "db1/sql")` stands twice in the list of flows.
//!
//! ## Do this instead
//! Delete the second one, or give it the port that it is meant for.

use super::{Facts, Report};
use crate::model::{Edit, Flow, FlowId, ListEdit, Subject};
use rustc_hash::FxHashMap as HashMap;

/// The most places that a message lists.
const LISTED_MAX: usize = 5;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let mut places: HashMap<FlowId, Vec<(usize, &Flow)>> = HashMap::default();
    for (index, flow) in facts.lab.flows.iter().enumerate() {
        places.entry(flow.into()).or_default().push((index, flow));
    }
    let mut repeated: Vec<_> = places.into_iter().filter(|(_, flows)| flows.len() > 1).collect();
    repeated.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    for (id, flows) in repeated {
        let [(_, first), later @ ..] = flows.as_slice() else { continue };
        let differ = if later.iter().all(|(_, flow)| flow == first) { "" } else { ", with different demands" };
        let message = format!("{id} is drawn {} times{differ}: flows {}", flows.len(), listed(&flows));
        // From the last on, so that the places of the others stay right.
        let edits = later.iter().rev().map(|(index, _)| Edit::Flow { index: *index, change: ListEdit::Remove });
        let title = format!("Delete flow{} {}", if later.len() > 1 { "s" } else { "" }, listed(later));
        report.add(Subject::Flow(id), message).fix(title, edits.collect());
    }
}

/// The places of flows as people count them.
fn listed(flows: &[(usize, &Flow)]) -> String {
    let numbers: Vec<String> = flows.iter().take(LISTED_MAX).map(|(index, _)| (index + 1).to_string()).collect();
    match numbers.as_slice() {
        _ if flows.len() > LISTED_MAX => format!("{} and {} more", numbers.join(", "), flows.len() - LISTED_MAX),
        [most @ .., last] if !most.is_empty() => format!("{} and {last}", most.join(", ")),
        _ => numbers.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    const CODE: &str = "duplicate-flow";

    fn flows(flows: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                "a": (role: worker, adapters: [(network: "lan", address: "10.1.0.10")]),
                "b": (role: worker, adapters: [(network: "lan", address: "10.1.0.11")], services: {{"web": (kind: "nginx")}}),
            }}, flows: [{flows}])"#
        ))
    }

    #[test]
    fn the_second_of_two_equal_flows() {
        let twice = flows(r#"(from: "a", to: "b/web"), (from: "a", to: "b/web", port: 81), (from: "a", to: "b/web")"#);
        check(CODE, &twice, &["a -> b/web is drawn 2 times: flows 1 and 3"]);
        assert_eq!(fixes(CODE, &twice), ["Delete flow 3"]);
        let often = flows(&[r#"(from: "a", to: "b/web")"#; 7].join(", "));
        check(CODE, &often, &["a -> b/web is drawn 7 times: flows 1, 2, 3, 4, 5 and 2 more"]);
        assert_eq!(fixes(CODE, &often), ["Delete flows 2, 3, 4, 5, 6 and 1 more"]);
        let ports = flows(r#"(from: "a", to: "b/web", port: 81), (from: "a", to: "b/web", port: 81, optional: true)"#);
        check(CODE, &ports, &["a -> b/web:81 is drawn 2 times, with different demands: flows 1 and 2"]);
    }

    #[test]
    fn flows_that_differ_in_a_port_or_an_end() {
        check(CODE, &flows(r#"(from: "a", to: "b/web"), (from: "a", to: "b/web", port: 80)"#), &[]);
        check(CODE, &flows(r#"(from: "a", to: "b/web"), (from: "outside", to: "b/web"), (from: "a", to: "b")"#), &[]);
    }
}
