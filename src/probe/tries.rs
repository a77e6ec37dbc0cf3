//! How each flow of the contract is tried: from where, and at which address and port.
//!
//! Worked out from what is set up, not from the drawing: a flow leads where the service listens now.

use crate::{
    catalog::{Behaviour, Catalog, Entry, Port, Protocol},
    model::{Endpoint, Flow, NodeName, Observed, ObservedNode, Power, ServiceRef, ServiceSpec, VipName},
};
use std::{
    fmt,
    net::{Ipv4Addr, SocketAddrV4},
};

/// Where a try starts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Start {
    /// At a node of the lab.
    Node(NodeName),
    /// At this machine, as somebody outside of the lab.
    Outside,
}

/// What can be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// A connection.
    Connect,
    /// A connection to an ssh server, with a greeting, and seldom: it logs all that come and do not log in, and some turn away those
    /// who come often.
    Greet,
    /// Only whether packets pass: for what speaks no TCP, and for whole nodes.
    Packets,
}

/// What is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// A service.
    Service(ServiceRef),
    /// A service wherever a VIP is; `None` where the VIP follows none.
    Vip(VipName),
    /// A node as such.
    Node(NodeName),
    /// Somebody outside.
    Outside,
}

/// What is dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The address.
    pub address: Ipv4Addr,
    /// The port; `None`: only packets are sent.
    pub port: Option<u16>,
}

impl Target {
    fn of(how: How, at: SocketAddrV4) -> Self {
        Self { address: *at.ip(), port: (how != How::Packets).then(|| at.port()) }
    }

    /// The socket that is connected to; `None` where only packets are sent.
    pub fn socket(self) -> Option<SocketAddrV4> {
        self.port.map(|port| SocketAddrV4::new(self.address, port))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.socket() {
            Some(socket) => socket.fmt(f),
            None => self.address.fmt(f),
        }
    }
}

/// One way of trying a flow. A flow has several where it may start at several nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// The flow's place in the contract.
    pub flow: usize,
    /// Where it starts.
    pub from: Start,
    /// How it is tried.
    pub how: How,
    /// What is dialled.
    pub at: Target,
    /// What is there.
    pub goal: Goal,
}

/// Addresses that only the machine below knows.
pub struct Beyond<'a> {
    /// Where somebody outside reaches the end of a flow.
    pub outside: &'a dyn Fn(&Flow) -> Option<SocketAddrV4>,
    /// Where a node reaches somebody outside.
    pub beyond: &'a dyn Fn(&Endpoint) -> Option<SocketAddrV4>,
}

/// Every way of trying each flow, by what is set up. Flows whose ends are not there have none.
pub fn tries(flows: &[Flow], seen: &Observed, catalog: &Catalog, addresses: &Beyond<'_>) -> Vec<Try> {
    let mut found = Vec::new();
    for (place, flow) in flows.iter().enumerate() {
        for from in starts(flow, seen) {
            let end = match &from {
                Start::Outside => (addresses.outside)(flow).map(|at| {
                    let how = from_outside(flow, seen, catalog);
                    (how, Target::of(how, at), goal_of(flow))
                }),
                Start::Node(node) => end_of(flow, node, seen, catalog, addresses),
            };
            if let Some((how, at, goal)) = end {
                found.push(Try { flow: place, from, how, at, goal });
            }
        }
    }
    found
}

/// How this machine tries a flow: what speaks no TCP is dialled as well, for it can send nothing else.
fn from_outside(flow: &Flow, seen: &Observed, catalog: &Catalog) -> How {
    let Endpoint::Service(to) = &flow.to else { return How::Connect };
    let spec = seen.nodes.get(&to.node).and_then(|node| node.services.get(&to.service)?.spec.as_ref());
    let is_shell = spec.and_then(|spec| catalog.get(&spec.kind)).is_some_and(|entry| entry.behaviour == Behaviour::Shell);
    if is_shell { How::Greet } else { How::Connect }
}

fn starts(flow: &Flow, seen: &Observed) -> Vec<Start> {
    match &flow.from {
        Endpoint::Outside => vec![Start::Outside],
        Endpoint::Node(node) => vec![Start::Node(node.clone())],
        Endpoint::Service(at) => vec![Start::Node(at.node.clone())],
        Endpoint::Vip(vip) => {
            seen.nodes.iter().filter(|(_, it)| it.vips.contains_key(vip)).map(|(it, _)| Start::Node(it.clone())).collect()
        }
    }
}

fn goal_of(flow: &Flow) -> Goal {
    match &flow.to {
        Endpoint::Service(at) => Goal::Service(at.clone()),
        Endpoint::Vip(vip) => Goal::Vip(vip.clone()),
        Endpoint::Node(node) => Goal::Node(node.clone()),
        Endpoint::Outside => Goal::Outside,
    }
}

