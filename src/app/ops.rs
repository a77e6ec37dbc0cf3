//! What editing means: each act of the user as the edits that do it.
//!
//! Shared by the canvas, the menus, the palette and the keyboard. Pure: it reads a lab and gives a [`Step`]; applying it is
//! up to the caller. Where an act makes no sense it says why, in words for the user.

use crate::{
    catalog::{Behaviour, Catalog},
    model::{
        Adapter, Bind, ClusterName, Edit, Endpoint, Flow, FlowId, Holder, Ipv4Net, Kind, Lab, Link, ListEdit, NameError, Network,
        NetworkKind, NetworkName, Node, NodeName, Note, Pos, Purpose, Role, Service, ServiceName, ServiceRef, Site, SiteName, Subject, Vip,
        VipName, cascade,
    },
};
use std::net::Ipv4Addr;

/// One act: one step of undo.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What undo calls it ("Add db1").
    pub title: String,
    /// What it does.
    pub edits: Vec<Edit>,
    /// What is chosen afterwards; `None`: what was.
    pub select: Option<Vec<Subject>>,
}

/// Why an act makes no sense, in words for the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

/// A step or why not.
pub type Act = Result<Step, Refusal>;

fn refuse<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(why.into()))
}

fn named<N: std::str::FromStr<Err = NameError>>(text: &str) -> Result<N, Refusal> {
    text.trim().parse().map_err(|error: NameError| Refusal(error.to_string()))
}

/// The third bytes of the host-only subnets that VirtualBox allows unasked (192.168.56.0/21, manual section 6.7).
const HOST_ONLY: std::ops::RangeInclusive<u8> = 56..=63;

/// Adds a node of a role.
///
/// # Errors
/// Never in practice: where no name can be made.
pub fn add_node(lab: &Lab, role: Role, at: Option<Pos>) -> Act {
    let name: NodeName = named(&Lab::free_name(role.name_stem(), |name| lab.nodes.contains_key(name)))?;
    let mut edits = vec![Edit::Node { name: name.clone(), at: None, to: Some(Box::new(Node::new(role))) }];
    edits.extend(at.map(|at| Edit::PlaceNode { name: name.clone(), at: None, to: Some(at) }));
    Ok(Step { title: format!("Add {name}"), edits, select: Some(vec![Subject::Node(name)]) })
}

/// Adds a network of a kind, with a subnet that no other has where the kind needs one.
///
/// # Errors
/// Never in practice: where no name can be made.
pub fn add_network(lab: &Lab, kind: NetworkKind, at: Option<Pos>) -> Act {
    let (alone, stem) = match kind {
        NetworkKind::Nat => ("internet", "internet"),
        NetworkKind::NatNetwork => ("natnet", "natnet"),
        NetworkKind::HostOnly => ("lab", "lab"),
        NetworkKind::Internal => ("internal", "internal"),
        NetworkKind::Bridged => ("bridge", "bridge"),
    };
    let taken = |name: &str| lab.networks.contains_key(name);
    let text = if taken(alone) { Lab::free_name(stem, taken) } else { alone.to_owned() };
    let name: NetworkName = named(&text)?;
    let network = Network { subnet: free_subnet(lab, kind), ..Network::new(kind) };
    let mut edits = vec![Edit::Network { name: name.clone(), at: None, to: Some(network) }];
    edits.extend(at.map(|at| Edit::PlaceNetwork { name: name.clone(), at: None, to: Some(at) }));
    Ok(Step { title: format!("Add network {name}"), edits, select: Some(vec![Subject::Network(name)]) })
}

/// A subnet that overlaps none of the lab's; `None` for kinds whose addresses others choose, and where all are taken.
pub fn free_subnet(lab: &Lab, kind: NetworkKind) -> Option<Ipv4Net> {
    let candidates: Vec<Ipv4Addr> = match kind {
        NetworkKind::Nat | NetworkKind::Bridged => return None,
        NetworkKind::NatNetwork => (4..=254).map(|third| Ipv4Addr::new(10, 0, third, 0)).collect(),
        NetworkKind::HostOnly | NetworkKind::Internal => {
            HOST_ONLY.chain(100..=254).map(|third| Ipv4Addr::new(192, 168, third, 0)).collect()
        }
    };
    let taken: Vec<Ipv4Net> = lab.networks.values().filter_map(|network| network.subnet).collect();
    let free = |subnet: &Ipv4Net| taken.iter().all(|other| !other.contains(subnet) && !subnet.contains(other));
    candidates.into_iter().filter_map(|address| Ipv4Net::new(address, 24).ok()).find(free)
}

