//! What rules look things up in: an index over the lab, kept while the lab is edited.
//!
//! The index holds names only and never a judgement. It is a cache: [`Index::build`] of a lab and any number of
//! [`Index::update`]s that lead to the same lab answer alike (a property test says so).

use crate::catalog::{Behaviour, Catalog, Entry};
use crate::model::{
    ClusterName, Endpoint, Flow, Host, IndexMap, Ipv4Net, Lab, NetworkName, Node, NodeName, Service, ServiceRef, Touched, Vip, VipName,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What the rules are told about the world beyond the lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The machine that the lab will run on, where the lab does not name one; `None`: unknown, and rules about
    /// capacity keep quiet.
    pub host: Option<Host>,
    /// The ranges in which VirtualBox makes host-only networks.
    pub host_only_ranges: Vec<Ipv4Net>,
}

/// The one range that VirtualBox allows since 6.1.28 where nothing else is configured (manual, section 6.7).
pub const HOST_ONLY_RANGE: &str = "192.168.56.0/21";

impl Default for Context {
    fn default() -> Self {
        Self { host: None, host_only_ranges: HOST_ONLY_RANGE.parse().into_iter().collect() }
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
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// Nodes on a network, with the slots of their adapters.
    on_network: HashMap<NetworkName, BTreeSet<(NodeName, usize)>>,
    /// Places of the flows that name a node, or a VIP that the node may hold.
    flows_of: HashMap<NodeName, Vec<usize>>,
    /// Members of a cluster.
    clusters: BTreeMap<ClusterName, BTreeSet<ServiceRef>>,
    /// VIPs that a node may hold.
    vips_of: HashMap<NodeName, BTreeSet<VipName>>,
    /// Nodes that route between their networks.
    routers: BTreeSet<NodeName>,
    /// Networks between which packets find a way: a number for each, the same for those.
    reach: HashMap<NetworkName, usize>,
    /// What a node has put into the index, so that it can be taken out when the node has changed.
    from_node: HashMap<NodeName, FromNode>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct FromNode {
    adapters: Vec<(NetworkName, usize)>,
    clusters: Vec<(ClusterName, ServiceRef)>,
}

impl Index {
    pub(super) fn build(lab: &Lab, catalog: &Catalog) -> Self {
        let mut index = Self::default();
        for (name, node) in &lab.nodes {
            index.add_node(catalog, name, node);
        }
        index.index_vips(lab);
        index.index_flows(lab);
        index.index_reach(lab);
        index
    }

    /// Follows a step. Gives what else it touches: the networks that touched nodes were or are on, for one.
    pub(super) fn update(&mut self, lab: &Lab, catalog: &Catalog, touched: &Touched) -> Spread {
        if touched.renamed || touched.sites || touched.header {
            *self = Self::build(lab, catalog);
            return Spread { everything: true, ..Spread::default() };
        }
        let mut spread = Spread::default();
        let mut routes_changed = !touched.networks.is_empty();
        for name in &touched.nodes {
            let was_router = self.routers.contains(name);
            if let Some(old) = self.remove_node(name) {
                spread.networks.extend(old.adapters.into_iter().map(|(network, _)| network));
                spread.clusters.extend(old.clusters.into_iter().map(|(cluster, _)| cluster));
            }
            if let Some(node) = lab.nodes.get(name) {
                self.add_node(catalog, name, node);
                spread.networks.extend(node.adapters.iter().map(|adapter| adapter.network.clone()));
                spread.clusters.extend(node.services.values().filter_map(|service| service.cluster.clone()));
            }
            routes_changed |= was_router || self.routers.contains(name);
            spread.vips.extend(self.vips_of.get(name).into_iter().flatten().cloned());
        }
        if !touched.vips.is_empty() {
            self.index_vips(lab);
        }
        if touched.flows || !touched.vips.is_empty() {
            self.index_flows(lab);
            spread.all_flows = true;
        }
        if routes_changed {
            self.index_reach(lab);
            spread.all_flows = true;
            for network in &touched.networks {
                spread.nodes.extend(self.on_network.get(network).into_iter().flatten().map(|(node, _)| node.clone()));
            }
        }
        spread
    }

    fn add_node(&mut self, catalog: &Catalog, name: &NodeName, node: &Node) {
        let mut from = FromNode::default();
        for (slot, adapter) in node.adapters.iter().enumerate() {
            self.on_network.entry(adapter.network.clone()).or_default().insert((name.clone(), slot));
            from.adapters.push((adapter.network.clone(), slot));
        }
        for (service_name, service) in &node.services {
            if let Some(cluster) = &service.cluster {
                let at = ServiceRef { node: name.clone(), service: service_name.clone() };
                self.clusters.entry(cluster.clone()).or_default().insert(at.clone());
                from.clusters.push((cluster.clone(), at));
            }
        }
        if routes(catalog, node) {
            self.routers.insert(name.clone());
        }
        self.from_node.insert(name.clone(), from);
    }

    fn remove_node(&mut self, name: &NodeName) -> Option<FromNode> {
        self.routers.remove(name);
        let from = self.from_node.remove(name)?;
        for (network, slot) in &from.adapters {
            if let Some(there) = self.on_network.get_mut(network) {
                there.remove(&(name.clone(), *slot));
                if there.is_empty() {
                    self.on_network.remove(network);
                }
            }
        }
        for (cluster, at) in &from.clusters {
            if let Some(there) = self.clusters.get_mut(cluster) {
                there.remove(at);
                if there.is_empty() {
                    self.clusters.remove(cluster);
                }
            }
        }
        Some(from)
    }

    fn index_vips(&mut self, lab: &Lab) {
        self.vips_of.clear();
        for (name, vip) in &lab.vips {
            for holder in &vip.holders {
                self.vips_of.entry(holder.node.clone()).or_default().insert(name.clone());
            }
        }
    }

    fn index_flows(&mut self, lab: &Lab) {
        self.flows_of.clear();
        for (index, flow) in lab.flows.iter().enumerate() {
            let mut nodes: BTreeSet<&NodeName> = BTreeSet::new();
            for end in [&flow.from, &flow.to] {
                match end {
                    Endpoint::Vip(vip) => {
                        nodes.extend(lab.vips.get(vip).into_iter().flat_map(|vip| &vip.holders).map(|holder| &holder.node))
                    }
                    other => nodes.extend(other.node()),
                }
            }
            for node in nodes {
                self.flows_of.entry(node.clone()).or_default().push(index);
            }
        }
    }

    fn index_reach(&mut self, lab: &Lab) {
        let number: HashMap<&NetworkName, usize> = lab.networks.keys().enumerate().map(|(n, name)| (name, n)).collect();
        let mut parent: Vec<usize> = (0..number.len()).collect();
        for router in &self.routers {
            let Some(node) = lab.nodes.get(router) else { continue };
            let mut wires = node.adapters.iter().filter_map(|adapter| {
                let network = lab.networks.get(&adapter.network)?;
                if network.kind.joins_nodes() { number.get(&adapter.network).copied() } else { None }
            });
            let Some(first) = wires.next() else { continue };
            for other in wires {
                let (one, two) = (root_of(&mut parent, first), root_of(&mut parent, other));
                if let Some(slot) = parent.get_mut(one.max(two)) {
                    *slot = one.min(two);
                }
            }
        }
        self.reach = number.into_iter().map(|(name, n)| (name.clone(), root_of(&mut parent, n))).collect();
    }
}

fn root_of(parent: &mut [usize], mut n: usize) -> usize {
    while let Some(&up) = parent.get(n) {
        if up == n {
            break;
        }
        let above = parent.get(up).copied().unwrap_or(up);
        if let Some(slot) = parent.get_mut(n) {
            *slot = above;
        }
        n = above;
    }
    n
}

fn routes(catalog: &Catalog, node: &Node) -> bool {
    node.services.values().any(|service| matches!(catalog.behaviour(service), Some(Behaviour::Router | Behaviour::Tunnel)))
}

/// What a step touches beyond what it names.
#[derive(Debug, Default)]
pub(super) struct Spread {
    pub(super) everything: bool,
    pub(super) all_flows: bool,
    pub(super) nodes: BTreeSet<NodeName>,
    pub(super) networks: BTreeSet<NetworkName>,
    pub(super) clusters: BTreeSet<ClusterName>,
    pub(super) vips: BTreeSet<VipName>,
}

impl<'a> Facts<'a> {
    /// The adapters on a network: node and slot, by node name.
    pub fn on_network(&self, network: &str) -> impl Iterator<Item = (&'a NodeName, usize)> + use<'a> {
        self.index.on_network.get(network).into_iter().flatten().map(|(node, slot)| (node, *slot))
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
        one == other || matches!((self.index.reach.get(one), self.index.reach.get(other)), (Some(a), Some(b)) if a == b)
    }

    /// Whether packets find a way between two nodes: over a shared network that joins nodes, or through routers.
    pub fn nodes_meet(&self, one: &Node, other: &Node) -> bool {
        let joins = |network: &str| self.joins(network);
        one.adapters.iter().filter(|adapter| joins(&adapter.network)).any(|here| {
            other.adapters.iter().filter(|adapter| joins(&adapter.network)).any(|there| self.networks_meet(&here.network, &there.network))
        })
    }

    fn joins(&self, network: &str) -> bool {
        self.lab.networks.get(network).is_some_and(|network| network.kind.joins_nodes())
    }

    /// The catalog's entry of a service; `None` for a kind that this catalog does not know.
    pub fn entry(&self, service: &Service) -> Option<&'a Entry> {
        self.catalog.of(service)
    }

    /// How a service works.
    pub fn behaviour(&self, service: &Service) -> Option<Behaviour> {
        self.catalog.behaviour(service)
    }

    /// The services of a node that keep data.
    pub fn data_services<'n>(&self, node: &'n Node) -> impl Iterator<Item = (&'n crate::model::ServiceName, &'n Service)> + use<'n, 'a> {
        let catalog = self.catalog;
        node.services.iter().filter(move |(_, service)| catalog.keeps_data(service))
    }

    /// The networks on which a service can be reached, as its bind address says: every network of its node for `any`,
    /// none for loopback.
    pub fn reachable_on(&self, node: &Node, service: &Service) -> Vec<NetworkName> {
        use crate::model::Bind;
        let all = node.adapters.iter();
        let of = |wanted: &dyn Fn(&crate::model::Adapter) -> bool| {
            let mut networks: Vec<NetworkName> =
                all.clone().filter(|adapter| wanted(adapter)).map(|adapter| adapter.network.clone()).collect();
            networks.dedup();
            networks
        };
        match &service.bind {
            Bind::Any => of(&|_| true),
            Bind::Loopback => Vec::new(),
            Bind::On(network) => of(&|adapter| adapter.network == *network),
            Bind::Address(address) => of(&|adapter| adapter.address == Some(*address)),
        }
    }

    /// The machine that capacity is judged by: the one that the lab names, else the one that it is checked on.
    pub fn host(&self) -> Option<Host> {
        self.lab.host.or(self.context.host)
    }

    /// Nodes by site, in the lab's order.
    pub fn nodes_by_site(&self) -> IndexMap<&'a str, Vec<&'a NodeName>> {
        let mut sites: IndexMap<&str, Vec<&NodeName>> = IndexMap::new();
        for (name, node) in &self.lab.nodes {
            if let Some(site) = &node.site {
                sites.entry(site.as_str()).or_default().push(name);
            }
        }
        sites
    }
}
