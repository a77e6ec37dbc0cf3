//! A world made after a lab that runs elsewhere: the same specifications, the same holders, the same faults. What it foretells
//! can then be held against what happens there.

use super::world::{SimError, World};
use crate::{
    catalog::{Behaviour, Catalog},
    model::{ClusterName, Flow, NodeName, Observed, Power, ServiceName},
    plan::Action,
};
use std::collections::BTreeSet;

/// How long an action may take, in milliseconds of the world's time.
const ACTION_MS_MAX: u64 = 120_000;
/// How long the holder of a VIP has it to itself before the others take part, in milliseconds.
const FIRST_HOLDER_MS: u64 = 6000;
/// How long the world runs until it is looked at, in milliseconds.
const SETTLE_MS: u64 = 15_000;
/// The seed: the same lab gives the same world.
const SEED: u64 = 1;

impl World {
    /// A world as what is observed: machines that are on, services as they were set up, VIPs where they are held, faults that
    /// last. What the simulator has no notion of is left out.
    ///
    /// # Errors
    /// Where the specifications make no world that comes up.
    pub fn mirror(catalog: &Catalog, seen: &Observed, flows: &[Flow]) -> Result<Self, SimError> {
        let mut world = Self::new(SEED);
        let mut perform = |action: Action| world.perform(&action, ACTION_MS_MAX).map(drop);
        for (network, there) in &seen.networks {
            perform(Action::CreateNetwork { network: network.clone(), spec: there.spec.clone() })?;
        }
        let mut off = Vec::new();
        for (node, there) in &seen.nodes {
            let Some(spec) = there.spec.clone() else { continue };
            perform(Action::CreateMachine { node: node.clone(), spec: spec.clone() })?;
            perform(Action::PowerOn { node: node.clone() })?;
            perform(Action::Configure { node: node.clone(), spec, kinds: BTreeSet::new(), vips: BTreeSet::new() })?;
            for (service, there) in &there.services {
                let Some(spec) = there.spec.clone() else { continue };
                perform(Action::InstallService { node: node.clone(), service: service.clone(), spec })?;
            }
            if there.power == Power::Stopped && !seen.faults.iter().any(|fault| fault.fault.nodes().contains(&node)) {
                off.push(node.clone());
            }
        }
        for (node, service, bootstrap) in starts(catalog, seen) {
            perform(Action::StartService { node, service, bootstrap })?;
        }
        world.hold_vips(seen)?;
        world.watch(flows);
        for node in off {
            world.perform(&Action::PowerOff { node }, ACTION_MS_MAX)?;
        }
        world.run_for(SETTLE_MS);
        for fault in &seen.faults {
            // One that the simulator refuses changes nothing that it could foretell.
            let _unknown = world.inject(&fault.fault);
        }
        if !seen.faults.is_empty() {
            world.run_for(SETTLE_MS);
        }
        Ok(world)
    }

    /// Those who hold VIPs now take part first, so that they hold them here too.
    fn hold_vips(&mut self, seen: &Observed) -> Result<(), SimError> {
        let parts = || seen.nodes.iter().flat_map(|(node, there)| there.vips.iter().map(move |(vip, spec)| (node, vip, spec)));
        let holds = |node: &NodeName, vip: &str| seen.vips.get(vip).is_some_and(|vip| vip.holders.contains(node));
        let mut any = false;
        for (node, vip, spec) in parts().filter(|(node, vip, _)| holds(node, vip)) {
            self.perform(&Action::SetVip { node: node.clone(), vip: vip.clone(), spec: spec.clone() }, ACTION_MS_MAX)?;
            any = true;
        }
        if any {
            self.run_for(FIRST_HOLDER_MS);
        }
        for (node, vip, spec) in parts().filter(|(node, vip, _)| !holds(node, vip)) {
            self.perform(&Action::SetVip { node: node.clone(), vip: vip.clone(), spec: spec.clone() }, ACTION_MS_MAX)?;
        }
        Ok(())
    }
}

/// Services in the order in which they start: the first of each cluster that keeps data, the others of it, who only votes, what
/// needs them, and who spreads requests over those.
fn starts(catalog: &Catalog, seen: &Observed) -> Vec<(NodeName, ServiceName, bool)> {
    let mut begun: BTreeSet<&ClusterName> = BTreeSet::new();
    let mut starts = Vec::new();
    for (node, there) in &seen.nodes {
        for (name, service) in &there.services {
            let Some(spec) = &service.spec else { continue };
            let behaviour = catalog.get(&spec.kind).map(|entry| entry.behaviour);
            let bootstrap = behaviour == Some(Behaviour::Galera) && spec.cluster.as_ref().is_some_and(|(cluster, _)| begun.insert(cluster));
            let order = match behaviour {
                Some(Behaviour::Galera) if bootstrap => 0,
                Some(Behaviour::Galera | Behaviour::Database) => 1,
                Some(Behaviour::Arbitrator) => 2,
                Some(Behaviour::Balancer) => 4,
                _ => 3,
            };
            starts.push((order, (node.clone(), name.clone(), bootstrap)));
        }
    }
    starts.sort_by_key(|(order, _)| *order);
    starts.into_iter().map(|(_, start)| start).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Health, plan::fixture::mini_cloud, probe::fixture::set_up, sim::blast_radius};

    fn seen() -> Observed {
        let lab = mini_cloud();
        let mut seen = set_up(&lab);
        for (name, network) in crate::plan::desired(&lab, Catalog::embedded(), &crate::plan::fixture::id()).networks {
            seen.networks.insert(name, crate::model::ObservedNetwork::of(network));
        }
        seen
    }

    fn holding(seen: &mut Observed, node: &str) {
        let vip = crate::model::ObservedVip { holders: vec![node.parse().unwrap()], ..Default::default() };
        seen.vips.insert("database".parse().unwrap(), vip);
    }

    #[test]
    fn the_same_lab_comes_up_well_and_holds_what_is_held() {
        let flows = mini_cloud().flows;
        let mut seen = seen();
        holding(&mut seen, "db1");
        let world = World::mirror(Catalog::embedded(), &seen, &flows).unwrap();
        let there = world.observe();
        assert!(there.nodes.values().all(|node| node.health == Health::Healthy), "{:?}", there.nodes);
        assert_eq!(there.vips["database"].holders, ["db1"]);
        let prediction = blast_radius(&world, &"stop db1/galera".parse().unwrap(), None).unwrap();
        assert!(prediction.vips.iter().any(|vip| vip.after == ["db2"]) && prediction.requests_failed > 0, "{prediction:?}");
    }

    #[test]
    fn what_is_broken_there_is_broken_here() {
        let flows = mini_cloud().flows;
        let mut seen = seen();
        holding(&mut seen, "db2");
        seen.faults.push(crate::model::ActiveFault {
            id: 4,
            fault: "power-off db1".parse().unwrap(),
            since_ms: 5,
            until_ms: None,
            by: crate::model::Author::Unknown,
        });
        seen.nodes.get_mut("db1").unwrap().power = Power::Stopped;
        let there = World::mirror(Catalog::embedded(), &seen, &flows).unwrap().observe();
        assert_eq!(there.nodes["db1"].power, Power::Stopped);
        assert_eq!(there.vips["database"].holders, ["db2"]);
    }
}
