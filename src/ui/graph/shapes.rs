//! What nodes and edges of the service graph look like: small cards with their words inside, joined by thin curves. Drawn by
//! us in the theme's colours; egui_graphs places them. It decides nothing.

use crate::{
    look::{self, FontFace, Icon, font_size, radius, stroke},
    model::Subject,
    ui::{icon, theme},
};
use egui::{
    Color32, CornerRadius, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2,
    epaint::{CubicBezierShape, RectShape, TextShape},
    vec2,
};
use egui_graphs::{DisplayEdge, DisplayNode, DrawContext, EdgeProps, Node, NodeProps};
use petgraph::{Directed, stable_graph::DefaultIx};

/// A card, in the graph's units: points at 100 %.
pub const CARD: Vec2 = vec2(152.0, 40.0);
/// From a card's edge to what is in it.
const MARGIN: f32 = 10.0;
const ICON: f32 = 18.0;
/// Words smaller than this on the screen are left out, in points: nobody can read them.
const WORDS_MIN: f32 = 4.0;
/// An arrow's length, in the graph's units.
const TIP: f32 = 7.0;

/// A node of the graph.
#[derive(Debug, Clone)]
pub struct Card {
    at: Pos2,
    title: String,
    about: String,
    chosen: bool,
    hovered: bool,
    /// What it is.
    pub icon: Icon,
    /// What is found about it; `None`: nothing.
    pub tone: Option<Color32>,
}

impl From<NodeProps<Subject>> for Card {
    fn from(props: NodeProps<Subject>) -> Self {
        let mut card =
            Self { at: Pos2::ZERO, title: String::new(), about: String::new(), chosen: false, hovered: false, icon: Icon::App, tone: None };
        card.follow(&props);
        card
    }
}

impl Card {
    fn follow(&mut self, props: &NodeProps<Subject>) {
        let (title, about) = words(&props.payload);
        (self.title, self.about) = (title, about);
        self.at = props.location();
        self.chosen = props.selected || props.dragged;
        self.hovered = props.hovered;
    }
}

/// What a card says: the thing, and where it is.
pub fn words(subject: &Subject) -> (String, String) {
    match subject {
        Subject::Outside => ("outside".into(), "beyond the lab".into()),
        Subject::Service(at) => (at.service.to_string(), format!("on {}", at.node)),
        Subject::Vip(name) => (name.to_string(), "virtual IP".into()),
        Subject::Node(name) => (name.to_string(), "node".into()),
        other => (other.to_string(), String::new()),
    }
}

type Shown = Node<Subject, (), Directed, DefaultIx, Card>;

impl DisplayNode<Subject, (), Directed, DefaultIx> for Card {
    fn closest_boundary_point(&self, toward: Vec2) -> Pos2 {
        let half = CARD / 2.0;
        let part = |half: f32, way: f32| if way.abs() > f32::EPSILON { half / way.abs() } else { f32::INFINITY };
        let along = part(half.x, toward.x).min(part(half.y, toward.y));
        if along.is_finite() { self.at + toward * along } else { self.at }
    }

