//! A file of the chosen name exists.

use super::{Desk, buttons, cancel, file_name, text, title, widget};
use crate::app::{AnswerCommand, Command, FileUse};
use egui::Ui;
use std::path::Path;

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>, what: FileUse, path: &Path) {
    let name = file_name(path);
    title(ui, &format!("Replace {name}?"));
    let folder = path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    let after = match what {
        FileUse::Export(_) => "What it holds will be lost.".to_owned(),
        FileUse::Open | FileUse::Save | FileUse::SaveThen => format!("What it holds is kept as {name}~ beside it."),
    };
    text(ui, &format!("A file of this name exists in {folder}. {after}"));
    buttons(ui, |ui| {
        if ui.add(widget::Button::danger("Replace").explanation("Write over the existing file")).clicked() {
            desk.send(Command::Answer(AnswerCommand::OverwriteNow));
        }
        if ui.add(widget::Button::new("Another name…").explanation("Choose another file")).clicked() {
            desk.send(Command::Answer(AnswerCommand::ChooseAnother));
        }
        cancel(ui, desk, "Cancel");
    });
}
