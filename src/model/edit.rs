//! Changes to a lab: one type, one door.
//!
//! An [`Edit`] is data. [`Lab::apply`] takes a list of them as one step: it does all or none, keeps every reference
//! alive, and gives back the edits that undo it. The editor, the findings' fixes and undo all go through it.

use super::IndexMap;
use super::{
    Acceptance, Adapter, Endpoint, Flow, Host, Image, Lab, Link, Network, NetworkName, Node, NodeName, Note, PackageName, Pos, Service,
    ServiceName, Site, SiteName, VersionPattern, View, Vip, VipName,
    cascade::names_of_flow,
    refs::{Dangling, dangling, dangling_among},
};
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
#[expect(missing_docs, reason = "a variant's comment speaks for its fields")]
pub enum Edit {
    /// The lab's name.
    LabName(String),
    /// The lab's description.
    About(String),
    /// The lab's image.
    Image(Option<Image>),
    /// The machine that the lab is meant for.
    Host(Option<Host>),
    /// The version of a package that nodes keep to.
    Pin { name: PackageName, at: Option<usize>, to: Option<VersionPattern> },
    /// A site.
    Site { name: SiteName, at: Option<usize>, to: Option<Site> },
    /// A network.
    Network { name: NetworkName, at: Option<usize>, to: Option<Network> },
    /// A node. Removing one needs [`remove_node`](super::cascade::remove_node) first, which removes what refers to it.
    Node { name: NodeName, at: Option<usize>, to: Option<Box<Node>> },
    /// A VIP.
    Vip { name: VipName, at: Option<usize>, to: Option<Vip> },
    /// A service of a node.
    Service { node: NodeName, name: ServiceName, at: Option<usize>, to: Option<Box<Service>> },
    /// An adapter of a node, by its slot.
    Adapter { node: NodeName, slot: usize, change: ListEdit<Adapter> },
    /// A flow. Acceptances and views that name it follow where it gets other ends or another port.
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
    /// Where the outside is drawn; `None`: placed by the picture.
    PlaceOutside(Option<Pos>),
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
    /// Name, description, image, host or pinned packages of the lab.
    pub header: bool,
    /// Any acceptance.
    pub accepted: bool,
    /// A thing has another name: whoever refers to it by name has changed too.
    pub renamed: bool,
    /// Positions, notes and views: how the lab is drawn.
    pub looks: bool,
    /// Any view, whose highlights name things of the lab.
    pub views: bool,
}

impl Touched {
    /// Whether anything that a rule reads was touched.
    pub fn is_checked(&self) -> bool {
        self.meaning() || self.views
    }

    /// Whether anything but the drawing was touched.
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
        self.views |= other.views;
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
            let names = names_of_flow(self, edit);
            let before = inverse.len();
            for edit in std::iter::once(edit).chain(&names) {
                match self.one(edit, &mut touched, &mut refer) {
                    Ok(undo) => inverse.push(undo),
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
            // Undo restores the flow first: names follow it back, and then get the very text that they had.
            if let Some(undo) = inverse.get_mut(before..) {
                undo.reverse();
            }
            if failed.is_some() {
                break;
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
        let lost = if refer.everything {
            dangling(self).into_iter().next()
        } else {
            // Only what was put can refer to nothing: look at those things alone.
            let put = refer.nodes.iter().filter_map(|name| self.nodes.get_key_value(name));
            let nothing = Lab::default();
            let lost = dangling_among(self, put, if refer.others { self } else { &nothing }).into_iter().next();
            lost.or_else(|| refer.flows.iter().find_map(|flow| self.dangling_of(flow)))
        };
        lost.map(|lost| EditError::Dangling { path: lost.path.to_string(), sort: lost.sort, name: lost.name })
    }

    /// What a flow that was put refers to and that is not there, if the flow itself still is.
    fn dangling_of(&self, flow: &Flow) -> Option<Dangling> {
        let found = |end: &Endpoint| match end {
            Endpoint::Outside => true,
            Endpoint::Node(node) => self.nodes.contains_key(node),
            Endpoint::Service(service) => self.service(service).is_some(),
            Endpoint::Vip(vip) => self.vips.contains_key(vip),
        };
        if found(&flow.from) && found(&flow.to) {
            return None;
        }
        // Something is wrong: now it may cost a walk over all flows to say what.
        let all = Lab { flows: self.flows.clone(), ..Lab::default() };
        let none = std::iter::empty();
        if self.flows.contains(flow) { dangling_among(self, none, &all).into_iter().next() } else { None }
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
            Edit::Pin { name, at, to } => {
                touched.header = true;
                let (at, to) = put(&mut self.pins, "pinned package", name, *at, to.clone())?;
                Edit::Pin { name: name.clone(), at, to }
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
                refer.flow(change);
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
                (touched.looks, touched.views) = (true, true);
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
            Edit::PlaceOutside(to) => {
                touched.looks = true;
                Edit::PlaceOutside(std::mem::replace(&mut self.canvas.outside, *to))
            }
            Edit::RenameSite { .. }
            | Edit::RenameNetwork { .. }
            | Edit::RenameNode { .. }
            | Edit::RenameVip { .. }
            | Edit::RenameService { .. } => {
                touched.renamed = true;
                refer.renamed();
                self.rename(edit, touched)?
            }
        })
    }
}

/// What has to be looked at again for references that lead nowhere.
#[derive(Default)]
struct References {
    checked: bool,
    /// Something went or has another name now, so what was there before may refer to nothing too.
    everything: bool,
    nodes: BTreeSet<NodeName>,
    /// Flows that were put. Nothing refers to a flow, so one that goes leaves nothing behind.
    flows: Vec<Flow>,
    others: bool,
}

impl References {
    fn flow(&mut self, change: &ListEdit<Flow>) {
        if let ListEdit::Insert(flow) | ListEdit::Replace(flow) = change {
            self.checked = true;
            self.flows.push(flow.clone());
        }
    }

    fn put_or_removed(&mut self, removed: bool) {
        self.checked = true;
        self.others = true;
        self.everything |= removed;
    }

    fn node(&mut self, name: &NodeName, may_lose: bool) {
        self.checked = true;
        self.everything |= may_lose;
        self.nodes.insert(name.clone());
    }

    /// A rename alone keeps all references, but what the same step put before it may have been put under the old name, or
    /// have named what was not there yet.
    fn renamed(&mut self) {
        self.everything |= self.checked;
    }
}

pub(super) fn missing(sort: &'static str, name: &str) -> EditError {
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