fn end_of(flow: &Flow, from: &NodeName, seen: &Observed, catalog: &Catalog, addresses: &Beyond<'_>) -> Option<(How, Target, Goal)> {
    let goal = goal_of(flow);
    let caller = seen.nodes.get(from)?;
    match &flow.to {
        Endpoint::Outside => Some((How::Connect, Target::of(How::Connect, (addresses.beyond)(&flow.from)?), goal)),
        Endpoint::Service(to) => {
            let target = seen.nodes.get(&to.node)?;
            let spec = target.services.get(&to.service)?.spec.as_ref()?;
            let (at, how) = main_socket(spec, catalog)?;
            let port = flow.port.unwrap_or(at.port());
            // Another port than the main one is another socket, and may be another protocol.
            let (at, how) = socket_of(spec, catalog, port).unwrap_or((SocketAddrV4::new(*at.ip(), port), how));
            let address = if at.ip().is_unspecified() { address_for(caller, from, &to.node)? } else { *at.ip() };
            Some((how, Target::of(how, SocketAddrV4::new(address, port)), goal))
        }
        Endpoint::Vip(vip) => {
            let (holder, spec) = seen.nodes.values().find_map(|node| Some((node, node.vips.get(vip)?)))?;
            let followed = spec.follows.as_ref().and_then(|name| holder.services.get(name)?.spec.as_ref());
            let main = followed.and_then(|service| main_socket(service, catalog));
            let address = spec.address.addr();
            let Some(port) = flow.port.or(main.map(|(at, _)| at.port())) else {
                return Some((How::Packets, Target { address, port: None }, goal));
            };
            let how = main.map_or(How::Connect, |(_, how)| how);
            Some((how, Target::of(how, SocketAddrV4::new(address, port)), goal))
        }
        Endpoint::Node(to) => {
            let address = address_for(caller, from, to)?;
            let how = if flow.port.is_some() { How::Connect } else { How::Packets };
            Some((how, Target { address, port: flow.port }, goal))
        }
    }
}

/// The address at which a node dials another, or itself: the one that was set up for it, as the services on it do.
fn address_for(caller: &ObservedNode, from: &NodeName, to: &NodeName) -> Option<Ipv4Addr> {
    if from == to { Some(Ipv4Addr::LOCALHOST) } else { caller.spec.as_ref()?.resolve(to) }
}

/// Where a service's main port listens.
fn main_socket(spec: &ServiceSpec, catalog: &Catalog) -> Option<(SocketAddrV4, How)> {
    let entry = catalog.get(&spec.kind)?;
    let port = entry.ports.first()?;
    let at = spec.listen.get(&port.name)?.first()?;
    Some((*at, how(entry, port)))
}

fn socket_of(spec: &ServiceSpec, catalog: &Catalog, number: u16) -> Option<(SocketAddrV4, How)> {
    let entry = catalog.get(&spec.kind)?;
    entry.ports.iter().find_map(|port| {
        let at = spec.listen.get(&port.name)?.iter().find(|at| at.port() == number)?;
        Some((*at, how(entry, port)))
    })
}

fn how(entry: &Entry, port: &Port) -> How {
    match (port.protocol, entry.behaviour) {
        (Protocol::Tcp, Behaviour::Shell) => How::Greet,
        (Protocol::Tcp, _) => How::Connect,
        (Protocol::Udp, _) => How::Packets,
    }
}

