//! A note: its text, and how wide it may become.

use super::{Desk, fields, remove_button};
use crate::{
    app::Command,
    model::{Edit, ListEdit, Note},
    ui::canvas::NOTE_CHARACTERS_MAX,
};
use egui::Ui;

/// The widest that a note may be set to, in lab units.
const WIDTH_MAX: i64 = 4000;

/// The beginning of a note, as its title.
pub(super) fn first_line(note: &Note) -> String {
    note.text.lines().next().unwrap_or_default().to_owned()
}

pub(super) fn note(ui: &mut Ui, desk: &mut Desk<'_>, index: usize) {
    let Some(note) = desk.state.lab().notes.get(index).cloned() else { return };
    if let Some(text) = fields::paragraph(ui, "Text", &note.text, NOTE_CHARACTERS_MAX) {
        // A note without words is none.
        let (title, change) = match text.as_str() {
            "" => ("Remove a note", ListEdit::Remove),
            _ => ("Change a note", ListEdit::Replace(Note { text, ..note.clone() })),
        };
        desk.send(Command::edit(title, vec![Edit::Note { index, change }]));
    }
    let width = fields::number(ui, ("Width", "0 = automatic"), i64::from(note.width), 0..=WIDTH_MAX, 20, None);
    if let Some(width) = width.and_then(|width| u32::try_from(width).ok()) {
        let change = ListEdit::Replace(Note { width, ..note });
        desk.send(Command::edit("Width of a note", vec![Edit::Note { index, change }]));
    }
    remove_button(ui, desk, "the note");
}
