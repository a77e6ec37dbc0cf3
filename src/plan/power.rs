//! Stage: machines are on.

use super::{
    Action, Change, Plan,
    graph::{Demand, Doing, Draft, Point},
    sight::{Fate, Sight},
};
use crate::model::{NodeName, Power, Subject};
use std::collections::BTreeSet;

pub(super) fn stage(sight: &Sight<'_>, draft: &mut Draft) {
    for name in sight.desired.machines.keys() {
        let doing = reason(sight, name).map(|reason| Doing {
            action: Action::PowerOn { node: name.clone() },
            change: Change::Update,
            subject: Subject::Node(name.clone()),
            reason,
        });
        draft.put(Point::On(name.clone()), doing);
        draft.order(Point::Made(name.clone()), Point::On(name.clone()), Demand::Nature);
        // A machine that is made has nothing on it that could start too early: only its services wait.
        if sight.fate(name).is_fresh() {
            continue;
        }
        for before in sight.lab.nodes.get(name).into_iter().flat_map(|node| &node.after) {
            draft.order(Point::Up(before.clone()), Point::On(name.clone()), Demand::Drawn);
        }
    }
}

/// Whether a machine is on already and is only waited for.
fn is_awaited(sight: &Sight<'_>, name: &NodeName) -> bool {
    sight.fate(name) == Fate::Stays && sight.node(name).is_some_and(|node| node.is_booting)
}

/// Removes steps that only wait for a booting machine and that no other step depends on.
pub(super) fn drop_idle_waits(sight: &Sight<'_>, plan: &mut Plan) {
    let needed: BTreeSet<_> = plan.steps.iter().flat_map(|step| step.after.clone()).collect();
    plan.steps.retain(|step| match &step.action {
        Action::PowerOn { node } => needed.contains(&step.id) || !is_awaited(sight, node),
        _ => true,
    });
}

fn reason(sight: &Sight<'_>, name: &NodeName) -> Option<String> {
    if is_awaited(sight, name) {
        return Some(format!("{name} is on and takes no commands yet: wait for it."));
    }
    match (sight.fate(name), sight.node(name).map(|node| node.power)) {
        (Fate::Created | Fate::Replaced, _) => Some(format!("{name} has just been made.")),
        (Fate::Bounced, _) => Some(format!("{name} was turned off to be changed.")),
        (Fate::Stays, Some(Power::Stopped | Power::Paused)) if sight.is_held_off(name) => None,
        (Fate::Stays, Some(Power::Running)) => None,
        (Fate::Stays, power) => Some(format!("{name} is {}, the layout has it running.", power.unwrap_or_default().title())),
    }
}
