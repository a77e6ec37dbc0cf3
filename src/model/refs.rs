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
}

impl Dangling {
    /// The name of that sort in the lab that is spelled most alike, if one is close. It looks at every name of the sort, so
    /// a reader of many wrong references asks for the first few only.
    pub fn nearest(&self, lab: &Lab) -> Option<String> {
        match self.sort {
            "site" => nearest(&self.name, &mut lab.sites.keys().map(AsRef::as_ref)),
            "network" => nearest(&self.name, &mut lab.networks.keys().map(AsRef::as_ref)),
            "vip" => nearest(&self.name, &mut lab.vips.keys().map(AsRef::as_ref)),
            "service" => {
                let (node, service) = self.name.split_once('/')?;
                let known = &lab.nodes.get(node)?.services;
                nearest(service, &mut known.keys().map(AsRef::as_ref)).map(|near| format!("{node}/{near}"))
            }
            _ => nearest(&self.name, &mut lab.nodes.keys().map(AsRef::as_ref)),
        }
    }
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
    let mut missing = |path: Path, sort: &'static str, name: &str| found.push(Dangling { path, sort, name: name.to_owned() });
    for (name, site) in &rest.sites {
        for (index, gateway) in site.gateways.iter().enumerate() {
            if !lab.nodes.contains_key(gateway) {
                missing(root().field("sites").key(name).field("gateways").index(index), "node", gateway);
            }
        }
    }
    for (name, network) in &rest.networks {
        if let Some(site) = network.site.as_ref().filter(|site| !lab.sites.contains_key(*site)) {
            missing(root().field("networks").key(name).field("site"), "site", site);
        }
    }
    for (name, node) in some {
        let at = || root().field("nodes").key(name);
        if let Some(site) = node.site.as_ref().filter(|site| !lab.sites.contains_key(*site)) {
            missing(at().field("site"), "site", site);
        }
        for (index, before) in node.after.iter().enumerate() {
            if !lab.nodes.contains_key(before) {
                missing(at().field("after").index(index), "node", before);
            }
        }
        for (index, adapter) in node.adapters.iter().enumerate() {
            if !lab.networks.contains_key(&adapter.network) {
                missing(at().field("adapters").index(index).field("network"), "network", &adapter.network);
            }
        }
        for (service_name, service) in &node.services {
            let at = || at().field("services").key(service_name);
            if let super::Bind::On(network) = &service.bind
                && !lab.networks.contains_key(network)
            {
                missing(at().field("bind"), "network", network);
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
                Endpoint::Node(node) => missing(at, "node", node),
                Endpoint::Service(service) if lab.service(service).is_some() => {}
                Endpoint::Service(service) => missing_service(lab, at, service, &mut missing),
                Endpoint::Vip(vip) if lab.vips.contains_key(vip) => {}
                Endpoint::Vip(vip) => missing(at, "vip", vip),
            }
        }
    }
    for (name, vip) in &rest.vips {
        let at = || root().field("vips").key(name);
        if !lab.networks.contains_key(&vip.network) {
            missing(at().field("network"), "network", &vip.network);
        }
        for (index, holder) in vip.holders.iter().enumerate() {
            if !lab.nodes.contains_key(&holder.node) {
                missing(at().field("holders").index(index).field("node"), "node", &holder.node);
            }
        }
    }
    for (index, link) in rest.links.iter().enumerate() {
        let at = || root().field("links").index(index);
        for (end, site) in [(0, &link.between.0), (1, &link.between.1)] {
            if !lab.sites.contains_key(site) {
                missing(at().field("between").index(end), "site", site);
            }
        }
        if !lab.networks.contains_key(&link.network) {
            missing(at().field("network"), "network", &link.network);
        }
    }
    found
}

