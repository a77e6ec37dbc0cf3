//! What follows when a thing gets another name, beyond what the model knows: settings, and the names by which VIPs and links
//! know a service.

use crate::catalog::{Catalog, Named};
use crate::model::{Edit, Lab, Link, ListEdit, NodeName, ServiceRef, Vip};

/// What else names the thing that is about to be renamed: settings, which only the catalog can tell from other texts, and the
/// names by which VIPs and links know a service, where nothing else is called so there.
pub(super) fn following(lab: &Lab, edit: &Edit) -> Vec<Edit> {
    let renamed = |named: Named| match (named, edit) {
        (Named::Node(node), Edit::RenameNode { from, to }) if node == *from => Some(Named::Node(to.clone())),
        (Named::Service(at), Edit::RenameNode { from, to }) if at.node == *from => {
            Some(Named::Service(ServiceRef { node: to.clone(), ..at }))
        }
        (Named::Service(at), Edit::RenameService { node, from, to }) if at.node == *node && at.service == *from => {
            Some(Named::Service(ServiceRef { service: to.clone(), ..at }))
        }
        _ => None,
    };
    let mut edits = Vec::new();
    for (node, name, service) in lab.services().filter(|(_, _, service)| !service.settings.is_empty()) {
        let to = Catalog::embedded().of(service).and_then(|entry| entry.renamed(service, renamed));
        edits.extend(to.map(|to| Edit::Service { node: node.clone(), name: name.clone(), at: None, to: Some(Box::new(to)) }));
    }
    let Edit::RenameService { node, from, to } = edit else { return edits };
    let has = |other: &NodeName| other != node && lab.nodes.get(other).is_some_and(|node| node.services.contains_key(from));
    for (name, vip) in lab.vips.iter().filter(|(_, vip)| vip.follows.as_ref() == Some(from)) {
        let mut holders = vip.holders.iter().map(|holder| &holder.node);
        if holders.clone().any(|holder| holder == node) && !holders.any(has) {
            let vip = Vip { follows: Some(to.clone()), ..vip.clone() };
            edits.push(Edit::Vip { name: name.clone(), at: None, to: Some(vip) });
        }
    }
    for (index, link) in lab.links.iter().enumerate().filter(|(_, link)| link.tunnel.as_ref() == Some(from)) {
        let sites = [&link.between.0, &link.between.1];
        let mut gateways = sites.into_iter().filter_map(|site| lab.sites.get(site)).flat_map(|site| &site.gateways);
        if gateways.clone().any(|gateway| gateway == node) && !gateways.any(has) {
            let link = Link { tunnel: Some(to.clone()), ..link.clone() };
            edits.push(Edit::Link { index, change: ListEdit::Replace(link) });
        }
    }
    edits
}
