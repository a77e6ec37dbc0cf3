//! The middle of the window: the canvas, and what floats over it.

use super::Desk;
use crate::{
    app::{Command, Mode, ViewMove},
    look::{FontFace, Icon, Tone, font_size, size},
    ui::{theme, widget},
};
use egui::{Align2, Id, Rect, Ui, vec2};

/// Shows the canvas, moved as wanted.
pub fn stage(ui: &mut Ui, desk: &mut Desk<'_>, moves: Vec<ViewMove>) {
    let room = ui.available_rect_before_wrap();
    drop(moves);
    if desk.state.mode == Mode::Present {
        page(ui, desk, room);
    } else {
        faults(ui, desk, room);
    }
}

/// The faults that last, each with its cure.
fn faults(ui: &Ui, desk: &mut Desk<'_>, room: Rect) {
    let run = &desk.state.run;
    let Some(last) = run.faults().last() else { return };
    let text = match run.faults() {
        [one] => format!("1 fault: {}", one.fault),
        several => format!("{} faults, the last: {}", several.len(), last.fault),
    };
    let age = super::since(run.now_ms().saturating_sub(last.since_ms));
    let (id, many) = (last.id, run.faults().len() > 1);
    let clicked = widget::floating_bar(ui.ctx(), Id::new("faults"), room, Align2::RIGHT_TOP, vec2(12.0, 12.0), |ui| {
        ui.add_space(size::GAP);
        let (_, color) = super::tone_icon(ui, Tone::Bad);
        super::paint_icon(ui, Icon::Error, color);
        ui.label(egui::RichText::new(text).font(theme::font(FontFace::SemiBold, font_size::BODY)));
        super::muted(ui, &age);
        ui.add(widget::Button::quiet(if many { "Heal all" } else { "Heal" })).clicked()
    });
    if clicked.inner {
        desk.send(if many { Command::HealAll } else { Command::Heal(id) });
    }
}

/// The note and the number of the page that is presented.
fn page(ui: &Ui, desk: &mut Desk<'_>, room: Rect) {
    let lab = desk.state.lab();
    let show = desk.state.presentation;
    let view = show.view(lab);
    let (title, note) = match view {
        Some(view) => (view.name.clone(), view.note.clone()),
        None => (lab.name.clone(), lab.about.clone()),
    };
    let pages = lab.views.len();
    let step = widget::floating_bar(ui.ctx(), Id::new("page"), room, Align2::CENTER_BOTTOM, vec2(24.0, 32.0), |ui| {
        let mut step = None;
        if pages > 1 && ui.add(widget::IconButton::new(Icon::ChevronLeft, "Previous page").shortcut("ArrowLeft")).clicked() {
            step = Some(Command::PreviousView);
        }
        ui.vertical(|ui| {
            ui.set_max_width((room.width() * 0.6).min(760.0));
            ui.add_space(size::GAP);
            let large = font_size::TITLE * 1.6;
            ui.label(egui::RichText::new(title).font(theme::font(FontFace::SemiBold, large)));
            if !note.is_empty() {
                ui.label(egui::RichText::new(note).font(theme::font(FontFace::Regular, font_size::TITLE)).color(super::colors(ui).muted));
            }
            ui.add_space(size::GAP);
        });
        if pages > 1 {
            super::muted(ui, &format!("{} / {pages}", show.page() + 1));
            if ui.add(widget::IconButton::new(Icon::ChevronRight, "Next page").shortcut("ArrowRight")).clicked() {
                step = Some(Command::NextView);
            }
        }
        step
    });
    if let Some(command) = step.inner {
        desk.send(command);
    }
}
