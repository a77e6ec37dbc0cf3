//! What is seen: probes again and again, and how sure one must be before something is called healthy or down.
//!
//! It looks and never touches. What a dead or frozen node would have to say is not made up: its facts get old.

use super::{
    event::{Cause, Why},
    machine::PROBE_US,
    network::{Attempt, Caller, Dial},
    table::{MachineId, NetworkId, ServiceId},
    time::{Clock, MS, SECOND, Tick},
    timing::lookup_ms,
    world::World,
};
use crate::{
    catalog::Catalog,
    model::{
        ClusterName, Endpoint, Flow, Health, Observed, ObservedCluster, ObservedFlow, ObservedNetwork, ObservedNode, ObservedService,
        ObservedVip, Power, VipName,
    },
    probe,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4},
};

/// Good answers in a row after which something is healthy.
const RISE: u8 = 2;
/// Bad answers in a row after which something is down.
const FALL: u8 = 2;
/// Age after which a node's facts say nothing any more, in microseconds.
const STALE_US: u64 = 5 * SECOND;

/// One answer to a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Verdict {
    /// It does what it is for.
    Good,
    /// It does part of it.
    Poor(Why),
    /// It does not.
    Bad(Why),
}

/// The answers to a probe so far, and what they come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Verdicts {
    pub(super) health: Health,
    pub(super) why: Option<Why>,
    pub(super) since_ms: u64,
    /// When the last good answer came, in microseconds.
    #[serde(default)]
    good_us: u64,
    leaning: Health,
    in_a_row: u8,
}

impl Verdicts {
    /// Takes one more answer; the health changes after several of one sort.
    pub(super) fn take(&mut self, verdict: Verdict, clock: &Clock) {
        let now_ms = clock.shown_ms();
        if verdict == Verdict::Good {
            self.good_us = clock.now_us;
        }
        let (says, why, needed) = match verdict {
            Verdict::Good => (Health::Healthy, None, RISE),
            Verdict::Poor(why) => (Health::Degraded, Some(why), FALL),
            Verdict::Bad(why) => (Health::Down, Some(why), FALL),
        };
        if says == self.leaning {
            self.in_a_row = self.in_a_row.saturating_add(1);
        } else {
            self.leaning = says;
            self.in_a_row = 1;
        }
        if self.health == says {
            self.why = why;
        } else if self.in_a_row >= needed {
            self.health = says;
            self.why = why;
            self.since_ms = now_ms;
        }
    }

    pub(super) fn reason(&self) -> String {
        self.why.map(Why::text).unwrap_or_default()
    }

    /// What they come to for one who looks now. A good health whose last good answer is older than a fault says nothing of the time
    /// since: then what an answer would be now counts; `None`: that is not certain.
    fn seen(&self, faulted_us: Option<u64>, now: impl FnOnce() -> Option<Verdict>) -> (Health, String) {
        if self.health != Health::Healthy || faulted_us.is_none_or(|at_us| self.good_us > at_us) {
            return (self.health, self.reason());
        }
        match now() {
            Some(Verdict::Good) => (Health::Healthy, String::new()),
            Some(Verdict::Poor(why)) => (Health::Degraded, why.text()),
            Some(Verdict::Bad(why)) => (Health::Down, why.text()),
            None => (Health::Unknown, "not tried since a fault".to_owned()),
        }
    }
}

/// A flow of the contract, and how it fares.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Watched {
    pub(super) flow: Flow,
    pub(super) verdicts: Verdicts,
    forward: bool,
    backward: bool,
    latency_us: Option<u64>,
}

impl Watched {
    pub(super) fn new(flow: Flow) -> Self {
        Self { flow, verdicts: Verdicts::default(), forward: false, backward: false, latency_us: None }
    }
}

/// How one call of a flow went.
struct Call {
    /// `None`: only packets were asked for, or there is nobody to call.
    dial: Option<Dial>,
    forward: bool,
    backward: bool,
    round_trip_us: Option<u64>,
    cause: Cause,
}

