//! A lab was left behind by a run that did not end well.

use super::{Desk, buttons, cancel, confirm, file_name, text, title, widget};
use crate::app::{AnswerCommand, Command, DialogCommand};
use egui::Ui;

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>) {
    let Some(recovery) = desk.state.recoveries.front() else {
        desk.send(Command::Dialog(DialogCommand::CloseDialog));
        return;
    };
    let name = recovery.path.as_deref().map_or_else(|| recovery.lab.name.clone(), file_name);
    title(ui, &format!("Recover unsaved changes to {name}?"));
    let (nodes, networks) = (recovery.lab.nodes.len(), recovery.lab.networks.len());
    text(
        ui,
        &format!(
            "Sandtable ended before this lab was saved. A copy with {nodes} nodes and {networks} networks was kept. Recovering changes no file until you save."
        ),
    );
    if recovery.path.is_some() && recovery.stamp.is_none_or(|stamp| stamp.modified.is_none()) {
        text(ui, &format!("{name} may have changed since the copy was made: saving will ask before it replaces the file."));
    }
    if let Some(folder) = recovery.path.as_deref().and_then(std::path::Path::parent) {
        text(ui, &format!("Folder: {}", folder.display()));
    }
    let more = desk.state.recoveries.len() - 1;
    if more > 0 {
        text(ui, &format!("{more} more can be recovered after this one."));
    }
    buttons(ui, |ui| {
        if confirm(ui, widget::Button::primary("Recover").explanation("Open the copy")) {
            desk.send(Command::Answer(AnswerCommand::TakeRecovery));
        }
        cancel(ui, desk, "Not now");
        if ui.add(widget::Button::danger("Delete the copy").explanation("The changes will be lost")).clicked() {
            desk.send(Command::Answer(AnswerCommand::DropRecovery));
        }
    });
}
