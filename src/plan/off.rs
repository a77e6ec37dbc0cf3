//! The part of a plan that starts nothing: networks and machines come to be, change and go, and what is off stays off.

use super::{Action, Plan, Step, StepId};
use std::collections::{BTreeMap, BTreeSet};

/// Whether a step needs no machine that runs.
fn is_cold(step: &Step) -> bool {
    use Action::{ChangeMachine, ChangeNetwork, CreateMachine, CreateNetwork, DeleteMachine, DeleteNetwork, PowerOff};
    matches!(
        step.action,
        CreateNetwork { .. }
            | ChangeNetwork { .. }
            | DeleteNetwork { .. }
            | CreateMachine { .. }
            | ChangeMachine { .. }
            | DeleteMachine { .. }
            | PowerOff { .. }
    )
}

/// What is left of a plan when nothing may be started. A step that waited for one that is left out waits for what that one waited
/// for.
pub fn off(plan: Plan) -> Plan {
    let all: BTreeMap<StepId, (bool, Vec<StepId>)> =
        plan.steps.iter().map(|step| (step.id.clone(), (is_cold(step), step.after.clone()))).collect();
    let mut steps: Vec<Step> = plan.steps.into_iter().filter(is_cold).collect();
    for step in &mut steps {
        let (mut after, mut seen, mut look) = (BTreeSet::new(), BTreeSet::new(), std::mem::take(&mut step.after));
        while let Some(id) = look.pop() {
            if !seen.insert(id.clone()) {
                continue;
            }
            match all.get(&id) {
                Some((true, _)) => drop(after.insert(id)),
                Some((false, before)) => look.extend(before.iter().cloned()),
                None => {}
            }
        }
        step.after = after.into_iter().collect();
    }
    Plan { steps, observed_at_ms: plan.observed_at_ms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::Catalog,
        model::Observed,
        plan::{LabId, desired, fixture::mini_cloud, plan},
    };

    #[test]
    fn nothing_is_started_and_the_order_stays() {
        let (lab, catalog, id) = (mini_cloud(), Catalog::embedded(), LabId::of_file(std::path::Path::new("/labs/mini.ron")));
        let whole = plan(&lab, catalog, &desired(&lab, catalog, &id), &Observed::default());
        let cold = off(whole.clone());
        assert!(whole.steps.iter().any(|step| matches!(step.action, Action::PowerOn { .. })));
        assert_eq!(cold.steps.len(), lab.networks.len() + lab.nodes.len());
        let there: BTreeSet<&StepId> = cold.steps.iter().map(|step| &step.id).collect();
        let mut waits = 0;
        for step in &cold.steps {
            assert!(step.after.iter().all(|id| there.contains(id)), "{step:?}");
            waits += step.after.len();
        }
        assert!(waits > 0, "machines wait for their networks");
    }
}
