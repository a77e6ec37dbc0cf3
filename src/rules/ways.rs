//! The few nodes that others depend on without being drawn to them: routers, gateways of sites, port forwards, bastions,
//! backups, and replicas with their primaries; and which networks an administrator gets to through them.
//!
//! Part of the index. A change to one of these nodes, or to any network, makes it anew, so that rules about other nodes
//! may read it. It never judges.

use crate::catalog::{Behaviour, Catalog, ForwardRule};
use crate::model::{Ipv4Net, Lab, Network, NetworkKind, NetworkName, Node, NodeName, Purpose, Role, ServiceRef, SiteName, Value};
use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A port of a node that leads to a service of another, by a service that forwards ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortRule {
    /// The node that forwards.
    pub node: NodeName,
    /// The port there, 1 to 65535.
    pub port: u16,
    /// Where it leads.
    pub to: ServiceRef,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ways {
    /// Networks from which there is a way for administrators.
    pub(super) managed: HashSet<NetworkName>,
    /// The network on which administrators are to be: the first for management, else the first that the host is on.
    pub(super) administration: Option<NetworkName>,
    /// Ports that lead to a service, by the service.
    pub(super) port_rules: HashMap<ServiceRef, Vec<PortRule>>,
    pub(super) backups: Vec<ServiceRef>,
    /// Services that some backup lists.
    pub(super) listed: HashSet<ServiceRef>,
    /// Backups that list nothing: they take what their flows lead to.
    pub(super) unlisted: HashSet<ServiceRef>,
    /// Nodes with such a backup.
    pub(super) unlisted_on: HashSet<NodeName>,
    /// Services that copying leads around in, each with all of its ring by name.
    pub(super) rings: HashMap<ServiceRef, Arc<[ServiceRef]>>,
    /// Networks with a router that is on the internet, by the number of those that meet.
    pub(super) outlets: HashSet<usize>,
    /// The first few networks that join nodes.
    pub(super) joining: Vec<NetworkName>,
    /// The first network that reaches the internet.
    pub(super) internet: Option<NetworkName>,
    /// The first host-only network.
    pub(super) host_only: Option<NetworkName>,
    /// The subnets of networks that join nodes.
    pub(super) subnets: Subnets,
    /// The subnets of all networks.
    pub(super) all_subnets: Subnets,
    /// The networks of a site that join nodes, but for management networks.
    pub(super) site_networks: HashMap<SiteName, Vec<NetworkName>>,
    /// Replicas by their primary.
    pub(super) replicas: BTreeMap<ServiceRef, BTreeSet<ServiceRef>>,
    /// Every node that stands in one of the above, and the gateways of sites.
    nodes: HashSet<NodeName>,
}

impl Ways {
    /// Whether a change to a node, from what this was made of to what `now` is, makes it stale.
    pub(super) fn concerns(&self, catalog: &Catalog, name: &NodeName, now: Option<&Node>) -> bool {
        self.has(name) || now.is_some_and(|node| is_way(catalog, node))
    }

    /// Whether a node stands in it.
    pub(super) fn has(&self, name: &NodeName) -> bool {
        self.nodes.contains(name)
    }

    /// Gathers them. `group` gives networks between which packets find a way the same number.
    pub(super) fn build(lab: &Lab, catalog: &Catalog, group: impl Fn(&str) -> Option<usize>) -> Self {
        let mut ways = Self::default();
        let (mut bastions, mut routers) = (Vec::new(), Vec::new());
        for (name, node) in lab.nodes.iter().filter(|(_, node)| is_way(catalog, node)) {
            ways.nodes.insert(name.clone());
            if node.role == Role::Bastion {
                bastions.push(node);
            }
            for (service_name, service) in &node.services {
                let at = || ServiceRef { node: name.clone(), service: service_name.clone() };
                match catalog.behaviour(service) {
                    Some(Behaviour::Router | Behaviour::Tunnel) => routers.push(node),
                    Some(Behaviour::PortForward) => {
                        for ForwardRule { port, to } in catalog.forward_rules(service) {
                            let rule = PortRule { node: name.clone(), port, to };
                            ways.nodes.insert(rule.to.node.clone());
                            ways.port_rules.entry(rule.to.clone()).or_default().push(rule);
                        }
                    }
                    Some(Behaviour::Backup) => {
                        let listed = catalog.of(service).and_then(|entry| entry.value(service, "services"));
                        if texts(listed).next().is_none() {
                            ways.unlisted.insert(at());
                            ways.unlisted_on.insert(name.clone());
                        }
                        ways.listed.extend(texts(listed).filter_map(|text| text.parse().ok()));
                        ways.backups.push(at());
                    }
                    _ => {}
                }
                if let Some(primary) = &service.replica_of {
                    ways.nodes.insert(primary.node.clone());
                    ways.replicas.entry(primary.clone()).or_default().insert(at());
                }
            }
        }
        ways.nodes.extend(lab.sites.values().flat_map(|site| &site.gateways).cloned());
        ways.rings = rings(lab, &ways.replicas);
        ways.outlets = outlets(lab, ways.nodes.iter().filter_map(|name| lab.nodes.get(name)), catalog, &group);
        ways.managed = managed(lab, &bastions, &routers, group);
        let first =
            |wanted: &dyn Fn(&Network) -> bool| lab.networks.iter().find(|(_, network)| wanted(network)).map(|(name, _)| name.clone());
        ways.joining =
            lab.networks.iter().filter(|(_, network)| network.kind.joins_nodes()).map(|(name, _)| name.clone()).take(3).collect();
        ways.internet = first(&|network| network.kind.reaches_internet());
        ways.host_only = first(&|network| network.kind == NetworkKind::HostOnly);
        ways.subnets = Subnets::of(lab.networks.values().filter(|network| network.kind.joins_nodes()).map(|network| network.subnet));
        ways.all_subnets = Subnets::of(lab.networks.values().map(|network| network.subnet));
        for (name, network) in lab.networks.iter().filter(|(_, network)| network.carries()) {
            if let Some(site) = &network.site {
                ways.site_networks.entry(site.clone()).or_default().push(name.clone());
            }
        }
        let management = first(&|network| network.purpose == Purpose::Management);
        ways.administration = management.or_else(|| first(&|network| network.kind == NetworkKind::HostOnly));
        ways
    }
}

/// The numbers of the networks from which a router leads to the internet.
fn outlets<'a>(
    lab: &Lab,
    nodes: impl Iterator<Item = &'a Node>,
    catalog: &Catalog,
    group: &impl Fn(&str) -> Option<usize>,
) -> HashSet<usize> {
    let kind = |network: &NetworkName| lab.networks.get(network).map(|network| network.kind);
    let carries = |network: &NetworkName| lab.networks.get(network).is_some_and(Network::carries);
    let routes = |node: &&Node| {
        node.services.values().any(|service| matches!(catalog.behaviour(service), Some(Behaviour::Router | Behaviour::Tunnel)))
    };
    let leads_out = |node: &&Node| node.adapters.iter().any(|adapter| kind(&adapter.network).is_some_and(NetworkKind::reaches_internet));
    let adapters = nodes.filter(leads_out).filter(routes).flat_map(|node| &node.adapters);
    adapters.filter(|adapter| carries(&adapter.network)).filter_map(|adapter| group(&adapter.network)).collect()
}

