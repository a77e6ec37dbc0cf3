//! What a fault would take with it: the world is copied, broken and watched; the world itself is never touched.

use super::{
    load::REQUESTS_PER_SEC,
    table::{ServiceId, VipId},
    world::{SimError, World},
};
use crate::model::{ClusterName, ClusterState, Endpoint, Fault, Health, NodeName, ServiceRef, VipName};
use std::collections::BTreeMap;

/// How often the copy is looked at, in milliseconds.
const STEP_MS: u64 = 250;
/// Time that the copy runs under load before it is broken, in milliseconds.
const WARM_UP_MS: u64 = 1000;
/// The last part of the time looked at, in milliseconds: longer than requests wait for an answer.
const END_MS: u64 = 5000;

/// A service that would suffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceForecast {
    /// The service.
    pub service: ServiceRef,
    /// The worst that it would come to.
    pub worst: Health,
    /// What it would be at the end.
    pub at_end: Health,
    /// Why, in a few words, at its worst.
    pub reason: String,
}

/// A flow that would suffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowForecast {
    /// Who opens it.
    pub from: Endpoint,
    /// Who answers.
    pub to: Endpoint,
    /// The worst that it would come to.
    pub worst: Health,
    /// What it would be at the end.
    pub at_end: Health,
}

/// A VIP that would move, be lost or be held twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VipForecast {
    /// The VIP.
    pub vip: VipName,
    /// Who holds it before.
    pub before: Vec<NodeName>,
    /// Who holds it at the end.
    pub after: Vec<NodeName>,
    /// How long nobody would hold it, in milliseconds.
    pub unheld_ms: u64,
    /// How long more than one would hold it, in milliseconds.
    pub shared_ms: u64,
}

/// What a fault would do, as the simulator sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prediction {
    /// Services that would be worse than they are, in the order of nodes.
    pub services: Vec<ServiceForecast>,
    /// Flows that would be worse than they are, in the contract's order.
    pub flows: Vec<FlowForecast>,
    /// VIPs that would not stay as they are.
    pub vips: Vec<VipForecast>,
    /// Clusters that would be in another state, with their state at the end.
    pub clusters: BTreeMap<ClusterName, ClusterState>,
    /// Requests that would come in from outside.
    pub requests: u64,
    /// Those that would fail.
    pub requests_failed: u64,
    /// The longest time without a good answer, in milliseconds.
    pub longest_gap_ms: u64,
    /// When requests would be answered again for good, in milliseconds after the fault: 0 where none fails, `None` where
    /// they still fail at the end of the time looked at.
    pub recovers_after_ms: Option<u64>,
    /// Whether any request was still answered well towards the end of the time looked at.
    pub answered_at_end: bool,
}

impl Prediction {
    /// Whether nothing would be noticed.
    pub fn is_harmless(&self) -> bool {
        self.services.is_empty() && self.flows.is_empty() && self.vips.is_empty() && self.clusters.is_empty() && self.requests_failed == 0
    }
}

/// Predicts what a fault does within this time, in milliseconds. The fault is not healed meanwhile.
///
/// # Errors
/// Where the fault cannot fall on this world.
pub fn blast_radius(world: &World, fault: &Fault, horizon_ms: u64) -> Result<Prediction, SimError> {
    let mut copy = world.clone();
    copy.drain_events();
    // Totals begin anew, and the gap is measured from a good answer: some must come before the fault.
    copy.set_load(if copy.load() == 0 { REQUESTS_PER_SEC } else { copy.load() });
    copy.run_for(WARM_UP_MS);
    let mut watch = Watch::begin(&copy);
    copy.inject(fault)?;
    let began_ms = copy.now_ms();
    while copy.now_ms() - began_ms < horizon_ms {
        copy.run_for(STEP_MS.min(horizon_ms - (copy.now_ms() - began_ms)));
        watch.look(&copy);
    }
    Ok(watch.end(&copy, began_ms))
}

/// What was, and the worst that was seen since.
struct Watch {
    services: Vec<(ServiceId, Health, Health, String)>,
    flows: Vec<(Health, Health)>,
    vips: BTreeMap<VipName, VipForecast>,
    clusters: BTreeMap<ClusterName, ClusterState>,
    failed: u64,
    last_failed_ms: Option<u64>,
    answered: u64,
    last_answered_ms: Option<u64>,
}

