//! Requests from outside: how many come, and what became of them.

use super::{
    event::{Cause, EventKind},
    network::{Caller, Dial},
    request::Request,
    ruler::Outcome,
    table::{MachineId, RequestId, ServiceId},
    time::{MS, SECOND, Tick},
    world::World,
};
use crate::{
    catalog::{Audience, Catalog},
    model::{Endpoint, Subject},
    probe::{self, Answered},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::{Ipv4Addr, SocketAddrV4},
};

/// Requests from outside in each second, where nobody says how many.
pub const REQUESTS_PER_SEC: u32 = 20;
/// Requests from outside in each second, at most.
const PER_SECOND_MAX: u32 = 100_000;
/// No count of a world that was simulated comes near this.
const NUMBERS_MAX: u64 = 1 << 60;
/// Seconds that are kept, one result each.
const SECONDS_MAX: usize = 900;
/// How long somebody outside waits for an answer.
const TIMEOUT_MS: u64 = 4000;

/// What became of the requests that ended in one second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadSecond {
    /// When the second begins, in milliseconds of the world's clock.
    pub at_ms: u64,
    /// What stretch its requests came in, in milliseconds: a second, or for the first one all the time since the first request.
    pub span_ms: u64,
    /// Requests answered well.
    pub ok: u32,
    /// Requests that failed.
    pub failed: u32,
    /// The mean time to a good answer, in milliseconds.
    pub latency_ms: f32,
    /// The longest time to a good answer, in milliseconds.
    pub latency_ms_max: f32,
}

/// What became of all requests since the load was set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadTotals {
    /// Requests that came in.
    pub sent: u64,
    /// Requests answered well.
    pub ok: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Requests still under way: always `sent - ok - failed`.
    pub in_flight: u64,
    /// The longest time without a good answer, in milliseconds; one that is not over counts so far.
    pub longest_gap_ms: u64,
    /// Failed requests by their cause.
    pub causes: BTreeMap<Cause, u64>,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Second {
    number: u64,
    /// When the first request came in, in the first second that any ended in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_us: Option<u64>,
    ok: u32,
    failed: u32,
    latency_us: u64,
    latency_us_max: u64,
}

/// The last requests that came in by one flow and ended.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Lately {
    good_us: Option<u64>,
    failed: Option<(u64, Cause)>,
}

/// The load and its results.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Load {
    pub(super) per_second: u32,
    generation: u32,
    /// Where requests come in: machines and ports.
    pub(super) entries: Vec<(MachineId, u16)>,
    /// VIPs at which requests come in.
    #[serde(default)]
    vip_entries: Vec<SocketAddrV4>,
    /// The flows of the contract that these stand for, those of VIPs last.
    #[serde(default)]
    entry_flows: Vec<usize>,
    /// What became of requests lately, by the flows of the contract that they came in by.
    #[serde(default)]
    lately: BTreeMap<usize, Lately>,
    pub(super) totals: LoadTotals,
    last_ok_us: Option<u64>,
    /// When the first request came in since the load was set.
    #[serde(default)]
    first_us: Option<u64>,
    failing: bool,
    seconds: VecDeque<Second>,
    free: Vec<RequestId>,
    count: u64,
}

impl Load {
    pub(super) fn timeout_us(&self) -> u64 {
        TIMEOUT_MS * MS
    }

    pub(super) fn is_sound(&self, has_machine: impl Fn(MachineId) -> bool, has_request: impl Fn(RequestId) -> bool) -> bool {
        self.entries.iter().all(|(machine, _)| has_machine(*machine))
            && self.per_second <= PER_SECOND_MAX
            && self.count < NUMBERS_MAX
            && self.totals.sent < NUMBERS_MAX
            && self.free.iter().all(|request| has_request(*request))
            && self.totals.in_flight.checked_add(self.totals.ok).and_then(|sum| sum.checked_add(self.totals.failed))
                == Some(self.totals.sent)
    }

