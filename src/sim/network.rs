//! Who reaches whom: links, subnets, routers, forwards, bound addresses and allow lists.
//!
//! It answers for this moment and changes nothing.

use super::{
    event::{Cause, Why},
    machine::Card,
    table::{Id, MachineId, Named, NetworkId, ServiceId},
    world::World,
};
use crate::{
    catalog::Behaviour,
    model::{Ipv4Net, NetworkName, NetworkSpec},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4},
};

/// What a packet and its answer take between two nodes of one network, in microseconds.
const ROUND_TRIP_US: u64 = 300;
/// Routers that a packet passes at most.
const ROUTERS_MAX: usize = 8;
/// The address that VirtualBox's NAT calls from when it forwards a port (manual, section 6.3.1).
const NAT_HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);

/// A network. A removed one keeps its row, without a specification.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Net {
    pub(super) name: NetworkName,
    pub(super) spec: Option<NetworkSpec>,
}

impl Named for Net {
    fn name(&self) -> &str {
        self.name.as_str()
    }
}

/// Who has which address, and who is on which network; kept up to date machine by machine.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Owners {
    /// Machines with this address of their own, in the order in which they were made.
    by_address: BTreeMap<Ipv4Addr, Vec<(MachineId, NetworkId)>>,
    /// The addresses under which `by_address` has a machine.
    #[serde(default)]
    of_machine: BTreeMap<MachineId, Vec<Ipv4Addr>>,
    /// Holders of a VIP's address, the one that announced it last first.
    #[serde(default)]
    held: BTreeMap<Ipv4Addr, Vec<(MachineId, NetworkId)>>,
    /// Machines that forward packets, with the networks that they are on, in the order in which they were made.
    routers: Vec<(MachineId, Vec<NetworkId>)>,
    /// Pairs of machines between which packets of the first to the second are dropped, sorted.
    pub(super) dropped: Vec<(MachineId, MachineId)>,
}

impl Owners {
    pub(super) fn is_sound(&self, has_machine: impl Fn(MachineId) -> bool, has_network: impl Fn(NetworkId) -> bool) -> bool {
        let owners = self.by_address.values().chain(self.held.values()).flatten();
        owners.into_iter().all(|(machine, network)| has_machine(*machine) && has_network(*network))
            && self.of_machine.keys().all(|machine| has_machine(*machine))
            && self.routers.iter().all(|(machine, networks)| has_machine(*machine) && networks.iter().all(|network| has_network(*network)))
            && self.dropped.iter().all(|(one, other)| has_machine(*one) && has_machine(*other))
    }
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Caller {
    /// Everybody beyond the lab, through the host.
    Outside,
    /// A machine.
    Machine(MachineId),
}

/// The way to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    /// Whose address it is.
    pub(super) machine: MachineId,
    /// The caller's own address on that way.
    pub(super) source: Option<Ipv4Addr>,
    /// What a packet and its answer take, in microseconds.
    pub(super) round_trip_us: u64,
    /// The part of the packets that is lost one way, in percent.
    pub(super) loss_percent: u8,
    /// Whether packets arrive.
    pub(super) forward: bool,
    /// Whether answers come back.
    pub(super) backward: bool,
}

/// What a call comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dial {
    /// The service's machine takes the connection.
    Open { service: ServiceId, round_trip_us: u64, loss_percent: u8 },
    /// An answer at once: nobody listens.
    Refused(Why),
    /// No answer at all.
    Silent(Why),
}

impl World {
    /// Builds the index of addresses from nothing.
    pub(crate) fn rebuild_owners(&mut self) {
        self.owners = Owners { dropped: std::mem::take(&mut self.owners.dropped), ..Owners::default() };
        for machine in self.machines.ids().collect::<Vec<_>>() {
            self.update_owner(machine);
        }
        self.update_holders();
    }