fn missing_service(lab: &Lab, at: Path, service: &ServiceRef, missing: &mut dyn FnMut(Path, &'static str, &str)) {
    if lab.nodes.contains_key(&service.node) {
        missing(at, "service", &service.to_string());
    } else {
        missing(at, "node", &service.node);
    }
}

/// The most candidates that are compared letter by letter: those that share the most letters with the name.
const COMPARED_MAX: usize = 256;

/// The longest text, in bytes, that is compared at all: twice what a name may have.
const COMPARED_BYTES_MAX: usize = 2 * super::NAME_BYTES_MAX;

/// The known name that is spelled most like this one, if any is close enough to be meant.
///
/// Edit distances cost the square of a name's length, so they are worked out for few candidates: most are ruled out by their
/// length, then by how many of their letters the name does not have.
pub(crate) fn nearest(name: &str, known: &mut dyn Iterator<Item = &str>) -> Option<String> {
    let wanted = Spelling::of(name)?;
    let mut close: Vec<(usize, usize, Spelling<'_>)> = Vec::new();
    for (place, candidate) in known.enumerate() {
        let Some(candidate) = Spelling::of(candidate) else { continue };
        let least = wanted.least_distance(&candidate);
        if least <= wanted.distance_max(&candidate) {
            close.push((least, place, candidate));
            // Keeps the list short, however many candidates there are.
            if close.len() >= 4 * COMPARED_MAX {
                close.sort_unstable_by_key(|(least, place, _)| (*least, *place));
                close.truncate(COMPARED_MAX);
            }
        }
    }
    close.sort_unstable_by_key(|(least, place, _)| (*least, *place));
    let distances = close.iter().take(COMPARED_MAX).map(|(_, place, candidate)| {
        let distance = strsim::osa_distance(&candidate.lower, &wanted.lower);
        (distance, *place, candidate)
    });
    let meant = distances.filter(|(distance, _, candidate)| *distance <= wanted.distance_max(candidate));
    meant.min_by_key(|(distance, place, _)| (*distance, *place)).map(|(_, _, candidate)| candidate.written.to_owned())
}

/// A name as it is compared with others: without regard to case.
struct Spelling<'a> {
    written: &'a str,
    lower: String,
    chars: usize,
    /// How often each character from the blank on is in it; `None` where it is not ASCII.
    counts: Option<[u8; 96]>,
}

impl<'a> Spelling<'a> {
    /// `None` for a text that is too long to be a name.
    fn of(written: &'a str) -> Option<Self> {
        if written.len() > COMPARED_BYTES_MAX {
            return None;
        }
        let lower = written.to_lowercase();
        let counts = lower.is_ascii().then(|| {
            let mut counts = [0_u8; 96];
            for byte in lower.bytes() {
                if let Some(count) = counts.get_mut(usize::from(byte.saturating_sub(b' '))) {
                    *count = count.saturating_add(1);
                }
            }
            counts
        });
        Some(Self { written, chars: lower.chars().count(), lower, counts })
    }

    /// A distance that the edit distance is never below.
    fn least_distance(&self, other: &Self) -> usize {
        let (Some(own), Some(its)) = (&self.counts, &other.counts) else { return self.chars.abs_diff(other.chars) };
        // One edit removes one letter, adds one, does both, or swaps two.
        let (mut only_own, mut only_its) = (0, 0);
        for (own, its) in own.iter().zip(its) {
            only_own += usize::from(own.saturating_sub(*its));
            only_its += usize::from(its.saturating_sub(*own));
        }
        only_own.max(only_its)
    }

    /// The greatest distance at which one may be meant by the other.
    fn distance_max(&self, other: &Self) -> usize {
        1 + self.chars.min(other.chars) / 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_the_one_that_is_meant() {
        let near = |name: &str, known: &[&str]| nearest(name, &mut known.iter().copied());
        assert_eq!(near("ngimx", &["apache", "nginx", "mongo"]).as_deref(), Some("nginx"));
        assert_eq!(near("DB1", &["db2", "db1"]).as_deref(), Some("db1"));
        assert_eq!(near("passwort", &["password", "port"]).as_deref(), Some("password"));
        assert_eq!(near("büro", &["buro", "garage"]).as_deref(), Some("buro"));
        assert_eq!(near("fornt", &["front", "fort"]).as_deref(), Some("front"), "letters that changed places are one mistake");
        assert_eq!(near("x", &["postgresql"]), None);
        assert_eq!(near("", &["a"]).as_deref(), Some("a"));
        assert_eq!(near(&"a".repeat(100_000), &["a"]), None);
    }

    #[test]
    fn the_nearest_is_found_among_very_many() {
        let known: Vec<String> = (0..5_000).map(|n| format!("node-of-a-generated-lab-{n:04}")).collect();
        let near = |name: &str| nearest(name, &mut known.iter().map(String::as_str));
        assert_eq!(near("node-of-a-generated-lab-x4321").as_deref(), Some("node-of-a-generated-lab-4321"));
        assert_eq!(near("node-of-a-genreated-lab-4999").as_deref(), Some("node-of-a-generated-lab-4999"));
    }

    #[test]
    fn what_is_lost_says_what_it_names() {
        let options = ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
        let lab: Lab = options
            .from_str(
                r#"(name: "x", nodes: {"db1": (role: app, services: {"sql": (kind: "mariadb")})}, flows: [(from: "db", to: "db1/sqll")])"#,
            )
            .unwrap();
        let lost = dangling(&lab);
        let said: Vec<_> = lost.iter().map(|lost| (lost.sort, lost.name.as_str(), lost.nearest(&lab))).collect();
        assert_eq!(said, [("node", "db", Some("db1".into())), ("service", "db1/sqll", Some("db1/sql".into()))]);
    }
}
