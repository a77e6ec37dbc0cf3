//! A request's way through the lab: from outside over balancers and applications to what answers it.
//!
//! A request is a stack of the services that work on it. What takes no time to speak of is done at once; every timeout
//! and every wait goes through the queue, so that what happens meanwhile counts.

use super::{
    event::Cause,
    invariants::Step as Hop,
    network::{Caller, Dial},
    table::{NetworkId, RequestId, ServiceId},
    time::{MS, SECOND, Tick},
    timing::Timing,
    world::World,
};
use crate::{catalog::Behaviour, model::Power};
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddrV4};

/// Services that a request passes at most; more is a circle.
const DEPTH_MAX: usize = 12;
/// How often a query looks whether its cluster has agreed.
const STALL_US: u64 = 100 * MS;
/// A wait below this is only added to the latency.
const WAIT_US_MIN: u64 = 20 * MS;
/// A lost packet is sent again after this; a lost connection request after a second (RFC 6298).
const RESEND_US: u64 = 200 * MS;

/// A service that works on a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Frame {
    pub(super) service: ServiceId,
    /// The address and port that were called.
    pub(super) at: SocketAddrV4,
    /// The port of the service at which the request arrived.
    #[serde(default)]
    port: u16,
    generation: u32,
    pub(super) upstream: usize,
    tries: u8,
    waited_us: u64,
    /// How long its caller waits for its answer.
    #[serde(default)]
    patience_us: u64,
    /// Of a member of a cluster: whether the others have been asked to commit.
    #[serde(default)]
    proposed: bool,
    /// Of an application: whether a database has answered it, and whether one of those takes writes.
    #[serde(default)]
    pub(super) asked: bool,
    #[serde(default)]
    pub(super) wrote: bool,
}

/// What a frame is told when it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Signal {
    /// The request has just come in, or a wait is over.
    Enter,
    /// What it called has answered, or not.
    Answered(Result<(), Cause>),
    /// There is no connection to what it called.
    Unreached(Cause),
    /// What it called has the connection and gave no answer in time.
    Late(Cause),
}

impl Signal {
    /// What became of a call; `None`: it was none.
    pub(super) fn result(self) -> Option<Result<(), Cause>> {
        match self {
            Self::Enter => None,
            Self::Answered(result) => Some(result),
            Self::Unreached(cause) | Self::Late(cause) => Some(Err(cause)),
        }
    }
}

/// How long a caller waits for a connection, and for an answer over one that stands.
#[derive(Clone, Copy)]
struct Patience {
    connect_us: u64,
    answer_us: u64,
}

/// A request under way. A finished one keeps its row for the next.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) number: u64,
    pub(super) started_us: u64,
    pub(super) spent_us: u64,
    pub(super) frames: Vec<Frame>,
    signal: Signal,
    pub(super) under_way: bool,
    pub(super) generation: u32,
    /// The last service that keeps data and answered.
    pub(super) data: Option<ServiceId>,
    /// The application that answered.
    pub(super) app: Option<ServiceId>,
    /// The entry that it came in by.
    #[serde(default)]
    pub(super) entry: Option<usize>,
    /// Whether it is over when a connection stands and something behind it lives.
    #[serde(default)]
    pub(super) only_connects: bool,
    /// Whether it got a good answer at the VIP that moved last, from its new holder.
    #[serde(default)]
    pub(super) by_new_holder: bool,
}

impl Request {
    pub(super) fn new(number: u64, started_us: u64, generation: u32) -> Self {
        Self {
            number,
            started_us,
            spent_us: 0,
            frames: Vec::new(),
            signal: Signal::Enter,
            under_way: true,
            generation,
            data: None,
            app: None,
            entry: None,
            only_connects: false,
            by_new_holder: false,
        }
    }
}

impl Request {
    /// The request with its frames, which its row is left without.
    pub(super) fn taken(&mut self) -> Self {
        let frames = std::mem::take(&mut self.frames);
        Self { frames, ..self.clone() }
    }
}

/// What comes of a step.
enum Step {
    /// At once: go on with this.
    Go(Signal),
    /// After a wait: go on with this.
    Wait(u64, Signal),
}

/// What a service does next with a request.
pub(super) enum Next {
    /// Calls its upstream of this number.
    Call(usize),
    /// Answers.
    Answer(Result<(), Cause>),
    /// Looks again a little later.
    Stall,
    /// Goes on after so many microseconds.
    Pause(u64),
}

