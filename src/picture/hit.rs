//! What is at a point, and what is in an area.

use super::{
    geometry::{self, ChipOf},
    scene::{SITE_TITLE, Scene},
    space::{Point, Rect, inside, point},
};
use crate::{
    catalog::Catalog,
    model::{Lab, NodeName, ServiceName, ServiceRef, Subject},
};

/// A thing at a point. Numbers are places in the lab's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hit {
    /// A VIP's token.
    Vip(u32),
    /// A service's chip on a node.
    Service(u32, ServiceName),
    /// The chip of a VIP on a node that may hold it: the VIP, then the node.
    VipChip(u32, u32),
    /// The chip of a node that counts what its card has no room for.
    MoreChips(u32),
    /// An adapter's socket or drop: the node, then the slot.
    Adapter(u32, usize),
    /// The handle at a node's edge, from which wires and flows are drawn.
    Handle(u32),
    /// A node's card.
    Node(u32),
    /// A flow.
    Flow(u32),
    /// A network's rail or its name.
    Network(u32),
    /// A note.
    Note(u32),
    /// A site's frame: its edge or its title.
    Site(u32),
    /// The handle at a site's edge, from which links are drawn.
    SiteHandle(u32),
    /// The outside.
    Outside,
    /// The handle at its edge, from which flows are drawn.
    OutsideHandle,
}

impl Hit {
    /// What it is to the lab; `None` where that is not there any more.
    pub fn subject(&self, lab: &Lab) -> Option<Subject> {
        let node = |number: &u32| lab.nodes.get_index(*number as usize);
        let name = |number: &u32| node(number).map(|(name, _): (&NodeName, _)| name.clone());
        Some(match self {
            Self::Vip(number) | Self::VipChip(number, _) => Subject::Vip(lab.vips.get_index(*number as usize)?.0.clone()),
            Self::Service(number, service) => Subject::Service(ServiceRef { node: name(number)?, service: service.clone() }),
            Self::Adapter(number, slot) => Subject::Adapter(name(number)?, *slot, node(number)?.1.adapters.get(*slot)?.network.clone()),
            Self::Node(number) | Self::Handle(number) | Self::MoreChips(number) => Subject::Node(name(number)?),
            Self::Flow(number) => Subject::flow(lab.flows.get(*number as usize)?),
            Self::Network(number) => Subject::Network(lab.networks.get_index(*number as usize)?.0.clone()),
            Self::Site(number) | Self::SiteHandle(number) => Subject::Site(lab.sites.get_index(*number as usize)?.0.clone()),
            Self::Note(number) => Subject::Note(lab.notes.get(*number as usize).map(|_| *number as usize)?),
            Self::Outside | Self::OutsideHandle => Subject::Outside,
        })
    }

    /// The node that it is or is on.
    pub fn node(&self) -> Option<u32> {
        match self {
            Self::Service(node, _) | Self::Adapter(node, _) => Some(*node),
            Self::Handle(node) | Self::Node(node) | Self::MoreChips(node) | Self::VipChip(_, node) => Some(*node),
            _ => None,
        }
    }
}

/// Where the handle of a card or a frame is: at the middle of its right edge.
pub fn handle(card: &Rect) -> Point {
    point(card.max.x, card.center().y)
}

/// The radius of a handle, in lab units.
pub const HANDLE_RADIUS: f32 = 7.0;

/// How a search looks.
#[derive(Debug, Clone, Copy)]
pub struct Aim {
    /// Where, in lab space.
    pub at: Point,
    /// How far beside a thin thing still counts, in lab units.
    pub tolerance: f32,
    /// Whether chips are drawn and can be hit.
    pub chips: bool,
    /// The node whose handle is shown and can be hit.
    pub handle_of: Option<u32>,
    /// The site whose handle is shown and can be hit.
    pub site_handle_of: Option<u32>,
    /// Whether the handle of the outside is shown and can be hit.
    pub outside_handle: bool,
}

impl Scene {
    /// The topmost thing at a point.
    pub fn hit(&self, lab: &Lab, catalog: &Catalog, aim: Aim) -> Option<Hit> {
        self.hit_handle(aim)
            .or_else(|| self.hit_vip(aim))
            .or_else(|| self.hit_card(lab, catalog, aim))
            .or_else(|| self.outside.as_ref().filter(|item| item.rect.contains(aim.at)).map(|_| Hit::Outside))
            .or_else(|| self.hit_adapter(aim))
            .or_else(|| self.hit_flow(aim))
            .or_else(|| self.hit_rail(lab, aim))
            .or_else(|| self.hit_ground(aim))
    }

