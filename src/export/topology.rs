//! Sites, nodes and the links between nodes: as the drawing expects them, whether they are encrypted, and, of a lab that runs, what is
//! seen of them.

use crate::catalog::{Catalog, Entry};
use crate::model::{Endpoint, Flow, Health, Lab, Link, NodeName, Observed, ObservedFlow, Power, Service, ServiceRef, SiteName};
use serde::Serialize;

/// The topology of a lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Topology {
    /// The lab's name.
    pub lab: String,
    /// The sites with their nodes; nodes of no site come last.
    pub sites: Vec<TopologySite>,
    /// The links: clusters' first, then flows, then what joins the sites.
    pub links: Vec<TopologyLink>,
    /// Whether every link is encrypted.
    pub secure: bool,
}

/// A site and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopologySite {
    /// Its name; `None` for the nodes of no site.
    pub site: Option<String>,
    /// Its nodes, in the lab's order.
    pub nodes: Vec<NodeName>,
    /// Those of them that join it to other sites.
    pub gateways: Vec<NodeName>,
    /// Those that are off, or of no use; `None`: nobody has looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub down: Option<Vec<NodeName>>,
}

/// How a link is seen to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// Both ends hear each other.
    Up,
    /// One end hears the other, which does not hear it.
    OneWay,
    /// Some of what passes there does, some does not.
    Partial,
    /// Nothing passes.
    Down,
    /// Nobody has tried, or the answer is too old.
    Unknown,
}

impl LinkState {
    fn title(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::OneWay => "one-way",
            Self::Partial => "partial",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }
}

/// Why two things are linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TopologyLinkKind {
    /// They are members of one cluster.
    Cluster,
    /// One has a flow to the other.
    Flow,
    /// Their sites are joined.
    Wan,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TopologyLink {
    /// One end: a service, a node, or a site.
    pub from: String,
    /// The other.
    pub to: String,
    /// The port of a flow that names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Why they are linked.
    pub kind: TopologyLinkKind,
    /// Whether what passes cannot be read on the way.
    pub encrypted: bool,
    /// How it is seen to be; `None`: nobody has looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<LinkState>,
}

impl Topology {
    /// The topology that a lab is drawn to have.
    pub fn of(lab: &Lab, catalog: &Catalog) -> Self {
        let mut links = cluster_links(lab, catalog);
        links.extend(lab.flows.iter().map(|flow| TopologyLink {
            from: flow.from.to_string(),
            to: flow.to.to_string(),
            port: flow.port,
            kind: TopologyLinkKind::Flow,
            encrypted: flow_is_encrypted(lab, catalog, flow),
            state: None,
        }));
        links.extend(lab.links.iter().map(|link| TopologyLink {
            from: link.between.0.to_string(),
            to: link.between.1.to_string(),
            port: None,
            kind: TopologyLinkKind::Wan,
            encrypted: link.tunnel.is_some() || gateways_encrypt(lab, catalog, link),
            state: None,
        }));
        let secure = links.iter().all(|link| link.encrypted);
        Self { lab: lab.name.clone(), sites: sites(lab), links, secure }
    }

    /// The same with what is seen of a lab that runs.
    pub fn seen(lab: &Lab, catalog: &Catalog, observed: &Observed) -> Self {
        let mut topology = Self::of(lab, catalog);
        let is_down =
            |node: &&NodeName| observed.nodes.get(*node).is_none_or(|there| there.power != Power::Running || there.health == Health::Down);
        for site in &mut topology.sites {
            site.down = Some(site.nodes.iter().filter(is_down).cloned().collect());
        }
        // Every link that is no site's has one pair of ends, and a state of its own; what joins sites is as those that cross there.
        let mut crossing = Vec::new();
        let mut flows = 0;
        for link in &mut topology.links {
            let (state, ends) = match link.kind {
                TopologyLinkKind::Wan => continue,
                TopologyLinkKind::Flow => {
                    flows += 1;
                    flow_state(link, observed, flows - 1)
                }
                TopologyLinkKind::Cluster => member_state(link, observed),
            };
            link.state = Some(state);
            let site = |node: Option<&NodeName>| lab.nodes.get(node?)?.site.clone();
            if let (Some(one), Some(other)) = (site(ends.0.as_ref()), site(ends.1.as_ref()))
                && one != other
            {
                crossing.push((one, other, state));
            }
        }
        for (link, drawn) in topology.links.iter_mut().filter(|link| link.kind == TopologyLinkKind::Wan).zip(&lab.links) {
            link.state = Some(joined(&crossing, &drawn.between));
        }
        topology
    }