    fn shapes(&mut self, ctx: &DrawContext<'_>) -> Vec<Shape> {
        let palette = theme::Theme::of(ctx.ctx).palette();
        let zoom = ctx.meta.canvas_to_screen_size(1.0);
        let rect = Rect::from_center_size(ctx.meta.canvas_to_screen_pos(self.at), CARD * zoom);
        let corners = CornerRadius::same(corner(radius::CARD * zoom));
        let line = if self.chosen {
            Stroke::new(stroke::SELECTION, palette.accent)
        } else {
            Stroke::new(stroke::BORDER, if self.hovered { palette.line_strong } else { palette.line })
        };
        let mut out = vec![RectShape::new(rect, corners, palette.card, line, StrokeKind::Inside).into()];
        if let Some(tone) = self.tone {
            let bar = Rect::from_min_size(rect.min + vec2(0.0, rect.height() * 0.2), vec2(3.0 * zoom, rect.height() * 0.6));
            out.push(Shape::rect_filled(bar, CornerRadius::same(corner(1.5 * zoom)), tone));
        }
        let left = rect.left() + MARGIN * zoom;
        let middle = Pos2::new(left + ICON * zoom / 2.0, rect.center().y);
        let color = if matches!(self.icon, Icon::Vip) { palette.vip } else { palette.text };
        icon::push(&mut out, self.icon, Rect::from_center_size(middle, Vec2::splat(ICON * zoom)), color, ctx.ctx.pixels_per_point());
        let text_left = left + (ICON + 8.0) * zoom;
        let room = CARD.x - 2.0 * MARGIN - ICON - 8.0;
        let lines = [
            (&self.title, FontFace::SemiBold, font_size::BODY, palette.text, -8.0),
            (&self.about, FontFace::Regular, font_size::SMALL, palette.muted, 8.0),
        ];
        for (words, face, size, color, down) in lines {
            let cut = look::elide(words, face, size, room);
            // Sizes in quarters of a point, so that fitting does not fill the font texture with every size there is.
            let size = (size * zoom * 4.0).round() / 4.0;
            if size < WORDS_MIN || cut.is_empty() {
                continue;
            }
            let galley = ctx.ctx.fonts_mut(|fonts| fonts.layout_no_wrap(cut.into_owned(), theme::font(face, size), color));
            let at = Pos2::new(text_left, rect.center().y + down * zoom - galley.size().y / 2.0);
            out.push(TextShape::new(at, galley, color).into());
        }
        out
    }

    fn update(&mut self, props: &NodeProps<Subject>) {
        self.follow(props);
    }

    fn is_inside(&self, at: Pos2) -> bool {
        Rect::from_center_size(self.at, CARD).contains(at)
    }
}

/// An edge of the graph.
#[derive(Debug, Clone)]
pub struct Arrow {
    /// How many edges there are between the same two already.
    order: usize,
}

impl From<EdgeProps<()>> for Arrow {
    fn from(props: EdgeProps<()>) -> Self {
        Self { order: props.order }
    }
}

impl DisplayEdge<Subject, (), Directed, DefaultIx, Card> for Arrow {
    fn shapes(&mut self, start: &Shown, end: &Shown, ctx: &DrawContext<'_>) -> Vec<Shape> {
        if start.id() == end.id() {
            return Vec::new();
        }
        let palette = theme::Theme::of(ctx.ctx).palette();
        // What a chosen service depends on, and who depends on it, stands out.
        let (color, width) =
            if start.selected() || end.selected() { (palette.accent, stroke::SELECTION) } else { (palette.faint, stroke::FLOW) };
        let [from, bend_from, bend_to, to] = way(start.location(), end.location(), self.order);
        let zoom = ctx.meta.canvas_to_screen_size(1.0);
        let heading = (to - bend_to).normalized();
        let tip = TIP * zoom.max(0.6);
        let screen = |at: Pos2| ctx.meta.canvas_to_screen_pos(at);
        let (point, base) = (screen(to), screen(to) - heading * tip);
        // The line ends inside the arrow, so that its tip stays sharp.
        let points = [screen(from), screen(bend_from), screen(bend_to), point - heading * tip * 0.7];
        let side = heading.rot90() * tip * 0.42;
        vec![
            CubicBezierShape::from_points_stroke(points, false, Color32::TRANSPARENT, Stroke::new(width, color)).into(),
            Shape::convex_polygon(vec![point, base + side, base - side], color, Stroke::NONE),
        ]
    }

    fn update(&mut self, props: &EdgeProps<()>) {
        self.order = props.order;
    }

    /// The cards at both ends whole: egui_graphs 0.32 takes every node for as wide as it is high when it fits the graph.
    fn extra_bounds(&self, start: &Shown, end: &Shown) -> Option<(Pos2, Pos2)> {
        let both = [start, end].map(|node| Rect::from_center_size(node.location(), CARD));
        let area = both.into_iter().fold(Rect::NOTHING, Rect::union);
        Some((area.min, area.max))
    }

    fn is_inside(&self, _: &Shown, _: &Shown, _: Pos2) -> bool {
        // Flows are chosen on the canvas.
        false
    }
}

