//! What a plan needs of the machine that its nodes would run on: asked before the first change, so that nothing is left half made. Data
//! only.

use crate::{
    model::{MachineSpec, NetworkName, NetworkSpec, NodeName, Observed, Power},
    plan::{Action, Plan},
};
use std::collections::{BTreeMap, BTreeSet};

/// What a plan needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The lab's networks once the plan is done.
    pub networks: BTreeMap<NetworkName, NetworkSpec>,
    /// Those of them that are made or changed.
    pub new_networks: BTreeSet<NetworkName>,
    /// The lab's machines once the plan is done.
    pub machines: BTreeMap<NodeName, MachineSpec>,
    /// Those of them that are cloned.
    pub cloned: BTreeSet<NodeName>,
    /// Those of them that are off now and are started.
    pub started: BTreeSet<NodeName>,
}

impl Needs {
    /// What a plan needs that was made with this observation.
    pub fn of(plan: &Plan, before: &Observed) -> Self {
        let mut needs = Self {
            networks: before.networks.iter().map(|(name, there)| (name.clone(), there.spec.clone())).collect(),
            machines: before.nodes.iter().filter_map(|(name, there)| Some((name.clone(), there.spec.clone()?))).collect(),
            ..Self::default()
        };
        let is_running = |node: &NodeName| before.nodes.get(node).is_some_and(|there| there.power == Power::Running);
        for step in &plan.steps {
            match &step.action {
                Action::CreateNetwork { network, spec } | Action::ChangeNetwork { network, spec } => {
                    needs.networks.insert(network.clone(), spec.clone());
                    needs.new_networks.insert(network.clone());
                }
                Action::DeleteNetwork { network } => drop(needs.networks.remove(network)),
                Action::CreateMachine { node, spec } => {
                    needs.machines.insert(node.clone(), spec.clone());
                    needs.cloned.insert(node.clone());
                }
                Action::ChangeMachine { node, spec } => drop(needs.machines.insert(node.clone(), spec.clone())),
                // One that is replaced is made after it was deleted.
                Action::DeleteMachine { node } if !needs.cloned.contains(node) => drop(needs.machines.remove(node)),
                Action::PowerOn { node } if !is_running(node) => drop(needs.started.insert(node.clone())),
                _ => {}
            }
        }
        needs
    }

    /// The machines that are started.
    pub fn started(&self) -> Vec<&MachineSpec> {
        self.started.iter().filter_map(|node| self.machines.get(node)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::Catalog,
        plan::{
            desired,
            fixture::{carry_out, id, mini_cloud},
            off, plan,
        },
    };

    #[test]
    fn a_plan_needs_what_it_makes_and_starts() {
        let lab = mini_cloud();
        let catalog = Catalog::embedded();
        let wanted = desired(&lab, catalog, &id());
        let nothing = Observed::default();
        let whole = plan(&lab, catalog, &wanted, &nothing);
        let needs = Needs::of(&whole, &nothing);
        assert_eq!((needs.machines.len(), needs.cloned.len(), needs.started.len()), (5, 5, 5));
        assert_eq!(needs.networks.len(), needs.new_networks.len());
        assert_eq!(needs.started().len(), 5);
        let made = off(whole.clone());
        assert!(Needs::of(&made, &nothing).started.is_empty());
        let mut world = nothing;
        whole.steps.iter().for_each(|step| carry_out(&mut world, &step.action));
        let again = Needs::of(&plan(&lab, catalog, &wanted, &world), &world);
        assert_eq!((again.machines.len(), again.cloned.len(), again.started.len(), again.new_networks.len()), (5, 0, 0, 0));
    }
}
