//! Writing a note: a field of several lines where the note stands.

use super::{Canvas, CanvasEvent, CanvasInput};
use crate::{
    app::ops::Step,
    look::{FontFace, font_size, size},
    model::{Edit, ListEdit, Note},
    ui::theme,
};
use egui::{Key, KeyboardShortcut, Modifiers, Ui, vec2};

/// The least room for a note while it is written, in points.
const FIELD_MIN: egui::Vec2 = vec2(240.0, 72.0);
/// Characters that a note may have.
pub const CHARACTERS_MAX: usize = 4000;

/// A note being written.
#[derive(Debug, Clone, PartialEq)]
pub struct Writing {
    index: usize,
    /// The note as it was: where another stands at its place, the writing is given up.
    was: Note,
    text: String,
    begun: bool,
}

impl Canvas {
    /// Opens the field in which the text of a note is changed.
    pub(super) fn write_note(&mut self, index: usize, input: &CanvasInput<'_>) {
        let note = input.lab.notes.get(index);
        self.writing = note.map(|note| Writing { index, was: note.clone(), text: note.text.clone(), begun: false });
    }

    /// Shows the field while a note is written. A click elsewhere or Ctrl Enter keeps the text, Escape gives it up.
    pub(super) fn note_field(&mut self, ui: &mut Ui, input: &CanvasInput<'_>, events: &mut Vec<CanvasEvent>) {
        let Some(mut writing) = self.writing.take() else { return };
        let Some(viewport) = self.viewport else { return };
        let Some(item) = self.scene.notes.get(writing.index) else { return };
        if input.lab.notes.get(writing.index) != Some(&writing.was) {
            return;
        }
        let on_screen = self.camera.screen_rect(viewport.min, item.rect);
        let field = egui::Rect::from_min_size(on_screen.min, on_screen.size().max(FIELD_MIN));
        let id = ui.id().with("note");
        let edit = egui::TextEdit::multiline(&mut writing.text)
            .id(id)
            .font(theme::font(FontFace::Regular, font_size::BODY))
            .char_limit(CHARACTERS_MAX)
            .margin(vec2(size::GRID, size::GRID))
            .return_key(KeyboardShortcut::new(Modifiers::NONE, Key::Enter));
        let response = ui.put(field, edit);
        ui.ctx().accesskit_node_builder(id, |node| node.set_label("Text of the note"));
        if !writing.begun {
            writing.begun = true;
            response.request_focus();
        }
        let (done, escape) = ui.input(|input| (input.modifiers.command && input.key_pressed(Key::Enter), input.key_pressed(Key::Escape)));
        if done {
            response.surrender_focus();
        } else if !response.lost_focus() {
            self.writing = Some(writing);
            return;
        }
        let text = writing.text.trim();
        if escape || text == writing.was.text {
            return;
        }
        // A note without words is none.
        let (title, change) = if text.is_empty() {
            ("Remove a note", ListEdit::Remove)
        } else {
            ("Change a note", ListEdit::Replace(Note { text: text.to_owned(), ..writing.was }))
        };
        let edits = vec![Edit::Note { index: writing.index, change }];
        self.tell(Ok(Step { title: title.into(), edits, select: None }), input, events);
    }
}
