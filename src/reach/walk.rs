//! A packet's way from machine to machine: routing decision, forwarding, translation, and the way back of the answer.

use super::{
    INTERNET, MachineNo, Map, NetworkNo, Outcome, State, Step, Trip, Why,
    map::{AdapterRow, MachineRow},
    route::Way,
    trail::Trail,
};
use crate::model::LOOKUP_PORTS;
use std::net::{Ipv4Addr, SocketAddrV4};

/// The machine that is to forward a packet as the 64th says that it is too old (ip-sysctl, `ip_default_ttl`).
const FORWARDERS_MAX: u8 = 64;

/// A packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet {
    pub(super) source: Option<Ipv4Addr>,
    pub(super) to: Ipv4Addr,
    pub(super) port: Option<u16>,
}

/// Which packets a walk follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// The first of a connection.
    First,
    /// Answers of a connection that these machines forwarded.
    Answer,
    /// What a tunnel wraps: it does not enter a tunnel itself.
    Wrapped,
}

/// Where a walk ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    Machine(MachineNo),
    /// The host itself, from this machine.
    Host(MachineNo),
    /// Beyond the lab, from this machine.
    Outside(MachineNo),
}

/// Who opens a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Machine(MachineNo),
    Outside,
}

impl Map {
    /// How a machine's attempt to connect goes. Without a port only packets are sent (ICMP, which every node takes); to
    /// [`INTERNET`] they leave the lab.
    pub fn connect(&self, state: &impl State, from: MachineNo, to: Ipv4Addr, port: Option<u16>) -> Trip {
        let mut trail = Trail::default();
        if !state.is_on(from) {
            return failed(trail, Why::MachineOff(from));
        }
        let mut packet = Packet { source: None, to, port };
        let arrival = self.walk(state, from, None, &mut packet, Sort::First, &mut trail);
        let trip = self.finish(state, Origin::Machine(from), arrival, packet, trail);
        // Dropped where it begins, to the node itself as well.
        if port.is_some_and(|port| LOOKUP_PORTS.contains(&port)) && state.lookups_blocked(from) {
            let why = Why::LookupsBlocked(from);
            return Trip { outcome: why.outcome(), why: Some(why), service: None, forward: false, hops: Vec::new(), ..trip };
        }
        trip
    }

    /// How an attempt from the host to connect to an address goes, which leads to a machine by its adapter in a slot: because the host
    /// is on that network, or forwards a port of its own to it. `source` is the host's address there.
    pub fn connect_from_host(
        &self,
        state: &impl State,
        (machine, slot): (MachineNo, usize),
        source: Option<Ipv4Addr>,
        at: SocketAddrV4,
    ) -> Trip {
        let mut trail = Trail::default();
        if !state.is_on(machine) {
            return failed(trail, Why::MachineOff(machine));
        }
        let Some(adapter) = self.machine(machine).and_then(|row| row.adapters.get(slot)) else {
            return failed(trail, Why::NoEntrance(machine));
        };
        let link = state.link(machine, slot);
        if !link.connected {
            return failed(trail, Why::LinkDown(machine, adapter.network));
        }
        trail.crossings = 1;
        trail.enter(link, (machine, adapter.network));
        let mut packet = Packet { source, to: *at.ip(), port: Some(at.port()) };
        let arrival = self.walk(state, machine, Some(adapter.network), &mut packet, Sort::First, &mut trail);
        self.finish(state, Origin::Outside, arrival, packet, trail)
    }

    /// The machine's adapters by which an address is reached from the host: by the address itself, on a network that the host is on.
    pub fn host_reaches(&self, state: &impl State, address: Ipv4Addr) -> Option<(MachineNo, usize, Option<Ipv4Addr>)> {
        let all: Vec<_> = self.owners(address).iter().chain(state.holders(address)).copied().collect();
        let there = all.iter().filter(|(_, network)| self.network(*network).is_some_and(|row| row.kind.host_reaches()));
        let mut there: Vec<_> =
            there.filter_map(|(machine, network)| Some((*machine, self.slot_on(*machine, *network, address)?, *network))).collect();
        // The one that answers, where several have it.
        there.sort_by_key(|(machine, slot, _)| !(state.is_on(*machine) && state.link(*machine, *slot).connected));
        there.first().map(|(machine, slot, network)| (*machine, *slot, self.network(*network).and_then(super::map::NetworkRow::host)))
    }

