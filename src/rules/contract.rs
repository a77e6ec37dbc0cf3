//! Whether what a flow says can happen: one answer a flow, in the words of the drawing.
//!
//! Whether it does happen once it is deployed `reach` says (`reached`): where it does, nothing is reported.
//!
//! Four rules each report one sort of answer, so one mistake never speaks twice. They are asked in this order, and the
//! first that applies is the answer: is there a way for packets (`no-route-between-sites` where the two ends stand in
//! two sites, else `no-path-for-flow`); does the service listen where they arrive (`flow-misses-bind-address`); is the
//! sender let in (`flow-not-allowed`). What is not drawn yet is no mistake: a node without adapters is left to
//! `isolated-node`, a bind address that the node does not have to `bind-address-not-on-node`, a site without a
//! gateway to `site-without-gateway`.

use super::{
    Facts,
    forward_to_closed_port::{led, opens_unknown},
    reached::Unreached,
};
use crate::catalog::{Audience, Behaviour};
use crate::model::{
    Allow, Bind, Endpoint, Family, Flow, Ipv4Net, NAT_ADDRESS, NetworkName, Node, NodeName, Peer, Service, ServiceName, ServiceRef,
    SiteName, VipName,
};
use std::net::Ipv4Addr;

/// What is to be said of a flow.
#[derive(Clone)]
pub enum Verdict<'a> {
    /// It can happen, as far as it is drawn.
    Open,
    /// Another rule says what is missing.
    Left,
    /// `reach` says that it does not work.
    Unreached(Box<Unreached>),
    /// It leads to a VIP that nobody may hold.
    NobodyHolds(&'a VipName),
    /// A node has no way out to the internet.
    NoWayOut(At<'a>),
    /// Nothing leads from outside to a node.
    NoWayIn(At<'a>, Option<u16>),
    /// Nothing leads from one node to another.
    NoPath(At<'a>, Target<'a>),
    /// Nothing leads from one site to another.
    NoRoute(At<'a>, Target<'a>, &'a SiteName, &'a SiteName),
    /// The service does not listen where the flow arrives.
    Unheard(Source<'a>, Listener<'a>, Option<VipName>),
    /// The service opens no port at all.
    OpensNothing(Listener<'a>),
    /// The service has no such port.
    NoPort(Listener<'a>, u16),
    /// No service of the node has such a port.
    NothingOnPort(At<'a>, u16),
    /// The service does not open that port, or keeps it to its own node, until a setting opens it.
    Closed(Listener<'a>, u16, &'a str),
    /// The service lets only others in.
    Refused(Source<'a>, Listener<'a>),
}

/// A node by name.
#[derive(Clone, Copy)]
pub struct At<'a> {
    pub(super) name: &'a NodeName,
    pub(super) node: &'a Node,
}

/// Who opens a connection.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    Outside,
    Node(At<'a>),
}

impl std::fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Outside => f.write_str(crate::model::OUTSIDE),
            Self::Node(at) => f.write_str(at.name),
        }
    }
}

/// A service on its node.
#[derive(Clone, Copy)]
pub struct Listener<'a> {
    pub(super) at: At<'a>,
    pub(super) name: &'a ServiceName,
    pub(super) service: &'a Service,
}

impl Listener<'_> {
    pub(super) fn reference(&self) -> ServiceRef {
        ServiceRef { node: self.at.name.clone(), service: self.name.clone() }
    }
}

/// Who is to answer.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub(super) at: At<'a>,
    pub(super) listener: Option<Listener<'a>>,
    vip: Option<(&'a VipName, &'a NetworkName, Ipv4Addr)>,
}

/// Where ssh servers listen (RFC 4251).
const SSH_PORT: u16 = 22;

/// The setting without which a port that is for TLS only stays closed.
pub(super) const TLS: &str = "tls";

