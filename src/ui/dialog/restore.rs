//! A node is to go back to a snapshot.

use super::{Desk, buttons, cancel, text, title, widget};
use crate::{app::Command, model::NodeName};
use egui::Ui;

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>, node: &NodeName, snapshot: &str) {
    title(ui, &format!("Take {node} back to {snapshot}?"));
    text(
        ui,
        "What it did since is lost, its data too. It starts again with the clock of today; what is drawn and was not there then comes with the next deployment.",
    );
    buttons(ui, |ui| {
        if ui.add(widget::Button::danger("Go back")).clicked() {
            desk.send(Command::RestoreNow(node.clone(), snapshot.to_owned()));
        }
        cancel(ui, desk, "Cancel");
    });
}
