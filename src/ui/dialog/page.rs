//! A page of the presentation: what the canvas shows now, with a title and a note.

use super::{Desk, buttons, cancel, text, title, widget};
use crate::{
    app::{Command, EditCommand, State},
    model::{Pos, View},
};
use egui::{TextEdit, Ui};

/// What the fields begin with: the page itself, or what is visible and selected now.
pub(super) fn begin(state: &State, index: Option<usize>, visible: Option<(Pos, Pos)>) -> View {
    let pages = state.lab().views.len();
    match index.and_then(|index| state.lab().views.get(index)) {
        Some(view) => view.clone(),
        None => View {
            name: format!("Page {}", pages + 1),
            area: visible,
            highlight: state.selection.iter().map(ToString::to_string).collect(),
            note: String::new(),
        },
    }
}

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>, index: Option<usize>) {
    title(ui, if index.is_some() { "Change the page" } else { "Add a page to the presentation" });
    text(ui, "It shows the part of the lab that the canvas shows now. What is selected stands out; the rest is dimmed.");
    let page = &mut desk.memory.page;
    let name = ui.add(TextEdit::singleline(&mut page.name).desired_width(f32::INFINITY).hint_text("Title"));
    ui.ctx().accesskit_node_builder(name.id, |node| node.set_label("Title"));
    let note =
        ui.add(TextEdit::multiline(&mut page.note).desired_rows(3).desired_width(f32::INFINITY).hint_text("What is to be read below it"));
    ui.ctx().accesskit_node_builder(note.id, |node| node.set_label("Note"));
    if !page.highlight.is_empty() {
        text(ui, &format!("Stands out: {}", page.highlight.join(", ")));
    }
    buttons(ui, |ui| {
        let named = !desk.memory.page.name.trim().is_empty();
        if ui.add_enabled(named, widget::Button::primary("Keep")).clicked() {
            let view = desk.memory.page.clone();
            desk.send(Command::Edit(EditCommand::KeepView { index, view }));
        }
        cancel(ui, desk, "Cancel");
    });
}
