//! The scene: every drawn thing with its place, kept between frames and changed only where the lab did.
//!
//! Things have numbers: their places in the lab's own order. What a card or a rail says is read from the lab when it is
//! drawn; the scene holds what finding and routing need.

use super::{
    geometry::{self, Edge, Socket},
    grid::Grid,
    outside::OutsideItem,
    overlay::{Overlay, States},
    place::{Places, places},
    space::{Curve, Point, Rect, point},
};
use crate::{
    catalog::Catalog,
    look::size,
    model::{Edit, Endpoint, Lab, NetworkKind, NetworkName, NodeName, SiteName, Touched, VipName},
};
use rustc_hash::FxHashMap as HashMap;
use std::collections::BTreeSet;

/// A node's card.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeItem {
    /// Its name.
    pub name: NodeName,
    /// Where.
    pub card: Rect,
    /// Its adapters.
    pub sockets: Vec<Socket>,
    /// Flows that begin or end at it, by number.
    pub flows: Vec<u32>,
    /// Cluster links that begin or end at it, by number.
    pub links: Vec<u32>,
    pub(super) cell: u32,
}

/// A network's rail.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkItem {
    /// Its name.
    pub name: NetworkName,
    /// Where it was put: its upper left corner.
    pub at: Point,
    /// The bar.
    pub bar: Rect,
    /// Which hue it has; `None`: the kind's own colour.
    pub hue: Option<usize>,
    /// The nodes on it, by number, once for every adapter.
    pub nodes: Vec<u32>,
}

/// One end of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A node, by number.
    Node(u32),
    /// A VIP, by number.
    Vip(u32),
    /// The outside.
    Outside,
    /// Something that is not there: a half-drawn lab.
    Nowhere,
}

/// A flow's curve.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowItem {
    /// Who opens it.
    pub from: End,
    /// Who answers.
    pub to: End,
    /// Where it runs; `None`: an end is missing, or both are the same card.
    pub curve: Option<Curve>,
    pub(super) cell: u32,
}

/// Where a VIP is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Token {
    /// Its rectangle.
    pub rect: Rect,
    /// The node that holds it there, by number.
    pub node: Option<u32>,
}

/// A VIP.
#[derive(Debug, Clone, PartialEq)]
pub struct VipItem {
    /// Its name.
    pub name: VipName,
    /// The network that it lies in, by number.
    pub network: Option<u32>,
    /// One for every holder; a single one without a node where nobody holds it.
    pub tokens: Vec<Token>,
    /// Where it was before it moved.
    pub ghost: Option<Token>,
    /// Where it would be after a fault that is being considered.
    pub would: Vec<Token>,
    /// Flows to it, by number.
    pub flows: Vec<u32>,
}

/// What joins two members of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkItem {
    /// The nodes, by number.
    pub nodes: (u32, u32),
    /// The cluster, or the primary's service for a replica.
    pub cluster: String,
    /// What the link is, in a word.
    pub title: &'static str,
}

/// A site's frame.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteItem {
    /// Its name.
    pub name: SiteName,
    /// Around all that is in it; has no place while nothing is.
    pub frame: Rect,
}

/// A text on the canvas.
#[derive(Debug, Clone, PartialEq)]
pub struct NoteItem {
    /// Where.
    pub rect: Rect,
    /// Its lines, wrapped.
    pub lines: Vec<String>,
}

/// All drawn things of one lab.
#[derive(Debug, Clone, Default)]
pub struct Scene {
    /// Nodes, in the lab's order.
    pub nodes: Vec<NodeItem>,
    /// Networks, in the lab's order.
    pub networks: Vec<NetworkItem>,
    /// Flows, in the lab's order.
    pub flows: Vec<FlowItem>,
    /// VIPs, in the lab's order.
    pub vips: Vec<VipItem>,
    /// Sites, in the lab's order.
    pub sites: Vec<SiteItem>,
    /// Notes, in the lab's order.
    pub notes: Vec<NoteItem>,
    /// Everything beyond the lab; `None` in a lab without nodes.
    pub outside: Option<OutsideItem>,
    /// Links within clusters.
    pub links: Vec<LinkItem>,
    /// What shows on them.
    pub states: States,
    /// What lies near what.
    pub grid: Grid,
    /// Grows with every change of anything.
    pub revision: u64,
    /// Grows when rails, frames or notes change.
    pub ground_revision: u64,
    /// Grows when tokens or partitions change.
    pub tokens_revision: u64,
    /// Grows when the set of things changes: numbers mean other things then.
    pub structure: u64,
    pub(super) number_of: HashMap<NodeName, u32>,
}

