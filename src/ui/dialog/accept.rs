//! Why is a finding meant?

use super::{Desk, buttons, cancel, text, title, widget};
use crate::{
    app::{Command, EditCommand},
    model::Subject,
};
use egui::{Key, TextEdit, Ui};

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>, rule: &str, subject: &Subject, is_new: bool) {
    let place = desk.state.review.place_of(rule, subject);
    let message =
        place.and_then(|place| desk.state.review.findings().get(place)).map(|finding| finding.message.clone()).unwrap_or_default();
    title(ui, "Accept this finding");
    ui.label(message);
    text(ui, "Say why it is meant. The reason is kept in the layout file, and the finding no longer counts.");
    let field = TextEdit::multiline(&mut desk.memory.reason).desired_rows(2).desired_width(f32::INFINITY).hint_text("Because…");
    let response = ui.add(field);
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_label("Reason"));
    if is_new {
        response.request_focus();
    }
    let said = !desk.memory.reason.trim().is_empty();
    let confirmed = ui.input(|input| input.modifiers.command && input.key_pressed(Key::Enter));
    buttons(ui, |ui| {
        let accept = ui.add_enabled(said, widget::Button::primary("Accept").explanation("A reason is needed"));
        if accept.clicked() || (said && confirmed) {
            desk.send(Command::Edit(EditCommand::Accept {
                rule: rule.to_owned(),
                subject: subject.clone(),
                because: desk.memory.reason.clone(),
            }));
        }
        cancel(ui, desk, "Cancel");
    });
}
