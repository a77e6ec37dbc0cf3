//! What can be broken about a thing: what menus, the palette, the inspector and the command palette offer.

use crate::catalog::{Catalog, Entry};
use crate::model::{Fault, FaultTarget, FaultVerb, Lab, NodeName, ServiceRef, SiteName, Subject};

/// Part of a node's packets that the offered loss loses, in percent.
const LOSS_PERCENT: u8 = 20;
/// Time by which the offered delay delays, in milliseconds.
const DELAY_MS: u32 = 200;
/// Time by which the offered clock is off, in seconds.
const SKEW_SECS: i64 = 90;

/// Every verb, in the order of menus.
pub static VERBS: [FaultVerb; 19] = Fault::VERBS;

/// The faults that can fall on what is selected, with their verbs.
pub fn offers(lab: &Lab, selection: &[Subject]) -> Vec<(&'static FaultVerb, Fault)> {
    VERBS.iter().flat_map(|verb| of_verb(lab, selection, verb).into_iter().map(move |fault| (verb, fault))).collect()
}

/// The faults of one verb that can fall on what is selected: several where a node has several adapters or services.
pub fn of_verb(lab: &Lab, selection: &[Subject], verb: &FaultVerb) -> Vec<Fault> {
    match verb.target {
        FaultTarget::Service => services(lab, selection).into_iter().filter_map(|at| on_service(lab, verb.word, at)).collect(),
        FaultTarget::Node => nodes(selection).into_iter().filter_map(|node| on_node(verb.word, node)).collect(),
        FaultTarget::Link => links(lab, selection)
            .into_iter()
            .filter_map(|(node, network)| match verb.word {
                "link-down" => Some(Fault::LinkDown(node, network)),
                "loss" => Some(Fault::Loss(node, network, LOSS_PERCENT)),
                "delay" => Some(Fault::Delay(node, network, DELAY_MS)),
                _ => None,
            })
            .collect(),
        FaultTarget::Nodes => on_nodes(lab, selection, verb.word).into_iter().collect(),
    }
}

fn on_service(lab: &Lab, word: &str, at: ServiceRef) -> Option<Fault> {
    let service = lab.service(&at)?;
    let fault = match word {
        "stop" => Fault::Stop(at),
        "kill" => Fault::Kill(at),
        "hang" => Fault::Hang(at),
        "restart" => Fault::Restart(at),
        "cookie" => Fault::Cookie(at),
        "block" => Fault::Block(at),
        "expire" => Fault::Expire(at),
        _ => return None,
    };
    let withstands = |entry: &Entry| entry.withstands(&fault, |setting| entry.is_on(service, setting)).is_some();
    (!Catalog::embedded().of(service).is_some_and(withstands)).then_some(fault)
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
    if let ("cut", [Subject::Link(one, other)]) = (word, selection) {
        let (one, other) = (of_site(lab, one), of_site(lab, other));
        return (!one.is_empty() && !other.is_empty()).then_some(Fault::Cut(one, other));
    }
    let chosen = match selection {
        [Subject::Site(site)] => of_site(lab, site),
        selection => nodes(selection),
    };
    match (word, chosen.as_slice()) {
        ("one-way", [from, to]) => Some(Fault::OneWay(from.clone(), to.clone())),
        ("cut", [_, ..]) => {
            let rest: Vec<NodeName> = lab.nodes.keys().filter(|node| !chosen.contains(node)).cloned().collect();
            (!rest.is_empty()).then_some(Fault::Cut(chosen, rest))
        }
        _ => None,
    }
}

fn of_site(lab: &Lab, site: &SiteName) -> Vec<NodeName> {
    lab.nodes.iter().filter(|(_, node)| node.site.as_ref() == Some(site)).map(|(name, _)| name.clone()).collect()
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
        let texts: Vec<String> = offers(&lab(), selection).iter().map(|(_, fault)| fault.to_string()).collect();
        assert_eq!(texts, expected, "{selection:?}");
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
        let both = offers(&lab(), &[one, other]);
        assert!(both.iter().any(|(_, fault)| fault.to_string() == "one-way db1 db2"));
        assert!(!both.iter().any(|(verb, _)| verb.word == "cut"), "nothing is left to be cut from");
    }

    #[test]
    fn a_site_is_cut_from_the_rest_and_a_link_between_its_sites() {
        let mut lab = lab();
        for (node, site) in [("db1", "east"), ("db2", "west")] {
            let site: SiteName = site.parse().unwrap();
            lab.sites.insert(site.clone(), crate::model::Site::default());
            lab.nodes.get_mut(node).unwrap().site = Some(site);
        }
        let [east, west] = ["east", "west"].map(|name| name.parse::<SiteName>().unwrap());
        let texts = |subject: Subject| offers(&lab, &[subject]).iter().map(|(_, fault)| fault.to_string()).collect::<Vec<_>>();
        assert_eq!(texts(Subject::Site(east.clone())), ["cut db1 db2"]);
        assert_eq!(texts(Subject::Link(west, east)), ["cut db2 db1"]);
    }
}