impl Call {
    fn of(attempt: Attempt) -> Self {
        let Attempt { dial, forward, backward } = attempt;
        let arrives = matches!(dial, Dial::Open { .. } | Dial::Refused(_));
        let let_in = !matches!(dial, Dial::Silent(why) if matches!(why.cause, Cause::NotAllowed | Cause::Filtered));
        let round_trip_us = if let Dial::Open { round_trip_us, .. } = dial { Some(round_trip_us) } else { None };
        Self {
            dial: Some(dial),
            forward: arrives || (forward && let_in),
            backward: arrives || (backward && let_in),
            round_trip_us,
            cause: Cause::NoRoute,
        }
    }
}

impl World {
    /// A node's agent looks at its services.
    pub(super) fn probe(&mut self, machine: MachineId) {
        if !self.machines[machine].is_alive() {
            return;
        }
        self.machines[machine].seen_us = self.clock.now_us;
        for place in 0.. {
            let Some(service) = self.machines[machine].services.get(place).copied() else { break };
            if self.services[service].is_installed() {
                let verdict = self.judge(service);
                self.services[service].verdicts.take(verdict, &self.clock);
            }
        }
        self.plan(PROBE_US, Tick::Probe(machine));
    }

    /// Every flow of the contract is tried.
    pub(super) fn probe_flows(&mut self) {
        let mut contract = std::mem::take(&mut self.contract);
        for (place, watched) in contract.iter_mut().enumerate() {
            self.try_flow(place, watched);
        }
        self.contract = contract;
        self.plan(PROBE_US, Tick::ProbeFlows);
    }

    fn try_flow(&mut self, place: usize, watched: &mut Watched) {
        let call = self.call_flow(&watched.flow);
        let mut verdict = self.judge_call(&call);
        // The question and its answer may each be lost.
        if let (Verdict::Good, Some(Dial::Open { loss_percent, .. })) = (verdict, call.dial)
            && (self.rng.percent(loss_percent) || self.rng.percent(loss_percent))
        {
            verdict = Verdict::Bad(Cause::Timeout.into());
        }
        let good_us = watched.verdicts.good_us;
        let answered = self.with_requests(place, verdict);
        let verdict = answered.unwrap_or(verdict);
        watched.forward = call.forward;
        watched.backward = call.backward;
        watched.latency_us = if matches!(verdict, Verdict::Good) { call.round_trip_us } else { None };
        watched.verdicts.take(verdict, &self.clock);
        if answered.is_none() {
            // The connection alone does not show that the lab works since the fault.
            watched.verdicts.good_us = good_us;
        }
    }

    /// What a call of a flow comes to, if nothing of it is lost on the way.
    fn judge_call(&self, call: &Call) -> Verdict {
        match call.dial {
            Some(Dial::Open { service, port, .. }) => match self.answers(service, port) {
                Err(cause @ Cause::Hung) => Verdict::Bad(Why { waits_ms: lookup_ms(port), ..cause.into() }),
                Err(cause) => Verdict::Bad(cause.into()),
                Ok(()) if self.is_for_clients(service, port) && !probe::serves(self.services[service].verdicts.health) => {
                    let why = self.services[service].verdicts.why;
                    Verdict::Bad(why.unwrap_or(Cause::NotRunning.into()))
                }
                Ok(()) => Verdict::Good,
            },
            Some(Dial::Silent(why)) => Verdict::Bad(Why { waits_ms: why.at.map_or(0, |at| lookup_ms(at.port())), ..why }),
            Some(Dial::Refused(why) | Dial::Unreachable(why)) => Verdict::Bad(why),
            None if call.forward && call.backward => Verdict::Good,
            None => Verdict::Bad(call.cause.into()),
        }
    }

