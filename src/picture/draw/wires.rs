//! Wires: rails, flows, links within clusters, and the VIPs' tokens on the rails.

use super::{Artist, fill, put, text};
use crate::{
    look::{self, Color, FontFace, Icon, font_size, size, stroke},
    model::{Health, NetworkKind},
    picture::{
        geometry::TOKEN_TEXT,
        overlay::{LinkState, Mode, State},
        scene::Token,
        shape::{Anchor, Detail, Layer, Shape, Shapes, Stroke},
        space::{Curve, Point, Rect, point},
    },
};
use std::net::Ipv4Addr;

/// How much of the token's colour a dimmed token's address has: it recedes, and can still be read.
const DIMMED_ADDRESS: f32 = 0.55;

impl Artist<'_> {
    /// The colour of a network's rail.
    pub fn rail_color(&self, network: u32) -> Color {
        let hue = self.scene.networks.get(network as usize).and_then(|item| item.hue);
        let kind = self.lab.networks.get_index(network as usize).map(|(_, network)| network.kind);
        match (hue, kind) {
            (Some(hue), _) => self.palette.rail(hue),
            (None, Some(NetworkKind::Bridged)) => self.palette.rail_bridged,
            (None, _) => self.palette.rail_nat,
        }
    }

    /// A network: its bar, and its name, subnet and kind above the left end.
    pub fn rail(&self, number: u32, out: &mut Shapes) {
        let (Some(item), Some((name, network))) = (self.scene.networks.get(number as usize), self.lab.networks.get_index(number as usize))
        else {
            return;
        };
        let state = self.scene.states.networks.get(number as usize).copied().unwrap_or_default();
        let color = self.tint(if state.at_risk { self.palette.bad } else { self.rail_color(number) }, &state);
        // From afar a rail is drawn thicker than it is: it would be gone.
        let bar = match self.detail {
            Detail::Whole | Detail::Full | Detail::Card => item.bar,
            Detail::Name => item.bar.grow(2.0),
            Detail::Tile => item.bar.grow(5.0),
            Detail::Far => item.bar.grow(9.0),
        };
        if state.at_risk || network.kind == NetworkKind::Bridged || state.change == Some(crate::plan::Change::Create) {
            let (from, to) = (point(bar.min.x, bar.center().y), point(bar.max.x, bar.center().y));
            put(out, Layer::Wires, Shape::Line { from, to, stroke: Stroke::dashed(bar.height(), color, 14.0, 6.0) });
        } else {
            put(out, Layer::Wires, fill(bar, bar.height() / 2.0, color));
        }
        match self.detail {
            Detail::Whole | Detail::Full | Detail::Card => {}
            Detail::Name => {
                let at = point(bar.min.x + 14.0, bar.min.y - 14.0);
                put(out, Layer::Wires, text(at, Anchor::Start, FontFace::SemiBold, 30.0, color, name.as_str()));
                return;
            }
            Detail::Tile | Detail::Far => return,
        }
        self.rail_words(bar, name, network, &state, color, out);
    }

    fn rail_words(&self, bar: Rect, name: &str, network: &crate::model::Network, state: &State, color: Color, out: &mut Shapes) {
        let palette = self.palette;
        let line = bar.min.y - 12.0;
        let mut x = bar.min.x + 14.0;
        let mut words: Vec<Shape> = Vec::new();
        let mut say = |words_said: &str, face, size, color| {
            words.push(text(point(x, line), Anchor::Start, face, size, color, words_said));
            x += look::width(words_said, face, size) + 14.0;
        };
        say(name, FontFace::SemiBold, font_size::BODY, color);
        if let Some(subnet) = network.subnet {
            say(&subnet.to_string(), FontFace::Mono, font_size::SMALL, self.tint(palette.muted, state));
        }
        say(network.kind.title(), FontFace::Regular, font_size::SMALL, self.tint(palette.muted, state));
        let tunnels = self.lab.links.iter().filter(|link| link.network == *name);
        for link in tunnels {
            let secrecy = if link.tunnel.is_some() { "encrypted" } else { "clear text" };
            say(
                &format!("{} – {}: {secrecy}", link.between.0, link.between.1),
                FontFace::Regular,
                font_size::SMALL,
                self.tint(palette.muted, state),
            );
        }
        let ground = Rect { min: point(bar.min.x + 8.0, line - 15.0), max: point(x - 8.0, line + 6.0) };
        put(out, Layer::Wires, fill(ground, 5.0, palette.canvas));
        words.into_iter().for_each(|shape| put(out, Layer::Wires, shape));
        if let Some(badge) = state.badge.filter(|_| self.scene.states.mode == Mode::Design && !state.dimmed) {
            self.badge(point(x + 18.0, line - 4.0), badge, Layer::Wires, out);
        }
    }

    /// A flow: a thin curve behind the cards that ends in a small arrow.
    pub fn flow(&self, number: u32, out: &mut Shapes) {
        let Some(item) = self.scene.flows.get(number as usize) else { return };
        let Some(curve) = item.curve else { return };
        let state = self.scene.states.flows.get(number as usize).copied().unwrap_or_default();
        let drawn = self.lab.flows.get(number as usize);
        let (color, down) = self.flow_color(&state);
        let color = self.tint(color, &state);
        let width = if self.detail == Detail::Name {
            3.0
        } else if state.health.is_some() {
            1.6
        } else {
            stroke::FLOW
        };
        let optional = drawn.is_some_and(|flow| flow.optional);
        let line = match (down || state.at_risk, optional) {
            (true, _) => Stroke::dashed(width, color, 5.0, 5.0),
            (false, true) => Stroke::dashed(width, color, 2.0, 4.0),
            (false, false) => Stroke::solid(width, color),
        };
        let heading = curve.heading();
        let arrow = if self.detail == Detail::Name { 14.0 } else { 8.0 };
        // The line ends inside the arrow, so that its tip stays sharp.
        let tip = curve.end();
        let short = tip - point(heading.x * arrow * 0.7, heading.y * arrow * 0.7);
        let [a, b, c, _] = curve.0;
        put(out, Layer::Wires, Shape::Curve { curve: Curve([a, b, c - (tip - short), short]), stroke: line });
        let base = tip - point(heading.x * arrow, heading.y * arrow);
        let side = point(-heading.y * arrow * 0.42, heading.x * arrow * 0.42);
        put(out, Layer::Wires, Shape::Polygon { points: vec![tip, base + side, base - side], fill: color });
        if self.detail.has_cards() && drawn.is_some_and(|flow| flow.encrypted) {
            let at = curve.at(0.5);
            put(out, Layer::Wires, Shape::Circle { center: at, radius: 8.0, fill: self.palette.canvas, stroke: Stroke::NONE });
            put(out, Layer::Wires, Shape::Icon { icon: Icon::Lock, at: at - point(5.5, 5.5), side: 11.0, color });
        }
    }

    fn flow_color(&self, state: &State) -> (Color, bool) {
        let quiet = self.palette.faint;
        if state.at_risk {
            return (self.palette.bad, true);
        }
        match (self.scene.states.mode, state.health, state.badge) {
            (Mode::Design, _, Some(badge)) => (self.palette.tone(super::severity_tone(badge.severity)), false),
            (Mode::Design, ..) | (_, None | Some(Health::Unknown), _) => (quiet, false),
            (_, Some(health), _) => (self.palette.tone(super::health_tone(health)), health == Health::Down),
        }
    }

    /// What joins two members of a cluster: a dashed line, red where the cluster is not whole and one of them is down.
    pub fn link(&self, number: u32, out: &mut Shapes) {
        if self.detail > Detail::Card {
            return;
        }
        let Some(link) = self.scene.links.get(number as usize) else { return };
        let (Some(one), Some(other)) = (self.scene.node(link.nodes.0), self.scene.node(link.nodes.1)) else { return };
        let LinkState { lost, dimmed } = self.scene.states.links.get(number as usize).copied().unwrap_or_default();
        let dim = State { dimmed, ..State::default() };
        let color = self.tint(if lost { self.palette.bad } else { self.palette.faint }, &dim);
        let line = Stroke::dashed(stroke::FLOW, color, 5.0, 5.0);
        let (left, right) = if one.card.min.x <= other.card.min.x { (one.card, other.card) } else { (other.card, one.card) };
        let gap = right.min.x - left.max.x;
        let in_row = (left.center().y - right.center().y).abs() < size::CARD_HEIGHT / 2.0;
        if in_row && gap > 0.0 && gap < size::CARD_WIDTH * 2.0 {
            let y = left.center().y.midpoint(right.center().y);
            let (from, to) = (point(left.max.x + 4.0, y), point(right.min.x - 4.0, y));
            put(out, Layer::Wires, Shape::Line { from, to, stroke: line });
            let words = if lost { format!("{} lost", link.title) } else { link.title.to_owned() };
            if look::width(&words, FontFace::Regular, 10.5) < gap - 8.0 {
                let color = self.tint(if lost { self.palette.bad } else { self.palette.muted }, &dim);
                put(out, Layer::Wires, text(point(from.x.midpoint(to.x), y - 7.0), Anchor::Middle, FontFace::Regular, 10.5, color, words));
            }
        } else {
            let (from, to) = (left.center(), right.center());
            let bend = point(0.0, size::CARD_HEIGHT);
            put(out, Layer::Wires, Shape::Curve { curve: Curve([from, from + bend, to + bend, to]), stroke: line });
        }
    }

    /// A VIP: its token wherever it is held, with an arc and a ghost where it came from.
    pub fn vip(&self, number: u32, out: &mut Shapes) {
        let (Some(item), Some((_, vip))) = (self.scene.vips.get(number as usize), self.lab.vips.get_index(number as usize)) else { return };
        let state = self.scene.states.vips.get(number as usize).copied().unwrap_or_default();
        if self.detail >= Detail::Tile {
            for token in &item.tokens {
                put(out, Layer::Tokens, fill(token.rect.grow(20.0), 24.0, self.token_colors(&state).0));
            }
            return;
        }
        if let ([first, .., last], Some(rail)) =
            (item.tokens.as_slice(), item.network.and_then(|rail| self.scene.networks.get(rail as usize)))
        {
            let between = Rect::between(first.rect.center(), last.rect.center());
            let piece = Rect { min: point(between.min.x, rail.bar.min.y), max: point(between.max.x, rail.bar.max.y) };
            put(out, Layer::Tokens, fill(piece, 0.0, self.palette.bad));
        }
        let firm = if self.scene.states.is_unseen(number) { Firm::Not } else { Firm::Held };
        if let (Some(ghost), Some(token)) = (&item.ghost, item.tokens.first()) {
            let fade = State { dimmed: true, ..state };
            self.token(ghost, vip.address, &fade, firm, out);
            self.arc(ghost.rect, token.rect, self.palette.vip, out);
        }
        for token in &item.tokens {
            self.token(token, vip.address, &state, firm, out);
        }
        for would in &item.would {
            if let Some(token) = item.tokens.first() {
                self.arc(token.rect, would.rect, self.palette.bad, out);
            }
            self.token(would, vip.address, &State { at_risk: false, ..state }, Firm::Not, out);
        }
        if let (Some(badge), Some(token), Mode::Design) =
            (state.badge.filter(|_| !state.dimmed), item.tokens.first(), self.scene.states.mode)
        {
            self.badge(point(token.rect.max.x + 10.0, token.rect.min.y), badge, Layer::Tokens, out);
        }
    }

    fn arc(&self, from: Rect, to: Rect, color: Color, out: &mut Shapes) {
        put(out, Layer::Tokens, Shape::Curve { curve: arc(from, to), stroke: Stroke::dashed(stroke::SELECTION, color, 1.0, 5.0) });
    }

    /// A token's colour and that of its words. Dimmed ones are solid too: drops and flows run below tokens and would strike the address
    /// out.
    fn token_colors(&self, state: &State) -> (Color, Color) {
        let palette = self.palette;
        match state.dimmed {
            false => (palette.vip, palette.on_vip),
            true => (palette.canvas.mix(palette.vip, super::DIMMED), palette.canvas.mix(palette.vip, DIMMED_ADDRESS)),
        }
    }

    /// One token: solid where a node holds it, hollow where none does, nothing of it is deployed, or it is only predicted.
    pub fn token(&self, token: &Token, address: Ipv4Addr, state: &State, firm: Firm, out: &mut Shapes) {
        let rect = token.rect;
        let held = token.node.is_some() && firm == Firm::Held;
        let several = state.health == Some(Health::Down) && held;
        let (color, on_color) = self.token_colors(state);
        let ground = if held { color } else { self.palette.canvas };
        let line = match (held, several) {
            _ if state.at_risk => Stroke::dashed(stroke::SELECTION, self.palette.bad, 5.0, 4.0),
            (false, _) => Stroke::dashed(1.6, color, 5.0, 4.0),
            (true, true) => Stroke::solid(2.0, self.palette.bad),
            (true, false) => Stroke::NONE,
        };
        if held && !state.dimmed {
            put(out, Layer::Tokens, Shape::Shadow { rect, radius: size::TOKEN_HEIGHT / 2.0, color: self.palette.shadow });
        }
        put(out, Layer::Tokens, Shape::Rect { rect, radius: size::TOKEN_HEIGHT / 2.0, fill: ground, stroke: line });
        let words = if held { on_color } else { color };
        let middle = rect.center();
        put(out, Layer::Tokens, Shape::Icon { icon: Icon::Vip, at: point(rect.min.x + 9.0, middle.y - 7.0), side: 14.0, color: words });
        let at = point(rect.min.x + 25.0, middle.y + 4.2);
        put(out, Layer::Tokens, text(at, Anchor::Start, FontFace::SemiBold, TOKEN_TEXT, words, address.to_string()));
    }
}

/// Whether a token stands for an address that a node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firm {
    /// It does.
    Held,
    /// It does not: the address is not deployed, or it would only come there.
    Not,
}

/// The way of a token from one place to another: over the rail.
pub(crate) fn arc(from: Rect, to: Rect) -> Curve {
    let toward = if from.center().x <= to.center().x { 1.0 } else { -1.0 };
    let ends = |rect: Rect, side: f32| point(rect.center().x + side * (rect.width() / 2.0 - 8.0), rect.min.y - 6.0);
    let (start, end): (Point, Point) = (ends(from, toward), ends(to, -toward));
    let height = ((end.x - start.x).abs() * 0.2).clamp(16.0, 60.0);
    Curve([start, start + point(toward * 40.0, -height), end + point(-toward * 40.0, -height), end])
}
