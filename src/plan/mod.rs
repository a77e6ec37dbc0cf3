//! From what is drawn and what is there to what is to be done. Pure: it makes plans and runs none.
//!
//! One stage a file. A stage compares the specifications with what is observed and puts its points into a draft; the
//! draft makes a plan of them that leaves no choice to whoever runs it. Equal worlds give an empty plan, and a
//! difference gives steps about what differs only. What a lasting fault has done is no difference: that is for `heal`.

mod action;
mod configure;
mod destroy;
mod graph;
mod identity;
mod machines;
mod networks;
mod off;
mod power;
mod promotion;
mod removals;
mod services;
mod sight;
mod snapshots;
mod specs;
mod undo;
mod vips;

pub use action::{Action, Change, Plan, Step, StepId};
pub use destroy::destroy;
pub use graph::step_id;
pub use identity::{LAB_ID_BYTES_MAX, LabId, hardware_address};
pub use off::off;
pub use promotion::{OldPrimary, Promotion, drawn_as_primary, promotable, promotion, takes_writes};
pub use snapshots::{delete_snapshots, existing_snapshots, next_snapshot_name, restore, snapshot_name, take_snapshots};
pub use specs::{Desired, Unplannable, desired};
pub use undo::{doubt, undo};

use crate::{
    catalog::Catalog,
    model::{Lab, NodeName, Observed, Subject},
};

/// What is to be done so that what is there becomes what is drawn. `desired` is what [`desired`] made of this lab and
/// catalog. What is drawn and cannot be specified yet is left as it is.
pub fn plan(lab: &Lab, catalog: &Catalog, desired: &Desired, observed: &Observed) -> Plan {
    let sight = sight::Sight::of(lab, catalog, desired, observed);
    let mut draft = graph::Draft::default();
    for stage in STAGES {
        stage(&sight, &mut draft);
    }
    let mut plan = draft.finish();
    power::drop_idle_waits(&sight, &mut plan);
    plan.observed_at_ms = observed.at_ms;
    plan
}

/// What is drawn and cannot be made of what is there without losing data: a deployment is refused while there is any.
pub fn refusals(desired: &Desired, observed: &Observed) -> Vec<Unplannable> {
    let there = |name: &NodeName| observed.nodes.get(name).and_then(|node| node.spec.as_ref());
    let shrinks = desired.machines.iter().filter_map(|(name, spec)| Some((name, sight::shrinking(spec, there(name)?)?)));
    let shrinks = shrinks.map(|(name, why)| Unplannable { subject: Subject::Node(name.clone()), why });
    let promoted = desired.services.iter().filter_map(|(at, drawn)| {
        let there = observed.nodes.get(&at.node)?.services.get(&at.service)?.spec.as_ref()?;
        Some(Unplannable { subject: Subject::Service(at.clone()), why: promotion::drift(at, drawn, there)? })
    });
    shrinks.chain(promoted).collect()
}

/// The stages, in the order in which their steps are done where nothing else decides.
const STAGES: [fn(&sight::Sight<'_>, &mut graph::Draft); 8] =
    [removals::leave_vips, networks::stage, machines::stage, power::stage, configure::stage, services::stage, vips::stage, removals::stage];

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
