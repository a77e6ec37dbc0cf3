//! Requests from outside: by which flows they come in, and what became of them.

use super::{
    event::{Cause, EventKind, Why},
    network::{Caller, Dial},
    observe::Verdict,
    request::Request,
    table::{MachineId, RequestId, ServiceId},
    tally::{EntryLoad, LoadSecond, LoadTotals, Tally},
    time::{MS, SECOND, Tick},
    world::World,
};
use crate::{
    catalog::{Audience, Behaviour, Catalog},
    model::{Endpoint, Flow, FlowId, ServiceRef, Subject},
    probe::{self, Answered},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4},
};

/// Requests from outside in each second, where nobody says how many.
pub const REQUESTS_PER_SEC: u32 = 20;
/// Requests from outside in each second, at most.
const PER_SECOND_MAX: u32 = 100_000;
/// No count of a world that was simulated comes near this.
const NUMBERS_MAX: u64 = 1 << 60;
/// How long somebody outside waits for an answer.
const TIMEOUT_MS: u64 = 4000;

/// The last requests that came in by one flow and ended.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Lately {
    good_us: Option<u64>,
    failed: Option<(u64, Cause)>,
}

/// Where requests of an entry go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Door {
    /// To a port of a machine, by its way in from outside.
    Port(MachineId, u16),
    /// To an address, such as that of a VIP.
    Address(SocketAddrV4),
}

/// A flow from outside, and what became of the requests that came in by it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    id: FlowId,
    /// Its place in the contract.
    flow: usize,
    door: Door,
    /// How often a connection is tried, in seconds; `None`: it takes requests of users, which come as the load says.
    every_secs: Option<u32>,
    tally: Tally,
    lately: Lately,
    failing: bool,
}

/// The load and its results.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Load {
    pub(super) per_second: u32,
    generation: u32,
    /// The flows from outside, in the contract's order; `None`: not worked out yet.
    #[serde(default)]
    doors: Option<Vec<Entry>>,
    /// The entries that take requests of users, by their places.
    #[serde(default)]
    turns: Vec<usize>,
    /// All requests.
    #[serde(flatten)]
    all: Tally,
    free: Vec<RequestId>,
    count: u64,
}

impl Load {
    pub(super) fn timeout_us(&self) -> u64 {
        TIMEOUT_MS * MS
    }

    fn entries(&self) -> &[Entry] {
        self.doors.as_deref().unwrap_or_default()
    }

    /// The flow of the entry at a place.
    pub(super) fn entry_id(&self, place: Option<usize>) -> Option<&FlowId> {
        Some(&self.entries().get(place?)?.id)
    }

    /// The time since the first request of each entry that came in after its last good answer, in microseconds.
    pub(super) fn open_gaps(&self, now_us: u64) -> Vec<(FlowId, u64)> {
        self.entries().iter().map(|entry| (entry.id.clone(), entry.tally.open_gap_us(now_us))).collect()
    }

    fn entry_mut(&mut self, place: Option<usize>) -> Option<&mut Entry> {
        self.doors.as_mut()?.get_mut(place?)
    }

    pub(super) fn is_sound(&self, has_machine: impl Fn(MachineId) -> bool, has_request: impl Fn(RequestId) -> bool) -> bool {
        let is_entry_sound =
            |entry: &Entry| entry.tally.is_sound() && if let Door::Port(machine, _) = entry.door { has_machine(machine) } else { true };
        self.entries().iter().all(is_entry_sound)
            && self.per_second <= PER_SECOND_MAX
            && self.count < NUMBERS_MAX
            && self.free.iter().all(|request| has_request(*request))
            && self.all.is_sound()
    }

    /// The entry whose turn it is among those that take requests of users, by the number of the request.
    fn turn(&self, number: u64) -> Option<usize> {
        let place = number.checked_rem(self.turns.len() as u64)?;
        self.turns.get(usize::try_from(place).ok()?).copied()
    }
}

impl World {
    /// Sends this many requests a second in from outside, evenly, where flows of the contract ([`World::watch`]) lead from outside to
    /// something that serves requests of users; 0 stops them. To what else flows lead from outside, a connection is tried each second,
    /// to an ssh server each fifth. Totals begin again.
    pub fn set_load(&mut self, requests_per_sec: u32) {
        self.load.per_second = requests_per_sec.min(PER_SECOND_MAX);
        self.load.generation += 1;
        self.load.all.reset();
        self.load.doors.iter_mut().flatten().for_each(|entry| entry.tally.reset());
        if requests_per_sec > 0 {
            self.plan(0, Tick::Arrival(self.load.generation));
        }
    }