/// From what a site's frame holds to the frame.
pub(super) const FRAME_MARGIN: f32 = 32.0;
/// The height of a site's title, above its frame.
pub(super) const SITE_TITLE: f32 = 28.0;
/// From the text of a note to its edge.
pub(super) const NOTE_MARGIN: f32 = 12.0;
/// From one line of a note to the next.
pub(super) const NOTE_LINE: f32 = 18.0;
/// The width at which a note wraps that names none.
pub(super) const NOTE_WIDTH_MAX: f32 = 480.0;

/// The height of a rail's name, above its bar.
pub(super) const RAIL_NAME: f32 = 28.0;
impl Scene {
    /// The scene of a lab.
    pub fn new(lab: &Lab, catalog: &Catalog) -> Self {
        let mut scene = Self::default();
        scene.rebuild(lab, catalog);
        scene
    }

    /// A node's number.
    pub fn node_number(&self, name: &str) -> Option<u32> {
        self.number_of.get(name).copied()
    }

    /// A network's number.
    pub fn network_number(&self, name: &str) -> Option<u32> {
        self.networks.iter().position(|item| item.name == *name).and_then(|number| u32::try_from(number).ok())
    }

    /// A node by number.
    pub fn node(&self, number: u32) -> Option<&NodeItem> {
        self.nodes.get(number as usize)
    }

    /// Takes over what a step has changed. `touched` is what it touched; `None`: anything.
    pub fn update(&mut self, lab: &Lab, catalog: &Catalog, touched: Option<&Touched>) {
        let same_things = self.nodes.len() == lab.nodes.len()
            && self.networks.len() == lab.networks.len()
            && self.flows.len() == lab.flows.len()
            && self.vips.len() == lab.vips.len();
        match touched {
            Some(touched)
                if same_things
                    && !touched.renamed
                    && !touched.flows
                    && !touched.sites
                    && touched.networks.is_empty()
                    && touched.vips.is_empty()
                    && touched.nodes.iter().all(|name| self.still_there(lab, name)) =>
            {
                self.refresh(lab, catalog, touched);
            }
            _ => self.rebuild(lab, catalog),
        }
    }

    fn still_there(&self, lab: &Lab, name: &NodeName) -> bool {
        self.node_number(name).is_some_and(|number| lab.nodes.get_index_of(name) == Some(number as usize))
    }

    /// Changes a few nodes and whatever has another place now.
    fn refresh(&mut self, lab: &Lab, catalog: &Catalog, touched: &Touched) {
        let mut moved: BTreeSet<u32> = touched.nodes.iter().filter_map(|name| self.node_number(name)).collect();
        if !moved.is_empty() {
            for number in &moved {
                self.join(lab, *number);
            }
            self.link(lab, catalog);
        }
        let places = places(lab);
        for (number, (item, at)) in (0_u32..).zip(self.nodes.iter_mut().zip(&places.nodes)) {
            if item.card.min != *at {
                item.card = Rect::at(*at, size::CARD_WIDTH, size::CARD_HEIGHT);
                moved.insert(number);
            }
        }
        let mut rails = BTreeSet::new();
        for (number, (item, at)) in (0_u32..).zip(self.networks.iter_mut().zip(&places.networks)) {
            if item.at != *at {
                item.at = *at;
                rails.insert(number);
            }
        }
        self.note(lab);
        self.settle(lab, &moved, &rails);
        self.place_outside(lab);
    }

