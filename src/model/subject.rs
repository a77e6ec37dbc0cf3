//! What a finding, an acceptance or a highlight is about.

use super::{Acceptance, ClusterName, Flow, FlowId, FlowNames, Lab, NetworkName, NodeName, OUTSIDE, Path, ServiceRef, SiteName, VipName};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, fmt};

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
    Flow(FlowId),
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
    /// Everything beyond the lab: where flows enter and leave.
    Outside,
}

impl Subject {
    /// The subject of a flow.
    pub fn flow(flow: &Flow) -> Self {
        Self::Flow(flow.into())
    }

    /// Everything of a lab that can be selected, in its order.
    pub fn all(lab: &Lab) -> Vec<Self> {
        let mut all: Vec<Self> = lab.sites.keys().cloned().map(Self::Site).collect();
        all.extend(lab.networks.keys().cloned().map(Self::Network));
        for (name, node) in &lab.nodes {
            all.push(Self::Node(name.clone()));
            let adapters = node.adapters.iter().enumerate();
            all.extend(adapters.map(|(slot, adapter)| Self::Adapter(name.clone(), slot, adapter.network.clone())));
            let services = node.services.keys().cloned();
            all.extend(services.map(|service| Self::Service(ServiceRef { node: name.clone(), service })));
        }
        all.extend(lab.flows.iter().map(Self::flow));
        all.extend(lab.vips.keys().cloned().map(Self::Vip));
        if !lab.nodes.is_empty() {
            all.push(Self::Outside);
        }
        all.extend(lab.links.iter().map(|link| Self::Link(link.between.0.clone(), link.between.1.clone())));
        all
    }

    /// Pairs of sort and name, outermost first: what `--format json` prints.
    pub fn parts(&self) -> Vec<String> {
        let texts = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<String>>();
        match self {
            Self::Lab => texts(&["lab"]),
            Self::Site(site) => texts(&["site", site]),
            Self::Network(network) => texts(&["network", network]),
            Self::Node(node) => texts(&["node", node]),
            Self::Adapter(node, slot, network) => texts(&["node", node, "adapter", &slot.to_string(), "network", network]),
            Self::Service(at) => texts(&["node", &at.node, "service", &at.service]),
            Self::Flow(FlowId { from, to, port }) => {
                let port = port.iter().flat_map(|port| ["port".to_owned(), port.to_string()]);
                texts(&["flow", &from.to_string(), &to.to_string()]).into_iter().chain(port).collect()
            }
            Self::Vip(vip) => texts(&["vip", vip]),
            Self::Cluster(cluster) => texts(&["cluster", cluster]),
            Self::Link(from, to) => texts(&["link", from, to]),
            Self::Acceptance(index) => texts(&["acceptance", &index.to_string()]),
            Self::Note(index) => texts(&["note", &index.to_string()]),
            Self::Outside => texts(&[OUTSIDE]),
        }
    }

    /// The name of the outermost thing that it is or stands on: a node, a network, a VIP, a cluster, a site.
    pub fn first_name(&self) -> Option<&str> {
        match self {
            Self::Node(node) | Self::Adapter(node, ..) => Some(node),
            Self::Service(at) => Some(&at.node),
            Self::Site(name) | Self::Link(name, _) => Some(name),
            Self::Network(name) => Some(name),
            Self::Vip(name) => Some(name),
            Self::Cluster(name) => Some(name),
            Self::Lab | Self::Flow(..) | Self::Acceptance(_) | Self::Note(_) | Self::Outside => None,
        }
    }

    /// Its bare name, where a text of the file may mean it by that too.
    pub fn bare_name(&self) -> Option<&str> {
        match self {
            Self::Site(name) => Some(name),
            Self::Network(name) => Some(name),
            Self::Vip(name) => Some(name),
            Self::Cluster(name) => Some(name),
            _ => None,
        }
    }