    /// Whether nothing is seen that is not as it should be.
    pub fn is_well(&self) -> bool {
        let well = |state: LinkState| matches!(state, LinkState::Up | LinkState::Unknown);
        self.sites.iter().all(|site| site.down.as_ref().is_none_or(Vec::is_empty))
            && self.links.iter().all(|link| link.state.is_none_or(well))
    }

    /// One line a site, one a link, and a last one that sums up; each a row of `key=value`.
    pub fn lines(&self) -> Vec<String> {
        let list = |nodes: &[NodeName]| nodes.iter().map(|node| word(node)).collect::<Vec<_>>().join(",");
        let mut lines = Vec::new();
        for site in &self.sites {
            let name = site.site.as_deref().map_or_else(|| "-".to_owned(), word);
            let gateways = if site.gateways.is_empty() { String::new() } else { format!(" gateways=[{}]", list(&site.gateways)) };
            let down =
                site.down.as_ref().filter(|down| !down.is_empty()).map_or_else(String::new, |down| format!(" down=[{}]", list(down)));
            lines.push(format!("site={name} nodes=[{}]{gateways}{down}", list(&site.nodes)));
        }
        for link in &self.links {
            let kind = match link.kind {
                TopologyLinkKind::Cluster => "cluster",
                TopologyLinkKind::Flow => "flow",
                TopologyLinkKind::Wan => "wan",
            };
            let state = link.state.map_or_else(String::new, |state| format!(" state={}", state.title()));
            let port = link.port.map_or_else(String::new, |port| format!(" port={port}"));
            lines.push(format!("link={kind} from={} to={}{port} encrypted={}{state}", word(&link.from), word(&link.to), link.encrypted));
        }
        let looked = self.links.iter().any(|link| link.state.is_some());
        let up = self.links.iter().filter(|link| link.state == Some(LinkState::Up)).count();
        let up = if looked { format!(" up={up}") } else { String::new() };
        lines.push(format!("links={} secure={}{up}", self.links.len(), self.secure));
        lines
    }
}

/// A name as one word of a line: in quotes where it has anything in it that could be taken for the line's own.
fn word(name: &str) -> String {
    let plain = name.chars().all(|char| char.is_alphanumeric() || matches!(char, '-' | '_' | '.' | '/' | ':'));
    if plain && !name.is_empty() { name.to_owned() } else { format!("{name:?}") }
}

/// The nodes at the ends of a link, where they are nodes.
type Ends = (Option<NodeName>, Option<NodeName>);

/// Flows are observed in the layout's order.
fn flow_state(link: &TopologyLink, observed: &Observed, index: usize) -> (LinkState, Ends) {
    let is_it =
        |flow: &&ObservedFlow| flow.id.port == link.port && flow.id.from.to_string() == link.from && flow.id.to.to_string() == link.to;
    let found = observed.flows.get(index).filter(is_it).or_else(|| observed.flows.iter().find(is_it));
    let Some(flow) = found else { return (LinkState::Unknown, (None, None)) };
    let state = match (flow.health, flow.forward, flow.backward) {
        (Health::Unknown, ..) => LinkState::Unknown,
        (Health::Healthy, ..) | (_, true, true) if flow.health != Health::Down => LinkState::Up,
        (_, true, false) | (_, false, true) => LinkState::OneWay,
        _ => LinkState::Down,
    };
    (state, (flow.id.from.node().cloned(), flow.id.to.node().cloned()))
}