    /// The end of a walk: what the target does with the packet, and whether its answer comes back.
    fn finish(&self, state: &impl State, origin: Origin, arrival: Result<Arrival, Why>, packet: Packet, mut trail: Trail) -> Trip {
        let arrival = match arrival {
            // Beyond the lab nobody answers for an address of the lab, or for a private one (RFC 1918).
            Ok(Arrival::Outside(last)) if packet.to != INTERNET && (packet.to.is_private() || !self.owners(packet.to).is_empty()) => {
                return self.reported(state, origin, Arrival::Outside(last), packet, trail, Why::NoRoute(last, packet.to));
            }
            Ok(arrival) => arrival,
            Err(why @ (Why::NoRoute(last, _) | Why::Loop(last))) if origin != Origin::Machine(last) => {
                return self.reported(state, origin, Arrival::Machine(last), packet, trail, why);
            }
            Err(why) => return failed(trail, why),
        };
        let end = if let Arrival::Machine(machine) = arrival { Some(machine) } else { None };
        if let (Origin::Machine(from), Some(to)) = (origin, end) {
            trail.drop_between(state, from, to);
        }
        let back = self.answer(state, origin, arrival, packet, &trail);
        if let Some(machine) = end {
            trail.step(machine, Step::Takes);
        }
        let is_local = end.is_some_and(|end| origin == Origin::Machine(end)) && trail.crossings == 0;
        let taken = match (end, packet.port) {
            (Some(machine), Some(port)) => {
                let from = if is_local { None } else { Some(packet.source) };
                self.deliver(state, machine, from, SocketAddrV4::new(packet.to, port)).map(Some)
            }
            _ => Ok(None),
        };
        let lost = trail.lost.map(|(at, network)| Why::Lost(at, network));
        let dropped = trail.dropped.map(|(from, to)| Why::Dropped(from, to)).or(lost);
        let (outcome, why) = match (dropped, taken, back) {
            (Some(why), ..) => (Outcome::TimedOut, Some(why)),
            (None, Ok(_), Ok(())) => (Outcome::Answered, None),
            (None, Err(why), Ok(())) => (why.outcome(), Some(why)),
            // A refusal has to find its way back as well; what a firewall drops sends none.
            (None, Err(why), Err(_)) if why.outcome() != Outcome::Refused => (why.outcome(), Some(why)),
            (None, _, Err(why)) => (Outcome::TimedOut, Some(why)),
        };
        Trip {
            outcome,
            why,
            service: taken.ok().flatten().filter(|_| outcome == Outcome::Answered),
            forward: dropped.is_none(),
            backward: back.is_ok() && lost.is_none(),
            source: packet.source,
            machine: end,
            ..blank(trail)
        }
    }

    /// The end of a walk at a machine that has no route, or finds a packet too old: what it says of that has to find its way back as well.
    fn reported(&self, state: &impl State, origin: Origin, from: Arrival, packet: Packet, trail: Trail, why: Why) -> Trip {
        match self.answer(state, origin, from, packet, &trail) {
            Ok(()) => failed(trail, why),
            Err(lost) => Trip { outcome: Outcome::TimedOut, ..failed(trail, lost) },
        }
    }

