//! What is set up: the part of the specifications that decides who reaches whom, ready to be asked.
//!
//! Kept up to date machine by machine and service by service, so that a large deployment costs no more for it.

use super::{MachineNo, NetworkNo, ServiceNo};
use crate::{
    catalog::{Behaviour, Entry, ForwardRule},
    model::{
        Family, Forward, Hosts, Ipv4Net, MachineSpec, NetworkKind, NetworkSpec, Relation, ServiceRef, ServiceSpec, Value, resolve_host,
    },
};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4},
};

/// An adapter as it is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterRow {
    /// The network it is plugged into.
    pub network: NetworkNo,
    /// Its address, static or from DHCP; `None`: not set up, or nobody gives it one.
    pub address: Option<Ipv4Net>,
    /// Whether the address is static: a gateway's rules know no other.
    pub is_static: bool,
    /// Ports of the host that lead here.
    pub forwards: Vec<Forward>,
}

/// A network.
#[derive(Debug, Clone)]
pub(super) struct NetworkRow {
    pub(super) kind: NetworkKind,
    pub(super) subnet: Option<Ipv4Net>,
}

impl NetworkRow {
    /// The address of the host or of the provider's gateway on it: by custom the subnet's first.
    pub(super) fn host(&self) -> Option<Ipv4Addr> {
        match self.kind {
            NetworkKind::Nat => Some(super::NAT_HOST),
            NetworkKind::HostOnly | NetworkKind::NatNetwork | NetworkKind::Bridged => self.subnet?.hosts().next(),
            NetworkKind::Internal => None,
        }
    }
}

/// A route of a machine, as it is written to one of its adapters.
#[derive(Debug, Clone, Copy)]
pub(super) struct RouteRow {
    pub(super) to: Ipv4Net,
    pub(super) through: Ipv4Addr,
    /// The adapter that it is written to; `None`: no adapter leads to the next hop.
    pub(super) slot: Option<usize>,
}

/// A machine.
#[derive(Debug, Clone, Default)]
pub(super) struct MachineRow {
    pub(super) adapters: Vec<AdapterRow>,
    pub(super) routes: Vec<RouteRow>,
    pub(super) hosts: Hosts,
    /// Whether its firewall drops what nothing opens.
    pub(super) is_filtered: bool,
    pub(super) services: Vec<ServiceNo>,
    pub(super) routers: Vec<ServiceNo>,
    pub(super) tunnels: Vec<ServiceNo>,
    pub(super) leaders: Vec<ServiceNo>,
}

impl MachineRow {
    /// Its subnets, as a gateway's rules have them.
    pub(super) fn drawn_subnets(&self) -> impl Iterator<Item = Ipv4Net> {
        self.adapters.iter().filter(|adapter| adapter.is_static).filter_map(|adapter| Some(adapter.address?.trunc()))
    }

    /// The subnets that it reaches through others, without the default route.
    pub(super) fn far(&self) -> impl Iterator<Item = Ipv4Net> {
        self.routes.iter().map(|route| route.to).filter(|to| to.prefix_len() > 0)
    }
}

/// A port that a service opens in its node's firewall.
#[derive(Debug, Clone)]
pub(super) struct Opening {
    pub(super) port: u16,
    /// `None`: at every address.
    pub(super) at: Option<Vec<Ipv4Addr>>,
}

/// The other end of a tunnel.
#[derive(Debug, Clone)]
pub(super) struct PeerRow {
    pub(super) at: ServiceRef,
    pub(super) address: SocketAddrV4,
    pub(super) behind: Vec<Ipv4Net>,
}

/// What a service does beside listening.
#[derive(Debug, Clone)]
pub(super) enum Job {
    Listens,
    Routes { networks: Vec<Ipv4Net>, hides: bool },
    Tunnels { at: ServiceRef, port: u16, peers: Vec<PeerRow> },
    Leads { rules: Vec<(u16, SocketAddrV4)> },
}

/// A service.
#[derive(Debug, Clone)]
pub(super) struct ServiceRow {
    pub(super) machine: MachineNo,
    pub(super) listening: Vec<SocketAddrV4>,
    pub(super) openings: Vec<Opening>,
    /// `None`: everyone.
    pub(super) allow: Option<Vec<Ipv4Net>>,
    pub(super) job: Job,
}