    /// Everything anew.
    fn rebuild(&mut self, lab: &Lab, catalog: &Catalog) {
        let states = std::mem::take(&mut self.states);
        // Where the same things have the same numbers, a VIP's ghost stays where it was.
        let same =
            self.nodes.iter().map(|item| &item.name).eq(lab.nodes.keys()) && self.vips.iter().map(|item| &item.name).eq(lab.vips.keys());
        let (revision, structure) = (self.revision + 1, self.structure + 1);
        *self = Self { revision, ground_revision: revision, tokens_revision: revision, structure, ..Self::default() };
        self.number_of = (0_u32..).zip(lab.nodes.keys()).map(|(number, name)| (name.clone(), number)).collect();
        let Places { networks, nodes } = places(lab);
        let mut hues = 0_usize..;
        for ((name, network), at) in lab.networks.iter().zip(networks) {
            let own = matches!(network.kind, NetworkKind::Nat | NetworkKind::NatNetwork | NetworkKind::Bridged);
            let hue = if own { None } else { hues.next() };
            let bar = geometry::rail(at, std::iter::empty());
            self.networks.push(NetworkItem { name: name.clone(), at, bar, hue, nodes: Vec::new() });
        }
        for (name, at) in lab.nodes.keys().zip(nodes) {
            self.nodes.push(NodeItem {
                name: name.clone(),
                card: Rect::at(at, size::CARD_WIDTH, size::CARD_HEIGHT),
                sockets: Vec::new(),
                flows: Vec::new(),
                links: Vec::new(),
                cell: u32::MAX,
            });
        }
        for number in (0_u32..).take(lab.nodes.len()) {
            self.join(lab, number);
        }
        let number_of_network = |name: &NetworkName| lab.networks.get_index_of(name).and_then(|number| u32::try_from(number).ok());
        for (name, vip) in &lab.vips {
            let network = number_of_network(&vip.network);
            self.vips.push(VipItem { name: name.clone(), network, tokens: Vec::new(), ghost: None, would: Vec::new(), flows: Vec::new() });
        }
        for (number, flow) in (0_u32..).zip(&lab.flows) {
            let (from, to) = (self.end(lab, &flow.from), self.end(lab, &flow.to));
            for end in [from, to] {
                match end {
                    End::Node(node) => self.nodes.get_mut(node as usize).map(|item| item.flows.push(number)),
                    End::Vip(vip) => self.vips.get_mut(vip as usize).map(|item| item.flows.push(number)),
                    End::Outside | End::Nowhere => None,
                };
            }
            self.flows.push(FlowItem { from, to, curve: None, cell: u32::MAX });
        }
        self.outside = OutsideItem::of(lab);
        self.sites = lab.sites.keys().map(|name| SiteItem { name: name.clone(), frame: Rect::NOTHING }).collect();
        self.link(lab, catalog);
        self.note(lab);
        let overlay = Overlay { mode: states.mode, ..Overlay::default() };
        self.states = States::new(self, lab, &overlay, &States::default());
        if same {
            self.states.holders = states.holders;
        }
        let all_nodes = (0_u32..).take(self.nodes.len()).collect();
        let all_rails = (0_u32..).take(self.networks.len()).collect();
        self.settle(lab, &all_nodes, &all_rails);
        self.place_outside(lab);
    }

    fn end(&self, lab: &Lab, endpoint: &Endpoint) -> End {
        let node = |name: &str| self.node_number(name).map_or(End::Nowhere, End::Node);
        match endpoint {
            Endpoint::Outside => End::Outside,
            Endpoint::Node(name) => node(name),
            Endpoint::Service(service) => node(&service.node),
            Endpoint::Vip(name) => lab.vips.get_index_of(name).and_then(|vip| u32::try_from(vip).ok()).map_or(End::Nowhere, End::Vip),
        }
    }

