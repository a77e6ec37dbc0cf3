//! What is asked: every service port of every node, from every node and from outside, with what `reach` says.

use super::{
    built::{Caller, WORLD, WORLD_SAYS},
    calls::{Answer, Call},
};
use sandtable::{
    catalog::{Behaviour, Catalog, ForwardRule, Protocol},
    model::{NodeName, ServiceRef, Value},
    plan::Desired,
    reach::{Design, MachineNo, Outcome, Step, Trip, Why},
};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4},
};

/// A port at which nothing listens (RFC 863).
const UNUSED: u16 = 9;

/// One attempt, and what `reach` says of it.
#[derive(Debug, Clone)]
pub struct Question {
    pub from: Caller,
    pub call: Call,
    said: Said,
}

#[derive(Debug, Clone)]
struct Said {
    outcome: Outcome,
    service: Option<String>,
    /// Where it is compared: beyond the lab, others hide it again.
    source: Option<Ipv4Addr>,
    why: Option<Why>,
    /// Whether a port forward leads it elsewhere.
    is_led: bool,
    /// The way there, for people.
    way: String,
}

impl Question {
    /// Whether the kernel agrees. What answers says its name and the source that it sees, and both count.
    pub fn agrees(&self, answer: &Answer) -> bool {
        // A datagram socket is told that nothing listens, and not that a router has no route (udp(7), IP_RECVERR).
        // What a router says of a missing route comes from an address of its own; the caller drops it where it has no route there
        // (rp_filter), and beyond a port forward `reach` does not follow it.
        let may_be_silent = self.said.outcome == Outcome::Unreachable && (self.call.protocol == Protocol::Udp || self.said.is_led);
        if answer.outcome != Ok(self.said.outcome) && !(may_be_silent && answer.outcome == Ok(Outcome::TimedOut)) {
            return false;
        }
        let Some((by, source)) = &answer.by else { return true };
        self.said.service.as_ref().is_none_or(|service| service == by) && self.said.source.is_none_or(|said| said == *source)
    }

    /// The caller and the router that has no route. A router says so to each caller a few times, then once a second, so that some of
    /// many attempts time out.
    pub fn without_route(&self) -> Option<(&Caller, MachineNo)> {
        if let Some(Why::NoRoute(machine, _)) = self.said.why { Some((&self.from, machine)) } else { None }
    }

    /// What both say.
    pub fn describe(&self, answer: &Answer) -> String {
        let Said { outcome, service, source, why, way, .. } = &self.said;
        format!(
            "{} -> {} {:?}: reach says {outcome:?} {service:?} {source:?} {why:?} by {way:?}, the kernel {answer:?}",
            self.from, self.call.to, self.call.protocol
        )
    }
}

/// The ports of a lab's nodes, and who asks.
struct Asker<'a> {
    wanted: &'a Desired,
    design: &'a Design<'a>,
    ports: BTreeMap<&'a NodeName, BTreeMap<u16, Protocol>>,
}

/// All questions about a lab.
pub fn questions(wanted: &Desired, design: &Design<'_>) -> Vec<Question> {
    let ports = wanted.machines.keys().map(|node| (node, ports(wanted, node))).collect();
    let asker = Asker { wanted, design, ports };
    let mut all = Vec::new();
    for (place, node) in wanted.machines.keys().enumerate() {
        asker.ask_from_node(MachineNo::at(place), node, &mut all);
        asker.ask_from_outside(MachineNo::at(place), node, &mut all);
    }
    all
}

