//! A node is to go back to a snapshot.

use super::{Desk, buttons, cancel, text, title, widget};
use crate::{
    app::{Command, RunCommand},
    model::NodeName,
};
use egui::Ui;

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>, node: &NodeName, snapshot: &str) {
    title(ui, &format!("Restore {node} from {snapshot}?"));
    text(
        ui,
        "Changes made since the snapshot, including data, will be lost. The clock is set to now. Deploy afterwards to apply newer changes in the layout.",
    );
    buttons(ui, |ui| {
        if ui.add(widget::Button::danger("Restore")).clicked() {
            desk.send(Command::Run(RunCommand::RestoreNow(node.clone(), snapshot.to_owned())));
        }
        cancel(ui, desk, "Cancel");
    });
}
