//! An answer in names and words: for people, and as one object for programs.

use super::{Design, Hop, INTERNET, MachineNo, NetworkNo, Outcome, ServiceNo, State, Step, Trip, Why};
use crate::catalog::Behaviour;
use crate::model::{Endpoint, NodeName, ServiceRef, VipName};
use serde::Serialize;
use std::net::{Ipv4Addr, SocketAddrV4};

/// Whom to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Something of the lab, or everybody beyond it.
    Endpoint(Endpoint),
    /// An address.
    Address(Ipv4Addr),
    /// A name that the caller looks up in its `/etc/hosts`.
    Name(String),
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Endpoint(end) => end.fmt(f),
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Who opens the connection.
    pub from: Endpoint,
    /// To whom.
    pub to: Target,
    /// On which port; `None`: the target's main port, and for a node whether packets pass.
    pub port: Option<u16>,
}

/// One thing that happens on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HopLine {
    /// The node where it happens.
    pub node: String,
    /// `sends`, `tunnels`, `leads`, `hides`, `leaves` or `takes`.
    pub step: &'static str,
    /// The network it happens on, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The service that does it, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The address that it goes on to, or by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

impl std::fmt::Display for HopLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        let node = &self.node;
        match self.step {
            "sends" => write!(f, "{node} sends to {} on {}", part(&self.address), part(&self.network)),
            "tunnels" => write!(f, "{node} sends it through the tunnel {}", part(&self.service)),
            "leads" => write!(f, "{node} leads it to {} ({})", part(&self.address), part(&self.service)),
            "hides" => write!(f, "{node} replaces the source by its own {}", part(&self.address)),
            "leaves" => write!(f, "{node} sends it out of the lab by {}", part(&self.network)),
            _ => write!(f, "{node} takes it"),
        }
    }
}

/// Why a connection does not open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WhyLine {
    /// A word for it, as [`Why::code`] gives it, or `unknown-name`, `no-port` or `nobody-holds`.
    pub code: &'static str,
    /// The node at which it fails, where it fails at one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// A sentence.
    pub message: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// Who opens the connection.
    pub from: String,
    /// To whom.
    pub to: String,
    /// The address that is called, with the port where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The network by which a connection from outside enters the lab.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enters_by: Option<String>,
    /// The source address that the target sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How the attempt ends.
    pub outcome: Outcome,
    /// Whether the connection opens.
    pub reaches: bool,
    /// The service that answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The way there, as far as it goes.
    pub hops: Vec<HopLine>,
    /// The part of the packets that links lose on the way there, in percent.
    pub loss_percent: u8,
    /// What links add to the time of a packet and its answer, in milliseconds.
    pub delay_ms: u64,
    /// Why the connection does not open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<WhyLine>,
}

/// A question that has no answer: it is about something that the lab does not have, or that cannot be deployed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// No such thing.
    #[error("the lab has no {sort} {name} that can be deployed")]
    Unknown {
        /// The sort of thing.
        sort: &'static str,
        /// Its name.
        name: String,
    },
}

/// Answers a question about a lab in a state.
///
/// # Errors
/// Where an end of it is not among the lab's specifications.
pub fn explain(design: &Design<'_>, state: &impl State, question: &Question) -> Result<Explained, QuestionError> {
    let asker = Asker { design, state };
    let from = asker.caller(&question.from)?;
    let called = asker.called(from, question)?;
    Ok(match called {
        Called::Not(outcome, why) => asker.report(question, None, Trip { outcome, ..silent() }, Some(why)),
        Called::Outside(trip, at, network) => {
            let enters_by = network.map(|network| design.network(network).to_owned());
            Explained { enters_by, ..asker.report(question, at, trip, None) }
        }
        Called::At(machine, address, port) => {
            let trip = design.map.connect(state, machine, address, port);
            asker.report(question, Some((address, port)), trip, None)
        }
    })
}

/// What is called for a question.
enum Called {
    /// An address, by a machine; without a port only packets are sent.
    At(MachineNo, Ipv4Addr, Option<u16>),
    /// Something of the lab, from outside: the address that is called, and the network by which it enters.
    Outside(Trip, Option<(Ipv4Addr, Option<u16>)>, Option<NetworkNo>),
    /// Nothing.
    Not(Outcome, WhyLine),
}

