//! A lab as it is designed, or as it is seen to run, with the names of its parts.

use super::{AdapterRow, AsDesigned, Link, MachineNo, Map, NetworkNo, ServiceNo, State};
use crate::{
    catalog::Catalog,
    model::{
        Fault, Health, Ipv4Net, MachineSpec, NAT_ADDRESS, NetworkName, NetworkSpec, NodeName, Observed, Power, ServiceRef, ServiceSpec,
        VipName, VipSpec,
    },
};
use indexmap::IndexMap;
use std::{collections::BTreeMap, net::Ipv4Addr};

/// Specifications of all of a lab, as the plan makes them.
#[derive(Debug, Clone, Copy)]
pub struct Specs<'a> {
    /// Networks.
    pub networks: &'a IndexMap<NetworkName, NetworkSpec>,
    /// Machines.
    pub machines: &'a IndexMap<NodeName, MachineSpec>,
    /// Services.
    pub services: &'a IndexMap<ServiceRef, ServiceSpec>,
    /// VIPs on their holders, the highest priority of each VIP first.
    pub vips: &'a IndexMap<(VipName, NodeName), VipSpec>,
}

/// A lab as it is designed.
#[derive(Debug, Clone)]
pub struct Design<'a> {
    pub(super) specs: Specs<'a>,
    pub(super) catalog: &'a Catalog,
    /// What is set up.
    pub map: Map,
    /// Everything runs, and each VIP is with its first holder.
    pub state: AsDesigned,
}

impl<'a> Design<'a> {
    /// Numbers everything in the order of the specifications.
    pub fn of(specs: Specs<'a>, catalog: &'a Catalog) -> Self {
        let mut map = Map::default();
        for (place, spec) in specs.networks.values().enumerate() {
            map.set_network(NetworkNo::at(place), Some(spec));
        }
        for (place, spec) in specs.machines.values().enumerate() {
            let adapters = spec.adapters.iter().filter_map(|adapter| {
                let (number, _, network) = specs.networks.get_full(&adapter.network)?;
                Some(AdapterRow {
                    network: NetworkNo::at(number),
                    address: adapter.address.or_else(|| leased(network, place)),
                    is_static: adapter.address.is_some(),
                    forwards: adapter.forwards.clone(),
                })
            });
            map.set_machine(MachineNo::at(place), Some(spec), adapters.collect());
        }
        for (place, (at, spec)) in specs.services.iter().enumerate() {
            if let Some(machine) = specs.machines.get_index_of(&at.node) {
                map.set_service(ServiceNo::at(place), MachineNo::at(machine), at, Some((spec, catalog.get(&spec.kind))));
            }
        }
        let mut state = AsDesigned::default();
        for ((_, node), spec) in specs.vips {
            let numbers = specs.machines.get_index_of(node).zip(specs.networks.get_index_of(&spec.network));
            if let Some((machine, network)) = numbers {
                state.holders.entry(spec.address.addr()).or_insert_with(|| vec![(MachineNo::at(machine), NetworkNo::at(network))]);
            }
        }
        Self { specs, catalog, map, state }
    }

    /// The number of a machine.
    pub fn machine(&self, node: &str) -> Option<MachineNo> {
        self.specs.machines.get_index_of(node).map(MachineNo::at)
    }

    /// A service by its number.
    pub fn service(&self, service: ServiceNo) -> Option<&'a ServiceRef> {
        self.specs.services.get_index(service.place()).map(|(at, _)| at)
    }

    pub(super) fn node(&self, machine: MachineNo) -> &'a str {
        self.specs.machines.get_index(machine.place()).map_or("?", |(name, _)| name.as_str())
    }

    pub(super) fn network(&self, network: NetworkNo) -> &'a str {
        self.specs.networks.get_index(network.place()).map_or("?", |(name, _)| name.as_str())
    }

    /// The state of the same lab as it is seen.
    pub fn seen(&self, observed: &Observed) -> Seen {
        self.specs.seen(observed)
    }
}