    fn hit_handle(&self, aim: Aim) -> Option<Hit> {
        let is_hit = |node: Option<u32>, area: &Rect| {
            handle(area).distance(aim.at) <= HANDLE_RADIUS + aim.tolerance && !self.is_handle_covered(node, area)
        };
        if let Some(site) = aim.site_handle_of
            && let Some(item) = self.sites.get(site as usize).filter(|item| item.frame.exists())
            && is_hit(None, &item.frame)
        {
            return Some(Hit::SiteHandle(site));
        }
        if let Some(item) = self.outside.as_ref().filter(|_| aim.outside_handle)
            && is_hit(None, &item.rect)
        {
            return Some(Hit::OutsideHandle);
        }
        let node = aim.handle_of?;
        let item = self.node(node)?;
        is_hit(Some(node), &item.card).then_some(Hit::Handle(node))
    }

    /// The cards that are painted over a node's card and touch an area; `None`: over what lies below all cards.
    pub fn cards_over(&self, node: Option<u32>, area: Rect) -> Vec<u32> {
        let painted = self.grid.touching(area).flat_map(|(_, cell)| &cell.nodes).copied();
        let over = painted.skip_while(|number| node.is_some_and(|node| *number != node)).skip(usize::from(node.is_some()));
        over.filter(|number| self.node(*number).is_some_and(|item| item.card.touches(&area))).collect()
    }

    /// Whether another card lies over the handle of a card, a frame or the outside.
    pub fn is_handle_covered(&self, node: Option<u32>, area: &Rect) -> bool {
        let at = handle(area);
        self.cards_over(node, area.with(at)).into_iter().filter_map(|number| self.node(number)).any(|item| item.card.contains(at))
    }

    fn hit_vip(&self, aim: Aim) -> Option<Hit> {
        let found = (0_u32..).zip(&self.vips).filter(|(_, item)| item.tokens.iter().any(|token| token.rect.contains(aim.at)));
        found.last().map(|(number, _)| Hit::Vip(number))
    }

    fn hit_card(&self, lab: &Lab, catalog: &Catalog, aim: Aim) -> Option<Hit> {
        let dot = Rect { min: aim.at, max: aim.at };
        let near = self.grid.touching(dot).flat_map(|(_, cell)| &cell.nodes);
        let number = near.copied().filter(|number| self.node(*number).is_some_and(|item| item.card.contains(aim.at))).last()?;
        let item = self.node(number)?;
        let (_, node) = lab.nodes.get_index(number as usize)?;
        if aim.chips {
            let chips = geometry::chips(lab, catalog, &item.name, node, item.card);
            if let Some(chip) = chips.into_iter().find(|chip| chip.rect.contains(aim.at)) {
                match chip.of {
                    ChipOf::Service(name) => return Some(Hit::Service(number, name)),
                    ChipOf::Vip(vip) => return u32::try_from(vip).ok().map(|vip| Hit::VipChip(vip, number)),
                    ChipOf::More(_) => return Some(Hit::MoreChips(number)),
                }
            }
        }
        Some(Hit::Node(number))
    }

    fn hit_adapter(&self, aim: Aim) -> Option<Hit> {
        let dot = Rect { min: aim.at, max: aim.at }.grow(aim.tolerance);
        for number in self.grid.touching(dot).flat_map(|(_, cell)| &cell.nodes) {
            let item = self.node(*number)?;
            for socket in &item.sockets {
                let drop = Rect::between(socket.at, point(socket.at.x, socket.rail_y)).grow(aim.tolerance + 2.0);
                let plug = Rect::around(socket.at, 12.0, 12.0).grow(aim.tolerance);
                if plug.contains(aim.at) || (drop.contains(aim.at) && (aim.at.y - socket.rail_y).abs() > 6.0) {
                    return Some(Hit::Adapter(*number, socket.slot));
                }
            }
        }
        None
    }

    fn hit_flow(&self, aim: Aim) -> Option<Hit> {
        let dot = Rect { min: aim.at, max: aim.at }.grow(aim.tolerance + 2.0);
        let mut nearest: Option<(f32, u32)> = None;
        for number in self.grid.touching(dot).flat_map(|(_, cell)| &cell.flows) {
            let Some(curve) = self.flows.get(*number as usize).and_then(|item| item.curve) else { continue };
            if !curve.bounds().touches(&dot) {
                continue;
            }
            let distance = curve.distance(aim.at);
            if distance <= aim.tolerance + 2.0 && nearest.is_none_or(|(best, _)| distance < best) {
                nearest = Some((distance, *number));
            }
        }
        nearest.map(|(_, number)| Hit::Flow(number))
    }

