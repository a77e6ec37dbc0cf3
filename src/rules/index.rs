//! The index behind [`Facts`](super::Facts): names by what they are looked up by, kept while the lab is edited.
//!
//! It holds what the lab says and never a judgement. It is a cache: [`Index::build`] of a lab and any number of
//! [`Index::update`]s that lead to the same lab are equal (a property test says so).

use super::ways::Ways;
use super::wire::{OnWire, Plug, Wire, at_key, insert_sorted, remove_sorted};
use crate::catalog::{Behaviour, Catalog};
use crate::model::{Allow, ClusterName, Endpoint, Flow, Lab, NetworkName, Node, NodeName, Peer, ServiceRef, Touched, Value, Vip, VipName};
use rustc_hash::FxHashMap as HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

/// The most members of a cluster whose nodes are all looked at again when one of them changes.
pub(super) const SMALL_CLUSTER: usize = 16;

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
    /// The few services that rules about the whole lab ask for.
    marked: BTreeMap<Mark, BTreeSet<ServiceRef>>,
    /// Ports of the host that are forwarded, with how often.
    pub(super) host_ports: BTreeMap<u16, usize>,
    /// Nodes with capital letters in their names.
    pub(super) capitals: BTreeSet<NodeName>,
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

/// Why a service is easy to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    /// Its setting `authoritative` is on.
    Authoritative,
    /// A setting or its allow list names something of the lab.
    Naming,
    /// It works in a cluster only, and is in none.
    Clusterless,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct FromNode {
    adapters: Vec<OnWire>,
    clusters: Vec<(ClusterName, ServiceRef)>,
    marked: Vec<(Mark, ServiceRef)>,
    host_ports: Vec<u16>,
    lists: Vec<NodeName>,
    /// What rules about other nodes may read of its services, as one number.
    face: u64,
}

