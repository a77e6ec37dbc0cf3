//! All of the lab's machines and networks are to go.

use super::{Desk, buttons, cancel, text, title, widget};
use crate::{
    app::{Command, RunCommand},
    model::Power,
};
use egui::Ui;

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>) {
    let provider = desk.state.run.chosen().map_or("the provider", |choice| choice.title.as_str());
    let observed = desk.state.run.observed.as_ref();
    let nodes = observed.map_or(0, |it| it.nodes.values().filter(|node| node.power != Power::Missing).count());
    let networks = observed.map_or(0, |it| it.networks.len());
    title(ui, "Destroy what is deployed?");
    text(
        ui,
        &format!(
            "{nodes} machines with their disks and snapshots, and {networks} networks, are removed from {provider}. The drawing stays. This cannot be undone."
        ),
    );
    buttons(ui, |ui| {
        if ui.add(widget::Button::danger("Destroy")).clicked() {
            desk.send(Command::Run(RunCommand::DestroyNow));
        }
        cancel(ui, desk, "Cancel");
    });
}