impl Specs<'_> {
    /// The state of a lab with these specifications as it is seen.
    pub fn seen(&self, observed: &Observed) -> Seen {
        let number = |node: &NodeName| self.machines.get_index_of(node).map(MachineNo::at);
        let mut seen = Seen::default();
        for (node, there) in &observed.nodes {
            let Some(machine) = number(node) else { continue };
            if there.power == Power::Running && !there.is_booting {
                seen.on.push(machine);
            }
            let down = there.links_up.iter().enumerate().filter(|(_, up)| !**up);
            seen.links.extend(down.map(|(slot, _)| ((machine, slot), Link { connected: false, ..Link::GOOD })));
            for (service, state) in &there.services {
                let at = ServiceRef { node: node.clone(), service: service.clone() };
                if let Some(place) = self.services.get_index_of(&at).filter(|_| runs(state.health, &state.listening)) {
                    seen.running.push(ServiceNo::at(place));
                }
            }
        }
        for (name, vip) in &observed.vips {
            let network = self.vips.iter().find(|((vip, _), _)| vip == name).map(|(_, spec)| &spec.network);
            let network = network.and_then(|network| self.networks.get_index_of(network));
            if let Some((address, network)) = vip.address.zip(network) {
                let holders = vip.holders.iter().filter_map(number).map(|machine| (machine, NetworkNo::at(network)));
                seen.holders.insert(address, holders.collect());
            }
        }
        for active in &observed.faults {
            match &active.fault {
                Fault::OneWay(from, to) => seen.dropped.extend(number(from).zip(number(to))),
                Fault::Cut(some, others) => {
                    for (one, other) in some.iter().flat_map(|one| others.iter().map(move |other| (one, other))) {
                        seen.dropped.extend(number(one).zip(number(other)));
                        seen.dropped.extend(number(other).zip(number(one)));
                    }
                }
                fault @ (Fault::LinkDown(node, network) | Fault::Loss(node, network, _) | Fault::Delay(node, network, _)) => {
                    let adapters = self.machines.get(node).into_iter().flat_map(|spec| spec.adapters.iter().enumerate());
                    let slots = adapters.filter(|(_, adapter)| adapter.network == *network).map(|(slot, _)| slot);
                    for at in slots.filter_map(|slot| Some((number(node)?, slot))) {
                        seen.links.entry(at).or_insert(Link::GOOD).suffer(fault);
                    }
                }
                Fault::NoDns(node) => seen.without_lookups.extend(number(node)),
                Fault::Block(at) => seen.blocked.extend(self.services.get_index_of(at).map(ServiceNo::at)),
                _ => {}
            }
        }
        for list in [&mut seen.running, &mut seen.blocked] {
            list.sort_unstable();
        }
        seen.on.sort_unstable();
        seen
    }
}

/// Whether a service holds its sockets, or does its work where it has none, as far as it is seen.
fn runs(health: Health, listening: &[std::net::SocketAddrV4]) -> bool {
    !listening.is_empty() || matches!(health, Health::Healthy | Health::Degraded)
}

/// What an adapter without a static address gets: behind NAT the one that VirtualBox gives; from a DHCP server, which answers in an
/// order that nobody knows, one in its range for each machine.
fn leased(network: &NetworkSpec, machine: usize) -> Option<Ipv4Net> {
    if !network.kind.joins_nodes() {
        return Ipv4Net::new(NAT_ADDRESS, 24).ok();
    }
    let (first, last) = network.dhcp?;
    let address = Ipv4Addr::from(u32::from(first).checked_add(u32::try_from(machine).ok()?)?);
    let prefix = network.subnet.map_or(24, |subnet| subnet.prefix_len());
    (address <= last).then(|| Ipv4Net::new(address, prefix).ok())?
}

/// A lab as it is seen to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    on: Vec<MachineNo>,
    links: BTreeMap<(MachineNo, usize), Link>,
    running: Vec<ServiceNo>,
    blocked: Vec<ServiceNo>,
    without_lookups: Vec<MachineNo>,
    dropped: Vec<(MachineNo, MachineNo)>,
    holders: BTreeMap<Ipv4Addr, Vec<(MachineNo, NetworkNo)>>,
}

impl State for Seen {
    fn is_on(&self, machine: MachineNo) -> bool {
        self.on.binary_search(&machine).is_ok()
    }

    fn link(&self, machine: MachineNo, slot: usize) -> Link {
        self.links.get(&(machine, slot)).copied().unwrap_or(Link::GOOD)
    }

    fn runs(&self, service: ServiceNo) -> bool {
        self.running.binary_search(&service).is_ok()
    }

    fn blocks(&self, service: ServiceNo) -> bool {
        self.blocked.binary_search(&service).is_ok()
    }

    fn is_dropped(&self, from: MachineNo, to: MachineNo) -> bool {
        self.dropped.contains(&(from, to))
    }

    fn lookups_blocked(&self, machine: MachineNo) -> bool {
        self.without_lookups.contains(&machine)
    }

    fn holders(&self, address: Ipv4Addr) -> &[(MachineNo, NetworkNo)] {
        self.holders.get(&address).map(Vec::as_slice).unwrap_or_default()
    }
}