    fn note(&mut self, now_us: u64, result: Result<u64, Cause>) {
        let number = now_us / SECOND;
        if self.seconds.back().is_none_or(|second| second.number != number) {
            let first_us = self.first_us.filter(|_| self.totals.ok + self.totals.failed == 0);
            self.seconds.push_back(Second { number, first_us, ..Second::default() });
            if self.seconds.len() > SECONDS_MAX {
                self.seconds.pop_front();
            }
        }
        let Some(second) = self.seconds.back_mut() else { return };
        match result {
            Ok(latency_us) => {
                second.ok += 1;
                second.latency_us += latency_us;
                second.latency_us_max = second.latency_us_max.max(latency_us);
                self.totals.ok += 1;
                let gap_us = self.last_ok_us.or(self.first_us).map_or(0, |since_us| now_us - since_us);
                self.totals.longest_gap_ms = self.totals.longest_gap_ms.max(gap_us / MS);
                self.last_ok_us = Some(now_us);
            }
            Err(cause) => {
                second.failed += 1;
                self.totals.failed += 1;
                *self.totals.causes.entry(cause).or_default() += 1;
            }
        }
        self.totals.in_flight -= 1;
    }
}

impl World {
    /// Sends this many requests a second in from outside, evenly, where flows of the contract ([`World::watch`]) lead
    /// from outside to something that serves requests; 0 stops them. Totals begin anew.
    pub fn set_load(&mut self, requests_per_sec: u32) {
        let in_flight = self.load.totals.in_flight;
        self.load.per_second = requests_per_sec.min(PER_SECOND_MAX);
        self.load.generation += 1;
        self.load.totals = LoadTotals { sent: in_flight, in_flight, ..LoadTotals::default() };
        self.load.last_ok_us = None;
        self.load.first_us = None;
        if requests_per_sec > 0 {
            self.plan(0, Tick::Arrival(self.load.generation));
        }
    }

    /// What became of the requests that came in lately by a flow of the contract, and why one failed.
    pub(super) fn answered_by(&self, flow: usize) -> (Answered, Option<Cause>) {
        let Some(lately) = self.load.lately.get(&flow) else { return (Answered::All, None) };
        let ago_ms = |at_us: u64| self.clock.now_us.saturating_sub(at_us) / MS;
        let answered = probe::answered(lately.good_us.map(ago_ms), lately.failed.map(|(at_us, _)| ago_ms(at_us)));
        (answered, lately.failed.map(|(_, cause)| cause))
    }

    /// How many requests a second come in.
    pub fn load(&self) -> u32 {
        self.load.per_second
    }

    /// What became of all requests since the load was set. While requests come in, the time since the last good answer counts as a gap.
    pub fn load_totals(&self) -> LoadTotals {
        let mut totals = self.load.totals.clone();
        if let Some(since_us) = self.load.last_ok_us.or(self.load.first_us).filter(|_| self.load.per_second > 0) {
            totals.longest_gap_ms = totals.longest_gap_ms.max(self.clock.now_us.saturating_sub(since_us) / MS);
        }
        totals
    }

    /// What became of the requests of the last seconds, oldest first; at most a quarter of an hour. Seconds in which
    /// none ended are left out.
    pub fn load_seconds(&self) -> Vec<LoadSecond> {
        #[expect(clippy::cast_precision_loss, reason = "latencies are shown to a tenth of a millisecond")]
        let ms = |us: u64| us as f32 / MS as f32;
        let seen = |second: &Second| LoadSecond {
            at_ms: self.clock.shown_at_ms(second.number * SECOND),
            span_ms: second.first_us.map_or(SECOND, |first_us| ((second.number + 1) * SECOND).saturating_sub(first_us)).max(MS) / MS,
            ok: second.ok,
            failed: second.failed,
            latency_ms: ms(second.latency_us / u64::from(second.ok.max(1))),
            latency_ms_max: ms(second.latency_us_max),
        };
        self.load.seconds.iter().map(seen).collect()
    }