/// Plugs a node into a network: one more adapter, with the next free address.
///
/// # Errors
/// Where either is missing, or the node has the most adapters that VirtualBox allows.
pub fn connect(lab: &Lab, node_name: &NodeName, network_name: &NetworkName) -> Act {
    let Some(node) = lab.nodes.get(node_name) else { return refuse(format!("there is no node {node_name}")) };
    let Some(network) = lab.networks.get(network_name) else { return refuse(format!("there is no network {network_name}")) };
    if node.adapter_on(network_name).is_some() {
        return refuse(format!("{node_name} is on {network_name} already"));
    }
    let address = if network.kind == NetworkKind::Nat { None } else { lab.free_address(network_name) };
    let slot = node.adapters.len();
    let adapter = Adapter { address, ..Adapter::on(network_name.clone()) };
    Ok(Step {
        title: format!("Connect {node_name} to {network_name}"),
        edits: vec![Edit::Adapter { node: node_name.clone(), slot, change: ListEdit::Insert(adapter) }],
        select: Some(vec![Subject::Node(node_name.clone())]),
    })
}

/// Puts a service of a kind on a node, bound to where it belongs: what keeps data or is for other nodes alone listens on
/// the node's first network that is not NAT, never on every address.
///
/// # Errors
/// Where the node or the kind is missing.
pub fn add_service(lab: &Lab, catalog: &Catalog, node_name: &NodeName, kind: &Kind) -> Act {
    let Some(node) = lab.nodes.get(node_name) else { return refuse(format!("there is no node {node_name}")) };
    let Some(entry) = catalog.get(kind) else { return refuse(format!("the catalog has no service {kind}")) };
    let taken = |name: &str| node.services.contains_key(name);
    let text = if taken(&entry.name) { Lab::free_name(&entry.name, taken) } else { entry.name.clone() };
    let name: ServiceName = named(&text)?;
    let inner =
        node.adapters.iter().map(|adapter| &adapter.network).find(|network| {
            lab.networks.get(*network).is_some_and(|network| !matches!(network.kind, NetworkKind::Nat | NetworkKind::Bridged))
        });
    let private = entry.keeps_data
        || matches!(
            entry.behaviour,
            Behaviour::Arbitrator | Behaviour::Cache | Behaviour::Directory | Behaviour::FileServer | Behaviour::Sync | Behaviour::Exporter
        );
    let bind = match (private, inner) {
        (true, Some(network)) => Bind::On(network.clone()),
        (true, None) => Bind::Loopback,
        (false, _) => Bind::Any,
    };
    let cluster = cluster_for(lab, catalog, entry.behaviour)?;
    let service = Service { bind, cluster, ..Service::new(kind.clone()) };
    let at = ServiceRef { node: node_name.clone(), service: name.clone() };
    Ok(Step {
        title: format!("Add {name} to {node_name}"),
        edits: vec![Edit::Service { node: node_name.clone(), name, at: None, to: Some(Box::new(service)) }],
        select: Some(vec![Subject::Service(at)]),
    })
}

/// The cluster that a new service joins: the one that its like is in, else a new one for kinds that work only in a cluster.
fn cluster_for(lab: &Lab, catalog: &Catalog, behaviour: Behaviour) -> Result<Option<ClusterName>, Refusal> {
    let alike = |other: Behaviour| other == behaviour || (other.votes() && behaviour.votes()) || (other.is_beam() && behaviour.is_beam());
    let stem = match behaviour {
        Behaviour::Galera | Behaviour::Arbitrator => "galera",
        Behaviour::Beam | Behaviour::BeamGateway => "mesh",
        Behaviour::Sync => "files",
        _ => return Ok(None),
    };
    let there = catalog.services_that(lab, alike).find_map(|(_, service)| service.cluster.clone());
    there.map_or_else(|| named(stem), Ok).map(Some)
}

