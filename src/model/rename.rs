//! Renaming: another name for a thing, wherever the lab says it.

use super::IndexMap;
use super::edit::missing;
use super::{Allow, Bind, Edit, EditError, Endpoint, FlowId, Lab, Peer, Pos, Service, ServiceRef, Touched};
use std::hash::Hash;

impl Lab {
    /// Makes an edit that renames, and gives the one that undoes it.
    pub(super) fn rename(&mut self, edit: &Edit, touched: &mut Touched) -> Result<Edit, EditError> {
        let undo = self.rename_things(edit, touched)?;
        self.rename_in_texts(edit);
        Ok(undo)
    }

    fn rename_things(&mut self, edit: &Edit, touched: &mut Touched) -> Result<Edit, EditError> {
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
                self.rename_flow_ends(edit);
                self.vips.values_mut().flat_map(|vip| &mut vip.holders).for_each(|holder| replace(&mut holder.node, from, to));
                self.sites.values_mut().flat_map(|site| &mut site.gateways).for_each(|gateway| replace(gateway, from, to));
                Edit::RenameNode { from: to.clone(), to: from.clone() }
            }
            Edit::RenameVip { from, to } => {
                touched.vips.extend([from.clone(), to.clone()]);
                touched.flows = true;
                rekey(&mut self.vips, "vip", from, to)?;
                self.rename_flow_ends(edit);
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
                self.rename_flow_ends(edit);
                Edit::RenameService { node: node.clone(), from: to.clone(), to: from.clone() }
            }
            // The caller sends renames only.
            other => other.clone(),
        })
    }

    fn rename_flow_ends(&mut self, edit: &Edit) {
        self.flows.iter_mut().flat_map(|flow| [&mut flow.from, &mut flow.to]).for_each(|end| end.rename(edit));
    }
}

impl Endpoint {
    /// Follows an edit that gives something another name.
    pub(super) fn rename(&mut self, edit: &Edit) {
        match (self, edit) {
            (Self::Node(node), Edit::RenameNode { from, to }) => replace(node, from, to),
            (Self::Service(at), Edit::RenameNode { from, to }) => replace(&mut at.node, from, to),
            (Self::Service(at), Edit::RenameService { node, from, to }) if at.node == *node => replace(&mut at.service, from, to),
            (Self::Vip(vip), Edit::RenameVip { from, to }) => replace(vip, from, to),
            _ => {}
        }
    }
}

/// A sentence with another name for a thing; `None` where it does not name it, or has the new name already, so that the step back
/// could not tell the two apart.
fn renamed_words(text: &str, from: &str, to: &str) -> Option<String> {
    let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
    let places = |name: &str| -> Vec<usize> {
        let is_word = |place: &usize| {
            let (before, rest) = text.split_at(*place);
            let after = rest.get(name.len()..).and_then(|after| after.chars().next());
            !before.chars().next_back().is_some_and(is_part) && !after.is_some_and(is_part)
        };
        text.match_indices(name).map(|(place, _)| place).filter(is_word).collect()
    };
    let found = places(from);
    if found.is_empty() || !places(to).is_empty() {
        return None;
    }
    let mut renamed = String::with_capacity(text.len());
    let mut end = 0;
    for place in found {
        renamed.push_str(text.get(end..place)?);
        renamed.push_str(to);
        end = place + from.len();
    }
    renamed.push_str(text.get(end..)?);
    Some(renamed)
}

impl Lab {
    /// Renames where acceptances and saved views name things by text, as [`Subject`](super::Subject) writes them.
    fn rename_in_texts(&mut self, edit: &Edit) {
        let names = match edit {
            Edit::RenameSite { from, to } => Some((from.as_str(), to.as_str())),
            Edit::RenameNetwork { from, to } => Some((from.as_str(), to.as_str())),
            Edit::RenameNode { from, to } => Some((from.as_str(), to.as_str())),
            Edit::RenameVip { from, to } => Some((from.as_str(), to.as_str())),
            Edit::RenameService { from, to, .. } => Some((from.as_str(), to.as_str())),
            _ => None,
        };
        // An accepted finding calls the thing by its name; with another it would count again.
        for says in self.accepted.iter_mut().filter_map(|acceptance| acceptance.says.as_mut()) {
            if let Some(renamed) = names.and_then(|(from, to)| renamed_words(says, from, to)) {
                *says = renamed;
            }
        }
        // A bare name may mean things of several sorts; then it is left alone.
        let bare_is_ours = match edit {
            Edit::RenameSite { from, to } => !self.other_sorts_have(&[from, to], Sort::Site),
            Edit::RenameNetwork { from, to } => !self.other_sorts_have(&[from, to], Sort::Network),
            Edit::RenameVip { from, to } => !self.other_sorts_have(&[from, to], Sort::Vip),
            _ => false,
        };
        let sites = &self.sites;
        let is_site = |name: &str| sites.contains_key(name);
        let highlights = self.views.iter_mut().flat_map(|view| &mut view.highlight);
        for text in self.accepted.iter_mut().map(|acceptance| &mut acceptance.on).chain(highlights) {
            let renamed = match edit {
                Edit::RenameSite { from, to } => {
                    named_by(text, "site:", from, to, bare_is_ours).or_else(|| link_text(text, from, to, is_site))
                }
                Edit::RenameNetwork { from, to } => {
                    named_by(text, "network:", from, to, bare_is_ours).or_else(|| adapter_text(text, from, to))
                }
                Edit::RenameVip { from, to } => named_by(text, "vip:", from, to, bare_is_ours).or_else(|| flow_text(text, edit)),
                Edit::RenameNode { from, to } => flow_text(text, edit).or_else(|| node_text(text, from, to)),
                Edit::RenameService { node, from, to } => {
                    let at = |end: &str| {
                        let (host, service) = end.split_once('/')?;
                        (host == node.as_str()).then(|| swapped(service, from, to)).flatten().map(|service| format!("{host}/{service}"))
                    };
                    at(text).or_else(|| flow_text(text, edit))
                }
                _ => None,
            };
            if let Some(renamed) = renamed {
                *text = renamed;
            }
        }
    }

