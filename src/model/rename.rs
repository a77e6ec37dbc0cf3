//! Renaming: another name for a thing, wherever the lab says it.

use super::IndexMap;
use super::edit::missing;
use super::{Allow, Bind, Edit, EditError, Endpoint, Lab, Peer, Pos, Service, ServiceRef, Touched};
use std::hash::Hash;

impl Lab {
    /// Makes an edit that renames, and gives the one that undoes it.
    pub(super) fn rename(&mut self, edit: &Edit, touched: &mut Touched) -> Result<Edit, EditError> {
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

/// Renames in place. A pattern that already has the new name, and so matched nothing, takes the old one: it still matches
/// nothing, and renaming back restores all.
fn replace<T: PartialEq + Clone>(there: &mut T, from: &T, to: &T) {
    if there == from {
        *there = to.clone();
    } else if there == to {
        *there = from.clone();
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

/// Renames a place. One that was left there under the new name takes the old one, so that renaming back restores both.
fn rekey_if_there<K: Clone + Eq + Hash>(map: &mut IndexMap<K, Pos>, from: &K, to: &K) {
    match (map.get_index_of(from), map.get_index_of(to)) {
        (Some(one), Some(other)) => {
            let pos_of = |index: usize| map.get_index(index).map(|(_, pos)| *pos);
            let (Some(first), Some(second)) = (pos_of(one), pos_of(other)) else { return };
            for (index, pos) in [(one, second), (other, first)] {
                if let Some((_, there)) = map.get_index_mut(index) {
                    *there = pos;
                }
            }
            map.swap_indices(one, other);
        }
        (Some(index), None) => rekey_place(map, index, to),
        (None, Some(index)) => rekey_place(map, index, from),
        (None, None) => {}
    }
}

fn rekey_place<K: Clone + Eq + Hash>(map: &mut IndexMap<K, Pos>, index: usize, to: &K) {
    if let Some((_, pos)) = map.shift_remove_index(index) {
        map.shift_insert(index, to.clone(), pos);
    }
}