    /// Whether an answer finds its way back, over every machine that translated.
    fn answer(&self, state: &impl State, origin: Origin, arrival: Arrival, packet: Packet, trail: &Trail) -> Result<(), Why> {
        let (mut at, mut to) = match arrival {
            Arrival::Machine(machine) => (machine, packet.source),
            // Whatever is beyond the lab answers to the address of the machine that it knows.
            Arrival::Host(machine) | Arrival::Outside(machine) => (machine, packet.source),
        };
        let mut passed: Trail = Trail::default();
        let mut legs = Vec::new();
        for (machine, before) in trail.hidden.iter().rev() {
            legs.push((Origin::Machine(*machine), to));
            to = Some(*before);
        }
        legs.push((origin, to));
        let mut source = packet.to;
        for (goal, to) in legs {
            // Who led the packet here answers from the address that was called.
            if let Some((_, before)) = trail.led.iter().find(|(machine, _)| *machine == at) {
                source = *before;
            }
            // Somebody outside whose address nobody knows is answered on the way he came.
            let Some(to) = to else { return Ok(()) };
            let goal_machine = if let Origin::Machine(machine) = goal { Some(machine) } else { None };
            if goal_machine == Some(at) {
                continue;
            }
            let mut back = Packet { source: Some(source), to, port: None };
            passed.hops.clone_from(&trail.hops);
            passed.led.clone_from(&trail.led);
            let arrived = self.walk(state, at, None, &mut back, Sort::Answer, &mut passed)?;
            match (arrived, goal) {
                (Arrival::Machine(machine), Origin::Machine(goal)) if machine == goal => at = goal,
                (Arrival::Host(_) | Arrival::Outside(_), Origin::Outside) => {}
                (Arrival::Machine(machine) | Arrival::Host(machine) | Arrival::Outside(machine), _) => {
                    return Err(Why::NoRoute(machine, to));
                }
            }
        }
        if let (Origin::Machine(from), Arrival::Machine(end)) = (origin, arrival) {
            passed.drop_between(state, end, from);
        }
        passed.dropped.map_or(Ok(()), |(from, to)| Err(Why::Dropped(from, to)))
    }

