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
//! `(from: "app1", to: "db1/sql")` stands twice in the list of flows, or once more with `port: 3306`.
//!
//! ## Do this instead
//! Delete the second one, or give it the port that it is meant for.

use super::agreement::answering;
use super::contract::Verdict;
use super::{Facts, Report};
use crate::model::{Edit, Endpoint, Flow, FlowId, ListEdit, Subject};

/// The most places that a message lists.
const LISTED_MAX: usize = 5;

pub(super) fn check(facts: &Facts<'_>, flow: &Flow, _: &Verdict<'_>, report: &mut Report) {
    let Some(place) = facts.place_of(flow) else { return };
    let twins = twins(facts, flow);
    // The first of them has the finding.
    if twins.len() < 2 || twins.first().is_none_or(|(first, _)| *first != place) {
        return;
    }
    let later = twins.get(1..).unwrap_or_default();
    let is_alike = |other: &Flow| Flow { port: flow.port, ..other.clone() } == *flow;
    let differ = if later.iter().all(|(_, other)| is_alike(other)) { "" } else { ", with different demands" };
    let message = format!("{} is drawn {} times{differ}: flows {}", FlowId::from(flow), twins.len(), listed(&twins));
    // From the last on, so that the places of the others stay right.
    let edits = later.iter().rev().map(|(index, _)| Edit::Flow { index: *index, change: ListEdit::Remove });
    let title = format!("Delete flow{} {}", if later.len() > 1 { "s" } else { "" }, listed(later));
    report.add(Subject::flow(flow), message).fix(title, edits.collect());
}

/// The flows with the ends and the port of this one, in the lab's order. All of them name the same nodes; the one with the fewest flows is
/// searched.
fn twins<'a>(facts: &Facts<'a>, flow: &Flow) -> Vec<(usize, &'a Flow)> {
    let node_of = |end: &'a Endpoint| match end {
        Endpoint::Vip(vip) => facts.lab.vips.get(vip).and_then(|vip| vip.first_holder()).map(|holder| &holder.node),
        other => other.node(),
    };
    let Some(drawn) = facts.place_of(flow).and_then(|place| facts.lab.flows.get(place)) else { return Vec::new() };
    let nodes = [&drawn.from, &drawn.to].into_iter().filter_map(node_of);
    let same_ends = |(_, other): &(usize, &Flow)| other.from == flow.from && other.to == flow.to;
    let same_ends: Vec<_> = match nodes.min_by_key(|node| facts.index.flows_of.get(*node).map_or(0, Vec::len)) {
        Some(node) => facts.flows_of(node).filter(same_ends).collect(),
        None => facts.lab.flows.iter().enumerate().filter(same_ends).collect(),
    };
    if same_ends.len() < 2 {
        return same_ends;
    }
    let port = leads_to(facts, flow);
    same_ends.into_iter().filter(|(_, other)| leads_to(facts, other) == port).collect()
}

/// The port that a flow leads to; `None` where no port is known.
fn leads_to(facts: &Facts<'_>, flow: &Flow) -> Option<u16> {
    let main = || {
        let ports = answering(facts, &flow.to).into_iter().map(|(_, service)| facts.entry(service)?.main_port(service));
        let mut ports = ports.collect::<Option<Vec<u16>>>()?;
        ports.dedup();
        // Where the holders of a VIP have different main ports, the flow leads to no one port.
        if let [one] = ports.as_slice() { Some(*one) } else { None }
    };
    flow.port.or_else(main)
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
        let main = flows(r#"(from: "a", to: "b/web", port: 80), (from: "a", to: "b/web")"#);
        check(CODE, &main, &["a -> b/web:80 is drawn 2 times: flows 1 and 2"]);
        assert_eq!(fixes(CODE, &main), ["Delete flow 2"]);
        let ports = flows(r#"(from: "a", to: "b/web", port: 81), (from: "a", to: "b/web", port: 81, optional: true)"#);
        check(CODE, &ports, &["a -> b/web:81 is drawn 2 times, with different demands: flows 1 and 2"]);
    }

    #[test]
    fn flows_that_differ_in_a_port_or_an_end() {
        check(CODE, &flows(r#"(from: "a", to: "b/web"), (from: "a", to: "b/web", port: 443)"#), &[]);
        check(CODE, &flows(r#"(from: "a", to: "b/web"), (from: "outside", to: "b/web"), (from: "a", to: "b")"#), &[]);
    }
}