/// The rings that copying leads around in. Each replica has one primary, so each is walked through once.
fn rings(lab: &Lab, replicas: &BTreeMap<ServiceRef, BTreeSet<ServiceRef>>) -> HashMap<ServiceRef, Arc<[ServiceRef]>> {
    let primary_of = |at: &ServiceRef| lab.service(at).and_then(|service| service.replica_of.as_ref());
    let mut rings = HashMap::default();
    let mut done: HashSet<&ServiceRef> = HashSet::default();
    for start in replicas.keys() {
        let mut path: Vec<&ServiceRef> = Vec::new();
        let mut next = Some(start);
        while let Some(at) = next.filter(|at| !done.contains(at)) {
            done.insert(at);
            path.push(at);
            next = primary_of(at);
        }
        // The walk ended at one of its own: from there on it is a ring.
        let Some(begin) = next.and_then(|next| path.iter().position(|at| *at == next)) else { continue };
        let mut ring: Vec<ServiceRef> = path.iter().skip(begin).map(|at| (*at).clone()).collect();
        ring.sort_unstable();
        let ring: Arc<[ServiceRef]> = ring.into();
        rings.extend(ring.iter().map(|at| (at.clone(), Arc::clone(&ring))));
    }
    rings
}

/// The subnets of many networks, for the question whether one of them has an address of a range.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Subnets {
    /// The first address of each, in order, and the last one of it and all before it.
    spans: Vec<(u32, u32)>,
    /// Whether a network has no subnet: it may have any address.
    pub(super) open: bool,
}

