//! Who reaches whom now: what is set up, as `reach` has it, and the state of this moment.
//!
//! It answers for this moment and changes nothing. Which way a packet takes is decided by `reach` alone.

use super::{
    event::{Cause, Why},
    machine::{Card, Machine},
    table::{Id, MachineId, Named, NetworkId, ServiceId},
    ways::{Call, Ways},
    world::World,
};
use crate::{
    catalog::{Behaviour, Catalog},
    model::{Ipv4Net, NetworkName, NetworkSpec},
    reach::{self, AdapterRow, INTERNET, Link, MachineNo, Map, NetworkNo, Outcome, ServiceNo, State, Step, Trip},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4},
    sync::OnceLock,
};

/// What a packet and its answer take between two nodes of one network, in microseconds.
const ROUND_TRIP_US: u64 = 300;
/// The same within a node.
const LOCAL_TRIP_US: u64 = 50;

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

/// Who holds which address, by the numbers of machine and network.
type Held = BTreeMap<Ipv4Addr, Vec<(MachineNo, NetworkNo)>>;

/// What is set up, kept up to date machine by machine and service by service, and who holds what.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Owners {
    /// Built from the rest at the first question: a world that was read from a file has none.
    #[serde(skip)]
    map: OnceLock<Map>,
    /// Holders of a VIP's address, the one that announced it last first; likewise.
    #[serde(skip)]
    held: OnceLock<Held>,
    #[serde(skip)]
    pub(super) ways: Ways,
    /// Pairs of machines between which packets of the first to the second are dropped, sorted.
    pub(super) dropped: Vec<(MachineId, MachineId)>,
}

impl Owners {
    pub(super) fn is_sound(&self, has_machine: impl Fn(MachineId) -> bool) -> bool {
        self.dropped.iter().all(|(one, other)| has_machine(*one) && has_machine(*other))
    }
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Caller {
    /// Everybody beyond the lab, through the host.
    Outside,
    /// A machine.
    Machine(MachineId),
}

/// The way to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    /// Whose address it is; `None`: it leads out of the lab.
    pub(super) machine: Option<MachineId>,
    /// What a packet and its answer take, in microseconds.
    pub(super) round_trip_us: u64,
    /// What the packet takes of that, in microseconds.
    pub(super) there_us: u64,
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
    Open { service: ServiceId, port: u16, round_trip_us: u64, loss_percent: u8 },
    /// An answer at once: nobody listens.
    Refused(Why),
    /// An answer at once: there is no route.
    Unreachable(Why),
    /// No answer at all.
    Silent(Why),
}

/// What a call comes to, and whether its packets arrive and those of the answer come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) dial: Dial,
    pub(super) forward: bool,
    pub(super) backward: bool,
}

/// The adapters of a machine, as they are set up.
fn adapters(row: &Machine) -> Vec<AdapterRow> {
    let drawn = row.spec.as_ref().map(|spec| spec.adapters.as_slice()).unwrap_or_default();
    let adapters = row.cards.iter().zip(drawn).map(|(card, adapter)| AdapterRow {
        network: network_no(card.network),
        address: card.address,
        is_static: adapter.address.is_some(),
        forwards: adapter.forwards.clone(),
    });
    adapters.collect()
}

fn machine_no(machine: MachineId) -> MachineNo {
    MachineNo::at(machine.place())
}

fn network_no(network: NetworkId) -> NetworkNo {
    NetworkNo::at(network.place())
}

fn service_no(service: ServiceId) -> ServiceNo {
    ServiceNo::at(service.place())
}

fn id<I: Id>(place: usize) -> I {
    I::new(u32::try_from(place).unwrap_or(u32::MAX))
}

impl State for World {
    fn is_on(&self, machine: MachineNo) -> bool {
        self.machines[id::<MachineId>(machine.place())].is_alive()
    }

    fn link(&self, machine: MachineNo, slot: usize) -> Link {
        let card = self.machines[id::<MachineId>(machine.place())].cards.get(slot);
        card.map_or(Link { connected: false, ..Link::GOOD }, Card::link)
    }

    fn runs(&self, service: ServiceNo) -> bool {
        let service: ServiceId = id(service.place());
        match self.works(service) {
            Ok(()) => true,
            // It holds its sockets, and answers nothing useful.
            Err(Cause::Hung | Cause::DiskFull) => {
                !matches!(self.services[service].behaviour, Behaviour::Router | Behaviour::Tunnel | Behaviour::PortForward)
            }
            Err(_) => false,
        }
    }

    fn blocks(&self, service: ServiceNo) -> bool {
        self.services[id::<ServiceId>(service.place())].blocked
    }

    fn is_dropped(&self, from: MachineNo, to: MachineNo) -> bool {
        let pair: (MachineId, MachineId) = (id(from.place()), id(to.place()));
        self.owners.dropped.binary_search(&pair).is_ok()
    }

    fn lookups_blocked(&self, machine: MachineNo) -> bool {
        self.machines[id::<MachineId>(machine.place())].strain.no_lookups
    }