/// The curve between two cards: out of one by the side toward the other, and into that from there. Further edges between
/// the same two lie beside the first.
fn way(one: Pos2, other: Pos2, order: usize) -> [Pos2; 4] {
    let apart = other - one;
    #[expect(clippy::cast_precision_loss, reason = "a handful of parallel flows")]
    let beside = order as f32 * 12.0;
    let vertical = apart.y.abs() >= CARD.y * 1.2;
    let (out, shift) = if vertical {
        (vec2(0.0, apart.y.signum()), vec2(beside, 0.0))
    } else {
        (vec2(if apart.x < 0.0 { -1.0 } else { 1.0 }, 0.0), vec2(0.0, beside))
    };
    let half = CARD / 2.0 * out;
    let (from, to) = (one + half + shift, other - half + shift);
    let reach = if vertical { (to.y - from.y).abs() } else { (to.x - from.x).abs() };
    let bend = out * (reach * 0.45).clamp(8.0, 80.0);
    [from, from + bend, to - bend, to]
}

/// How much wider places must become so that no two cards of this size cover each other, with some room between; at least 1
/// and at most 6: what stands at one point cannot be pulled apart so.
pub fn widening(places: &[Pos2]) -> f32 {
    const ROOM: Vec2 = vec2(24.0, 28.0);
    let need = CARD + ROOM;
    let mut most: f32 = 1.0;
    for (nth, one) in places.iter().enumerate() {
        for other in places.iter().skip(nth + 1) {
            let apart = (*other - *one).abs();
            // It is enough to be clear of each other in one direction.
            let factor = (need.x / apart.x.max(1e-3)).min(need.y / apart.y.max(1e-3));
            most = most.max(factor);
        }
    }
    most.min(6.0)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the value is clamped to a byte first")]
fn corner(value: f32) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_leaves_and_enters_at_the_edges_of_the_cards() {
        let (above, below) = (Pos2::new(0.0, 0.0), Pos2::new(300.0, 200.0));
        let [from, bend, _, to] = way(above, below, 0);
        assert_eq!((from, to), (Pos2::new(0.0, CARD.y / 2.0), Pos2::new(300.0, 200.0 - CARD.y / 2.0)));
        assert!(bend.y > from.y, "downward first");
        let [from, .., to] = way(above, Pos2::new(-400.0, 10.0), 0);
        assert_eq!((from.x, to.x), (-CARD.x / 2.0, -400.0 + CARD.x / 2.0));
        assert_ne!(way(above, below, 0), way(above, below, 1));
    }

    #[test]
    fn cards_are_pulled_apart_until_none_covers_another() {
        let places = [Pos2::new(0.0, 0.0), Pos2::new(60.0, 10.0), Pos2::new(20.0, 50.0), Pos2::new(400.0, 0.0)];
        let wide: Vec<Rect> = places.iter().map(|at| Rect::from_center_size((at.to_vec2() * widening(&places)).to_pos2(), CARD)).collect();
        for (nth, one) in wide.iter().enumerate() {
            assert!(wide.iter().skip(nth + 1).all(|other| !one.intersects(*other)), "{wide:?}");
        }
        assert_eq!(widening(&places[..1]), 1.0);
        assert_eq!(widening(&[Pos2::ZERO, Pos2::new(1000.0, 1000.0)]), 1.0);
        assert_eq!(widening(&[Pos2::ZERO, Pos2::ZERO]), 6.0);
    }

    #[test]
    fn what_is_at_the_edge_of_a_card() {
        let props_card = Card {
            at: Pos2::new(10.0, 20.0),
            title: String::new(),
            about: String::new(),
            chosen: false,
            hovered: false,
            icon: Icon::App,
            tone: None,
        };
        let right = DisplayNode::closest_boundary_point(&props_card, vec2(1.0, 0.0));
        assert_eq!(right, Pos2::new(10.0 + CARD.x / 2.0, 20.0));
        let below = DisplayNode::closest_boundary_point(&props_card, vec2(0.1, 1.0));
        assert!((below.y - (20.0 + CARD.y / 2.0)).abs() < 1e-3);
        assert_eq!(DisplayNode::closest_boundary_point(&props_card, Vec2::ZERO), props_card.at);
        assert!(DisplayNode::is_inside(&props_card, Pos2::new(80.0, 30.0)) && !DisplayNode::is_inside(&props_card, Pos2::new(80.0, 50.0)));
    }
}
