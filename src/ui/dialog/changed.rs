//! The open file is not what we read any more.

use super::{Desk, buttons, text, title, widget};
use crate::app::Command;
use egui::Ui;

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>) {
    let name = desk.state.document.title(desk.state.lab());
    title(ui, &format!("{name} has changed on disk"));
    let unsaved = desk.state.is_unsaved();
    text(
        ui,
        if unsaved {
            "Somebody else wrote it, and there are unsaved changes here. Reading it again loses those."
        } else {
            "Somebody else wrote it."
        },
    );
    buttons(ui, |ui| {
        let reload = if unsaved { widget::Button::danger("Read it again") } else { widget::Button::primary("Read it again") };
        if ui.add(reload).clicked() {
            desk.send(Command::Reload);
        }
        if ui.add(widget::Button::new("Keep what is here")).clicked() {
            desk.send(Command::KeepMine);
        }
    });
}
