//! Lists of edits that take a thing away together with everything that refers to it, or that let names follow.

use super::{
    Acceptance, Bind, Edit, Endpoint, FlowId, FlowNames, Lab, ListEdit, Network, NetworkName, Node, NodeName, Service, ServiceRef,
    SiteName, View, VipName,
};

/// Removes services, and the flows and replicas that name them.
pub fn remove_service(lab: &Lab, at: &ServiceRef) -> Vec<Edit> {
    let mut edits = remove_flows(lab, |end| matches!(end, Endpoint::Service(service) if service == at));
    edits.extend(detach_replicas(lab, |primary| primary == at));
    edits.push(Edit::Service { node: at.node.clone(), name: at.service.clone(), at: None, to: None });
    edits
}

/// Removes a node, its place, and the flows, VIP holders, gateways, orders and replicas that name it.
pub fn remove_node(lab: &Lab, name: &NodeName) -> Vec<Edit> {
    let mut edits = remove_flows(lab, |end| end.node() == Some(name));
    for (vip_name, vip) in &lab.vips {
        if vip.holders.iter().any(|holder| holder.node == *name) {
            let mut vip = vip.clone();
            vip.holders.retain(|holder| holder.node != *name);
            edits.push(Edit::Vip { name: vip_name.clone(), at: None, to: Some(vip) });
        }
    }
    for (site_name, site) in &lab.sites {
        if site.gateways.contains(name) {
            let mut site = site.clone();
            site.gateways.retain(|gateway| gateway != name);
            edits.push(Edit::Site { name: site_name.clone(), at: None, to: Some(site) });
        }
    }
    for (other_name, other) in lab.nodes.iter().filter(|(other_name, _)| *other_name != name) {
        let names_it = other.services.values().any(|service| service.replica_of.as_ref().is_some_and(|primary| primary.node == *name));
        if other.after.contains(name) || names_it {
            let mut other = other.clone();
            other.after.retain(|before| before != name);
            for service in other.services.values_mut() {
                service.replica_of.take_if(|primary| primary.node == *name);
            }
            edits.push(Edit::Node { name: other_name.clone(), at: None, to: Some(Box::new(other)) });
        }
    }
    if lab.canvas.nodes.contains_key(name) {
        edits.push(Edit::PlaceNode { name: name.clone(), at: None, to: None });
    }
    edits.push(Edit::Node { name: name.clone(), at: None, to: None });
    edits
}

/// Removes a network, its place, the adapters on it, and the VIPs and links in it. Services bound to it are bound
/// to loopback instead, so that removing a wire never opens anything.
pub fn remove_network(lab: &Lab, name: &NetworkName) -> Vec<Edit> {
    let mut edits = Vec::new();
    for (vip_name, _) in lab.vips.iter().filter(|(_, vip)| vip.network == *name) {
        edits.extend(remove_vip_after(lab, vip_name, &edits));
    }
    for (index, _) in lab.links.iter().enumerate().filter(|(_, link)| link.network == *name).rev() {
        edits.push(Edit::Link { index, change: ListEdit::Remove });
    }
    for (node_name, node) in &lab.nodes {
        let bound = |service: &Service| matches!(&service.bind, Bind::On(network) if network == name);
        if node.adapters.iter().any(|adapter| adapter.network == *name) || node.services.values().any(bound) {
            let mut node = node.clone();
            node.adapters.retain(|adapter| adapter.network != *name);
            node.services.values_mut().filter(|service| bound(service)).for_each(|service| service.bind = Bind::Loopback);
            edits.push(Edit::Node { name: node_name.clone(), at: None, to: Some(Box::new(node)) });
        }
    }
    if lab.canvas.networks.contains_key(name) {
        edits.push(Edit::PlaceNetwork { name: name.clone(), at: None, to: None });
    }
    edits.push(Edit::Network { name: name.clone(), at: None, to: None });
    edits
}

/// Removes a VIP and the flows that name it.
pub fn remove_vip(lab: &Lab, name: &VipName) -> Vec<Edit> {
    let mut edits = remove_flows(lab, |end| matches!(end, Endpoint::Vip(vip) if vip == name));
    edits.push(Edit::Vip { name: name.clone(), at: None, to: None });
    edits
}