impl World {
    /// Sends a request in at a service; `dial` is how the call from outside went.
    pub(super) fn enter(&mut self, mut request: Request, id: RequestId, dial: Dial, at: SocketAddrV4) {
        let patience = Patience { connect_us: self.load.timeout_us(), answer_us: self.load.timeout_us() };
        match self.take_call(&mut request, dial, at, patience) {
            Step::Go(signal) => self.advance(request, id, signal),
            Step::Wait(us, signal) => self.wait(request, id, us, signal),
        }
    }

    /// A wait of a request is over.
    pub(super) fn resume_request(&mut self, id: RequestId, generation: u32) {
        let row = &self.requests[id];
        if !row.under_way || row.generation != generation {
            return;
        }
        let mut request = self.requests[id].taken();
        let mut signal = request.signal;
        if self.clock.now_us.saturating_sub(request.started_us) >= self.load.timeout_us() {
            return self.finish(request, id, Err(Cause::Timeout));
        }
        if let Some(broken) = self.broken_at(&request) {
            request.frames.truncate(broken);
            signal = Signal::Answered(Err(Cause::Lost));
        }
        self.advance(request, id, signal);
    }

    /// The first of a request's services whose process or connection is gone.
    fn broken_at(&self, request: &Request) -> Option<usize> {
        let mut caller = None;
        request.frames.iter().position(|frame| {
            let row = &self.services[frame.service];
            let lost = row.generation != frame.generation
                || !self.machines[row.machine].is_alive()
                || caller.is_some_and(
                    |from| !matches!(self.dial(Caller::Machine(from), frame.at), Dial::Open { service, .. } if service == frame.service),
                );
            caller = Some(row.machine);
            lost
        })
    }

    fn wait(&mut self, mut request: Request, id: RequestId, us: u64, signal: Signal) {
        let left_us = (request.started_us + self.load.timeout_us()).saturating_sub(self.clock.now_us);
        request.signal = signal;
        let generation = request.generation;
        self.requests[id] = request;
        self.plan(us.min(left_us), Tick::Resume(id, generation));
    }

    fn advance(&mut self, mut request: Request, id: RequestId, mut signal: Signal) {
        loop {
            let Some(frame) = request.frames.last().cloned() else {
                return self.finish(request, id, signal.result().unwrap_or(Err(Cause::Missing)));
            };
            let (frame, next) = if request.only_connects {
                let result = self.works(frame.service).map_err(|_| Cause::Lost);
                (frame, Next::Answer(result))
            } else {
                self.decide(frame, signal, request.number)
            };
            if let Some(last) = request.frames.last_mut() {
                *last = frame.clone();
            }
            let step = match next {
                Next::Call(upstream) => self.call(&mut request, &frame, upstream),
                Next::Stall => Step::Wait(STALL_US, Signal::Enter),
                Next::Pause(us) => Step::Wait(us, Signal::Enter),
                Next::Answer(result) => {
                    request.frames.pop();
                    let result = result.and_then(|()| self.takes_login(&request.frames, frame.service));
                    request.by_new_holder |= result.is_ok() && self.took_vip(self.services[frame.service].machine, *frame.at.ip());
                    if !request.only_connects {
                        self.note_answer(&mut request, frame.service, result);
                    }
                    Step::Go(Signal::Answered(result))
                }
            };
            match step {
                Step::Go(next) => signal = next,
                Step::Wait(us, next) => return self.wait(request, id, us, next),
            }
        }
    }

    fn note_answer(&mut self, request: &mut Request, service: ServiceId, result: Result<(), Cause>) {
        let behaviour = self.services[service].behaviour;
        let work_us = match behaviour {
            Behaviour::App => 2500,
            Behaviour::Galera | Behaviour::Database => 1500,
            _ => 300,
        };
        let factor = self.machines[self.services[service].machine].strain.work_factor();
        request.spent_us += self.rng.around(work_us) * factor;
        if result.is_ok() {
            if let Some(caller) = request.frames.last() {
                let step = Hop { from: self.services[caller.service].machine, to: self.services[service].machine };
                self.audit_step(step);
            }
            match behaviour {
                Behaviour::Galera | Behaviour::Database => {
                    request.data = Some(service);
                    let is_app = |frame: &&mut Frame| self.services[frame.service].behaviour == Behaviour::App;
                    if let Some(app) = request.frames.iter_mut().rev().find(is_app) {
                        app.asked = true;
                        app.wrote |= !self.services[service].is_read_only();
                    }
                }
                Behaviour::App => request.app = Some(service),
                _ => {}
            }
        }
    }

