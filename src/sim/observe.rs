//! What is seen: probes again and again, and how sure one must be before something is called healthy or down.
//!
//! It looks and never touches. What a dead or frozen node would have to say is not made up: its facts get old.

use super::{
    event::{Cause, Why},
    machine::PROBE_US,
    network::{Caller, Dial},
    table::{MachineId, ServiceId},
    time::{MS, SECOND, Tick},
    world::World,
};
use crate::model::{Endpoint, Flow, Health, Observed, ObservedFlow, ObservedNetwork, ObservedNode, ObservedService, Power};
use serde::{Deserialize, Serialize};

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
    leaning: Health,
    in_a_row: u8,
}

impl Verdicts {
    /// Takes one more answer; the health changes after several of one sort.
    pub(super) fn take(&mut self, verdict: Verdict, now_ms: u64) {
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

    fn reason(&self) -> String {
        self.why.map(Why::text).unwrap_or_default()
    }
}

/// A flow of the contract, and how it fares.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Watched {
    pub(super) flow: Flow,
    verdicts: Verdicts,
    forward: bool,
    backward: bool,
    latency_us: Option<u64>,
}

impl Watched {
    pub(super) fn new(flow: Flow) -> Self {
        Self { flow, verdicts: Verdicts::default(), forward: false, backward: false, latency_us: None }
    }
}

impl World {
    /// A node's agent looks at its services.
    pub(super) fn probe(&mut self, machine: MachineId) {
        if !self.machines[machine].is_alive() {
            return;
        }
        self.machines[machine].seen_us = self.clock.now_us;
        let now_ms = self.now_ms();
        for place in 0.. {
            let Some(service) = self.machines[machine].services.get(place).copied() else { break };
            if self.services[service].is_installed() {
                let verdict = self.judge(service);
                self.services[service].verdicts.take(verdict, now_ms);
            }
        }
        self.plan(PROBE_US, Tick::Probe(machine));
    }

    /// Every flow of the contract is tried.
    pub(super) fn probe_flows(&mut self) {
        let now_ms = self.now_ms();
        let mut contract = std::mem::take(&mut self.contract);
        for watched in &mut contract {
            self.try_flow(watched, now_ms);
        }
        self.contract = contract;
        self.plan(PROBE_US, Tick::ProbeFlows);
    }

    pub(super) fn judge(&self, service: ServiceId) -> Verdict {
        match self.ill(service) {
            Some(why) => Verdict::Bad(why),
            None => Verdict::Good,
        }
    }

    /// Why a service that was started is not ready yet.
    pub(super) fn unready(&self, service: ServiceId) -> Option<Why> {
        self.ill(service)
    }

    fn try_flow(&self, watched: &mut Watched, now_ms: u64) {
        let dial = self.dial_flow(&watched.flow);
        let verdict = match dial {
            Some(Dial::Open { .. }) => Verdict::Good,
            Some(Dial::Refused(why) | Dial::Silent(why)) => Verdict::Bad(why),
            None => Verdict::Bad(Cause::Missing.into()),
        };
        watched.forward = matches!(dial, Some(Dial::Open { .. } | Dial::Refused(_)));
        watched.backward = watched.forward;
        watched.latency_us = match dial {
            Some(Dial::Open { round_trip_us, .. }) => Some(round_trip_us),
            _ => None,
        };
        watched.verdicts.take(verdict, now_ms);
    }

    fn dial_flow(&self, flow: &Flow) -> Option<Dial> {
        let Endpoint::Service(to) = &flow.to else { return None };
        let target = self.service_at(to)?;
        let port = flow.port.or_else(|| self.services[target].port())?;
        match flow.from.node() {
            None => Some(self.dial_service_from_outside(self.services[target].machine, port)),
            Some(node) => {
                let from = self.machine_named(node).ok()?;
                let main = self.services[target].main_port.clone()?;
                self.addresses_of(target, &main)
                    .into_iter()
                    .map(|at| self.dial(Caller::Machine(from), std::net::SocketAddrV4::new(*at.ip(), port)))
                    .min_by_key(|dial| !matches!(dial, Dial::Open { .. }))
            }
        }
    }

    /// Everything that is seen of the lab now. Looking changes nothing.
    pub fn observe(&self) -> Observed {
        let networks = self
            .networks
            .iter()
            .filter_map(|(_, network)| Some((network.name.clone(), ObservedNetwork { spec: network.spec.clone()? })))
            .collect();
        let nodes = self
            .machines
            .iter()
            .filter(|(_, machine)| machine.spec.is_some())
            .map(|(id, machine)| (machine.name.clone(), self.observe_node(id)))
            .collect();
        Observed {
            at_ms: self.now_ms(),
            networks,
            nodes,
            vips: std::collections::BTreeMap::new(),
            flows: self.contract.iter().map(observe_flow).collect(),
            clusters: std::collections::BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    fn observe_node(&self, id: MachineId) -> ObservedNode {
        let machine = &self.machines[id];
        let stale = self.clock.now_us.saturating_sub(machine.seen_us) > STALE_US;
        let mut health = Health::Healthy;
        let mut services = std::collections::BTreeMap::new();
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
            Power::Running => health,
        };
        ObservedNode {
            power: machine.power,
            spec: machine.spec.clone(),
            configured: machine.configured,
            links_up: machine.cards.iter().map(|card| card.connected).collect(),
            health,
            services,
            vips: std::collections::BTreeMap::new(),
            snapshots: machine.snapshots.clone(),
            seen_ms: self.clock.shown_at_ms(machine.seen_us),
        }
    }

    fn observe_service(&self, service: ServiceId, stale: bool) -> ObservedService {
        let row = &self.services[service];
        let machine = &self.machines[row.machine];
        let off = matches!(machine.power, Power::Stopped | Power::Missing);
        let (health, reason) = if off {
            (Health::Down, Cause::MachineOff.text().to_owned())
        } else if stale {
            (Health::Unknown, format!("not heard of for {} s", (self.clock.now_us - machine.seen_us) / SECOND))
        } else {
            (row.verdicts.health, row.verdicts.reason())
        };
        let open = matches!(self.works(service), Ok(()) | Err(Cause::Hung));
        let mut listening: Vec<_> = match &row.spec {
            Some(spec) if open => spec.listen.values().flatten().copied().collect(),
            _ => Vec::new(),
        };
        listening.sort_unstable();
        ObservedService { spec: row.spec.clone(), health, reason, listening, since_ms: row.verdicts.since_ms }
    }
}

fn observe_flow(watched: &Watched) -> ObservedFlow {
    #[expect(clippy::cast_precision_loss, reason = "latencies are far below 2^24 microseconds where the fraction matters")]
    let latency_ms = watched.latency_us.map(|us| us as f32 / MS as f32);
    ObservedFlow {
        from: watched.flow.from.clone(),
        to: watched.flow.to.clone(),
        health: watched.verdicts.health,
        forward: watched.forward,
        backward: watched.backward,
        latency_ms,
        reason: watched.verdicts.reason(),
    }
}
