//! The outside: everything beyond the lab, as one terminal from which flows enter and to which they leave.

use super::{
    geometry::{Side, count},
    scene::Scene,
    space::{Point, Rect, point},
};
use crate::model::{Endpoint, Lab};
use std::collections::BTreeSet;

/// The terminal of the outside.
#[derive(Debug, Clone, PartialEq)]
pub struct OutsideItem {
    /// Where it stands.
    pub rect: Rect,
    /// Flows that begin or end at it, by number.
    pub flows: Vec<u32>,
}

/// The terminal's size, in lab units.
const WIDTH: f32 = 124.0;
const HEIGHT: f32 = 48.0;
/// From the terminal to the nearest thing beside it: room for the arrow of a flow.
const BESIDE: f32 = 48.0;
/// From the terminal to the nearest thing above or below it.
const ABOVE: f32 = 12.0;
/// How far up and down a free place is looked for, in steps of the grid.
const STEPS_MAX: u8 = 24;
const STEP: f32 = 8.0;
/// The part of a side, at either end, that is round and takes no flows.
const ROUND: f32 = 14.0;
/// The farthest that two flows on a side are apart.
const PORT_STEP: f32 = 10.0;
/// How far left of a rail's bar and above it its words reach.
const RAIL_WORDS: f32 = 30.0;

impl OutsideItem {
    /// The terminal of a lab, not yet placed; `None` where no flow could lead anywhere.
    pub(super) fn of(lab: &Lab) -> Option<Self> {
        let is_end = |end: &Endpoint| *end == Endpoint::Outside;
        let flows = (0_u32..).zip(&lab.flows).filter(|(_, flow)| is_end(&flow.from) || is_end(&flow.to)).map(|(number, _)| number);
        (!lab.nodes.is_empty()).then(|| Self { rect: Rect::at(Point::default(), WIDTH, HEIGHT), flows: flows.collect() })
    }
}

/// The sides by which a flow from the terminal leaves and enters: sideways, because drops run up and down.
pub(super) fn sides(terminal: &Rect, other: &Rect, other_is_vip: bool) -> (Side, Side) {
    let (leaves, enters) = if other.min.x >= terminal.max.x {
        (Side::Right, Side::Left)
    } else if other.max.x <= terminal.min.x {
        (Side::Left, Side::Right)
    } else if other.center().y >= terminal.center().y {
        (Side::Bottom, Side::Top)
    } else {
        (Side::Top, Side::Bottom)
    };
    // A token lies on its rail: a flow that came in sideways would run along the rail.
    match other_is_vip {
        true if terminal.max.y < other.min.y => (leaves, Side::Top),
        true if terminal.min.y > other.max.y => (leaves, Side::Bottom),
        _ => (leaves, enters),
    }
}

/// Where the nth of several flows on a side of the terminal meets it: around the middle of the side.
pub(super) fn port(terminal: &Rect, side: Side, nth: usize, among: usize) -> Point {
    let center = terminal.center();
    let length = if matches!(side, Side::Left | Side::Right) { terminal.height() } else { terminal.width() } - 2.0 * ROUND;
    let step = (length / count(among.max(1))).min(PORT_STEP);
    let along = step * (count(nth) - (count(among.max(1)) - 1.0) / 2.0);
    match side {
        Side::Left => point(terminal.min.x, center.y + along),
        Side::Right => point(terminal.max.x, center.y + along),
        Side::Top => point(center.x + along, terminal.min.y),
        Side::Bottom => point(center.x + along, terminal.max.y),
    }
}

impl Scene {
    /// Puts the terminal where the lab says, else beside the topmost row, and routes its flows.
    pub(super) fn place_outside(&mut self, lab: &Lab) {
        if self.outside.is_none() {
            return;
        }
        let at = lab.canvas.outside.map_or_else(|| self.place_for_outside(), Point::from);
        self.move_outside(at);
    }

    /// Moves the terminal and routes its flows.
    pub(super) fn move_outside(&mut self, at: Point) {
        let Some(item) = self.outside.as_mut().filter(|item| item.rect.min != at) else { return };
        item.rect = Rect::at(at, WIDTH, HEIGHT);
        let flows: BTreeSet<u32> = item.flows.iter().copied().collect();
        self.revision += 1;
        self.ground_revision = self.revision;
        self.route(&flows);
    }

