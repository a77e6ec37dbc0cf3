//! Changes to a lab: one type, one door.
//!
//! An [`Edit`] is data. [`Lab::apply`] takes a list of them as one step: it does all or none, keeps every reference
//! alive, and gives back the edits that undo it. The editor, the findings' fixes and undo all go through it.

use super::{
    Acceptance, Adapter, Allow, Bind, Endpoint, Flow, Host, Image, Lab, Link, Network, NetworkName, Node, NodeName, Note, Peer, Pos,
    Service, ServiceName, ServiceRef, Site, SiteName, View, Vip, VipName, refs::dangling,
};
use indexmap::IndexMap;
use std::{collections::BTreeSet, hash::Hash};

/// What happens at one place of a list.
#[derive(Debug, Clone, PartialEq)]
pub enum ListEdit<T> {
    /// Put in front of what is there; at the list's length: at its end.
    Insert(T),
    /// Instead of what is there.
    Replace(T),
    /// Away with what is there.
    Remove,
}

/// One change. For maps, `to` puts (in place where the name exists, else at `at`, or at the end) or, as `None`, removes.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// The lab's name.
    LabName(String),
    /// The lab's description.
    About(String),
    /// The lab's image.
    Image(Option<Image>),
    /// The machine that the lab is meant for.
    Host(Option<Host>),
    /// A site.
    Site { name: SiteName, at: Option<usize>, to: Option<Site> },
    /// A network.
    Network { name: NetworkName, at: Option<usize>, to: Option<Network> },
    /// A node. Removing one needs [`cascade::remove_node`] first, which removes what refers to it.
    Node { name: NodeName, at: Option<usize>, to: Option<Box<Node>> },
    /// A VIP.
    Vip { name: VipName, at: Option<usize>, to: Option<Vip> },
    /// A service of a node.
    Service { node: NodeName, name: ServiceName, at: Option<usize>, to: Option<Box<Service>> },
    /// An adapter of a node, by its slot.
    Adapter { node: NodeName, slot: usize, change: ListEdit<Adapter> },
    /// A flow.
    Flow { index: usize, change: ListEdit<Flow> },
    /// A link between sites.
    Link { index: usize, change: ListEdit<Link> },
    /// A note.
    Note { index: usize, change: ListEdit<Note> },
    /// A view.
    View { index: usize, change: ListEdit<View> },
    /// An acceptance.
    Accept { index: usize, change: ListEdit<Acceptance> },
    /// Another name for a site, everywhere.
    RenameSite { from: SiteName, to: SiteName },
    /// Another name for a network, everywhere.
    RenameNetwork { from: NetworkName, to: NetworkName },
    /// Another name for a node, everywhere.
    RenameNode { from: NodeName, to: NodeName },
    /// Another name for a VIP, everywhere.
    RenameVip { from: VipName, to: VipName },
    /// Another name for a service of a node, everywhere.
    RenameService { node: NodeName, from: ServiceName, to: ServiceName },
    /// Where a node's card is drawn; `None`: wherever the picture likes.
    PlaceNode { name: NodeName, at: Option<usize>, to: Option<Pos> },
    /// Where a network's rail is drawn.
    PlaceNetwork { name: NetworkName, at: Option<usize>, to: Option<Pos> },
}

/// Why an edit cannot be made. The lab is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The thing is not there.
    #[error("there is no {sort} {name:?}")]
    Missing {
        /// What sort of thing.
        sort: &'static str,
        /// Its name.
        name: String,
    },
    /// A name is taken.
    #[error("there is already a {sort} {name:?}; choose another name")]
    Taken {
        /// What sort of thing.
        sort: &'static str,
        /// The name.
        name: String,
    },
    /// A place of a list is not there.
    #[error("there is no {sort} at place {index}")]
    NoPlace {
        /// What sort of thing.
        sort: &'static str,
        /// The place, from 0.
        index: usize,
    },
    /// Something would refer to nothing.
    #[error("{path} would name the {sort} {name:?}, which does not exist")]
    Dangling {
        /// Where.
        path: String,
        /// What sort of thing.
        sort: &'static str,
        /// Its name.
        name: String,
    },
}