/// Draws a flow.
///
/// # Errors
/// Where both ends are one, or it is there already.
pub fn add_flow(lab: &Lab, from: Endpoint, to: Endpoint) -> Act {
    if from == to || (from.node().is_some() && from.node() == to.node()) {
        return refuse("a flow needs two different ends");
    }
    let title = format!("Draw a flow from {from} to {to}");
    let flow = Flow::new(from, to);
    let id = FlowId::from(&flow);
    if lab.flow_place(&id).is_some() {
        return refuse(format!("there is already a flow from {} to {}; give it a port before another is drawn", id.from, id.to));
    }
    let subject = Subject::Flow(id);
    let edits = vec![Edit::Flow { index: lab.flows.len(), change: ListEdit::Insert(flow) }];
    Ok(Step { title, edits, select: Some(vec![subject]) })
}

/// Adds a VIP to a network, held by a node and by those like it.
///
/// # Errors
/// Where the network has no subnet or no free address, or the node is not on it.
pub fn add_vip(lab: &Lab, catalog: &Catalog, network_name: &NetworkName, holder: Option<&NodeName>) -> Act {
    let Some(network) = lab.networks.get(network_name) else { return refuse(format!("there is no network {network_name}")) };
    if network.kind == NetworkKind::Nat {
        return refuse("behind NAT every node is alone: a VIP needs a network that the nodes share");
    }
    let Some(address) = lab.free_address(network_name) else {
        return refuse(format!("give {network_name} a subnet with a free address first"));
    };
    let used = |id: u8| lab.vips.values().any(|vip| vip.network == *network_name && vip.id == id);
    let Some(id) = (51..=255).chain(1..=50).find(|id| !used(*id)) else { return refuse(format!("{network_name} has 255 VIPs already")) };
    let on_network = |node: &Node| node.adapter_on(network_name).is_some();
    let lead = holder.and_then(|name| lab.nodes.get_key_value(name));
    if let Some((name, _)) = lead.filter(|(_, node)| !on_network(node)) {
        return refuse(format!("{name} is not on {network_name}"));
    }
    let alike = lead.into_iter().chain(
        lab.nodes
            .iter()
            .filter(|(name, node)| lead.is_some_and(|(lead_name, lead)| *name != lead_name && node.role == lead.role) && on_network(node)),
    );
    let holders: Vec<Holder> = (0_u8..10).zip(alike).map(|(n, (node, _))| Holder { node: node.clone(), priority: 110 - 10 * n }).collect();
    let follows = lead.and_then(|(_, node)| {
        let all_have = |name: &ServiceName| {
            holders.iter().all(|holder| lab.nodes.get(&holder.node).is_some_and(|node| node.services.contains_key(name)))
        };
        let data_first = |service: &Service| !catalog.keeps_data(service);
        let mut services: Vec<_> = node.services.iter().filter(|(name, _)| all_have(name)).collect();
        services.sort_by_key(|(_, service)| data_first(service));
        services.first().map(|(name, _)| (*name).clone())
    });
    let taken = |name: &str| lab.vips.contains_key(name);
    let name: VipName = named(&if taken("vip") { Lab::free_name("vip", taken) } else { "vip".to_owned() })?;
    let advertise_ms = crate::model::ADVERTISE_MS_DEFAULT;
    let vip = Vip { address, network: network_name.clone(), id, holders, follows, advertise_ms, preempt: false };
    Ok(Step {
        title: format!("Add VIP {address}"),
        edits: vec![Edit::Vip { name: name.clone(), at: None, to: Some(vip) }],
        select: Some(vec![Subject::Vip(name)]),
    })
}

/// Adds a site, and puts nodes into it.
///
/// # Errors
/// Never in practice: where no name can be made.
pub fn add_site(lab: &Lab, nodes: &[NodeName]) -> Act {
    let name: SiteName = named(&Lab::free_name("site", |name| lab.sites.contains_key(name)))?;
    let mut edits = vec![Edit::Site { name: name.clone(), at: None, to: Some(Site::default()) }];
    for node_name in nodes {
        if let Some(node) = lab.nodes.get(node_name) {
            let node = Node { site: Some(name.clone()), ..node.clone() };
            edits.push(Edit::Node { name: node_name.clone(), at: None, to: Some(Box::new(node)) });
        }
    }
    Ok(Step { title: format!("Add site {name}"), edits, select: Some(vec![Subject::Site(name)]) })
}