    /// Updates the index after a machine's addresses, or whether it forwards packets, may have changed.
    pub(super) fn update_owner(&mut self, machine: MachineId) {
        for address in self.owners.of_machine.remove(&machine).unwrap_or_default() {
            if let Some(owners) = self.owners.by_address.get_mut(&address) {
                owners.retain(|(other, _)| *other != machine);
                if owners.is_empty() {
                    self.owners.by_address.remove(&address);
                }
            }
        }
        let place = self.owners.routers.binary_search_by_key(&machine, |(router, _)| *router);
        if let Ok(place) = place {
            self.owners.routers.remove(place);
        }
        let row = &self.machines[machine];
        if row.spec.is_none() {
            return;
        }
        for card in &row.cards {
            let Some(net) = card.address else { continue };
            let owners = self.owners.by_address.entry(net.addr()).or_default();
            let place = owners.partition_point(|(other, _)| *other <= machine);
            owners.insert(place, (machine, card.network));
            self.owners.of_machine.entry(machine).or_default().push(net.addr());
        }
        let forwards = row.services.iter().any(|service| {
            let row = &self.services[*service];
            row.is_installed() && matches!(row.behaviour, Behaviour::Router | Behaviour::Tunnel | Behaviour::PortForward)
        });
        if forwards {
            let place = place.unwrap_or_else(|place| place);
            self.owners.routers.insert(place, (machine, row.cards.iter().map(|card| card.network).collect()));
        }
    }

    /// Updates the index after a VIP may have moved.
    pub(super) fn update_holders(&mut self) {
        let mut parts: Vec<_> = self.vips.iter().filter(|(id, _)| self.has_vip(*id)).map(|(_, part)| part).collect();
        // The others send to the holder that announced the address last.
        parts.sort_by_key(|part| std::cmp::Reverse(part.announced_us));
        let mut held: BTreeMap<Ipv4Addr, Vec<(MachineId, NetworkId)>> = BTreeMap::new();
        for part in parts {
            let Some(spec) = &part.spec else { continue };
            if let Ok(network) = self.network_named(&spec.network) {
                held.entry(spec.address.addr()).or_default().push((part.machine, network));
            }
        }
        self.owners.held = held;
    }

    /// Who has an address, and on which network: machines of their own first, then holders of a VIP.
    fn owners_of(&self, address: &Ipv4Addr) -> impl Iterator<Item = (MachineId, NetworkId)> {
        let own = self.owners.by_address.get(address).into_iter();
        own.chain(self.owners.held.get(address)).flatten().copied()
    }

    pub(super) fn is_dropped(&self, from: MachineId, to: MachineId) -> bool {
        self.owners.dropped.binary_search(&(from, to)).is_ok()
    }

    /// The way from a machine to an address; `None` where there is none, or nobody on it is there to answer.
    pub(super) fn route(&self, from: MachineId, to: Ipv4Addr) -> Result<Route, Cause> {
        let caller = &self.machines[from];
        if !caller.is_alive() {
            return Err(Cause::MachineOff);
        }
        if to.is_loopback() || self.owners_of(&to).any(|(machine, _)| machine == from) {
            let source = Some(to);
            return Ok(Route { machine: from, source, round_trip_us: 50, loss_percent: 0, forward: true, backward: true });
        }
        let Some((card, ours)) = self.card_towards(from, to) else {
            return self.route_over(from, to);
        };
        self.hop(from, card, to).map(|route| Route { source: Some(ours), ..route })
    }

    /// The adapter in whose subnet an address lies, and the machine's own address there.
    fn card_towards(&self, from: MachineId, to: Ipv4Addr) -> Option<(&Card, Ipv4Addr)> {
        self.machines[from].cards.iter().find_map(|card| {
            let net = card.address.filter(|net| net.contains(&to))?;
            let joins = self.networks[card.network].spec.as_ref().is_some_and(|spec| spec.kind.joins_nodes());
            joins.then_some((card, net.addr()))
        })
    }

