//! The way back: what undoes actions that were begun, and what to doubt after a run that was cut off.
//!
//! An action that was begun may not have run, have half run or be done; its undo fits all three. What cannot be brought
//! back (the content of a deleted disk) is said in the reason.

use super::{Action, Change, Plan, Step, StepId, graph::step_id};
use crate::model::{MachineSpec, NodeName, Observed, ObservedNode, Power, Subject};

/// What brings back what was there `before` actions were begun, in the order in which they were, as far as that can be.
/// One step at a time, the last begun first. `now` is what is there: nothing is asked of what is not.
pub fn undo(begun: &[Action], before: &Observed, now: &Observed) -> Plan {
    let mut plan = Plan { observed_at_ms: now.at_ms, ..Plan::default() };
    let mut world = now.clone();
    for action in begun.iter().rev() {
        for (action, reason) in inverse(action, before, &world) {
            note(&mut world, &action);
            let last: Vec<StepId> = plan.steps.last().map(|step: &Step| step.id.clone()).into_iter().collect();
            let mut id = step_id(&action);
            // Undoing may fall on a thing twice, such as off before a change and off before it goes.
            while plan.steps.iter().any(|step| step.id == id) {
                id.0.push_str("-again");
            }
            plan.steps.push(Step { id, change: change(&action), subject: subject(&action), action, reason, after: last });
        }
    }
    plan
}

/// The step that configures a node as it was, with the packages of what it had.
fn configure(node: &NodeName, spec: MachineSpec, was: Option<&ObservedNode>) -> Action {
    let kinds = was.into_iter().flat_map(|was| was.services.values()).filter_map(|there| Some(there.spec.as_ref()?.kind.clone()));
    let vips = was.into_iter().flat_map(|was| was.vips.keys().cloned());
    Action::Configure { node: node.clone(), spec, kinds: kinds.collect(), vips: vips.collect() }
}

/// What is observed, with all that an action which was begun and never ended may have left half done taken for not done.
/// A plan made from it does such an action again.
pub fn doubt(mut observed: Observed, unfinished: &[Action]) -> Observed {
    for action in unfinished {
        let node = action.node().and_then(|name| observed.nodes.get_mut(name));
        match (action, node) {
            (Action::CreateMachine { .. }, Some(node)) => node.spec = None,
            (Action::ChangeMachine { .. } | Action::Configure { .. }, Some(node)) => node.configured = false,
            (
                Action::InstallService { service, .. } | Action::ReconfigureService { service, .. } | Action::RemoveService { service, .. },
                Some(node),
            ) => {
                // What was being removed and is drawn again is installed anew; what is not drawn must stay seen, to go.
                let removing = matches!(action, Action::RemoveService { .. });
                if let Some(there) = node.services.get_mut(service).filter(|_| !removing) {
                    there.spec = None;
                }
            }
            (Action::SetVip { vip, .. }, Some(node)) => {
                node.vips.remove(vip);
            }
            (Action::CreateNetwork { network, .. } | Action::ChangeNetwork { network, .. }, _) => {
                observed.networks.remove(network);
            }
            // Power and running are seen as they are; what goes is there or not.
            _ => {}
        }
    }
    observed
}

fn node<'a>(world: &'a Observed, name: &str) -> Option<&'a ObservedNode> {
    world.nodes.get(name).filter(|node| node.power != Power::Missing)
}

