//! What rules look things up in: an index over the lab, kept while the lab is edited.
//!
//! The index itself is in `index`; here is what a rule may ask.

use super::index::{Index, Mark, SMALL_CLUSTER};
use super::ways::PortRule;
use super::wire::{Plug, Wire, at_key};
use crate::catalog::{Behaviour, Catalog, Entry};
use crate::model::{
    Adapter, ClusterName, Endpoint, Flow, Host, Ipv4Net, Lab, Mac, Network, NetworkName, Node, NodeName, Service, ServiceRef, Vip, VipName,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    path::PathBuf,
};

/// What the rules are told about the world beyond the lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The machine that the lab will run on, where the lab does not name one; `None`: unknown, and rules about
    /// capacity keep quiet.
    pub host: Option<Host>,
    /// The ranges in which VirtualBox makes host-only networks.
    pub host_only_ranges: Vec<Ipv4Net>,
    /// Images that are files behind symbolic links, as the lab names them, and where those lead.
    pub links: BTreeMap<String, PathBuf>,
}

/// The one range that VirtualBox allows since 6.1.28 where nothing else is configured (manual, section 6.7).
pub const HOST_ONLY_RANGE: &str = "192.168.56.0/21";

/// The ranges in which VirtualBox makes host-only networks on a machine: what its `networks.conf` lists, given as text; the
/// one that it allows itself where there is none, or where the file lists no IPv4 range that can be read.
pub fn host_only_ranges(networks_conf: Option<&str>) -> Vec<Ipv4Net> {
    let lines = networks_conf.unwrap_or_default().lines().filter_map(|line| line.trim().strip_prefix('*'));
    let listed: Vec<Ipv4Net> = lines.flat_map(str::split_whitespace).filter_map(|range| range.parse().ok()).collect();
    if listed.is_empty() { HOST_ONLY_RANGE.parse().into_iter().collect() } else { listed }
}

impl Default for Context {
    fn default() -> Self {
        Self { host: None, host_only_ranges: host_only_ranges(None), links: BTreeMap::new() }
    }
}

/// The lab, the catalog, and what is quick to ask about them.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The lab.
    pub lab: &'a Lab,
    /// The kinds of service.
    pub catalog: &'a Catalog,
    /// The world beyond the lab.
    pub context: &'a Context,
    pub(super) index: &'a Index,
    /// What is known of the node that is looked at; `None`: something else is.
    pub(super) here: Option<&'a Here<'a>>,
}

/// The networks and the catalog's entries of one node: the rules about a node ask for these again and again, and each is
/// looked up by name once. Other nodes' things are found as ever.
pub(super) struct Here<'a> {
    node: &'a Node,
    plugs: Vec<Wired<'a>>,
    entries: Vec<Option<&'a Entry>>,
}

/// The network of an adapter, and what is on it.
type Wired<'a> = (Option<&'a Network>, Option<&'a Wire>);

/// The most adapters and services of a node that are looked through: a longer list is slower than looking names up.
const HERE_MAX: usize = 16;

impl<'a> Here<'a> {
    /// `None` for a node that has so many that it helps no more.
    pub(super) fn of(facts: &Facts<'a>, node: &'a Node) -> Option<Self> {
        if node.adapters.len() > HERE_MAX || node.services.len() > HERE_MAX {
            return None;
        }
        let wired = |adapter: &'a Adapter| (facts.lab.networks.get(&adapter.network), facts.index.wires.get(&adapter.network));
        let entries = node.services.values().map(|service| facts.catalog.of(service));
        Some(Self { node, plugs: node.adapters.iter().map(wired).collect(), entries: entries.collect() })
    }

    /// The network of this very name, where an adapter of the node has it. Names elsewhere may say the same: they are looked
    /// up.
    fn plug(&self, name: &str) -> Option<Wired<'a>> {
        let mut plugs = self.node.adapters.iter().zip(&self.plugs);
        plugs.find(|(adapter, _)| std::ptr::eq(adapter.network.as_str(), name)).map(|(_, wired)| *wired)
    }

    /// The entry of this very service of the node.
    fn entry(&self, service: &Service) -> Option<Option<&'a Entry>> {
        self.node.services.values().zip(&self.entries).find(|(there, _)| std::ptr::eq(*there, service)).map(|(_, entry)| *entry)
    }
}

