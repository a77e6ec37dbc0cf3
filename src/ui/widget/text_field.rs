//! A field for a line of text, checked while it is typed.
//!
//! What is typed stays in the field until Enter or leaving it commits; Escape brings the old value back. Text that is
//! wrong is never committed and never thrown away: it stays, with the reason below it.

use super::field::{FieldState, paint_ground, show_problem};
use crate::{
    look::{FontFace, font_size, size},
    ui::theme::{self, palette},
};
use egui::{
    Align, Frame, Id, Key, Margin, Response, Shape, TextEdit, Ui,
    text::{CCursor, CCursorRange},
    vec2,
};

/// What the user did to a field this frame.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Typed {
    /// Nothing that matters.
    #[default]
    Nothing,
    /// Typed; this is in the field now.
    Editing(String),
    /// Accepted; this is the new value. It differs from the old one and passed the check.
    Committed(String),
    /// Went back to the old value.
    Cancelled,
}

/// A field after it was shown.
#[derive(Debug)]
pub struct TextFieldOutput {
    /// The field's response.
    pub response: Response,
    /// What was done.
    pub typed: Typed,
}

impl TextFieldOutput {
    /// The new value, if one was committed.
    pub fn committed(self) -> Option<String> {
        match self.typed {
            Typed::Committed(value) => Some(value),
            Typed::Nothing | Typed::Editing(_) | Typed::Cancelled => None,
        }
    }
}

/// Judges a text: the error says what is wrong and what would be right.
pub type Judge<'a> = &'a dyn Fn(&str) -> Result<(), String>;

/// A field for text. Show it with [`TextField::show`].
#[must_use = "a field is shown by show"]
pub struct TextField<'a> {
    name: &'a str,
    value: &'a str,
    face: FontFace,
    placeholder: &'a str,
    suffix: &'a str,
    problem: Option<&'a str>,
    check: Option<Judge<'a>>,
    width: Option<f32>,
}

const PADDING: i8 = 10;

impl<'a> TextField<'a> {
    /// A field with its name (for its identity here and for accessibility tools; it is not shown) and its value. Where the
    /// same `Ui` shows one thing after another, such as the inspector, set its id to the thing's (`Ui::push_id`), so that
    /// a text typed for one is never shown for the next.
    pub fn new(name: &'a str, value: &'a str) -> Self {
        Self { name, value, face: FontFace::Regular, placeholder: "", suffix: "", problem: None, check: None, width: None }
    }

    /// For addresses and other things that are read by column.
    pub fn mono(self) -> Self {
        Self { face: FontFace::Mono, ..self }
    }

    /// What it says while it is empty.
    pub fn placeholder(self, placeholder: &'a str) -> Self {
        Self { placeholder, ..self }
    }

    /// A unit at its right end.
    pub fn suffix(self, suffix: &'a str) -> Self {
        Self { suffix, ..self }
    }

    /// What is wrong with the value that it has, such as a finding's message.
    pub fn problem(self, problem: Option<&'a str>) -> Self {
        Self { problem, ..self }
    }

    /// Judges what is typed, at every key.
    pub fn check(self, check: Judge<'a>) -> Self {
        Self { check: Some(check), ..self }
    }

    /// A width in points; without it, all there is.
    pub fn width(self, width: f32) -> Self {
        Self { width: Some(width), ..self }
    }

    /// The field's identity in a `Ui`, to give it the keyboard.
    pub fn id(&self, ui: &Ui) -> Id {
        ui.make_persistent_id(("text field", self.name))
    }