/// Links two sites: over a network that gateways of both are on, else over a new one between them.
///
/// # Errors
/// Where they are linked already, or one of them has no node that could be its gateway.
pub fn add_link(lab: &Lab, one: &SiteName, other: &SiteName) -> Act {
    if one == other {
        return refuse("a link joins two different sites");
    }
    if lab.links.iter().any(|link| [(one, other), (other, one)].contains(&(&link.between.0, &link.between.1))) {
        return refuse(format!("{one} and {other} are linked already"));
    }
    let mut edits = Vec::new();
    let mut ends = Vec::new();
    for site in [one, other] {
        let Some((gateway, named)) = gateway_of(lab, site) else {
            return refuse(format!("{site} has no gateway; give it a node of that role, or name one in the site"));
        };
        edits.extend(named);
        ends.push(gateway);
    }
    let shared =
        |name: &&NetworkName| ends.iter().all(|gateway| lab.nodes.get(*gateway).is_some_and(|node| node.adapter_on(name).is_some()));
    let crosses =
        |name: &&NetworkName| lab.networks.get(*name).is_some_and(|network| network.site.is_none() && network.kind != NetworkKind::Nat);
    let network = match lab.networks.keys().find(|name| shared(name) && crosses(name)) {
        Some(network) => network.clone(),
        None => {
            let taken = |name: &str| lab.networks.contains_key(name);
            let name: NetworkName = named(&if taken("wan") { Lab::free_name("wan", taken) } else { "wan".to_owned() })?;
            let subnet = free_subnet(lab, NetworkKind::Internal);
            let network = Network { subnet, purpose: Purpose::Wan, ..Network::new(NetworkKind::Internal) };
            edits.push(Edit::Network { name: name.clone(), at: None, to: Some(network) });
            let mut addresses = subnet.into_iter().flat_map(|subnet| subnet.hosts().skip(9));
            for gateway in &ends {
                let slot = lab.nodes.get(*gateway).map_or(0, |node| node.adapters.len());
                let adapter = Adapter { address: addresses.next(), ..Adapter::on(name.clone()) };
                edits.push(Edit::Adapter { node: (*gateway).clone(), slot, change: ListEdit::Insert(adapter) });
            }
            name
        }
    };
    let link = Link { between: (one.clone(), other.clone()), network, tunnel: None };
    edits.push(Edit::Link { index: lab.links.len(), change: ListEdit::Insert(link) });
    Ok(Step { title: format!("Link {one} with {other}"), edits, select: Some(vec![Subject::Link(one.clone(), other.clone())]) })
}

/// The gateway of a site, and the edit that names it where the site does not yet.
fn gateway_of<'a>(lab: &'a Lab, site_name: &SiteName) -> Option<(&'a NodeName, Option<Edit>)> {
    let site = lab.sites.get(site_name)?;
    if let Some(named) = site.gateways.first() {
        return lab.nodes.get_key_value(named).map(|(name, _)| (name, None));
    }
    let (name, _) = lab.nodes.iter().find(|(_, node)| node.site.as_ref() == Some(site_name) && node.role == Role::Gateway)?;
    let named = Site { gateways: vec![name.clone()], ..site.clone() };
    Some((name, Some(Edit::Site { name: site_name.clone(), at: None, to: Some(named) })))
}

/// Adds a note.
pub fn add_note(lab: &Lab, at: Pos, text: &str) -> Step {
    let note = Note { at, text: text.to_owned(), width: 0 };
    let edits = vec![Edit::Note { index: lab.notes.len(), change: ListEdit::Insert(note) }];
    Step { title: "Add a note".into(), edits, select: Some(vec![Subject::Note(lab.notes.len())]) }
}

/// Removes things, with all that refers to them.
///
/// # Errors
/// Where none of them can be removed.
pub fn remove(lab: &Lab, subjects: &[Subject]) -> Act {
    let mut later = lab.clone();
    let mut edits = Vec::new();
    // Adapters from the last slot on, so that the slots of the others stay right.
    let mut subjects = subjects.to_vec();
    subjects.sort_by(|one, other| other.cmp(one));
    for subject in &subjects {
        let more = removal(&later, subject);
        if later.apply(&more).is_ok() {
            edits.extend(more);
        }
    }
    if edits.is_empty() {
        return refuse("nothing is chosen that can be removed");
    }
    let title = match subjects.as_slice() {
        [one] => format!("Remove {}", title_of(one)),
        several => format!("Remove {} things", several.len()),
    };
    Ok(Step { title, edits, select: Some(Vec::new()) })
}