/// Two members are linked where they are in one part of their cluster, and not said not to see each other.
fn member_state(link: &TopologyLink, observed: &Observed) -> (LinkState, Ends) {
    let (Ok(one), Ok(other)) = (link.from.parse::<ServiceRef>(), link.to.parse::<ServiceRef>()) else {
        return (LinkState::Unknown, (None, None));
    };
    let mut parts = observed.clusters.values().flat_map(|cluster| &cluster.parts);
    let is_pair = |(here, there): &(ServiceRef, ServiceRef)| (here, there) == (&one, &other) || (here, there) == (&other, &one);
    let is_apart = observed.clusters.values().any(|cluster| cluster.apart.iter().any(is_pair));
    let is_together = !is_apart && parts.any(|part| part.contains(&one) && part.contains(&other));
    let is_known = [&one, &other].iter().all(|at| {
        let service = observed.nodes.get(&at.node).and_then(|node| node.services.get(&at.service));
        service.is_some_and(|service| service.health != Health::Unknown)
    });
    let state = match (is_together, is_known) {
        (true, _) => LinkState::Up,
        (false, true) => LinkState::Down,
        (false, false) => LinkState::Unknown,
    };
    (state, (Some(one.node), Some(other.node)))
}

/// What joins two sites, from all that crosses there.
fn joined(crossing: &[(SiteName, SiteName, LinkState)], between: &(SiteName, SiteName)) -> LinkState {
    let there =
        crossing.iter().filter(|(one, other, _)| (one, other) == (&between.0, &between.1) || (other, one) == (&between.0, &between.1));
    let states: Vec<LinkState> = there.map(|(_, _, state)| *state).filter(|state| *state != LinkState::Unknown).collect();
    let Some(first) = states.first() else { return LinkState::Unknown };
    if states.iter().all(|state| state == first) { *first } else { LinkState::Partial }
}

fn sites(lab: &Lab) -> Vec<TopologySite> {
    let nodes_in = |wanted: Option<&str>| -> Vec<NodeName> {
        let inside = |site: Option<&str>| site == wanted;
        lab.nodes.iter().filter(|(_, node)| inside(node.site.as_deref())).map(|(name, _)| name.clone()).collect()
    };
    let mut sites: Vec<TopologySite> = lab
        .sites
        .iter()
        .map(|(name, site)| TopologySite {
            site: Some(name.to_string()),
            nodes: nodes_in(Some(name)),
            gateways: site.gateways.clone(),
            down: None,
        })
        .collect();
    let nowhere = nodes_in(None);
    if !nowhere.is_empty() {
        sites.push(TopologySite { site: None, nodes: nowhere, gateways: Vec::new(), down: None });
    }
    sites
}

/// Every two members of a cluster on different nodes that have a network in common.
fn cluster_links(lab: &Lab, catalog: &Catalog) -> Vec<TopologyLink> {
    let mut links = Vec::new();
    for members in Catalog::clusters(lab).values() {
        for (index, one) in members.iter().enumerate() {
            for other in members.iter().skip(index + 1).filter(|other| other.node != one.node && meet(lab, &one.node, &other.node)) {
                links.push(TopologyLink {
                    from: one.to_string(),
                    to: other.to_string(),
                    port: None,
                    kind: TopologyLinkKind::Cluster,
                    encrypted: between_members_encrypted(lab, catalog, one) && between_members_encrypted(lab, catalog, other),
                    state: None,
                });
            }
        }
    }
    links
}

fn meet(lab: &Lab, one: &NodeName, other: &NodeName) -> bool {
    let (Some(one), Some(other)) = (lab.nodes.get(one), lab.nodes.get(other)) else { return false };
    one.adapters.iter().any(|adapter| {
        lab.networks.get(&adapter.network).is_some_and(|network| network.kind.joins_nodes()) && other.adapter_on(&adapter.network).is_some()
    })
}

fn entry_of<'a>(lab: &'a Lab, catalog: &'a Catalog, at: &ServiceRef) -> Option<(&'a Service, &'a Entry)> {
    let service = lab.service(at)?;
    Some((service, catalog.of(service)?))
}

/// Whether the port on which a member talks to the others is encrypted; its main port where it has none for that.
fn between_members_encrypted(lab: &Lab, catalog: &Catalog, at: &ServiceRef) -> bool {
    entry_of(lab, catalog, at).is_some_and(|(service, entry)| {
        let own = entry.ports.iter().find(|port| port.audience == crate::catalog::Audience::Cluster);
        own.or(entry.ports.first()).is_some_and(|port| entry.is_encrypted(service, port))
    })
}