    /// Shows it.
    pub fn show(self, ui: &mut Ui) -> TextFieldOutput {
        let id = self.id(ui);
        let mut draft = Draft::load(ui, id, self.value);
        let width = self.width.unwrap_or_else(|| ui.available_width());
        let suffix = super::line(ui, self.suffix, (FontFace::Regular, font_size::SMALL), palette(ui).muted, width / 2.0);
        #[expect(clippy::cast_possible_truncation, reason = "a unit is a few letters; the cast saturates")]
        let suffix_room = if self.suffix.is_empty() { 0 } else { suffix.size().x.ceil() as i8 + 4 };
        let ground = ui.painter().add(Shape::Noop);
        let response = ui.add(
            TextEdit::singleline(&mut draft.text)
                .id(id)
                .font(theme::font(self.face, if self.face == FontFace::Mono { font_size::BODY - 0.5 } else { font_size::BODY }))
                .hint_text(self.placeholder)
                .frame(Frame::new().inner_margin(Margin { left: PADDING, right: PADDING + suffix_room, top: 0, bottom: 0 }))
                .min_size(vec2(width, size::CONTROL_HEIGHT))
                .desired_width(width)
                .vertical_align(Align::Center),
        );
        ui.ctx().accesskit_node_builder(id, |node| node.set_label(self.name));
        if response.gained_focus() && !response.is_pointer_button_down_on() && !response.clicked() {
            select_all(ui, id, &draft.text);
        }
        let wrong = self.check.and_then(|check| check(&draft.text).err());
        let state = if wrong.is_some() || self.problem.is_some() { FieldState::Wrong } else { FieldState::Sound };
        paint_ground(ui, ground, &response, state);
        if suffix_room > 0 {
            super::paint_line(ui.painter(), response.rect.right() - f32::from(PADDING) - suffix.size().x, response.rect.center().y, suffix);
        }
        show_problem(ui, wrong.as_deref().or(self.problem), width);
        let typed = settle(ui, &response, draft, self.value, if wrong.is_none() { FieldState::Sound } else { FieldState::Wrong });
        TextFieldOutput { response, typed }
    }
}

/// Selects the whole text of a field that got the keyboard without the pointer, so that typing replaces it.
fn select_all(ui: &Ui, id: Id, text: &str) {
    let mut state = TextEdit::load_state(ui.ctx(), id).unwrap_or_default();
    let end = CCursor::new(text.chars().count());
    state.cursor.set_char_range(Some(CCursorRange::two(CCursor::default(), end)));
    TextEdit::store_state(ui.ctx(), id, state);
}

/// Text that is being typed, and the value it started from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Draft {
    text: String,
    from: String,
}

impl Draft {
    fn key(id: Id) -> Id {
        id.with("draft")
    }

    /// What is being typed; the value where nothing is, or where the value has changed underneath.
    fn load(ui: &Ui, id: Id, value: &str) -> Self {
        let kept: Option<Self> = ui.data(|data| data.get_temp(Self::key(id)));
        kept.filter(|draft| draft.from == value).unwrap_or_else(|| Self { text: value.to_owned(), from: value.to_owned() })
    }

    fn keep(self, ui: &Ui, id: Id) {
        ui.data_mut(|data| data.insert_temp(Self::key(id), self));
    }

    fn forget(ui: &Ui, id: Id) {
        ui.data_mut(|data| data.remove::<Self>(Self::key(id)));
    }
}

/// What happened to the draft, and whether it is kept.
fn settle(ui: &Ui, response: &Response, draft: Draft, value: &str, typed: FieldState) -> Typed {
    let id = response.id;
    // A press elsewhere may take this field away with what it edits, before it sees that it lost the keyboard.
    let pressed_elsewhere = response.has_focus() && !response.contains_pointer() && ui.input(|input| input.pointer.any_pressed());
    if pressed_elsewhere {
        response.surrender_focus();
    }
    if !response.lost_focus() && !pressed_elsewhere {
        if !response.changed() {
            return Typed::Nothing;
        }
        let text = draft.text.clone();
        draft.keep(ui, id);
        return Typed::Editing(text);
    }
    let (escaped, entered) = ui.input(|input| (input.key_pressed(Key::Escape), input.key_pressed(Key::Enter)));
    if escaped {
        Draft::forget(ui, id);
        return if draft.text == value { Typed::Nothing } else { Typed::Cancelled };
    }
    if typed == FieldState::Sound {
        Draft::forget(ui, id);
        return if draft.text == value { Typed::Nothing } else { Typed::Committed(draft.text) };
    }
    draft.keep(ui, id);
    if entered {
        response.request_focus();
    }
    Typed::Nothing
}
