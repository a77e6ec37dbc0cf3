//! What was logged of a node's set-up: the steps at the left, what one of them said at the right.

use super::{Desk, buttons, cancel, text, theme, title};
use crate::{
    app::{Command, Dialog, DialogCommand},
    look::{FontFace, font_size, radius, size},
    model::NodeName,
    provision::script::FAILED,
    session::StepLog,
    ui::{panel, widget},
};
use egui::{Align, Frame, Layout, ScrollArea, TextFormat, Ui, text::LayoutJob, vec2};

const LIST_WIDTH: f32 = 230.0;
const ROW_HEIGHT: f32 = 26.0;
const ROW_PAD: f32 = 8.0;

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
            desk.send(Command::Dialog(DialogCommand::Ask(Dialog::NodeLog(node.clone()))));
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
    let height = (ui.ctx().content_rect().height() * 0.45).clamp(200.0, 420.0);
    let chosen = logs.iter().find(|log| log.step == desk.memory.log_step).or_else(|| logs.last());
    let top_down = Layout::top_down(Align::LEFT);
    ui.horizontal_top(|ui| {
        ui.allocate_ui_with_layout(vec2(LIST_WIDTH, height), top_down, |ui| {
            ScrollArea::vertical().id_salt("steps").max_height(height).auto_shrink(false).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                for log in logs {
                    let is_chosen = chosen.is_some_and(|chosen| chosen.step == log.step);
                    if row(ui, log, is_chosen) {
                        desk.memory.log_step.clone_from(&log.step);
                    }
                }
            });
        });
        let width = ui.available_width();
        ui.allocate_ui_with_layout(vec2(width, height), top_down, |ui| {
            if let Some(log) = chosen {
                said(ui, log, height);
            }
        });
    });
}

/// A step in the list: its name and how long ago it ended. True when it was clicked.
fn row(ui: &mut Ui, log: &StepLog, is_chosen: bool) -> bool {
    let (rect, response) = panel::row(ui, ROW_HEIGHT, is_chosen, &log.step);
    let palette = theme::palette(ui);
    let has_failed = log.text.lines().any(|line| line.starts_with(FAILED));
    let color = match (has_failed, is_chosen) {
        (true, _) => palette.bad,
        (false, true) => palette.text,
        (false, false) => palette.muted,
    };
    let age = widget::line(ui, &ago(log.age_secs), (FontFace::Regular, font_size::SMALL), palette.muted, LIST_WIDTH);
    let age_left = rect.right() - ROW_PAD - age.size().x;
    panel::words(ui, rect, (rect.left() + ROW_PAD, age_left - ROW_PAD), &log.step, FontFace::Mono, color);
    widget::paint_line(ui.painter(), age_left, rect.center().y, age);
    response.clicked()
}

/// What a step said. Long lines are broken: what went wrong is at the end of one more often than not.
fn said(ui: &mut Ui, log: &StepLog, height: f32) {
    let palette = theme::palette(ui);
    let frame = Frame::new().fill(palette.raised).corner_radius(widget::corners(radius::CONTROL)).inner_margin(size::GAP);
    frame.show(ui, |ui| {
        let room = height - 2.0 * size::GAP;
        ScrollArea::vertical().id_salt(("log", &log.step)).max_height(room).auto_shrink(false).show(ui, |ui| {
            let mut job = LayoutJob::default();
            for line in log.text.lines() {
                let color = if line.starts_with(FAILED) {
                    palette.bad
                } else if line.starts_with('#') {
                    palette.text
                } else {
                    palette.muted
                };
                job.append(line, 0.0, TextFormat::simple(theme::font(FontFace::Mono, font_size::SMALL), color));
                job.append("\n", 0.0, TextFormat::default());
            }
            if log.text.trim().is_empty() {
                text(ui, "No output");
            } else {
                ui.add(egui::Label::new(job).selectable(true).wrap());
            }
        });
    });
}