    /// Left of the topmost row: between two rails where there is room, else left of the whole drawing.
    fn place_for_outside(&self) -> Point {
        let bounds = self.bounds_of_things();
        // By the topmost row, whatever leads in: drawing a flow moves nothing.
        let middle = self.nodes.iter().map(|item| item.card.center().y).fold(f32::INFINITY, f32::min);
        let wanted = ((middle - HEIGHT / 2.0) / STEP).round() * STEP;
        let rails_begin = self.networks.iter().map(|rail| rail.bar.min.x).fold(f32::INFINITY, f32::min);
        let inside = if rails_begin.is_finite() { rails_begin } else { bounds.min.x };
        let obstacles = self.obstacles(inside - BESIDE, inside + WIDTH + BESIDE);
        let free = |at: &Point| {
            let area = Rect { min: *at - point(0.0, ABOVE), max: *at + point(WIDTH + BESIDE, HEIGHT + ABOVE) };
            !obstacles.iter().any(|obstacle| obstacle.touches(&area))
        };
        let steps = (0..=STEPS_MAX).flat_map(|step| [f32::from(step) * STEP, -f32::from(step) * STEP]);
        let within = steps.map(|by| point(inside, wanted + by)).find(free);
        within.unwrap_or_else(|| point(((bounds.min.x - WIDTH - BESIDE) / STEP).floor() * STEP, wanted))
    }

    /// What stands between two verticals: cards with their drops, rails with their words, frames, notes.
    fn obstacles(&self, left: f32, right: f32) -> Vec<Rect> {
        let near = |rect: &Rect| rect.max.x >= left && rect.min.x <= right;
        let cards = self.nodes.iter().map(|item| item.card);
        let drops = self.nodes.iter().flat_map(|item| &item.sockets);
        let drops = drops.map(|socket| Rect::between(socket.at, point(socket.at.x, socket.rail_y)));
        let rails = self.networks.iter().map(|item| Rect { min: item.bar.min - point(ABOVE, RAIL_WORDS), max: item.bar.max });
        let frames = self.sites.iter().map(|item| item.frame).filter(Rect::exists);
        let notes = self.notes.iter().map(|item| item.rect);
        let tokens = self.vips.iter().flat_map(|item| &item.tokens).map(|token| token.rect);
        cards.chain(drops).chain(rails).chain(frames).chain(notes).chain(tokens).filter(near).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::Catalog,
        model::{Edit, Flow, ListEdit, Pos},
        picture::fixture,
    };

    fn scene(lab: &Lab) -> Scene {
        Scene::new(lab, Catalog::embedded())
    }

    #[test]
    fn it_stands_free_within_the_drawing() {
        for lab in [fixture::mini_cloud(), fixture::mini_cloud_unplaced(), fixture::two_sites(), fixture::large(200)] {
            let scene = scene(&lab);
            let rect = scene.outside.as_ref().unwrap().rect;
            assert!(scene.nodes.iter().all(|item| !item.card.touches(&rect)), "{}", lab.name);
            assert!(scene.networks.iter().all(|item| !item.bar.touches(&rect)), "{}", lab.name);
            assert!(scene.sites.iter().all(|item| !item.frame.exists() || !item.frame.touches(&rect)), "{}", lab.name);
            assert!(scene.bounds().encloses(&rect));
        }
    }

    #[test]
    fn its_flows_touch_both_ends() {
        let lab = fixture::mini_cloud();
        let scene = scene(&lab);
        let item = scene.outside.as_ref().unwrap();
        assert!(!item.flows.is_empty());
        for flow in &item.flows {
            let curve = scene.flows[*flow as usize].curve.unwrap();
            assert!(item.rect.grow(1.0).contains(curve.start()), "{:?} begins at {:?}", item.rect, curve.start());
        }
    }

    #[test]
    fn a_lab_without_nodes_has_none_and_a_moved_one_stays_where_it_was_put() {
        assert!(scene(&Lab::new("x")).outside.is_none());
        let mut lab = fixture::mini_cloud();
        let mut scene = scene(&lab);
        let derived = scene.outside.as_ref().unwrap().rect;
        let applied = lab.apply(&[Edit::PlaceOutside(Some(Pos(-400, 16)))]).unwrap();
        scene.update(&lab, Catalog::embedded(), Some(&applied.touched));
        let moved = scene.outside.as_ref().unwrap();
        assert_eq!(moved.rect.min, point(-400.0, 16.0));
        assert_eq!(scene.flows[moved.flows[0] as usize].curve.unwrap().start().x, moved.rect.max.x);
        let applied = lab.apply(&applied.inverse).unwrap();
        scene.update(&lab, Catalog::embedded(), Some(&applied.touched));
        assert_eq!(scene.outside.as_ref().unwrap().rect, derived);
    }

    #[test]
    fn a_flow_to_the_outside_ends_at_it() {
        let mut lab = fixture::mini_cloud();
        let flow = Flow::new("app1/todo".parse().unwrap(), Endpoint::Outside);
        lab.apply(&[Edit::Flow { index: lab.flows.len(), change: ListEdit::Insert(flow) }]).unwrap();
        let scene = scene(&lab);
        let curve = scene.flows.last().unwrap().curve.unwrap();
        assert!(scene.outside.as_ref().unwrap().rect.grow(1.0).contains(curve.end()));
    }
}
