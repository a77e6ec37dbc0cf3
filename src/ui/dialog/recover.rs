//! A lab was left behind by a run that did not end well.

use super::{Desk, buttons, file_name, text, title, widget};
use crate::app::Command;
use egui::Ui;

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>) {
    let Some(recovery) = desk.state.recoveries.front() else {
        desk.send(Command::CloseDialog);
        return;
    };
    let name = recovery.path.as_deref().map_or_else(|| recovery.lab.name.clone(), file_name);
    title(ui, &format!("Recover {name}?"));
    let nodes = recovery.lab.nodes.len();
    text(
        ui,
        &format!(
            "The last run ended before this lab was saved. A copy of it was kept, with {nodes} nodes. Taking it changes no file until you save."
        ),
    );
    buttons(ui, |ui| {
        if ui.add(widget::Button::primary("Recover")).clicked() {
            desk.send(Command::TakeRecovery);
        }
        if ui.add(widget::Button::danger("Throw it away")).clicked() {
            desk.send(Command::DropRecovery);
        }
    });
}