    fn other_sorts_have(&self, names: &[&str], but: Sort) -> bool {
        let has = |name: &&str| {
            self.nodes.contains_key(*name)
                || (but != Sort::Site && self.sites.contains_key(*name))
                || (but != Sort::Network && self.networks.contains_key(*name))
                || (but != Sort::Vip && self.vips.contains_key(*name))
                || self.services().any(|(_, _, service)| service.cluster.as_ref().is_some_and(|cluster| *cluster == **name))
        };
        names.iter().any(has)
    }
}

/// The sorts of things that a text may mean by their bare names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Site,
    Network,
    Vip,
}

/// The other of two names; `None` for any third. As [`replace`] it exchanges them, so that renaming back restores all.
fn swapped<'a>(text: &str, from: &'a str, to: &'a str) -> Option<&'a str> {
    if text == from {
        Some(to)
    } else if text == to {
        Some(from)
    } else {
        None
    }
}

/// `site:NAME`, or `NAME` alone where that is clear.
fn named_by(text: &str, sort: &str, from: &str, to: &str, bare_is_ours: bool) -> Option<String> {
    match text.strip_prefix(sort) {
        Some(name) => swapped(name, from, to).map(|name| format!("{sort}{name}")),
        None => swapped(text, from, to).filter(|_| bare_is_ours).map(str::to_owned),
    }
}

/// `NODE`, `NODE/SERVICE` or `NODE@NETWORK#SLOT`: no name has these signs in it.
fn node_text(text: &str, from: &str, to: &str) -> Option<String> {
    let end = text.find(['/', '@']).unwrap_or(text.len());
    let (node, rest) = text.split_at_checked(end)?;
    swapped(node, from, to).map(|node| format!("{node}{rest}"))
}

/// The network in `NODE@NETWORK#SLOT`.
fn adapter_text(text: &str, from: &str, to: &str) -> Option<String> {
    let (node, rest) = text.split_once('@')?;
    let (network, slot) = rest.split_once('#')?;
    swapped(network, from, to).map(|network| format!("{node}@{network}#{slot}"))
}

/// The sites in `link:ONE-OTHER`. A name may have a dash in it: the one that counts stands between two sites.
fn link_text(text: &str, from: &str, to: &str, is_site: impl Fn(&str) -> bool) -> Option<String> {
    let sites = text.strip_prefix("link:")?;
    let dashes = sites.match_indices('-').map(|(at, _)| at);
    dashes.into_iter().find_map(|at| {
        let (one, other) = (sites.get(..at)?, sites.get(at + 1..)?);
        if ![one, other].iter().all(|name| is_site(name) || *name == from || *name == to) {
            return None;
        }
        match (swapped(one, from, to), swapped(other, from, to)) {
            (None, None) => None,
            (new_one, new_other) => Some(format!("link:{}-{}", new_one.unwrap_or(one), new_other.unwrap_or(other))),
        }
    })
}

