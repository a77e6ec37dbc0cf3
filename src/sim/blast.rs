//! What a fault would take with it: the world is copied, broken and watched; the world itself is never touched.

use super::{
    load::REQUESTS_PER_SEC,
    service::forgotten,
    spells::{Course, Spells},
    table::{ServiceId, VipId},
    tally::{EntryLoad, LoadTotals},
    time::{MS, SECOND},
    world::{SimError, World},
};
use crate::{
    model::{
        ClusterForecast, ClusterName, ClusterState, EntryForecast, Fault, FlowForecast, FlowId, Health, NodeName, Prediction,
        ServiceForecast, ServiceRef, VipForecast, VipName,
    },
    provision::vip::CHECK_FALL,
};
use std::collections::{BTreeMap, BTreeSet};

/// How often the copy is looked at, in milliseconds.
const STEP_MS: u64 = 250;
/// Time that the copy runs under load before it is broken, in milliseconds.
const WARM_UP_MS: u64 = 1000;
/// The least time that is looked at, in milliseconds: well past the longest failover that was measured (5.8 s).
const HORIZON_MS_MIN: u64 = 20_000;
/// The longest time that a fault lasts in a forecast, in milliseconds; one that is to last longer is not healed in it.
const LASTS_MS_MAX: u64 = 900_000;
/// What is looked at beyond the slowest timer, in milliseconds: probes, requests that wait for an answer, and some calm.
const BEYOND_MS: u64 = 15_000;
/// What is looked at of a fault that strikes by chance, in milliseconds: how often it does says nothing sooner.
const CHANCE_MS: u64 = 120_000;
/// The last part of the time looked at, in milliseconds: longer than requests wait for an answer, and than two connections to an ssh server
/// are apart.
const END_MS: u64 = 11_000;
/// The last part of the time looked at in which it counts how long answers take, in milliseconds.
const LATE_MS: u64 = 10_000;

/// Predicts what a fault does. It lasts so many milliseconds and is then healed; `None`: it is not healed. Looks as far ahead as the
/// slowest timer of the lab needs.
///
/// What is broken already, or is about to break because of what is broken already, is not blamed on the fault: a second copy runs
/// without it.
///
/// # Errors
/// Where the fault cannot fall on this world.
pub fn blast_radius(world: &World, fault: &Fault, lasts_ms: Option<u64>) -> Result<Prediction, SimError> {
    let lasts_ms = lasts_ms.filter(|ms| *ms <= LASTS_MS_MAX);
    let mut copy = world.clone();
    copy.drain_events();
    // Totals begin anew, and the gap is measured from a good answer: some must come before the fault.
    copy.set_load(if copy.load() == 0 { REQUESTS_PER_SEC } else { copy.load() });
    copy.run_for(WARM_UP_MS);
    let horizon_ms = match (fault, lasts_ms) {
        (_, Some(ms)) => copy.horizon_ms() + ms,
        (Fault::Loss(_, _, percent), None) if *percent < 100 => copy.horizon_ms().max(CHANCE_MS),
        (_, None) => copy.horizon_ms(),
    };
    let mut without = Run { watch: Watch::begin(&copy), world: copy.clone() };
    match lasts_ms {
        Some(ms) => copy.inject_for(fault, ms)?,
        None => copy.inject(fault)?,
    };
    let mut with = Run { watch: Watch::begin(&without.world), world: copy };
    let began_ms = with.world.now_ms();
    with.run(horizon_ms);
    without.run(horizon_ms);
    let prediction = with.against(&without, began_ms, lasts_ms);
    let because = World::why_harmless(fault).filter(|_| prediction.is_harmless());
    Ok(Prediction { because, ..prediction })
}

/// A world and what was seen of it.
struct Run {
    world: World,
    watch: Watch,
}

