//! What can be broken about a thing, as menus and buttons offer it.

use crate::catalog::Catalog;
use crate::look::Icon;
use crate::model::{Fault, Lab, NodeName, ServiceRef, Subject};

/// Part of a node's packets that the offered loss loses, in percent.
const LOSS_PERCENT: u8 = 20;
/// Time by which the offered delay delays, in milliseconds.
const DELAY_MS: u32 = 200;
/// Time by which the offered clock is off, in seconds.
const SKEW_SECS: i64 = 90;

/// What a verb falls on: the headings of the palette of things to break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A service.
    Service,
    /// A node.
    Node,
    /// A node's adapter.
    Link,
    /// Several nodes.
    Nodes,
}

impl Target {
    /// All, in the palette's order.
    pub const ALL: [Self; 4] = [Self::Service, Self::Node, Self::Link, Self::Nodes];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Service => "Break a service",
            Self::Node => "Break a node",
            Self::Link => "Break a link",
            Self::Nodes => "Cut",
        }
    }
}

/// A verb as menus show it.
pub struct Verb {
    /// The fault's word ([`Fault::word`]).
    pub word: &'static str,
    /// What the button says.
    pub title: &'static str,
    /// Its icon.
    pub icon: Icon,
    /// What it falls on.
    pub target: Target,
}

/// Every verb, in the palette's order.
pub static VERBS: [Verb; 19] = [
    Verb { word: "stop", title: "Stop", icon: Icon::Stop, target: Target::Service },
    Verb { word: "kill", title: "Kill", icon: Icon::Kill, target: Target::Service },
    Verb { word: "hang", title: "Hang", icon: Icon::Hang, target: Target::Service },
    Verb { word: "restart", title: "Restart", icon: Icon::Restart, target: Target::Service },
    Verb { word: "cookie", title: "Cookie", icon: Icon::Cookie, target: Target::Service },
    Verb { word: "block", title: "Block", icon: Icon::Block, target: Target::Service },
    Verb { word: "expire", title: "Expire", icon: Icon::Expire, target: Target::Service },
    Verb { word: "power-off", title: "Power off", icon: Icon::PowerOff, target: Target::Node },
    Verb { word: "pause", title: "Pause", icon: Icon::Pause, target: Target::Node },
    Verb { word: "fill-disk", title: "Fill disk", icon: Icon::FillDisk, target: Target::Node },
    Verb { word: "fill-memory", title: "Fill memory", icon: Icon::FillMemory, target: Target::Node },
    Verb { word: "hog-cpu", title: "Hog CPU", icon: Icon::HogCpu, target: Target::Node },
    Verb { word: "skew", title: "Clock off", icon: Icon::Skew, target: Target::Node },
    Verb { word: "no-dns", title: "No names", icon: Icon::NoDns, target: Target::Node },
    Verb { word: "link-down", title: "Link down", icon: Icon::LinkDown, target: Target::Link },
    Verb { word: "loss", title: "Loss", icon: Icon::Loss, target: Target::Link },
    Verb { word: "delay", title: "Delay", icon: Icon::Delay, target: Target::Link },
    Verb { word: "one-way", title: "One way", icon: Icon::OneWay, target: Target::Nodes },
    Verb { word: "cut", title: "Cut off", icon: Icon::Cut, target: Target::Nodes },
];

/// The verb of a fault.
pub fn verb(fault: &Fault) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.word == fault.word())
}

/// The faults that can fall on what is selected, with their verbs.
pub fn faults(lab: &Lab, selection: &[Subject]) -> Vec<(&'static Verb, Fault)> {
    VERBS.iter().flat_map(|verb| of_verb(lab, selection, verb).into_iter().map(move |fault| (verb, fault))).collect()
}

/// The faults of one verb that can fall on what is selected: several where a node has several adapters or services.
pub fn of_verb(lab: &Lab, selection: &[Subject], verb: &Verb) -> Vec<Fault> {
    match verb.target {
        Target::Service => services(lab, selection).into_iter().filter_map(|at| on_service(lab, verb.word, at)).collect(),
        Target::Node => nodes(selection).into_iter().filter_map(|node| on_node(verb.word, node)).collect(),
        Target::Link => links(lab, selection)
            .into_iter()
            .filter_map(|(node, network)| match verb.word {
                "link-down" => Some(Fault::LinkDown(node, network)),
                "loss" => Some(Fault::Loss(node, network, LOSS_PERCENT)),
                "delay" => Some(Fault::Delay(node, network, DELAY_MS)),
                _ => None,
            })
            .collect(),
        Target::Nodes => on_nodes(lab, selection, verb.word).into_iter().collect(),
    }
}

fn on_service(lab: &Lab, word: &str, at: ServiceRef) -> Option<Fault> {
    Some(match word {
        "stop" => Fault::Stop(at),
        "kill" => Fault::Kill(at),
        "hang" => Fault::Hang(at),
        "restart" => Fault::Restart(at),
        "cookie" => {
            let service = lab.service(&at)?;
            Catalog::embedded().behaviour(service).filter(|behaviour| behaviour.is_beam())?;
            Fault::Cookie(at)
        }
        "block" => Fault::Block(at),
        "expire" => {
            // Only what has a certificate can have one that is out of date.
            let service = lab.service(&at)?;
            Catalog::embedded().get(&service.kind).filter(|entry| entry.is_on(service, "tls"))?;
            Fault::Expire(at)
        }
        _ => return None,
    })
}