    /// Whether a text of the file means this subject of a lab: as [`fmt::Display`] writes it, by its bare name, or by a flow's ends.
    fn is_called(&self, lab: &Lab, text: &str) -> bool {
        self.bare_name() == Some(text)
            || self.to_string() == text
            || matches!(self, Self::Flow(id) if FlowNames::of(lab, std::iter::once(text)).get(text) == Some(id))
    }

    /// Where the layout file says it. For many subjects of one lab, keep [`Places`].
    pub fn path(&self, lab: &Lab) -> Path {
        Places::default().path(lab, self)
    }
}

/// The places of flows, links and clusters in the layout file, each looked up once.
#[derive(Debug, Default)]
pub struct Places<'a> {
    flows: Option<HashMap<FlowId, usize>>,
    clusters: Option<HashMap<&'a ClusterName, ServiceRef>>,
}

impl<'a> Places<'a> {
    /// Where the layout file says a subject of a lab, which is the same for each call.
    pub fn path(&mut self, lab: &'a Lab, subject: &Subject) -> Path {
        let root = Path::root();
        let service = |at: &ServiceRef| Path::root().field("nodes").key(&at.node).field("services").key(&at.service);
        match subject {
            Subject::Lab => root,
            Subject::Site(site) => root.field("sites").key(site),
            Subject::Network(network) => root.field("networks").key(network),
            Subject::Node(node) => root.field("nodes").key(node),
            Subject::Adapter(node, slot, _) => root.field("nodes").key(node).field("adapters").index(*slot),
            Subject::Service(at) => service(at),
            Subject::Flow(id) => {
                let flows = self.flows.get_or_insert_with(|| {
                    // The last of several counts, as for `Lab::flow_place`.
                    lab.flows.iter().enumerate().map(|(index, flow)| (flow.into(), index)).collect()
                });
                match flows.get(id) {
                    Some(index) => root.field("flows").index(*index),
                    None => root,
                }
            }
            Subject::Vip(vip) => root.field("vips").key(vip),
            Subject::Cluster(cluster) => {
                let clusters = self.clusters.get_or_insert_with(|| {
                    let mut first = HashMap::new();
                    for (node, name, service) in lab.services() {
                        if let Some(cluster) = &service.cluster {
                            first.entry(cluster).or_insert_with(|| ServiceRef { node: node.clone(), service: name.clone() });
                        }
                    }
                    first
                });
                let clusters: &HashMap<&ClusterName, ServiceRef> = clusters;
                clusters.get(cluster).map_or(root, service)
            }
            Subject::Link(from, to) => match lab.links.iter().position(|link| link.between.0 == *from && link.between.1 == *to) {
                Some(index) => root.field("links").index(index),
                None => root,
            },
            Subject::Acceptance(index) => root.field("accepted").index(*index),
            Subject::Note(index) => root.field("notes").index(*index),
            Subject::Outside => root.field("flows"),
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
            Self::Flow(id) => fmt::Display::fmt(id, f),
            Self::Vip(vip) => write!(f, "vip:{vip}"),
            Self::Cluster(cluster) => write!(f, "cluster:{cluster}"),
            Self::Link(from, to) => write!(f, "link:{from}-{to}"),
            Self::Acceptance(index) => write!(f, "acceptance:{index}"),
            Self::Note(index) => write!(f, "note:{index}"),
            Self::Outside => f.write_str(OUTSIDE),
        }
    }
}

impl Acceptance {
    /// Whether it accepts what this rule says about this subject of a lab, in these words.
    pub fn accepts(&self, lab: &Lab, rule: &str, subject: &Subject, message: &str) -> bool {
        self.rule == rule && self.accepts_words(message) && subject.is_called(lab, &self.on)
    }

    /// Whether it accepts these words of its rule about its subject.
    pub fn accepts_words(&self, message: &str) -> bool {
        self.says.as_deref().is_none_or(|says| says == message)
    }
}
