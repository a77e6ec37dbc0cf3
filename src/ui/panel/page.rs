//! The page that is presented: its title and note below the canvas, between the ways to the pages around it.

use super::{Desk, colors};
use crate::{
    app::{Command, ModeCommand},
    look::{FontFace, Icon, font_size, size},
    ui::{theme, widget},
};
use egui::{Align2, Id, Rect, Ui, Vec2, pos2, vec2};

/// Room below the canvas for the words of a page, in points.
pub const HEIGHT: f32 = 152.0;
/// The widest bar.
const WIDTH_MAX: f32 = 900.0;
/// Room for the button at each side, and for the number of the page.
const SIDE: f32 = 44.0;
const NUMBER: f32 = 56.0;
const PADDING: f32 = 12.0;
const LARGE: f32 = font_size::TITLE * 1.6;

/// Shows the page.
pub fn page(ui: &Ui, desk: &mut Desk<'_>, room: Rect) {
    let lab = desk.state.lab();
    let (title, note) = match desk.state.presentation.view(lab) {
        Some(view) => (view.name.clone(), view.note.clone()),
        None => (lab.name.clone(), lab.about.clone()),
    };
    let (page, pages) = (desk.state.presentation.page(), lab.views.len());
    let sides = if pages > 1 { 2.0 * SIDE + NUMBER } else { 2.0 * PADDING };
    let width = (room.width() - 48.0).min(WIDTH_MAX);
    let step = widget::floating_bar(ui.ctx(), Id::new("page"), room, Align2::CENTER_BOTTOM, vec2(24.0, 24.0), |ui| {
        let palette = colors(ui);
        let lay = |text: String, font, color| ui.fonts_mut(|fonts| fonts.layout(text, font, color, width - sides));
        let title = lay(title, theme::font(FontFace::SemiBold, LARGE), palette.text);
        let note = (!note.is_empty()).then(|| lay(note, theme::font(FontFace::Regular, font_size::TITLE), palette.muted));
        let height = title.size().y + note.as_ref().map_or(0.0, |note| note.size().y + size::GRID) + 2.0 * PADDING;
        let (bar, _) = ui.allocate_exact_size(vec2(width, height.max(64.0)), egui::Sense::hover());
        let left = bar.left() + if pages > 1 { SIDE } else { PADDING };
        let top = bar.center().y - height / 2.0 + PADDING;
        let below = top + title.size().y + size::GRID;
        ui.painter().galley(pos2(left, top), title, palette.text);
        if let Some(note) = note {
            ui.painter().galley(pos2(left, below), note, palette.muted);
        }
        if pages < 2 {
            return None;
        }
        let number = widget::line(ui, &format!("{} / {pages}", page + 1), (FontFace::Mono, font_size::BODY), palette.muted, NUMBER);
        widget::paint_line(ui.painter(), bar.right() - SIDE - number.size().x, bar.center().y, number);
        let button = |x: f32| Rect::from_center_size(pos2(x, bar.center().y), Vec2::splat(size::CONTROL_HEIGHT));
        let mut step = None;
        ui.add_enabled_ui(page > 0, |ui| {
            let back = widget::IconButton::new(Icon::ChevronLeft, "Previous page").shortcut("←");
            if ui.put(button(bar.left() + SIDE / 2.0), back).clicked() {
                step = Some(Command::Mode(ModeCommand::PreviousView));
            }
        });
        ui.add_enabled_ui(page + 1 < pages, |ui| {
            let next = widget::IconButton::new(Icon::ChevronRight, "Next page").shortcut("→");
            if ui.put(button(bar.right() - SIDE / 2.0), next).clicked() {
                step = Some(Command::Mode(ModeCommand::NextView));
            }
        });
        step
    });
    if let Some(command) = step.inner {
        desk.send(command);
    }
}
