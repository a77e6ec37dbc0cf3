//! A field to search with: an icon, a placeholder, and a cross to empty it. Escape empties it too.

use super::{
    IconButton,
    field::{FieldState, paint_ground},
    place,
};
use crate::{
    look::{Icon, size},
    ui::{icon, theme::palette},
};
use egui::{Align, Frame, Key, Margin, Rect, Response, TextEdit, Ui, Vec2, Widget, pos2, vec2};

/// A search field on a text. Add it with `ui.add`; the response is changed when the text is.
#[must_use = "a field is shown by ui.add"]
pub struct SearchField<'a> {
    text: &'a mut String,
    placeholder: &'a str,
    width: Option<f32>,
}

impl<'a> SearchField<'a> {
    /// A field with what it says while it is empty.
    pub fn new(text: &'a mut String, placeholder: &'a str) -> Self {
        Self { text, placeholder, width: None }
    }

    /// A width in points; without it, all there is.
    pub fn width(self, width: f32) -> Self {
        Self { width: Some(width), ..self }
    }
}

const ICON_LEFT: f32 = 8.0;
const MARGIN: Margin = Margin { left: 30, right: 26, top: 0, bottom: 0 };

impl Widget for SearchField<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let width = self.width.unwrap_or_else(|| ui.available_width());
        let ground = ui.painter().add(egui::Shape::Noop);
        let edit = TextEdit::singleline(self.text)
            .hint_text(self.placeholder)
            .frame(Frame::new().inner_margin(MARGIN))
            .min_size(vec2(width, size::CONTROL_HEIGHT))
            .desired_width(width)
            .vertical_align(Align::Center);
        let mut response = ui.add(edit);
        let rect = response.rect;
        paint_ground(ui, ground, &response, FieldState::Sound);
        let glass = Rect::from_center_size(pos2(rect.left() + ICON_LEFT + size::ICON / 2.0, rect.center().y), Vec2::splat(size::ICON));
        icon::paint(ui.painter(), Icon::Search, glass, palette(ui).muted);
        if !self.text.is_empty() {
            let room = Rect::from_center_size(pos2(rect.right() - 14.0, rect.center().y), Vec2::splat(20.0));
            let clear = place(ui, room, IconButton::new(Icon::Cross, "Clear").small());
            let escaped = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Escape));
            if clear.clicked() || escaped {
                self.text.clear();
                response.mark_changed();
            }
        }
        response
    }
}
