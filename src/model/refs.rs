//! References between things of a lab, and the ones that lead nowhere.

use super::{Endpoint, Lab, Node, NodeName, Path, ServiceRef};

/// A reference to something that the lab does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dangling {
    /// Where the reference stands.
    pub path: Path,
    /// What sort of thing it names: `network`, `node` and so on.
    pub sort: &'static str,
    /// The name.
    pub name: String,
    /// The name of that sort that is spelled most alike, if one is close.
    pub nearest: Option<String>,
}

/// All references of a lab that lead nowhere, in the file's order. [`Lab::apply`] keeps this empty; the reader of
/// layout files refuses a text in which it is not.
///
/// A node's allow lists, acceptances and highlights are not references: they are patterns, and rules judge them.
pub fn dangling(lab: &Lab) -> Vec<Dangling> {
    dangling_among(lab, lab.nodes.iter(), lab)
}

/// As [`dangling`], looking at some nodes only, and at what `rest` has besides its nodes: the lab itself, or nothing.
pub(super) fn dangling_among<'a>(lab: &Lab, some: impl Iterator<Item = (&'a NodeName, &'a Node)>, rest: &Lab) -> Vec<Dangling> {
    let mut found = Vec::new();
    let root = Path::root;
    let mut missing = |path: Path, sort: &'static str, name: &str, known: &mut dyn Iterator<Item = &str>| {
        found.push(Dangling { path, sort, name: name.to_owned(), nearest: nearest(name, known) });
    };
    let nodes = || lab.nodes.keys().map(NodeName::as_str);
    for (name, site) in &rest.sites {
        for (index, gateway) in site.gateways.iter().enumerate() {
            if !lab.nodes.contains_key(gateway) {
                missing(root().field("sites").key(name).field("gateways").index(index), "node", gateway, &mut nodes());
            }
        }
    }
    for (name, network) in &rest.networks {
        if let Some(site) = network.site.as_ref().filter(|site| !lab.sites.contains_key(*site)) {
            missing(root().field("networks").key(name).field("site"), "site", site, &mut lab.sites.keys().map(|site| site.as_str()));
        }
    }
    for (name, node) in some {
        let at = || root().field("nodes").key(name);
        if let Some(site) = node.site.as_ref().filter(|site| !lab.sites.contains_key(*site)) {
            missing(at().field("site"), "site", site, &mut lab.sites.keys().map(|site| site.as_str()));
        }
        for (index, before) in node.after.iter().enumerate() {
            if !lab.nodes.contains_key(before) {
                missing(at().field("after").index(index), "node", before, &mut nodes());
            }
        }
        for (index, adapter) in node.adapters.iter().enumerate() {
            if !lab.networks.contains_key(&adapter.network) {
                missing(
                    at().field("adapters").index(index).field("network"),
                    "network",
                    &adapter.network,
                    &mut lab.networks.keys().map(|network| network.as_str()),
                );
            }
        }
        for (service_name, service) in &node.services {
            let at = || at().field("services").key(service_name);
            if let super::Bind::On(network) = &service.bind
                && !lab.networks.contains_key(network)
            {
                missing(at().field("bind"), "network", network, &mut lab.networks.keys().map(|network| network.as_str()));
            }
            if let Some(primary) = service.replica_of.as_ref().filter(|primary| lab.service(primary).is_none()) {
                missing_service(lab, at().field("replica_of"), primary, &mut missing);
            }
        }
    }
    for (index, flow) in rest.flows.iter().enumerate() {
        for (end, endpoint) in [("from", &flow.from), ("to", &flow.to)] {
            let at = root().field("flows").index(index).field(end);
            match endpoint {
                Endpoint::Outside => {}
                Endpoint::Node(node) if lab.nodes.contains_key(node) => {}
                Endpoint::Node(node) => missing(at, "node", node, &mut nodes()),
                Endpoint::Service(service) if lab.service(service).is_some() => {}
                Endpoint::Service(service) => missing_service(lab, at, service, &mut missing),
                Endpoint::Vip(vip) if lab.vips.contains_key(vip) => {}
                Endpoint::Vip(vip) => missing(at, "vip", vip, &mut lab.vips.keys().map(|vip| vip.as_str())),
            }
        }
    }
    for (name, vip) in &rest.vips {
        let at = || root().field("vips").key(name);
        if !lab.networks.contains_key(&vip.network) {
            missing(at().field("network"), "network", &vip.network, &mut lab.networks.keys().map(|network| network.as_str()));
        }
        for (index, holder) in vip.holders.iter().enumerate() {
            if !lab.nodes.contains_key(&holder.node) {
                missing(at().field("holders").index(index).field("node"), "node", &holder.node, &mut nodes());
            }
        }
    }
    for (index, link) in rest.links.iter().enumerate() {
        let at = || root().field("links").index(index);
        for (end, site) in [(0, &link.between.0), (1, &link.between.1)] {
            if !lab.sites.contains_key(site) {
                missing(at().field("between").index(end), "site", site, &mut lab.sites.keys().map(|site| site.as_str()));
            }
        }
        if !lab.networks.contains_key(&link.network) {
            missing(at().field("network"), "network", &link.network, &mut lab.networks.keys().map(|network| network.as_str()));
        }
    }
    found
}

type Missing<'a> = dyn FnMut(Path, &'static str, &str, &mut dyn Iterator<Item = &str>) + 'a;

fn missing_service(lab: &Lab, at: Path, service: &ServiceRef, missing: &mut Missing<'_>) {
    match lab.nodes.get(&service.node) {
        Some(node) => {
            let node_name = &service.node;
            let known: Vec<String> = node.services.keys().map(|name| format!("{node_name}/{name}")).collect();
            missing(at, "service", &service.to_string(), &mut known.iter().map(String::as_str));
        }
        None => missing(at, "node", &service.node, &mut lab.nodes.keys().map(NodeName::as_str)),
    }
}

/// The known name that is spelled most like this one, if any is close enough to be meant.
pub(crate) fn nearest(name: &str, known: &mut dyn Iterator<Item = &str>) -> Option<String> {
    known
        .take(10_000)
        .map(|candidate| (strsim::damerau_levenshtein(&candidate.to_lowercase(), &name.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count().min(name.chars().count()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}
