//! Machines: size, adapters with stable hardware addresses, names of others.

use super::{Unplannable, routes::Routes};
use crate::{
    model::{
        Adapter, AdapterSpec, Endpoint, Family, Hosts, Ipv4Net, Lab, MachineSpec, NetworkName, Node, NodeName, PackageName, Subject,
        VersionPattern,
    },
    plan::{LabId, hardware_address},
};
use rustc_hash::FxHashMap;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

/// Who shares a network with whom, and who has a flow with whom: the nodes that a node should know by name. (All of the
/// lab would be a square of its size.)
pub(super) struct Neighbours<'a> {
    on: BTreeMap<&'a NetworkName, Vec<usize>>,
    flows: BTreeMap<usize, BTreeSet<usize>>,
    /// The lists that were made, by what they are made of: nodes that know the same others share one.
    lists: RefCell<FxHashMap<Known<'a>, Hosts>>,
}

/// What a node's list is made of: its networks that join nodes, in its own order, and the nodes that it knows though they are on none of
/// them.
type Known<'a> = (Vec<&'a NetworkName>, BTreeSet<usize>);

impl<'a> Neighbours<'a> {
    pub(super) fn of(lab: &'a Lab) -> Self {
        let mut on: BTreeMap<&NetworkName, Vec<usize>> = BTreeMap::new();
        for (index, node) in lab.nodes.values().enumerate() {
            for adapter in &node.adapters {
                on.entry(&adapter.network).or_default().push(index);
            }
        }
        let mut flows: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        let index = |end: &Endpoint| end.node().and_then(|node| lab.nodes.get_index_of(node));
        for flow in &lab.flows {
            if let (Some(from), Some(to)) = (index(&flow.from), index(&flow.to)) {
                flows.entry(from).or_default().insert(to);
                flows.entry(to).or_default().insert(from);
            }
        }
        Self { on, flows, lists: RefCell::default() }
    }

    /// Names and addresses for a node's `/etc/hosts`, nodes in the lab's order, then VIPs. Of a node on several common
    /// networks the address on the first of this node's own comes first, because a resolver takes the first.
    fn hosts(&self, lab: &Lab, name: &NodeName, node: &'a Node) -> Hosts {
        let own = lab.nodes.get_index_of(name);
        let networks = joining(lab, node);
        let by_flow = own.and_then(|own| self.flows.get(&own)).into_iter().flatten().copied();
        let is_elsewhere = |index: &usize| {
            let other = lab.nodes.get_index(*index).map(|(_, other)| other);
            !other.is_some_and(|other| other.adapters.iter().any(|adapter| networks.contains(&&adapter.network)))
        };
        let elsewhere: BTreeSet<usize> = by_flow.chain(own).filter(is_elsewhere).collect();
        let known = (networks, elsewhere);
        if let Some(list) = self.lists.borrow().get(&known) {
            return Hosts::clone(list);
        }
        let list = self.list(lab, &known);
        self.lists.borrow_mut().insert(known, Hosts::clone(&list));
        list
    }

    fn list(&self, lab: &Lab, (networks, elsewhere): &Known<'_>) -> Hosts {
        let on_them = networks.iter().filter_map(|network| self.on.get(network)).flatten();
        let known: BTreeSet<usize> = on_them.chain(elsewhere).copied().collect();
        let mut hosts = Vec::new();
        for (other_name, other) in known.into_iter().filter_map(|index| lab.nodes.get_index(index)) {
            let mut seen = BTreeSet::new();
            let addresses = addresses_from(lab, networks, other).into_iter().filter(|address| seen.insert(*address));
            hosts.extend(addresses.map(|address| (address, other_name.shared())));
        }
        let vips = lab.vips.iter().filter(|(vip_name, vip)| networks.contains(&&vip.network) && is_hostname(vip_name));
        hosts.extend(vips.map(|(vip_name, vip)| (vip.address, vip_name.shared())));
        hosts.into()
    }
}