/// What a step touches beyond what it names.
#[derive(Debug, Default)]
pub(super) struct Spread {
    /// All of the lab.
    pub(super) everything: bool,
    /// Who may hold a VIP.
    holders_changed: bool,
    /// Nodes whose flows are looked at again: those that share an address or a VIP with a node that changed.
    beside: BTreeSet<NodeName>,
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
            index.add_node(catalog, name, node, Wire::push);
        }
        for (name, vip) in &lab.vips {
            index.add_vip(name, vip);
        }
        // Sorting once costs less than keeping order while all of a lab is put in.
        index.wires.values_mut().for_each(Wire::sort);
        index.index_flows(lab);
        index.reach = index.reach_of(lab);
        index.ways = Ways::build(lab, catalog, |network| index.reach.get(network).copied());
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
        let mut other_face: Vec<&NodeName> = Vec::new();
        let sizes = self.cluster_sizes(lab, touched);
        for name in &touched.nodes {
            let old = self.remove_node(name).unwrap_or_default();
            if let Some(node) = lab.nodes.get(name) {
                self.add_node(catalog, name, node, Wire::insert);
            }
            let new = self.from_node.get(name).cloned().unwrap_or_default();
            if old.face != new.face {
                other_face.push(name);
            }
            self.spread_node(name, &old, &mut spread);
            self.spread_node(name, &new, &mut spread);
        }
        for (cluster, members) in spread.clusters.iter().filter_map(|cluster| Some((cluster, self.clusters.get(cluster)?))) {
            // Rules about a node may ask whether its services stand alone in their clusters.
            let before = sizes.get(cluster).copied().unwrap_or_default();
            if members.len().min(before) <= SMALL_CLUSTER {
                spread.nodes.extend(members.iter().map(|at| at.node.clone()));
            }
        }
        self.update_vips(lab, touched, &mut spread);
        if touched.flows {
            self.update_flows(lab, &mut spread);
        }
        for name in touched.nodes.iter().chain(&spread.beside) {
            spread.flows.extend(self.flows_of.get(name).into_iter().flatten());
        }
        for name in other_face {
            self.spread_face(lab, name, &mut spread);
        }
        spread
    }

    /// The services with a mark, by node and service name.
    pub(super) fn marked(&self, mark: Mark) -> impl Iterator<Item = &ServiceRef> {
        self.marked.get(&mark).into_iter().flatten()
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
            let same_address = at.address.map_or(&[][..], |address| at_key(&wire.addresses, &address));
            let same_mac = at.mac.map_or(&[][..], |mac| at_key(&wire.macs, &mac));
            spread.nodes.extend(same_address.iter().map(|(_, (node, _))| node.clone()));
            spread.beside.extend(same_address.iter().map(|(_, (node, _))| node.clone()));
            spread.nodes.extend(same_mac.iter().map(|(_, (node, _))| node.clone()));
            let vips = at.address.map_or(&[][..], |address| at_key(&wire.vips, &address));
            spread.vips.extend(vips.iter().map(|(_, vip)| vip.clone()));
        }
        spread.clusters.extend(from.clusters.iter().map(|(cluster, _)| cluster.clone()));
        spread.nodes.extend(self.listed_by.get(name).into_iter().flatten().cloned());
        let held = self.vips_of.get(name).into_iter().flatten();
        let holders = held.clone().filter_map(|vip| self.vips.get(vip)).flat_map(|vip| &vip.holders);
        spread.beside.extend(holders.map(|holder| holder.node.clone()));
        spread.vips.extend(held.cloned());
    }

    /// How many members the clusters of touched nodes have, before the nodes are put in anew.
    fn cluster_sizes(&self, lab: &Lab, touched: &Touched) -> HashMap<ClusterName, usize> {
        let before =
            touched.nodes.iter().filter_map(|name| self.from_node.get(name)).flat_map(|from| &from.clusters).map(|(cluster, _)| cluster);
        let nodes = touched.nodes.iter().filter_map(|name| lab.nodes.get(name));
        let after = nodes.flat_map(|node| node.services.values()).filter_map(|service| service.cluster.as_ref());
        before.chain(after).map(|cluster| (cluster.clone(), self.clusters.get(cluster).map_or(0, BTreeSet::len))).collect()
    }

    /// Rules about a node may read the services of the nodes at the other ends of its flows, and at the other ends of theirs.
    fn spread_face(&self, lab: &Lab, name: &NodeName, spread: &mut Spread) {
        let ends_of = |name: &NodeName| {
            let places = self.flows_of.get(name).into_iter().flatten();
            places.filter_map(|place| lab.flows.get(*place)).flat_map(|flow| nodes_of(lab, flow)).collect::<BTreeSet<_>>()
        };
        for end in ends_of(name) {
            spread.nodes.insert(end.clone());
            spread.nodes.extend(ends_of(end).into_iter().cloned());
        }
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
                spread.beside.extend(vip.holders.iter().map(|holder| holder.node.clone()));
                let wire = self.wires.get(&vip.network);
                let same = wire.map_or(&[][..], |wire| at_key(&wire.addresses, &vip.address));
                spread.beside.extend(same.iter().map(|(_, (node, _))| node.clone()));
                spread.networks.insert(vip.network.clone());
                let same_address = self.wires.get(&vip.network).map_or(&[][..], |wire| at_key(&wire.vips, &vip.address));
                spread.vips.extend(same_address.iter().map(|(_, vip)| vip.clone()));
            }
            holders_changed |= old.as_ref().map(|vip| &vip.holders) != new.map(|vip| &vip.holders);
            for (index, flow) in lab.flows.iter().enumerate() {
                if names_vip(flow, name) {
                    spread.flows.insert(index);
                    spread.nodes.extend([&flow.from, &flow.to].into_iter().filter_map(Endpoint::node).cloned());
                }
            }
        }
        if holders_changed {
            // Flows to a VIP are indexed by its holders.
            spread.holders_changed = true;
            if !touched.flows {
                self.index_flows(lab);
            }
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
        if spread.holders_changed {
            self.index_flows(lab);
        } else {
            self.move_flows(lab, moved);
        }
        spread.everything |= ends.iter().any(|name| self.ways.has(name));
        // Rules about a node may read the flows of the nodes at the other ends of its flows.
        for places in ends.iter().filter_map(|name| self.flows_of.get(name)) {
            spread.nodes.extend(places.iter().filter_map(|place| lab.flows.get(*place)).flat_map(|flow| nodes_of(lab, flow)).cloned());
        }
        // A flow opens its service's firewall to its sender, also for what others send by way of that.
        spread.beside.extend(ends.iter().cloned());
        spread.nodes.extend(ends);
        spread.flows_moved = Some(moved);
        spread.flows.extend(moved.at..moved.at + moved.new);
        // A flow that names no node may be the same as another such flow.
        spread.flows.extend((0..).zip(&lab.flows).filter(|(_, flow)| nodes_of(lab, flow).next().is_none()).map(|(place, _)| place));
    }

    fn add_node(&mut self, catalog: &Catalog, name: &NodeName, node: &Node, plug_in: fn(&mut Wire, &Plug, &OnWire)) {
        let mut from = FromNode { adapters: Vec::with_capacity(node.adapters.len()), ..FromNode::default() };
        for (slot, adapter) in node.adapters.iter().enumerate() {
            let at = OnWire { network: adapter.network.clone(), address: adapter.address, mac: adapter.mac };
            plug_in(value_at(&mut self.wires, &adapter.network), &(name.clone(), slot), &at);
            from.adapters.push(at);
            for forward in &adapter.forwards {
                *self.host_ports.entry(forward.host).or_default() += 1;
                from.host_ports.push(forward.host);
            }
        }
        let mut routes = false;
        let mut face = rustc_hash::FxHasher::default();
        for (service_name, service) in &node.services {
            (service_name, &service.kind, &service.cluster, &service.replica_of).hash(&mut face);
            for (setting, value) in service.settings.iter().filter(|(_, value)| matches!(value, Value::Bool(_))) {
                (setting, value == &Value::Bool(true)).hash(&mut face);
            }
            let at = || ServiceRef { node: name.clone(), service: service_name.clone() };
            if let Some(cluster) = &service.cluster {
                self.clusters.entry(cluster.clone()).or_default().insert(at());
                from.clusters.push((cluster.clone(), at()));
            }
            let entry = catalog.of(service);
            let behaviour = entry.map(|entry| entry.behaviour);
            routes |= matches!(behaviour, Some(Behaviour::Router | Behaviour::Tunnel));
            let marks = [
                (Mark::Authoritative, service.settings.get("authoritative") == Some(&Value::Bool(true))),
                (Mark::Naming, super::setting_names_nothing::names_others(service, entry)),
                (Mark::Clusterless, service.cluster.is_none() && behaviour.is_some_and(Behaviour::needs_cluster)),
            ];
            for (mark, _) in marks.into_iter().filter(|(_, is_so)| *is_so) {
                self.marked.entry(mark).or_default().insert(at());
                from.marked.push((mark, at()));
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
        from.face = face.finish();
        if routes {
            self.routers.insert(name.clone());
        }
        if name.chars().any(char::is_uppercase) {
            self.capitals.insert(name.clone());
        }
        self.from_node.insert(name.clone(), from);
    }

    fn remove_node(&mut self, name: &NodeName) -> Option<FromNode> {
        self.routers.remove(name);
        self.capitals.remove(name);
        let from = self.from_node.remove(name)?;
        for (slot, at) in from.adapters.iter().enumerate() {
            let Some(wire) = self.wires.get_mut(&at.network) else { continue };
            wire.remove(&(name.clone(), slot), at);
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
        for port in &from.host_ports {
            if let Some(count) = self.host_ports.get_mut(port) {
                *count -= 1;
                if *count == 0 {
                    self.host_ports.remove(port);
                }
            }
        }
        for (mark, at) in &from.marked {
            if let Some(there) = self.marked.get_mut(mark) {
                there.remove(at);
                if there.is_empty() {
                    self.marked.remove(mark);
                }
            }
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
        insert_sorted(&mut value_at(&mut self.wires, &vip.network).vips, (vip.address, name.clone()));
        for holder in &vip.holders {
            self.vips_of.entry(holder.node.clone()).or_default().insert(name.clone());
        }
        self.vips.insert(name.clone(), vip.clone());
    }

    fn remove_vip(&mut self, name: &VipName) -> Option<Vip> {
        let vip = self.vips.remove(name)?;
        if let Some(wire) = self.wires.get_mut(&vip.network) {
            remove_sorted(&mut wire.vips, &(vip.address, name.clone()));
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
                let places = value_at(&mut self.flows_of, node);
                if places.last() != Some(&index) {
                    places.push(index);
                }
            }
        }
        self.flows.clone_from(&lab.flows);
    }

    /// Follows a run of flows that became another, where every VIP is held by whom it was.
    fn move_flows(&mut self, lab: &Lab, moved: Moved) {
        let (old_end, new_end) = (moved.at + moved.old, moved.at + moved.new);
        for flow in self.flows.iter().skip(moved.at).take(moved.old) {
            for node in nodes_of(lab, flow) {
                if let Some(places) = self.flows_of.get_mut(node) {
                    places.retain(|place| !(moved.at..old_end).contains(place));
                    if places.is_empty() {
                        self.flows_of.remove(node);
                    }
                }
            }
        }
        if moved.old != moved.new {
            for place in self.flows_of.values_mut().flatten().filter(|place| **place >= old_end) {
                *place = *place - old_end + new_end;
            }
        }
        let new = lab.flows.iter().skip(moved.at).take(moved.new);
        for (index, flow) in (moved.at..).zip(new.clone()) {
            for node in nodes_of(lab, flow) {
                insert_sorted(value_at(&mut self.flows_of, node), index);
            }
        }
        self.flows.splice(moved.at..old_end.min(self.flows.len()), new.cloned());
    }

    /// The numbers of networks: the place of the first one in each group. The management network carries nothing for others.
    fn reach_of(&self, lab: &Lab) -> HashMap<NetworkName, usize> {
        let number: HashMap<&NetworkName, usize> = lab.networks.keys().enumerate().map(|(n, name)| (name, n)).collect();
        let mut parent: Vec<usize> = (0..number.len()).collect();
        for router in &self.routers {
            let Some(node) = lab.nodes.get(router) else { continue };
            let mut wires = node.adapters.iter().filter_map(|adapter| {
                let network = lab.networks.get(&adapter.network)?;
                if network.carries() { number.get(&adapter.network).copied() } else { None }
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

/// The value of a key, made where there is none.
fn value_at<'a, K: Hash + Eq + Clone, V: Default>(map: &'a mut HashMap<K, V>, key: &K) -> &'a mut V {
    map.entry(key.clone()).or_default()
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
