//! The lab has changes that no file holds, and something else is wanted.

use super::{Desk, buttons, cancel, confirm, text, title, widget};
use crate::app::{AnswerCommand, Command};
use egui::Ui;

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>) {
    let name = desk.state.document.title(desk.state.lab());
    title(ui, &format!("Save the changes to {name}?"));
    text(ui, "Without saving, they are lost.");
    buttons(ui, |ui| {
        if confirm(ui, widget::Button::primary("Save")) {
            desk.send(Command::Answer(AnswerCommand::SaveThenGoOn));
        }
        cancel(ui, desk, "Cancel");
        if ui.add(widget::Button::danger("Do not save")).clicked() {
            desk.send(Command::Answer(AnswerCommand::Discard));
        }
    });
}
