//! A lab as a small picture: rails, cards and drops, with no words.

use crate::{
    model::{Lab, NetworkKind, Pos},
    ui::theme::palette,
};
use egui::{Color32, Pos2, Rect, Stroke, Ui, pos2, vec2};

/// A card in lab units.
const CARD: (f32, f32) = (crate::look::size::CARD_WIDTH, crate::look::size::CARD_HEIGHT);

/// Paints the lab into a rectangle.
pub fn miniature(ui: &Ui, rect: Rect, lab: &Lab) {
    let at = |pos: &Pos| {
        #[expect(clippy::cast_precision_loss, reason = "positions on a canvas are small")]
        let at = pos2(pos.0 as f32, pos.1 as f32);
        at
    };
    let mut bounds = Rect::NOTHING;
    for pos in lab.canvas.nodes.values() {
        bounds.extend_with(at(pos));
        bounds.extend_with(at(pos) + vec2(CARD.0, CARD.1));
    }
    for pos in lab.canvas.networks.values() {
        bounds.extend_with(at(pos));
    }
    if !bounds.is_finite() || bounds.width() <= 0.0 {
        return;
    }
    let scale = (rect.width() / bounds.width()).min(rect.height() / bounds.height()).min(0.5);
    let corner = rect.center() - bounds.size() * scale / 2.0;
    let screen = |at: Pos2| corner + (at - bounds.min) * scale;
    let colors = palette(ui);
    let mut hue = 0;
    for (name, network) in &lab.networks {
        let color = match network.kind {
            NetworkKind::Nat => colors.rail_nat,
            NetworkKind::Bridged => colors.rail_bridged,
            _ => {
                hue += 1;
                colors.rail(hue - 1)
            }
        };
        let Some(pos) = lab.canvas.networks.get(name) else { continue };
        rail(ui, lab, name, color, screen(at(pos)), &|pos| screen(at(pos)), scale);
    }
    for pos in lab.canvas.nodes.values() {
        let card = Rect::from_min_size(screen(at(pos)), vec2(CARD.0, CARD.1) * scale);
        ui.painter().rect(card, 2.0, colors.raised, Stroke::new(1.0, colors.line_strong), egui::StrokeKind::Inside);
    }
}

fn rail(ui: &Ui, lab: &Lab, name: &crate::model::NetworkName, color: Color32, from: Pos2, screen: &dyn Fn(&Pos) -> Pos2, scale: f32) {
    let hanging: Vec<Pos2> = lab
        .nodes
        .iter()
        .filter(|(_, node)| node.adapter_on(name).is_some())
        .filter_map(|(node, _)| lab.canvas.nodes.get(node))
        .map(|pos| screen(pos) + vec2(CARD.0, CARD.1) * scale / 2.0)
        .collect();
    let right = hanging.iter().map(|card| card.x + CARD.0 * scale / 2.0).fold(from.x + 40.0 * scale, f32::max);
    for card in hanging {
        ui.painter().line_segment([pos2(card.x, from.y), card], Stroke::new(1.0, color));
    }
    ui.painter().line_segment([from, pos2(right, from.y)], Stroke::new(2.0, color));
}
