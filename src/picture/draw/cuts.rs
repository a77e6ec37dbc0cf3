//! Partitions: a border around the nodes that are cut off, and an arrow with a mark where only one direction is dropped.

use super::{Artist, fill, put, text};
use crate::{
    look::{self, FontFace, Icon, font_size, radius, stroke},
    model::NodeName,
    picture::{
        geometry::{self, PortPlace},
        overlay::Cut,
        shape::{Anchor, Detail, Layer, Shape, Shapes, Stroke},
        space::{Point, Rect, point},
    },
};

/// From a card to the border around it.
const BORDER_MARGIN: f32 = 18.0;
/// Names of nodes that a border's label lists.
const NAMES_MAX: usize = 3;
/// The height of a border's label.
const LABEL_HEIGHT: f32 = 20.0;

impl Artist<'_> {
    /// All partitions.
    pub fn cuts(&self, out: &mut Shapes) {
        for cut in &self.scene.states.cuts {
            if cut.one_way { self.one_way(cut, out) } else { self.cut_border(cut, out) }
        }
    }

    fn border_line(&self) -> Stroke {
        // From afar a thin line would be gone.
        let width = match self.detail {
            Detail::Whole | Detail::Full | Detail::Card => stroke::SELECTION,
            Detail::Name => 5.0,
            Detail::Tile | Detail::Far => 12.0,
        };
        Stroke::dashed(width, self.palette.bad, 3.0 * width, 2.5 * width)
    }

    fn cut_border(&self, cut: &Cut, out: &mut Shapes) {
        let words = format!("cut from {}", self.names(&cut.rest));
        for area in self.areas(&cut.apart) {
            let shape =
                Shape::Rect { rect: area, radius: radius::CARD * 1.6, fill: self.palette.bad.fade(0.06), stroke: self.border_line() };
            put(out, Layer::Tokens, shape);
            if self.detail.has_cards() {
                self.label(point(area.min.x + 16.0, area.max.y), &words, out);
            }
        }
    }

    /// The areas that hold these nodes and no other, as few as a simple joining gives.
    fn areas(&self, nodes: &[u32]) -> Vec<Rect> {
        let mut areas: Vec<Rect> = Vec::new();
        let is_pure = |area: Rect| self.scene.nodes_in(area).iter().all(|node| nodes.contains(node));
        for card in nodes.iter().filter_map(|node| self.scene.node(*node)).map(|item| item.card.grow(BORDER_MARGIN)) {
            match areas.iter_mut().find(|area| is_pure(area.union(&card))) {
                Some(area) => *area = area.union(&card),
                None => areas.push(card),
            }
        }
        areas
    }

    fn names(&self, nodes: &[u32]) -> String {
        let names: Vec<&NodeName> = nodes.iter().take(NAMES_MAX).filter_map(|node| self.scene.node(*node)).map(|item| &item.name).collect();
        let listed = names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
        match nodes.len().saturating_sub(NAMES_MAX) {
            0 => listed,
            more => format!("{listed} and {more} more"),
        }
    }

    /// An arrow from the sender to the receiver, crossed out where the packets are dropped.
    fn one_way(&self, cut: &Cut, out: &mut Shapes) {
        for (from, to) in cut.apart.iter().flat_map(|from| cut.rest.iter().map(move |to| (*from, *to))) {
            let (Some(from), Some(to)) = (self.scene.node(from), self.scene.node(to)) else { continue };
            let (leaves, enters) = geometry::sides(&from.card, &to.card);
            let place = PortPlace { toward: 0.5, nth: 0, among: 1 };
            let (start, end) = (geometry::port(&from.card, leaves, place), geometry::port(&to.card, enters, place));
            let curve = geometry::route((start, leaves), (end, enters));
            put(out, Layer::Tokens, Shape::Curve { curve, stroke: self.border_line() });
            let (tip, heading) = (curve.end(), curve.heading());
            let length = if self.detail.has_cards() { 11.0 } else { 24.0 };
            let base = tip - point(heading.x * length, heading.y * length);
            let side = point(-heading.y * length * 0.5, heading.x * length * 0.5);
            put(out, Layer::Tokens, Shape::Polygon { points: vec![tip, base + side, base - side], fill: self.palette.bad });
            if self.detail.has_cards() {
                let words = format!("drops {} → {}", from.name, to.name);
                let middle = curve.at(0.5);
                self.label(middle - point(label_width(&words) / 2.0, 0.0), &words, out);
            }
        }
    }

    /// A label with the sign of a cut, its left edge and middle at a point.
    fn label(&self, at: Point, words: &str, out: &mut Shapes) {
        let rect = Rect::at(point(at.x, at.y - LABEL_HEIGHT / 2.0), label_width(words), LABEL_HEIGHT);
        put(out, Layer::Tokens, fill(rect, LABEL_HEIGHT / 2.0, self.palette.bad));
        let color = self.palette.on_tone(look::Tone::Bad);
        let side = 13.0;
        let icon_at = point(rect.min.x + 8.0, rect.center().y - side / 2.0);
        put(out, Layer::Tokens, Shape::Icon { icon: Icon::Cut, at: icon_at, side, color });
        let at = point(rect.min.x + 26.0, rect.center().y + 4.0);
        put(out, Layer::Tokens, text(at, Anchor::Start, FontFace::SemiBold, font_size::SMALL, color, words));
    }
}

fn label_width(words: &str) -> f32 {
    26.0 + look::width(words, FontFace::SemiBold, font_size::SMALL) + 10.0
}
