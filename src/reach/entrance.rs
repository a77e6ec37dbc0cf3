//! Where somebody outside gets in: by a port of the host that is forwarded, by an address on a network that the host is on, or by a
//! gateway that leads a port of its own to the service.

use super::{MachineNo, Map, State, Trip, Why, map::Job};
use std::net::{Ipv4Addr, SocketAddrV4};

/// One way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entrance {
    /// The machine that the host reaches.
    pub machine: MachineNo,
    /// The slot of its adapter there.
    pub slot: usize,
    /// The address and port that arrive there.
    pub at: SocketAddrV4,
    /// The port of the host that is forwarded to it; `None`: the host calls the address itself.
    pub host_port: Option<u16>,
}

impl Map {
    /// The way in to a port of a machine. A port of the host that is forwarded to it comes first, for it is what the lab is called
    /// by; then an address that the host reaches and at which something listens; then a gateway.
    pub fn entrance(&self, machine: MachineNo, port: u16) -> Option<Entrance> {
        let direct = self.own_entrance(machine, port);
        let way = direct.filter(|(_, is_heard)| *is_heard).or_else(|| {
            let addresses: Vec<Ipv4Addr> = self.addresses(machine).map(|(_, net)| net.addr()).collect();
            self.leaders().iter().filter_map(|leader| self.service(*leader)).find_map(|row| {
                let Job::Leads { rules } = &row.job else { return None };
                let mut leading = rules.iter().filter(|(_, to)| to.port() == port && addresses.contains(to.ip()));
                leading.find_map(|(from, _)| self.own_entrance(row.machine, *from))
            })
        });
        way.or(direct).map(|(entrance, _)| entrance)
    }

    /// The way in to a port by the machine's own adapters, and whether it is forwarded there or something listens.
    fn own_entrance(&self, machine: MachineNo, port: u16) -> Option<(Entrance, bool)> {
        let row = self.machine(machine)?;
        let by_forward = row.adapters.iter().enumerate().find_map(|(slot, adapter)| {
            let forward = adapter.forwards.iter().find(|forward| forward.to == port)?;
            let at = SocketAddrV4::new(adapter.address?.addr(), port);
            Some((Entrance { machine, slot, at, host_port: Some(forward.host) }, true))
        });
        let at = |(slot, address, is_heard)| (Entrance { machine, slot, at: SocketAddrV4::new(address, port), host_port: None }, is_heard);
        by_forward.or_else(|| self.host_addresses(machine, port).into_iter().next().map(at))
    }

    /// The addresses of a machine on networks that the host is on, and whether something listens there on this port; those first.
    fn host_addresses(&self, machine: MachineNo, port: u16) -> Vec<(usize, Ipv4Addr, bool)> {
        let Some(row) = self.machine(machine) else { return Vec::new() };
        let reaches = |adapter: &super::AdapterRow| self.network(adapter.network).is_some_and(|network| network.kind.host_reaches());
        let on = row.adapters.iter().enumerate().filter(|(_, adapter)| reaches(adapter));
        let sockets: Vec<SocketAddrV4> = row.services.iter().flat_map(|service| self.listening(*service)).copied().collect();
        let leads = row.leaders.iter().filter_map(|leader| self.service(*leader)).any(|service| match &service.job {
            Job::Leads { rules } => rules.iter().any(|(from, _)| *from == port),
            _ => false,
        });
        let listens = |at: Ipv4Addr| leads || sockets.iter().any(|on| on.port() == port && (on.ip().is_unspecified() || *on.ip() == at));
        let at = |(slot, adapter): (usize, &super::AdapterRow)| {
            let address = adapter.address?.addr();
            Some((slot, address, listens(address)))
        };
        let mut all: Vec<(usize, Ipv4Addr, bool)> = on.filter_map(at).collect();
        all.sort_by_key(|(_, _, is_heard)| !*is_heard);
        all
    }

    /// How an attempt from outside goes by a way in.
    pub fn enter(&self, state: &impl State, entrance: Entrance) -> Trip {
        let network = self.machine(entrance.machine).and_then(|row| row.adapters.get(entrance.slot)).map(|adapter| adapter.network);
        let source = network.and_then(|network| self.network(network)?.host());
        self.connect_from_host(state, (entrance.machine, entrance.slot), source, entrance.at)
    }

    /// How an attempt from outside to connect to a port of a machine goes.
    pub fn connect_from_outside(&self, state: &impl State, machine: MachineNo, port: u16) -> Trip {
        match self.entrance(machine, port) {
            Some(entrance) => self.enter(state, entrance),
            None => super::walk::failed(Default::default(), Why::NoEntrance(machine)),
        }
    }

    /// How an attempt from outside to connect to an address goes, such as that of a VIP. `None`: the host is on no network on which
    /// anybody has it.
    pub fn connect_from_outside_to(&self, state: &impl State, at: SocketAddrV4) -> Option<Trip> {
        let (machine, slot, source) = self.host_reaches(state, *at.ip())?;
        Some(self.connect_from_host(state, (machine, slot), source, at))
    }
}