/// All that is set up of a lab. Its owner numbers machines, networks and services, densely.
#[derive(Debug, Clone, Default)]
pub struct Map {
    machines: Vec<Option<MachineRow>>,
    networks: Vec<Option<NetworkRow>>,
    services: Vec<Option<ServiceRow>>,
    /// Machines with this address on a network that joins nodes, in their order.
    by_address: BTreeMap<Ipv4Addr, Vec<(MachineNo, NetworkNo)>>,
    tunnels: BTreeMap<ServiceRef, ServiceNo>,
    /// Services that forward ports.
    leaders: Vec<ServiceNo>,
}

fn put<T>(rows: &mut Vec<Option<T>>, place: usize, row: Option<T>) {
    if rows.len() <= place {
        rows.resize_with(place + 1, || None);
    }
    if let Some(there) = rows.get_mut(place) {
        *there = row;
    }
}

impl Map {
    /// Sets or removes a network. The machines on it are set after it.
    pub fn set_network(&mut self, network: NetworkNo, spec: Option<&NetworkSpec>) {
        put(&mut self.networks, network.place(), spec.map(|spec| NetworkRow { kind: spec.kind, subnet: spec.subnet }));
    }

    /// Sets or removes a machine. Its services stay where it is only changed.
    pub fn set_machine(&mut self, machine: MachineNo, spec: Option<&MachineSpec>, adapters: Vec<AdapterRow>) {
        let before = self.machines.get_mut(machine.place()).and_then(Option::take);
        for address in before.iter().flat_map(|row| &row.adapters).filter_map(|adapter| adapter.address) {
            if let Some(owners) = self.by_address.get_mut(&address.addr()) {
                owners.retain(|(other, _)| *other != machine);
                if owners.is_empty() {
                    self.by_address.remove(&address.addr());
                }
            }
        }
        let Some(spec) = spec else {
            for service in before.into_iter().flat_map(|row| row.services) {
                self.forget_service(service);
            }
            return put(&mut self.machines, machine.place(), None);
        };
        for adapter in &adapters {
            let joins = self.network(adapter.network).is_some_and(|network| network.kind.joins_nodes());
            let Some(address) = adapter.address.filter(|_| joins) else { continue };
            let owners = self.by_address.entry(address.addr()).or_default();
            let place = owners.partition_point(|(other, _)| *other <= machine);
            owners.insert(place, (machine, adapter.network));
        }
        let row = MachineRow {
            adapters,
            routes: spec.routes.iter().map(|route| RouteRow { to: route.to, through: route.through, slot: spec.slot_of(route) }).collect(),
            hosts: spec.hosts.clone(),
            is_filtered: spec.image.as_ref().is_none_or(|image| image.family != Family::Other),
            ..before.unwrap_or_default()
        };
        put(&mut self.machines, machine.place(), Some(row));
    }

    /// Sets a service of a machine that is set, or removes it.
    pub fn set_service(&mut self, service: ServiceNo, machine: MachineNo, at: &ServiceRef, set_up: Option<(&ServiceSpec, Option<&Entry>)>) {
        self.forget_service(service);
        let Some((spec, entry)) = set_up else { return };
        let job = job(at, spec, entry);
        let Some(row) = self.machines.get_mut(machine.place()).and_then(Option::as_mut) else { return };
        row.services.push(service);
        row.services.sort_unstable();
        match &job {
            Job::Listens => {}
            Job::Routes { .. } => row.routers.push(service),
            Job::Tunnels { .. } => {
                row.tunnels.push(service);
                self.tunnels.insert(at.clone(), service);
            }
            Job::Leads { .. } => {
                row.leaders.push(service);
                self.leaders.push(service);
                self.leaders.sort_unstable();
            }
        }
        let sockets = sockets(spec, entry);
        let allow = spec.allow.as_ref().map(|nets| nets.iter().copied().collect());
        let row = ServiceRow { machine, listening: sockets.0, openings: sockets.1, allow, job };
        put(&mut self.services, service.place(), Some(row));
    }

    fn forget_service(&mut self, service: ServiceNo) {
        let Some(row) = self.services.get_mut(service.place()).and_then(Option::take) else { return };
        if let Job::Tunnels { at, .. } = &row.job {
            self.tunnels.retain(|other, number| other != at || *number != service);
        }
        self.leaders.retain(|other| *other != service);
        if let Some(machine) = self.machines.get_mut(row.machine.place()).and_then(Option::as_mut) {
            for list in [&mut machine.services, &mut machine.routers, &mut machine.tunnels, &mut machine.leaders] {
                list.retain(|other| *other != service);
            }
        }
    }