    /// What a service does with a request now.
    fn decide(&mut self, mut frame: Frame, signal: Signal, number: u64) -> (Frame, Next) {
        if self.works(frame.service).is_err() {
            return (frame, Next::Answer(Err(Cause::Lost)));
        }
        if !self.is_for_clients(frame.service, frame.port) {
            return (frame, Next::Answer(Ok(())));
        }
        let next = match self.services[frame.service].behaviour {
            Behaviour::Balancer => self.balance(&mut frame, signal, number),
            Behaviour::Web => self.pass_on(&mut frame, signal),
            Behaviour::App => self.use_all(&mut frame, signal),
            Behaviour::SshTunnel => match signal.result() {
                None => Next::Call(0),
                Some(result) => Next::Answer(result),
            },
            Behaviour::Galera => match self.commits(frame.service) {
                Err(Cause::Stalled) if frame.waited_us < frame.patience_us => {
                    frame.waited_us += STALL_US;
                    Next::Stall
                }
                Ok(()) if self.faults.delays => self.commit(&mut frame),
                result => Next::Answer(result),
            },
            _ => Next::Answer(Ok(())),
        };
        (frame, next)
    }

    /// A member of a cluster commits while packets wait: it answers when all others have the write, if its caller waits that long.
    fn commit(&self, frame: &mut Frame) -> Next {
        let left_us = frame.patience_us.saturating_sub(frame.waited_us);
        if frame.proposed {
            return Next::Answer(if left_us == 0 { Err(Cause::Timeout) } else { Ok(()) });
        }
        frame.proposed = true;
        let us = self.commit_delay_us(frame.service).min(left_us);
        frame.waited_us += us;
        Next::Pause(us)
    }

    /// A balancer: the next server, and another one where that fails. Once a connection stands, one that passes bytes on cannot send
    /// them again, and one that understands requests does not where no answer came in time (HAProxy manual: retries, retry-on).
    fn balance(&mut self, frame: &mut Frame, signal: Signal, number: u64) -> Next {
        let Timing { retries, .. } = self.services[frame.service].timing;
        let is_bound = self.services[frame.service].passes_bytes;
        let not = match signal {
            Signal::Enter => None,
            Signal::Answered(Ok(())) => return Next::Answer(Ok(())),
            Signal::Answered(Err(cause)) if is_bound => return Next::Answer(Err(cause)),
            Signal::Late(cause) => return Next::Answer(Err(cause)),
            Signal::Answered(Err(cause)) | Signal::Unreached(cause) if frame.tries > retries => return Next::Answer(Err(cause)),
            Signal::Answered(Err(_)) | Signal::Unreached(_) => Some(frame.upstream),
        };
        match self.choose_server(frame.service, not, number) {
            Ok(place) => {
                frame.upstream = place;
                frame.tries += 1;
                Next::Call(place)
            }
            Err(cause) => Next::Answer(Err(cause)),
        }
    }

    /// A web server: answers itself, or passes the request on to one of those behind it.
    fn pass_on(&mut self, frame: &mut Frame, signal: Signal) -> Next {
        let behind = &self.services[frame.service].passes_to;
        let tries_max = behind.len().min(usize::from(self.services[frame.service].timing.retries) + 1);
        match signal.result() {
            Some(Ok(())) => Next::Answer(Ok(())),
            None if behind.is_empty() => Next::Answer(Ok(())),
            Some(Err(cause)) if usize::from(frame.tries) >= tries_max => Next::Answer(Err(cause)),
            None | Some(Err(_)) => {
                let turn = self.services[frame.service].turn;
                let first = if signal == Signal::Enter { turn } else { frame.upstream + 1 };
                frame.upstream = first % behind.len().max(1);
                frame.tries += 1;
                let upstream = behind.get(frame.upstream).copied().unwrap_or_default();
                if signal == Signal::Enter {
                    self.services[frame.service].turn = turn.wrapping_add(1);
                }
                Next::Call(upstream)
            }
        }
    }

