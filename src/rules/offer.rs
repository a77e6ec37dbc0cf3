//! Edits that several rules offer. Each reads only the thing that it mends and what is on the same network.

use super::Facts;
use crate::model::{
    Adapter, Bind, Edit, Endpoint, Flow, Forward, ListEdit, NetworkName, Node, NodeName, Service, ServiceName, ServiceRef, Vip, VipName,
};
use std::net::Ipv4Addr;

/// The most entries of a service's table of which each wrong one gets a fix: a fix holds a copy of the table.
pub(super) const ENTRIES_MAX: usize = 64;

/// The most characters of a text of the layout in a fix's title.
pub(super) const TITLE_CHARS_MAX: usize = 40;

/// How many ports after a taken one are tried.
pub(super) const PORTS_TRIED_MAX: usize = 1000;

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

/// The next free address of a network that joins nodes.
pub(super) fn free_address(facts: &Facts<'_>, network: &NetworkName) -> Option<Ipv4Addr> {
    facts.free_address(network).filter(|_| facts.joins(network))
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

/// The most services that name others for which each wrong name of a node gets a fix: a fix looks at all of them.
const NAMING_MAX: usize = 1000;

/// Gives a node another name, wherever the lab says it.
pub(super) fn rename(facts: &Facts<'_>, from: &NodeName, to: NodeName) -> Option<Vec<Edit>> {
    if facts.naming().nth(NAMING_MAX).is_some() {
        return None;
    }
    let naming = facts.naming().map(|(at, service)| (&at.node, &at.service, service));
    Some(facts.catalog.renaming(facts.lab, naming, Edit::RenameNode { from: from.clone(), to }))
}

/// Draws a flow, after all others.
pub(super) fn flow(facts: &Facts<'_>, from: &ServiceRef, to: &ServiceRef) -> Vec<Edit> {
    let flow = Flow::new(Endpoint::Service(from.clone()), Endpoint::Service(to.clone()));
    vec![Edit::Flow { index: facts.lab.flows.len(), change: ListEdit::Insert(flow) }]
}

/// Leads a flow elsewhere.
pub(super) fn lead(facts: &Facts<'_>, flow: &Flow, to: Endpoint) -> Vec<Edit> {
    let Some(index) = facts.place_of(flow) else { return Vec::new() };
    vec![Edit::Flow { index, change: ListEdit::Replace(Flow { to, ..flow.clone() }) }]
}

/// Takes a flow away.
pub(super) fn no_flow(facts: &Facts<'_>, flow: &Flow) -> Vec<Edit> {
    facts.place_of(flow).map(|index| vec![Edit::Flow { index, change: ListEdit::Remove }]).unwrap_or_default()
}

/// Changes a VIP.
pub(super) fn vip(name: &VipName, vip: &Vip, change: impl FnOnce(&mut Vip)) -> Vec<Edit> {
    let mut to = vip.clone();
    change(&mut to);
    vec![Edit::Vip { name: name.clone(), at: None, to: Some(to) }]
}

/// Lets a node hold a VIP no longer.
pub(super) fn not_holding(name: &VipName, of: &Vip, node: &NodeName) -> Offer {
    (format!("Take {node} off the holders"), vip(name, of, |vip| vip.holders.retain(|holder| holder.node != *node)))
}

/// Changes a node.
pub(super) fn node(name: &NodeName, node: &Node, change: impl FnOnce(&mut Node)) -> Vec<Edit> {
    let mut to = node.clone();
    change(&mut to);
    vec![Edit::Node { name: name.clone(), at: None, to: Some(Box::new(to)) }]
}

/// A port of the host that nothing is forwarded from, at or after the one that suits a port of a node: 8080 for 80.
pub(super) fn free_host_port(facts: &Facts<'_>, port: u16) -> Option<u16> {
    let first = match port {
        80 => 8080,
        443 => 8443,
        low if low < 1024 => low + 8000,
        high => high,
    };
    (first..=u16::MAX).take(PORTS_TRIED_MAX).find(|port| !facts.is_host_port_taken(*port))
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