fn removal(lab: &Lab, subject: &Subject) -> Vec<Edit> {
    match subject {
        Subject::Node(name) if lab.nodes.contains_key(name) => cascade::remove_node(lab, name),
        Subject::Network(name) if lab.networks.contains_key(name) => cascade::remove_network(lab, name),
        Subject::Vip(name) if lab.vips.contains_key(name) => cascade::remove_vip(lab, name),
        Subject::Site(name) if lab.sites.contains_key(name) => cascade::remove_site(lab, name),
        Subject::Service(at) if lab.service(at).is_some() => cascade::remove_service(lab, at),
        Subject::Flow(id) => lab.flow_place(id).map(|index| Edit::Flow { index, change: ListEdit::Remove }).into_iter().collect(),
        Subject::Link(one, other) => {
            let index = lab.links.iter().position(|link| link.between.0 == *one && link.between.1 == *other);
            index.map(|index| Edit::Link { index, change: ListEdit::Remove }).into_iter().collect()
        }
        Subject::Adapter(node, slot, network) => disconnect(lab, node, *slot, network),
        Subject::Acceptance(index) if *index < lab.accepted.len() => vec![Edit::Accept { index: *index, change: ListEdit::Remove }],
        Subject::Note(index) if *index < lab.notes.len() => vec![Edit::Note { index: *index, change: ListEdit::Remove }],
        Subject::Outside => remove_outside_flows(lab),
        _ => Vec::new(),
    }
}

/// The outside itself cannot be removed: its flows are, the last first, so that the places of the others stay right.
fn remove_outside_flows(lab: &Lab) -> Vec<Edit> {
    let ends = lab.flows.iter().enumerate().filter(|(_, flow)| flow.from == Endpoint::Outside || flow.to == Endpoint::Outside);
    ends.rev().map(|(index, _)| Edit::Flow { index, change: ListEdit::Remove }).collect()
}

/// Unplugs one adapter. A service that is bound to it is bound to loopback instead: unplugging never opens anything.
fn disconnect(lab: &Lab, node_name: &NodeName, slot: usize, network: &NetworkName) -> Vec<Edit> {
    let Some(node) = lab.nodes.get(node_name).filter(|node| node.adapters.get(slot).is_some_and(|adapter| adapter.network == *network))
    else {
        return Vec::new();
    };
    let mut node = node.clone();
    node.adapters.remove(slot);
    if node.adapter_on(network).is_none() {
        let bound = |service: &&mut Service| matches!(&service.bind, Bind::On(on) if on == network);
        node.services.values_mut().filter(bound).for_each(|service| service.bind = Bind::Loopback);
    }
    vec![Edit::Node { name: node_name.clone(), at: None, to: Some(Box::new(node)) }]
}

/// Gives a thing another name.
///
/// # Errors
/// Where the text cannot be a name, another thing has it, or the thing has no name of its own.
pub fn rename(lab: &Lab, subject: &Subject, text: &str) -> Act {
    let text = text.trim();
    let (edit, select) = match subject {
        Subject::Node(from) => {
            let to: NodeName = named(text)?;
            if from != &to && lab.nodes.contains_key(&to) {
                return refuse(format!("there is already a node {to}; choose another name"));
            }
            (Edit::RenameNode { from: from.clone(), to: to.clone() }, Subject::Node(to))
        }
        Subject::Network(from) => {
            let to: NetworkName = named(text)?;
            if from != &to && lab.networks.contains_key(&to) {
                return refuse(format!("there is already a network {to}; choose another name"));
            }
            (Edit::RenameNetwork { from: from.clone(), to: to.clone() }, Subject::Network(to))
        }
        Subject::Vip(from) => {
            let to: VipName = named(text)?;
            if from != &to && lab.vips.contains_key(&to) {
                return refuse(format!("there is already a VIP {to}; choose another name"));
            }
            (Edit::RenameVip { from: from.clone(), to: to.clone() }, Subject::Vip(to))
        }
        Subject::Site(from) => {
            let to: SiteName = named(text)?;
            if from != &to && lab.sites.contains_key(&to) {
                return refuse(format!("there is already a site {to}; choose another name"));
            }
            (Edit::RenameSite { from: from.clone(), to: to.clone() }, Subject::Site(to))
        }
        Subject::Service(at) => {
            let to: ServiceName = named(text)?;
            let service = ServiceRef { node: at.node.clone(), service: to.clone() };
            if at.service != to && lab.service(&service).is_some() {
                return refuse(format!("{} has already a service {to}; choose another name", at.node));
            }
            (Edit::RenameService { node: at.node.clone(), from: at.service.clone(), to }, Subject::Service(service))
        }
        _ => return refuse("this has no name of its own"),
    };
    let edits = Catalog::embedded().renaming(lab, lab.services(), edit);
    Ok(Step { title: format!("Rename {} to {text}", title_of(subject)), edits, select: Some(vec![select]) })
}