/// Removes a site and its links; its nodes and networks stay, in no site.
pub fn remove_site(lab: &Lab, name: &SiteName) -> Vec<Edit> {
    let mut edits: Vec<Edit> = lab
        .links
        .iter()
        .enumerate()
        .filter(|(_, link)| link.between.0 == *name || link.between.1 == *name)
        .rev()
        .map(|(index, _)| Edit::Link { index, change: ListEdit::Remove })
        .collect();
    for (node_name, node) in lab.nodes.iter().filter(|(_, node)| node.site.as_ref() == Some(name)) {
        edits.push(Edit::Node { name: node_name.clone(), at: None, to: Some(Box::new(Node { site: None, ..node.clone() })) });
    }
    for (network_name, network) in lab.networks.iter().filter(|(_, network)| network.site.as_ref() == Some(name)) {
        edits.push(Edit::Network { name: network_name.clone(), at: None, to: Some(Network { site: None, ..network.clone() }) });
    }
    edits.push(Edit::Site { name: name.clone(), at: None, to: None });
    edits
}

/// The acceptances and views that name a flow, with the identity that an edit is about to give it.
pub(super) fn names_of_flow(lab: &Lab, edit: &Edit) -> Vec<Edit> {
    let Edit::Flow { index, change: ListEdit::Replace(flow) } = edit else { return Vec::new() };
    let Some(old) = lab.flows.get(*index) else { return Vec::new() };
    let (before, after) = (FlowId::from(old), FlowId::from(flow));
    if before == after {
        return Vec::new();
    }
    let texts = || lab.accepted.iter().map(|acceptance| &acceptance.on).chain(lab.views.iter().flat_map(|view| &view.highlight));
    let names = FlowNames::of(lab, texts().map(String::as_str));
    if names == FlowNames::default() {
        return Vec::new();
    }
    let mut later = Lab { flows: lab.flows.clone(), ..Lab::default() };
    if let Some(there) = later.flows.get_mut(*index) {
        *there = flow.clone();
    }
    let names_later = FlowNames::of(&later, texts().map(String::as_str));
    // A name that two flows share stays with the one that keeps it.
    let is_shared = later.flow_place(&before).is_some();
    let follows = |text: &str| !is_shared && names.get(text) == Some(&before);
    // Texts that begin to name the flow are put as they are, so that undo puts them back instead of letting them follow.
    let is_put = |text: &String| follows(text) || names_later.get(text) == Some(&after);
    let put = |text: &String| if follows(text) { after.to_string() } else { text.clone() };
    let accepted = lab.accepted.iter().enumerate().filter(|(_, acceptance)| is_put(&acceptance.on)).map(|(index, acceptance)| {
        let acceptance = Acceptance { on: put(&acceptance.on), ..acceptance.clone() };
        Edit::Accept { index, change: ListEdit::Replace(acceptance) }
    });
    let views = lab.views.iter().enumerate().filter(|(_, view)| view.highlight.iter().any(is_put)).map(|(index, view)| {
        let view = View { highlight: view.highlight.iter().map(put).collect(), ..view.clone() };
        Edit::View { index, change: ListEdit::Replace(view) }
    });
    accepted.chain(views).collect()
}

/// Removal of flows by their ends, last first so that places stay right.
fn remove_flows(lab: &Lab, names: impl Fn(&Endpoint) -> bool) -> Vec<Edit> {
    lab.flows
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, flow)| names(&flow.from) || names(&flow.to))
        .map(|(index, _)| Edit::Flow { index, change: ListEdit::Remove })
        .collect()
}

/// As [`remove_vip`], where earlier edits of the same step may have removed flows already.
fn remove_vip_after(lab: &Lab, name: &VipName, earlier: &[Edit]) -> Vec<Edit> {
    if earlier.is_empty() {
        return remove_vip(lab, name);
    }
    let mut later = lab.clone();
    match later.apply(earlier) {
        Ok(_) => remove_vip(&later, name),
        Err(_) => Vec::new(),
    }
}

fn detach_replicas(lab: &Lab, of: impl Fn(&ServiceRef) -> bool) -> Vec<Edit> {
    lab.services()
        .filter(|(_, _, service)| service.replica_of.as_ref().is_some_and(&of))
        .map(|(node, name, service)| Edit::Service {
            node: node.clone(),
            name: name.clone(),
            at: None,
            to: Some(Box::new(Service { replica_of: None, ..service.clone() })),
        })
        .collect()
}