    /// Follows a packet from a machine, where it begins or, with the network that it came by, passes.
    pub(super) fn walk(
        &self,
        state: &impl State,
        from: MachineNo,
        came_by: Option<NetworkNo>,
        packet: &mut Packet,
        sort: Sort,
        trail: &mut Trail,
    ) -> Result<Arrival, Why> {
        let mut at = from;
        let mut begins = came_by.is_none();
        let first_hop = trail.hops.len();
        let mut forwarders = 0;
        loop {
            let Some(row) = self.machine(at) else { return Err(Why::MachineOff(at)) };
            if !begins && packet.source.is_some_and(|source| self.is_local(state, at, row, source)) {
                return Err(Why::OwnSource(at));
            }
            let mut led_by = None;
            if self.is_local(state, at, row, packet.to) && (begins || !packet.to.is_loopback()) {
                // What a machine sends to its own loopback is led nowhere (`forward.nft`).
                let may_lead = sort == Sort::First && !packet.to.is_loopback();
                let led = if may_lead { self.led(state, row, packet.port) } else { None };
                // The kernel does not count it as a translation where nothing changes (nf_nat_setup_info), so it replaces no source either.
                let led = led.filter(|(_, to)| (*to.ip(), Some(to.port())) != (packet.to, packet.port));
                let Some((service, to)) = led.filter(|_| !trail.led.iter().any(|(machine, _)| *machine == at)) else {
                    packet.source.get_or_insert(self.local_source(row, packet.to));
                    return Ok(Arrival::Machine(at));
                };
                trail.step(at, Step::Leads(service, to));
                trail.led.push((at, packet.to));
                (packet.to, packet.port) = (*to.ip(), Some(to.port()));
                led_by = Some(service);
                if self.is_local(state, at, row, packet.to) {
                    // A packet from a network is not taken for the loopback (ip-sysctl, route_localnet).
                    if packet.to.is_loopback() && !begins {
                        return Err(Why::LoopbackOnly(at, packet.to));
                    }
                    packet.source.get_or_insert(first_address(row).unwrap_or(packet.to));
                    return Ok(Arrival::Machine(at));
                }
            }
            let way = self.decide(row, packet.to, sort);
            if !begins && led_by.is_none() {
                // The kernel looks for a route before it asks the firewall.
                if way.is_none() && !(row.routers.is_empty() && row.leaders.is_empty()) {
                    return Err(Why::NoRoute(at, packet.to));
                }
                forwarders += 1;
                if forwarders == FORWARDERS_MAX {
                    trail.end_at_repetition(first_hop);
                    return Err(Why::Loop(at));
                }
                self.passes(state, at, row, packet, sort, trail)?;
            }
            let masqueraded = packet.source.filter(|source| !begins && self.masquerades(row, *source, packet.to));
            if let (Some(source), Sort::Answer) = (masqueraded, sort)
                && !trail.passed(at)
            {
                return Err(Why::AnswerHidden(at, source));
            }
            let hides = !begins && (led_by.is_some() || sort == Sort::First && masqueraded.is_some());
            match way {
                None => return Err(Why::NoRoute(at, packet.to)),
                Some(Way::Tunnel(service, peer)) => {
                    let source = packet.source;
                    let (far, ours) = self.through(state, at, service, peer, packet, hides || led_by.is_some(), trail)?;
                    if let (true, Some(before)) = (hides, source) {
                        trail.hidden.push((at, before));
                        trail.step(at, Step::Hides(ours));
                    }
                    trail.step(at, Step::Tunnels(service));
                    at = far;
                }
                Some(Way::Out(slot)) => {
                    let Some(adapter) = row.adapters.get(slot) else { return Err(Why::NoRoute(at, packet.to)) };
                    self.leave(state, (at, slot), row, adapter, packet, hides, trail)?;
                    return Ok(Arrival::Outside(at));
                }
                Some(Way::Adapter(slot, next)) => {
                    let Some(adapter) = row.adapters.get(slot) else { return Err(Why::NoRoute(at, packet.to)) };
                    self.source(at, adapter, packet, hides, trail);
                    match self.neighbour(state, (at, slot), adapter, next, trail)? {
                        Some(machine) => {
                            trail.step(at, Step::Sends(adapter.network, next));
                            at = machine;
                        }
                        None if packet.to == next => return Ok(Arrival::Host(at)),
                        None => {
                            self.leave(state, (at, slot), row, adapter, packet, hides, trail)?;
                            return Ok(Arrival::Outside(at));
                        }
                    }
                }
            }
            begins = false;
        }
    }

    /// Whether an address is the machine's own now.
    fn is_local(&self, state: &impl State, at: MachineNo, row: &MachineRow, to: Ipv4Addr) -> bool {
        to.is_loopback()
            || row.adapters.iter().any(|adapter| adapter.address.is_some_and(|net| net.addr() == to))
            || state.holders(to).iter().any(|(holder, _)| *holder == at)
    }

    /// The source of a packet to an address of the machine's own. A VIP is a second address of its adapter, and the kernel sends from
    /// the first one (`ip route show table local`).
    fn local_source(&self, row: &MachineRow, to: Ipv4Addr) -> Ipv4Addr {
        if to.is_loopback() {
            return Ipv4Addr::LOCALHOST;
        }
        let own: Vec<_> = row.adapters.iter().filter_map(|adapter| adapter.address).filter(|net| net.contains(&to)).collect();
        let source = if own.iter().any(|net| net.addr() == to) { to } else { own.first().map_or(to, |net| net.addr()) };
        if self.masquerades(row, source, to) { first_address(row).unwrap_or(source) } else { source }
    }

    /// Chooses a packet's source, or hides it behind the machine's own address.
    fn source(&self, at: MachineNo, adapter: &AdapterRow, packet: &mut Packet, hides: bool, trail: &mut Trail) {
        let Some(own) = adapter.address.map(|net| net.addr()) else { return };
        match packet.source {
            None => packet.source = Some(own),
            Some(before) if hides => {
                packet.source = Some(own);
                trail.hidden.push((at, before));
                trail.step(at, Step::Hides(own));
            }
            Some(_) => {}
        }
    }

