//! The index behind [`Facts`](super::Facts): names by what they are looked up by, kept while the lab is edited.
//!
//! It holds what the lab says and never a judgement. It is a cache: [`Index::build`] of a lab and any number of
//! [`Index::update`]s that lead to the same lab are equal (a property test says so).

use super::ways::Ways;
use crate::catalog::{Behaviour, Catalog};
use crate::model::{
    Allow, ClusterName, Endpoint, Flow, Lab, Mac, NetworkName, Node, NodeName, Peer, ServiceRef, Touched, Value, Vip, VipName,
};
use rustc_hash::FxHashMap as HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// The most members of a cluster whose nodes are all looked at again when one of them changes.
const SMALL_CLUSTER: usize = 16;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// What is on a network.
    pub(super) wires: HashMap<NetworkName, Wire>,
    /// Places of the flows that name a node, or a VIP that the node may hold.
    pub(super) flows_of: HashMap<NodeName, Vec<usize>>,
    /// Members of a cluster.
    pub(super) clusters: BTreeMap<ClusterName, BTreeSet<ServiceRef>>,
    /// VIPs that a node may hold.
    pub(super) vips_of: HashMap<NodeName, BTreeSet<VipName>>,
    /// Nodes that route between their networks.
    pub(super) routers: BTreeSet<NodeName>,
    /// Networks between which packets find a way: a number for each, the same for those.
    pub(super) reach: HashMap<NetworkName, usize>,
    /// Services whose setting `authoritative` is on.
    pub(super) authoritative: BTreeSet<ServiceRef>,
    /// Nodes that others depend on without being drawn to them.
    pub(super) ways: Ways,
    /// Nodes whose allow lists name a node.
    listed_by: HashMap<NodeName, BTreeSet<NodeName>>,
    /// What a node has put into the index, so that it can be taken out when the node has changed.
    from_node: HashMap<NodeName, FromNode>,
    /// The flows that were indexed: what differs from the lab's has changed.
    flows: Vec<Flow>,
    /// The VIPs that were indexed.
    vips: HashMap<VipName, Vip>,
}

/// What is on a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wire {
    /// Adapters: node and slot.
    pub(super) adapters: BTreeSet<(NodeName, usize)>,
    /// Adapters by address, sorted.
    pub(super) addresses: HashMap<Ipv4Addr, Vec<(NodeName, usize)>>,
    /// Adapters by hardware address, sorted.
    pub(super) macs: HashMap<Mac, Vec<(NodeName, usize)>>,
    /// VIPs by address, sorted.
    pub(super) vips: HashMap<Ipv4Addr, Vec<VipName>>,
}