    /// One step over one network, to whoever has the address there.
    fn hop(&self, from: MachineId, card: &Card, to: Ipv4Addr) -> Result<Route, Cause> {
        if !card.connected {
            return Err(Cause::NoRoute);
        }
        let mut why = Cause::NoRoute;
        for (machine, network) in self.owners_of(&to) {
            let there = self.machines[machine].cards.iter().find(|there| there.network == card.network && network == there.network);
            let Some(there) = there.filter(|_| machine != from) else { continue };
            if !self.machines[machine].is_alive() {
                why = Cause::MachineOff;
                continue;
            }
            if !there.connected {
                continue;
            }
            let (forward, backward) = (!self.is_dropped(from, machine), !self.is_dropped(machine, from));
            return Ok(Route {
                machine,
                source: None,
                round_trip_us: ROUND_TRIP_US + card.delay_us + there.delay_us,
                loss_percent: either(card.loss_percent, there.loss_percent),
                forward,
                backward,
            });
        }
        Err(why)
    }

    /// Over routers: breadth first, so the fewest of them.
    fn route_over(&self, from: MachineId, to: Ipv4Addr) -> Result<Route, Cause> {
        let start = Route { machine: from, source: None, round_trip_us: 0, loss_percent: 0, forward: true, backward: true };
        let mut reached: Vec<(MachineId, Route)> = vec![(from, start)];
        let mut next = 0;
        while let Some((at, so_far)) = reached.get(next).cloned() {
            next += 1;
            if at != from
                && let Some((card, _)) = self.card_towards(at, to)
                && let Ok(last) = self.hop(at, card, to)
            {
                let mut route = joined(&so_far, &last);
                route.forward &= !self.is_dropped(from, route.machine);
                route.backward &= !self.is_dropped(route.machine, from);
                return Ok(route);
            }
            if next > ROUTERS_MAX * 4 {
                break;
            }
            for (router, networks) in &self.owners.routers {
                if reached.iter().any(|(machine, _)| machine == router) || !self.forwards_packets(*router) {
                    continue;
                }
                let Some((step, ours)) = self.step_to(at, *router, networks) else { continue };
                let mut route = joined(&so_far, &step);
                route.source = so_far.source.or(Some(ours));
                reached.push((*router, route));
            }
        }
        Err(Cause::NoRoute)
    }

    /// A step from a machine to a router that shares a network with it.
    fn step_to(&self, at: MachineId, router: MachineId, networks: &[NetworkId]) -> Option<(Route, Ipv4Addr)> {
        self.machines[at].cards.iter().filter(|card| networks.contains(&card.network)).find_map(|card| {
            let ours = card.address?;
            let theirs = self.machines[router].cards.iter().find(|there| there.network == card.network)?.address?;
            let joins = self.networks[card.network].spec.as_ref().is_some_and(|spec| spec.kind.joins_nodes());
            let step = joins.then(|| self.hop(at, card, theirs.addr()).ok())??;
            (step.machine == router).then_some((step, ours.addr()))
        })
    }

    /// Whether a machine forwards packets now.
    fn forwards_packets(&self, machine: MachineId) -> bool {
        self.machines[machine].services.iter().any(|service| {
            matches!(self.services[*service].behaviour, Behaviour::Router | Behaviour::Tunnel) && self.works(*service).is_ok()
        })
    }

    /// Calls an address and port.
    pub(super) fn dial(&self, caller: Caller, at: SocketAddrV4) -> Dial {
        let why = |cause| Why { cause, at: Some(at) };
        let Caller::Machine(from) = caller else { return self.dial_from_outside(at) };
        let route = match self.route(from, *at.ip()) {
            Ok(route) => route,
            Err(cause) => return Dial::Silent(why(cause)),
        };
        if !route.forward || !route.backward || route.loss_percent >= 100 {
            return Dial::Silent(why(Cause::Dropped));
        }
        self.accept(&route, route.source, at)
    }

