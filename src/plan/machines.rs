//! Stage: machines are there, with the size and the adapters that are drawn.

use super::{
    Action, Change,
    graph::{Demand, Doing, Draft, Point},
    sight::{Fate, Sight, because, cold_changes, replacements, warm_changes},
};
use crate::model::{MachineSpec, NodeName, Power, Subject};

pub(super) fn stage(sight: &Sight<'_>, draft: &mut Draft) {
    for (name, spec) in &sight.desired.machines {
        let (down, cleared, made) = doings(sight, name, spec);
        draft.put(Point::Down(name.clone()), down);
        draft.put(Point::Cleared(name.clone()), cleared);
        draft.put(Point::Made(name.clone()), made);
        draft.order(Point::Down(name.clone()), Point::Cleared(name.clone()), Demand::Nature);
        draft.order(Point::Cleared(name.clone()), Point::Made(name.clone()), Demand::Nature);
        for adapter in &spec.adapters {
            draft.order(Point::Wired(adapter.network.clone()), Point::Made(name.clone()), Demand::Nature);
        }
    }
}

fn doings(sight: &Sight<'_>, name: &NodeName, spec: &MachineSpec) -> (Option<Doing>, Option<Doing>, Option<Doing>) {
    let doing = |action, change, reason| Some(Doing { action, change, subject: Subject::Node(name.clone()), reason });
    let create = |reason| doing(Action::CreateMachine { node: name.clone(), spec: spec.clone() }, Change::Create, reason);
    let change = |reason| doing(Action::ChangeMachine { node: name.clone(), spec: spec.clone() }, Change::Update, reason);
    let off = |reason| doing(Action::PowerOff { node: name.clone() }, Change::Update, reason);
    let observed = sight.node(name);
    let Some(there) = observed.and_then(|node| node.spec.as_ref()) else {
        let file = spec.image.as_ref().and_then(|image| image.file());
        let file = file.map(|file| format!(" Its disk is a copy of the file {file}.")).unwrap_or_default();
        return match observed {
            None => (None, None, create(format!("{name} is drawn and does not exist.{file}"))),
            Some(left) if left.reason.is_empty() => {
                let left = "What is left of it is removed first, with the data on its disk.";
                (None, None, create(format!("{name} is drawn and does not exist. {left}{file}")))
            }
            Some(left) => {
                let delete = Action::DeleteMachine { node: name.clone() };
                let lost = format!("{}. What is on its disk will be lost.", left.reason);
                (None, doing(delete, Change::Delete, lost), create(format!("{name} is made again.{file}")))
            }
        };
    };
    let is_off = observed.is_some_and(|node| node.power == Power::Stopped);
    match sight.fate(name) {
        Fate::Created | Fate::Replaced => {
            let reason = because(name, &replacements(spec, there));
            let down = if is_off { None } else { off(format!("{name} is made anew.")) };
            let delete =
                doing(Action::DeleteMachine { node: name.clone() }, Change::Delete, format!("{reason} What is on its disk will be lost."));
            (down, delete, create(reason))
        }
        Fate::Bounced => {
            let mut reasons = cold_changes(spec, there);
            reasons.extend(warm_changes(spec, there));
            (off(format!("{name} can only be changed while it is off.")), None, change(because(name, &reasons)))
        }
        Fate::Stays => {
            let mut reasons = cold_changes(spec, there);
            reasons.extend(warm_changes(spec, there));
            (None, None, if reasons.is_empty() { None } else { change(because(name, &reasons)) })
        }
    }
}
