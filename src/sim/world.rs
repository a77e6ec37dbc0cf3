//! The world: its state, its clock, and the loop over what is due.
//!
//! It decides nothing about any one thing; each kind of tick is handled by the file it belongs to.

use super::{
    action::Failures,
    beam::Mesh,
    cluster::Cluster,
    event::{Event, EventKind},
    fault::Faults,
    invariants::Violation,
    judge::Unwired,
    load::Load,
    machine::Machine,
    network::{Net, Owners},
    observe::Watched,
    request::Request,
    rng::Rng,
    ruler::RulerState,
    service::Svc,
    table::{ClusterId, MachineId, NetworkId, RequestId, ServiceId, Table, VipId},
    time::{Clock, MS, Queue, SECOND, Tick},
    vrrp::VipPart,
};
use crate::model::{Flow, MachineSpec, NetworkName, NodeName, ServiceName, ServiceRef, Subject};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Events that are kept until they are taken, at most; the oldest are dropped first.
const EVENTS_MAX: usize = 4096;
/// What [`World::catch_up`] simulates before it looks whether all is quiet, in microseconds.
const SETTLE_US: u64 = 120 * SECOND;
/// What [`World::catch_up`] simulates at most before the skip, in microseconds.
const CATCH_UP_US_MAX: u64 = 900 * SECOND;
/// What [`World::catch_up`] simulates after the skip, so that probes and balancers are fresh, in microseconds.
const TAIL_US: u64 = 10 * SECOND;

/// Why the world cannot do what it is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimError {
    /// A name that nothing has.
    #[error("there is no {sort} {name}")]
    Unknown {
        /// What sort of thing was meant.
        sort: &'static str,
        /// The name.
        name: String,
    },
    /// The thing is not in a state in which this can be done.
    #[error("{on}: {why}")]
    Refused {
        /// The thing.
        on: String,
        /// What is wrong and what to do about it.
        why: String,
    },
    /// A failure that was asked for.
    #[error("{verb} on {on} failed, as it was told to")]
    Scripted {
        /// The action's verb.
        verb: &'static str,
        /// What it was about.
        on: String,
    },
}

impl SimError {
    pub(super) fn unknown(sort: &'static str, name: impl Into<String>) -> Self {
        Self::Unknown { sort, name: name.into() }
    }

    pub(super) fn refused(on: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Refused { on: on.into(), why: why.into() }
    }
}

/// A simulated world. It can be cloned to look ahead, and saved whole between calls of the program; one that was read
/// from a file is asked [`World::is_sound`] first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct World {
    pub(super) seed: u64,
    pub(super) rng: Rng,
    pub(super) clock: Clock,
    pub(super) queue: Queue,
    pub(super) networks: Table<NetworkId, Net>,
    pub(super) machines: Table<MachineId, Machine>,
    pub(super) services: Table<ServiceId, Svc>,
    pub(super) vips: Table<VipId, VipPart>,
    pub(super) clusters: Table<ClusterId, Cluster>,
    pub(super) mesh: Mesh,
    pub(super) requests: Table<RequestId, Request>,
    pub(super) load: Load,
    pub(super) ruler: RulerState,
    pub(super) faults: Faults,
    pub(super) owners: Owners,
    pub(super) contract: Vec<Watched>,
    pub(super) failures: Failures,
    pub(super) events: Vec<Event>,
    pub(super) last_change_us: u64,
    #[serde(skip)]
    pub(super) unwired: Unwired,
    /// What requests did that they could not, if somebody looks for it.
    #[serde(skip)]
    pub(super) audit: Option<Vec<Violation>>,
}

impl World {
    /// An empty world. The same seed and the same calls give the same world, byte for byte.
    pub fn new(seed: u64) -> Self {
        let mut world = Self {
            seed,
            rng: Rng::new(seed),
            clock: Clock::default(),
            queue: Queue::default(),
            networks: Table::default(),
            machines: Table::default(),
            services: Table::default(),
            vips: Table::default(),
            clusters: Table::default(),
            mesh: Mesh::default(),
            requests: Table::default(),
            load: Load::default(),
            ruler: RulerState::default(),
            faults: Faults::default(),
            owners: Owners::default(),
            contract: Vec::new(),
            failures: Failures::default(),
            events: Vec::new(),
            last_change_us: 0,
            unwired: Unwired::default(),
            audit: None,
        };
        world.queue.push(SECOND, Tick::ProbeFlows);
        world
    }