    /// A service calls one of its upstreams.
    fn call(&mut self, request: &mut Request, frame: &Frame, upstream: usize) -> Step {
        let row = &self.services[frame.service];
        let Some(at) = row.spec.as_ref().and_then(|spec| spec.upstreams.get(upstream)).map(|upstream| upstream.at) else {
            return Step::Go(Signal::Answered(Err(Cause::Missing)));
        };
        let Timing { connect_us, answer_us, raw_answer_us, .. } = row.timing;
        // A page does not wait longer for its sessions than for a connection.
        let is_store = row.calls.has_store && row.needs.first() == Some(&upstream);
        let answer_us = if is_store { connect_us } else { answer_us };
        let patience = Patience { connect_us, answer_us: if row.passes_bytes { raw_answer_us } else { answer_us } };
        let dial = self.dial(Caller::Machine(row.machine), at);
        self.take_call(request, dial, at, patience)
    }

    /// What a call comes to for the caller.
    fn take_call(&mut self, request: &mut Request, dial: Dial, at: SocketAddrV4, patience: Patience) -> Step {
        let Patience { connect_us, answer_us } = patience;
        let (service, port, round_trip_us, loss_percent) = match dial {
            Dial::Refused(why) | Dial::Unreachable(why) => return Step::Go(Signal::Unreached(why.cause)),
            // The kernel of a frozen node goes on and takes the connection; nobody reads from it.
            Dial::Silent(_) if self.is_frozen_at(at) => return Step::Wait(answer_us, Signal::Late(Cause::Hung)),
            Dial::Silent(_) => return Step::Wait(connect_us, Signal::Unreached(Cause::Timeout)),
            Dial::Open { service, port, round_trip_us, loss_percent } => (service, port, round_trip_us, loss_percent),
        };
        if request.frames.len() >= DEPTH_MAX {
            return Step::Go(Signal::Answered(Err(Cause::NoRoute)));
        }
        let connect_took_us = round_trip_us + self.resends_us(loss_percent, SECOND);
        if connect_took_us > connect_us {
            return Step::Wait(connect_us, Signal::Unreached(Cause::Timeout));
        }
        if self.services[service].hung {
            // The kernel takes the connection; nobody reads from it.
            return Step::Wait(answer_us, Signal::Late(Cause::Hung));
        }
        let generation = self.services[service].generation;
        let patience_us = answer_us;
        request.frames.push(Frame {
            service,
            at,
            port,
            generation,
            upstream: 0,
            tries: 0,
            waited_us: 0,
            patience_us,
            proposed: false,
            asked: false,
            wrote: false,
        });
        let took_us = connect_took_us + round_trip_us + self.resends_us(loss_percent, RESEND_US);
        if took_us >= WAIT_US_MIN {
            return Step::Wait(took_us, Signal::Enter);
        }
        request.spent_us += took_us;
        Step::Go(Signal::Enter)
    }

    /// Whether an address is that of a node that is frozen, and reached as such: a node is frozen as Incus does it, by the freezer of its
    /// processes (cgroups(7)), and its kernel still answers for its addresses.
    fn is_frozen_at(&self, at: SocketAddrV4) -> bool {
        let frozen = self.machines.iter().filter(|(_, machine)| machine.power == Power::Paused);
        frozen.into_iter().any(|(id, machine)| {
            let here = |address: Ipv4Addr, network: NetworkId| {
                address == *at.ip() && machine.cards.iter().any(|card| card.network == network && card.connected)
            };
            let own = machine.cards.iter().any(|card| card.address.is_some_and(|net| here(net.addr(), card.network)));
            own || self.vips_on(id).into_iter().any(|vip| {
                let spec = self.vips[vip].spec.as_ref().filter(|_| self.has_vip(vip));
                spec.is_some_and(|spec| self.network_named(&spec.network).is_ok_and(|network| here(spec.address.addr(), network)))
            })
        })
    }

    /// What lost packets cost: each is sent again after a time that doubles.
    fn resends_us(&mut self, loss_percent: u8, first_us: u64) -> u64 {
        let mut total_us = 0;
        let mut wait_us = first_us;
        for _ in 0..6 {
            // There and back.
            if !self.rng.percent(loss_percent) && !self.rng.percent(loss_percent) {
                break;
            }
            total_us += wait_us;
            wait_us *= 2;
        }
        total_us
    }
}