    /// The entry by which requests of the flow at this place of the contract come in.
    fn entry_at(&self, flow: usize) -> Option<&Entry> {
        let entries = self.load.entries();
        entries.binary_search_by_key(&flow, |entry| entry.flow).ok().and_then(|place| entries.get(place))
    }

    /// What a call of the flow at this place of the contract comes to together with the requests that came in by it: a connection is not
    /// an answer. `None`: no request has been answered or has failed since the last fault.
    pub(super) fn with_requests(&self, place: usize, verdict: Verdict) -> Option<Verdict> {
        if verdict != Verdict::Good {
            return Some(verdict);
        }
        match self.answered_by(place) {
            (Answered::Some, Some(cause)) => Some(Verdict::Poor(Why::behind(cause))),
            (Answered::None, Some(cause)) => Some(Verdict::Bad(Why::behind(cause))),
            (Answered::All, _) | (_, None) => (!self.awaits_answer(place)).then_some(Verdict::Good),
        }
    }

    /// Whether requests of users come in by the flow at this place of the contract, and none of them has ended since the last fault.
    fn awaits_answer(&self, flow: usize) -> bool {
        let Some(faulted_us) = self.faults.injected_us.filter(|_| self.load.per_second > 0) else { return false };
        let Some(entry) = self.entry_at(flow).filter(|entry| entry.every_secs.is_none()) else { return false };
        let ended_us = entry.lately.good_us.max(entry.lately.failed.map(|(at_us, _)| at_us));
        ended_us.is_none_or(|at_us| at_us <= faulted_us)
    }

    /// What became of the requests that came in lately by the flow at this place of the contract, and why one failed. A good answer that
    /// is older than the last fault does not count.
    fn answered_by(&self, flow: usize) -> (Answered, Option<Cause>) {
        let Some(lately) = self.entry_at(flow).map(|entry| entry.lately) else { return (Answered::All, None) };
        let ago_ms = |at_us: u64| self.clock.now_us.saturating_sub(at_us) / MS;
        let good_us = lately.good_us.filter(|at_us| self.faults.injected_us.is_none_or(|faulted_us| *at_us > faulted_us));
        let answered = probe::answered(good_us.map(ago_ms), lately.failed.map(|(at_us, _)| ago_ms(at_us)));
        (answered, lately.failed.map(|(_, cause)| cause))
    }

    /// How many requests a second come in.
    pub fn load(&self) -> u32 {
        self.load.per_second
    }

    /// What became of all requests since the load was set. While requests come in, the time since the last good answer of an entry
    /// counts as a gap.
    pub fn load_totals(&self) -> LoadTotals {
        let open_us = self.load.entries().iter().map(|entry| entry.tally.open_gap_us(self.clock.now_us)).max();
        let open_us = open_us.filter(|_| self.load.per_second > 0).unwrap_or(0);
        let totals = self.load.all.totals().clone();
        LoadTotals { longest_gap_ms: totals.longest_gap_ms.max(open_us / MS), ..totals }
    }

    /// What became of the requests of the last seconds, oldest first; at most a quarter of an hour. Seconds in which
    /// none ended are left out.
    pub fn load_seconds(&self) -> Vec<LoadSecond> {
        self.load.all.seconds(|us| self.clock.shown_at_ms(us))
    }

    /// What became of the requests of each flow from outside, in the contract's order.
    pub fn load_entries(&self) -> Vec<EntryLoad> {
        let now_us = Some(self.clock.now_us).filter(|_| self.load.per_second > 0);
        let seen = |entry: &Entry| entry.tally.seen(&entry.id, now_us, |us| self.clock.shown_at_ms(us));
        self.load.entries().iter().map(seen).collect()
    }

    /// When the last good answer and the last failure came at each entry, in milliseconds of the world's clock, in the contract's order.
    pub(super) fn entries_lately(&self) -> Vec<(Option<u64>, Option<u64>)> {
        let shown = |at_us: u64| self.clock.shown_at_ms(at_us);
        let lately = |entry: &Entry| (entry.lately.good_us.map(shown), entry.lately.failed.map(|(at_us, _)| shown(at_us)));
        self.load.entries().iter().map(lately).collect()
    }

    /// How many requests of each entry were answered well and how many failed, in the contract's order.
    pub(super) fn entry_counts(&self) -> impl Iterator<Item = (u64, u64)> {
        self.load.entries().iter().map(|entry| (entry.tally.totals().ok, entry.tally.totals().failed))
    }