    /// The result of trying a flow of the contract now; `None`: chance or the next request decides it.
    fn try_now(&self, place: usize, flow: &Flow) -> Option<Verdict> {
        let call = self.call_flow(flow);
        match (self.judge_call(&call), call.dial) {
            (Verdict::Good, Some(Dial::Open { service, port, loss_percent, .. })) => match self.judge(service) {
                Verdict::Bad(why) if self.is_for_clients(service, port) => Some(Verdict::Bad(why)),
                _ if loss_percent > 0 => None,
                _ => self.with_requests(place, Verdict::Good),
            },
            (verdict, _) => Some(verdict),
        }
    }

    /// How a flow fares now.
    fn call_flow(&self, flow: &Flow) -> Call {
        let nothing = Call { dial: None, forward: false, backward: false, round_trip_us: None, cause: Cause::Missing };
        let targets = self.flow_targets(flow);
        if flow.from == Endpoint::Outside {
            if let (Endpoint::Vip(_), Some(at)) = (&flow.to, targets.first()) {
                return Call::of(self.attempt(Caller::Outside, *at));
            }
            let Some((machine, port)) = self.outside_target(flow, &targets) else { return nothing };
            return Call::of(self.attempt_from_outside(machine, port));
        }
        let from = match &flow.from {
            Endpoint::Vip(vip) => self.vips.iter().find(|(id, part)| part.name == *vip && self.has_vip(*id)).map(|(_, part)| part.machine),
            other => other.node().and_then(|node| self.machine_named(node).ok()),
        };
        let Some(from) = from else { return nothing };
        if flow.to == Endpoint::Outside {
            return match self.route_out(from) {
                Ok(route) => Call {
                    dial: None,
                    forward: route.forward,
                    backward: route.backward,
                    round_trip_us: Some(route.round_trip_us),
                    cause: Cause::Dropped,
                },
                Err(cause) => Call { cause, ..nothing },
            };
        }
        if let Endpoint::Node(to) = &flow.to
            && flow.port.is_none()
        {
            let Ok(to) = self.machine_named(to) else { return nothing };
            let addresses: Vec<_> = self.machines[to].cards.iter().filter_map(|card| card.address).map(|net| net.addr()).collect();
            let addresses = self.tried(from, &flow.to, addresses, |address| *address);
            let routes = addresses.iter().map(|address| self.route(from, *address));
            return match routes.min_by_key(|route| route.as_ref().map_or(2, |route| u8::from(!(route.forward && route.backward)))) {
                Some(Ok(route)) => Call {
                    dial: None,
                    forward: route.forward,
                    backward: route.backward,
                    round_trip_us: Some(route.round_trip_us),
                    cause: Cause::Dropped,
                },
                Some(Err(cause)) => Call { cause, ..nothing },
                None => nothing,
            };
        }
        let caller = Caller::Machine(from);
        // A loopback address of another node would be the caller's own.
        let to = flow.to.node().and_then(|node| self.machine_named(node).ok());
        let targets = match (to, targets.first()) {
            (Some(to), Some(at)) if to != from && at.ip().is_loopback() => self.addresses_with(to, at.port()),
            // What listens on all addresses of its own node is called on the loopback, as the plan has it.
            (Some(to), Some(at)) if to == from && !self.is_bound(&flow.to) => vec![SocketAddrV4::new(Ipv4Addr::LOCALHOST, at.port())],
            _ => targets,
        };
        let targets = self.tried(from, &flow.to, targets, |at| *at.ip());
        let calls = targets.into_iter().map(|at| Call::of(self.attempt(caller, at)));
        calls.min_by_key(|call| (!matches!(call.dial, Some(Dial::Open { .. })), !call.forward)).unwrap_or(nothing)
    }

    /// Those of several targets that are tried: on real nodes one address is dialled, and no other if that does not answer.
    fn tried<T>(&self, from: MachineId, to: &Endpoint, targets: Vec<T>, address: impl Fn(&T) -> Ipv4Addr) -> Vec<T> {
        let chosen = to.node().and_then(|node| self.machines[from].spec.as_ref()?.resolve(node));
        match chosen.filter(|chosen| targets.iter().any(|target| address(target) == *chosen)) {
            Some(chosen) => targets.into_iter().filter(|target| address(target) == chosen).collect(),
            None => targets,
        }
    }

