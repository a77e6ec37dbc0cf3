//! What may never be, whatever is broken. Apart from the faults and from what they change: each is worked out here anew
//! from what can be seen and from the list of faults.

use super::{
    table::{MachineId, VipId},
    time::SECOND,
    world::World,
};
use crate::model::{Fault, NodeName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How long a holder may be without a service that works: two failed checks a second apart, one that has just begun, and
/// what a packet takes, in microseconds.
const HOLDER_GRACE_US: u64 = 3_500_000;
/// How long two may hold a VIP where nothing is broken: one advertisement is enough, one may be under way.
const SHARED_GRACE_US: u64 = 3 * SECOND;

/// Something that may never be, and was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// When, in milliseconds of the world's clock.
    pub at_ms: u64,
    /// What, in a sentence.
    pub what: String,
}

/// One step of a request that was answered well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Step {
    pub(super) from: MachineId,
    pub(super) to: MachineId,
}

/// Looks at a world again and again. It only looks.
#[derive(Debug, Clone, Default)]
pub struct Inspector {
    unfit_since_us: BTreeMap<VipId, u64>,
    shared_since_us: BTreeMap<String, u64>,
    quiet_since_us: Option<u64>,
}

impl Inspector {
    /// What is wrong now. To be called often: what may last only a moment is timed between calls.
    pub fn look(&mut self, world: &mut World) -> Vec<Violation> {
        let mut found = world.audit.take().unwrap_or_default();
        world.audit = Some(Vec::new());
        let at_ms = world.now_ms();
        let mut wrong = |what: String| found.push(Violation { at_ms, what });
        one_primary(world, &mut wrong);
        self.holders_can_serve(world, &mut wrong);
        self.one_holder(world, &mut wrong);
        requests_add_up(world, &mut wrong);
        found
    }

    /// A node that has held a VIP for some time has a service there that works.
    fn holders_can_serve(&mut self, world: &World, wrong: &mut impl FnMut(String)) {
        let now_us = world.clock.now_us;
        for (vip, part) in world.vips.iter() {
            let holds = world.has_vip(vip) && world.machines[part.machine].is_alive();
            if !holds || world.vip_check_is_good(vip) {
                self.unfit_since_us.remove(&vip);
                continue;
            }
            let since_us = *self.unfit_since_us.entry(vip).or_insert(now_us);
            if now_us - since_us > HOLDER_GRACE_US {
                let node = &world.machines[part.machine].name;
                wrong(format!("{node} has held {} for {} ms and cannot serve", part.name, (now_us - since_us) / 1000));
            }
        }
    }

    /// Where nothing is broken, nobody holds a VIP beside another for long.
    fn one_holder(&mut self, world: &World, wrong: &mut impl FnMut(String)) {
        let now_us = world.clock.now_us;
        if !world.faults.in_force.is_empty() {
            self.quiet_since_us = None;
            self.shared_since_us.clear();
            return;
        }
        let quiet_since_us = *self.quiet_since_us.get_or_insert(now_us);
        let mut holders: BTreeMap<String, Vec<&NodeName>> = BTreeMap::new();
        for (vip, part) in world.vips.iter() {
            if world.has_vip(vip) && world.machines[part.machine].is_alive() {
                holders.entry(part.name.to_string()).or_default().push(&world.machines[part.machine].name);
            }
        }
        self.shared_since_us.retain(|name, _| holders.get(name).is_some_and(|nodes| nodes.len() > 1));
        for (name, nodes) in holders.into_iter().filter(|(_, nodes)| nodes.len() > 1) {
            let since_us = *self.shared_since_us.entry(name.clone()).or_insert(now_us);
            if now_us - since_us.max(quiet_since_us) > SHARED_GRACE_US {
                wrong(format!("{name} is held by {nodes:?} though nothing is broken"));
            }
        }
    }
}

/// At most one part of a cluster can commit.
fn one_primary(world: &World, wrong: &mut impl FnMut(String)) {
    for (id, cluster) in world.clusters.iter() {
        let views = world.primary_views(id);
        if views.len() > 1 {
            wrong(format!("{} has {} primary components", cluster.name, views.len()));
        }
    }
}

/// Every request that came in was answered, failed, or is under way.
fn requests_add_up(world: &World, wrong: &mut impl FnMut(String)) {
    let totals = world.load_totals();
    if totals.sent != totals.ok + totals.failed + totals.in_flight {
        wrong(format!("{totals:?} do not add up"));
    }
    let under_way = world.requests.iter().filter(|(_, request)| request.under_way).count() as u64;
    if under_way != totals.in_flight {
        wrong(format!("{under_way} requests are under way, counted are {}", totals.in_flight));
    }
}

impl World {
    /// Notes a step of a request that was just answered well, if somebody audits.
    pub(super) fn audit_step(&mut self, step: Step) {
        if self.audit.is_none() {
            return;
        }
        let Some(fault) = self.cut_by(step) else { return };
        let (from, to) = (&self.machines[step.from].name, &self.machines[step.to].name);
        let violation = Violation { at_ms: self.now_ms(), what: format!("a request got from {from} to {to} in spite of \"{fault}\"") };
        if let Some(audit) = &mut self.audit {
            audit.push(violation);
        }
    }

    /// The fault that makes a step impossible, read from the faults alone.
    fn cut_by(&self, step: Step) -> Option<&Fault> {
        let (from, to) = (&self.machines[step.from], &self.machines[step.to]);
        let is_either = |node: &NodeName| *node == from.name || *node == to.name;
        self.faults.in_force.iter().map(|fault| &fault.fault).find(|fault| match fault {
            Fault::PowerOff(node) | Fault::Pause(node) => is_either(node),
            _ if step.from == step.to => false,
            Fault::Cut(one, other) => {
                (one.contains(&from.name) && other.contains(&to.name)) || (one.contains(&to.name) && other.contains(&from.name))
            }
            Fault::OneWay(one, other) => is_either(one) && is_either(other),
            Fault::LinkDown(node, network) | Fault::Loss(node, network, 100) if is_either(node) => {
                // With one network between the two, and nobody else on any other of theirs who could route.
                let shared = from.cards.iter().filter(|card| to.cards.iter().any(|there| there.network == card.network));
                let mut others = shared.filter(|card| self.networks[card.network].name != *network);
                let routers = self.services.iter().any(|(_, row)| row.is_installed() && row.behaviour == crate::catalog::Behaviour::Router);
                others.next().is_none() && !routers
            }
            _ => false,
        })
    }
}
