//! The hover card: what a thing is, whole, once the pointer has rested on it.

use super::{Canvas, CanvasInput, about, gesture::Gesture};
use crate::{
    look::{self, FontFace, Tone, duration_secs, font_size, size},
    picture::{Hit, Mode, Point, Rect, geometry},
    ui::{notices, panel, theme},
};
use egui::{Id, Pos2, Response, RichText, Tooltip, Ui, containers::PopupAnchor, vec2};

/// The widest that a card is, in points.
const WIDTH_MAX: f32 = 380.0;
/// The widest that the labels of its lines are together.
const LABEL_WIDTH_MAX: f32 = 130.0;

/// What the pointer rests on.
#[derive(Debug, Default)]
pub struct Hover {
    over: Option<Hit>,
    since: f64,
    /// Whether the card would cover a notice: then it does not show.
    covers_notice: bool,
    /// Where the pointer was when the card came.
    at: Pos2,
}

impl Canvas {
    /// Shows what the thing below the pointer is, once it has been there for a moment.
    pub(super) fn hover_card(&mut self, ui: &Ui, response: &Response, input: &CanvasInput<'_>) {
        let now = ui.input(|input| input.time);
        let idle = response.contains_pointer()
            && self.gesture == Gesture::Idle
            && self.renaming.is_none()
            && self.writing.is_none()
            && input.overlay.mode != Mode::Present
            && !ui.input(|input| input.pointer.any_down())
            && !is_below_a_popup(ui);
        let over = self.hovered.clone().filter(|_| idle);
        if over != self.hover.over {
            self.hover = Hover { over, since: now, covers_notice: false, at: self.hover.at };
        }
        let Some(hit) = self.hover.over.clone() else { return };
        let left = f64::from(duration_secs::HOVER) - (now - self.hover.since);
        if left > 0.0 {
            self.hover.at = ui.input(|input| input.pointer.latest_pos()).unwrap_or(self.hover.at);
            ui.ctx().request_repaint_after_secs(super::as_f32(left));
            return;
        }
        if self.hover.covers_notice {
            return;
        }
        let Some(about) = about::about(&hit, input) else { return };
        if about.ages {
            ui.ctx().request_repaint_after_secs(1.0);
        }
        let anchor = match self.rect_of_hit(&hit, input) {
            Some(area) => PopupAnchor::ParentRect(self.camera.screen_rect(response.rect.min, area).intersect(response.rect)),
            None => PopupAnchor::ParentRect(egui::Rect::from_center_size(self.hover.at, egui::Vec2::splat(24.0))),
        };
        let shown = Tooltip::always_open(ui.ctx().clone(), response.layer_id, Id::new("hover card"), anchor)
            .width(WIDTH_MAX)
            .gap(size::GRID)
            .show(|ui| egui::Frame::new().inner_margin(size::GRID).show(ui, |ui| card(ui, &about)));
        // The first frame of a card is for its size only and not seen.
        let notices = notices::rects(ui.ctx());
        self.hover.covers_notice = shown.is_some_and(|shown| notices.iter().any(|notice| notice.intersects(shown.response.rect)));
    }

    /// What a card stands beside; `None`: the pointer, for what is thin or long.
    fn rect_of_hit(&self, hit: &Hit, input: &CanvasInput<'_>) -> Option<Rect> {
        let chip = |node: u32, of: &dyn Fn(&geometry::ChipOf) -> bool| {
            let item = self.scene.node(node)?;
            let drawn = input.lab.nodes.get(&item.name)?;
            let chips = geometry::chips(input.lab, input.catalog, &item.name, drawn, item.card);
            chips.into_iter().find(|chip| of(&chip.of)).map(|chip| chip.rect)
        };
        match hit {
            Hit::Node(node) => self.scene.node(*node).map(|item| item.card),
            Hit::Service(node, name) => chip(*node, &|of| matches!(of, geometry::ChipOf::Service(service) if service == name)),
            Hit::VipChip(vip, node) => chip(*node, &|of| matches!(of, geometry::ChipOf::Vip(number) if u32::try_from(*number) == Ok(*vip))),
            Hit::MoreChips(node) => chip(*node, &|of| matches!(of, geometry::ChipOf::More(_))),
            Hit::Vip(vip) => {
                let at: Point = self.camera.lab_from_screen(self.viewport?.min, self.hover.at);
                let tokens = &self.scene.vips.get(*vip as usize)?.tokens;
                tokens.iter().map(|token| token.rect).find(|rect| rect.contains(at))
            }
            _ => None,
        }
    }
}

/// Whether a menu, another popup or a dialog is open. The canvas's own menu keeps its state itself, so egui's list of popups lacks it.
fn is_below_a_popup(ui: &Ui) -> bool {
    let is_popup = |layer: &egui::LayerId| layer.order == egui::Order::Foreground;
    ui.ctx().memory(|memory| memory.areas().visible_layer_ids().iter().any(is_popup))
}

fn card(ui: &mut Ui, about: &about::About) {
    let palette = theme::palette(ui);
    ui.spacing_mut().item_spacing.y = size::GRID / 2.0;
    ui.label(RichText::new(&about.title).font(theme::font(FontFace::SemiBold, font_size::NAME)));
    ui.label(RichText::new(&about.kind).font(theme::font(FontFace::Regular, font_size::SMALL)).color(palette.muted));
    if !about.lines.is_empty() {
        ui.add_space(size::GRID);
        let small = |face| theme::font(face, font_size::SMALL);
        let wide = about.lines.iter().map(|line| look::width(&line.label, FontFace::Medium, font_size::SMALL)).fold(0.0, f32::max);
        let wide = wide.min(LABEL_WIDTH_MAX);
        for line in &about.lines {
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = size::GAP;
                ui.allocate_ui(vec2(wide, 0.0), |ui| {
                    ui.set_min_width(wide);
                    ui.label(RichText::new(&line.label).font(small(FontFace::Medium)).color(palette.muted));
                });
                let color = if line.tone == Tone::Neutral { palette.text } else { palette.tone(line.tone) };
                ui.label(RichText::new(&line.value).font(small(FontFace::Regular)).color(color));
            });
        }
    }
    for (severity, message) in about.findings.iter().take(4) {
        ui.add_space(size::GRID);
        let color = palette.tone(panel::severity_tone(*severity));
        ui.label(RichText::new(message).font(theme::font(FontFace::Regular, font_size::SMALL)).color(color));
    }
    if about.findings.len() > 4 {
        panel::muted(ui, &format!("and {} more findings", about.findings.len() - 4));
    }
}