fn on_node(word: &str, node: NodeName) -> Option<Fault> {
    match word {
        "power-off" => Some(Fault::PowerOff(node)),
        "pause" => Some(Fault::Pause(node)),
        "fill-disk" => Some(Fault::FillDisk(node)),
        "fill-memory" => Some(Fault::FillMemory(node)),
        "hog-cpu" => Some(Fault::HogCpu(node)),
        "skew" => Some(Fault::Skew(node, SKEW_SECS)),
        "no-dns" => Some(Fault::NoDns(node)),
        _ => None,
    }
}

fn on_nodes(lab: &Lab, selection: &[Subject], word: &str) -> Option<Fault> {
    let chosen = nodes(selection);
    match (word, chosen.as_slice()) {
        ("one-way", [from, to]) => Some(Fault::OneWay(from.clone(), to.clone())),
        ("cut", [_, ..]) => {
            let rest: Vec<NodeName> = lab.nodes.keys().filter(|node| !chosen.contains(node)).cloned().collect();
            (!rest.is_empty()).then_some(Fault::Cut(chosen, rest))
        }
        _ => None,
    }
}

fn nodes(selection: &[Subject]) -> Vec<NodeName> {
    let mut found: Vec<NodeName> = Vec::new();
    for subject in selection {
        let node = match subject {
            Subject::Node(node) | Subject::Adapter(node, ..) => node,
            Subject::Service(at) => &at.node,
            _ => continue,
        };
        if !found.contains(node) {
            found.push(node.clone());
        }
    }
    found
}

fn services(lab: &Lab, selection: &[Subject]) -> Vec<ServiceRef> {
    let mut found = Vec::new();
    for subject in selection {
        match subject {
            Subject::Service(at) => found.push(at.clone()),
            Subject::Node(node) => {
                let services = lab.nodes.get(node).into_iter().flat_map(|it| it.services.keys());
                found.extend(services.map(|service| ServiceRef { node: node.clone(), service: service.clone() }));
            }
            Subject::Vip(vip) => {
                // Breaking a VIP is stopping what it follows where it most likely is.
                if let Some((holder, follows)) = lab.vips.get(vip).and_then(|vip| vip.first_holder().zip(vip.follows.clone())) {
                    found.push(ServiceRef { node: holder.node.clone(), service: follows });
                }
            }
            _ => {}
        }
    }
    found.retain(|at| lab.service(at).is_some());
    found
}

fn links(lab: &Lab, selection: &[Subject]) -> Vec<(NodeName, crate::model::NetworkName)> {
    let mut found = Vec::new();
    for subject in selection {
        match subject {
            Subject::Adapter(node, _, network) => found.push((node.clone(), network.clone())),
            Subject::Node(node) => {
                let adapters = lab.nodes.get(node).into_iter().flat_map(|it| &it.adapters);
                found.extend(adapters.map(|adapter| (node.clone(), adapter.network.clone())));
            }
            _ => {}
        }
    }
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Adapter, Network, NetworkKind, Node, Role, Service};

    fn lab() -> Lab {
        let mut lab = Lab::new("x");
        lab.networks.insert("lan".parse().unwrap(), Network::new(NetworkKind::Internal));
        for name in ["db1", "db2"] {
            let mut node = Node::new(Role::Database);
            node.adapters.push(Adapter::on("lan".parse().unwrap()));
            node.services.insert("galera".parse().unwrap(), Service::new("galera".parse().unwrap()));
            lab.nodes.insert(name.parse().unwrap(), node);
        }
        lab
    }

    fn check(selection: &[Subject], expected: &[&str]) {
        let texts: Vec<String> = faults(&lab(), selection).iter().map(|(_, fault)| fault.to_string()).collect();
        assert_eq!(texts, expected, "{selection:?}");
    }

    #[test]
    fn the_table_has_every_verb_once() {
        let mut ours: Vec<_> = VERBS.iter().map(|verb| verb.word).collect();
        let mut all: Vec<_> = Fault::VERBS.iter().map(|verb| verb.word).collect();
        ours.sort_unstable();
        all.sort_unstable();
        assert_eq!(ours, all);
    }

    #[test]
    fn what_can_be_broken_fits_what_is_selected() {
        check(&[], &[]);
        check(&[Subject::Network("lan".parse().unwrap())], &[]);
        let service = Subject::Service("db1/galera".parse().unwrap());
        check(
            &[service],
            &[
                "stop db1/galera",
                "kill db1/galera",
                "hang db1/galera",
                "restart db1/galera",
                "block db1/galera",
                "power-off db1",
                "pause db1",
                "fill-disk db1",
                "fill-memory db1",
                "hog-cpu db1",
                "skew db1 +90s",
                "no-dns db1",
                "cut db1 db2",
            ],
        );
        let [one, other] = ["db1", "db2"].map(|name| Subject::Node(name.parse().unwrap()));
        let both = faults(&lab(), &[one, other]);
        assert!(both.iter().any(|(_, fault)| fault.to_string() == "one-way db1 db2"));
        assert!(!both.iter().any(|(verb, _)| verb.word == "cut"), "nothing is left to be cut from");
    }
}