/// The answer for a flow.
pub(super) fn judge<'a>(facts: &Facts<'a>, flow: &'a Flow) -> Verdict<'a> {
    if let Endpoint::Vip(name) = &flow.to
        && facts.lab.vips.get(name).is_some_and(|vip| vip.holders.is_empty())
    {
        return Verdict::NobodyHolds(name);
    }
    let targets = targets(facts, &flow.to);
    let mut said = Verdict::Open;
    for source in sources(facts, &flow.from) {
        if let (Source::Node(from), Endpoint::Outside) = (source, &flow.to)
            && !from.node.adapters.is_empty()
            && !leads_out(facts, from.node)
        {
            return Verdict::NoWayOut(from);
        }
        for target in &targets {
            let verdict = match source {
                Source::Outside => from_outside(facts, flow, target),
                Source::Node(from) => between(facts, flow, from, target),
            };
            match verdict {
                Verdict::Open => {}
                Verdict::Left => said = Verdict::Left,
                _ => return verdict,
            }
        }
    }
    said
}

/// The first sender of a flow and whom it leads to, where both are nodes.
pub(super) fn first_ends<'a>(facts: &Facts<'a>, flow: &'a Flow) -> Option<(At<'a>, Target<'a>)> {
    let Some(Source::Node(from)) = sources(facts, &flow.from).into_iter().next() else { return None };
    targets(facts, &flow.to).into_iter().next().map(|to| (from, to))
}

/// Whether packets from a node get to where a service of another listens. A bind address that its node does not have is
/// another rule's finding.
pub(super) fn gets_to(facts: &Facts<'_>, from: &Node, node: &Node, service: &Service) -> bool {
    let from = facts.groups(from);
    heard_in(facts, node, service).iter().any(|group| from.contains(group))
}

/// The numbers of the networks, as [`Facts::group`] gives them, from which packets get to where a service listens.
pub(super) fn heard_in(facts: &Facts<'_>, node: &Node, service: &Service) -> Vec<usize> {
    if service.bind == Bind::Loopback {
        return Vec::new();
    }
    let heard = facts.reachable_on(node, service);
    if heard.is_empty() { facts.groups(node) } else { heard.iter().filter_map(|network| facts.group(network)).collect() }
}

fn node_at<'a>(facts: &Facts<'a>, name: &'a NodeName) -> Option<At<'a>> {
    facts.lab.nodes.get(name).map(|node| At { name, node })
}

fn sources<'a>(facts: &Facts<'a>, end: &'a Endpoint) -> Vec<Source<'a>> {
    match end {
        Endpoint::Outside => vec![Source::Outside],
        Endpoint::Node(name) => node_at(facts, name).map(Source::Node).into_iter().collect(),
        Endpoint::Service(at) => node_at(facts, &at.node).map(Source::Node).into_iter().collect(),
        Endpoint::Vip(name) => {
            let holders = facts.lab.vips.get(name).map_or(&[][..], |vip| &vip.holders);
            holders.iter().filter_map(|holder| node_at(facts, &holder.node)).map(Source::Node).collect()
        }
    }
}

fn targets<'a>(facts: &Facts<'a>, end: &'a Endpoint) -> Vec<Target<'a>> {
    match end {
        Endpoint::Outside => Vec::new(),
        Endpoint::Node(name) => node_at(facts, name).map(|at| Target { at, listener: None, vip: None }).into_iter().collect(),
        Endpoint::Service(to) => {
            let target = node_at(facts, &to.node).and_then(|at| {
                let service = at.node.services.get(&to.service)?;
                Some(Target { at, listener: Some(Listener { at, name: &to.service, service }), vip: None })
            });
            target.into_iter().collect()
        }
        Endpoint::Vip(name) => {
            let Some(vip) = facts.lab.vips.get(name) else { return Vec::new() };
            let holder = |at: At<'a>| {
                let listener = vip.follows.as_ref().and_then(|name| {
                    let (name, service) = at.node.services.get_key_value(name)?;
                    Some(Listener { at, name, service })
                });
                Target { at, listener, vip: Some((name, &vip.network, vip.address)) }
            };
            // A holder that is off the VIP's network is another rule's finding.
            let on_wire = vip.holders.iter().filter_map(|holder| node_at(facts, &holder.node));
            on_wire.filter(|at| at.node.adapter_on(&vip.network).is_some()).map(holder).collect()
        }
    }
}

