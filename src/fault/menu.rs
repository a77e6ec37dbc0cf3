//! The menu of faults: for each sort of thing, what can be broken about it.

use crate::{
    catalog::Catalog,
    model::{Endpoint, Fault, Lab, NodeName, ServiceRef, Subject},
};

/// A fault that can be offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What the menu says: a verb and what it falls on.
    pub title: String,
    /// The fault.
    pub fault: Fault,
}

/// Losses that are offered, in percent.
const LOSSES: [u8; 2] = [5, 30];
/// Delays that are offered, in milliseconds.
const DELAYS_MS: [u32; 2] = [50, 500];
/// How far a clock is offered to be set off, in seconds.
const SKEW_SECS: i64 = 90;

/// What can be broken about a thing, the mildest first. Nothing for what is not in the lab.
pub fn offers(lab: &Lab, catalog: &Catalog, subject: &Subject) -> Vec<Offer> {
    match subject {
        Subject::Service(at) => of_service(lab, catalog, at),
        Subject::Node(node) => of_node(lab, node),
        Subject::Adapter(node, _, network) => {
            lab.nodes.get(node).filter(|there| there.adapter_on(network).is_some()).map(|_| of_adapter(node, network)).unwrap_or_default()
        }
        Subject::Flow(from, to) => of_flow(lab, from, to),
        Subject::Vip(name) => of_vip(lab, name),
        Subject::Link(one, other) => {
            let side = |site| lab.nodes.iter().filter(|(_, node)| node.site.as_ref() == Some(site)).map(|(name, _)| name.clone()).collect();
            cut(format!("Cut {one} from {other}"), side(one), side(other)).into_iter().collect()
        }
        Subject::Site(name) => {
            let (inside, outside): (Vec<_>, Vec<_>) = lab.nodes.iter().partition(|(_, node)| node.site.as_ref() == Some(name));
            let names = |nodes: Vec<(&NodeName, _)>| nodes.into_iter().map(|(name, _)| name.clone()).collect();
            cut(format!("Cut {name} from the rest"), names(inside), names(outside)).into_iter().collect()
        }
        Subject::Lab | Subject::Network(_) | Subject::Cluster(_) | Subject::Acceptance(_) => Vec::new(),
    }
}

/// A partition: a set of nodes from all others. Nothing where either side is empty.
pub fn partition(lab: &Lab, inside: &[NodeName]) -> Option<Offer> {
    let (inside, outside) = lab.nodes.keys().cloned().partition(|name| inside.contains(name));
    cut("Cut these nodes from the rest".into(), inside, outside)
}

fn cut(title: String, one: Vec<NodeName>, other: Vec<NodeName>) -> Option<Offer> {
    if one.is_empty() || other.is_empty() { None } else { Some(Offer { title, fault: Fault::Cut(one, other) }) }
}

fn of_service(lab: &Lab, catalog: &Catalog, at: &ServiceRef) -> Vec<Offer> {
    let Some(service) = lab.service(at) else { return Vec::new() };
    let offer = |verb: &str, fault| Offer { title: format!("{verb} {}", at.service), fault };
    let mut offers = vec![
        offer("Restart", Fault::Restart(at.clone())),
        offer("Stop", Fault::Stop(at.clone())),
        offer("Kill", Fault::Kill(at.clone())),
        offer("Freeze", Fault::Hang(at.clone())),
    ];
    if catalog.behaviour(service).is_some_and(crate::catalog::Behaviour::is_beam) {
        offers.push(offer("Change the cookie of", Fault::Cookie(at.clone())));
    }
    offers.push(offer("Drop what is sent to", Fault::Block(at.clone())));
    if catalog.get(&service.kind).is_some_and(|entry| entry.is_on(service, "tls")) {
        offers.push(offer("Let expire the certificate of", Fault::Expire(at.clone())));
    }
    offers
}

fn of_node(lab: &Lab, name: &NodeName) -> Vec<Offer> {
    let Some(node) = lab.nodes.get(name) else { return Vec::new() };
    let mut offers = vec![
        Offer { title: format!("Pause {name}"), fault: Fault::Pause(name.clone()) },
        Offer { title: format!("Power off {name}"), fault: Fault::PowerOff(name.clone()) },
    ];
    offers.extend([
        Offer { title: format!("Fill the disk of {name}"), fault: Fault::FillDisk(name.clone()) },
        Offer { title: format!("Fill the memory of {name}"), fault: Fault::FillMemory(name.clone()) },
        Offer { title: format!("Keep the processors of {name} busy"), fault: Fault::HogCpu(name.clone()) },
        Offer { title: format!("Set the clock of {name} off by {SKEW_SECS} s"), fault: Fault::Skew(name.clone(), SKEW_SECS) },
        Offer { title: format!("Let {name} look up no name"), fault: Fault::NoDns(name.clone()) },
    ]);
    let mut networks: Vec<_> = node.adapters.iter().map(|adapter| &adapter.network).collect();
    networks.dedup();
    offers.extend(
        networks
            .into_iter()
            .map(|network| Offer { title: format!("Unplug {name} from {network}"), fault: Fault::LinkDown(name.clone(), network.clone()) }),
    );
    offers.extend(partition(lab, std::slice::from_ref(name)).map(|offer| Offer { title: format!("Cut {name} from the rest"), ..offer }));
    offers
}