impl Watch {
    fn begin(world: &World) -> Self {
        let seen = world.observe();
        let vips = seen.vips.iter().map(|(vip, state)| {
            let forecast =
                VipForecast { vip: vip.clone(), before: state.holders.clone(), after: state.holders.clone(), unheld_ms: 0, shared_ms: 0 };
            (vip.clone(), forecast)
        });
        Self {
            services: world.seen_services().map(|(service, health)| (service, health, health, String::new())).collect(),
            flows: seen.flows.iter().map(|flow| (flow.health, flow.health)).collect(),
            vips: vips.collect(),
            clusters: seen.clusters.into_iter().map(|(name, cluster)| (name, cluster.state)).collect(),
            failed: world.load_totals().failed,
            last_failed_ms: None,
            answered: world.load_totals().ok,
            last_answered_ms: None,
        }
    }

    fn look(&mut self, world: &World) {
        for (service, _, worst, reason) in &mut self.services {
            let health = world.seen_health(*service);
            if health > *worst {
                *worst = health;
                *reason = world.seen_reason(*service);
            }
        }
        for ((_, worst), watched) in self.flows.iter_mut().zip(&world.contract) {
            *worst = worst.worse(watched.verdicts.health);
        }
        for (vip, forecast) in &mut self.vips {
            let holders = world.vips.iter().filter(|(id, part)| part.name == *vip && world.shows_vip(*id)).count();
            match holders {
                0 => forecast.unheld_ms += STEP_MS,
                1 => {}
                _ => forecast.shared_ms += STEP_MS,
            }
        }
        let (answered, failed) = (world.load_totals().ok, world.load_totals().failed);
        if answered > self.answered {
            self.answered = answered;
            self.last_answered_ms = Some(world.now_ms());
        }
        if failed > self.failed {
            self.failed = failed;
            self.last_failed_ms = Some(world.now_ms());
        }
    }

    fn end(self, world: &World, began_ms: u64) -> Prediction {
        let seen = world.observe();
        let services = self.services.into_iter().filter(|(_, before, worst, _)| worst > before);
        let services = services.map(|(service, _, worst, reason)| ServiceForecast {
            service: world.reference(service),
            worst,
            at_end: world.seen_health(service),
            reason,
        });
        let flows = self.flows.into_iter().zip(&seen.flows).filter(|((before, worst), _)| worst > before);
        let flows =
            flows.map(|((_, worst), flow)| FlowForecast { from: flow.from.clone(), to: flow.to.clone(), worst, at_end: flow.health });
        let vips = self.vips.into_values().filter_map(|mut forecast| {
            forecast.after = seen.vips.get(&forecast.vip).map(|state| state.holders.clone()).unwrap_or_default();
            (forecast.after != forecast.before || forecast.unheld_ms > 0 || forecast.shared_ms > 0).then_some(forecast)
        });
        let clusters = seen.clusters.into_iter().filter(|(name, cluster)| self.clusters.get(name) != Some(&cluster.state));
        let totals = world.load_totals();
        let ended_ms = world.now_ms();
        // Requests give up after some seconds, so a failure in the last of them means that they still fail.
        let still_fails = self.last_failed_ms.is_some_and(|at_ms| ended_ms.saturating_sub(at_ms) < 2 * STEP_MS);
        Prediction {
            services: services.collect(),
            flows: flows.collect(),
            vips: vips.collect(),
            clusters: clusters.map(|(name, cluster)| (name, cluster.state)).collect(),
            requests: totals.sent,
            requests_failed: totals.failed,
            longest_gap_ms: totals.longest_gap_ms,
            answered_at_end: self.last_answered_ms.is_some_and(|at_ms| ended_ms.saturating_sub(at_ms) < END_MS),
            recovers_after_ms: if still_fails { None } else { Some(self.last_failed_ms.map_or(0, |at_ms| at_ms - began_ms)) },
        }
    }
}

impl World {
    fn seen_services(&self) -> impl Iterator<Item = (ServiceId, Health)> {
        let machines = self.machines.iter().filter(|(_, machine)| machine.spec.is_some());
        let installed = machines
            .flat_map(|(_, machine)| machine.services.iter().copied())
            .filter(|service| self.services[*service].is_installed() && self.services[*service].enabled);
        installed.map(|service| (service, self.seen_health(service)))
    }

    /// A service's health as [`World::observe`] would say it, and for one whose machine is off or frozen, that it is down.
    fn seen_health(&self, service: ServiceId) -> Health {
        let row = &self.services[service];
        if self.machines[row.machine].is_alive() { row.verdicts.health } else { Health::Down }
    }

    fn seen_reason(&self, service: ServiceId) -> String {
        let row = &self.services[service];
        if self.machines[row.machine].is_alive() { row.verdicts.reason() } else { "its machine is off or frozen".to_owned() }
    }

    /// Whether a node would say now that it has a VIP.
    fn shows_vip(&self, vip: VipId) -> bool {
        self.has_vip(vip) && self.machines[self.vips[vip].machine].is_alive()
    }
}