    /// The addresses and ports that a flow may be opened to.
    pub(super) fn flow_targets(&self, flow: &Flow) -> Vec<SocketAddrV4> {
        match &flow.to {
            Endpoint::Service(to) => {
                let Some(target) = self.service_at(to) else { return Vec::new() };
                let main = self.services[target].main_port.clone().unwrap_or_default();
                let port = |at: SocketAddrV4| SocketAddrV4::new(*at.ip(), flow.port.unwrap_or(at.port()));
                let all: Vec<_> = self.addresses_of(target, &main).into_iter().map(port).collect();
                // One that only leads ports elsewhere has no sockets of its own.
                match flow.port.or_else(|| self.services[target].port()).filter(|_| all.is_empty()) {
                    Some(port) => self.addresses_with(self.services[target].machine, port),
                    None => all,
                }
            }
            Endpoint::Vip(vip) => {
                let parts = self.vips.iter().filter(|(_, part)| part.name == *vip).filter_map(|(id, part)| Some((id, part.spec.as_ref()?)));
                let at = parts.filter_map(|(id, spec)| {
                    let port = flow.port.or_else(|| self.services[self.followed(id)?].port())?;
                    Some(SocketAddrV4::new(spec.address.addr(), port))
                });
                at.take(1).collect()
            }
            Endpoint::Node(node) => {
                let (Ok(machine), Some(port)) = (self.machine_named(node), flow.port) else { return Vec::new() };
                self.addresses_with(machine, port)
            }
            Endpoint::Outside => Vec::new(),
        }
    }

    /// Whether the end of a flow is a service that listens on certain addresses only.
    fn is_bound(&self, end: &Endpoint) -> bool {
        let Endpoint::Service(at) = end else { return false };
        let listens = self.service_at(at).and_then(|service| self.services[service].main_listen().first());
        listens.is_some_and(|at| !at.ip().is_unspecified())
    }

    /// A port at all addresses of a machine.
    fn addresses_with(&self, machine: MachineId, port: u16) -> Vec<SocketAddrV4> {
        let cards = &self.machines[machine].cards;
        cards.iter().filter_map(|card| card.address).map(|net| SocketAddrV4::new(net.addr(), port)).collect()
    }

    fn outside_target(&self, flow: &Flow, targets: &[SocketAddrV4]) -> Option<(MachineId, u16)> {
        let machine = flow.to.node().and_then(|node| self.machine_named(node).ok())?;
        let service = match &flow.to {
            Endpoint::Service(to) => self.service_at(to).and_then(|service| self.services[service].port()),
            _ => None,
        };
        Some((machine, flow.port.or(service).or_else(|| targets.first().map(SocketAddrV4::port))?))
    }

    /// Everything that is seen of the lab now. Looking changes nothing.
    pub fn observe(&self) -> Observed {
        let networks = self
            .networks
            .iter()
            .filter_map(|(_, network)| Some((network.name.clone(), ObservedNetwork::of(network.spec.clone()?))))
            .collect();
        let conflicts = self.address_conflicts();
        let nodes = self
            .machines
            .iter()
            .filter(|(_, machine)| machine.spec.is_some())
            .map(|(id, machine)| (machine.name.clone(), self.observe_node(id, conflicts.get(&id).copied())))
            .collect();
        let mut observed = Observed {
            at_ms: self.now_ms(),
            networks,
            nodes,
            vips: self.observe_vips(),
            flows: (0..).zip(&self.contract).map(|(place, watched)| self.observe_flow(place, watched)).collect(),
            clusters: self.observe_clusters(),
            faults: self.active_faults(),
        };
        probe::judge_roles(&mut observed, Catalog::embedded());
        observed
    }

