//! The few nodes that others depend on without being drawn to them: routers, gateways of sites, port forwards, bastions,
//! backups, and replicas with their primaries; and which networks an administrator gets to through them.
//!
//! Part of the index. A change to one of these nodes, or to any network, makes it anew, so that rules about other nodes
//! may read it. It never judges.

use crate::catalog::{Behaviour, Catalog};
use crate::model::{Lab, Network, NetworkKind, NetworkName, Node, NodeName, Purpose, Role, ServiceRef, Value};
use rustc_hash::FxHashSet as HashSet;
use std::collections::{BTreeMap, BTreeSet};

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
    pub(super) port_rules: Vec<PortRule>,
    pub(super) backups: Vec<ServiceRef>,
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

    /// Gathers them. `meet` says whether packets find a way between two networks.
    pub(super) fn build(lab: &Lab, catalog: &Catalog, meet: impl Fn(&str, &str) -> bool) -> Self {
        let mut ways = Self::default();
        let mut bastions = Vec::new();
        for (name, node) in lab.nodes.iter().filter(|(_, node)| is_way(catalog, node)) {
            ways.nodes.insert(name.clone());
            if node.role == Role::Bastion {
                bastions.push(node);
            }
            for (service_name, service) in &node.services {
                let at = || ServiceRef { node: name.clone(), service: service_name.clone() };
                match catalog.behaviour(service) {
                    Some(Behaviour::PortForward) => {
                        let rules = catalog.of(service).and_then(|entry| entry.value(service, "rules"));
                        ways.port_rules.extend(texts(rules).filter_map(|rule| port_rule(name, rule)));
                    }
                    Some(Behaviour::Backup) => ways.backups.push(at()),
                    _ => {}
                }
                if let Some(primary) = &service.replica_of {
                    ways.nodes.insert(primary.node.clone());
                    ways.replicas.entry(primary.clone()).or_default().insert(at());
                }
            }
        }
        ways.nodes.extend(lab.sites.values().flat_map(|site| &site.gateways).cloned());
        ways.managed = managed(lab, &bastions, meet);
        let first =
            |wanted: &dyn Fn(&Network) -> bool| lab.networks.iter().find(|(_, network)| wanted(network)).map(|(name, _)| name.clone());
        let management = first(&|network| network.purpose == Purpose::Management);
        ways.administration = management.or_else(|| first(&|network| network.kind == NetworkKind::HostOnly));
        ways
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

fn port_rule(node: &NodeName, text: &str) -> Option<PortRule> {
    let (port, to) = text.split_once(':')?;
    Some(PortRule { node: node.clone(), port: port.trim().parse().ok()?, to: to.trim().parse().ok()? })
}

fn managed(lab: &Lab, bastions: &[&Node], meet: impl Fn(&str, &str) -> bool) -> HashSet<NetworkName> {
    let has_management = lab.networks.values().any(|network| network.purpose == Purpose::Management);
    let starts: Vec<&NetworkName> = lab
        .networks
        .iter()
        .filter(|(_, network)| if has_management { network.purpose == Purpose::Management } else { network.kind != NetworkKind::Internal })
        .map(|(name, _)| name)
        .collect();
    let beside_bastion = |name: &NetworkName| bastions.iter().any(|node| node.adapter_on(name).is_some());
    let joins = |name: &NetworkName| lab.networks.get(name).is_some_and(|network| network.kind.joins_nodes());
    let leads_to = |name: &NetworkName| starts.iter().any(|start| *start == name || (joins(name) && meet(start, name)));
    lab.networks.keys().filter(|name| leads_to(name) || beside_bastion(name)).cloned().collect()
}