/// The name that a thing has now, where [`rename`] can give it another.
pub fn name_of(subject: &Subject) -> Option<&str> {
    match subject {
        Subject::Node(name) => Some(name),
        Subject::Network(name) => Some(name),
        Subject::Vip(name) => Some(name),
        Subject::Site(name) => Some(name),
        Subject::Service(at) => Some(&at.service),
        _ => None,
    }
}

/// A thing in a word or two, for titles.
pub fn title_of(subject: &Subject) -> String {
    match subject {
        Subject::Adapter(node, _, network) => format!("{node}'s adapter on {network}"),
        Subject::Flow(id) => format!("the flow from {} to {}", id.from, id.target()),
        Subject::Service(at) => format!("{} on {}", at.service, at.node),
        Subject::Note(_) => "a note".to_owned(),
        Subject::Outside => "the outside".to_owned(),
        Subject::Link(one, other) => format!("the link between {one} and {other}"),
        other => name_of(other).map_or_else(|| other.to_string(), ToOwned::to_owned),
    }
}

/// Everything that a flow can begin or end at, apart from the outside: VIPs, then services, then nodes on which nothing runs.
pub fn endpoints(lab: &Lab) -> Vec<Endpoint> {
    let mut all: Vec<Endpoint> = lab.vips.keys().cloned().map(Endpoint::Vip).collect();
    all.extend(lab.services().map(|(node, service, _)| Endpoint::Service(ServiceRef { node: node.clone(), service: service.clone() })));
    all.extend(lab.nodes.iter().filter(|(_, node)| node.services.is_empty()).map(|(name, _)| Endpoint::Node(name.clone())));
    all
}

/// The endpoint that a thing is to a flow.
pub fn endpoint(subject: &Subject) -> Option<Endpoint> {
    match subject {
        Subject::Node(name) => Some(Endpoint::Node(name.clone())),
        Subject::Service(at) => Some(Endpoint::Service(at.clone())),
        Subject::Vip(name) => Some(Endpoint::Vip(name.clone())),
        Subject::Outside => Some(Endpoint::Outside),
        _ => None,
    }
}