impl Wire {
    fn is_empty(&self) -> bool {
        self.adapters.is_empty() && self.vips.is_empty()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct OnWire {
    network: NetworkName,
    address: Option<Ipv4Addr>,
    mac: Option<Mac>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct FromNode {
    adapters: Vec<OnWire>,
    clusters: Vec<(ClusterName, ServiceRef)>,
    authoritative: Vec<ServiceRef>,
    lists: Vec<NodeName>,
}

/// What a step touches beyond what it names.
#[derive(Debug, Default)]
pub(super) struct Spread {
    /// All of the lab.
    pub(super) everything: bool,
    /// Flows put in the place of others.
    pub(super) flows_moved: Option<Moved>,
    /// Flows to look at again, by their places after the step.
    pub(super) flows: BTreeSet<usize>,
    pub(super) nodes: BTreeSet<NodeName>,
    pub(super) networks: BTreeSet<NetworkName>,
    pub(super) clusters: BTreeSet<ClusterName>,
    pub(super) vips: BTreeSet<VipName>,
}

/// A run of a list that became another run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moved {
    /// Where it begins.
    pub(super) at: usize,
    /// How many were there.
    pub(super) old: usize,
    /// How many are there.
    pub(super) new: usize,
}

impl Index {
    pub(super) fn build(lab: &Lab, catalog: &Catalog) -> Self {
        let mut index = Self::default();
        index.from_node.reserve(lab.nodes.len());
        index.flows_of.reserve(lab.nodes.len());
        for (name, node) in &lab.nodes {
            index.add_node(catalog, name, node);
        }
        for (name, vip) in &lab.vips {
            index.add_vip(name, vip);
        }
        index.index_flows(lab);
        index.reach = index.reach_of(lab);
        index.ways = Ways::build(lab, catalog, |one, other| index.networks_meet(one, other));
        index
    }

    /// Follows a step. Gives what else it touches: the networks that touched nodes were or are on, for one.
    pub(super) fn update(&mut self, lab: &Lab, catalog: &Catalog, touched: &Touched) -> Spread {
        let is_way = |name: &NodeName| self.routers.contains(name) || self.ways.concerns(catalog, name, lab.nodes.get(name));
        if touched.renamed || touched.sites || touched.header || !touched.networks.is_empty() || touched.nodes.iter().any(is_way) {
            *self = Self::build(lab, catalog);
            return Spread { everything: true, ..Spread::default() };
        }
        let mut spread = Spread::default();
        for name in &touched.nodes {
            let old = self.remove_node(name).unwrap_or_default();
            if let Some(node) = lab.nodes.get(name) {
                self.add_node(catalog, name, node);
            }
            let new = self.from_node.get(name).cloned().unwrap_or_default();
            self.spread_node(name, &old, &mut spread);
            self.spread_node(name, &new, &mut spread);
        }
        for members in spread.clusters.iter().filter_map(|cluster| self.clusters.get(cluster)) {
            // Rules about a node may ask whether its services stand alone in their clusters.
            if members.len() <= SMALL_CLUSTER {
                spread.nodes.extend(members.iter().map(|at| at.node.clone()));
            }
        }
        self.update_vips(lab, touched, &mut spread);
        if touched.flows {
            self.update_flows(lab, &mut spread);
        }
        for name in &touched.nodes {
            spread.flows.extend(self.flows_of.get(name).into_iter().flatten());
        }
        spread
    }

    /// Whether packets find a way between two networks, straight or through routers.
    pub(super) fn networks_meet(&self, one: &str, other: &str) -> bool {
        one == other || matches!((self.reach.get(one), self.reach.get(other)), (Some(a), Some(b)) if a == b)
    }

    /// What looks at a node besides itself: its networks and clusters, who shares an address with it, who names it.
    fn spread_node(&self, name: &NodeName, from: &FromNode, spread: &mut Spread) {
        for at in &from.adapters {
            spread.networks.insert(at.network.clone());
            let Some(wire) = self.wires.get(&at.network) else { continue };
            let same_address = at.address.and_then(|address| wire.addresses.get(&address));
            let same_mac = at.mac.and_then(|mac| wire.macs.get(&mac));
            spread.nodes.extend(same_address.into_iter().chain(same_mac).flatten().map(|(node, _)| node.clone()));
            spread.vips.extend(at.address.and_then(|address| wire.vips.get(&address)).into_iter().flatten().cloned());
        }
        spread.clusters.extend(from.clusters.iter().map(|(cluster, _)| cluster.clone()));
        spread.nodes.extend(self.listed_by.get(name).into_iter().flatten().cloned());
        spread.vips.extend(self.vips_of.get(name).into_iter().flatten().cloned());
    }

    fn update_vips(&mut self, lab: &Lab, touched: &Touched, spread: &mut Spread) {
        let mut holders_changed = false;
        for name in &touched.vips {
            let old = self.remove_vip(name);
            let new = lab.vips.get(name);
            if let Some(vip) = new {
                self.add_vip(name, vip);
            }
            for vip in old.iter().chain(new) {
                spread.nodes.extend(vip.holders.iter().map(|holder| holder.node.clone()));
                spread.networks.insert(vip.network.clone());
                let same_address = self.wires.get(&vip.network).and_then(|wire| wire.vips.get(&vip.address));
                spread.vips.extend(same_address.into_iter().flatten().cloned());
            }
            holders_changed |= old.as_ref().map(|vip| &vip.holders) != new.map(|vip| &vip.holders);
            for (index, flow) in lab.flows.iter().enumerate() {
                if names_vip(flow, name) {
                    spread.flows.insert(index);
                    spread.nodes.extend([&flow.from, &flow.to].into_iter().filter_map(Endpoint::node).cloned());
                }
            }
        }
        if holders_changed && !touched.flows {
            self.index_flows(lab);
        }
    }

    /// Finds the run of flows that differs, and moves the places behind it.
    fn update_flows(&mut self, lab: &Lab, spread: &mut Spread) {
        let (before, after) = (&self.flows, &lab.flows);
        let same_head = before.iter().zip(after).take_while(|(one, other)| one == other).count();
        let most = before.len().min(after.len()) - same_head;
        let same_tail = before.iter().rev().zip(after.iter().rev()).take(most).take_while(|(one, other)| one == other).count();
        let moved = Moved { at: same_head, old: before.len() - same_head - same_tail, new: after.len() - same_head - same_tail };
        let mut ends: BTreeSet<NodeName> = BTreeSet::new();
        for flow in before.iter().skip(moved.at).take(moved.old).chain(after.iter().skip(moved.at).take(moved.new)) {
            ends.extend(nodes_of(lab, flow).cloned());
        }
        self.index_flows(lab);
        spread.everything |= ends.iter().any(|name| self.ways.has(name));
        // Rules about a node may read the flows of the nodes at the other ends of its flows.
        for places in ends.iter().filter_map(|name| self.flows_of.get(name)) {
            spread.nodes.extend(places.iter().filter_map(|place| lab.flows.get(*place)).flat_map(|flow| nodes_of(lab, flow)).cloned());
        }
        spread.nodes.extend(ends);
        spread.flows_moved = Some(moved);
        spread.flows.extend(moved.at..moved.at + moved.new);
    }

    fn add_node(&mut self, catalog: &Catalog, name: &NodeName, node: &Node) {
        let mut from = FromNode { adapters: Vec::with_capacity(node.adapters.len()), ..FromNode::default() };
        for (slot, adapter) in node.adapters.iter().enumerate() {
            let wire = self.wires.entry(adapter.network.clone()).or_default();
            wire.adapters.insert((name.clone(), slot));
            if let Some(address) = adapter.address {
                insert_sorted(wire.addresses.entry(address).or_default(), (name.clone(), slot));
            }
            if let Some(mac) = adapter.mac {
                insert_sorted(wire.macs.entry(mac).or_default(), (name.clone(), slot));
            }
            from.adapters.push(OnWire { network: adapter.network.clone(), address: adapter.address, mac: adapter.mac });
        }
        for (service_name, service) in &node.services {
            let at = || ServiceRef { node: name.clone(), service: service_name.clone() };
            if let Some(cluster) = &service.cluster {
                self.clusters.entry(cluster.clone()).or_default().insert(at());
                from.clusters.push((cluster.clone(), at()));
            }
            if service.settings.get("authoritative") == Some(&Value::Bool(true)) {
                self.authoritative.insert(at());
                from.authoritative.push(at());
            }
            if let Allow::Only(peers) = &service.allow {
                for peer in peers {
                    if let Peer::Node(listed) = peer {
                        self.listed_by.entry(listed.clone()).or_default().insert(name.clone());
                        from.lists.push(listed.clone());
                    }
                }
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
        for (slot, at) in from.adapters.iter().enumerate() {
            let Some(wire) = self.wires.get_mut(&at.network) else { continue };
            let place = (name.clone(), slot);
            wire.adapters.remove(&place);
            if let Some(address) = at.address {
                remove_from(&mut wire.addresses, &address, &place);
            }
            if let Some(mac) = at.mac {
                remove_from(&mut wire.macs, &mac, &place);
            }
            if wire.is_empty() {
                self.wires.remove(&at.network);
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
        for at in &from.authoritative {
            self.authoritative.remove(at);
        }
        for listed in &from.lists {
            if let Some(by) = self.listed_by.get_mut(listed) {
                by.remove(name);
                if by.is_empty() {
                    self.listed_by.remove(listed);
                }
            }
        }
        Some(from)
    }

    fn add_vip(&mut self, name: &VipName, vip: &Vip) {
        insert_sorted(self.wires.entry(vip.network.clone()).or_default().vips.entry(vip.address).or_default(), name.clone());
        for holder in &vip.holders {
            self.vips_of.entry(holder.node.clone()).or_default().insert(name.clone());
        }
        self.vips.insert(name.clone(), vip.clone());
    }

    fn remove_vip(&mut self, name: &VipName) -> Option<Vip> {
        let vip = self.vips.remove(name)?;
        if let Some(wire) = self.wires.get_mut(&vip.network) {
            remove_from(&mut wire.vips, &vip.address, name);
            if wire.is_empty() {
                self.wires.remove(&vip.network);
            }
        }
        for holder in &vip.holders {
            if let Some(there) = self.vips_of.get_mut(&holder.node) {
                there.remove(name);
                if there.is_empty() {
                    self.vips_of.remove(&holder.node);
                }
            }
        }
        Some(vip)
    }

    fn index_flows(&mut self, lab: &Lab) {
        self.flows_of.clear();
        for (index, flow) in lab.flows.iter().enumerate() {
            for node in nodes_of(lab, flow) {
                let places = self.flows_of.entry(node.clone()).or_default();
                if places.last() != Some(&index) {
                    places.push(index);
                }
            }
        }
        self.flows.clone_from(&lab.flows);
    }

    /// The numbers of networks: the place of the first one in each group.
    fn reach_of(&self, lab: &Lab) -> HashMap<NetworkName, usize> {
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
        number.into_iter().map(|(name, n)| (name.clone(), root_of(&mut parent, n))).collect()
    }
}

/// The nodes that a flow names, itself or through a VIP that they may hold; one may come twice.
fn nodes_of<'a>(lab: &'a Lab, flow: &'a Flow) -> impl Iterator<Item = &'a NodeName> {
    [&flow.from, &flow.to].into_iter().flat_map(move |end| {
        let vip = if let Endpoint::Vip(vip) = end { lab.vips.get(vip) } else { None };
        vip.into_iter().flat_map(|vip| &vip.holders).map(|holder| &holder.node).chain(end.node())
    })
}

fn names_vip(flow: &Flow, name: &VipName) -> bool {
    [&flow.from, &flow.to].into_iter().any(|end| matches!(end, Endpoint::Vip(vip) if vip == name))
}

fn insert_sorted<T: Ord>(items: &mut Vec<T>, item: T) {
    if let Err(at) = items.binary_search(&item) {
        items.insert(at, item);
    }
}

fn remove_from<K: std::hash::Hash + Eq, T: PartialEq>(map: &mut HashMap<K, Vec<T>>, key: &K, item: &T) {
    if let Some(items) = map.get_mut(key) {
        items.retain(|there| there != item);
        if items.is_empty() {
            map.remove(key);
        }
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