    fn holders(&self, address: Ipv4Addr) -> &[(MachineNo, NetworkNo)] {
        self.owners.held.get_or_init(|| self.find_holders()).get(&address).map(Vec::as_slice).unwrap_or_default()
    }
}

impl World {
    /// What is set up.
    fn map(&self) -> &Map {
        self.owners.map.get_or_init(|| {
            let mut map = Map::default();
            for (network, row) in self.networks.iter() {
                map.set_network(network_no(network), row.spec.as_ref());
            }
            for (machine, row) in self.machines.iter() {
                map.set_machine(machine_no(machine), row.spec.as_ref(), adapters(row));
            }
            for (service, row) in self.services.iter() {
                let set_up = row.spec.as_ref().map(|spec| (spec, Catalog::embedded().get(&spec.kind)));
                map.set_service(service_no(service), machine_no(row.machine), &self.reference(service), set_up);
            }
            map
        })
    }

    /// Updates the index after a network was made, changed or removed.
    pub(super) fn update_network(&mut self, network: NetworkId) {
        self.owners.ways.forget();
        let Some(map) = self.owners.map.get_mut() else { return };
        map.set_network(network_no(network), self.networks[network].spec.as_ref());
        let on_it = self.machines.iter().filter(|(_, row)| row.cards.iter().any(|card| card.network == network));
        for machine in on_it.map(|(machine, _)| machine).collect::<Vec<_>>() {
            self.update_owner(machine);
        }
    }

    /// Updates the index after a machine's addresses, routes or forwards may have changed.
    pub(super) fn update_owner(&mut self, machine: MachineId) {
        self.owners.ways.forget();
        let row = &self.machines[machine];
        if let Some(map) = self.owners.map.get_mut() {
            map.set_machine(machine_no(machine), row.spec.as_ref(), adapters(row));
        }
    }

    /// Updates the index after a service was set up or removed.
    pub(super) fn update_service(&mut self, catalog: &Catalog, service: ServiceId) {
        self.owners.ways.forget();
        let row = &self.services[service];
        let at = self.reference(service);
        let set_up = row.spec.as_ref().map(|spec| (spec, catalog.get(&spec.kind)));
        if let Some(map) = self.owners.map.get_mut() {
            map.set_service(service_no(service), machine_no(row.machine), &at, set_up);
        }
    }

    /// Updates the index after a VIP may have moved.
    pub(super) fn update_holders(&mut self) {
        self.owners.ways.forget();
        self.owners.held = OnceLock::from(self.find_holders());
    }

    fn find_holders(&self) -> Held {
        let mut parts: Vec<_> = self.vips.iter().filter(|(id, _)| self.has_vip(*id)).map(|(_, part)| part).collect();
        // The others send to the holder that announced the address last.
        parts.sort_by_key(|part| (std::cmp::Reverse(part.announced_us), &self.machines[part.machine].name));
        let mut held = Held::new();
        for part in parts {
            let Some(spec) = &part.spec else { continue };
            if let Ok(network) = self.network_named(&spec.network) {
                held.entry(spec.address.addr()).or_default().push((machine_no(part.machine), network_no(network)));
            }
        }
        held
    }

    /// The way from a machine to an address, or out of the lab.
    pub(super) fn route(&self, from: MachineId, to: Ipv4Addr) -> Result<Route, Cause> {
        let trip = self.map().connect(self, machine_no(from), to, None);
        let arrives = trip.machine.is_some() || (to == INTERNET && trip.outcome == Outcome::Answered);
        if !arrives {
            return Err(trip.why.map_or(Cause::NoRoute, cause_of));
        }
        Ok(Route {
            machine: trip.machine.map(|machine| id(machine.place())),
            round_trip_us: round_trip_us(&trip),
            there_us: there_us(&trip),
            loss_percent: trip.loss_percent,
            forward: trip.forward,
            backward: trip.backward,
        })
    }

    /// The way from a machine out of the lab.
    pub(super) fn route_out(&self, from: MachineId) -> Result<Route, Cause> {
        self.route(from, INTERNET)
    }

    /// Calls an address and port.
    pub(super) fn dial(&self, caller: Caller, at: SocketAddrV4) -> Dial {
        self.attempt(caller, at).dial
    }

    /// Calls an address and port. From outside an address is reached if the host is on its network.
    pub(super) fn attempt(&self, caller: Caller, at: SocketAddrV4) -> Attempt {
        self.owners.ways.answer(Call::To(caller, at), || match caller {
            Caller::Machine(from) => self.attempted(&self.map().connect(self, machine_no(from), *at.ip(), Some(at.port())), at),
            Caller::Outside => match self.map().connect_from_outside_to(self, at) {
                Some(trip) => self.attempted(&trip, at),
                None => nowhere(Some(at)),
            },
        })
    }

    /// Calls a port of a machine from outside, by its way in.
    pub(super) fn attempt_from_outside(&self, machine: MachineId, port: u16) -> Attempt {
        self.owners.ways.answer(Call::In(machine, port), || match self.map().entrance(machine_no(machine), port) {
            Some(entrance) => self.attempted(&self.map().enter(self, entrance), entrance.at),
            None => nowhere(None),
        })
    }

