//! What the rules about exposure share: which services hold data, who is let in, where else a service could listen.
//!
//! It names no kind of the catalog.

use super::Facts;
use crate::catalog::{Audience, Behaviour};
use crate::model::{
    Adapter, Allow, Bind, Edit, Endpoint, Ipv4Net, ListEdit, Network, NetworkName, Node, NodeName, Peer, Purpose, Service, ServiceName,
    ServiceRef, Subject,
};
use std::net::Ipv4Addr;

/// Whether a service hands data to clients: it keeps some, on disk or in memory, and its main port is for those who use it.
pub(super) fn hands_out_data(facts: &Facts<'_>, service: &Service) -> bool {
    facts.entry(service).is_some_and(|entry| {
        let holds = entry.keeps_data || entry.behaviour == Behaviour::Cache;
        holds && entry.ports.first().is_some_and(|main| main.audience == Audience::Clients)
    })
}

/// Whether a service is what people call the application: it answers requests from outside.
pub(super) fn answers_requests(facts: &Facts<'_>, service: &Service) -> bool {
    matches!(facts.behaviour(service), Some(Behaviour::App | Behaviour::Web | Behaviour::Balancer))
}

/// The subject and the reference of a service.
pub(super) fn at(node: &NodeName, service: &ServiceName) -> ServiceRef {
    ServiceRef { node: node.clone(), service: service.clone() }
}

pub(super) fn subject(node: &NodeName, service: &ServiceName) -> Subject {
    Subject::Service(at(node, service))
}

/// The edit that puts a changed service in place.
pub(super) fn put(node: &NodeName, name: &ServiceName, service: Service) -> Edit {
    Edit::Service { node: node.clone(), name: name.clone(), at: None, to: Some(Box::new(service)) }
}

/// The adapters of a node that a service listens on, with their slots and networks.
pub(super) fn heard_on<'n>(
    facts: &Facts<'n>,
    node: &'n Node,
    service: &'n Service,
) -> impl Iterator<Item = (usize, &'n Adapter, &'n Network)> {
    adapters(facts, node).filter(|(_, adapter, _)| service.bind.is_on(adapter))
}

/// The adapters of a node with their slots and networks.
pub(super) fn adapters<'n>(facts: &Facts<'n>, node: &'n Node) -> impl Iterator<Item = (usize, &'n Adapter, &'n Network)> {
    let facts = *facts;
    node.adapters.iter().enumerate().filter_map(move |(slot, adapter)| Some((slot, adapter, facts.network(&adapter.network)?)))
}

/// The networks of a node on which data belongs, the best first: shared with other nodes and without a way in from the
/// internet.
pub(super) fn inner_networks<'n>(facts: &Facts<'n>, node: &'n Node) -> Vec<&'n NetworkName> {
    let rank = |purpose: Purpose| match purpose {
        Purpose::Backend => 0,
        Purpose::Storage => 1,
        Purpose::General => 2,
        Purpose::Management => 3,
        Purpose::Wan => 4,
        Purpose::Frontend => 5,
    };
    let inner = adapters(facts, node).filter(|(_, _, network)| network.kind.joins_nodes() && !network.kind.reaches_internet());
    let mut ranked: Vec<(u8, &NetworkName)> = inner.map(|(_, adapter, network)| (rank(network.purpose), &adapter.network)).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    let mut names: Vec<&NetworkName> = Vec::new();
    for (_, name) in ranked {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Fixes that bind a service to an inner network of its node: title and edits, the best first, three at most.
pub(super) fn bindings(facts: &Facts<'_>, node_name: &NodeName, node: &Node, name: &ServiceName) -> Vec<(String, Vec<Edit>)> {
    let Some(service) = node.services.get(name) else { return Vec::new() };
    let to = |network: &&NetworkName| {
        let bound = Service { bind: Bind::On((*network).clone()), ..service.clone() };
        (format!("Bind to {network}"), vec![put(node_name, name, bound)])
    };
    inner_networks(facts, node).iter().take(3).map(to).collect()
}

/// The fix that pulls an adapter out.
pub(super) fn unplug(node: &NodeName, slot: usize, adapter: &Adapter) -> (String, Vec<Edit>) {
    let edit = Edit::Adapter { node: node.clone(), slot, change: ListEdit::Remove };
    (format!("Unplug {node} from {}", adapter.network), vec![edit])
}

/// The fix that makes an adapter forward no port that is unwanted.
pub(super) fn without_forwards(node: &NodeName, slot: usize, adapter: &Adapter, unwanted: impl Fn(u16) -> bool) -> Edit {
    let mut kept = adapter.clone();
    kept.forwards.retain(|forward| !unwanted(forward.to));
    Edit::Adapter { node: node.clone(), slot, change: ListEdit::Replace(kept) }
}

/// Whether a service opens this port.
pub(super) fn opens_port(facts: &Facts<'_>, service: &Service, port: u16) -> bool {
    facts.entry(service).is_some_and(|entry| entry.ports_of(service).any(|(_, number)| number == port))
}

/// How a service is open to everybody.
pub(super) enum Opening {
    /// Its allow list says so: how to say it, and the list without it.
    List(String, Allow),
    /// A flow is drawn from outside to it.
    Flow(usize),
}

/// Whether a service lets everybody in, by its allow list or by a flow from outside.
pub(super) fn opening(facts: &Facts<'_>, node_name: &NodeName, node: &Node, name: &ServiceName) -> Option<Opening> {
    let service = node.services.get(name).filter(|service| service.bind != Bind::Loopback)?;
    let everybody = |peer: &Peer| match peer {
        Peer::Outside => true,
        Peer::Subnet(subnet) => is_everywhere(*subnet),
        Peer::Node(_) | Peer::Network(_) => false,
    };
    match &service.allow {
        Allow::Everyone => Some(Opening::List("everyone".into(), Allow::Drawn)),
        Allow::Only(peers) => {
            let open = peers.iter().find(|peer| everybody(peer))?;
            let kept: Vec<Peer> = peers.iter().filter(|peer| !everybody(peer)).cloned().collect();
            Some(Opening::List(open.to_string(), if kept.is_empty() { Allow::Drawn } else { Allow::Only(kept) }))
        }
        Allow::Drawn => {
            let node_name = facts.lab.nodes.get_key_value(node_name)?.0;
            facts.flows_to(node_name, name).find(|(_, flow)| flow.from == Endpoint::Outside).map(|(index, _)| Opening::Flow(index))
        }
    }
}

/// Whether a subnet is the whole internet, or so much of it that it makes no difference.
pub(super) fn is_everywhere(subnet: Ipv4Net) -> bool {
    subnet.prefix_len() <= 1 || (subnet.prefix_len() < 8 && !subnet.addr().is_private())
}

/// Whether an address of the host is one that other machines reach.
pub(super) fn is_public(address: Ipv4Addr) -> bool {
    !address.is_loopback()
}
