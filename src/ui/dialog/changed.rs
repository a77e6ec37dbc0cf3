//! The open file is not what we read any more.

use super::{Desk, buttons, file_name, text, title, widget};
use crate::app::{AnswerCommand, Command, DialogCommand, DiskChange, FileCommand};
use egui::Ui;

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>) {
    let Some(change) = desk.state.document.change.clone() else {
        desk.send(Command::Dialog(DialogCommand::CloseDialog));
        return;
    };
    let name = desk.state.document.path.as_deref().map_or_else(String::new, file_name);
    let unsaved = desk.state.is_unsaved();
    let (heading, about) = match &change {
        DiskChange::Written(_) => {
            (format!("{name} has changed on disk"), "Another program wrote the file since it was opened here.".to_owned())
        }
        DiskChange::Unreadable(_, why) => (
            format!("{name} no longer holds a layout"),
            format!("Another program wrote the file since it was opened here. It cannot be read: {why}"),
        ),
        DiskChange::Gone(why) => {
            (format!("{name} cannot be read any more"), format!("{why}. What is open here is complete; save it to write the file again."))
        }
    };
    title(ui, &heading);
    text(ui, &about);
    match (&change, unsaved) {
        (DiskChange::Written(_), true) => text(
            ui,
            "Reloading loses the changes that are not saved here. Overwriting keeps the other version as a copy with ~ behind its name.",
        ),
        (DiskChange::Written(_) | DiskChange::Unreadable(..), _) => {
            text(ui, "Overwriting keeps the other version as a copy with ~ behind its name.")
        }
        (DiskChange::Gone(_), _) => {}
    }
    buttons(ui, |ui| {
        let reload = if unsaved { widget::Button::danger("Reload") } else { widget::Button::primary("Reload") };
        if matches!(change, DiskChange::Written(_)) && ui.add(reload.explanation("Show what the file holds now")).clicked() {
            desk.send(Command::Answer(AnswerCommand::Reload));
        }
        let over = if matches!(change, DiskChange::Gone(_)) { "Save again" } else { "Overwrite" };
        if ui.add(widget::Button::new(over).explanation("Write what is open here to the file")).clicked() {
            desk.send(Command::Answer(AnswerCommand::WriteOver));
        }
        if ui.add(widget::Button::new("Save as…").explanation("Write what is open here to another file")).clicked() {
            desk.send(Command::File(FileCommand::SaveAs));
        }
        if ui.add(widget::Button::quiet("Not now").explanation("Keep working; saving asks again")).clicked() {
            desk.send(Command::Answer(AnswerCommand::KeepMine));
        }
    });
}