/// Whether a node gets to the internet, itself or through a router.
fn leads_out(facts: &Facts<'_>, node: &Node) -> bool {
    let internet = |node: &Node| {
        node.adapters.iter().any(|adapter| facts.network(&adapter.network).is_some_and(|network| network.kind.reaches_internet()))
    };
    internet(node) || node.adapters.iter().any(|adapter| facts.leads_out(&adapter.network))
}

/// The networks over which somebody outside gets to a port of a node by an address of its, or by a forward.
fn ways_in<'a>(facts: &Facts<'a>, node: &'a Node, port: Option<u16>) -> Vec<&'a NetworkName> {
    let leads = |adapter: &&crate::model::Adapter| {
        let by_address = facts.network(&adapter.network).is_some_and(|network| network.kind.host_reaches());
        by_address || adapter.forwards.iter().any(|forward| port.is_none_or(|port| forward.to == port))
    };
    node.adapters.iter().filter(leads).map(|adapter| &adapter.network).collect()
}

fn port_of(facts: &Facts<'_>, flow: &Flow, listener: Option<Listener<'_>>) -> Option<u16> {
    flow.port.or_else(|| listener.and_then(|listener| facts.entry(listener.service)?.main_port(listener.service)))
}

/// The node that leads a port of its own to a service from outside.
fn leader<'a>(facts: &Facts<'a>, target: &Target<'_>) -> Option<&'a Node> {
    let to = target.listener.filter(|_| target.vip.is_none())?.reference();
    facts.port_rules_to(&to).iter().find_map(|rule| {
        let gateway = facts.lab.nodes.get(&rule.node)?;
        let leads = facts.nodes_meet(gateway, target.at.node) && !ways_in(facts, gateway, Some(rule.port)).is_empty();
        leads.then_some(gateway)
    })
}

fn from_outside<'a>(facts: &Facts<'a>, flow: &Flow, target: &Target<'a>) -> Verdict<'a> {
    let at = target.at;
    if at.node.adapters.is_empty() {
        return Verdict::Left;
    }
    if let Some((gateway, listener)) = leader(facts, target).zip(target.listener) {
        let arrives = |network: &str| gateway.adapters.iter().any(|adapter| facts.networks_meet(&adapter.network, network));
        return unheard(facts, flow, Source::Outside, listener, target, &arrives).unwrap_or(Verdict::Open);
    }
    let port = port_of(facts, flow, target.listener);
    let mut ways = ways_in(facts, at.node, port);
    if let Some((_, network, _)) = target.vip {
        ways.retain(|way| *way == network && facts.network(way).is_some_and(|wire| wire.kind.host_reaches()));
    }
    if ways.is_empty() {
        return Verdict::NoWayIn(at, port);
    }
    let arrives = |network: &str| ways.iter().any(|way| *way == network);
    let is_outside = |peer: &Peer| match peer {
        Peer::Outside => true,
        // The host has an address there too.
        Peer::Network(network) => ways.contains(&network),
        // The host's address is not drawn: what is no subnet of the lab's may well be where it stands.
        Peer::Subnet(subnet) => {
            !facts.lab.networks.values().filter_map(|network| network.subnet).any(|wire| wire.contains(subnet))
                || host_is_in(facts, &ways, subnet)
        }
        Peer::Node(_) => false,
    };
    answered(facts, flow, target, |listener| {
        if let Some(unheard) = unheard(facts, flow, Source::Outside, listener, target, &arrives) {
            return unheard;
        }
        match &listener.service.allow {
            Allow::Only(peers) if !peers.iter().any(is_outside) => Verdict::Refused(Source::Outside, listener),
            _ => Verdict::Open,
        }
    })
}

fn host_is_in(facts: &Facts<'_>, ways: &[&NetworkName], subnet: &Ipv4Net) -> bool {
    let hosts = ways.iter().filter_map(|way| facts.network(way)?.provider_address());
    hosts.into_iter().any(|address| subnet.contains(&address))
}

