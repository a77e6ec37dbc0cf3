//! Tokens on the move: when a VIP is held elsewhere, its token travels there along the arc.

use super::{
    bake::{self, Press},
    layers::Frame,
};
use crate::{
    look::{duration_secs, ease_out},
    picture::{Rect, Scene, Shapes, Token, draw::Firm, point},
    ui::{atlas::Atlas, theme},
};
use egui::{Painter, Ui};
use std::collections::BTreeMap;

/// Where each token was last, and those that travel.
#[derive(Debug, Default)]
pub struct Tokens {
    structure: u64,
    last: BTreeMap<u32, (Option<u32>, Rect)>,
    travelling: BTreeMap<u32, Travel>,
    changed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Travel {
    from: Rect,
    began: f64,
    part: f32,
}

impl Tokens {
    /// Looks where the tokens are and gives the VIPs that travel right now.
    pub fn follow(&mut self, ui: &Ui, scene: &Scene) -> Vec<u32> {
        if self.structure != scene.structure {
            *self = Self { structure: scene.structure, ..Self::default() };
        }
        let (now, secs) = (ui.input(|input| input.time), theme::duration(ui.ctx(), duration_secs::LONG));
        for (number, item) in (0_u32..).zip(&scene.vips) {
            let [only] = item.tokens.as_slice() else {
                self.last.remove(&number);
                continue;
            };
            let before = self.last.insert(number, (only.node, only.rect));
            // Another holder, not a card that somebody moves: only then it travels.
            if let Some((Some(node), rect)) = before
                && only.node.is_some_and(|holder| holder != node)
                && secs > 0.0
            {
                self.travelling.insert(number, Travel { from: rect, began: now, part: 0.0 });
                self.changed = true;
            }
        }
        for travel in self.travelling.values_mut() {
            travel.part = super::as_f32(now - travel.began) / secs.max(1e-3);
        }
        let travelling = self.travelling.len();
        self.travelling.retain(|_, travel| travel.part < 1.0);
        self.changed |= travelling != self.travelling.len();
        if !self.travelling.is_empty() || self.changed {
            ui.ctx().request_repaint();
        }
        self.travelling.keys().copied().collect()
    }

    /// Whether other tokens travel than the last time this was asked.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Paints the tokens that travel.
    pub fn paint(&self, painter: &Painter, frame: &Frame<'_>) {
        let scene = frame.artist.scene;
        for (number, travel) in &self.travelling {
            let Some(item) = scene.vips.get(*number as usize) else { continue };
            let Some((_, vip)) = frame.artist.lab.vips.get_index(*number as usize) else { continue };
            let Some(token) = item.tokens.first() else { continue };
            let eased = ease_out(travel.part);
            let center = travel.from.center().mix(token.rect.center(), eased);
            // Up and down again: half a wave, as high as the arc.
            let lift = (eased * std::f32::consts::PI).sin() * 36.0;
            let rect = Rect::around(center - point(0.0, lift), token.rect.width(), token.rect.height());
            let mut shapes = Shapes::default();
            let state = scene.states.vips.get(*number as usize).copied().unwrap_or_default();
            frame.artist.token(&Token { rect, ..*token }, vip.address, &state, Firm::Held, &mut shapes);
            let press = Press {
                zoom: frame.stand.camera.zoom,
                pixels_per_point: frame.stand.pixels_per_point,
                atlas: Atlas::default(),
                appearance: frame.appearance,
                detail: frame.artist.detail,
            };
            let mut out = Vec::new();
            for (_, shape) in &shapes.list {
                bake::immediate(painter.ctx(), &press, shape, frame.stand.offset(), &mut out);
            }
            painter.extend(out);
        }
    }
}
