//! A setting or an allow list names something that the lab does not have.
//!
//! ## Why
//! A port that is led to a service that is not there answers no request, a backup that lists one copies nothing, and a
//! client that is not there is let in no more than the one who was meant. Most of it happens without a word; an allow list with
//! such a name cannot be deployed.
//!
//! ## Example
//! ```ron
//! "forward": (kind: "port-forward", settings: {"rules": ["8080:hall/wbe"]})
//! ```
//! where `hall` has the service `web`.
//!
//! ## Do this instead
//! Correct the name, or draw what it names.

use super::{Facts, Report, offer};
use crate::catalog::{Entry, Named};
use crate::model::{
    Allow, Ipv4Net, NetworkName, NodeName, Path, Peer, Service, ServiceName, ServiceRef, Subject, VipName, nearest, shortened,
};

/// For how many names the nearest is looked up: each costs a walk over all nodes.
const GUESSES_MAX: usize = 20;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let mut guesses = 0..GUESSES_MAX;
    for (at, service) in facts.naming() {
        for reference in facts.entry(service).into_iter().flat_map(|entry| entry.named(service)) {
            let Some(lost) = lost(facts, &reference.named) else { continue };
            let near = guesses.next().and_then(|_| meant(facts, &reference.named));
            let message = format!("{at} names {lost} in {}, which this lab does not have{}", reference.setting.name, hint(near.as_deref()));
            let found = report.add(Subject::Service(at.clone()), message).within(reference.path());
            if let Some(near) = near {
                let title = format!("Use {}", shortened(&reference.naming(&near), offer::TITLE_CHARS_MAX));
                found.fix(title, offer::service(&at.node, &at.service, service, |service| reference.put(service, &near)));
            }
        }
        let Allow::Only(peers) = &service.allow else { continue };
        for (place, peer) in peers.iter().enumerate().filter(|(_, peer)| is_stranger(facts, peer)) {
            let near = guesses.next().and_then(|_| meant_peer(facts, peer));
            let hint = hint(near.as_ref().map(ToString::to_string).as_deref());
            let mut found = report
                .add(Subject::Service(at.clone()), format!("{at} lets in {peer}, which this lab does not have{hint}"))
                .within(Path::root().field("allow").index(0).index(place));
            if peers.len() > offer::ENTRIES_MAX {
                continue;
            }
            if let Some(near) = near.filter(|near| !peers.contains(near)) {
                let edits = offer::service(&at.node, &at.service, service, |service| allow(service, place, Some(&near)));
                found = found.fix(format!("Let {near} in"), edits);
            }
            let edits = offer::service(&at.node, &at.service, service, |service| allow(service, place, None));
            found.fix(format!("Take {peer} off the list"), edits);
        }
    }
}

/// Whether a service names something of the lab in its settings or its allow list.
pub(super) fn names_others(service: &Service, entry: Option<&Entry>) -> bool {
    let is_name = |peer: &Peer| matches!(peer, Peer::Node(_) | Peer::Network(_));
    matches!(&service.allow, Allow::Only(peers) if peers.iter().any(is_name))
        || !service.settings.is_empty() && entry.is_some_and(|entry| entry.named(service).next().is_some())
}

fn hint(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean {near}?")).unwrap_or_default()
}

/// What is named and is not in the lab.
fn lost(facts: &Facts<'_>, named: &Named) -> Option<String> {
    let lab = facts.lab;
    match named {
        Named::Node(node) => (!lab.nodes.contains_key(node)).then(|| format!("the node {node}")),
        Named::Service(to) => lab.service(to).is_none().then(|| format!("the service {to}")),
        // A name with a dot may be one beyond the lab.
        Named::Host(host) => {
            let is_known = host.contains('.') || lab.nodes.contains_key(host.as_str()) || lab.vips.contains_key(host.as_str());
            (!is_known).then(|| format!("the host {host}"))
        }
        Named::Subnet(subnet) => (!facts.is_subnet_taken(*subnet)).then(|| format!("the subnet {subnet}")),
    }
}

/// Whether an allow list names a node or a network that is not in the lab.
fn is_stranger(facts: &Facts<'_>, peer: &Peer) -> bool {
    match peer {
        Peer::Node(node) => !facts.lab.nodes.contains_key(node),
        Peer::Network(network) => !facts.lab.networks.contains_key(network),
        Peer::Subnet(_) | Peer::Outside => false,
    }
}

/// Whether a service says who may come, or what it routes, by a name that the lab does not have: what does not reach it, or not
/// through it, has its reason there.
pub(super) fn admits_or_routes_nothing(facts: &Facts<'_>, service: &Service) -> bool {
    let names_no_subnet = |entry: &Entry| {
        let mut subnets = entry.named(service).filter(|reference| matches!(reference.named, Named::Subnet(_)));
        subnets.any(|reference| lost(facts, &reference.named).is_some())
    };
    let lets_stranger_in = matches!(&service.allow, Allow::Only(peers) if peers.iter().any(|peer| is_stranger(facts, peer)));
    lets_stranger_in || facts.entry(service).is_some_and(names_no_subnet)
}

