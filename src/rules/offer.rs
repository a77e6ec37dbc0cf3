//! Edits that several rules offer. Each reads only the thing that it mends and what is on the same network.

use super::Facts;
use crate::model::{Adapter, Bind, Edit, Forward, ListEdit, NetworkName, Node, NodeName, Service, ServiceName};
use std::{collections::HashSet, net::Ipv4Addr};

/// The most adapters on a network among which a free address is looked for.
const CROWDED: usize = 512;

/// A title and the edits it stands for.
pub(super) type Offer = (String, Vec<Edit>);

/// Puts a node on a network, with the next free address where the network has a subnet.
pub(super) fn adapter(facts: &Facts<'_>, name: &NodeName, node: &Node, network: &NetworkName) -> Offer {
    let address = free_address(facts, network);
    let title = match address {
        Some(address) => format!("Put {name} on {network} with {address}"),
        None => format!("Put {name} on {network}"),
    };
    let change = ListEdit::Insert(Adapter { address, ..Adapter::on(network.clone()) });
    (title, vec![Edit::Adapter { node: name.clone(), slot: node.adapters.len(), change }])
}

/// The next free address of a network, as [`crate::model::Lab::free_address`], but only from what is on the network;
/// `None` also where it is crowded: many findings must not each search a large lab.
pub(super) fn free_address(facts: &Facts<'_>, network: &NetworkName) -> Option<Ipv4Addr> {
    let wire = facts.network(network)?;
    let subnet = wire.subnet.filter(|_| wire.kind.joins_nodes())?;
    if facts.on_network(network).nth(CROWDED).is_some() {
        return None;
    }
    let drawn = facts.on_network(network).filter_map(|(node, slot)| facts.lab.nodes.get(node)?.adapters.get(slot)?.address);
    let mut taken: HashSet<Ipv4Addr> = drawn.collect();
    taken.extend(facts.lab.vips.values().filter(|vip| vip.network == *network).map(|vip| vip.address));
    taken.extend(wire.provider_address());
    let free = |address: &Ipv4Addr| !taken.contains(address) && !wire.dhcp.is_some_and(|range| range.contains(*address));
    // People leave the first few addresses to routers: begin at .10 where the subnet is large enough.
    let from_ten = subnet.hosts().skip(9).take(4 * CROWDED).find(free);
    from_ten.or_else(|| subnet.hosts().take(CROWDED).find(free))
}

/// Changes a service of a node.
pub(super) fn service(node: &NodeName, name: &ServiceName, service: &Service, change: impl FnOnce(&mut Service)) -> Vec<Edit> {
    let mut to = service.clone();
    change(&mut to);
    vec![Edit::Service { node: node.clone(), name: name.clone(), at: None, to: Some(Box::new(to)) }]
}

/// Binds a service to a network.
pub(super) fn bind(node: &NodeName, name: &ServiceName, of: &Service, network: &NetworkName) -> Offer {
    (format!("Bind {name} to {network}"), service(node, name, of, |service| service.bind = Bind::On(network.clone())))
}

/// Changes a node.
pub(super) fn node(name: &NodeName, node: &Node, change: impl FnOnce(&mut Node)) -> Vec<Edit> {
    let mut to = node.clone();
    change(&mut to);
    vec![Edit::Node { name: name.clone(), at: None, to: Some(Box::new(to)) }]
}

/// A port of the host that nothing is forwarded from, at or after the one that suits a port of a node: 8080 for 80.
pub(super) fn free_host_port(facts: &Facts<'_>, port: u16) -> Option<u16> {
    let taken: HashSet<u16> = facts
        .lab
        .nodes
        .values()
        .flat_map(|node| &node.adapters)
        .flat_map(|adapter| &adapter.forwards)
        .map(|forward| forward.host)
        .collect();
    let first = match port {
        80 => 8080,
        443 => 8443,
        low if low < 1024 => low + 8000,
        high => high,
    };
    (first..=u16::MAX).find(|port| !taken.contains(port))
}

/// Replaces one forward of an adapter; `None` takes it away.
pub(super) fn forward(name: &NodeName, node: &Node, slot: usize, old: &Forward, new: Option<Forward>) -> Vec<Edit> {
    let Some(adapter) = node.adapters.get(slot) else { return Vec::new() };
    let mut to = adapter.clone();
    to.forwards = adapter.forwards.iter().filter_map(|forward| if forward == old { new } else { Some(*forward) }).collect();
    vec![Edit::Adapter { node: name.clone(), slot, change: ListEdit::Replace(to) }]
}

/// Names in a row as people write them: "a", "a and b", "a, b and c", "a, b, c and 4 more".
pub(super) fn row<T: std::fmt::Display>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if first.len() < 4 => format!("{} and {last}", first.join(", ")),
        [a, b, c, rest @ ..] => format!("{a}, {b}, {c} and {} more", rest.len()),
        [one, other] => format!("{one} and {other}"),
    }
}