    /// The mean time to a good answer at each entry in the last milliseconds, in microseconds, in the contract's order.
    pub(super) fn entry_latencies(&self, last_ms: u64) -> impl Iterator<Item = Option<u64>> {
        let since_us = self.clock.now_us.saturating_sub(last_ms * MS);
        self.load.entries().iter().map(move |entry| entry.tally.latency_since_us(since_us))
    }

    /// Works out by which flows requests come in. Counts of a flow go on while it is there.
    pub(super) fn find_entries(&mut self) {
        let mut before: BTreeMap<FlowId, (usize, Entry)> = BTreeMap::new();
        for (place, entry) in self.load.doors.take().unwrap_or_default().into_iter().enumerate() {
            before.insert(entry.id.clone(), (place, entry));
        }
        let (count, mut moved) = (before.len(), BTreeMap::new());
        let mut entries: Vec<Entry> = Vec::with_capacity(count);
        let mut known = std::collections::BTreeSet::new();
        for (flow, watched) in self.contract.iter().enumerate().filter(|(_, watched)| watched.flow.from == Endpoint::Outside) {
            let Some((door, every_secs)) = self.entry_of(&watched.flow) else { continue };
            let id = FlowId::from(&watched.flow);
            if !known.insert(id.clone()) {
                continue;
            }
            let entry = match before.remove(&id) {
                Some((place, entry)) => {
                    moved.insert(place, entries.len());
                    Entry { flow, door, every_secs, ..entry }
                }
                None => Entry { id, flow, door, every_secs, tally: Tally::default(), lately: Lately::default(), failing: false },
            };
            entries.push(entry);
        }
        // Requests under way belong to the same flows as before.
        if moved.len() != count || moved.iter().any(|(old, new)| old != new) {
            for request in self.requests.rows_mut() {
                request.entry = request.entry.and_then(|place| moved.get(&place).copied());
            }
        }
        self.load.turns = (0..).zip(&entries).filter(|(_, entry)| entry.every_secs.is_none()).map(|(place, _)| place).collect();
        self.load.doors = Some(entries);
    }

    /// Where requests of a flow from outside go, and how often a connection is tried where it takes no requests of users.
    fn entry_of(&self, flow: &Flow) -> Option<(Door, Option<u32>)> {
        if let Endpoint::Vip(vip) = &flow.to {
            let at = self.flow_targets(flow).first().copied()?;
            let mut parts = self.vips.iter().filter(|(_, part)| part.name == *vip);
            let served = parts.find_map(|(id, part)| {
                let followed = self.followed(id).map(|service| (service, at.port()));
                self.served_at(part.machine, at.port()).or(followed)
            });
            return Some((Door::Address(at), self.tried_every_secs(served)));
        }
        let machine = self.machine_named(flow.to.node()?).ok()?;
        let main = match &flow.to {
            Endpoint::Service(to) => self.services[self.service_at(to)?].port(),
            _ => None,
        };
        let port = flow.port.or(main)?;
        Some((Door::Port(machine, port), self.tried_every_secs(self.served_at(machine, port))))
    }

    /// The service that answers at a port of a machine, and its own port: what a forwarder of the machine leads the port to, or what
    /// listens there.
    fn served_at(&self, machine: MachineId, port: u16) -> Option<(ServiceId, u16)> {
        let services = || self.machines[machine].services.iter().copied().filter(|service| self.services[*service].is_installed());
        let led = services().find_map(|service| {
            let (_, to) = self.services[service].rules().find(|(from, _)| *from == port)?;
            let target = self.service_at(&to.parse::<ServiceRef>().ok()?)?;
            Some((target, self.services[target].port()?))
        });
        let listens = |service: &ServiceId| {
            let mut all = self.services[*service].spec.iter().flat_map(|spec| spec.listen.values().flatten());
            all.any(|at| at.port() == port)
        };
        led.or_else(|| services().find(listens).map(|service| (service, port)))
    }

    /// How often a connection to what answers is tried, in seconds; `None`: it takes requests of users. Servers of ssh log each stranger.
    fn tried_every_secs(&self, served: Option<(ServiceId, u16)>) -> Option<u32> {
        match served {
            Some((service, port)) if self.takes_requests(service, port) => None,
            Some((service, _)) if self.services[service].behaviour == Behaviour::Shell => Some(probe::SHELL_SECS),
            Some(_) | None => Some(probe::CONNECT_SECS),
        }
    }