    /// The specifications of its machines, those that snapshots keep too, in a fixed order.
    pub fn machines_mut(&mut self) -> impl Iterator<Item = &mut MachineSpec> {
        self.machines.rows_mut().flat_map(|row| row.spec.iter_mut().chain(row.snapshots.iter_mut().map(|kept| &mut kept.spec)))
    }

    /// The seed that it was made from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The world's clock, in milliseconds since it began.
    pub fn now_ms(&self) -> u64 {
        self.clock.shown_ms()
    }

    /// Lets time pass until the clock shows this. Does nothing where it already shows more.
    pub fn run_until(&mut self, at_ms: u64) {
        self.run_to_us(self.clock.simulated_us(at_ms));
    }

    /// Lets this much time pass, in milliseconds.
    pub fn run_for(&mut self, ms: u64) {
        self.run_to_us(self.clock.now_us + ms.saturating_mul(MS));
    }

    /// Brings a world that was left alone up to a clock that has run far ahead, with a bounded amount of work.
    ///
    /// Up to two minutes are simulated exactly. If by then nothing has happened for a minute (no event, no boot, start
    /// or transfer under way), the rest but ten seconds is skipped: the clock moves and nothing else, so requests of the
    /// load that would have come in that time are neither made nor counted. A world that does not come to rest, such as
    /// one with a flapping VIP, is simulated for fifteen minutes and then skipped all the same.
    pub fn catch_up(&mut self, to_ms: u64) {
        let started_us = self.clock.now_us;
        loop {
            let left_us = self.clock.simulated_us(to_ms).saturating_sub(self.clock.now_us);
            if left_us <= SETTLE_US + TAIL_US {
                return self.run_to_us(self.clock.now_us + left_us);
            }
            self.run_to_us(self.clock.now_us + SETTLE_US);
            let at_rest = self.is_at_rest() && self.clock.now_us - self.last_change_us >= 60 * SECOND;
            if at_rest || self.clock.now_us - started_us >= CATCH_UP_US_MAX {
                let left_us = self.clock.simulated_us(to_ms).saturating_sub(self.clock.now_us);
                self.clock.skipped_us += left_us.saturating_sub(TAIL_US);
                return self.run_to_us(self.clock.now_us + left_us.min(TAIL_US));
            }
        }
    }

    /// Says which flows are to be tried again and again, and reported by [`World::observe`] in this order. Requests of
    /// the load enter where a flow comes from outside. Replaces what was said before.
    pub fn watch(&mut self, flows: &[Flow]) {
        let before = std::mem::take(&mut self.contract);
        let known: HashMap<&Flow, &Watched> = before.iter().rev().map(|watched| (&watched.flow, watched)).collect();
        let watched = |flow: &Flow| known.get(flow).map_or_else(|| Watched::new(flow.clone()), |watched| (*watched).clone());
        self.contract = flows.iter().map(watched).collect();
        self.rewire();
    }

    /// What happened since this was last called, oldest first.
    pub fn drain_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub(super) fn run_to_us(&mut self, until_us: u64) {
        while let Some((at_us, tick)) = self.queue.pop_until(until_us) {
            self.clock.now_us = self.clock.now_us.max(at_us);
            self.rewire_changed();
            if tick.only_asks() {
                self.owners.ways.keep();
            } else {
                self.owners.ways.drop_all();
            }
            self.handle(tick);
        }
        self.owners.ways.drop_all();
        self.clock.now_us = self.clock.now_us.max(until_us);
    }

    pub(super) fn plan(&mut self, in_us: u64, tick: Tick) {
        self.queue.push(self.clock.now_us + in_us, tick);
    }

    pub(super) fn tell(&mut self, subject: Subject, kind: EventKind, text: impl Into<String>) {
        self.last_change_us = self.clock.now_us;
        if self.events.len() >= EVENTS_MAX {
            // Many at a time: each time costs the whole list.
            self.events.drain(..EVENTS_MAX / 4);
        }
        self.events.push(Event { at_ms: self.now_ms(), subject, kind, text: text.into() });
    }

    fn is_at_rest(&self) -> bool {
        !self.queue.ticks().any(|tick| {
            matches!(
                tick,
                Tick::Booted(..)
                    | Tick::PoweredOff(..)
                    | Tick::Ready(..)
                    | Tick::Revive(..)
                    | Tick::StartAgain(..)
                    | Tick::Transferred(..)
                    | Tick::Promoted(..)
                    | Tick::TimeIsUp(_)
            ) && self.still_counts(tick)
        })
    }