/// How many addresses are tried for a free one.
const ADDRESSES_TRIED_MAX: usize = 1024;

/// What has addresses on a network, sorted by them.
struct Free<'a> {
    network: &'a Network,
    adapters: &'a [(Ipv4Addr, Plug)],
    vips: &'a [(Ipv4Addr, VipName)],
}

impl Free<'_> {
    /// The first free address of a range, both ends included.
    fn between(&self, first: Ipv4Addr, last: Ipv4Addr) -> Option<Ipv4Addr> {
        let rest = self.adapters.get(self.adapters.partition_point(|(there, _)| *there < first)..)?;
        let mut taken = rest.iter().map(|(there, _)| *there).peekable();
        let mut next = Some(first);
        for _ in 0..ADDRESSES_TRIED_MAX {
            let address = next.filter(|address| *address <= last)?;
            while taken.next_if(|there| *there < address).is_some() {}
            let dhcp = self.network.dhcp.filter(|range| range.contains(address));
            let is_taken = taken.peek() == Some(&address)
                || !at_key(self.vips, &address).is_empty()
                || self.network.provider_address() == Some(address);
            if dhcp.is_none() && !is_taken {
                return Some(address);
            }
            next = u32::from(dhcp.map_or(address, |range| range.to)).checked_add(1).map(Ipv4Addr::from);
        }
        None
    }
}

impl<'a> Facts<'a> {
    /// The adapters on a network: node and slot, by node name.
    pub fn on_network(&self, network: &str) -> impl Iterator<Item = (&'a NodeName, usize)> + use<'a> {
        self.wire(network).into_iter().flat_map(|wire| &wire.adapters).map(|(node, slot)| (node, *slot))
    }

    /// The adapters on a network that have this address, by node name.
    pub fn adapters_at(&self, network: &str, address: Ipv4Addr) -> impl Iterator<Item = &'a (NodeName, usize)> + use<'a> {
        self.wire(network).map_or(&[][..], |wire| at_key(&wire.addresses, &address)).iter().map(|(_, plug)| plug)
    }

    /// The adapters on a network that have this hardware address, by node name.
    pub fn adapters_with(&self, network: &str, mac: Mac) -> impl Iterator<Item = &'a (NodeName, usize)> + use<'a> {
        self.wire(network).map_or(&[][..], |wire| at_key(&wire.macs, &mac)).iter().map(|(_, plug)| plug)
    }

    /// The VIPs in a network that have this address, by name.
    pub fn vips_at(&self, network: &str, address: Ipv4Addr) -> impl Iterator<Item = &'a VipName> + use<'a> {
        self.wire(network).map_or(&[][..], |wire| at_key(&wire.vips, &address)).iter().map(|(_, vip)| vip)
    }

    /// A network by name.
    pub fn network(&self, name: &str) -> Option<&'a Network> {
        match self.here.and_then(|here| here.plug(name)) {
            Some((network, _)) => network,
            None => self.lab.networks.get(name),
        }
    }