    /// From outside an address is reached if the host reaches its network.
    pub(super) fn dial_from_outside(&self, at: SocketAddrV4) -> Dial {
        let why = |cause| Why { cause, at: Some(at) };
        let mut cause = Cause::NoRoute;
        for (machine, network) in self.owners_of(at.ip()) {
            let spec = self.networks[network].spec.as_ref();
            if !spec.is_some_and(|spec| spec.kind.host_reaches()) {
                continue;
            }
            let source = spec.and_then(|spec| spec.subnet).and_then(|subnet| subnet.hosts().next());
            match self.outside_route(machine, network) {
                Ok(route) => return self.accept(&route, source, at),
                Err(found) => cause = found,
            }
        }
        Dial::Silent(why(cause))
    }

    /// The way from the host to a machine over one of its networks.
    fn outside_route(&self, machine: MachineId, network: NetworkId) -> Result<Route, Cause> {
        let row = &self.machines[machine];
        if !row.is_alive() {
            return Err(Cause::MachineOff);
        }
        let card = row.cards.iter().find(|card| card.network == network && card.connected).ok_or(Cause::NoRoute)?;
        if card.loss_percent >= 100 {
            return Err(Cause::Dropped);
        }
        Ok(Route {
            machine,
            source: None,
            round_trip_us: ROUND_TRIP_US + card.delay_us,
            loss_percent: card.loss_percent,
            forward: true,
            backward: true,
        })
    }

    /// Calls a service's port from outside: through a forward of the host, else at an address that the host reaches.
    pub(super) fn dial_service_from_outside(&self, machine: MachineId, port: u16) -> Dial {
        let row = &self.machines[machine];
        let adapters = row.spec.as_ref().map_or(&[][..], |spec| &spec.adapters);
        let mut silent = Dial::Silent(Why::from(Cause::NoRoute));
        for (card, adapter) in row.cards.iter().zip(adapters) {
            if adapter.forwards.iter().any(|forward| forward.to == port)
                && let Some(net) = card.address
            {
                let at = SocketAddrV4::new(net.addr(), port);
                match self.outside_route(machine, card.network) {
                    Ok(route) => match self.accept(&route, Some(NAT_HOST), at) {
                        open @ Dial::Open { .. } => return open,
                        other => silent = other,
                    },
                    Err(cause) => silent = Dial::Silent(Why { cause, at: Some(at) }),
                }
            }
        }
        for card in &row.cards {
            let reaches = self.networks[card.network].spec.as_ref().is_some_and(|spec| spec.kind.host_reaches());
            if let Some(net) = card.address.filter(|_| reaches) {
                match self.dial_from_outside(SocketAddrV4::new(net.addr(), port)) {
                    open @ Dial::Open { .. } => return open,
                    other => silent = other,
                }
            }
        }
        silent
    }

    /// What the machine at the end of a route does with a call: firewall first, then whoever listens.
    fn accept(&self, route: &Route, source: Option<Ipv4Addr>, at: SocketAddrV4) -> Dial {
        let why = |cause| Why { cause, at: Some(at) };
        let mut refused = Dial::Refused(why(Cause::Refused));
        for service in &self.machines[route.machine].services {
            let row = &self.services[*service];
            let Some(spec) = &row.spec else { continue };
            let bound = |listen: &SocketAddrV4| listen.port() == at.port() && (listen.ip().is_unspecified() || listen.ip() == at.ip());
            let listens = spec.listen.values().flatten().any(bound) || row.rules().any(|(port, _)| port == at.port());
            if !listens {
                continue;
            }
            let local = source == Some(*at.ip()) || at.ip().is_loopback();
            if !local && !is_allowed(spec.allow.as_ref(), source) {
                return Dial::Silent(why(Cause::NotAllowed));
            }
            if !local && row.blocked {
                return Dial::Silent(why(Cause::Dropped));
            }
            if !local && row.expired {
                return Dial::Refused(why(Cause::Expired));
            }
            match self.works(*service) {
                // Without room on its disk it still answers, though not with anything useful.
                Ok(()) | Err(Cause::Hung | Cause::DiskFull) => {
                    return Dial::Open { service: *service, round_trip_us: route.round_trip_us, loss_percent: route.loss_percent };
                }
                Err(cause) => refused = Dial::Refused(why(if cause == Cause::MachineOff { cause } else { Cause::Refused })),
            }
        }
        refused
    }