    /// Works out where requests come in.
    pub(super) fn find_entries(&mut self) {
        let mut entries = Vec::new();
        let mut known = BTreeSet::new();
        let mut vip_entries = Vec::new();
        let (mut entry_flows, mut vip_flows) = (Vec::new(), Vec::new());
        for (flow, watched) in self.contract.iter().enumerate().filter(|(_, watched)| watched.flow.from == Endpoint::Outside) {
            if let Endpoint::Vip(vip) = &watched.flow.to {
                let targets = self.flow_targets(&watched.flow);
                let serves =
                    |id| self.followed(id).zip(targets.first()).is_some_and(|(service, at)| self.takes_requests(service, at.port()));
                if self.vips.iter().any(|(id, part)| part.name == *vip && serves(id)) {
                    vip_flows.extend(targets.iter().map(|_| flow));
                    vip_entries.extend(targets);
                }
                continue;
            }
            let Endpoint::Service(to) = &watched.flow.to else { continue };
            let Some(service) = self.service_at(to) else { continue };
            let row = &self.services[service];
            let Some(port) = watched.flow.port.or_else(|| row.port()) else { continue };
            if self.takes_requests(service, port) && known.insert((row.machine, port)) {
                entries.push((row.machine, port));
                entry_flows.push(flow);
            }
        }
        entry_flows.extend(vip_flows);
        if self.load.entry_flows != entry_flows {
            self.load.lately.clear();
        }
        self.load.entry_flows = entry_flows;
        self.load.entries = entries;
        self.load.vip_entries = vip_entries;
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

    /// A request comes in.
    pub(super) fn arrival(&mut self, generation: u32) {
        if self.load.generation != generation || self.load.per_second == 0 {
            return;
        }
        self.plan(SECOND / u64::from(self.load.per_second), Tick::Arrival(generation));
        let (services, vips) = (self.load.entries.len(), self.load.vip_entries.len());
        if services + vips == 0 {
            return;
        }
        let number = self.load.count;
        self.load.count += 1;
        let place = usize::try_from(number % (services + vips) as u64).unwrap_or(0);
        let (dial, port) = match (self.load.entries.get(place), self.load.vip_entries.get(place.saturating_sub(services))) {
            (Some((machine, port)), _) => (self.attempt_from_outside(*machine, *port).dial, *port),
            (None, Some(at)) => (self.dial(Caller::Outside, *at), at.port()),
            (None, None) => return,
        };
        let flow = self.load.entry_flows.get(place).copied();
        self.load.totals.sent += 1;
        self.load.totals.in_flight += 1;
        let now_us = self.clock.now_us;
        self.load.first_us.get_or_insert(now_us);
        let id = match self.load.free.pop() {
            Some(id) => {
                let generation = self.requests[id].generation + 1;
                self.requests[id] = Request::new(number, now_us, generation);
                id
            }
            None => self.requests.push(Request::new(number, now_us, 0)),
        };
        self.requests[id].flow = flow;
        let request = self.requests[id].clone();
        let at = match dial {
            Dial::Refused(why) | Dial::Unreachable(why) | Dial::Silent(why) => why.at,
            Dial::Open { .. } => None,
        };
        self.enter(request, id, dial, at.unwrap_or(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port)));
    }

    /// A request has ended.
    pub(super) fn finish(&mut self, mut request: Request, id: RequestId, result: Result<(), Cause>) {
        request.under_way = false;
        request.frames.clear();
        let now_us = self.clock.now_us;
        let latency_us = now_us - request.started_us + request.spent_us;
        let result = if latency_us > self.load.timeout_us() { Err(Cause::Timeout) } else { result };
        self.load.note(now_us, result.map(|()| latency_us));
        if let Some(flow) = request.flow {
            let lately = self.load.lately.entry(flow).or_default();
            match result {
                Ok(()) => lately.good_us = Some(now_us),
                Err(cause) => lately.failed = Some((now_us, cause)),
            }
        }
        self.load.free.push(id);
        let outcome = if result.is_ok() { Outcome::Good } else { Outcome::Failed };
        self.mark_request(request.started_us, outcome, request.data);
        let (failing, was_failing) = (result.is_err(), self.load.failing);
        self.load.failing = failing;
        let way = |world: &Self| {
            let names = [request.app, request.data]
                .into_iter()
                .flatten()
                .map(|service| world.machines[world.services[service].machine].name.to_string());
            names.collect::<Vec<_>>().join(" → ")
        };
        if let (true, false, Err(cause)) = (failing, was_failing, result) {
            self.tell(Subject::Lab, EventKind::FirstFailed, format!("a request fails: {}", cause.text()));
        } else if was_failing && !failing {
            let text = format!("good request again through {}", way(self));
            self.tell(Subject::Lab, EventKind::FirstGood, text);
        }
        self.requests[id] = request;
    }
}