fn inverse(action: &Action, before: &Observed, now: &Observed) -> Vec<(Action, String)> {
    let was = action.node().and_then(|name| node(before, name));
    let is = action.node().and_then(|name| node(now, name));
    let running = is.is_some_and(|node| node.power == Power::Running);
    let back = |reason: &str| format!("{reason}, and the deployment is undone.");
    match action {
        Action::CreateNetwork { network, .. } | Action::ChangeNetwork { network, .. } => {
            match (before.networks.get(network), now.networks.contains_key(network)) {
                (None, true) => vec![(Action::DeleteNetwork { network: network.clone() }, back(&format!("{network} was made")))],
                (Some(old), true) => {
                    let action = Action::ChangeNetwork { network: network.clone(), spec: old.spec.clone() };
                    vec![(action, back(&format!("{network} was changed")))]
                }
                (_, false) => Vec::new(),
            }
        }
        Action::DeleteNetwork { network } => match before.networks.get(network) {
            Some(old) if !now.networks.contains_key(network) => {
                let action = Action::CreateNetwork { network: network.clone(), spec: old.spec.clone() };
                vec![(action, back(&format!("{network} was deleted")))]
            }
            _ => Vec::new(),
        },
        Action::CreateMachine { node, .. } if is.is_some() => {
            // One that was made anew: its old self comes back when its deletion is undone.
            let off = (is.is_some_and(|node| node.power != Power::Stopped))
                .then(|| (Action::PowerOff { node: node.clone() }, back(&format!("{node} was made"))));
            off.into_iter().chain([(Action::DeleteMachine { node: node.clone() }, back(&format!("{node} was made")))]).collect()
        }
        Action::DeleteMachine { node } => match was.and_then(|node| node.spec.clone()) {
            Some(spec) if is.is_none() => {
                let why = format!("{node} was deleted; it comes back empty, without what was on its disk");
                let mut steps = vec![(Action::CreateMachine { node: node.clone(), spec: spec.clone() }, back(&why))];
                if was.is_some_and(|node| node.power == Power::Running) {
                    steps.push((Action::PowerOn { node: node.clone() }, back(&format!("{node} was running"))));
                    steps.push((configure(node, spec, was), back(&format!("{node} comes back empty"))));
                    steps.extend(refill(node, was));
                }
                steps
            }
            _ => Vec::new(),
        },
        Action::ChangeMachine { node, .. } => match was.and_then(|node| node.spec.clone()) {
            Some(spec) if is.is_some() => {
                vec![(Action::ChangeMachine { node: node.clone(), spec }, back(&format!("{node} was changed")))]
            }
            _ => Vec::new(),
        },
        Action::PowerOn { node } if running && was.is_none_or(|node| node.power != Power::Running) => {
            vec![(Action::PowerOff { node: node.clone() }, back(&format!("{node} was turned on")))]
        }
        // The plan turned it on to undo a change: off again before that change is undone.
        Action::PowerOn { node } if running => {
            vec![(Action::PowerOff { node: node.clone() }, back(&format!("{node} was changed while off")))]
        }
        Action::PowerOff { node } if is.is_some() && !running && was.is_some_and(|node| node.power == Power::Running) => {
            let why = back(&format!("{node} was turned off"));
            let start = was.into_iter().flat_map(|there| &there.services).filter(|(_, there)| !there.listening.is_empty());
            let starts = start
                .map(|(service, _)| (Action::StartService { node: node.clone(), service: service.clone(), bootstrap: false }, why.clone()));
            std::iter::once((Action::PowerOn { node: node.clone() }, why.clone())).chain(starts).collect()
        }
        Action::Configure { node, .. } if running => match was.filter(|node| node.configured).and_then(|node| node.spec.clone()) {
            Some(spec) => vec![(configure(node, spec, was), back(&format!("{node} was configured")))],
            None => Vec::new(),
        },
        Action::InstallService { node, service, .. } | Action::ReconfigureService { node, service, .. } if running => {
            let why = back(&format!("{node}/{service} was set up"));
            match was.and_then(|node| node.services.get(service)).and_then(|there| there.spec.clone()) {
                Some(spec) => vec![(Action::ReconfigureService { node: node.clone(), service: service.clone(), spec }, why)],
                None if is.is_some_and(|node| node.services.contains_key(service)) => {
                    vec![(Action::RemoveService { node: node.clone(), service: service.clone() }, why)]
                }
                None => Vec::new(),
            }
        }
        Action::RemoveService { node, service } if running => was.map(|there| refill_one(node, service, there)).unwrap_or_default(),
        Action::SetVip { node, vip, .. } | Action::RemoveVip { node, vip } if running => {
            let why = back(&format!("{node}'s part in {vip} was changed"));
            match was.and_then(|node| node.vips.get(vip)) {
                Some(spec) => vec![(Action::SetVip { node: node.clone(), vip: vip.clone(), spec: spec.clone() }, why)],
                None if is.is_some_and(|node| node.vips.contains_key(vip)) => {
                    vec![(Action::RemoveVip { node: node.clone(), vip: vip.clone() }, why)]
                }
                None => Vec::new(),
            }
        }
        // A service that was started goes with its installation, or runs on as it did before.
        _ => Vec::new(),
    }
}