    /// Who has each VIP now. A frozen node says nothing, so it is not named.
    fn observe_vips(&self) -> BTreeMap<VipName, ObservedVip> {
        let mut vips: BTreeMap<VipName, ObservedVip> = BTreeMap::new();
        let mut parts: Vec<_> = self.vips.iter().collect();
        parts.sort_by_key(|(_, part)| (std::cmp::Reverse(part.announced_us), &self.machines[part.machine].name));
        for (id, part) in parts {
            let Some(spec) = &part.spec else { continue };
            let seen = vips.entry(part.name.clone()).or_default();
            seen.address = Some(spec.address.addr());
            seen.since_ms = seen.since_ms.max(part.since_ms);
            if self.has_vip(id) && self.machines[part.machine].is_alive() {
                seen.holders.push(self.machines[part.machine].name.clone());
            }
        }
        vips
    }

    pub(super) fn observe_clusters(&self) -> BTreeMap<ClusterName, ObservedCluster> {
        let used = self.clusters.iter().filter(|(_, cluster)| !cluster.members.is_empty());
        used.map(|(id, cluster)| (cluster.name.clone(), self.observe_cluster(id))).collect()
    }

    /// Running machines that have an address of which another on the same network says that it is its own: who gets a packet is then
    /// a matter of who answers first (RFC 5227, section 1).
    fn address_conflicts(&self) -> BTreeMap<MachineId, Ipv4Addr> {
        let mut owners: BTreeMap<(NetworkId, Ipv4Addr), Vec<MachineId>> = BTreeMap::new();
        for (id, machine) in self.machines.iter().filter(|(_, machine)| machine.is_alive()) {
            for card in machine.cards.iter().filter(|card| card.connected) {
                let joins = self.networks[card.network].spec.as_ref().is_some_and(|spec| spec.kind.joins_nodes());
                if let Some(net) = card.address.filter(|_| joins) {
                    owners.entry((card.network, net.addr())).or_default().push(id);
                }
            }
        }
        let shared = owners.into_iter().filter(|(_, machines)| machines.len() > 1);
        shared.flat_map(|((_, address), machines)| machines.into_iter().map(move |machine| (machine, address))).collect()
    }

    fn observe_node(&self, id: MachineId, conflict: Option<Ipv4Addr>) -> ObservedNode {
        let machine = &self.machines[id];
        let stale = self.clock.now_us.saturating_sub(machine.seen_us) > STALE_US;
        let mut health = Health::Healthy;
        let mut services = BTreeMap::new();
        for service in &machine.services {
            let row = &self.services[*service];
            if !row.is_installed() {
                continue;
            }
            let seen = self.observe_service(*service, stale);
            if row.enabled {
                health = health.worse(seen.health);
            }
            services.insert(row.name.clone(), seen);
        }
        let health = match machine.power {
            Power::Missing | Power::Stopped => Health::Down,
            Power::Paused => Health::Down,
            Power::Running if !machine.booted || stale => Health::Unknown,
            Power::Running if conflict.is_some() => health.worse(Health::Degraded),
            Power::Running => health,
        };
        let reason = conflict.map_or_else(String::new, |address| format!("another machine has its address {address}"));
        ObservedNode {
            power: machine.power,
            is_booting: machine.power == Power::Running && !machine.booted,
            spec: machine.spec.clone(),
            configured: machine.configured,
            links_up: machine.cards.iter().map(|card| card.connected).collect(),
            health,
            reason,
            services,
            vips: self
                .vips_on(id)
                .into_iter()
                .filter_map(|vip| Some((self.vips[vip].name.clone(), self.vips[vip].spec.clone()?)))
                .collect(),
            snapshots: machine.snapshots.iter().map(|kept| kept.name.clone()).collect(),
            seen_ms: self.clock.shown_at_ms(machine.seen_us),
        }
    }