fn of_adapter(node: &NodeName, network: &crate::model::NetworkName) -> Vec<Offer> {
    let delays = DELAYS_MS
        .map(|ms| Offer { title: format!("Delay {node} on {network} by {ms} ms"), fault: Fault::Delay(node.clone(), network.clone(), ms) });
    let losses = LOSSES.map(|percent| Offer {
        title: format!("Lose {percent} % of {node}'s packets on {network}"),
        fault: Fault::Loss(node.clone(), network.clone(), percent),
    });
    let down = Offer { title: format!("Unplug {node} from {network}"), fault: Fault::LinkDown(node.clone(), network.clone()) };
    delays.into_iter().chain(losses).chain([down]).collect()
}

/// The nodes that may answer at an end: a VIP's holders, else the node itself.
fn nodes_of(lab: &Lab, end: &Endpoint) -> Vec<NodeName> {
    match end {
        Endpoint::Vip(vip) => lab.vips.get(vip).into_iter().flat_map(|vip| &vip.holders).map(|holder| holder.node.clone()).collect(),
        other => other.node().filter(|node| lab.nodes.contains_key(*node)).cloned().into_iter().collect(),
    }
}

fn of_flow(lab: &Lab, from: &Endpoint, to: &Endpoint) -> Vec<Offer> {
    let (from, mut to) = (nodes_of(lab, from), nodes_of(lab, to));
    to.retain(|node| !from.contains(node));
    let mut offers = Vec::new();
    if let ([from], [to]) = (from.as_slice(), to.as_slice()) {
        let one_way = |from: &NodeName, to: &NodeName| Offer {
            title: format!("Drop what {from} sends to {to}"),
            fault: Fault::OneWay(from.clone(), to.clone()),
        };
        offers.extend([one_way(from, to), one_way(to, from)]);
    }
    offers.extend(cut("Cut both ways".into(), from, to));
    offers
}

fn of_vip(lab: &Lab, name: &crate::model::VipName) -> Vec<Offer> {
    let Some(vip) = lab.vips.get(name) else { return Vec::new() };
    let mut offers = Vec::new();
    for holder in &vip.holders {
        let at = vip.follows.as_ref().map(|service| ServiceRef { node: holder.node.clone(), service: service.clone() });
        offers.extend(at.filter(|at| lab.service(at).is_some()).map(|at| Offer { title: format!("Stop {at}"), fault: Fault::Stop(at) }));
        offers.push(Offer {
            title: format!("Unplug {} from {}", holder.node, vip.network),
            fault: Fault::LinkDown(holder.node.clone(), vip.network.clone()),
        });
    }
    offers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fixture::mini_cloud;

    fn check(subject: &Subject, expected: &[&str]) {
        let found: Vec<String> = offers(&mini_cloud(), Catalog::embedded(), subject).iter().map(|offer| offer.fault.to_string()).collect();
        assert_eq!(found, expected, "{subject}");
        for text in &found {
            assert!(text.parse::<Fault>().is_ok(), "{text}: what is offered can be written on the command line");
        }
    }

    #[test]
    fn each_thing_offers_what_can_be_broken_about_it() {
        check(
            &Subject::Service("db1/galera".parse().unwrap()),
            &["restart db1/galera", "stop db1/galera", "kill db1/galera", "hang db1/galera", "block db1/galera"],
        );
        check(
            &Subject::Node("db1".parse().unwrap()),
            &[
                "pause db1",
                "power-off db1",
                "fill-disk db1",
                "fill-memory db1",
                "hog-cpu db1",
                "skew db1 +90s",
                "no-dns db1",
                "link-down db1 backend",
                "link-down db1 management",
                "cut db1 lb,app1,app2,db2",
            ],
        );
        check(
            &Subject::Adapter("db1".parse().unwrap(), 0, "backend".parse().unwrap()),
            &["delay db1 backend 50ms", "delay db1 backend 500ms", "loss db1 backend 5%", "loss db1 backend 30%", "link-down db1 backend"],
        );
        check(
            &Subject::Flow("lb/haproxy".parse().unwrap(), "app1/todo".parse().unwrap()),
            &["one-way lb app1", "one-way app1 lb", "cut lb app1"],
        );
        check(&Subject::Flow("app1/todo".parse().unwrap(), "vip:database".parse().unwrap()), &["cut app1 db1,db2"]);
        check(
            &Subject::Vip("database".parse().unwrap()),
            &["stop db1/galera", "link-down db1 backend", "stop db2/galera", "link-down db2 backend"],
        );
    }

    #[test]
    fn what_is_not_in_the_lab_offers_nothing() {
        for subject in [
            Subject::Service("db9/galera".parse().unwrap()),
            Subject::Node("db9".parse().unwrap()),
            Subject::Adapter("db1".parse().unwrap(), 0, "nonesuch".parse().unwrap()),
            Subject::Flow(Endpoint::Outside, "lb/haproxy".parse().unwrap()),
            Subject::Site("nowhere".parse().unwrap()),
            Subject::Lab,
        ] {
            check(&subject, &[]);
        }
    }

    #[test]
    fn a_lasso_round_everything_or_nothing_is_no_partition() {
        let lab = mini_cloud();
        let all: Vec<NodeName> = lab.nodes.keys().cloned().collect();
        assert_eq!(partition(&lab, &all), None);
        assert_eq!(partition(&lab, &[]), None);
        let half = partition(&lab, &all[..2]).unwrap();
        assert_eq!(half.fault.to_string(), "cut lb,app1 app2,db1,db2");
    }
}
