//! A note: its text, and how wide it may become.

use super::{Desk, fields, remove_button};
use crate::{
    app::Command,
    look::{FontFace, font_size},
    model::{Edit, ListEdit, Note},
    ui::{canvas::NOTE_CHARACTERS_MAX, theme, widget},
};
use egui::{Key, TextEdit, Ui};

/// The widest that a note may be set to, in lab units.
const WIDTH_MAX: i64 = 4000;

/// The beginning of a note, as its title.
pub(super) fn first_line(note: &Note) -> String {
    note.text.lines().next().unwrap_or_default().to_owned()
}

pub(super) fn note(ui: &mut Ui, desk: &mut Desk<'_>, index: usize) {
    let Some(note) = desk.state.lab().notes.get(index).cloned() else { return };
    if let Some(text) = text(ui, &note.text) {
        // A note without words is none.
        let (title, change) = match text.as_str() {
            "" => ("Remove a note", ListEdit::Remove),
            _ => ("Change a note", ListEdit::Replace(Note { text, ..note.clone() })),
        };
        desk.send(Command::edit(title, vec![Edit::Note { index, change }]));
    }
    let width = fields::number(ui, ("Width", "0: as its lines"), i64::from(note.width), 0..=WIDTH_MAX, 20, None);
    if let Some(width) = width.and_then(|width| u32::try_from(width).ok()) {
        let change = ListEdit::Replace(Note { width, ..note });
        desk.send(Command::edit("Width of a note", vec![Edit::Note { index, change }]));
    }
    remove_button(ui, desk, "the note");
}

/// A field of several lines; the new text once it is left. Escape gives up what was typed.
fn text(ui: &mut Ui, now: &str) -> Option<String> {
    let id = ui.id().with("text of the note");
    let mut text = ui.data(|data| data.get_temp::<String>(id)).unwrap_or_else(|| now.to_owned());
    let field = |ui: &mut Ui| {
        let edit = TextEdit::multiline(&mut text)
            .id(id)
            .font(theme::font(FontFace::Regular, font_size::BODY))
            .char_limit(NOTE_CHARACTERS_MAX)
            .desired_rows(4)
            .desired_width(ui.available_width());
        let response = ui.add(edit);
        ui.ctx().accesskit_node_builder(id, |node| node.set_label("Text"));
        response
    };
    let response = widget::field_row(ui, "Text", None, field);
    if response.has_focus() {
        ui.data_mut(|data| data.insert_temp(id, text));
        return None;
    }
    ui.data_mut(|data| data.remove::<String>(id));
    let given_up = ui.input(|input| input.key_pressed(Key::Escape));
    let text = text.trim().to_owned();
    (response.lost_focus() && !given_up && text != now).then_some(text)
}