    /// Where a service listens: the sockets that it really has.
    pub fn listening(&self, service: ServiceNo) -> &[SocketAddrV4] {
        self.service(service).map(|row| row.listening.as_slice()).unwrap_or_default()
    }

    /// The address that a machine's `/etc/hosts` gives for a name: the first one.
    pub fn resolve(&self, machine: MachineNo, name: &str) -> Option<Ipv4Addr> {
        resolve_host(&self.machine(machine)?.hosts, name)
    }

    /// The addresses of a machine, with their networks, in slot order.
    pub fn addresses(&self, machine: MachineNo) -> impl Iterator<Item = (NetworkNo, Ipv4Net)> {
        let adapters = self.machine(machine).map(|row| row.adapters.as_slice()).unwrap_or_default();
        adapters.iter().filter_map(|adapter| Some((adapter.network, adapter.address?)))
    }

    pub(super) fn network(&self, network: NetworkNo) -> Option<&NetworkRow> {
        self.networks.get(network.place())?.as_ref()
    }

    pub(super) fn machine(&self, machine: MachineNo) -> Option<&MachineRow> {
        self.machines.get(machine.place())?.as_ref()
    }

    pub(super) fn service(&self, service: ServiceNo) -> Option<&ServiceRow> {
        self.services.get(service.place())?.as_ref()
    }

    pub(super) fn tunnel(&self, at: &ServiceRef) -> Option<ServiceNo> {
        self.tunnels.get(at).copied()
    }

    pub(super) fn owners(&self, address: Ipv4Addr) -> &[(MachineNo, NetworkNo)] {
        self.by_address.get(&address).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn leaders(&self) -> &[ServiceNo] {
        &self.leaders
    }
}

fn texts<'a>(spec: &'a ServiceSpec, setting: &str) -> &'a [String] {
    match spec.settings.get(setting) {
        Some(Value::List(texts)) => texts,
        _ => &[],
    }
}

fn job(at: &ServiceRef, spec: &ServiceSpec, entry: Option<&Entry>) -> Job {
    match entry.map(|entry| entry.behaviour) {
        Some(Behaviour::Router) => Job::Routes {
            networks: texts(spec, "networks").iter().filter_map(|text| text.parse().ok()).collect(),
            hides: spec.settings.get("masquerade") != Some(&Value::Bool(false)),
        },
        Some(Behaviour::Tunnel) => {
            let port = spec.listen.values().flatten().next().map_or(0, SocketAddrV4::port);
            let members = spec.peers.iter().filter(|peer| peer.relation == Relation::Member);
            let peer = |peer: &crate::model::PeerSpec| PeerRow { at: peer.at.clone(), address: peer.address, behind: peer.behind.clone() };
            Job::Tunnels { at: at.clone(), port, peers: members.map(peer).collect() }
        }
        Some(Behaviour::PortForward) => {
            let rules = texts(spec, "rules").iter().filter_map(|text| text.parse::<ForwardRule>().ok());
            let led = rules.filter_map(|rule| {
                let peer = spec.peers.iter().find(|peer| peer.at == rule.to && peer.address.port() > 0)?;
                Some((rule.port, peer.address))
            });
            Job::Leads { rules: led.collect() }
        }
        _ => Job::Listens,
    }
}

/// Where a service listens, and what it opens. A kind that the catalog does not have does both where its specification says.
fn sockets(spec: &ServiceSpec, entry: Option<&Entry>) -> (Vec<SocketAddrV4>, Vec<Opening>) {
    let (listening, opened): (Vec<SocketAddrV4>, Vec<&[SocketAddrV4]>) = match entry {
        Some(entry) => (entry.listening(spec).map(|(_, at)| at).collect(), entry.opened(spec).map(|(_, all)| all).collect()),
        None => (spec.listen.values().flatten().copied().collect(), spec.listen.values().map(Vec::as_slice).collect()),
    };
    let mut openings: Vec<Opening> = Vec::new();
    for at in opened.into_iter().flatten().filter(|at| !at.ip().is_loopback()) {
        let place = openings.iter().position(|opening| opening.port == at.port());
        match place.and_then(|place| openings.get_mut(place)) {
            Some(Opening { at: all, .. }) if at.ip().is_unspecified() => *all = None,
            Some(Opening { at: Some(all), .. }) => all.push(*at.ip()),
            Some(_) => {}
            None => openings.push(Opening { port: at.port(), at: (!at.ip().is_unspecified()).then(|| vec![*at.ip()]) }),
        }
    }
    (listening, openings)
}
