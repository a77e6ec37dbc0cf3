//! The routing decision of a machine.

use super::{
    AdapterRow, Map, ServiceNo,
    map::{Job, MachineRow, RouteRow},
    walk::Sort,
};
use crate::model::NetworkKind;
use std::net::Ipv4Addr;

/// A routing decision.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    /// Over the adapter in this slot, to the machine with this address.
    Adapter(usize, Ipv4Addr),
    /// Out of the lab by the adapter in this slot.
    Out(usize),
    /// Into a tunnel of the machine, to its peer of this number.
    Tunnel(ServiceNo, usize),
}

impl Map {
    /// The routing decision: tunnels first (`ip rule` 1000), then the nearest route, then tunnels for everything, then the default.
    pub(super) fn decide(&self, row: &MachineRow, to: Ipv4Addr, sort: Sort) -> Option<Way> {
        let tunnels = if sort == Sort::Wrapped { &[][..] } else { row.tunnels.as_slice() };
        let into = |default: bool| {
            let mut best: Option<(u8, Way)> = None;
            for service in tunnels {
                let Some(Job::Tunnels { peers, .. }) = self.service(*service).map(|service| &service.job) else { continue };
                for (place, peer) in peers.iter().enumerate() {
                    let nets = super::tunnel::carried(row, peer).filter(|net| (net.prefix_len() == 0) == default && net.contains(&to));
                    let longest = nets.map(|net| net.prefix_len()).max();
                    if let Some(length) = longest.filter(|length| best.is_none_or(|(known, _)| *length > known)) {
                        best = Some((length, Way::Tunnel(*service, place)));
                    }
                }
            }
            best.map(|(_, way)| way)
        };
        if let Some(way) = into(false) {
            return Some(way);
        }
        // A route is in force while its adapter has an address in the next hop's subnet: one from DHCP may not have come.
        let slot_of = |route: &RouteRow| {
            let address = |slot: usize| row.adapters.get(slot).and_then(|adapter| adapter.address);
            route.slot.filter(|slot| address(*slot).is_some_and(|net| net.contains(&route.through)))
        };
        let mut best: Option<(u8, Way)> = None;
        for (slot, adapter) in row.adapters.iter().enumerate() {
            let Some(net) = adapter.address.filter(|net| net.contains(&to)) else { continue };
            if best.is_none_or(|(known, _)| net.prefix_len() > known) {
                best = Some((net.prefix_len(), Way::Adapter(slot, to)));
            }
        }
        for route in row.routes.iter().filter(|route| route.to.prefix_len() > 0 && route.to.contains(&to)) {
            if let Some(slot) = slot_of(route).filter(|_| best.is_none_or(|(known, _)| route.to.prefix_len() > known)) {
                best = Some((route.to.prefix_len(), Way::Adapter(slot, route.through)));
            }
        }
        if let Some((_, way)) = best {
            return Some(way);
        }
        if let Some(way) = into(true) {
            return Some(way);
        }
        let defaults = row.routes.iter().filter(|route| route.to.prefix_len() == 0);
        let default = defaults.into_iter().find_map(|route| Some((slot_of(route)?, route.through)));
        if let Some((slot, through)) = default {
            let is_out = row.adapters.get(slot).is_some_and(|adapter| self.is_way_out(adapter, through));
            return Some(if is_out { Way::Out(slot) } else { Way::Adapter(slot, through) });
        }
        // Without a route that the plan has written, only a DHCP server or NAT itself tells a node the way out.
        let leads_out = |adapter: &AdapterRow| {
            let kind = self.network(adapter.network).map(|network| network.kind);
            kind.is_some_and(|kind| kind.reaches_internet() && (kind == NetworkKind::Nat || !adapter.is_static))
        };
        row.adapters.iter().position(|adapter| adapter.address.is_some() && leads_out(adapter)).map(Way::Out)
    }

    /// Whether an address is that of the provider's gateway on the NAT network of an adapter.
    fn is_way_out(&self, adapter: &AdapterRow, through: Ipv4Addr) -> bool {
        let network = self.network(adapter.network).filter(|network| network.kind == NetworkKind::NatNetwork);
        network.is_some_and(|network| network.host() == Some(through))
    }
}