    fn observe_service(&self, service: ServiceId, stale: bool) -> ObservedService {
        let row = &self.services[service];
        let machine = &self.machines[row.machine];
        let off = machine.power != Power::Running;
        let (health, reason) = if off {
            (Health::Down, machine.power_reason())
        } else if stale {
            (Health::Unknown, format!("not heard of for {} s", (self.clock.now_us - machine.seen_us) / SECOND))
        } else {
            row.verdicts.seen(self.faults.injected_us, || Some(self.judge(service)))
        };
        // What its state says now is only as old as the silence of its machine.
        let silent_ms = if off || stale { self.clock.shown_at_ms(machine.seen_us) } else { 0 };
        // What a fault changed has been so since then.
        let faulted_us = self.faults.injected_us.filter(|_| !off && !stale && health != row.verdicts.health);
        let since_ms = row.verdicts.since_ms.max(silent_ms).max(faulted_us.map_or(0, |at_us| self.clock.shown_at_ms(at_us)));
        let open = matches!(self.works(service), Ok(()) | Err(Cause::Hung));
        let mut listening: Vec<_> = match &row.spec {
            Some(_) if open => self.sockets(service).to_vec(),
            _ => Vec::new(),
        };
        listening.sort_unstable();
        ObservedService { spec: row.spec.clone(), start_pending: false, health, reason, listening, since_ms, facts: BTreeMap::new() }
    }