impl Run {
    fn run(&mut self, horizon_ms: u64) {
        let mut left_ms = horizon_ms;
        while left_ms > 0 {
            let step_ms = STEP_MS.min(left_ms);
            self.world.run_for(step_ms);
            self.watch.look(&self.world);
            left_ms -= step_ms;
        }
    }
}

/// What was, and the worst that was seen since.
struct Watch {
    services: Vec<WatchedService>,
    flows: Vec<Course<Health>>,
    vips: BTreeMap<VipName, (VipForecast, Spells)>,
    clusters: BTreeMap<ClusterName, Course<ClusterState>>,
    /// Good and failed requests so far, and the spells in which some failed, of each entry.
    entries: Vec<((u64, u64), Spells)>,
    apart: BTreeSet<(ServiceRef, ServiceRef)>,
}

struct WatchedService {
    service: ServiceId,
    health: Course<Health>,
    reason: String,
}

impl Watch {
    fn begin(world: &World) -> Self {
        let seen = world.observe();
        let vips = seen.vips.iter().map(|(vip, state)| {
            let forecast = VipForecast {
                vip: vip.clone(),
                before: state.holders.clone(),
                after: state.holders.clone(),
                unheld_ms: 0,
                shared_ms: 0,
                alternates: false,
            };
            (vip.clone(), (forecast, Spells::default()))
        });
        Self {
            services: world
                .seen_services()
                .map(|(service, health)| WatchedService { service, health: Course::from(health), reason: String::new() })
                .collect(),
            flows: seen.flows.iter().map(|flow| Course::from(flow.health)).collect(),
            entries: world.entry_counts().map(|counts| (counts, Spells::default())).collect(),
            vips: vips.collect(),
            apart: seen.clusters.values().flat_map(|cluster| cluster.apart.clone()).collect(),
            clusters: seen.clusters.into_iter().map(|(name, cluster)| (name, Course::from(cluster.state))).collect(),
        }
    }

    fn look(&mut self, world: &World) {
        for WatchedService { service, health, reason } in &mut self.services {
            if health.look(world.seen_health(*service)) {
                *reason = world.seen_reason(*service);
            }
        }
        for (course, watched) in self.flows.iter_mut().zip(&world.contract) {
            course.look(watched.verdicts.health);
        }
        for (name, cluster) in world.observe_clusters() {
            self.clusters.entry(name).or_insert_with(|| Course::from(cluster.state)).look(cluster.state);
            self.apart.extend(cluster.apart);
        }
        for (vip, (forecast, spells)) in &mut self.vips {
            let parts = world.vips.iter().filter(|(id, part)| part.name == *vip && world.shows_vip(*id));
            let holders: Vec<&NodeName> = parts.map(|(_, part)| &world.machines[part.machine].name).collect();
            match holders.len() {
                0 => forecast.unheld_ms += STEP_MS,
                1 => {}
                _ => forecast.shared_ms += STEP_MS,
            }
            spells.look(!forecast.before.iter().eq(holders));
        }
        for ((before, spells), counts) in self.entries.iter_mut().zip(world.entry_counts()) {
            // Where nothing ended, nothing is known.
            if counts != *before {
                spells.look(counts.1 > before.1);
            }
            *before = counts;
        }
    }
}