    /// Makes the sockets of one node as its adapters say.
    fn join(&mut self, lab: &Lab, number: u32) {
        let Some((_, node)) = lab.nodes.get_index(number as usize) else { return };
        let Some(item) = self.nodes.get_mut(number as usize) else { return };
        for socket in item.sockets.drain(..) {
            if let Some(network) = self.networks.get_mut(socket.network as usize) {
                network.nodes.retain(|on| *on != number);
            }
        }
        for (slot, adapter) in node.adapters.iter().enumerate() {
            let Some(network) = lab.networks.get_index_of(&adapter.network).and_then(|network| u32::try_from(network).ok()) else {
                continue;
            };
            item.sockets.push(Socket { slot, network, edge: Edge::Top, at: Point::default(), rail_y: 0.0 });
            if let Some(network) = self.networks.get_mut(network as usize) {
                network.nodes.push(number);
            }
        }
    }

    /// Shows another overlay. Only what looks different is drawn again: a lab at rest costs nothing, however often this is
    /// called.
    pub fn set_overlay(&mut self, lab: &Lab, overlay: &Overlay<'_>) {
        let states = States::new(self, lab, overlay, &self.states);
        if states == self.states {
            return;
        }
        let before = std::mem::replace(&mut self.states, states);
        let changes = self.states.changes(&before);
        self.revision += 1;
        let revision = self.revision;
        let node_cell = |node: &u32| self.nodes.get(*node as usize).map(|item| item.cell);
        let flow_cell = |flow: &u32| self.flows.get(*flow as usize).map(|item| item.cell);
        // A link is drawn with the second of its nodes.
        let link_cell = |link: &u32| self.links.get(*link as usize).and_then(|link| node_cell(&link.nodes.1));
        let mut cells: BTreeSet<u32> = changes.nodes.iter().filter_map(node_cell).collect();
        cells.extend(changes.flows.iter().filter_map(flow_cell));
        cells.extend(changes.links.iter().filter_map(link_cell));
        if changes.everything {
            cells.extend((0_u32..).take(self.grid.cells.len()));
        }
        for cell in cells {
            if let Some(cell) = self.grid.cells.get_mut(cell as usize) {
                cell.changed_at = revision;
            }
        }
        if changes.everything || changes.rails {
            self.ground_revision = revision;
        }
        if changes.everything || changes.tokens {
            self.tokens_revision = revision;
        }
        if changes.moved {
            self.place_tokens(lab);
            let flows: BTreeSet<u32> = self.vips.iter().flat_map(|vip| vip.flows.iter().copied()).collect();
            self.route(&flows);
        }
    }

    /// Shows cards and rails elsewhere, without a change of the lab: what a gesture looks like before it ends.
    pub fn preview(&mut self, lab: &Lab, nodes: &[(u32, Point)], rails: &[(u32, Point)], outside: Option<Point>) {
        if let Some(at) = outside {
            self.move_outside(at);
        }
        let mut moved = BTreeSet::new();
        for (number, at) in nodes {
            if let Some(item) = self.nodes.get_mut(*number as usize).filter(|item| item.card.min != *at) {
                item.card = Rect::at(*at, size::CARD_WIDTH, size::CARD_HEIGHT);
                moved.insert(*number);
            }
        }
        let mut moved_rails = BTreeSet::new();
        for (number, at) in rails {
            if let Some(item) = self.networks.get_mut(*number as usize).filter(|item| item.at != *at) {
                item.at = *at;
                moved_rails.insert(*number);
            }
        }
        if !(moved.is_empty() && moved_rails.is_empty()) {
            self.settle(lab, &moved, &moved_rails);
        }
    }