/// The ends of a flow.
fn flow_text(text: &str, edit: &Edit) -> Option<String> {
    let id: FlowId = text.parse().ok()?;
    let renamed = id.clone().renamed(edit);
    (renamed != id).then(|| renamed.to_string())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Acceptance, Network, NetworkKind, Node, Role, Service, View};

    fn lab() -> Lab {
        let mut lab = Lab::new("x");
        for name in ["db1", "db2", "lan"] {
            lab.nodes.insert(name.parse().unwrap(), Node::new(Role::Database));
        }
        lab.nodes["db1"].services.insert("db".parse().unwrap(), Service::new("mariadb".parse().unwrap()));
        for name in ["lan", "wan"] {
            lab.networks.insert(name.parse().unwrap(), Network::new(NetworkKind::Internal));
        }
        for name in ["eu", "us"] {
            lab.sites.insert(name.parse().unwrap(), Default::default());
        }
        lab
    }

    /// What a text that names a thing becomes, in an acceptance and in a view alike, and that undoing gives it back.
    fn check(edit: &Edit, before: &str, after: &str) {
        let mut lab = lab();
        lab.accepted.push(Acceptance { rule: "a-rule".into(), on: before.into(), because: "meant".into(), says: None });
        lab.views.push(View { highlight: vec![before.into()], ..View::default() });
        let applied = lab.apply(std::slice::from_ref(edit)).unwrap();
        let texts = |lab: &Lab| (lab.accepted[0].on.clone(), lab.views[0].highlight[0].clone());
        assert_eq!(texts(&lab), (after.into(), after.into()), "{edit:?}");
        lab.apply(&applied.inverse).unwrap();
        assert_eq!(texts(&lab), (before.into(), before.into()), "{edit:?} undone");
    }

    #[test]
    fn accepted_words_follow_a_name() {
        assert_eq!(
            renamed_words("db1/sql alone serves app1, not db10", "db1", "store").as_deref(),
            Some("store/sql alone serves app1, not db10")
        );
        assert_eq!(renamed_words("db1 is beside db2", "db1", "db2"), None, "the step back could not tell them apart");
        assert_eq!(renamed_words("db10", "db1", "x"), None);
    }

    #[test]
    fn acceptances_and_views_follow_a_node() {
        let edit = Edit::RenameNode { from: "db1".parse().unwrap(), to: "main".parse().unwrap() };
        for (before, after) in [
            ("db1", "main"),
            ("db1/db", "main/db"),
            ("db1@lan#0", "main@lan#0"),
            ("outside -> db1/db", "outside -> main/db"),
            ("db1 -> db2", "main -> db2"),
            ("outside -> db1/db:8404", "outside -> main/db:8404"),
            ("db1/db -> db1:22", "main/db -> main:22"),
            ("db11", "db11"),
            ("network:db1", "network:db1"),
            ("db2", "db2"),
        ] {
            check(&edit, before, after);
        }
    }

    #[test]
    fn acceptances_and_views_follow_the_rest() {
        let network = Edit::RenameNetwork { from: "wan".parse().unwrap(), to: "far".parse().unwrap() };
        for (before, after) in [("wan", "far"), ("network:wan", "network:far"), ("db1@wan#1", "db1@far#1"), ("wan/db", "wan/db")] {
            check(&network, before, after);
        }
        // A node is called so too, and a bare name means it first.
        let shared = Edit::RenameNetwork { from: "lan".parse().unwrap(), to: "near".parse().unwrap() };
        check(&shared, "lan", "lan");
        check(&shared, "network:lan", "network:near");
        let site = Edit::RenameSite { from: "eu".parse().unwrap(), to: "eu-west".parse().unwrap() };
        for (before, after) in
            [("eu", "eu-west"), ("site:eu", "site:eu-west"), ("link:us-eu", "link:us-eu-west"), ("link:us-asia", "link:us-asia")]
        {
            check(&site, before, after);
        }
        let service = Edit::RenameService { node: "db1".parse().unwrap(), from: "db".parse().unwrap(), to: "data".parse().unwrap() };
        for (before, after) in [
            ("db1/db", "db1/data"),
            ("db2 -> db1/db", "db2 -> db1/data"),
            ("db2 -> db1/db:80", "db2 -> db1/data:80"),
            ("db2/db", "db2/db"),
            ("db1", "db1"),
        ] {
            check(&service, before, after);
        }
    }

    #[test]
    fn what_a_step_put_and_a_rename_left_without_its_target_is_refused() {
        let node = |name: &str| -> crate::model::NodeName { name.parse().unwrap() };
        let second = Edit::RenameNode { from: node("db1"), to: node("main") };
        let after_missing = || {
            let mut spare = Node::new(Role::Database);
            spare.after = vec![node("main")];
            Box::new(spare)
        };
        let flow = crate::model::Flow::new(Endpoint::Node(node("main")), Endpoint::Node(node("db2")));
        let steps = [
            vec![Edit::Flow { index: 0, change: crate::model::ListEdit::Insert(flow) }, second.clone()],
            vec![Edit::Node { name: node("spare"), at: None, to: Some(after_missing()) }, second.clone()],
            vec![
                Edit::Node { name: node("spare"), at: None, to: Some(after_missing()) },
                Edit::RenameNode { from: node("spare"), to: node("other") },
            ],
        ];
        for step in steps {
            let mut lab = lab();
            let before = lab.clone();
            // What named "main" before anything was called so did not mean what is called so now.
            assert!(matches!(lab.apply(&step), Err(EditError::Dangling { .. })), "{step:?}");
            assert_eq!(lab, before, "{step:?}");
        }
    }
}