/// The best end of a flow on a node: its only service, else the node itself.
pub fn endpoint_on(lab: &Lab, name: &NodeName) -> Endpoint {
    let mut services = lab.nodes.get(name).into_iter().flat_map(|node| node.services.keys());
    match (services.next(), services.next()) {
        (Some(service), None) => Endpoint::Service(ServiceRef { node: name.clone(), service: service.clone() }),
        _ => Endpoint::Node(name.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::fixture;

    /// The act can be applied, and undone to what was.
    fn check(lab: &Lab, act: Act) -> Lab {
        let step = act.unwrap_or_else(|refusal| panic!("{refusal}"));
        let mut after = lab.clone();
        let applied = after.apply(&step.edits).unwrap_or_else(|error| panic!("{}: {error}", step.title));
        let mut undone = after.clone();
        undone.apply(&applied.inverse).unwrap();
        assert_eq!(undone, *lab, "{}", step.title);
        after
    }

    fn name<N: std::str::FromStr<Err = NameError>>(text: &str) -> N {
        text.parse().unwrap()
    }

    #[test]
    fn nodes_get_free_names_and_their_place() {
        let lab = fixture::mini_cloud();
        let after = check(&lab, add_node(&lab, Role::Database, Some(Pos(8, 16))));
        assert!(after.nodes.contains_key("db3"));
        assert_eq!(after.canvas.nodes["db3"], Pos(8, 16));
    }

    #[test]
    fn networks_get_subnets_that_overlap_nothing() {
        let mut lab = Lab::new("x");
        for third in [56, 57, 58] {
            lab = check(&lab, add_network(&lab, NetworkKind::HostOnly, None));
            let subnet = lab.networks.values().last().unwrap().subnet.unwrap();
            assert_eq!(subnet.to_string(), format!("192.168.{third}.0/24"));
        }
        lab = check(&lab, add_network(&lab, NetworkKind::Nat, None));
        assert_eq!(lab.networks["internet"].subnet, None);
    }

    #[test]
    fn connecting_takes_the_next_free_address_once() {
        let lab = fixture::mini_cloud();
        let (db1, frontend) = (name("db1"), name("frontend"));
        let after = check(&lab, connect(&lab, &db1, &frontend));
        assert_eq!(after.nodes["db1"].address_on("frontend").unwrap().to_string(), "192.168.50.13");
        assert!(connect(&after, &db1, &frontend).unwrap_err().to_string().contains("already"));
        let after = check(&lab, connect(&lab, &db1, &name("internet")));
        assert_eq!(after.nodes["db1"].adapters[1].address, None, "behind NAT the provider chooses");
    }

    #[test]
    fn data_services_are_bound_inside_and_join_their_cluster() {
        let lab = fixture::mini_cloud();
        let after = check(&lab, add_service(&lab, Catalog::embedded(), &name("lb"), &name("galera")));
        let service = &after.nodes["lb"].services["galera"];
        assert_eq!(service.bind, Bind::On(name("frontend")), "not on the NAT adapter");
        assert_eq!(service.cluster.as_deref(), Some("db"));
        let after = check(&lab, add_service(&lab, Catalog::embedded(), &name("lb"), &name("nginx")));
        assert_eq!(after.nodes["lb"].services.values().last().unwrap().bind, Bind::Any);
        let alone = check(&Lab::new("x"), add_node(&Lab::new("x"), Role::Database, None));
        let after = check(&alone, add_service(&alone, Catalog::embedded(), &name("db1"), &name("mariadb")));
        assert_eq!(after.nodes["db1"].services[0].bind, Bind::Loopback, "without a network it opens nothing");
        assert!(add_service(&lab, Catalog::embedded(), &name("nobody"), &name("nginx")).is_err());
    }

    #[test]
    fn a_vip_is_held_by_those_alike_and_follows_their_data() {
        let lab = fixture::mini_cloud();
        let after = check(&lab, add_vip(&lab, Catalog::embedded(), &name("backend"), Some(&name("db2"))));
        let vip = &after.vips["vip1"];
        assert_eq!(
            vip.holders.iter().map(|holder| (holder.node.as_str(), holder.priority)).collect::<Vec<_>>(),
            [("db2", 110), ("db1", 100)]
        );
        assert_eq!(vip.follows.as_deref(), Some("galera"));
        assert_ne!(vip.id, lab.vips["vip"].id);
        assert!(add_vip(&lab, Catalog::embedded(), &name("internet"), None).is_err());
        assert!(add_vip(&lab, Catalog::embedded(), &name("frontend"), Some(&name("db1"))).is_err());
    }

    #[test]
    fn flows_are_drawn_once_between_two_ends() {
        let lab = fixture::mini_cloud();
        let (lb, app) = (Endpoint::Node(name("lb")), "app1/todo".parse::<Endpoint>().unwrap());
        let after = check(&lab, add_flow(&lab, lb.clone(), app.clone()));
        assert!(add_flow(&after, lb.clone(), app).is_err());
        assert!(add_flow(&lab, lb.clone(), lb).is_err());
        assert_eq!(endpoint_on(&lab, &name("lb")).to_string(), "lb/haproxy");
        assert_eq!(endpoint_on(&lab, &name("app1")).to_string(), "app1");
    }

    #[test]
    fn anything_can_be_removed_together_with_what_refers_to_it() {
        let lab = fixture::mini_cloud();
        let all: Vec<Subject> = [Subject::Node(name("db1")), Subject::Vip(name("vip")), Subject::Network(name("backend"))].into();
        let after = check(&lab, remove(&lab, &all));
        assert!(!after.nodes.contains_key("db1") && after.vips.is_empty() && !after.networks.contains_key("backend"));
        let adapter = Subject::Adapter(name("app1"), 1, name("backend"));
        let after = check(&lab, remove(&lab, &[adapter]));
        assert_eq!(after.nodes["app1"].services["garbd"].bind, Bind::Loopback);
        assert!(remove(&lab, &[]).is_err());
        assert!(remove(&lab, &[Subject::Node(name("nobody"))]).is_err());
    }

    #[test]
    fn names_are_checked_before_they_are_given() {
        let lab = fixture::mini_cloud();
        let db1 = Subject::Node(name("db1"));
        let after = check(&lab, rename(&lab, &db1, " primary "));
        assert_eq!(after.vips["vip"].holders[0].node, "primary");
        for wrong in ["", "db2", "a/b"] {
            assert!(rename(&lab, &db1, wrong).is_err(), "{wrong:?}");
        }
        assert!(rename(&lab, &Subject::Lab, "x").is_err());
    }

    #[test]
    fn a_link_takes_the_sites_gateways_and_a_network_between_them() {
        let mut lab = Lab::new("x");
        let (us, eu): (SiteName, SiteName) = (name("us"), name("eu"));
        for site in [&us, &eu] {
            lab.sites.insert(site.clone(), Site::default());
            let node = Node { site: Some(site.clone()), ..Node::new(Role::Worker) };
            lab.nodes.insert(name(&format!("w-{site}")), node);
        }
        assert_eq!(add_link(&lab, &us, &us).unwrap_err().to_string(), "a link joins two different sites");
        assert!(add_link(&lab, &us, &eu).unwrap_err().to_string().starts_with("us has no gateway"));
        for site in [&us, &eu] {
            let node = Node { site: Some(site.clone()), ..Node::new(Role::Gateway) };
            lab.nodes.insert(name(&format!("gw-{site}")), node);
        }
        let linked = check(&lab, add_link(&lab, &us, &eu));
        let link = &linked.links[0];
        assert_eq!((link.between.clone(), link.network.as_str()), ((us.clone(), eu.clone()), "wan"));
        assert_eq!(linked.sites["us"].gateways, [name::<NodeName>("gw-us")]);
        let addresses: Vec<_> = ["gw-us", "gw-eu"].iter().filter_map(|gateway| linked.nodes[*gateway].address_on("wan")).collect();
        assert!(addresses.len() == 2 && addresses[0] != addresses[1], "{addresses:?}");
        assert!(add_link(&linked, &eu, &us).unwrap_err().to_string().ends_with("linked already"));
        // Where the gateways meet already, that network is taken.
        let mut apart = linked.clone();
        apart.links.clear();
        assert_eq!(check(&apart, add_link(&apart, &eu, &us)).networks.len(), linked.networks.len());
    }

    #[test]
    fn settings_follow_a_name() {
        use crate::model::Value;
        let mut lab = fixture::mini_cloud();
        let mut lead = Service::new(name("port-forward"));
        lead.settings.insert("rules".into(), Value::List(vec!["3306:db1/galera".into(), "22:app1/ssh".into()]));
        lab.nodes.get_mut("lb").unwrap().services.insert(name("lead"), lead);
        let rules = |lab: &Lab| lab.nodes["lb"].services["lead"].settings["rules"].to_string();
        let service = Subject::Service(ServiceRef { node: name("db1"), service: name("galera") });
        assert_eq!(rules(&check(&lab, rename(&lab, &service, "maria"))), "3306:db1/maria, 22:app1/ssh");
        assert_eq!(rules(&check(&lab, rename(&lab, &Subject::Node(name("db1")), "store"))), "3306:store/galera, 22:app1/ssh");
        let mut alone = lab.clone();
        alone.nodes.get_mut("db2").unwrap().services.shift_remove("galera");
        alone.vips.get_mut("vip").unwrap().follows = Some(name("galera"));
        let after = check(&alone, rename(&alone, &service, "maria"));
        assert_eq!(after.vips["vip"].follows.as_deref(), Some("maria"));
    }

    #[test]
    fn a_note_is_chosen_and_removed_like_anything_else() {
        let lab = fixture::mini_cloud();
        let after = check(&lab, Ok(add_note(&lab, Pos(1, 2), "Look here")));
        let note = Subject::Note(lab.notes.len());
        assert_eq!(add_note(&lab, Pos(1, 2), "x").select, Some(vec![note.clone()]));
        assert_eq!(check(&after, remove(&after, &[note])), lab);
        assert!(remove(&lab, &[Subject::Note(99)]).is_err());
    }

    #[test]
    fn a_site_takes_nodes_in() {
        let lab = fixture::mini_cloud();
        let after = check(&lab, add_site(&lab, &[name("db1")]));
        assert_eq!(after.nodes["db1"].site.as_deref(), Some("site1"));
    }
}