    /// Whether a tick is about its thing as it is now, and not as it was before it was stopped or removed.
    pub(super) fn still_counts(&self, tick: Tick) -> bool {
        match tick {
            Tick::Booted(machine, generation) | Tick::PoweredOff(machine, generation) => self.machines[machine].generation == generation,
            Tick::Ready(service, generation)
            | Tick::Revive(service, generation)
            | Tick::StartAgain(service, generation)
            | Tick::Transferred(service, generation)
            | Tick::Promoted(service, generation)
            | Tick::Check(service, _, generation) => self.services[service].generation == generation,
            Tick::TimeIsUp(id) => self.faults.in_force.iter().any(|fault| fault.id == id),
            Tick::Advertise(vip, generation) | Tick::MasterDown(vip, generation) => self.vips[vip].generation == generation,
            Tick::TrackScript(vip, generation) => self.vips[vip].script_generation == generation,
            _ => true,
        }
    }

    /// The machine in whose own time a tick lies: it stands still while the machine is frozen.
    fn machine_of(&self, tick: Tick) -> Option<MachineId> {
        match tick {
            Tick::Booted(machine, _) | Tick::PoweredOff(machine, _) | Tick::Probe(machine) => Some(machine),
            Tick::Ready(service, _)
            | Tick::Revive(service, _)
            | Tick::StartAgain(service, _)
            | Tick::Transferred(service, _)
            | Tick::Promoted(service, _)
            | Tick::Check(service, ..) => Some(self.services[service].machine),
            Tick::Advertise(vip, _) | Tick::MasterDown(vip, _) | Tick::TrackScript(vip, _) => Some(self.vips[vip].machine),
            _ => None,
        }
    }

    fn handle(&mut self, tick: Tick) {
        if !self.still_counts(tick) {
            return;
        }
        if let Some(machine) = self.machine_of(tick)
            && self.machines[machine].freeze(self.clock.now_us, tick)
        {
            return;
        }
        match tick {
            Tick::Booted(machine, _) => self.booted(machine),
            Tick::PoweredOff(machine, _) => self.powered_off(machine),
            Tick::Ready(service, _) => self.ready(service),
            Tick::Revive(service, _) | Tick::StartAgain(service, _) => self.start_again(service),
            Tick::Probe(machine) => self.probe(machine),
            Tick::ProbeFlows => self.probe_flows(),
            Tick::Advertise(vip, _) => self.send_advertisement(vip),
            Tick::MasterDown(vip, _) => self.master_down(vip),
            Tick::TrackScript(vip, _) => self.track_script(vip),
            Tick::Heard { at, from, priority } => self.heard(at, from, priority),
            Tick::Membership(cluster) => self.membership(cluster),
            Tick::Transferred(service, _) => self.transferred(service),
            Tick::Promoted(service, _) => self.promoted(service),
            Tick::TimeIsUp(fault) => self.time_is_up(fault),
            Tick::RecoverIfStopped(cluster) => self.recover_if_stopped(cluster),
            Tick::Check(service, place, _) => self.check_server(service, place),
            Tick::Mesh => self.mesh_tick(),
            Tick::Arrival(generation) => self.arrival(generation),
            Tick::Resume(request, generation) => self.resume_request(request, generation),
        }
    }

    pub(super) fn machine_named(&self, name: &NodeName) -> Result<MachineId, SimError> {
        self.machines
            .named(name.as_str())
            .filter(|id| self.machines[*id].spec.is_some())
            .ok_or_else(|| SimError::unknown("machine", name.as_str()))
    }

    pub(super) fn network_named(&self, name: &NetworkName) -> Result<NetworkId, SimError> {
        self.networks
            .named(name.as_str())
            .filter(|id| self.networks[*id].spec.is_some())
            .ok_or_else(|| SimError::unknown("network", name.as_str()))
    }

    pub(super) fn service_named(&self, node: &NodeName, name: &ServiceName) -> Result<ServiceId, SimError> {
        let machine = self.machine_named(node)?;
        self.machines[machine]
            .services
            .iter()
            .copied()
            .find(|service| self.services[*service].name == *name && self.services[*service].is_installed())
            .ok_or_else(|| SimError::unknown("service", format!("{node}/{name}")))
    }

    pub(super) fn service_at(&self, at: &ServiceRef) -> Option<ServiceId> {
        self.service_named(&at.node, &at.service).ok()
    }

    pub(super) fn reference(&self, service: ServiceId) -> ServiceRef {
        let row = &self.services[service];
        ServiceRef { node: self.machines[row.machine].name.clone(), service: row.name.clone() }
    }

    pub(super) fn subject(&self, service: ServiceId) -> Subject {
        Subject::Service(self.reference(service))
    }
}