impl Run {
    /// What the fault does: what is worse in this world than in the one without it.
    fn against(self, without: &Self, began_ms: u64, lasts_ms: Option<u64>) -> Prediction {
        let Self { world, watch } = self;
        let other = &without.watch;
        let seen = world.observe();
        // What is healed within the time looked at is over then.
        let is_lasting = lasts_ms.is_none();
        let services = watch.services.into_iter().zip(&other.services).filter(|(with, without)| with.health.worst > without.health.worst);
        let services = services.map(|(with, without)| ServiceForecast {
            service: world.reference(with.service),
            worst: with.health.worst,
            at_end: world.seen_health(with.service),
            alternates: is_lasting && with.health.alternates(&without.health),
            reason: with.reason,
        });
        let flows = watch.flows.into_iter().zip(&other.flows).zip(&seen.flows).filter(|((with, without), _)| with.worst > without.worst);
        let flows = flows.map(|((with, without), flow)| FlowForecast {
            id: flow.id.clone(),
            worst: with.worst,
            at_end: flow.health,
            alternates: is_lasting && with.alternates(without),
        });
        let usual = without.world.observe();
        let vips = watch.vips.into_values().filter_map(|(mut forecast, spells)| {
            let holders =
                |seen: &crate::model::Observed| seen.vips.get(&forecast.vip).map(|state| state.holders.clone()).unwrap_or_default();
            forecast.after = holders(&seen);
            let is_usual = forecast.after == holders(&usual);
            if let Some((other, usual)) = other.vips.get(&forecast.vip) {
                forecast.unheld_ms = forecast.unheld_ms.saturating_sub(other.unheld_ms);
                forecast.shared_ms = forecast.shared_ms.saturating_sub(other.shared_ms);
                forecast.alternates = is_lasting && spells.alternates() && !usual.alternates();
            }
            (!is_usual || forecast.unheld_ms > 0 || forecast.shared_ms > 0).then_some(forecast)
        });
        let clusters = watch.clusters.into_iter().filter_map(|(name, with)| {
            let at_end = seen.clusters.get(&name).map(|cluster| cluster.state)?;
            let usual = other.clusters.get(&name);
            let alternates = is_lasting && usual.is_some_and(|usual| with.alternates(usual));
            let is_worse = usual.is_none_or(|usual| with.worst > usual.worst);
            is_worse.then_some((name, ClusterForecast { worst: with.worst, at_end, alternates }))
        });
        let totals = world.load_totals();
        let usual_totals = without.world.load_totals();
        let requests_failed = totals.failed.saturating_sub(usual_totals.failed);
        let come_and_go = watch.entries.iter().zip(&other.entries);
        let come_and_go = come_and_go.map(|((_, with), (_, without))| is_lasting && with.alternates() && !without.alternates());
        let entries = entries_against(&world, &without.world, began_ms, come_and_go);
        let recovers_after_ms = entries.iter().map(|entry| entry.recovers_after_ms).try_fold(0, |last, ms| Some(last.max(ms?)));
        Prediction {
            services: services.collect(),
            flows: flows.collect(),
            vips: vips.collect(),
            clusters: clusters.collect(),
            apart: watch.apart.difference(&other.apart).cloned().collect(),
            requests: totals.sent,
            requests_failed,
            longest_gap_ms: if totals.longest_gap_ms > usual_totals.longest_gap_ms { totals.longest_gap_ms } else { 0 },
            answered_at_end: entries.iter().any(|entry| entry.answered_at_end),
            // One that is out for good is told as such.
            alternates: entries.iter().any(|entry| entry.alternates)
                && entries.iter().all(|entry| entry.alternates || entry.recovers_after_ms.is_some()),
            recovers_after_ms,
            entries,
            forgotten: world.forgotten_against(&without.world),
            because: None,
        }
    }
}

/// An entry, when its last good answer and its last failure came, and whether failures come and go.
type Ended = ((EntryLoad, (Option<u64>, Option<u64>)), bool);
/// Mean times to a good answer with the fault and without it.
type Latencies = (Option<u64>, Option<u64>);