    fn attempted(&self, trip: &Trip, at: SocketAddrV4) -> Attempt {
        let why = |cause: Cause| Why { at: Some(at), ..cause.into() };
        let cause = trip.why.map_or(Cause::NoRoute, cause_of);
        let dial = match (trip.outcome, trip.service) {
            (Outcome::Answered, Some(service)) => {
                let service: ServiceId = id(service.place());
                let led = trip.hops.iter().rev().find_map(|hop| if let Step::Leads(_, to) = hop.step { Some(to.port()) } else { None });
                let port = led.unwrap_or(at.port());
                if trip.crossings > 0 && self.services[service].expired && self.shows_certificate(service, port) {
                    Dial::Refused(why(Cause::Expired))
                } else {
                    Dial::Open { service, port, round_trip_us: round_trip_us(trip), loss_percent: trip.loss_percent }
                }
            }
            (Outcome::Refused, _) => Dial::Refused(why(cause)),
            (Outcome::Unreachable, _) => Dial::Unreachable(why(cause)),
            (Outcome::Answered | Outcome::TimedOut | Outcome::NameNotResolved, _) => Dial::Silent(why(cause)),
        };
        Attempt { dial, forward: trip.forward, backward: trip.backward }
    }

    /// Where a service really listens.
    pub(super) fn sockets(&self, service: ServiceId) -> &[SocketAddrV4] {
        self.map().listening(service_no(service))
    }

    /// The one address at which a service calls another, as its configuration has it: among its peers, or at the end of a flow.
    pub(super) fn address_of_peer(&self, from: ServiceId, to: ServiceId) -> Option<Ipv4Addr> {
        let spec = self.services[from].spec.as_ref()?;
        let row = &self.services[to];
        let node = &self.machines[row.machine].name;
        let peer = spec.peers.iter().find(|peer| peer.at.service == row.name && peer.at.node == *node).map(|peer| *peer.address.ip());
        peer.or_else(|| {
            let of = |text: &str| text.split_once('/').is_some_and(|(there, name)| *there == **node && *name == *row.name);
            spec.upstreams.iter().find(|upstream| of(&upstream.to)).map(|upstream| *upstream.at.ip())
        })
    }

    /// Whether a member of a cluster reaches the port at which another is called by members.
    pub(super) fn calls_member(&self, from: ServiceId, to: ServiceId) -> bool {
        let port = self.services[to].cluster_port.as_deref().unwrap_or_default();
        let number = self.services[to].spec.as_ref().and_then(|spec| spec.listen.get(port)?.first()).map(SocketAddrV4::port);
        let Some((address, number)) = self.address_of_peer(from, to).zip(number) else { return false };
        let caller = Caller::Machine(self.services[from].machine);
        matches!(self.dial(caller, SocketAddrV4::new(address, number)), Dial::Open { service, .. } if service == to)
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

fn round_trip_us(trip: &Trip) -> u64 {
    if trip.crossings == 0 { LOCAL_TRIP_US } else { u64::from(trip.crossings) * ROUND_TRIP_US + trip.delay_us }
}

fn there_us(trip: &Trip) -> u64 {
    (round_trip_us(trip) - trip.delay_us.min(round_trip_us(trip))) / 2 + trip.there_us
}

fn nowhere(at: Option<SocketAddrV4>) -> Attempt {
    Attempt { dial: Dial::Unreachable(Why { at, ..Cause::NoEntrance.into() }), forward: false, backward: false }
}

/// What the simulator says where a packet does not get through. `explain` names the node and the address as well.
fn cause_of(why: reach::Why) -> Cause {
    match why {
        reach::Why::MachineOff(_) => Cause::MachineOff,
        reach::Why::Filtered(..) => Cause::Filtered,
        reach::Why::NotAllowed(..) => Cause::NotAllowed,
        reach::Why::Blocked(_) | reach::Why::Dropped(..) => Cause::Dropped,
        reach::Why::LookupsBlocked(_) => Cause::NoLookups,
        reach::Why::Lost(..) => Cause::PacketsLost,
        reach::Why::Stopped(_) | reach::Why::NothingListens(..) => Cause::Refused,
        reach::Why::NoRoute(..) => Cause::NoRoute,
        reach::Why::LoopbackOnly(..) => Cause::LoopbackOnly,
        reach::Why::LinkDown(..) => Cause::LinkDown,
        reach::Why::NobodyThere(..) => Cause::NobodyThere,
        reach::Why::NotRouting(_) => Cause::NotRouting,
        reach::Why::RouterStopped(_) => Cause::GatewayStopped,
        reach::Why::NotRouted(..) => Cause::NotRouted,
        reach::Why::NotHidden(_) | reach::Why::AnswerHidden(..) => Cause::NoWayBack,
        reach::Why::TunnelStopped(_) | reach::Why::NoPeer(_) => Cause::TunnelDown,
        reach::Why::NotFromThere(..) | reach::Why::OtherWayBack(..) => Cause::NotTunnelled,
        reach::Why::Loop(_) | reach::Why::OwnSource(_) => Cause::Loop,
        reach::Why::NoEntrance(_) => Cause::NoEntrance,
    }
}