    /// Whether requests of users enter at a port of a service: at all but those for administrators and for members of a cluster. A
    /// port that the catalog does not name is one of the service's own.
    fn takes_requests(&self, service: ServiceId, port: u16) -> bool {
        let row = &self.services[service];
        let entry = row.spec.as_ref().and_then(|spec| Some((spec, Catalog::embedded().get(&spec.kind)?)));
        let named = entry.and_then(|(spec, entry)| {
            entry.ports.iter().find(|known| spec.listen.get(&known.name).is_some_and(|all| all.iter().any(|at| at.port() == port)))
        });
        row.behaviour.answers_requests() && named.is_none_or(|port| port.audience == Audience::Clients)
    }

    /// Requests come in: one of a user, and those that only connect each second.
    pub(super) fn arrival(&mut self, generation: u32) {
        if self.load.generation != generation || self.load.per_second == 0 {
            return;
        }
        let per_second = u64::from(self.load.per_second);
        self.plan(SECOND / per_second, Tick::Arrival(generation));
        if self.load.doors.is_none() {
            self.find_entries();
        }
        let number = self.load.count;
        self.load.count += 1;
        if let Some(place) = self.load.turn(number) {
            self.send(place, number);
        }
        if number.is_multiple_of(per_second) {
            let second = number / per_second;
            for place in 0..self.load.entries().len() {
                let every_secs = self.load.entries().get(place).and_then(|entry| entry.every_secs);
                if every_secs.is_some_and(|every| second.is_multiple_of(u64::from(every))) {
                    self.send(place, number);
                }
            }
        }
    }

    /// A request comes in at an entry.
    fn send(&mut self, place: usize, number: u64) {
        let now_us = self.clock.now_us;
        let Some(entry) = self.load.entry_mut(Some(place)) else { return };
        entry.tally.arrived(now_us);
        let (door, only_connects) = (entry.door, entry.every_secs.is_some());
        self.load.all.arrived(now_us);
        let (dial, known) = match door {
            Door::Port(machine, port) => (self.attempt_from_outside(machine, port).dial, SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port)),
            Door::Address(at) => (self.dial(Caller::Outside, at), at),
        };
        let id = match self.load.free.pop() {
            Some(id) => {
                let row = &mut self.requests[id];
                let mut next = Request::new(number, now_us, row.generation + 1);
                // The room of its frames serves again.
                next.frames = std::mem::take(&mut row.frames);
                *row = next;
                id
            }
            None => self.requests.push(Request::new(number, now_us, 0)),
        };
        let row = &mut self.requests[id];
        row.entry = Some(place);
        row.only_connects = only_connects;
        // It is put back when it waits or ends.
        let request = row.taken();
        let at = match dial {
            Dial::Refused(why) | Dial::Unreachable(why) | Dial::Silent(why) => why.at,
            Dial::Open { .. } => None,
        };
        self.enter(request, id, dial, at.unwrap_or(known));
    }

    /// A request has ended.
    pub(super) fn finish(&mut self, mut request: Request, id: RequestId, result: Result<(), Cause>) {
        request.under_way = false;
        request.frames.clear();
        let now_us = self.clock.now_us;
        let latency_us = now_us - request.started_us + request.spent_us;
        let result = if latency_us > self.load.timeout_us() { Err(Cause::Timeout) } else { result };
        let (mut gap_us, mut was_failing) = (0, false);
        if let Some(entry) = self.load.entry_mut(request.entry) {
            gap_us = entry.tally.ended(now_us, result.map(|()| latency_us));
            was_failing = std::mem::replace(&mut entry.failing, result.is_err());
            match result {
                Ok(()) => entry.lately.good_us = Some(now_us),
                Err(cause) => entry.lately.failed = Some((now_us, cause)),
            }
        }
        self.load.all.ended_with_gap(now_us, result.map(|()| latency_us), gap_us);
        self.load.free.push(id);
        self.mark_request(&request, result.is_ok(), gap_us);
        match (result, was_failing) {
            (Err(cause), false) => {
                self.tell(self.entry_subject(&request), EventKind::FirstFailed, format!("a request fails: {}", cause.text()));
            }
            (Ok(()), true) => {
                let names = [request.app, request.data].into_iter().flatten();
                let names: Vec<&str> = names.map(|service| self.machines[self.services[service].machine].name.as_str()).collect();
                let way = if names.is_empty() { String::new() } else { format!(" through {}", names.join(" → ")) };
                self.tell(self.entry_subject(&request), EventKind::FirstGood, format!("good request again{way}"));
            }
            _ => {}
        }
        self.requests[id] = request;
    }

    fn entry_subject(&self, request: &Request) -> Subject {
        let entry = request.entry.and_then(|place| self.load.entries().get(place));
        entry.map_or(Subject::Lab, |entry| Subject::Flow(entry.id.clone()))
    }
}