    /// The machine that has an address on a network; `None`: the host, or the provider's gateway.
    fn neighbour(
        &self,
        state: &impl State,
        (at, slot): (MachineNo, usize),
        adapter: &AdapterRow,
        next: Ipv4Addr,
        trail: &mut Trail,
    ) -> Result<Option<MachineNo>, Why> {
        let network = adapter.network;
        let link = state.link(at, slot);
        if !link.connected {
            return Err(Why::LinkDown(at, network));
        }
        let Some(row) = self.network(network) else { return Err(Why::NobodyThere(network, next)) };
        let mut why = Why::NobodyThere(network, next);
        for (machine, on) in self.owners(next).iter().chain(state.holders(next)) {
            if *machine == at || *on != network || !row.kind.joins_nodes() {
                continue;
            }
            let Some(there) = self.slot_on(*machine, network, next) else { continue };
            if !state.is_on(*machine) {
                why = Why::MachineOff(*machine);
                continue;
            }
            let far = state.link(*machine, there);
            if !far.connected {
                why = Why::LinkDown(*machine, network);
                continue;
            }
            trail.crossings += 1;
            trail.leave(link, (at, network));
            trail.enter(far, (*machine, network));
            trail.drop_between(state, at, *machine);
            return Ok(Some(*machine));
        }
        if row.host() == Some(next) {
            return Ok(None);
        }
        Err(why)
    }

    /// The slot in which a machine is on a network: the one with this address, else the first.
    fn slot_on(&self, machine: MachineNo, network: NetworkNo, address: Ipv4Addr) -> Option<usize> {
        let adapters = &self.machine(machine)?.adapters;
        let exact =
            adapters.iter().position(|adapter| adapter.network == network && adapter.address.is_some_and(|net| net.addr() == address));
        exact.or_else(|| adapters.iter().position(|adapter| adapter.network == network))
    }

    /// A packet leaves the lab. What does not come from the machine itself has to be hidden, or no answer finds back.
    #[expect(clippy::too_many_arguments, reason = "a packet, where it is, and what it leaves behind")]
    fn leave(
        &self,
        state: &impl State,
        (at, slot): (MachineNo, usize),
        row: &MachineRow,
        adapter: &AdapterRow,
        packet: &mut Packet,
        hides: bool,
        trail: &mut Trail,
    ) -> Result<(), Why> {
        let link = state.link(at, slot);
        if !link.connected {
            return Err(Why::LinkDown(at, adapter.network));
        }
        let leads_out = self.network(adapter.network).is_some_and(|network| network.kind.reaches_internet());
        if !leads_out {
            return Err(Why::NoRoute(at, packet.to));
        }
        trail.crossings += 1;
        trail.leave(link, (at, adapter.network));
        let own = adapter.address.map(|net| net.addr());
        match (packet.source, own) {
            (None, _) => packet.source = own,
            (Some(before), Some(own)) if before != own => {
                if !hides && !self.hides(row, before) {
                    return Err(Why::NotHidden(at));
                }
                trail.hidden.push((at, before));
                trail.step(at, Step::Hides(own));
                packet.source = Some(own);
            }
            _ => {}
        }
        trail.step(at, Step::Leaves(adapter.network));
        Ok(())
    }
}

/// What masquerading takes where a packet leaves by an interface without an address of its own.
pub(super) fn first_address(row: &MachineRow) -> Option<Ipv4Addr> {
    row.adapters.iter().find_map(|adapter| adapter.address).map(|net| net.addr())
}

fn blank(trail: Trail) -> Trip {
    Trip {
        outcome: Outcome::TimedOut,
        service: None,
        forward: false,
        backward: false,
        hops: trail.hops,
        why: None,
        source: None,
        machine: None,
        crossings: trail.crossings,
        delay_us: trail.delay_us,
        there_us: trail.there_us,
        loss_percent: trail.loss_percent,
    }
}

pub(super) fn failed(trail: Trail, why: Why) -> Trip {
    Trip { outcome: why.outcome(), why: Some(why), ..blank(trail) }
}