fn between<'a>(facts: &Facts<'a>, flow: &Flow, from: At<'a>, target: &Target<'a>) -> Verdict<'a> {
    let at = target.at;
    // A node reaches all of its own addresses.
    if from.name == at.name {
        return match (target.listener, target.vip) {
            (Some(listener), Some(_)) => unheard(facts, flow, Source::Node(from), listener, target, &|_| true),
            (Some(listener), None) => closed(facts, flow, listener),
            (None, _) => None,
        }
        .unwrap_or(Verdict::Open);
    }
    if from.node.adapters.is_empty() || at.node.adapters.is_empty() {
        return Verdict::Left;
    }
    let arrives = |network: &str| {
        facts.joins(network)
            && from.node.adapters.iter().any(|adapter| facts.joins(&adapter.network) && facts.networks_meet(&adapter.network, network))
    };
    let meets = match target.vip {
        Some((_, network, _)) => arrives(network),
        None => facts.nodes_meet(from.node, at.node),
    };
    if !meets {
        return match (&from.node.site, &at.node.site) {
            (Some(here), Some(there)) if here != there => {
                if super::site_without_gateway::lacks_gateway(facts.lab, here, there) {
                    Verdict::Left
                } else {
                    Verdict::NoRoute(from, *target, here, there)
                }
            }
            _ => Verdict::NoPath(from, *target),
        };
    }
    answered(facts, flow, target, |listener| {
        if let Some(unheard) = unheard(facts, flow, Source::Node(from), listener, target, &arrives) {
            // What a site lacks is one finding, and not one for each flow.
            return if misses_site(facts, from, at) { Verdict::Left } else { unheard };
        }
        match &listener.service.allow {
            Allow::Only(peers) if !lets_in(facts, from, listener, peers) => Verdict::Refused(Source::Node(from), listener),
            _ => Verdict::Open,
        }
    })
}

/// Whether one of two nodes in two sites, or a gateway of one of these, is on no network of its site.
fn misses_site(facts: &Facts<'_>, one: At<'_>, other: At<'_>) -> bool {
    let gateway_is_off = |site: &SiteName| {
        let gateways = facts.lab.sites.get(site).into_iter().flat_map(|site| &site.gateways);
        gateways.filter_map(|name| facts.lab.nodes.get(name)).any(|gateway| super::gateway_off_its_site::is_off(facts, site, gateway))
    };
    let misses = |at: At<'_>| {
        super::node_off_its_site::missed(facts, at.name, at.node).is_some() || at.node.site.as_ref().is_some_and(gateway_is_off)
    };
    one.node.site != other.node.site && (misses(one) || misses(other))
}

/// What is to be said of who answers: the target's service, or where a flow leads to a port of a node, the one that opens it.
fn answered<'a>(facts: &Facts<'a>, flow: &Flow, target: &Target<'a>, judge: impl Fn(Listener<'a>) -> Verdict<'a>) -> Verdict<'a> {
    let at = target.at;
    let port = match (target.listener, target.vip, flow.port) {
        (Some(listener), ..) => return judge(listener),
        (None, None, Some(port)) => port,
        (None, ..) => return Verdict::Open,
    };
    let services = at.node.services.iter().map(|(name, service)| Listener { at, name, service });
    // A system of no known family keeps the ssh server that its image has, and gets no firewall.
    let keeps_ssh = facts.lab.image_of(at.node).is_some_and(|image| image.family == Family::Other) && port == SSH_PORT;
    if keeps_ssh || opens_unknown(facts, at.node) {
        return Verdict::Left;
    }
    if led(facts, at.node).contains(&port) {
        return Verdict::Open;
    }
    let has = |listener: &Listener<'_>| super::exposure::opens_port(facts, listener.service, port);
    let mut verdicts = services.filter(|listener| has(listener) && closed(facts, flow, *listener).is_none()).map(judge).peekable();
    if verdicts.peek().is_none() {
        return Verdict::NothingOnPort(at, port);
    }
    let first = verdicts.next().unwrap_or(Verdict::Open);
    if matches!(first, Verdict::Open) || verdicts.any(|verdict| matches!(verdict, Verdict::Open)) { Verdict::Open } else { first }
}

