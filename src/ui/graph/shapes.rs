//! What nodes and edges of the service graph look like: small cards with their words inside, joined by thin curves, in the
//! theme's colours. It decides nothing.

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
use egui_graphs::{DisplayEdge, DisplayNode, DrawContext, EdgeProps, Graph, Layout, LayoutState, Node, NodeProps};
use petgraph::{
    Directed, EdgeType,
    stable_graph::{DefaultIx, IndexType},
};
use serde::{Deserialize, Serialize};

/// A card, in the graph's units: points at 100 %.
pub const CARD: Vec2 = vec2(168.0, 40.0);
/// From a card's edge to what is in it.
const MARGIN: f32 = 10.0;
const ICON: f32 = 18.0;
/// Words smaller than this on the screen are left out, in points: nobody can read them.
pub const WORDS_MIN: f32 = 4.0;
/// How wide the band in a cluster's colour is, and what is between a card's place and its cluster's name.
const CLUSTER: f32 = 3.0;
const CLUSTER_GAP: f32 = 6.0;
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
    /// The name of its cluster, and the cluster's colour.
    pub cluster: Option<(String, Color32)>,
}

impl From<NodeProps<Subject>> for Card {
    fn from(props: NodeProps<Subject>) -> Self {
        let mut card = Self {
            at: Pos2::ZERO,
            title: String::new(),
            about: String::new(),
            chosen: false,
            hovered: false,
            icon: Icon::App,
            tone: None,
            cluster: None,
        };
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
        if let Some((_, color)) = &self.cluster {
            let band = Rect::from_min_size(
                Pos2::new(rect.right() - (CLUSTER + 2.0) * zoom, rect.top() + rect.height() * 0.2),
                vec2(CLUSTER * zoom, rect.height() * 0.6),
            );
            out.push(Shape::rect_filled(band, CornerRadius::same(corner(1.5 * zoom)), *color));
        }
        let text_left = MARGIN + ICON + 8.0;
        let room = CARD.x - MARGIN - text_left;
        let title = (self.title.as_str(), FontFace::SemiBold, font_size::NAME, palette.text);
        let about = (self.about.as_str(), FontFace::Regular, font_size::SMALL, palette.muted);
        let mut line = |down: f32, from: f32, room: f32, (words, face, size, color): (&str, FontFace, f32, Color32)| {
            let cut = look::elide(words, face, size, room);
            // Sizes in quarters of a point, so that fitting does not fill the font texture with every size there is. Rounded up: a
            // name must not become smaller than the scale says.
            let size = (size * zoom * 4.0 - 1e-3).ceil() / 4.0;
            if size < WORDS_MIN || cut.is_empty() {
                return;
            }
            let galley = ctx.ctx.fonts_mut(|fonts| fonts.layout_no_wrap(cut.into_owned(), theme::font(face, size), color));
            let at = Pos2::new(rect.left() + from * zoom, rect.center().y + down * zoom - galley.size().y / 2.0);
            out.push(TextShape::new(at, galley, color).into());
        };
        line(-8.0, text_left, room, title);
        match &self.cluster {
            None => line(8.0, text_left, room, about),
            Some((name, color)) => {
                let (face, size) = (FontFace::Medium, font_size::SMALL);
                // The cluster's name has at least half of the line.
                let named = look::width(name, face, size).min(room / 2.0);
                let own = look::width(about.0, about.1, about.2).min(room - named - CLUSTER_GAP);
                line(8.0, text_left, own + 0.5, about);
                line(8.0, text_left + own + CLUSTER_GAP, room - own - CLUSTER_GAP, (name, face, size, *color));
            }
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
        let is_long = (end.location() - start.location()).abs().max_elem() > LONG;
        let (color, width) = match start.selected() || end.selected() {
            true => (palette.accent, stroke::SELECTION),
            // Long flows pass many cards: they are there, and leave the short ones in front.
            false if is_long => (palette.line_strong, stroke::BORDER),
            false => (palette.faint, stroke::FLOW),
        };
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

/// From how far apart on a flow is drawn faintly.
const LONG: f32 = 4.0 * CARD.x;
/// From how far apart on there may be a card between two others, and how far a flow then leads around it.
const PASSING: f32 = 2.0 * CARD.y + 64.0;
const AROUND: f32 = 20.0;

/// The curve between two cards: out of one by the side toward the other, and into that from there. Further edges between
/// the same two lie beside the first.
fn way(one: Pos2, other: Pos2, order: usize) -> [Pos2; 4] {
    let apart = other - one;
    #[expect(clippy::cast_precision_loss, reason = "a handful of parallel flows")]
    let beside = order as f32 * 12.0;
    // A card between both would cover a straight line.
    if apart.y.abs() > PASSING && apart.x.abs() < CARD.x / 2.0 {
        let (from, to) = (one + vec2(CARD.x / 2.0, beside), other + vec2(CARD.x / 2.0, beside));
        let right = from.x.max(to.x) + AROUND;
        return [from, Pos2::new(right, from.y), Pos2::new(right, to.y), to];
    }
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

/// A layout of egui_graphs that moves nothing: cards stand where they are put.
#[derive(Debug, Default)]
pub struct Placed;

/// The state of such a layout: none.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PlacedState;

impl LayoutState for PlacedState {}

impl Layout<PlacedState> for Placed {
    fn from_state(_: PlacedState) -> impl Layout<PlacedState> {
        Self
    }

    fn next<N, E, Ty, Ix, Dn, De>(&mut self, _: &mut Graph<N, E, Ty, Ix, Dn, De>, _: &egui::Ui)
    where
        N: Clone,
        E: Clone,
        Ty: EdgeType,
        Ix: IndexType,
        Dn: DisplayNode<N, E, Ty, Ix>,
        De: DisplayEdge<N, E, Ty, Ix, Dn>,
    {
    }

    fn state(&self) -> PlacedState {
        PlacedState
    }
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
    fn a_flow_past_other_cards_leads_around_them() {
        let [from, bend, _, to] = way(Pos2::ZERO, Pos2::new(10.0, 400.0), 0);
        assert_eq!((from, to), (Pos2::new(CARD.x / 2.0, 0.0), Pos2::new(10.0 + CARD.x / 2.0, 400.0)));
        assert!(bend.x > from.x);
    }

    #[test]
    fn names_of_clusters_can_be_read_on_cards() {
        for appearance in crate::look::Appearance::ALL {
            let palette = appearance.palette();
            for rail in palette.rails {
                assert!(rail.contrast(palette.card) >= 4.5, "{appearance:?}: {rail} {}", rail.contrast(palette.card));
            }
        }
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
            cluster: None,
        };
        let right = DisplayNode::closest_boundary_point(&props_card, vec2(1.0, 0.0));
        assert_eq!(right, Pos2::new(10.0 + CARD.x / 2.0, 20.0));
        let below = DisplayNode::closest_boundary_point(&props_card, vec2(0.1, 1.0));
        assert!((below.y - (20.0 + CARD.y / 2.0)).abs() < 1e-3);
        assert_eq!(DisplayNode::closest_boundary_point(&props_card, Vec2::ZERO), props_card.at);
        assert!(DisplayNode::is_inside(&props_card, Pos2::new(80.0, 30.0)) && !DisplayNode::is_inside(&props_card, Pos2::new(80.0, 50.0)));
    }
}