pub(super) fn joins(lab: &Lab, network: &NetworkName) -> bool {
    lab.networks.get(network).is_some_and(|network| network.kind.joins_nodes())
}

/// The addresses at which a node on these networks reaches another, the first one first: those on common networks, else the other's
/// first drawn one on a network that joins nodes, which is routed to.
fn addresses_from(lab: &Lab, networks: &[&NetworkName], other: &Node) -> Vec<Ipv4Addr> {
    let common: Vec<Ipv4Addr> = networks.iter().filter_map(|network| other.address_on(network)).collect();
    if common.is_empty() { routed_address(lab, other).into_iter().collect() } else { common }
}

/// The address at which one node dials another: the first that its `/etc/hosts` has for it.
pub(super) fn address_from(lab: &Lab, from: &Node, other: &Node) -> Option<Ipv4Addr> {
    addresses_from(lab, &joining(lab, from), other).first().copied()
}

/// The networks of a node on which it reaches others, in slot order.
fn joining<'a>(lab: &Lab, node: &'a Node) -> Vec<&'a NetworkName> {
    node.adapters.iter().map(|adapter| &adapter.network).filter(|network| joins(lab, network)).collect()
}

fn routed_address(lab: &Lab, node: &Node) -> Option<Ipv4Addr> {
    node.adapters.iter().filter(|adapter| joins(lab, &adapter.network)).find_map(|adapter| adapter.address)
}

/// Whether a name can be a host name (RFC 1123, section 2.1).
fn is_hostname(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-')
    };
    name.split('.').all(label)
}

/// The machine of a node.
pub(super) fn specify<'a>(
    lab: &'a Lab,
    id: &LabId,
    neighbours: &Neighbours<'a>,
    routes: &Routes<'_>,
    name: &NodeName,
    node: &'a Node,
) -> Result<MachineSpec, Unplannable> {
    if !is_hostname(name) {
        let why = format!("{name:?} cannot be a host name; rename the node with letters, digits and dashes only.");
        return Err(Unplannable { subject: Subject::Node(name.clone()), why });
    }
    let adapters = node.adapters.iter().enumerate().map(|(slot, adapter)| plugged(lab, id, name, slot, adapter));
    Ok(MachineSpec {
        image: lab.image_of(node).cloned(),
        cpus: node.cpus,
        memory_mib: node.memory,
        disk_gib: node.disk,
        adapters: adapters.collect::<Result<_, _>>()?,
        hostname: name.to_string(),
        hosts: neighbours.hosts(lab, name, node),
        routes: routes.from(node),
        pins: pins(lab, node),
    })
}

/// The versions that a node keeps to: the lab's, where there are packages at all.
fn pins(lab: &Lab, node: &Node) -> BTreeMap<PackageName, VersionPattern> {
    if lab.image_of(node).is_some_and(|image| image.family == Family::Other) {
        return BTreeMap::new();
    }
    lab.pins.iter().map(|(name, version)| (name.clone(), version.clone())).collect()
}

fn plugged(lab: &Lab, id: &LabId, name: &NodeName, slot: usize, adapter: &Adapter) -> Result<AdapterSpec, Unplannable> {
    let subject = || Subject::Adapter(name.clone(), slot, adapter.network.clone());
    let network = lab.networks.get(&adapter.network);
    let address = match adapter.address {
        None => None,
        Some(address) => {
            let net = network.and_then(|network| network.subnet).and_then(|subnet| Ipv4Net::new(address, subnet.prefix_len()).ok());
            let why = || format!("{name} has {address} on {}, which has no subnet; give {0} its subnet.", adapter.network);
            Some(net.ok_or_else(|| Unplannable { subject: subject(), why: why() })?)
        }
    };
    Ok(AdapterSpec {
        network: adapter.network.clone(),
        mac: adapter.mac.unwrap_or_else(|| hardware_address(id, name, slot)),
        address,
        forwards: adapter.forwards.clone(),
    })
}