/// What is to be said where a service does not listen at the networks where a flow arrives, or not at its port.
fn unheard<'a>(
    facts: &Facts<'a>,
    flow: &Flow,
    from: Source<'a>,
    listener: Listener<'a>,
    target: &Target<'a>,
    arrives: &dyn Fn(&str) -> bool,
) -> Option<Verdict<'a>> {
    let node = listener.at.node;
    let heard = match (&listener.service.bind, target.vip) {
        (Bind::Any, _) => true,
        (Bind::Loopback, _) => false,
        // Who is bound to a network also answers on the VIPs there that its node holds, at its ports for clients.
        (Bind::On(network), Some((_, wire, _))) => {
            network == wire && is_for_clients(facts, flow, listener) || node.adapter_on(network).is_none()
        }
        (Bind::On(network), None) => node.adapter_on(network).is_none() || arrives(network),
        (Bind::Address(address), Some((_, _, vip))) => *address == vip || address.is_unspecified() || is_for_clients(facts, flow, listener),
        (Bind::Address(address), None) => match network_of(facts, node, *address) {
            Some(network) => arrives(network),
            None => !address.is_loopback(),
        },
    };
    if !heard {
        return Some(Verdict::Unheard(from, listener, target.vip.map(|(name, ..)| name.clone())));
    }
    closed(facts, flow, listener)
}

/// Whether the port that a flow leads to is one for clients; so is one that nothing is known of.
fn is_for_clients(facts: &Facts<'_>, flow: &Flow, listener: Listener<'_>) -> bool {
    let Some(entry) = facts.entry(listener.service) else { return true };
    let mut ports = entry.ports_of(listener.service);
    let port = match flow.port {
        Some(wanted) => ports.find(|(_, number)| *number == wanted),
        None => ports.next(),
    };
    port.is_none_or(|(port, _)| port.audience == Audience::Clients)
}

/// What is to be said where a service does not open a flow's port.
fn closed<'a>(facts: &Facts<'a>, flow: &Flow, listener: Listener<'a>) -> Option<Verdict<'a>> {
    let entry = facts.entry(listener.service)?;
    let mut ports = entry.ports_of(listener.service).peekable();
    let Some(wanted) = ports.peek().map(|(_, main)| flow.port.unwrap_or(*main)) else {
        // The ports of a forwarding are in its rules.
        return (entry.behaviour != Behaviour::PortForward).then_some(Verdict::OpensNothing(listener));
    };
    let Some((port, number)) = ports.find(|(_, number)| *number == wanted) else { return Some(Verdict::NoPort(listener, wanted)) };
    let closed_by = port.opened_by.as_deref().filter(|setting| !entry.is_on(listener.service, setting));
    let setting = closed_by.or_else(|| (!entry.opens(listener.service, port)).then_some(TLS))?;
    Some(Verdict::Closed(listener, number, setting))
}

/// The network on which a node has an address.
fn network_of<'a>(facts: &Facts<'_>, node: &'a Node, address: Ipv4Addr) -> Option<&'a NetworkName> {
    let drawn = node.adapters.iter().find(|adapter| adapter.address == Some(address));
    let nat = || {
        let is_nat = |adapter: &&crate::model::Adapter| facts.network(&adapter.network).is_some_and(|network| !network.kind.joins_nodes());
        node.adapters.iter().find(is_nat).filter(|_| address == NAT_ADDRESS)
    };
    drawn.or_else(nat).map(|adapter| &adapter.network)
}

fn lets_in(facts: &Facts<'_>, from: At<'_>, listener: Listener<'_>, peers: &[Peer]) -> bool {
    let same_cluster =
        listener.service.cluster.is_some() && from.node.services.values().any(|service| service.cluster == listener.service.cluster);
    let undrawn = || from.node.adapters.iter().any(|adapter| facts.joins(&adapter.network) && adapter.address.is_none());
    same_cluster
        || peers.iter().any(|peer| match peer {
            Peer::Node(name) => name == from.name,
            Peer::Network(network) => from.node.adapter_on(network).is_some(),
            Peer::Subnet(subnet) => from.node.addresses().any(|address| subnet.contains(&address)) || undrawn(),
            Peer::Outside => false,
        })
}