fn flow_is_encrypted(lab: &Lab, catalog: &Catalog, flow: &Flow) -> bool {
    let is_encrypted_at = |at: &ServiceRef| {
        let Some((service, entry)) = entry_of(lab, catalog, at) else { return false };
        let wanted = flow.port.or_else(|| entry.main_port(service));
        let port = entry.ports_of(service).find(|(_, number)| Some(*number) == wanted);
        port.is_some_and(|(port, _)| entry.is_encrypted(service, port))
    };
    let by_itself = match &flow.to {
        Endpoint::Service(at) => is_encrypted_at(at),
        Endpoint::Vip(vip) => lab.vips.get(vip).is_some_and(|vip| {
            let followed: Vec<ServiceRef> = vip
                .follows
                .iter()
                .flat_map(|service| vip.holders.iter().map(|holder| ServiceRef { node: holder.node.clone(), service: service.clone() }))
                .collect();
            !followed.is_empty() && followed.iter().all(is_encrypted_at)
        }),
        Endpoint::Node(_) | Endpoint::Outside => false,
    };
    let site = |end: &Endpoint| end.node().and_then(|node| lab.nodes.get(node)).and_then(|node| node.site.as_ref());
    let through_tunnel = match (site(&flow.from), site(&flow.to)) {
        (Some(one), Some(other)) if one != other => lab.links.iter().any(|link| {
            let joins = link.between == (one.clone(), other.clone()) || link.between == (other.clone(), one.clone());
            joins && link.tunnel.is_some()
        }),
        _ => false,
    };
    by_itself || through_tunnel
}

/// Whether all that the gateways of a link's sites say to each other over its network is encrypted by themselves.
fn gateways_encrypt(lab: &Lab, catalog: &Catalog, link: &Link) -> bool {
    let mut speakers =
        [&link.between.0, &link.between.1].into_iter().filter_map(|site| lab.sites.get(site)).flat_map(|site| &site.gateways);
    let mut any = false;
    let all = speakers.all(|gateway| {
        let Some(node) = lab.nodes.get(gateway) else { return false };
        node.services.iter().filter(|(_, service)| service.cluster.is_some()).all(|(name, _)| {
            any = true;
            between_members_encrypted(lab, catalog, &ServiceRef { node: gateway.clone(), service: name.clone() })
        })
    });
    any && all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::read;

    fn lines(rest: &str) -> Vec<String> {
        let lab = read(&format!("(sandtable: 1, name: \"x\", {rest})")).unwrap();
        Topology::of(&lab, Catalog::embedded()).lines()
    }

    #[test]
    fn a_mesh_a_flow_and_the_summary() {
        let tls = |on: bool| {
            format!(
                r#"sites: {{"us": (gateways: ["a"])}}, networks: {{"n": internal()}}, nodes: {{
                "a": (role: worker, site: "us", adapters: [(network: "n")], services: {{"beam": (kind: "beam", cluster: "mesh")}}),
                "b c": (role: worker, adapters: [(network: "n")], services: {{"beam": (kind: "beam", cluster: "mesh", settings: {{"tls": {on}}})}})}}"#
            )
        };
        assert_eq!(
            lines(&tls(true)),
            [
                "site=us nodes=[a] gateways=[a]",
                "site=- nodes=[\"b c\"]",
                "link=cluster from=a/beam to=\"b c/beam\" encrypted=true",
                "links=1 secure=true"
            ]
        );
        assert_eq!(lines(&tls(false)).last().unwrap(), "links=1 secure=false");
    }

    #[test]
    fn members_that_cannot_meet_are_not_linked() {
        let lines = lines(
            r#"networks: {"n": internal(), "m": nat()}, nodes: {
            "a": (role: worker, adapters: [(network: "n"), (network: "m")], services: {"beam": (kind: "beam", cluster: "mesh")}),
            "b": (role: worker, adapters: [(network: "m")], services: {"beam": (kind: "beam", cluster: "mesh")})}"#,
        );
        assert_eq!(lines.last().unwrap(), "links=0 secure=true");
    }
}
