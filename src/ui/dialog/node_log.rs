//! What was logged of a node's set-up: the steps at the left, what one of them said at the right.

use super::{Desk, buttons, cancel, text, theme, title};
use crate::{
    app::{Command, Dialog, job::StepLog},
    look::{FontFace, font_size, radius, size},
    model::NodeName,
    ui::{panel, widget},
};
use egui::{Frame, RichText, ScrollArea, Ui, vec2};

const LIST_WIDTH: f32 = 230.0;
const ROW_HEIGHT: f32 = 26.0;

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>, node: &NodeName, is_new: bool) {
    if is_new {
        desk.memory.log_step.clear();
    }
    title(ui, &format!("Set-up of {node}"));
    let state = desk.state;
    match state.run.logs.as_ref().filter(|(of, _)| of == node) {
        None => text(ui, "Reading…"),
        Some((_, logs)) if logs.is_empty() => text(ui, nothing_logged(&state.run.provider)),
        Some((_, logs)) => steps(ui, desk, logs),
    }
    buttons(ui, |ui| {
        cancel(ui, desk, "Close");
        if ui.add(widget::Button::new("Read again")).clicked() {
            desk.send(Command::Ask(Dialog::NodeLog(node.clone())));
        }
    });
}

fn nothing_logged(provider: &str) -> &'static str {
    if provider == "sim" {
        "A simulated node has no commands to log. Deploy to real machines, and every step's output stands here."
    } else {
        "Nothing was set up on it yet. Once it is deployed, every step's output stands here."
    }
}

/// An age in the largest unit that fits.
fn ago(secs: u64) -> String {
    match secs {
        0..60 => format!("{secs} s"),
        60..3600 => format!("{} min", secs / 60),
        3600..86_400 => format!("{} h", secs / 3600),
        _ => format!("{} d", secs / 86_400),
    }
}

fn steps(ui: &mut Ui, desk: &mut Desk<'_>, logs: &[StepLog]) {
    let height = (ui.ctx().content_rect().height() * 0.6).max(240.0);
    let chosen = logs.iter().find(|log| log.step == desk.memory.log_step).or_else(|| logs.last());
    ui.horizontal_top(|ui| {
        ui.allocate_ui(vec2(LIST_WIDTH, height), |ui| {
            ScrollArea::vertical().id_salt("steps").max_height(height).auto_shrink(false).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                for log in logs {
                    let is_chosen = chosen.is_some_and(|chosen| chosen.step == log.step);
                    let (rect, response) = panel::row(ui, ROW_HEIGHT, is_chosen, &log.step);
                    let palette = theme::palette(ui);
                    let color = if is_chosen { palette.text } else { palette.muted };
                    let age = ago(log.age_secs);
                    let middle = rect.right() - 60.0;
                    panel::words(ui, rect, (rect.left() + 8.0, middle - 4.0), &log.step, FontFace::Mono, color);
                    panel::words(ui, rect, (middle, rect.right() - 4.0), &age, FontFace::Regular, palette.muted);
                    if response.clicked() {
                        desk.memory.log_step.clone_from(&log.step);
                    }
                }
            });
        });
        ui.add_space(size::GAP);
        let width = ui.available_width();
        ui.allocate_ui(vec2(width, height), |ui| {
            let palette = theme::palette(ui);
            let frame = Frame::new().fill(palette.raised).corner_radius(widget::corners(radius::CONTROL)).inner_margin(size::GAP);
            frame.show(ui, |ui| {
                let room = vec2(width - 2.0 * size::GAP, height - 2.0 * size::GAP);
                ScrollArea::both().id_salt(("log", &chosen.map(|log| &log.step))).max_height(room.y).auto_shrink(false).show(ui, |ui| {
                    ui.set_min_width(room.x);
                    if let Some(log) = chosen {
                        let shown = if log.text.trim().is_empty() { "It said nothing." } else { log.text.as_str() };
                        let words = RichText::new(shown).font(theme::font(FontFace::Mono, font_size::SMALL));
                        ui.add(egui::Label::new(words).selectable(true).extend());
                    }
                });
            });
        });
    });
}