/// What the fault does to the requests of each entry.
fn entries_against(world: &World, without: &World, began_ms: u64, come_and_go: impl Iterator<Item = bool>) -> Vec<EntryForecast> {
    let ended_ms = world.now_ms();
    // One that only connects comes seldom, and its failure holds until the next.
    let within = |at_ms: Option<u64>, ms: u64| at_ms.is_some_and(|at_ms| at_ms >= began_ms && ended_ms.saturating_sub(at_ms) < ms);
    let usual: BTreeMap<FlowId, LoadTotals> = without.load_entries().into_iter().map(|entry| (entry.id, entry.totals)).collect();
    let usual = |id: &FlowId| usual.get(id).map_or((0, 0), |totals| (totals.failed, totals.longest_gap_ms));
    let latencies = world.entry_latencies(LATE_MS).zip(without.entry_latencies(LATE_MS));
    let forecast = |(((entry, (good_ms, failed_ms)), alternates), (latency_us, usual_latency_us)): (Ended, Latencies)| {
        let (usual_failed, usual_gap_ms) = usual(&entry.id);
        let failed = entry.totals.failed.saturating_sub(usual_failed);
        let is_last_failed = failed_ms.is_some_and(|at_ms| good_ms.is_none_or(|good_ms| good_ms <= at_ms));
        let comes_and_goes = alternates && failed > 0;
        // Where most fail, that is an outage with answers now and then.
        let alternates = comes_and_goes && failed * 2 < entry.totals.sent && within(good_ms, END_MS);
        let still_fails = failed > 0 && (is_last_failed || within(failed_ms, 2 * STEP_MS));
        let recovered_ms = failed_ms.filter(|_| failed > 0).map_or(0, |at_ms| at_ms.saturating_sub(began_ms));
        let is_longer = entry.totals.longest_gap_ms > usual_gap_ms;
        EntryForecast {
            requests: entry.totals.sent,
            failed,
            longest_gap_ms: if is_longer { entry.totals.longest_gap_ms } else { 0 },
            recovers_after_ms: if still_fails || comes_and_goes { None } else { Some(recovered_ms) },
            alternates,
            answered_at_end: within(good_ms, END_MS),
            latency_us,
            usual_latency_us,
            id: entry.id,
        }
    };
    world.load_entries().into_iter().zip(world.entries_lately()).zip(come_and_go).zip(latencies).map(forecast).collect()
}

impl World {
    /// How far ahead a forecast must look, in milliseconds, so that the slowest timer of the lab is over and what comes of it is seen.
    fn horizon_ms(&self) -> u64 {
        let vips = self.vips.iter().filter(|(_, part)| part.spec.is_some());
        let vips = vips.map(|(_, part)| u64::from(CHECK_FALL) * part.check_us() + part.master_down_us());
        let clusters = self.clusters.iter().filter(|(_, cluster)| !cluster.voters.is_empty());
        let clusters = clusters.map(|(id, _)| self.exclusion_us(id));
        let meshes = self.mesh.pairs.iter().map(|pair| self.services[pair.one].timing.net_tick_us * 5 / 4);
        let services = self.services.iter().filter(|(_, row)| row.is_installed()).map(|(_, row)| {
            let left_out_us = if row.balancer.servers.is_empty() { 0 } else { row.timing.check_us * (row.timing.fall + 1) };
            left_out_us.max(row.timing.restart_us + row.start_us)
        });
        let slowest_us = vips.chain(clusters).chain(meshes).chain(services).max().unwrap_or(0).min(LASTS_MS_MAX * MS);
        HORIZON_MS_MIN.max(slowest_us.div_ceil(SECOND) * (SECOND / MS) + BEYOND_MS)
    }

    /// What is lost of what services keep in memory, and is not without the fault.
    fn forgotten_against(&self, without: &Self) -> Vec<(ServiceRef, String)> {
        let all = self.services.iter().filter(|(id, row)| row.forgot > without.services[*id].forgot);
        all.map(|(id, _)| (self.reference(id), forgotten(&self.users_of(id)))).collect()
    }

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
        if self.machines[row.machine].is_alive() { row.verdicts.reason() } else { self.machines[row.machine].power_reason() }
    }

    /// Whether a node would say now that it has a VIP.
    fn shows_vip(&self, vip: VipId) -> bool {
        self.has_vip(vip) && self.machines[self.vips[vip].machine].is_alive()
    }
}