/// The ports of a node: those of its services, whether open or not, those that it forwards, and an unused one.
fn ports(wanted: &Desired, node: &NodeName) -> BTreeMap<u16, Protocol> {
    let catalog = Catalog::embedded();
    let protocol_of = |at: &ServiceRef, number: u16| {
        let spec = wanted.services.get(at)?;
        let port = spec.listen.iter().find(|(_, all)| all.iter().any(|at| at.port() == number)).map(|(name, _)| name)?;
        Some(catalog.get(&spec.kind)?.ports.iter().find(|known| known.name == *port)?.protocol)
    };
    let mut ports = BTreeMap::from([(UNUSED, Protocol::Tcp)]);
    for (at, spec) in wanted.services.iter().filter(|(at, _)| at.node == *node) {
        for number in spec.listen.values().flatten().map(SocketAddrV4::port) {
            ports.insert(number, protocol_of(at, number).unwrap_or_default());
        }
        if catalog.get(&spec.kind).is_some_and(|entry| entry.behaviour == Behaviour::PortForward)
            && let Some(Value::List(rules)) = spec.settings.get("rules")
        {
            for rule in rules.iter().filter_map(|rule| rule.parse::<ForwardRule>().ok()) {
                let target = spec.peers.iter().find(|peer| peer.at == rule.to).map(|peer| peer.address.port());
                ports.insert(rule.port, target.and_then(|number| protocol_of(&rule.to, number)).unwrap_or_default());
            }
        }
    }
    ports
}

impl Asker<'_> {
    fn said(&self, trip: &Trip) -> Said {
        let service = trip.service.and_then(|service| self.design.service(service)).map(ToString::to_string);
        let way =
            trip.hops.iter().map(|hop| format!("{} {:?}; ", self.wanted.machines.get_index(hop.at.place()).unwrap().0, hop.step)).collect();
        Said {
            outcome: trip.outcome,
            service,
            source: trip.source,
            why: trip.why,
            is_led: trip.hops.iter().any(|hop| matches!(hop.step, Step::Leads(..))),
            way,
        }
    }

    /// The addresses at which a node is called: its own on networks that join nodes, and those of the VIPs that it may hold.
    fn addresses(&self, node: &NodeName) -> Vec<Ipv4Addr> {
        let place = MachineNo::at(self.wanted.machines.get_index_of(node).unwrap());
        let joins = |place: usize| self.wanted.networks.get_index(place).is_some_and(|(_, spec)| spec.kind.joins_nodes());
        let own = self.design.map.addresses(place).filter(|(network, _)| joins(network.place())).map(|(_, net)| net.addr());
        let vips = self.wanted.vips.iter().filter(|((_, holder), _)| holder == node).map(|(_, spec)| spec.address.addr());
        own.chain(vips).collect()
    }

    fn ask_from_node(&self, from: MachineNo, node: &NodeName, all: &mut Vec<Question>) {
        let mut ask = |address: Ipv4Addr, port: u16, protocol: Protocol| {
            let trip = self.design.map.connect(&self.design.state, from, address, Some(port));
            let call = Call { protocol, to: SocketAddrV4::new(address, port) };
            all.push(Question { from: Caller::Node(node.clone()), call, said: self.said(&trip) });
        };
        for (target, ports) in &self.ports {
            let own = (*target == node).then_some(Ipv4Addr::LOCALHOST);
            for address in self.addresses(target).into_iter().chain(own) {
                ports.iter().for_each(|(port, protocol)| ask(address, *port, *protocol));
            }
        }
        ask(*WORLD.ip(), WORLD.port(), Protocol::Tcp);
        if let Some(last) = all.last_mut() {
            last.said.source = None;
            last.said.service = Some(WORLD_SAYS.to_owned());
        }
    }

    fn ask_from_outside(&self, target: MachineNo, node: &NodeName, all: &mut Vec<Question>) {
        let (map, state) = (&self.design.map, &self.design.state);
        for (port, protocol) in &self.ports[node] {
            if let Some(entrance) = map.entrance(target, *port) {
                let (through, _) = self.wanted.machines.get_index(entrance.machine.place()).unwrap();
                let from = if entrance.host_port.is_some() { Caller::Router(through.clone(), entrance.slot) } else { Caller::Host };
                let said = self.said(&map.enter(state, entrance));
                all.push(Question { from, call: Call { protocol: *protocol, to: entrance.at }, said });
            }
            for address in self.addresses(node) {
                let to = SocketAddrV4::new(address, *port);
                let said = match map.connect_from_outside_to(state, to) {
                    Some(trip) => self.said(&trip),
                    None => {
                        Said { outcome: Outcome::Unreachable, service: None, source: None, why: None, is_led: false, way: String::new() }
                    }
                };
                all.push(Question { from: Caller::Host, call: Call { protocol: *protocol, to }, said });
            }
        }
    }
}
