//! A replica is to become the primary: what happens, what is lost, and what the old primary does.

use super::{Desk, buttons, cancel, confirm, text, title, widget};
use crate::{
    app::{Command, DialogCommand, RunCommand},
    model::ServiceRef,
    plan::{OldPrimary, takes_writes},
    ui::theme,
};
use egui::{RichText, Ui};

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>, at: &ServiceRef) {
    let Some(observed) = &desk.state.run.observed else {
        desk.send(Command::Dialog(DialogCommand::CloseDialog));
        return;
    };
    let spec = observed.nodes.get(&at.node).and_then(|node| node.services.get(&at.service)).and_then(|service| service.spec.as_ref());
    let Some(primary) = spec.and_then(|spec| spec.replica_of.clone()) else {
        desk.send(Command::Dialog(DialogCommand::CloseDialog));
        return;
    };
    let (old, risk) = match takes_writes(observed, &primary) {
        Some(false) => (OldPrimary::Down, None),
        Some(true) => (OldPrimary::Any, Some(format!("{primary} still takes writes: with two primaries, their data will differ."))),
        None => {
            let risk =
                format!("{primary} does not report: if it still takes writes, there will be two primaries, and their data will differ.");
            (OldPrimary::Any, Some(risk))
        }
    };
    title(ui, &format!("Promote {at} to primary?"));
    text(
        ui,
        &format!(
            "{at} takes writes instead of {primary}, and the other replicas that run copy from {at}. Writes that {at} has not copied yet are lost."
        ),
    );
    text(
        ui,
        &format!(
            "{primary} is not changed: if it comes back, it takes writes too. Keep it off until the layout says which one is the primary. Plan then shows how to keep {at} as the primary or to go back."
        ),
    );
    if let Some(risk) = &risk {
        ui.label(RichText::new(risk).color(theme::palette(ui).bad));
    }
    buttons(ui, |ui| {
        let is_confirmed = match risk {
            None => confirm(ui, widget::Button::primary("Promote").explanation("Let the replica take writes")),
            Some(_) => ui.add(widget::Button::danger("Promote anyway").explanation("Accept two primaries")).clicked(),
        };
        if is_confirmed {
            desk.send(Command::Run(RunCommand::PromoteNow(at.clone(), old)));
        }
        cancel(ui, desk, "Cancel");
    });
}