    fn hit_rail(&self, lab: &Lab, aim: Aim) -> Option<Hit> {
        let names = lab.networks.keys();
        (0_u32..).zip(self.networks.iter().zip(names)).find_map(|(number, (item, _))| {
            let bar = item.bar.grow(aim.tolerance + 2.0);
            let title = Rect { min: item.bar.min - point(0.0, 28.0), max: point(item.bar.min.x + 280.0, item.bar.max.y) };
            (bar.contains(aim.at) || title.contains(aim.at)).then_some(Hit::Network(number))
        })
    }

    fn hit_ground(&self, aim: Aim) -> Option<Hit> {
        if let Some((number, _)) = (0_u32..).zip(&self.notes).find(|(_, item)| item.rect.contains(aim.at)) {
            return Some(Hit::Note(number));
        }
        (0_u32..).zip(&self.sites).find_map(|(number, item)| {
            let edge = item.frame.grow(aim.tolerance + 3.0).contains(aim.at) && !item.frame.grow(-aim.tolerance - 3.0).contains(aim.at);
            let title = Rect::at(item.frame.min - point(0.0, SITE_TITLE), 240.0_f32.min(item.frame.width()), SITE_TITLE);
            (item.frame.exists() && (edge || title.contains(aim.at))).then_some(Hit::Site(number))
        })
    }

    /// The nodes whose cards an area touches.
    pub fn nodes_in(&self, area: Rect) -> Vec<u32> {
        let near = self.grid.touching(area).flat_map(|(_, cell)| &cell.nodes);
        let mut found: Vec<u32> = near.copied().filter(|number| self.node(*number).is_some_and(|item| item.card.touches(&area))).collect();
        found.sort_unstable();
        found
    }

    /// The nodes whose middles a closed line goes around.
    pub fn nodes_inside(&self, outline: &[Point]) -> Vec<u32> {
        let area = outline.iter().fold(Rect::NOTHING, |area, at| area.with(*at));
        let mut found = self.nodes_in(area);
        found.retain(|number| self.node(*number).is_some_and(|item| inside(outline, item.card.center())));
        found
    }

    /// The site whose frame is around a point; the innermost drawn last.
    pub fn site_at(&self, at: Point) -> Option<u32> {
        (0_u32..).zip(&self.sites).filter(|(_, item)| item.frame.contains(at)).last().map(|(number, _)| number)
    }

    /// The network whose rail is nearest to a point, within a distance.
    pub fn rail_near(&self, at: Point, within: f32) -> Option<u32> {
        let distance = |bar: &Rect| (bar.center().y - at.y).abs();
        let near = (0_u32..)
            .zip(&self.networks)
            .filter(|(_, item)| item.bar.min.x - 80.0 <= at.x && at.x <= item.bar.max.x + 80.0 && distance(&item.bar) <= within);
        near.min_by(|(_, one), (_, other)| distance(&one.bar).total_cmp(&distance(&other.bar))).map(|(number, _)| number)
    }

    /// Where a subject is drawn.
    pub fn rect_of(&self, lab: &Lab, subject: &Subject) -> Option<Rect> {
        let node = |name: &str| self.node_number(name).and_then(|number| self.node(number)).map(|item| item.card);
        match subject {
            Subject::Node(name) | Subject::Adapter(name, ..) => node(name),
            Subject::Service(at) => node(&at.node),
            Subject::Network(name) => self.networks.iter().find(|item| item.name == *name).map(|item| item.bar.grow(16.0)),
            Subject::Vip(name) => self.vips.iter().find(|item| item.name == *name)?.tokens.first().map(|token| token.rect),
            Subject::Flow(id) => self.flows.get(lab.flow_place(id)?)?.curve.map(|curve| curve.bounds()),
            Subject::Site(name) => self.sites.iter().find(|item| item.name == *name).map(|item| item.frame).filter(Rect::exists),
            Subject::Cluster(cluster) => {
                let members = lab.services().filter(|(_, _, service)| service.cluster.as_ref() == Some(cluster));
                let area = members.filter_map(|(name, ..)| node(name)).fold(Rect::NOTHING, |area, card| area.union(&card));
                area.exists().then_some(area)
            }
            Subject::Link(one, other) => {
                let frames = self.sites.iter().filter(|item| item.name == *one || item.name == *other).map(|item| item.frame);
                Some(frames.fold(Rect::NOTHING, |area, frame| area.union(&frame))).filter(Rect::exists)
            }
            Subject::Note(index) => self.notes.get(*index).map(|item| item.rect),
            Subject::Outside => self.outside.as_ref().map(|item| item.rect),
            Subject::Lab | Subject::Acceptance(_) => Some(self.bounds()).filter(Rect::exists),
        }
    }
}
