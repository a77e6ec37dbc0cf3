//! A line of text that is changed as it is typed, for dialogs: no draft, no commit.

use super::field::{FieldState, paint_ground, show_problem};
use crate::look::{FontFace, font_size, size};
use egui::{
    Align, Frame, Id, Margin, Response, Shape, TextEdit, Ui,
    text::{CCursor, CCursorRange},
    vec2,
};

/// A field on a text. Show it with [`LineEdit::show`].
#[must_use = "a field is shown by show"]
pub struct LineEdit<'a> {
    name: &'a str,
    text: &'a mut String,
    hint: &'a str,
    problem: Option<&'a str>,
    width: Option<f32>,
}

const PADDING: i8 = 10;

impl<'a> LineEdit<'a> {
    /// A field with its name for accessibility tools, which is not shown.
    pub fn new(name: &'a str, text: &'a mut String) -> Self {
        Self { name, text, hint: "", problem: None, width: None }
    }

    /// What it says while it is empty.
    pub fn hint(self, hint: &'a str) -> Self {
        Self { hint, ..self }
    }

    /// What is wrong with the text.
    pub fn problem(self, problem: Option<&'a str>) -> Self {
        Self { problem, ..self }
    }

    /// A width in points; without it, all there is.
    pub fn width(self, width: f32) -> Self {
        Self { width: Some(width), ..self }
    }

    /// Shows it.
    pub fn show(self, ui: &mut Ui) -> Response {
        let width = self.width.unwrap_or_else(|| ui.available_width());
        let ground = ui.painter().add(Shape::Noop);
        let edit = TextEdit::singleline(self.text)
            .font(crate::ui::theme::font(FontFace::Regular, font_size::BODY))
            .hint_text(self.hint)
            .frame(Frame::new().inner_margin(Margin { left: PADDING, right: PADDING, top: 0, bottom: 0 }))
            .min_size(vec2(width, size::CONTROL_HEIGHT))
            .desired_width(width)
            .vertical_align(Align::Center);
        let response = ui.add(edit);
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_label(self.name));
        paint_ground(ui, ground, &response, if self.problem.is_some() { FieldState::Wrong } else { FieldState::Sound });
        show_problem(ui, self.problem, width);
        response
    }
}

/// Gives a field the keyboard and selects so many characters from its beginning, so that typing replaces them.
pub fn select_first(ui: &Ui, field: Id, characters: usize) {
    let mut state = TextEdit::load_state(ui.ctx(), field).unwrap_or_default();
    state.cursor.set_char_range(Some(CCursorRange::two(CCursor::default(), CCursor::new(characters))));
    TextEdit::store_state(ui.ctx(), field, state);
    ui.memory_mut(|memory| memory.request_focus(field));
}