    /// Puts everything right that follows from where these cards and rails are now.
    fn settle(&mut self, lab: &Lab, moved: &BTreeSet<u32>, rails: &BTreeSet<u32>) {
        self.revision += 1;
        // A rail that moves takes the sockets of all its nodes along; a card that moves may stretch its rails.
        let mut nodes = moved.clone();
        let mut stretched = rails.clone();
        for rail in rails {
            nodes.extend(self.networks.get(*rail as usize).into_iter().flat_map(|item| item.nodes.iter().copied()));
        }
        for number in &nodes {
            if let Some(item) = self.nodes.get_mut(*number as usize) {
                for socket in &mut item.sockets {
                    socket.rail_y = self.networks.get(socket.network as usize).map_or(0.0, |rail| rail.at.y + size::RAIL_HEIGHT / 2.0);
                    stretched.insert(socket.network);
                }
                geometry::spread_sockets(item.card, &mut item.sockets);
            }
        }
        self.stretch(lab, &stretched);
        self.file(&nodes);
        self.frame(lab);
        self.place_tokens(lab);
        let mut flows: BTreeSet<u32> = self.vips.iter().flat_map(|vip| vip.flows.iter().copied()).collect();
        for number in moved {
            flows.extend(self.nodes.get(*number as usize).into_iter().flat_map(|item| item.flows.iter().copied()));
        }
        self.route(&flows);
        (self.ground_revision, self.tokens_revision) = (self.revision, self.revision);
    }

    fn stretch(&mut self, lab: &Lab, rails: &BTreeSet<u32>) {
        // A rail that shrinks lets the others shrink too, so the ends of all that share a beginning are looked at.
        let beginnings: BTreeSet<i32> =
            rails.iter().filter_map(|number| self.networks.get(*number as usize)).map(|rail| rail.at.pos().0).collect();
        let together: Vec<u32> =
            (0_u32..).zip(&self.networks).filter(|(_, rail)| beginnings.contains(&rail.at.pos().0)).map(|(number, _)| number).collect();
        for number in &together {
            if let Some(rail) = self.networks.get_mut(*number as usize) {
                let cards = rail.nodes.iter().filter_map(|node| self.nodes.get(*node as usize));
                rail.bar = geometry::rail(rail.at, cards.map(|item| (item.card.min.x, item.card.max.x)));
            }
        }
        // Rails that begin at one place end at one place: it is what makes a drawing calm.
        let mut right: HashMap<(i32, Option<&SiteName>), f32> = HashMap::default();
        for (rail, network) in self.networks.iter().zip(lab.networks.values()) {
            let end = right.entry((rail.at.pos().0, network.site.as_ref())).or_insert(f32::NEG_INFINITY);
            *end = end.max(rail.bar.max.x);
        }
        for (rail, network) in self.networks.iter_mut().zip(lab.networks.values()) {
            if let Some(end) = right.get(&(rail.at.pos().0, network.site.as_ref())) {
                rail.bar.max.x = *end;
            }
        }
    }

    /// What all of it covers; [`Rect::NOTHING`] for an empty lab.
    pub fn bounds(&self) -> Rect {
        self.outside.iter().fold(self.bounds_of_things(), |bounds, item| bounds.union(&item.rect))
    }

    /// What everything but the outside covers.
    pub(super) fn bounds_of_things(&self) -> Rect {
        let nodes = self.nodes.iter().map(|item| item.card);
        // A rail's name stands above it.
        let rails = self.networks.iter().map(|item| Rect { min: item.bar.min - point(0.0, RAIL_NAME), max: item.bar.max });
        let titled = |frame: Rect| if frame.exists() { Rect { min: frame.min - point(0.0, SITE_TITLE), ..frame } } else { frame };
        let frames = self.sites.iter().map(|item| titled(item.frame));
        let notes = self.notes.iter().map(|item| item.rect);
        nodes.chain(rails).chain(frames).chain(notes).fold(Rect::NOTHING, |bounds, rect| bounds.union(&rect))
    }

    /// Edits that give every thing the place where it is shown now, for those that the lab places nowhere: so that moving
    /// one thing of an unplaced lab leaves the others alone.
    pub fn pins(&self, lab: &Lab) -> Vec<Edit> {
        let nodes = self.nodes.iter().filter(|item| !lab.canvas.nodes.contains_key(&item.name));
        let nodes = nodes.map(|item| Edit::PlaceNode { name: item.name.clone(), at: None, to: Some(item.card.min.pos()) });
        let rails = self.networks.iter().filter(|item| !lab.canvas.networks.contains_key(&item.name));
        let rails = rails.map(|item| Edit::PlaceNetwork { name: item.name.clone(), at: None, to: Some(item.at.pos()) });
        rails.chain(nodes).collect()
    }
}
