//! Routes: which subnets a node is told to reach through another node that routes.
//!
//! This chooses what is written to nodes. Where a packet then goes, with these routes, tunnels and what DHCP brings, is decided by
//! `reach`, which reads them as any other specification.

use crate::{
    catalog::{Behaviour, Catalog},
    model::{Ipv4Net, Lab, Network, NetworkKind, NetworkName, Node, RouteSpec},
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::Ipv4Addr,
};

/// Everywhere, for a default route.
const EVERYWHERE: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0);

/// A router's address, and the network on which a node reaches it.
type Hop<'a> = (Ipv4Addr, &'a NetworkName);

fn route(to: Ipv4Net, (through, network): Hop<'_>) -> RouteSpec {
    RouteSpec { to, through, network: network.clone() }
}

/// The nodes that route, and the networks that they join.
pub(super) struct Routes<'a> {
    lab: &'a Lab,
    /// The routers with an address on each network, in the lab's order.
    on: BTreeMap<&'a NetworkName, Vec<(&'a Node, Ipv4Addr)>>,
}

impl<'a> Routes<'a> {
    pub(super) fn of(lab: &'a Lab, catalog: &'a Catalog) -> Self {
        let routes = |node: &Node| node.services.values().any(|service| catalog.behaviour(service) == Some(Behaviour::Router));
        let mut on: BTreeMap<&NetworkName, Vec<(&Node, Ipv4Addr)>> = BTreeMap::new();
        for router in lab.nodes.values().filter(|node| routes(node)) {
            let networks: BTreeSet<&NetworkName> = router.adapters.iter().map(|adapter| &adapter.network).collect();
            for network in networks {
                if let Some(address) = router.address_on(network) {
                    on.entry(network).or_default().push((router, address));
                }
            }
        }
        Self { lab, on }
    }

    /// The subnets that a node is not on and reaches all the same, by the fewest routers, and the address of the first of
    /// those; the way out last. The management network carries nothing for others.
    pub(super) fn from(&self, node: &Node) -> Vec<RouteSpec> {
        let own_way_out = self.own_way_out(node);
        if self.on.is_empty() {
            return own_way_out.into_iter().collect();
        }
        let own: BTreeSet<&NetworkName> = node.adapters.iter().map(|adapter| &adapter.network).collect();
        // The first router on the way to each network, and the network that the node shares with it; `None`: the node is on the network.
        let mut first: BTreeMap<&NetworkName, Option<Hop<'_>>> = BTreeMap::new();
        let mut queue: VecDeque<&NetworkName> = VecDeque::new();
        for network in own.iter().copied().filter(|network| self.carries(network)) {
            first.insert(network, None);
            queue.push_back(network);
        }
        let mut way_out = None;
        while let Some(network) = queue.pop_front() {
            let hop = first.get(network).copied().flatten();
            for (router, address) in self.on.get(network).into_iter().flatten().filter(|(router, _)| !std::ptr::eq(*router, node)) {
                let through = hop.unwrap_or((*address, network));
                if router.adapters.iter().any(|adapter| self.leads_out(&adapter.network)) {
                    way_out.get_or_insert(through);
                }
                for next in router.adapters.iter().map(|adapter| &adapter.network).filter(|next| self.carries(next)) {
                    if !first.contains_key(next) {
                        first.insert(next, Some(through));
                        queue.push_back(next);
                    }
                }
            }
        }
        let reached = first.into_iter().filter_map(|(network, hop)| Some(route(self.lab.networks.get(network)?.subnet?.trunc(), hop?)));
        let mut routes: Vec<_> = reached.collect();
        if !own.iter().any(|network| self.leads_out(network)) {
            routes.extend(way_out.map(|hop| route(EVERYWHERE, hop)));
        }
        routes.extend(own_way_out);
        routes
    }

    /// The default route of a node whose only way out is a NAT network on which its address is static: nothing else tells it the
    /// provider's gateway. With DHCP on a network that leads out, the route comes with the address.
    fn own_way_out(&self, node: &Node) -> Option<RouteSpec> {
        let mut out = node.adapters.iter().filter(|adapter| self.leads_out(&adapter.network));
        if out.clone().any(|adapter| adapter.address.is_none()) {
            return None;
        }
        out.find_map(|adapter| {
            let gateway = self.lab.networks.get(&adapter.network)?.provider_address()?;
            Some(route(EVERYWHERE, (gateway, &adapter.network)))
        })
    }

    fn carries(&self, network: &NetworkName) -> bool {
        self.lab.networks.get(network).is_some_and(Network::carries)
    }

    fn leads_out(&self, network: &NetworkName) -> bool {
        let kind = self.lab.networks.get(network).map(|network| network.kind);
        kind.is_some_and(NetworkKind::reaches_internet)
    }
}