/// What was probably meant by a name that leads nowhere.
fn meant(facts: &Facts<'_>, named: &Named) -> Option<String> {
    let nodes = || facts.lab.nodes.keys().map(NodeName::as_str);
    match named {
        Named::Node(node) => nearest(node, &mut nodes()),
        Named::Host(host) => nearest(host, &mut nodes().chain(facts.lab.vips.keys().map(VipName::as_str))),
        Named::Subnet(subnet) => {
            let known = facts.lab.networks.values().filter_map(|network| network.subnet);
            let known: Vec<String> = known.map(|subnet: Ipv4Net| subnet.trunc().to_string()).collect();
            nearest(&subnet.to_string(), &mut known.iter().map(String::as_str))
        }
        Named::Service(ServiceRef { node, service }) => {
            let node = if facts.lab.nodes.contains_key(node) { node.to_string() } else { nearest(node, &mut nodes())? };
            let there = &facts.lab.nodes.get(node.as_str())?.services;
            let service = match there.get_key_value(service) {
                Some((name, _)) => name.to_string(),
                None => nearest(service, &mut there.keys().map(ServiceName::as_str))?,
            };
            Some(format!("{node}/{service}"))
        }
    }
}

fn meant_peer(facts: &Facts<'_>, peer: &Peer) -> Option<Peer> {
    match peer {
        Peer::Node(node) => nearest(node, &mut facts.lab.nodes.keys().map(NodeName::as_str))?.parse().ok().map(Peer::Node),
        Peer::Network(network) => {
            nearest(network, &mut facts.lab.networks.keys().map(NetworkName::as_str))?.parse().ok().map(Peer::Network)
        }
        Peer::Subnet(_) | Peer::Outside => None,
    }
}

/// Replaces an entry of an allow list, or takes it away.
fn allow(service: &mut Service, place: usize, to: Option<&Peer>) {
    let Allow::Only(peers) = &mut service.allow else { return };
    match (peers.get_mut(place), to) {
        (Some(there), Some(to)) => *there = to.clone(),
        (Some(_), None) => drop(peers.remove(place)),
        (None, _) => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    const CODE: &str = "setting-names-nothing";

    fn on_gateway(service: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                "hall": (role: app, services: {{"web": (kind: "nginx")}}), "n": (role: gateway, services: {{"s": ({service})}})}})"#
        ))
    }

    #[test]
    fn names_in_settings_lead_somewhere() {
        let rules = |rule: &str| on_gateway(&format!(r#"kind: "port-forward", settings: {{"rules": ["{rule}"]}}"#));
        check(CODE, &rules("80:hall/wbe"), &["n/s names the service hall/wbe in rules, which this lab does not have; did you mean hall/web?"]);
        assert_eq!(fixes(CODE, &rules("80:hall/wbe")), ["Use 80:hall/web"]);
        assert_eq!(fixes(CODE, &rules("80:hal/web")), ["Use 80:hall/web"]);
        check(CODE, &rules("80:nowhere/at-all"), &["n/s names the service nowhere/at-all in rules, which this lab does not have"]);
        check(CODE, &rules("80:hall/web"), &[]);
        let via = |node: &str| on_gateway(&format!(r#"kind: "ssh-tunnel", settings: {{"via": "{node}"}}"#));
        check(CODE, &via("halls"), &["n/s names the node halls in via, which this lab does not have; did you mean hall?"]);
        assert_eq!(fixes(CODE, &via("halls")), ["Use hall"]);
        check(CODE, &via("hall"), &[]);
        check(CODE, &via(""), &[]);
        let target = |host: &str| on_gateway(&format!(r#"kind: "ssh-tunnel", settings: {{"target": "{host}:80"}}"#));
        check(CODE, &target("hal"), &["n/s names the host hal in target, which this lab does not have; did you mean hall?"]);
        assert_eq!(fixes(CODE, &target("hal")), ["Use hall:80"]);
        for known in ["hall", "localhost", "10.9.9.9", "www.example.org"] {
            check(CODE, &target(known), &[]);
        }
        let networks = |subnet: &str| on_gateway(&format!(r#"kind: "gateway", settings: {{"networks": ["{subnet}"]}}"#));
        check(CODE, &networks("10.2.0.0/24"), &["n/s names the subnet 10.2.0.0/24 in networks, which this lab does not have; did you mean 10.1.0.0/24?"]);
        assert_eq!(fixes(CODE, &networks("10.2.0.0/24")), ["Use 10.1.0.0/24"]);
        check(CODE, &networks("10.1.0.0/16"), &[]);
        check(CODE, &on_gateway(r#"kind: "nfs-server", settings: {"clients": ["*", "10.0.0.0/8", "hall"]}"#), &[]);
    }

    #[test]
    fn names_in_allow_lists_lead_somewhere() {
        let allowing = |peers: &str| on_gateway(&format!(r#"kind: "nginx", allow: only([{peers}])"#));
        check(CODE, &allowing(r#""hal", "hall""#), &["n/s lets in hal, which this lab does not have; did you mean hall?"]);
        assert_eq!(fixes(CODE, &allowing(r#""hal", "hall""#)), ["Take hal off the list"]);
        assert_eq!(fixes(CODE, &allowing(r#""hal""#)), ["Let hall in", "Take hal off the list"]);
        check(CODE, &allowing(r#""network:lab""#), &["n/s lets in network:lab, which this lab does not have; did you mean network:lan?"]);
        check(CODE, &allowing(r#""hall", "network:lan", "outside", "10.9.0.0/24""#), &[]);
    }
}