/// The addresses to which a node sends a packet each round: those of the nodes at the other ends of its flows, either way.
pub fn peers(node: &NodeName, tries: &[Try], seen: &Observed) -> Vec<Ipv4Addr> {
    let mut others: Vec<&NodeName> = Vec::new();
    for one in tries {
        let Start::Node(from) = &one.from else { continue };
        let ends: Vec<&NodeName> = ends(&one.goal, seen);
        if from == node {
            others.extend(ends);
        } else if ends.contains(&node) {
            others.push(from);
        }
    }
    others.sort_unstable();
    others.dedup();
    let Some(caller) = seen.nodes.get(node) else { return Vec::new() };
    let mut found: Vec<Ipv4Addr> =
        others.into_iter().filter(|other| *other != node).filter_map(|other| address_for(caller, node, other)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The nodes that may be at the end of a try.
pub fn ends<'a>(goal: &'a Goal, seen: &'a Observed) -> Vec<&'a NodeName> {
    match goal {
        Goal::Service(at) => vec![&at.node],
        Goal::Node(node) => vec![node],
        Goal::Vip(vip) => seen.nodes.iter().filter(|(_, node)| node.vips.contains_key(vip)).map(|(name, _)| name).collect(),
        Goal::Outside => Vec::new(),
    }
}

/// Whether a node is there to be asked.
pub fn answers(node: &ObservedNode) -> bool {
    node.power == Power::Running
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{desired, fixture};

    /// The mini-cloud as if it were set up as drawn.
    pub(crate) fn set_up() -> (Vec<Flow>, Observed) {
        let lab = fixture::mini_cloud();
        (lab.flows.clone(), crate::probe::fixture::set_up(&lab))
    }

    fn lines(flows: &[Flow], seen: &Observed) -> Vec<String> {
        let outside = |_: &Flow| Some("127.0.0.1:8080".parse().unwrap());
        let beyond = |_: &Endpoint| None;
        let found = tries(flows, seen, Catalog::embedded(), &Beyond { outside: &outside, beyond: &beyond });
        let line = |one: &Try| {
            let from = match &one.from {
                Start::Outside => "outside".to_owned(),
                Start::Node(node) => node.to_string(),
            };
            format!("{} {from} {:?} {}", one.flow, one.how, one.at)
        };
        found.iter().map(line).collect()
    }

    #[test]
    fn each_flow_is_tried_where_it_starts_at_what_really_listens() {
        let (flows, seen) = set_up();
        let found = lines(&flows, &seen);
        for (flow, expected) in flows.iter().zip(&found) {
            assert!(found.len() >= flows.len(), "{flow}: {expected}");
        }
        assert!(found.iter().any(|line| line.ends_with("192.168.50.11:8080") || line.ends_with("192.168.50.11:80")), "{found:?}");
        assert!(found.iter().any(|line| line.contains("app1 Connect") && line.ends_with(":3306")), "{found:?}");
        assert_eq!(desired(&fixture::mini_cloud(), Catalog::embedded(), &fixture::id()).unplannable.len(), 0);
    }

    #[test]
    fn what_is_not_there_is_not_tried() {
        let (flows, mut seen) = set_up();
        let all = lines(&flows, &seen).len();
        seen.nodes.remove(&"app1".parse::<NodeName>().unwrap());
        assert!(lines(&flows, &seen).len() < all);
        seen.nodes.clear();
        assert!(lines(&flows, &seen).iter().all(|line| line.contains("outside")), "somebody outside knows the way by himself");
    }

    #[test]
    fn a_try_without_a_port_shows_none() {
        let (mut flows, seen) = set_up();
        let node = |name: &str| Endpoint::Node(name.parse().unwrap());
        flows.push(Flow::new(node("app1"), node("db1")));
        flows.push(Flow { port: Some(3306), ..Flow::new(node("app1"), node("db1")) });
        let found = lines(&flows, &seen);
        let last: Vec<&str> = found.iter().rev().take(2).rev().map(String::as_str).collect();
        let numbers = [flows.len() - 2, flows.len() - 1];
        assert_eq!(last, [format!("{} app1 Packets 192.168.60.21", numbers[0]), format!("{} app1 Connect 192.168.60.21:3306", numbers[1])]);
        assert!(found.iter().all(|line| !line.ends_with(":0")), "{found:?}");
    }

    #[test]
    fn a_probe_dials_the_address_that_was_set_up() {
        let (flows, seen) = set_up();
        // Both are on `management` and on `backend`; the caller's first common network counts, whatever the target's order is.
        let app1: NodeName = "app1".parse().unwrap();
        let db1: NodeName = "db1".parse().unwrap();
        for reversed in [false, true] {
            let mut seen = seen.clone();
            if reversed {
                seen.nodes.get_mut(&db1).unwrap().spec.as_mut().unwrap().adapters.reverse();
            }
            let found = tries(&flows, &seen, Catalog::embedded(), &Beyond { outside: &|_| None, beyond: &|_| None });
            let set_up = seen.nodes[&app1].spec.as_ref().unwrap().resolve("DB1").unwrap();
            let to_db1 = peers(&app1, &found, &seen);
            assert!(to_db1.contains(&set_up), "{to_db1:?} without {set_up}");
        }
    }

    #[test]
    fn both_ends_of_a_flow_are_peers() {
        let (flows, seen) = set_up();
        let found = tries(&flows, &seen, Catalog::embedded(), &Beyond { outside: &|_| None, beyond: &|_| None });
        let peers_of = |node: &str| peers(&node.parse().unwrap(), &found, &seen).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(peers_of("app1").contains(&"192.168.60.21".to_owned()) && peers_of("app1").contains(&"192.168.60.22".to_owned()));
        assert!(peers_of("db1").contains(&"192.168.60.11".to_owned()), "{:?}", peers_of("db1"));
        assert!(!peers_of("db1").contains(&"192.168.60.21".to_owned()), "not itself");
    }
}