    /// The addresses at which a service can be called on one of its ports; where it listens everywhere, all of its
    /// machine's.
    pub(super) fn addresses_of(&self, service: ServiceId, port: &str) -> Vec<SocketAddrV4> {
        let row = &self.services[service];
        let Some(listen) = row.spec.as_ref().and_then(|spec| spec.listen.get(port)) else { return Vec::new() };
        let cards = &self.machines[row.machine].cards;
        let mut all = Vec::new();
        for at in listen {
            if at.ip().is_unspecified() {
                all.extend(cards.iter().filter_map(|card| card.address).map(|net| SocketAddrV4::new(net.addr(), at.port())));
            } else {
                all.push(*at);
            }
        }
        all
    }

    /// The static address of an adapter, or what a DHCP server would give it: the same each time.
    pub(super) fn leased(&self, machine: MachineId, network: NetworkId) -> Option<Ipv4Net> {
        let spec = self.networks[network].spec.as_ref()?;
        if !spec.kind.joins_nodes() {
            return Ipv4Net::new(crate::model::NAT_ADDRESS, 24).ok();
        }
        let (first, last) = spec.dhcp?;
        let before = u32::try_from(machine.place()).unwrap_or(0);
        let address = Ipv4Addr::from(u32::from(first).checked_add(before)?);
        let prefix = spec.subnet.map_or(24, |subnet| subnet.prefix_len());
        (address <= last).then(|| Ipv4Net::new(address, prefix).ok())?
    }
}

/// Two routes, one after the other.
fn joined(first: &Route, then: &Route) -> Route {
    Route {
        machine: then.machine,
        source: first.source,
        round_trip_us: first.round_trip_us + then.round_trip_us,
        loss_percent: either(first.loss_percent, then.loss_percent),
        forward: first.forward && then.forward,
        backward: first.backward && then.backward,
    }
}

/// The chance, in percent, that at least one of two losses happens.
fn either(one: u8, other: u8) -> u8 {
    let kept = (100 - u16::from(one.min(100))) * (100 - u16::from(other.min(100)));
    u8::try_from(100 - kept / 100).unwrap_or(100)
}

/// Whether a firewall lets a source in. Somebody whose address is not known comes from outside.
fn is_allowed(allow: Option<&std::collections::BTreeSet<Ipv4Net>>, source: Option<Ipv4Addr>) -> bool {
    let Some(allow) = allow else { return true };
    allow.iter().any(|net| net.prefix_len() == 0 || source.is_some_and(|source| net.contains(&source)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_add_up_as_chances() {
        for (one, other, both) in [(0, 0, 0), (20, 0, 20), (50, 50, 75), (100, 0, 100), (0, 100, 100)] {
            assert_eq!(either(one, other), both, "{one} {other}");
        }
    }

    #[test]
    fn a_firewall_lets_in_whom_it_names() {
        let list = |nets: &[&str]| nets.iter().map(|net| net.parse().unwrap()).collect::<std::collections::BTreeSet<Ipv4Net>>();
        let (here, far) = (Some(Ipv4Addr::new(10, 0, 0, 5)), Some(Ipv4Addr::new(10, 9, 0, 5)));
        assert!(is_allowed(None, here) && is_allowed(None, None));
        let some = list(&["10.0.0.0/24"]);
        assert!(is_allowed(Some(&some), here));
        assert!(!is_allowed(Some(&some), far) && !is_allowed(Some(&some), None));
        let all = list(&["0.0.0.0/0"]);
        assert!(is_allowed(Some(&all), far) && is_allowed(Some(&all), None));
        assert!(!is_allowed(Some(&list(&[])), here));
    }
}