/// What a step has touched: how the rules know what to look at again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// Nodes put, removed or changed, by their names before and after.
    pub nodes: BTreeSet<NodeName>,
    /// Networks likewise.
    pub networks: BTreeSet<NetworkName>,
    /// VIPs likewise.
    pub vips: BTreeSet<VipName>,
    /// Any flow.
    pub flows: bool,
    /// Any site or link.
    pub sites: bool,
    /// Name, description, image or host of the lab.
    pub header: bool,
    /// Any acceptance.
    pub accepted: bool,
    /// A thing has another name: whoever refers to it by name has changed too.
    pub renamed: bool,
    /// Positions, notes and views: nothing that a rule reads.
    pub looks: bool,
}

impl Touched {
    /// Whether anything that a rule reads was touched.
    pub fn meaning(&self) -> bool {
        !(self.nodes.is_empty() && self.networks.is_empty() && self.vips.is_empty())
            || self.flows
            || self.sites
            || self.header
            || self.accepted
            || self.renamed
    }

    /// Adds what another step has touched.
    pub fn merge(&mut self, other: Self) {
        self.nodes.extend(other.nodes);
        self.networks.extend(other.networks);
        self.vips.extend(other.vips);
        self.flows |= other.flows;
        self.sites |= other.sites;
        self.header |= other.header;
        self.accepted |= other.accepted;
        self.renamed |= other.renamed;
        self.looks |= other.looks;
    }
}

/// A step that was made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Applied {
    /// The edits that undo it, in the order to apply them.
    pub inverse: Vec<Edit>,
    /// What it touched.
    pub touched: Touched,
}

