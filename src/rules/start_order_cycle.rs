//! Nodes wait for each other to start.
//!
//! ## Why
//! A node is started when those it comes after are up. Where that leads back to itself, none of them ever starts.
//!
//! ## Example
//! `app1` comes after `db1`, and `db1` comes after `app1`.
//!
//! ## Do this instead
//! Let the one start first that works without the other: databases before applications, applications before balancers.

use super::{Facts, Report, offer};
use crate::model::{NodeName, Subject};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let waiting: BTreeMap<&NodeName, &[NodeName]> =
        facts.lab.nodes.iter().filter(|(_, node)| !node.after.is_empty()).map(|(name, node)| (name, node.after.as_slice())).collect();
    let mut done: BTreeSet<&NodeName> = BTreeSet::new();
    for start in waiting.keys().copied() {
        let Some(cycle) = cycle_from(&waiting, start, &mut done) else { continue };
        let (Some(first), Some(last)) = (cycle.first().copied(), cycle.last().copied()) else { continue };
        let message = match cycle.as_slice() {
            [one] => format!("{one} waits for itself to start"),
            [one, other] => format!("{one} and {other} wait for each other to start"),
            _ => format!("{} wait for each other to start, in a ring", offer::row(&cycle)),
        };
        let mut found = report.add(Subject::Node(first.clone()), message);
        for node in cycle.iter().skip(1) {
            found = found.involving(Subject::Node((*node).clone()));
        }
        if let Some(node) = facts.lab.nodes.get(last) {
            let edits = offer::node(last, node, |node| node.after.retain(|before| before != first));
            found.fix(format!("Start {last} without waiting for {first}"), edits);
        }
    }
}

/// The ring that waiting leads into from a node, in the order of waiting, the node of the first name in front; `None`
/// where there is none that was not seen before. Each node is walked through once.
fn cycle_from<'a>(waiting: &BTreeMap<&'a NodeName, &'a [NodeName]>, start: &'a NodeName, done: &mut BTreeSet<&'a NodeName>) -> Option<Vec<&'a NodeName>> {
    if done.contains(start) {
        return None;
    }
    let mut path: Vec<(&NodeName, usize)> = vec![(start, 0)];
    // Where on the path each node stands.
    let mut place_of: BTreeMap<&NodeName, usize> = BTreeMap::from([(start, 0)]);
    let mut found = None;
    while let Some((name, next)) = path.last_mut() {
        let Some(before) = waiting.get(*name).and_then(|after| after.get(*next)) else {
            done.insert(*name);
            place_of.remove(*name);
            path.pop();
            continue;
        };
        *next += 1;
        if let Some(place) = place_of.get(before) {
            if found.is_none() {
                found = Some(path.iter().skip(*place).map(|(name, _)| *name).collect::<Vec<_>>());
            }
        } else if !done.contains(before) {
            place_of.insert(before, path.len());
            path.push((before, 0));
        }
    }
    let mut ring = found?;
    let lowest = ring.iter().enumerate().min_by_key(|(_, name)| **name).map_or(0, |(place, _)| place);
    ring.rotate_left(lowest);
    Some(ring)
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn nodes_that_wait_for_each_other() {
        let order = |a: &str, b: &str, c: &str| {
            lab(&format!(r#"(name: "x", nodes: {{"a": (role: app, after: [{a}]), "b": (role: app, after: [{b}]), "c": (role: app, after: [{c}])}})"#))
        };
        check("start-order-cycle", &order(r#""b""#, r#""a""#, ""), &["a and b wait for each other to start"]);
        assert_eq!(fixes("start-order-cycle", &order(r#""b""#, r#""a""#, "")), ["Start b without waiting for a"]);
        check("start-order-cycle", &order(r#""b""#, r#""c""#, r#""a""#), &["a, b and c wait for each other to start, in a ring"]);
        check("start-order-cycle", &order(r#""a""#, "", ""), &["a waits for itself to start"]);
        check("start-order-cycle", &order(r#""b""#, r#""c""#, r#""b""#), &["b and c wait for each other to start"]);
        check("start-order-cycle", &order(r#""b", "c""#, r#""c""#, ""), &[]);
    }
}