    fn wire(&self, network: &str) -> Option<&'a Wire> {
        match self.here.and_then(|here| here.plug(network)) {
            Some((_, wire)) => wire,
            None => self.index.wires.get(network),
        }
    }

    /// As [`Lab::free_address`], from what is on the network alone; `None` also where it is crowded: many findings must not each
    /// search a large network.
    pub fn free_address(&self, network: &str) -> Option<Ipv4Addr> {
        let (wire, there) = (self.network(network)?, self.wire(network));
        let (adapters, vips) = there.map_or((&[][..], &[][..]), |there| (&there.addresses, &there.vips));
        let free = Free { network: wire, adapters, vips };
        let subnet = wire.subnet?;
        let (first, last) = match subnet.prefix_len() {
            31.. => (subnet.network(), subnet.broadcast()),
            _ => (u32::from(subnet.network()).checked_add(1)?.into(), u32::from(subnet.broadcast()).checked_sub(1)?.into()),
        };
        // People leave the first few addresses to routers: begin at .10 where the subnet is large enough.
        let from_ten = u32::from(first).checked_add(9).map(Ipv4Addr::from).filter(|ten| *ten <= last);
        from_ten.and_then(|ten| free.between(ten, last)).or_else(|| free.between(first, last))
    }

    /// The services whose setting `authoritative` is on, by node and service name.
    pub fn authoritative(&self) -> impl Iterator<Item = (&'a ServiceRef, &'a Service)> + use<'a> {
        self.marked(Mark::Authoritative)
    }

    /// The services with a setting or an allow list that names something of the lab, by node and service name.
    pub fn naming(&self) -> impl Iterator<Item = (&'a ServiceRef, &'a Service)> + use<'a> {
        self.marked(Mark::Naming)
    }

    /// The services that work in a cluster only and are in none, by node and service name.
    pub fn clusterless(&self) -> impl Iterator<Item = (&'a ServiceRef, &'a Service)> + use<'a> {
        self.marked(Mark::Clusterless)
    }

    fn marked(&self, mark: Mark) -> impl Iterator<Item = (&'a ServiceRef, &'a Service)> + use<'a> {
        let lab = self.lab;
        self.index.marked(mark).filter_map(move |at| Some((at, lab.service(at)?)))
    }

    /// The nodes with capital letters in their names.
    pub fn capitals(&self) -> impl Iterator<Item = &'a NodeName> + use<'a> {
        self.index.capitals.iter()
    }

    /// The flows that name a node or a VIP that it may hold, with their places in the lab's list.
    pub fn flows_of(&self, node: &str) -> impl Iterator<Item = (usize, &'a Flow)> + use<'a> {
        let lab = self.lab;
        self.index.flows_of.get(node).into_iter().flatten().filter_map(move |index| Some((*index, lab.flows.get(*index)?)))
    }

    /// The flows that lead to a service: to it, or to a VIP that its node may hold and that follows it.
    pub fn flows_to(&self, node: &'a NodeName, service: &'a str) -> impl Iterator<Item = (usize, &'a Flow)> + use<'a> {
        let lab = self.lab;
        self.flows_of(node).filter(move |(_, flow)| match &flow.to {
            Endpoint::Service(at) => at.node == *node && at.service == *service,
            Endpoint::Vip(vip) => lab.vips.get(vip).is_some_and(|vip| {
                vip.follows.as_ref().is_some_and(|name| *name == *service) && vip.holders.iter().any(|holder| holder.node == *node)
            }),
            Endpoint::Node(_) | Endpoint::Outside => false,
        })
    }

    /// All clusters with their members.
    pub fn clusters(&self) -> impl Iterator<Item = (&'a ClusterName, &'a BTreeSet<ServiceRef>)> + use<'a> {
        self.index.clusters.iter()
    }

    /// The members of a cluster, by node and service name.
    pub fn members(&self, cluster: &str) -> impl Iterator<Item = (&'a ServiceRef, &'a Service)> + use<'a> {
        let lab = self.lab;
        self.index.clusters.get(cluster).into_iter().flatten().filter_map(move |at| Some((at, lab.service(at)?)))
    }

    /// Whether a cluster has a member on another node than this one.
    pub fn is_on_other_nodes(&self, cluster: &str, node: &NodeName) -> bool {
        // Members are in the order of their nodes.
        let members = self.index.clusters.get(cluster);
        members.is_some_and(|members| members.first().into_iter().chain(members.last()).any(|at| at.node != *node))
    }

    /// Whether a cluster has so many members that a rule about a node may not look at all of them.
    pub fn is_large_cluster(&self, cluster: &str) -> bool {
        self.index.clusters.get(cluster).is_some_and(|members| members.len() > SMALL_CLUSTER)
    }

    /// The VIPs that a node may hold.
    pub fn vips_of(&self, node: &str) -> impl Iterator<Item = (&'a VipName, &'a Vip)> + use<'a> {
        let lab = self.lab;
        self.index.vips_of.get(node).into_iter().flatten().filter_map(move |name| Some((name, lab.vips.get(name)?)))
    }

    /// Whether a node routes between its networks.
    pub fn is_router(&self, node: &str) -> bool {
        self.index.routers.contains(node)
    }

    /// Whether packets find a way between two networks, straight or through routers.
    pub fn networks_meet(&self, one: &str, other: &str) -> bool {
        self.index.networks_meet(one, other)
    }

    /// Whether packets find a way between two nodes: over a shared network that joins nodes, or through routers.
    pub fn nodes_meet(&self, one: &Node, other: &Node) -> bool {
        let here = self.groups(one);
        !here.is_empty() && self.groups(other).iter().any(|there| here.contains(there))
    }

    /// The number of a network that joins nodes: networks between which packets find a way have the same.
    pub fn group(&self, network: &str) -> Option<usize> {
        let number = self.index.reach.get(network).copied();
        number.filter(|_| self.joins(network))
    }

    /// The numbers of a node's networks, as [`Facts::group`] gives them.
    pub fn groups(&self, node: &Node) -> Vec<usize> {
        node.adapters.iter().filter_map(|adapter| self.group(&adapter.network)).collect()
    }

    /// All nodes that route between their networks, by name.
    pub fn routers(&self) -> impl Iterator<Item = (&'a NodeName, &'a Node)> + use<'a> {
        let lab = self.lab;
        self.index.routers.iter().filter_map(move |name| Some((name, lab.nodes.get(name)?)))
    }

    /// Whether an administrator gets to nodes on a network: over a management network, where the lab has one, else from
    /// the host; through routers and bastions.
    pub fn is_managed(&self, network: &str) -> bool {
        self.index.ways.managed.contains(network)
    }

    /// Whether administrators get to any network at all.
    pub fn is_anything_managed(&self) -> bool {
        !self.index.ways.managed.is_empty()
    }

    /// The networks of a site that join nodes, in the lab's order, but for management networks.
    pub fn networks_of_site(&self, site: &str) -> &'a [NetworkName] {
        self.index.ways.site_networks.get(site).map_or(&[], Vec::as_slice)
    }

    /// The network on which administrators are to be: the first for management, else the first that the host is on.
    pub fn administration(&self) -> Option<(&'a NetworkName, &'a Network)> {
        self.index.ways.administration.as_ref().and_then(|name| Some((name, self.lab.networks.get(name)?)))
    }

    /// The ports of nodes that lead to a service of another.
    pub fn port_rules_to(&self, to: &ServiceRef) -> &'a [PortRule] {
        self.index.ways.port_rules.get(to).map_or(&[], Vec::as_slice)
    }

    /// Whether a port of the host is forwarded to a node of the lab.
    pub fn is_host_port_taken(&self, port: u16) -> bool {
        self.index.host_ports.contains_key(&port)
    }

    /// Whether a router leads to the internet from a network.
    pub fn leads_out(&self, network: &str) -> bool {
        self.joins(network) && self.index.reach.get(network).is_some_and(|group| self.index.ways.outlets.contains(group))
    }

    /// The first few networks that join nodes.
    pub fn joining(&self) -> &'a [NetworkName] {
        &self.index.ways.joining
    }

    /// The first network that reaches the internet.
    pub fn first_internet(&self) -> Option<&'a NetworkName> {
        self.index.ways.internet.as_ref()
    }

    /// The first host-only network.
    pub fn first_host_only(&self) -> Option<&'a NetworkName> {
        self.index.ways.host_only.as_ref()
    }

    /// Whether some network that joins nodes may have an address of a subnet.
    pub fn some_network_meets(&self, subnet: Ipv4Net) -> bool {
        self.index.ways.subnets.open || self.index.ways.subnets.meet(subnet)
    }

    /// Whether a network has a subnet that meets this one.
    pub fn is_subnet_taken(&self, subnet: Ipv4Net) -> bool {
        self.index.ways.all_subnets.meet(subnet)
    }

    /// Whether a backup lists a service.
    pub fn is_listed_by_backup(&self, at: &ServiceRef) -> bool {
        self.index.ways.listed.contains(at)
    }

    /// Whether a flow begins at a backup that lists nothing, and so takes what its flows lead to.
    pub fn begins_at_backup(&self, from: &Endpoint) -> bool {
        match from {
            Endpoint::Service(from) => self.index.ways.unlisted.contains(from),
            Endpoint::Node(from) => self.index.ways.unlisted_on.contains(from),
            Endpoint::Outside | Endpoint::Vip(_) => false,
        }
    }

    /// Whether a node has a backup that lists nothing.
    pub fn has_unlisted_backup(&self, node: &str) -> bool {
        self.index.ways.unlisted_on.contains(node)
    }

    /// The services that copying leads around in from a service and back to it, by name.
    pub fn ring(&self, at: &ServiceRef) -> Option<&'a [ServiceRef]> {
        self.index.ways.rings.get(at).map(|ring| &**ring)
    }

    /// The place of a flow in the lab's list, given the very flow.
    pub fn place_of(&self, flow: &Flow) -> Option<usize> {
        let size = std::mem::size_of::<Flow>();
        let offset = std::ptr::from_ref(flow).addr().checked_sub(self.lab.flows.as_ptr().addr())?;
        let place = offset.checked_div(size)?;
        self.lab.flows.get(place).filter(|there| std::ptr::eq(*there, flow)).map(|_| place)
    }

    /// All services that copy data away, in the lab's order.
    pub fn backups(&self) -> &'a [ServiceRef] {
        &self.index.ways.backups
    }

    /// The services that copy from a service.
    pub fn replicas_of(&self, primary: &ServiceRef) -> impl Iterator<Item = &'a ServiceRef> + use<'a> {
        self.index.ways.replicas.get(primary).into_iter().flatten()
    }

    /// Whether a network joins the nodes on it.
    pub fn joins(&self, network: &str) -> bool {
        self.network(network).is_some_and(|network| network.kind.joins_nodes())
    }

    /// The catalog's entry of a service; `None` for a kind that this catalog does not know.
    pub fn entry(&self, service: &Service) -> Option<&'a Entry> {
        match self.here.and_then(|here| here.entry(service)) {
            Some(entry) => entry,
            None => self.catalog.of(service),
        }
    }

    /// How a service works.
    pub fn behaviour(&self, service: &Service) -> Option<Behaviour> {
        self.entry(service).map(|entry| entry.behaviour)
    }

    /// The services of a node that keep data.
    pub fn data_services<'n>(&self, node: &'n Node) -> impl Iterator<Item = (&'n crate::model::ServiceName, &'n Service)> + use<'n, 'a> {
        let facts = *self;
        node.services.iter().filter(move |(_, service)| facts.keeps_data(service))
    }

    /// Whether losing a service's disk loses data.
    pub fn keeps_data(&self, service: &Service) -> bool {
        self.entry(service).is_some_and(|entry| entry.keeps_data)
    }

    /// The networks on which a service can be reached, as its bind address says: every network of its node for `any`,
    /// none for loopback.
    pub fn reachable_on(&self, node: &Node, service: &Service) -> Vec<NetworkName> {
        let heard = node.adapters.iter().filter(|adapter| service.bind.is_on(adapter));
        let mut networks: Vec<NetworkName> = heard.map(|adapter| adapter.network.clone()).collect();
        networks.dedup();
        networks
    }

    /// The machine that capacity is judged by: the one that the lab names, else the one that it is checked on.
    pub fn host(&self) -> Option<Host> {
        self.lab.host.or(self.context.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_says_which_host_only_networks_there_may_be() {
        let ranges = |text: &str| host_only_ranges(Some(text)).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            ranges("# ours\n* 10.0.0.0/8 192.168.0.0/16\n* 2001::/64\n  * 172.16.0.0/12\n"),
            ["10.0.0.0/8", "192.168.0.0/16", "172.16.0.0/12"]
        );
        assert_eq!(ranges("* 0.0.0.0/0 ::/0"), ["0.0.0.0/0"]);
        for nothing in ["", "# * 10.0.0.0/8", "10.0.0.0/8", "* nonsense", "* fe80::/10"] {
            assert_eq!(ranges(nothing), [HOST_ONLY_RANGE], "{nothing}");
        }
        assert_eq!(host_only_ranges(None), Context::default().host_only_ranges);
    }
}
