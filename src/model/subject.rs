//! What a finding, an acceptance or a highlight is about.

use super::{Acceptance, ClusterName, Endpoint, Flow, Lab, NetworkName, NodeName, Path, ServiceRef, SiteName, VipName};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A thing of the lab that can be pointed at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Subject {
    /// The lab as a whole.
    Lab,
    /// A site.
    Site(SiteName),
    /// A network.
    Network(NetworkName),
    /// A node.
    Node(NodeName),
    /// An adapter, by its slot from 0 and the network it is on.
    Adapter(NodeName, usize, NetworkName),
    /// A service.
    Service(ServiceRef),
    /// A flow.
    Flow(Endpoint, Endpoint),
    /// A VIP.
    Vip(VipName),
    /// A cluster.
    Cluster(ClusterName),
    /// A link between two sites.
    Link(SiteName, SiteName),
    /// An acceptance of a finding, by its place in the list from 0.
    Acceptance(usize),
    /// A note, by its place in the list from 0.
    Note(usize),
}

impl Subject {
    /// The subject of a flow.
    pub fn flow(flow: &Flow) -> Self {
        Self::Flow(flow.from.clone(), flow.to.clone())
    }

    /// Pairs of sort and name, outermost first: what `--format json` prints.
    pub fn parts(&self) -> Vec<String> {
        let texts = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect();
        match self {
            Self::Lab => texts(&["lab"]),
            Self::Site(site) => texts(&["site", site]),
            Self::Network(network) => texts(&["network", network]),
            Self::Node(node) => texts(&["node", node]),
            Self::Adapter(node, slot, network) => texts(&["node", node, "adapter", &slot.to_string(), "network", network]),
            Self::Service(at) => texts(&["node", &at.node, "service", &at.service]),
            Self::Flow(from, to) => texts(&["flow", &from.to_string(), &to.to_string()]),
            Self::Vip(vip) => texts(&["vip", vip]),
            Self::Cluster(cluster) => texts(&["cluster", cluster]),
            Self::Link(from, to) => texts(&["link", from, to]),
            Self::Acceptance(index) => texts(&["acceptance", &index.to_string()]),
            Self::Note(index) => texts(&["note", &index.to_string()]),
        }
    }

    /// Whether a text of the file means this subject: as [`fmt::Display`] writes it, or by its bare name.
    pub fn is_called(&self, text: &str) -> bool {
        let bare = match self {
            Self::Site(name) => Some(name.as_str()),
            Self::Network(name) => Some(name.as_str()),
            Self::Vip(name) => Some(name.as_str()),
            Self::Cluster(name) => Some(name.as_str()),
            _ => None,
        };
        bare == Some(text) || self.to_string() == text
    }

    /// Where the layout file says it.
    pub fn path(&self, lab: &Lab) -> Path {
        let root = Path::root();
        match self {
            Self::Lab => root,
            Self::Site(site) => root.field("sites").key(site),
            Self::Network(network) => root.field("networks").key(network),
            Self::Node(node) => root.field("nodes").key(node),
            Self::Adapter(node, slot, _) => root.field("nodes").key(node).field("adapters").index(*slot),
            Self::Service(at) => root.field("nodes").key(&at.node).field("services").key(&at.service),
            Self::Flow(from, to) => match lab.flows.iter().position(|flow| flow.from == *from && flow.to == *to) {
                Some(index) => root.field("flows").index(index),
                None => root,
            },
            Self::Vip(vip) => root.field("vips").key(vip),
            Self::Cluster(cluster) => lab
                .services()
                .find(|(_, _, service)| service.cluster.as_ref() == Some(cluster))
                .map_or_else(Path::root, |(node, service, _)| root.field("nodes").key(node).field("services").key(service)),
            Self::Link(from, to) => match lab.links.iter().position(|link| link.between.0 == *from && link.between.1 == *to) {
                Some(index) => root.field("links").index(index),
                None => root,
            },
            Self::Acceptance(index) => root.field("accepted").index(*index),
            Self::Note(index) => root.field("notes").index(*index),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lab => f.write_str("lab"),
            Self::Site(site) => write!(f, "site:{site}"),
            Self::Network(network) => write!(f, "network:{network}"),
            Self::Node(node) => f.write_str(node),
            Self::Adapter(node, slot, network) => write!(f, "{node}@{network}#{slot}"),
            Self::Service(at) => fmt::Display::fmt(at, f),
            Self::Flow(from, to) => write!(f, "{from} -> {to}"),
            Self::Vip(vip) => write!(f, "vip:{vip}"),
            Self::Cluster(cluster) => write!(f, "cluster:{cluster}"),
            Self::Link(from, to) => write!(f, "link:{from}-{to}"),
            Self::Acceptance(index) => write!(f, "acceptance:{index}"),
            Self::Note(index) => write!(f, "note:{index}"),
        }
    }
}

impl Acceptance {
    /// Whether it accepts what this rule says about this subject.
    pub fn accepts(&self, rule: &str, subject: &Subject) -> bool {
        self.rule == rule && subject.is_called(&self.on)
    }
}