    fn observe_flow(&self, place: usize, watched: &Watched) -> ObservedFlow {
        let (health, reason) = watched.verdicts.seen(self.faults.injected_us, || self.try_now(place, &watched.flow));
        // What was measured before a fault belongs to the health of that time.
        let is_as_tried = health == watched.verdicts.health;
        let call = (!is_as_tried).then(|| self.call_flow(&watched.flow));
        #[expect(clippy::cast_precision_loss, reason = "latencies are far below 2^24 microseconds where the fraction matters")]
        let latency_ms = watched.latency_us.filter(|_| is_as_tried).map(|us| us as f32 / MS as f32);
        ObservedFlow {
            id: (&watched.flow).into(),
            health,
            forward: call.as_ref().map_or(watched.forward, |call| call.forward),
            backward: call.as_ref().map_or(watched.backward, |call| call.backward),
            latency_ms,
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::Catalog,
        fault::offers,
        model::{Fault, Lab, NodeName, ServiceName, ServiceRef, Subject},
        plan::{LabId, desired, plan},
    };
    use std::collections::BTreeSet;

    #[test]
    fn one_answer_of_another_sort_changes_nothing() {
        let bad = Verdict::Bad(Cause::NotRunning.into());
        let mut verdicts = Verdicts::default();
        let mut healths = Vec::new();
        for (at_ms, verdict) in
            [Verdict::Good, Verdict::Good, bad, Verdict::Good, bad, bad, Verdict::Good, Verdict::Good].into_iter().enumerate()
        {
            verdicts.take(verdict, &Clock { now_us: at_ms as u64 * MS, skipped_us: 0 });
            healths.push((verdicts.health, verdicts.since_ms));
        }
        let (unknown, up, down) = ((Health::Unknown, 0), (Health::Healthy, 1), (Health::Down, 5));
        assert_eq!(healths, [unknown, up, up, up, up, down, down, (Health::Healthy, 7)]);
        assert_eq!(verdicts.reason(), "");
    }

    fn deployed(lab: &Lab) -> World {
        let (catalog, id) = (Catalog::embedded(), LabId::of_file(std::path::Path::new("/labs/observe.ron")));
        let (wanted, nothing) = (desired(lab, catalog, &id), Observed::default());
        let mut world = World::new(1);
        for step in plan(lab, catalog, &wanted, &nothing).steps {
            world.perform(&step.action, 120_000).unwrap();
        }
        world.watch(&lab.flows);
        world.run_for(20_000);
        world
    }

    /// All faults that can fall on a lab.
    fn faults(lab: &Lab) -> Vec<Fault> {
        let nodes: Vec<Subject> = lab.nodes.keys().cloned().map(Subject::Node).collect();
        let pairs = nodes.windows(2).map(<[Subject]>::to_vec);
        let services = lab.services().map(|(node, service, _)| vec![Subject::Service(at(node, service))]);
        let chosen = nodes.iter().map(|node| vec![node.clone()]).chain(pairs).chain(services);
        let mut all: Vec<Fault> = chosen.flat_map(|chosen| offers(lab, &chosen)).map(|(_, fault)| fault).collect();
        all.sort_by_key(ToString::to_string);
        all.dedup();
        all
    }

    fn at(node: &NodeName, service: &ServiceName) -> ServiceRef {
        ServiceRef { node: node.clone(), service: service.clone() }
    }

    /// What is healthy in an observation.
    fn healthy(seen: &Observed) -> BTreeSet<String> {
        let services = seen.nodes.iter().flat_map(|(node, it)| it.services.iter().map(move |(name, service)| (at(node, name), service)));
        let services = services.filter(|(_, service)| service.health == Health::Healthy).map(|(at, _)| at.to_string());
        let flows = seen.flows.iter().filter(|flow| flow.health == Health::Healthy).map(|flow| flow.id.to_string());
        services.chain(flows).collect()
    }

    /// The same world after its nodes and flows were probed again and again at this very moment.
    fn probed_now(world: &World) -> World {
        let mut copy = world.clone();
        for _ in 0..FALL + RISE {
            let machines: Vec<MachineId> = copy.machines.ids().collect();
            machines.into_iter().for_each(|machine| copy.probe(machine));
            copy.probe_flows();
        }
        copy
    }

    #[test]
    fn nothing_is_healthy_by_an_answer_that_is_older_than_a_fault() {
        let mut verbs = BTreeSet::new();
        for template in crate::layout::templates() {
            let world = deployed(&template.lab);
            let before = healthy(&world.observe());
            for fault in faults(&template.lab) {
                let mut broken = world.clone();
                if broken.inject(&fault).is_err() {
                    continue;
                }
                let tried = healthy(&probed_now(&broken).observe());
                let now = healthy(&broken.observe());
                // What answers is left to chance where packets are lost.
                let wrong: Vec<_> = now.difference(&tried).collect();
                assert!(matches!(fault, Fault::Loss(..)) || wrong.is_empty(), "{} {fault}: {wrong:?}", template.name);
                if now != before {
                    verbs.insert(fault.word());
                }
                // The next probes find the same: an answer that is newer than the fault counts as ever.
                broken.run_for(2 * PROBE_US / MS + 1);
                assert!(broken.contract.iter().all(|watched| watched.verdicts.health != Health::Unknown), "{fault}");
            }
        }
        let seen: Vec<&str> = verbs.into_iter().collect();
        assert_eq!(
            seen,
            [
                "block",
                "cut",
                "expire",
                "fill-disk",
                "hang",
                "kill",
                "link-down",
                "loss",
                "no-dns",
                "one-way",
                "pause",
                "power-off",
                "restart",
                "stop"
            ]
        );
    }

    #[test]
    fn a_stopped_service_is_down_from_the_moment_of_its_fault() {
        let template = crate::layout::template("three-node-lab").unwrap();
        let mut world = deployed(&template.lab);
        let began_ms = world.now_ms();
        world.inject(&"stop app-node-01/web".parse().unwrap()).unwrap();
        let seen = world.observe();
        let service = &seen.nodes["app-node-01"].services["web"];
        assert_eq!((service.health, service.reason.as_str(), service.since_ms), (Health::Down, "not running", began_ms));
        assert_eq!(seen.nodes["app-node-01"].health, Health::Down);
        let flow = seen.flows.iter().find(|flow| flow.id.to.to_string() == "app-node-01/web").unwrap();
        assert!(flow.health == Health::Down && flow.latency_ms.is_none(), "{flow:?}");
        world.heal_all();
        world.run_for(10_000);
        assert_eq!(world.observe().nodes["app-node-01"].services["web"].health, Health::Healthy);
    }
}
