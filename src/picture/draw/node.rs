//! Nodes: the card with its icon, name, chips and state, and its drops to the rails.

use super::{Artist, fill, marks::change_sign, put, text};
use crate::{
    look::{self, Color, FontFace, Icon, Palette, font_size, radius, size, stroke},
    model::{Health, Lab, Node},
    picture::{
        geometry::{self, ChipOf, Edge, Socket},
        overlay::{Mode, State},
        scene::{NodeItem, Scene},
        shape::{Anchor, Detail, Layer, Shape, Shapes, Stroke},
        space::{Point, Rect, point},
    },
    plan::Change,
};

/// The colour of a node's tile: its state where it has one to show, else a quiet one.
pub fn tile_color(palette: &Palette, scene: &Scene, node: u32) -> Color {
    let state = scene.states.node(node);
    let color = if let Some(change) = state.change {
        palette.tone(change_sign(change).0)
    } else if let Some(health) = state.health.filter(|_| scene.states.mode != Mode::Design) {
        palette.tone(super::health_tone(health))
    } else if let Some(badge) = state.badge {
        palette.tone(super::severity_tone(badge.severity))
    } else {
        palette.muted
    };
    if state.dimmed { color.fade(super::DIMMED) } else { color }
}

impl Artist<'_> {
    /// One node with its drops.
    pub fn node(&self, number: u32, out: &mut Shapes) {
        let (Some(item), Some((_, node))) = (self.scene.node(number), self.lab.nodes.get_index(number as usize)) else { return };
        let state = self.scene.states.node(number);
        for socket in &item.sockets {
            self.drop(number, item, node, socket, &state, out);
        }
        match self.detail {
            Detail::Whole | Detail::Full | Detail::Card => self.card(number, item, node, &state, out),
            Detail::Name => self.name_card(item, node, &state, out),
            Detail::Tile | Detail::Far => put(out, Layer::Cards, fill(item.card, 0.0, tile_color(self.palette, self.scene, number))),
        }
    }

    fn border(&self, state: &State) -> Stroke {
        let palette = self.palette;
        if state.at_risk {
            return Stroke::dashed(stroke::SELECTION, palette.bad, 5.0, 4.0);
        }
        match (state.change, state.health) {
            (Some(change @ Change::Create), _) => Stroke::dashed(1.5, palette.tone(change_sign(change).0), 6.0, 4.0),
            (Some(change), _) => Stroke::solid(1.5, palette.tone(change_sign(change).0)),
            (None, Some(Health::Down)) => Stroke::solid(1.5, palette.bad),
            _ => Stroke::solid(stroke::BORDER, palette.line),
        }
    }

    fn card(&self, number: u32, item: &NodeItem, node: &Node, state: &State, out: &mut Shapes) {
        let (palette, card) = (self.palette, item.card);
        let faded = state.dimmed || state.change == Some(Change::Delete);
        let tint = |color: Color| if faded { color.fade(super::DIMMED.max(if state.dimmed { 0.0 } else { 0.5 })) } else { color };
        if !faded {
            put(out, Layer::Cards, Shape::Shadow { rect: card, radius: radius::CARD, color: palette.shadow });
        }
        let ground = if state.change == Some(Change::Create) { palette.card.mix(palette.canvas, 0.5) } else { palette.card };
        put(out, Layer::Cards, fill(card, radius::CARD, ground));
        put(out, Layer::Cards, border(card, radius::CARD, Stroke { color: tint(self.border(state).color), ..self.border(state) }));
        let down = state.health == Some(Health::Down);
        let tile = Rect::at(card.min + point(12.0, 12.0), size::CARD_TILE, size::CARD_TILE);
        put(out, Layer::Cards, fill(tile, 7.0, tint(palette.raised_hover.mix(palette.raised, 0.5))));
        let icon_at = tile.min + point(6.0, 6.0);
        let icon_color = tint(if down { palette.bad } else { palette.text });
        put(out, Layer::Cards, Shape::Icon { icon: Icon::of_role(node.role), at: icon_at, side: size::ICON_LARGE, color: icon_color });

        let left = tile.max.x + 10.0;
        let room = card.max.x - left - 42.0;
        let name = look::elide(&item.name, FontFace::SemiBold, font_size::NAME, room);
        put(
            out,
            Layer::Cards,
            text(point(left, card.min.y + 24.0), Anchor::Start, FontFace::SemiBold, font_size::NAME, tint(palette.text), name),
        );
        let about = format!("{} · {}", node.role.title(), geometry::memory_text(node.memory));
        let about_at = point(left, card.min.y + 39.0);
        put(out, Layer::Cards, text(about_at, Anchor::Start, FontFace::Regular, font_size::SMALL, tint(palette.muted), about));
        self.corner(card, state, tint, out);
        if self.detail <= Detail::Full {
            self.chips(number, item, node, &tint, out);
        }
        if let Some(progress) = state.progress.filter(|progress| progress.failed || progress.done < progress.of) {
            self.progress_bar(&card, progress, out);
        }
    }

    /// What stands at the top right: what the plan does, health, or findings.
    fn corner(&self, card: Rect, state: &State, tint: impl Fn(Color) -> Color, out: &mut Shapes) {
        if let Some(change) = state.change {
            self.change_mark(point(card.max.x - 18.0, card.min.y + 18.0), change, out);
        } else if let Some(health) = state.health.filter(|_| self.scene.states.mode != Mode::Design) {
            self.health_mark(point(card.max.x - 16.0, card.min.y + 20.0), health, tint, out);
        } else if let Some(badge) = state.badge.filter(|_| self.scene.states.mode == Mode::Design && !state.dimmed) {
            self.badge(point(card.max.x - 10.0, card.min.y + 20.0), badge, Layer::Cards, out);
        }
    }

    fn chips(&self, number: u32, item: &NodeItem, node: &Node, tint: &impl Fn(Color) -> Color, out: &mut Shapes) {
        let palette = self.palette;
        for chip in geometry::chips(self.lab, self.catalog, &item.name, node, item.card) {
            let state = match &chip.of {
                ChipOf::Service(name) => self.scene.states.service(number, name),
                ChipOf::Vip(_) | ChipOf::More(_) => State::default(),
            };
            let health = state.health.filter(|health| matches!(health, Health::Down | Health::Degraded));
            let tone = match (health, state.badge) {
                (Some(health), _) => Some(super::health_tone(health)),
                (None, Some(badge)) if self.scene.states.mode == Mode::Design => Some(super::severity_tone(badge.severity)),
                _ => None,
            };
            let vip = if let ChipOf::Vip(vip) = chip.of { Some(vip) } else { None };
            let holds = vip.is_some_and(|vip| self.scene.states.holds(number, vip));
            let line = tone.map_or(Stroke::NONE, |tone| Stroke::solid(1.2, tint(palette.tone(tone))));
            let line = if state.at_risk { Stroke::dashed(1.2, palette.bad, 3.0, 3.0) } else { line };
            let ground = tint(palette.raised_hover.mix(palette.raised, 0.5));
            put(out, Layer::Cards, Shape::Rect { rect: chip.rect, radius: radius::CONTROL, fill: ground, stroke: line });
            let words = tint(if health == Some(Health::Down) { palette.bad } else { palette.text });
            let middle = chip.rect.center().y;
            if let Some(icon) = chip.icon {
                let color = match (tone, holds) {
                    (Some(tone), _) => tint(palette.tone(tone)),
                    (None, true) => tint(palette.vip),
                    (None, false) => tint(palette.muted),
                };
                let side = 13.0;
                put(out, Layer::Cards, Shape::Icon { icon, at: point(chip.rect.min.x + 5.0, middle - side / 2.0), side, color });
                let at = point(chip.rect.min.x + geometry::CHIP_TEXT, middle + 4.0);
                put(out, Layer::Cards, text(at, Anchor::Start, FontFace::Regular, font_size::SMALL, words, chip.text));
            } else {
                let at = point(chip.rect.center().x, middle + 4.0);
                put(out, Layer::Cards, text(at, Anchor::Middle, FontFace::Regular, font_size::SMALL, tint(palette.muted), chip.text));
            }
        }
    }

    /// Further away: the name, large enough to be read, and the state as the card's colour.
    fn name_card(&self, item: &NodeItem, node: &Node, state: &State, out: &mut Shapes) {
        let (palette, card) = (self.palette, item.card);
        let signal = tile_signal(self.palette, self.scene, state);
        let line =
            signal.map_or(Stroke::solid(1.5, self.tint(palette.line_strong, state)), |color| Stroke::solid(4.0, self.tint(color, state)));
        put(out, Layer::Cards, Shape::Rect { rect: card, radius: radius::CARD, fill: palette.card, stroke: line });
        let side = 30.0;
        let at = point(card.min.x + 14.0, card.center().y - side / 2.0);
        let icon = Icon::of_role(node.role);
        put(out, Layer::Cards, Shape::Icon { icon, at, side, color: self.tint(signal.unwrap_or(palette.muted), state) });
        let left = at.x + side + 8.0;
        let room = card.max.x - left - 10.0;
        let size = 30.0 * (room / look::width(&item.name, FontFace::SemiBold, 30.0).max(1.0)).clamp(0.7, 1.0);
        let name = look::elide(&item.name, FontFace::SemiBold, size, room);
        let at = point(left, size.mul_add(0.36, card.center().y));
        put(out, Layer::Cards, text(at, Anchor::Start, FontFace::SemiBold, size, self.tint(palette.text, state), name));
    }

    fn drop(&self, number: u32, item: &NodeItem, node: &Node, socket: &Socket, state: &State, out: &mut Shapes) {
        if self.detail > Detail::Name {
            return;
        }
        let adapter_state = self.scene.states.adapter(number, socket.slot);
        let state = &State { dimmed: state.dimmed || adapter_state.dimmed, ..*state };
        let cut = adapter_state.health == Some(Health::Down);
        let found =
            adapter_state.badge.filter(|_| self.scene.states.mode == Mode::Design).map(|badge| super::severity_tone(badge.severity));
        let rail = self.rail_color(socket.network);
        let color = self.tint(if cut { self.palette.bad } else { rail }, state);
        let width = if self.detail == Detail::Name { 3.0 } else { stroke::DROP };
        let foot = point(socket.at.x, socket.rail_y);
        let line = if cut { Stroke::dashed(width, color, 4.0, 4.0) } else { Stroke::solid(width, color) };
        put(out, Layer::Wires, Shape::Line { from: foot, to: socket.at, stroke: line });
        if self.detail == Detail::Name {
            return;
        }
        put(out, Layer::Wires, Shape::Circle { center: foot, radius: 4.0, fill: color, stroke: Stroke::NONE });
        // Half of the socket is hidden by the card: it looks plugged in.
        let plug = Rect::around(socket.at, 10.0, 10.0);
        let plug_color = found.map_or(color, |tone| self.palette.tone(tone));
        let plug_line = Stroke::solid(stroke::DROP, plug_color);
        put(out, Layer::Wires, Shape::Rect { rect: plug, radius: 2.5, fill: self.palette.canvas, stroke: plug_line });
        if cut {
            let middle = socket.at.mix(foot, 0.5);
            let icon =
                Shape::Icon { icon: Icon::LinkDown, at: middle - point(7.0, 7.0), side: 14.0, color: self.tint(self.palette.bad, state) };
            put(out, Layer::Tokens, icon);
        }
        let words_color = found.map_or(self.palette.muted, |tone| self.palette.tone(tone));
        if let Some(words) = drop_text(self.lab, node, socket, self.detail) {
            let (at, anchor) = drop_text_place(item, socket, foot);
            let ground = self.text_ground(at, anchor, &words);
            put(out, Layer::Wires, ground);
            put(out, Layer::Wires, text(at, anchor, FontFace::Mono, 10.5, self.tint(words_color, state), words));
        }
    }

    /// Clears the canvas behind a text of the wires, so that a flow below it does not strike it out.
    fn text_ground(&self, at: Point, anchor: Anchor, words: &str) -> Shape {
        let width = look::width(words, FontFace::Mono, 10.5);
        let left = if anchor == Anchor::End { at.x - width } else { at.x };
        fill(Rect::at(point(left - 3.0, at.y - 11.0), width + 6.0, 15.0), 4.0, self.palette.canvas)
    }
}