impl Lab {
    /// Makes a step: all of the edits, in order, or none.
    ///
    /// # Errors
    /// Where an edit's place does not exist, a new name is taken, or a reference would lead nowhere once all are made.
    pub fn apply(&mut self, edits: &[Edit]) -> Result<Applied, EditError> {
        let mut inverse = Vec::with_capacity(edits.len());
        let mut touched = Touched::default();
        let mut refer = References::default();
        let mut failed = None;
        for edit in edits {
            match self.one(edit, &mut touched, &mut refer) {
                Ok(undo) => inverse.push(undo),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        if failed.is_none()
            && refer.checked
            && let Some(lost) = self.first_dangling(&refer)
        {
            failed = Some(lost);
        }
        inverse.reverse();
        match failed {
            None => Ok(Applied { inverse, touched }),
            Some(error) => {
                for edit in &inverse {
                    // Each undoes a step that was just made, in reverse order, so it fits.
                    let undone = self.one(edit, &mut Touched::default(), &mut References::default());
                    debug_assert!(undone.is_ok(), "{edit:?}: {undone:?}");
                }
                Err(error)
            }
        }
    }

    fn first_dangling(&self, refer: &References) -> Option<EditError> {
        let lost = if refer.anything_removed {
            dangling(self).into_iter().next()
        } else {
            // Only what was put can refer to nothing: look at those things alone.
            let mut part = Lab::default();
            for name in &refer.nodes {
                if let Some(node) = self.nodes.get(name) {
                    part.nodes.insert(name.clone(), node.clone());
                }
            }
            self.dangling_in(part, refer)
        };
        lost.map(|lost| EditError::Dangling { path: lost.path.to_string(), sort: lost.sort, name: lost.name })
    }

    /// The first reference of a few things that leads nowhere in the whole lab.
    fn dangling_in(&self, mut part: Lab, refer: &References) -> Option<super::Dangling> {
        if refer.others {
            part.flows.clone_from(&self.flows);
            part.vips.clone_from(&self.vips);
            part.links.clone_from(&self.links);
            part.sites.clone_from(&self.sites);
            part.networks.clone_from(&self.networks);
        }
        dangling(&part).into_iter().find(|lost| match lost.sort {
            "node" => !self.nodes.contains_key(lost.name.as_str()),
            "network" => !self.networks.contains_key(lost.name.as_str()),
            "site" => !self.sites.contains_key(lost.name.as_str()),
            "vip" => !self.vips.contains_key(lost.name.as_str()),
            "service" => lost.name.parse::<ServiceRef>().map_or(true, |service| self.service(&service).is_none()),
            _ => true,
        })
    }

    /// Makes one edit and gives the one that undoes it.
    fn one(&mut self, edit: &Edit, touched: &mut Touched, refer: &mut References) -> Result<Edit, EditError> {
        Ok(match edit {
            Edit::LabName(name) => {
                touched.header = true;
                Edit::LabName(std::mem::replace(&mut self.name, name.clone()))
            }
            Edit::About(about) => {
                touched.header = true;
                Edit::About(std::mem::replace(&mut self.about, about.clone()))
            }
            Edit::Image(image) => {
                touched.header = true;
                Edit::Image(std::mem::replace(&mut self.image, image.clone()))
            }
            Edit::Host(host) => {
                touched.header = true;
                Edit::Host(std::mem::replace(&mut self.host, *host))
            }
            Edit::Site { name, at, to } => {
                touched.sites = true;
                refer.put_or_removed(to.is_none());
                let (at, to) = put(&mut self.sites, "site", name, *at, to.clone())?;
                Edit::Site { name: name.clone(), at, to }
            }
            Edit::Network { name, at, to } => {
                touched.networks.insert(name.clone());
                refer.put_or_removed(to.is_none());
                let (at, to) = put(&mut self.networks, "network", name, *at, to.clone())?;
                Edit::Network { name: name.clone(), at, to }
            }
            Edit::Vip { name, at, to } => {
                touched.vips.insert(name.clone());
                refer.put_or_removed(to.is_none());
                let (at, to) = put(&mut self.vips, "vip", name, *at, to.clone())?;
                Edit::Vip { name: name.clone(), at, to }
            }
            Edit::Node { name, at, to } => {
                touched.nodes.insert(name.clone());
                refer.node(name, to.is_none() || self.nodes.contains_key(name));
                let (at, to) = put(&mut self.nodes, "node", name, *at, to.as_deref().cloned())?;
                Edit::Node { name: name.clone(), at, to: to.map(Box::new) }
            }
            Edit::Service { node, name, at, to } => {
                touched.nodes.insert(node.clone());
                refer.node(node, to.is_none());
                let host = self.nodes.get_mut(node).ok_or_else(|| missing("node", node))?;
                let (at, to) = put(&mut host.services, "service", name, *at, to.as_deref().cloned())?;
                Edit::Service { node: node.clone(), name: name.clone(), at, to: to.map(Box::new) }
            }
            Edit::Adapter { node, slot, change } => {
                touched.nodes.insert(node.clone());
                refer.node(node, false);
                let host = self.nodes.get_mut(node).ok_or_else(|| missing("node", node))?;
                let change = list(&mut host.adapters, "adapter", *slot, change.clone())?;
                Edit::Adapter { node: node.clone(), slot: *slot, change }
            }
            Edit::Flow { index, change } => {
                touched.flows = true;
                refer.put_or_removed(false);
                Edit::Flow { index: *index, change: list(&mut self.flows, "flow", *index, change.clone())? }
            }
            Edit::Link { index, change } => {
                touched.sites = true;
                refer.put_or_removed(false);
                Edit::Link { index: *index, change: list(&mut self.links, "link", *index, change.clone())? }
            }
            Edit::Note { index, change } => {
                touched.looks = true;
                Edit::Note { index: *index, change: list(&mut self.notes, "note", *index, change.clone())? }
            }
            Edit::View { index, change } => {
                touched.looks = true;
                Edit::View { index: *index, change: list(&mut self.views, "view", *index, change.clone())? }
            }
            Edit::Accept { index, change } => {
                touched.accepted = true;
                Edit::Accept { index: *index, change: list(&mut self.accepted, "acceptance", *index, change.clone())? }
            }
            Edit::PlaceNode { name, at, to } => {
                touched.looks = true;
                let (at, to) = place(&mut self.canvas.nodes, name, *at, *to);
                Edit::PlaceNode { name: name.clone(), at, to }
            }
            Edit::PlaceNetwork { name, at, to } => {
                touched.looks = true;
                let (at, to) = place(&mut self.canvas.networks, name, *at, *to);
                Edit::PlaceNetwork { name: name.clone(), at, to }
            }
            Edit::RenameSite { .. }
            | Edit::RenameNetwork { .. }
            | Edit::RenameNode { .. }
            | Edit::RenameVip { .. }
            | Edit::RenameService { .. } => {
                touched.renamed = true;
                self.rename(edit, touched)?
            }
        })
    }

    fn rename(&mut self, edit: &Edit, touched: &mut Touched) -> Result<Edit, EditError> {
        Ok(match edit {
            Edit::RenameSite { from, to } => {
                touched.sites = true;
                rekey(&mut self.sites, "site", from, to)?;
                let homes =
                    self.nodes.values_mut().map(|node| &mut node.site).chain(self.networks.values_mut().map(|network| &mut network.site));
                homes.flatten().for_each(|site| replace(site, from, to));
                for link in &mut self.links {
                    replace(&mut link.between.0, from, to);
                    replace(&mut link.between.1, from, to);
                }
                Edit::RenameSite { from: to.clone(), to: from.clone() }
            }
            Edit::RenameNetwork { from, to } => {
                touched.networks.extend([from.clone(), to.clone()]);
                rekey(&mut self.networks, "network", from, to)?;
                rekey_if_there(&mut self.canvas.networks, from, to);
                for node in self.nodes.values_mut() {
                    node.adapters.iter_mut().for_each(|adapter| replace(&mut adapter.network, from, to));
                    for service in node.services.values_mut() {
                        if let Bind::On(network) = &mut service.bind {
                            replace(network, from, to);
                        }
                        for peer in allowed(service) {
                            if let Peer::Network(network) = peer {
                                replace(network, from, to);
                            }
                        }
                    }
                }
                self.vips.values_mut().for_each(|vip| replace(&mut vip.network, from, to));
                self.links.iter_mut().for_each(|link| replace(&mut link.network, from, to));
                Edit::RenameNetwork { from: to.clone(), to: from.clone() }
            }
            Edit::RenameNode { from, to } => {
                touched.nodes.extend([from.clone(), to.clone()]);
                rekey(&mut self.nodes, "node", from, to)?;
                rekey_if_there(&mut self.canvas.nodes, from, to);
                for node in self.nodes.values_mut() {
                    node.after.iter_mut().for_each(|before| replace(before, from, to));
                    for service in node.services.values_mut() {
                        if let Some(primary) = &mut service.replica_of {
                            replace(&mut primary.node, from, to);
                        }
                        for peer in allowed(service) {
                            if let Peer::Node(node) = peer {
                                replace(node, from, to);
                            }
                        }
                    }
                }
                for end in self.flows.iter_mut().flat_map(|flow| [&mut flow.from, &mut flow.to]) {
                    match end {
                        Endpoint::Node(node) => replace(node, from, to),
                        Endpoint::Service(service) => replace(&mut service.node, from, to),
                        Endpoint::Outside | Endpoint::Vip(_) => {}
                    }
                }
                self.vips.values_mut().flat_map(|vip| &mut vip.holders).for_each(|holder| replace(&mut holder.node, from, to));
                self.sites.values_mut().flat_map(|site| &mut site.gateways).for_each(|gateway| replace(gateway, from, to));
                Edit::RenameNode { from: to.clone(), to: from.clone() }
            }
            Edit::RenameVip { from, to } => {
                touched.vips.extend([from.clone(), to.clone()]);
                touched.flows = true;
                rekey(&mut self.vips, "vip", from, to)?;
                for end in self.flows.iter_mut().flat_map(|flow| [&mut flow.from, &mut flow.to]) {
                    if let Endpoint::Vip(vip) = end {
                        replace(vip, from, to);
                    }
                }
                Edit::RenameVip { from: to.clone(), to: from.clone() }
            }
            Edit::RenameService { node, from, to } => {
                touched.nodes.insert(node.clone());
                touched.flows = true;
                let host = self.nodes.get_mut(node).ok_or_else(|| missing("node", node))?;
                rekey(&mut host.services, "service", from, to)?;
                let here = |at: &mut ServiceRef| {
                    if at.node == *node {
                        replace(&mut at.service, from, to);
                    }
                };
                self.nodes
                    .values_mut()
                    .flat_map(|node| node.services.values_mut())
                    .filter_map(|service| service.replica_of.as_mut())
                    .for_each(here);
                for end in self.flows.iter_mut().flat_map(|flow| [&mut flow.from, &mut flow.to]) {
                    if let Endpoint::Service(at) = end {
                        here(at);
                    }
                }
                Edit::RenameService { node: node.clone(), from: to.clone(), to: from.clone() }
            }
            // The caller sends renames only.
            other => other.clone(),
        })
    }
}

/// What has to be looked at again for references that lead nowhere.
#[derive(Default)]
struct References {
    checked: bool,
    anything_removed: bool,
    nodes: BTreeSet<NodeName>,
    others: bool,
}

impl References {
    fn put_or_removed(&mut self, removed: bool) {
        self.checked = true;
        self.others = true;
        self.anything_removed |= removed;
    }

    fn node(&mut self, name: &NodeName, may_lose: bool) {
        self.checked = true;
        self.anything_removed |= may_lose;
        self.nodes.insert(name.clone());
    }
}

fn missing(sort: &'static str, name: &str) -> EditError {
    EditError::Missing { sort, name: name.to_owned() }
}

fn put<K, V>(
    map: &mut IndexMap<K, V>,
    sort: &'static str,
    name: &K,
    at: Option<usize>,
    to: Option<V>,
) -> Result<(Option<usize>, Option<V>), EditError>
where
    K: Clone + Eq + Hash + AsRef<str>,
{
    match to {
        None => {
            let (index, _, old) = map.shift_remove_full(name).ok_or_else(|| missing(sort, name.as_ref()))?;
            Ok((Some(index), Some(old)))
        }
        Some(value) => match map.get_mut(name) {
            Some(there) => Ok((None, Some(std::mem::replace(there, value)))),
            None => {
                map.shift_insert(at.unwrap_or(map.len()).min(map.len()), name.clone(), value);
                Ok((None, None))
            }
        },
    }
}

fn place<K: Clone + Eq + Hash>(map: &mut IndexMap<K, Pos>, name: &K, at: Option<usize>, to: Option<Pos>) -> (Option<usize>, Option<Pos>) {
    match to {
        None => map.shift_remove_full(name).map_or((None, None), |(index, _, old)| (Some(index), Some(old))),
        Some(pos) => match map.get_mut(name) {
            Some(there) => (None, Some(std::mem::replace(there, pos))),
            None => {
                map.shift_insert(at.unwrap_or(map.len()).min(map.len()), name.clone(), pos);
                (None, None)
            }
        },
    }
}

fn list<T>(items: &mut Vec<T>, sort: &'static str, index: usize, change: ListEdit<T>) -> Result<ListEdit<T>, EditError> {
    let no_place = || EditError::NoPlace { sort, index };
    match change {
        ListEdit::Insert(item) if index <= items.len() => {
            items.insert(index, item);
            Ok(ListEdit::Remove)
        }
        ListEdit::Insert(_) => Err(no_place()),
        ListEdit::Replace(item) => {
            let there = items.get_mut(index).ok_or_else(no_place)?;
            Ok(ListEdit::Replace(std::mem::replace(there, item)))
        }
        ListEdit::Remove if index < items.len() => Ok(ListEdit::Insert(items.remove(index))),
        ListEdit::Remove => Err(no_place()),
    }
}

fn replace<T: PartialEq + Clone>(there: &mut T, from: &T, to: &T) {
    if there == from {
        *there = to.clone();
    }
}

fn allowed(service: &mut Service) -> &mut [Peer] {
    match &mut service.allow {
        Allow::Only(peers) => peers,
        Allow::Drawn | Allow::Everyone => &mut [],
    }
}

fn rekey<K: Clone + Eq + Hash + AsRef<str>, V>(map: &mut IndexMap<K, V>, sort: &'static str, from: &K, to: &K) -> Result<(), EditError> {
    if from != to && map.contains_key(to) {
        return Err(EditError::Taken { sort, name: to.as_ref().to_owned() });
    }
    let (index, _, value) = map.shift_remove_full(from).ok_or_else(|| missing(sort, from.as_ref()))?;
    map.shift_insert(index, to.clone(), value);
    Ok(())
}

fn rekey_if_there<K: Clone + Eq + Hash, V>(map: &mut IndexMap<K, V>, from: &K, to: &K) {
    if let Some((index, _, value)) = map.shift_remove_full(from) {
        map.shift_insert(index, to.clone(), value);
    }
}

/// Lists of edits that take a thing away together with everything that refers to it.
pub mod cascade {
    use super::*;

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
}