impl Subnets {
    fn of(subnets: impl Iterator<Item = Option<Ipv4Net>>) -> Self {
        let mut all = Self::default();
        for subnet in subnets {
            match subnet {
                Some(subnet) => all.spans.push((subnet.network().into(), subnet.broadcast().into())),
                None => all.open = true,
            }
        }
        all.spans.sort_unstable();
        let mut last = 0;
        for (_, end) in &mut all.spans {
            last = last.max(*end);
            *end = last;
        }
        all
    }

    /// Whether a subnet has an address of one of them.
    pub(super) fn meet(&self, subnet: Ipv4Net) -> bool {
        let (first, last) = (u32::from(subnet.network()), u32::from(subnet.broadcast()));
        let before = self.spans.partition_point(|(start, _)| *start <= last);
        before.checked_sub(1).and_then(|place| self.spans.get(place)).is_some_and(|(_, end)| *end >= first)
    }
}

/// The texts of a setting that is a list; none for any other.
pub(super) fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let list = match value {
        Some(Value::List(list)) => list.as_slice(),
        _ => &[],
    };
    list.iter().map(String::as_str)
}

fn is_way(catalog: &Catalog, node: &Node) -> bool {
    let is_one = |behaviour| matches!(behaviour, Some(Behaviour::Router | Behaviour::Tunnel | Behaviour::PortForward | Behaviour::Backup));
    node.role == Role::Bastion || node.services.values().any(|service| service.replica_of.is_some() || is_one(catalog.behaviour(service)))
}

/// The networks on which administrators get to nodes: where they start, beside a bastion, and what a router on one of those leads to. A
/// management network forwards no traffic, but an administrator on it reaches the router itself, and other nodes from there by ssh.
fn managed(lab: &Lab, bastions: &[&Node], routers: &[&Node], group: impl Fn(&str) -> Option<usize>) -> HashSet<NetworkName> {
    let has_management = lab.networks.values().any(|network| network.purpose == Purpose::Management);
    let starts: Vec<&NetworkName> = lab
        .networks
        .iter()
        .filter(|(_, network)| if has_management { network.purpose == Purpose::Management } else { network.kind != NetworkKind::Internal })
        .map(|(name, _)| name)
        .collect();
    let beside_bastion: HashSet<&NetworkName> = bastions.iter().flat_map(|node| &node.adapters).map(|adapter| &adapter.network).collect();
    let joins = |name: &NetworkName| lab.networks.get(name).is_some_and(|network| network.kind.joins_nodes());
    let starts: HashSet<&NetworkName> = starts.into_iter().collect();
    let is_on_start = |node: &&&Node| node.adapters.iter().any(|adapter| starts.contains(&adapter.network));
    let by_router = routers.iter().filter(is_on_start).flat_map(|node| &node.adapters).map(|adapter| &adapter.network);
    let reached: HashSet<usize> = starts.iter().copied().chain(by_router).filter_map(|network| group(network)).collect();
    let leads_to = |name: &NetworkName| starts.contains(name) || joins(name) && group(name).is_some_and(|group| reached.contains(&group));
    lab.networks.keys().filter(|name| leads_to(name) || beside_bastion.contains(name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::Subnets;

    #[test]
    fn subnets_that_meet() {
        let net = |text: &str| text.parse().unwrap();
        let all = Subnets::of([Some(net("10.1.0.0/24")), Some(net("10.0.0.0/8")), Some(net("192.168.5.0/24"))].into_iter());
        for meets in ["10.200.0.0/24", "0.0.0.0/0", "192.168.0.0/16", "192.168.5.77/32", "10.0.0.0/8"] {
            assert!(all.meet(net(meets)), "{meets}");
        }
        for apart in ["11.0.0.0/8", "192.168.6.0/24", "172.16.0.0/12", "9.255.255.255/32"] {
            assert!(!all.meet(net(apart)), "{apart}");
        }
        assert!(!all.open && Subnets::of([None].into_iter()).open);
        assert!(!Subnets::default().meet(net("0.0.0.0/0")));
    }
}