/// What a node's state adds to its colour, seen from afar; `None` where there is nothing to say.
fn tile_signal(palette: &Palette, scene: &Scene, state: &State) -> Option<Color> {
    match (state.change, state.health.filter(|_| scene.states.mode != Mode::Design), state.badge) {
        (Some(change), ..) => Some(palette.tone(change_sign(change).0)),
        (None, Some(health), _) => Some(palette.tone(super::health_tone(health))),
        (None, None, Some(badge)) if scene.states.mode == Mode::Design => Some(palette.tone(super::severity_tone(badge.severity))),
        _ => None,
    }
}

fn border(rect: Rect, radius: f32, stroke: Stroke) -> Shape {
    Shape::Rect { rect, radius, fill: Color::CLEAR, stroke }
}

/// What is written beside a drop: forwards, or the address.
fn drop_text(lab: &Lab, node: &Node, socket: &Socket, detail: Detail) -> Option<String> {
    let adapter = node.adapters.get(socket.slot)?;
    if let Some(forwards) = geometry::forwards_text(&adapter.forwards) {
        return Some(forwards);
    }
    let address = adapter.address?;
    let prefix = lab.networks.get(&adapter.network).and_then(|network| network.subnet).map(|subnet| subnet.prefix_len());
    Some(if detail == Detail::Whole { address.to_string() } else { geometry::short_address(address, prefix) })
}

fn drop_text_place(item: &NodeItem, socket: &Socket, foot: Point) -> (Point, Anchor) {
    const BESIDE: f32 = 10.0;
    // Close to the card, where it belongs to this drop and no other.
    let y = match socket.edge {
        Edge::Top => (socket.at.y - 16.0).max(foot.y.midpoint(socket.at.y) - 2.0),
        Edge::Bottom => (socket.at.y + 26.0).min(foot.y.midpoint(socket.at.y) + 8.0),
    };
    let left_half = socket.at.x < item.card.center().x - 1.0;
    let right_half = socket.at.x > item.card.center().x + 1.0;
    // Below a card flows bend in from the right more often than from the left.
    if left_half || (socket.edge == Edge::Bottom && !right_half) {
        (point(socket.at.x - BESIDE, y), Anchor::End)
    } else {
        (point(socket.at.x + BESIDE, y), Anchor::Start)
    }
}
