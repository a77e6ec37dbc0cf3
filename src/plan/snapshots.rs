//! Plans about snapshots. They are asked for, never drawn: no difference between drawing and reality makes one.

use super::{Action, Change, Desired, Plan, Step, graph::step_id};
use crate::model::{NodeName, Observed, Power, Subject};

/// The name of a snapshot for which nobody chose one: that of a node which is set up.
pub fn snapshot_name(node: &NodeName) -> String {
    format!("{node}-configured")
}

/// A name for a further snapshot of a node that has these: the usual one, then numbered ones.
pub fn next_snapshot_name(node: &NodeName, there: &[String]) -> String {
    let usual = snapshot_name(node);
    if !there.contains(&usual) {
        return usual;
    }
    let numbered = (2..).map(|number| format!("{node}-{number}"));
    numbered.into_iter().find(|name| !there.contains(name)).unwrap_or(usual)
}

/// Those of these snapshots that exist already: a provider never overwrites one, so taking it again would keep nothing.
pub fn existing_snapshots<'a>(nodes: &'a [(NodeName, String)], observed: &Observed) -> Vec<&'a (NodeName, String)> {
    let exists = |(node, snapshot): &&(NodeName, String)| observed.nodes.get(node).is_some_and(|there| there.snapshots.contains(snapshot));
    nodes.iter().filter(exists).collect()
}

/// Takes a snapshot of each node. One of the same name is deleted first; whoever does not want that asks [`existing_snapshots`].
pub fn take_snapshots(nodes: &[(NodeName, String)], observed: &Observed) -> Plan {
    let existing = existing_snapshots(nodes, observed);
    let mut plan = Plan { observed_at_ms: observed.at_ms, ..Plan::default() };
    for one in nodes {
        let (node, snapshot) = one;
        let mut after = Vec::new();
        if existing.contains(&one) {
            let action = Action::DeleteSnapshot { node: node.clone(), snapshot: snapshot.clone() };
            let delete = step(node, action, Change::Delete, format!("{snapshot} of {node} is replaced."));
            after.push(delete.id.clone());
            plan.steps.push(delete);
        }
        let action = Action::TakeSnapshot { node: node.clone(), snapshot: snapshot.clone() };
        let take = step(node, action, Change::Create, format!("{snapshot} keeps {node} as it is now."));
        plan.steps.push(Step { after, ..take });
    }
    plan
}

/// Forgets states that were kept.
pub fn delete_snapshots(nodes: &[(NodeName, String)], observed: &Observed) -> Plan {
    let steps = nodes.iter().map(|(node, snapshot)| {
        let action = Action::DeleteSnapshot { node: node.clone(), snapshot: snapshot.clone() };
        step(node, action, Change::Delete, format!("{snapshot} of {node} is deleted on request."))
    });
    Plan { steps: steps.collect(), observed_at_ms: observed.at_ms }
}

/// Takes a node back to a state that was kept. One that was on is on again afterwards, with the clock of today and the names
/// and addresses that are drawn: the others may have changed theirs since.
pub fn restore(node: &NodeName, snapshot: &str, desired: &Desired, observed: &Observed) -> Plan {
    let power = observed.nodes.get(node).map_or(Power::Missing, |there| there.power);
    let back = Action::RestoreSnapshot { node: node.clone(), snapshot: snapshot.to_owned() };
    let mut steps = vec![step(node, back, Change::Update, format!("{node} goes back to {snapshot}; what it did since is lost."))];
    if matches!(power, Power::Running | Power::Paused) {
        let on = Action::PowerOn { node: node.clone() };
        steps.push(step(node, on, Change::Update, format!("{node} was {}.", power.title())));
        if let Some(spec) = desired.machines.get(node) {
            let configure = super::configure::action(desired, node, spec);
            steps.push(step(node, configure, Change::Update, format!("The clock of {node} stood still, and names may have changed.")));
        }
    }
    let mut before = None;
    for step in &mut steps {
        step.after = before.replace(step.id.clone()).into_iter().collect();
    }
    Plan { steps, observed_at_ms: observed.at_ms }
}

fn step(node: &NodeName, action: Action, change: Change, reason: String) -> Step {
    Step { id: step_id(&action), action, change, subject: Subject::Node(node.clone()), reason, after: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ObservedNode;

    fn ids(plan: &Plan) -> Vec<(&str, usize)> {
        plan.steps.iter().map(|step| (step.id.0.as_str(), step.after.len())).collect()
    }

    #[test]
    fn one_that_was_on_is_on_again_with_the_clock_set() {
        let lab = crate::layout::read(include_str!("../../layouts/mini-cloud.ron")).unwrap();
        let desired = super::super::desired(
            &lab,
            crate::catalog::Catalog::embedded(),
            &super::super::LabId::of_file(std::path::Path::new("/lab.ron")),
        );
        let node: NodeName = "db1".parse().unwrap();
        let mut observed = Observed::default();
        observed.nodes.insert(node.clone(), ObservedNode { power: Power::Running, ..ObservedNode::default() });
        let plan = restore(&node, "db1-configured", &desired, &observed);
        assert_eq!(ids(&plan), [("restore:db1@db1-configured", 0), ("power-on:db1", 1), ("configure:db1", 1)]);
        observed.nodes.get_mut(&node).unwrap().power = Power::Stopped;
        assert_eq!(ids(&restore(&node, "x", &desired, &observed)), [("restore:db1@x", 0)]);
        let there = ["db1-configured", "db1-2"].map(str::to_owned);
        assert_eq!(next_snapshot_name(&node, &there), "db1-3");
        assert_eq!(next_snapshot_name(&node, &there[1..]), "db1-configured");
    }

    #[test]
    fn a_second_snapshot_of_the_same_name_replaces_the_first() {
        let named = |name: &str| (name.parse::<NodeName>().unwrap(), format!("{name}-configured"));
        let nodes = [named("db1"), named("db2")];
        let mut observed = Observed::default();
        assert!(existing_snapshots(&nodes, &observed).is_empty());
        assert_eq!(ids(&take_snapshots(&nodes[..1], &observed)), [("snapshot:db1@db1-configured", 0)]);
        let there = ObservedNode { snapshots: vec!["db1-configured".into(), "other".into()], ..ObservedNode::default() };
        observed.nodes.insert(nodes[0].0.clone(), there);
        assert_eq!(existing_snapshots(&nodes, &observed), [&nodes[0]]);
        let expected = [("delete-snapshot:db1@db1-configured", 0), ("snapshot:db1@db1-configured", 1), ("snapshot:db2@db2-configured", 0)];
        assert_eq!(ids(&take_snapshots(&nodes, &observed)), expected);
    }
}