fn refill(name: &crate::model::NodeName, was: Option<&ObservedNode>) -> Vec<(Action, String)> {
    let Some(there) = was else { return Vec::new() };
    let services = there.services.keys().flat_map(|service| refill_one(name, service, there));
    let vips = there.vips.iter().map(|(vip, spec)| {
        let action = Action::SetVip { node: name.clone(), vip: vip.clone(), spec: spec.clone() };
        (action, format!("{name} took part in {vip}, and the deployment is undone."))
    });
    services.chain(vips).collect()
}

fn refill_one(name: &crate::model::NodeName, service: &crate::model::ServiceName, was: &ObservedNode) -> Vec<(Action, String)> {
    let Some(spec) = was.services.get(service).and_then(|there| there.spec.clone()) else { return Vec::new() };
    let why = format!("{name}/{service} was there, and the deployment is undone.");
    let install = Action::InstallService { node: name.clone(), service: service.clone(), spec };
    let start = Action::StartService { node: name.clone(), service: service.clone(), bootstrap: false };
    vec![(install, why.clone()), (start, why)]
}

/// What an undoing step does to the world, as far as the next ones ask.
fn note(world: &mut Observed, action: &Action) {
    match action {
        Action::CreateNetwork { network, spec } => {
            world.networks.insert(network.clone(), crate::model::ObservedNetwork::of(spec.clone()));
        }
        Action::DeleteNetwork { network } => {
            world.networks.remove(network);
        }
        Action::CreateMachine { node, spec } => {
            let made = ObservedNode { power: Power::Stopped, spec: Some(spec.clone()), ..ObservedNode::default() };
            world.nodes.insert(node.clone(), made);
        }
        Action::DeleteMachine { node } => {
            world.nodes.remove(node);
        }
        Action::PowerOn { node } | Action::PowerOff { node } => {
            let power = if matches!(action, Action::PowerOn { .. }) { Power::Running } else { Power::Stopped };
            if let Some(there) = world.nodes.get_mut(node) {
                there.power = power;
            }
        }
        Action::RemoveService { node, service } => {
            if let Some(there) = world.nodes.get_mut(node) {
                there.services.remove(service);
            }
        }
        Action::RemoveVip { node, vip } => {
            if let Some(there) = world.nodes.get_mut(node) {
                there.vips.remove(vip);
            }
        }
        _ => {}
    }
}

fn change(action: &Action) -> Change {
    match action {
        Action::CreateNetwork { .. } | Action::CreateMachine { .. } | Action::InstallService { .. } => Change::Create,
        Action::DeleteNetwork { .. } | Action::DeleteMachine { .. } | Action::RemoveService { .. } | Action::RemoveVip { .. } => {
            Change::Delete
        }
        _ => Change::Update,
    }
}

fn subject(action: &Action) -> Subject {
    match action {
        Action::CreateNetwork { network, .. } | Action::ChangeNetwork { network, .. } | Action::DeleteNetwork { network } => {
            Subject::Network(network.clone())
        }
        Action::InstallService { node, service, .. }
        | Action::StartService { node, service, .. }
        | Action::ReconfigureService { node, service, .. }
        | Action::RemoveService { node, service } => {
            Subject::Service(crate::model::ServiceRef { node: node.clone(), service: service.clone() })
        }
        Action::SetVip { vip, .. } | Action::RemoveVip { vip, .. } => Subject::Vip(vip.clone()),
        other => other.node().map_or(Subject::Lab, |node| Subject::Node(node.clone())),
    }
}