struct Asker<'a, S> {
    design: &'a Design<'a>,
    state: &'a S,
}

fn silent() -> Trip {
    Trip {
        outcome: Outcome::TimedOut,
        service: None,
        forward: false,
        backward: false,
        hops: Vec::new(),
        why: None,
        source: None,
        machine: None,
        crossings: 0,
        delay_us: 0,
        there_us: 0,
        loss_percent: 0,
    }
}

impl<S: State> Asker<'_, S> {
    /// The machine that opens the connection; `None`: somebody outside.
    fn caller(&self, from: &Endpoint) -> Result<Option<MachineNo>, QuestionError> {
        match from {
            Endpoint::Outside => Ok(None),
            Endpoint::Node(node) => self.machine(node).map(Some),
            Endpoint::Service(at) => {
                self.spec(at)?;
                self.machine(&at.node).map(Some)
            }
            Endpoint::Vip(vip) => {
                let (address, holder) = self.vip(vip)?;
                Ok(Some(self.state.holders(address).first().map_or(holder, |(machine, _)| *machine)))
            }
        }
    }

    fn machine(&self, node: &NodeName) -> Result<MachineNo, QuestionError> {
        self.design.machine(node).ok_or_else(|| QuestionError::Unknown { sort: "node", name: node.to_string() })
    }

    fn network_in(&self, machine: MachineNo, slot: usize) -> Option<NetworkNo> {
        self.design.map.machine(machine)?.adapters.get(slot).map(|adapter| adapter.network)
    }

    fn spec(&self, at: &ServiceRef) -> Result<&crate::model::ServiceSpec, QuestionError> {
        self.design.specs.services.get(at).ok_or_else(|| QuestionError::Unknown { sort: "service", name: at.to_string() })
    }

    /// A VIP's address, and its first holder.
    fn vip(&self, vip: &VipName) -> Result<(Ipv4Addr, MachineNo), QuestionError> {
        let unknown = || QuestionError::Unknown { sort: "VIP", name: vip.to_string() };
        let ((_, node), spec) = self.design.specs.vips.iter().find(|((name, _), _)| name == vip).ok_or_else(unknown)?;
        Ok((spec.address.addr(), self.machine(node)?))
    }

    fn main_port(&self, at: &ServiceRef) -> Option<u16> {
        let spec = self.design.specs.services.get(at)?;
        let main = self.design.catalog.get(&spec.kind).and_then(|entry| entry.ports.first());
        let listens = main.and_then(|main| spec.listen.get(&main.name)).and_then(|all| all.first()).map(SocketAddrV4::port);
        // A port forwarding's main port is that of its first rule.
        let rules = || match spec.settings.get("rules") {
            Some(crate::model::Value::List(rules)) => rules.first()?.parse::<crate::catalog::ForwardRule>().ok().map(|rule| rule.port),
            _ => None,
        };
        listens.or_else(rules)
    }

    /// What the caller calls.
    fn called(&self, from: Option<MachineNo>, question: &Question) -> Result<Called, QuestionError> {
        let Some(from) = from else { return self.called_from_outside(question) };
        let port = question.port;
        Ok(match &question.to {
            Target::Address(address) => Called::At(from, *address, port),
            Target::Name(name) => self.named(from, name, port),
            Target::Endpoint(Endpoint::Outside) => Called::At(from, INTERNET, None),
            Target::Endpoint(Endpoint::Node(node)) => {
                if self.machine(node)? == from {
                    Called::At(from, Ipv4Addr::LOCALHOST, port)
                } else {
                    self.named(from, node, port)
                }
            }
            Target::Endpoint(Endpoint::Vip(vip)) => {
                let (address, _) = self.vip(vip)?;
                Called::At(from, address, port.or_else(|| self.followed(vip)))
            }
            Target::Endpoint(Endpoint::Service(at)) => {
                let spec = self.spec(at)?;
                let Some(port) = port.or_else(|| self.main_port(at)) else { return Ok(self.no_port_at(at, spec)) };
                let target = self.machine(&at.node)?;
                let by_flow = self.upstream(&question.from, from, at, port);
                // Nobody else calls a loopback address of the target: it would be his own.
                let is_bound = |on: &Ipv4Addr| !on.is_unspecified() && (target == from || !on.is_loopback());
                let bound = || spec.listen.values().flatten().map(|on| *on.ip()).find(is_bound);
                match by_flow.or_else(bound).or_else(|| (target == from).then_some(Ipv4Addr::LOCALHOST)) {
                    Some(address) => Called::At(from, address, Some(port)),
                    None => self.named(from, &at.node, Some(port)),
                }
            }
        })
    }

    fn named(&self, from: MachineNo, name: &str, port: Option<u16>) -> Called {
        match self.design.map.resolve(from, name) {
            Some(address) => Called::At(from, address, port),
            None => {
                let node = self.design.node(from);
                let message = format!("/etc/hosts of {node} has no {name}: it has the nodes on its networks and those of its flows.");
                Called::Not(Outcome::NameNotResolved, WhyLine { code: "unknown-name", node: Some(node.to_owned()), message })
            }
        }
    }

    /// The address that the caller's own configuration has for a service.
    fn upstream(&self, end: &Endpoint, from: MachineNo, at: &ServiceRef, port: u16) -> Option<Ipv4Addr> {
        let node = self.design.node(from);
        let is_caller = |service: &ServiceRef| match end {
            Endpoint::Service(end) => service == end,
            _ => service.node.as_str() == node,
        };
        // Only the caller's own services: in a large lab most are on other nodes.
        let own = self.design.map.machine(from).into_iter().flat_map(|row| &row.services);
        let callers =
            own.filter_map(|number| self.design.specs.services.get_index(number.place())).filter(|(service, _)| is_caller(service));
        let text = at.to_string();
        let mut found = callers.flat_map(|(_, spec)| {
            let flows = spec
                .upstreams
                .iter()
                .filter(|upstream| upstream.to == text && upstream.at.port() == port)
                .map(|upstream| *upstream.at.ip());
            flows.chain(spec.peers.iter().filter(|peer| peer.at == *at).map(|peer| *peer.address.ip()))
        });
        found.next()
    }

    /// A service without a main port: one that leads ports on has those of its rules, any other opens none.
    fn no_port_at(&self, at: &ServiceRef, spec: &crate::model::ServiceSpec) -> Called {
        if self.design.catalog.get(&spec.kind).is_none_or(|entry| entry.behaviour == Behaviour::PortForward) {
            return no_port(at);
        }
        let message = format!("{at} opens no port, so nothing can connect to it.");
        Called::Not(Outcome::Unreachable, WhyLine { code: "no-port", node: None, message })
    }

    fn followed(&self, vip: &VipName) -> Option<u16> {
        // What it follows may be missing on a holder, where it cannot be deployed.
        let holders = self.design.specs.vips.iter().filter(|((name, _), _)| name == vip);
        let mut ports =
            holders.filter_map(|((_, node), spec)| self.main_port(&ServiceRef { node: node.clone(), service: spec.follows.clone()? }));
        ports.next()
    }

    fn called_from_outside(&self, question: &Question) -> Result<Called, QuestionError> {
        let map = &self.design.map;
        let to_address = |address: Ipv4Addr, port: Option<u16>, subject: &dyn std::fmt::Display| {
            let Some(port) = port else { return no_port(subject) };
            match map.connect_from_outside_to(self.state, SocketAddrV4::new(address, port)) {
                Some(trip) => {
                    let network = map.host_reaches(self.state, address).and_then(|(machine, slot, _)| self.network_in(machine, slot));
                    Called::Outside(trip, Some((address, Some(port))), network)
                }
                None => {
                    let message = format!("The host is on no network on which {subject} is held, so nobody outside reaches it.");
                    Called::Not(Outcome::Unreachable, WhyLine { code: "no-entrance", node: None, message })
                }
            }
        };
        let to_machine = |machine, port: u16| {
            let entrance = map.entrance(machine, port);
            let network = entrance.and_then(|entrance| self.network_in(entrance.machine, entrance.slot));
            let at = entrance.map(|entrance| match entrance.host_port {
                Some(host) => (Ipv4Addr::LOCALHOST, Some(host)),
                None => (*entrance.at.ip(), Some(entrance.at.port())),
            });
            Called::Outside(map.connect_from_outside(self.state, machine, port), at, network)
        };
        Ok(match &question.to {
            Target::Address(address) => to_address(*address, question.port, address),
            Target::Name(name) => {
                let message = format!("Nobody outside of the lab knows the name {name}.");
                Called::Not(Outcome::NameNotResolved, WhyLine { code: "unknown-name", node: None, message })
            }
            Target::Endpoint(Endpoint::Outside) => {
                let message = "Both ends are outside of the lab.".to_owned();
                Called::Not(Outcome::Unreachable, WhyLine { code: "no-entrance", node: None, message })
            }
            Target::Endpoint(Endpoint::Vip(vip)) => {
                let (address, _) = self.vip(vip)?;
                to_address(address, question.port.or_else(|| self.followed(vip)), &format!("vip:{vip}"))
            }
            Target::Endpoint(Endpoint::Node(node)) => match question.port {
                Some(port) => to_machine(self.machine(node)?, port),
                None => no_port(node),
            },
            Target::Endpoint(Endpoint::Service(at)) => {
                let spec = self.spec(at)?;
                match question.port.or_else(|| self.main_port(at)) {
                    Some(port) => to_machine(self.machine(&at.node)?, port),
                    None => self.no_port_at(at, spec),
                }
            }
        })
    }

    fn report(&self, question: &Question, at: Option<(Ipv4Addr, Option<u16>)>, trip: Trip, why: Option<WhyLine>) -> Explained {
        let address = at.filter(|(address, _)| *address != INTERNET).map(|(address, port)| match port {
            Some(port) => SocketAddrV4::new(address, port).to_string(),
            None => address.to_string(),
        });
        Explained {
            from: question.from.to_string(),
            to: question.to.to_string(),
            address,
            enters_by: None,
            source: trip.source.map(|source| source.to_string()),
            outcome: trip.outcome,
            reaches: trip.outcome == Outcome::Answered,
            service: trip.service.and_then(|service| self.design.service(service)).map(ToString::to_string),
            loss_percent: trip.loss_percent,
            delay_ms: trip.delay_us / 1000,
            hops: trip.hops.iter().map(|hop| self.hop(hop)).collect(),
            why: why.or_else(|| trip.why.map(|why| self.why(why))),
        }
    }

    fn named_service(&self, service: ServiceNo) -> String {
        self.design.service(service).map_or_else(|| "?".to_owned(), ToString::to_string)
    }

    fn hop(&self, hop: &Hop) -> HopLine {
        let node = self.design.node(hop.at).to_owned();
        let line = |step, network: Option<NetworkNo>, service: Option<ServiceNo>, address: Option<String>| HopLine {
            node: node.clone(),
            step,
            network: network.map(|network| self.design.network(network).to_owned()),
            service: service.map(|service| self.named_service(service)),
            address,
        };
        match hop.step {
            Step::Sends(network, next) => line("sends", Some(network), None, Some(next.to_string())),
            Step::Tunnels(service) => line("tunnels", None, Some(service), None),
            Step::Leads(service, to) => line("leads", None, Some(service), Some(to.to_string())),
            Step::Hides(own) => line("hides", None, None, Some(own.to_string())),
            Step::Leaves(network) => line("leaves", Some(network), None, None),
            Step::Takes => line("takes", None, None, None),
        }
    }

    /// The reason in a sentence, and the node at which it fails.
    fn why(&self, why: Why) -> WhyLine {
        let (node, network, service) =
            (|machine| self.design.node(machine), |network| self.design.network(network), |service| self.named_service(service));
        let of = |service: ServiceNo| self.design.service(service).map(|at| at.node.to_string());
        let at = |machine| Some(self.design.node(machine).to_owned());
        let (place, message) = match why {
            Why::MachineOff(machine) => (at(machine), format!("{} does not run: it is off, paused or starting.", node(machine))),
            Why::NoRoute(machine, INTERNET) => (at(machine), format!("{} has no way out of the lab.", node(machine))),
            Why::NoRoute(machine, to) => (at(machine), format!("{} has no route to {to}.", node(machine))),
            Why::LoopbackOnly(machine, to) => {
                (at(machine), format!("{} forwards the port to {to}, which only itself can reach.", node(machine)))
            }
            Why::LinkDown(machine, on) => (at(machine), format!("The adapter of {} on {} has no link.", node(machine), network(on))),
            Why::NobodyThere(on, to) => (None, format!("Nothing on {} has the address {to}.", network(on))),
            Why::NotRouting(machine) => (at(machine), format!("{} forwards no packets: it runs no gateway.", node(machine))),
            Why::RouterStopped(router) => (of(router), format!("{} is stopped, and drops what passes.", service(router))),
            Why::NotRouted(router, from, INTERNET) => (of(router), format!("{} lets nothing from {from} out of the lab.", service(router))),
            Why::NotRouted(router, from, to) => (of(router), format!("{} lets nothing pass from {from} to {to}.", service(router))),
            Why::NotHidden(machine) => (
                at(machine),
                format!("{} does not translate the source (masquerade), so no answer comes back from outside.", node(machine)),
            ),
            Why::AnswerHidden(machine, from) => (
                at(machine),
                format!(
                    "Answers from {from} pass {0}, which the call did not pass, and {0} replaces their source (masquerade): the caller does not \
                     know them.",
                    node(machine)
                ),
            ),
            Why::TunnelStopped(tunnel) => {
                (of(tunnel), format!("The tunnel {} is stopped: what is meant for it is not sent.", service(tunnel)))
            }
            Why::NoPeer(tunnel) => (of(tunnel), format!("The far end of the tunnel {} is stopped or missing.", service(tunnel))),
            Why::NotFromThere(tunnel, from) => (of(tunnel), format!("The tunnel {} takes no packets from {from}.", service(tunnel))),
            Why::OtherWayBack(tunnel, from) => (
                of(tunnel),
                format!(
                    "Packets from {from} come through the tunnel {}, but answers would leave by another way, so the kernel drops them (reverse \
                     path filter).",
                    service(tunnel)
                ),
            ),
            Why::Filtered(machine, port) => {
                (at(machine), format!("The firewall of {} drops it: no service opens port {port} there.", node(machine)))
            }
            Why::NotAllowed(known, Some(from)) => (of(known), format!("The firewall drops it: {} does not let {from} in.", service(known))),
            Why::NotAllowed(known, None) => (of(known), format!("The firewall drops it: {} lets nobody outside in.", service(known))),
            Why::Blocked(known) => (of(known), format!("A fault drops what is sent to {}.", service(known))),
            Why::Stopped(known) => (of(known), format!("{} is stopped: nothing listens there.", service(known))),
            Why::NothingListens(machine, to) => (at(machine), format!("Nothing listens at {to} on {}.", node(machine))),
            Why::Dropped(from, to) => (at(from), format!("A fault drops packets from {} to {}.", node(from), node(to))),
            Why::LookupsBlocked(machine) => (at(machine), format!("A fault blocks the DNS lookups of {}.", node(machine))),
            Why::Lost(machine, on) => {
                (at(machine), format!("Faults lose every packet, last at the adapter of {} on {}.", node(machine), network(on)))
            }
            Why::Loop(machine) => (at(machine), format!("Packets go round and round, last over {}.", node(machine))),
            Why::OwnSource(machine) => (at(machine), format!("{} gets packets of its own back, and drops them.", node(machine))),
            Why::NoEntrance(machine) => (
                at(machine),
                format!(
                    "Nothing leads to {} from outside: no port of the host, no address that the host reaches, no gateway.",
                    node(machine)
                ),
            ),
        };
        WhyLine { code: why.code(), node: place, message }
    }
}

fn no_port(subject: &(impl std::fmt::Display + ?Sized)) -> Called {
    let message = format!("No port is named: write {subject}:PORT.");
    Called::Not(Outcome::Unreachable, WhyLine { code: "no-port", node: None, message })
}
