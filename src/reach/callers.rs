//! Who reaches a port: the question of [`explain()`], asked for outside and for every other node.

use super::{Design, Explained, MachineNo, Question, QuestionError, ServiceNo, State, Target, explain, map::Job};
use crate::model::{Endpoint, ServiceRef};

/// A port that a service of a node takes connections on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// Its number.
    pub number: u16,
    /// The service.
    pub service: ServiceRef,
}

/// A caller of a port (a node, or outside), and how its connection goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who opens it.
    pub from: Endpoint,
    /// How it goes.
    pub answer: Explained,
}

/// The ports of a node's services, in the order of the specifications. None for an end that is neither a node nor a service.
pub fn ports(design: &Design<'_>, target: &Endpoint) -> Vec<Port> {
    let is_wanted = |at: &ServiceRef| match target {
        Endpoint::Node(node) => at.node == *node,
        Endpoint::Service(service) => at == service,
        Endpoint::Vip(_) | Endpoint::Outside => false,
    };
    let mut ports: Vec<Port> = Vec::new();
    for (place, at) in design.specs.services.keys().enumerate().filter(|(_, at)| is_wanted(at)) {
        let number = ServiceNo::at(place);
        let listening = design.map.listening(number).iter().map(std::net::SocketAddrV4::port);
        let led = match design.map.service(number).map(|row| &row.job) {
            Some(Job::Leads { rules }) => rules.as_slice(),
            _ => &[],
        };
        for number in listening.chain(led.iter().map(|(from, _)| *from)) {
            let port = Port { number, service: at.clone() };
            if !ports.contains(&port) {
                ports.push(port);
            }
        }
    }
    ports
}

/// Who reaches a port: outside first, then each other node in the order of the specifications.
///
/// # Errors
/// Where the port's service is not among the lab's specifications.
pub fn callers(design: &Design<'_>, state: &impl State, port: &Port) -> Result<Vec<Caller>, QuestionError> {
    let own = design.machine(&port.service.node);
    let others = (0..design.specs.machines.len()).filter(|place| own != Some(MachineNo::at(*place)));
    let nodes = others.filter_map(|place| design.specs.machines.get_index(place)).map(|(name, _)| Endpoint::Node(name.clone()));
    let ask = |from: Endpoint| {
        let to = Target::Endpoint(Endpoint::Service(port.service.clone()));
        let question = Question { from, to, port: Some(port.number) };
        let answer = explain(design, state, &question)?;
        Ok(Caller { from: question.from, answer })
    };
    std::iter::once(Endpoint::Outside).chain(nodes).map(ask).collect()
}
