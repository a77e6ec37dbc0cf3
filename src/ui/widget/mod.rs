//! The reusable pieces of the window, one a file: allocate, interact, paint, tell accessibility tools.
//!
//! They know the theme and nothing of labs, but for the words of health. They keep no state beyond what egui keeps for a
//! text being typed.

mod badge;
mod button;
mod choice;
mod empty_state;
mod field;
mod floating_bar;
mod health_mark;
mod icon_button;
mod key_hint;
mod line_edit;
mod number_field;
mod palette_item;
mod pill;
mod search_field;
mod section_header;
mod segmented;
mod tab_bar;
mod text_field;
mod toggle;

pub use badge::{Badge, badge_size, paint_badge};
pub use button::{Button, ButtonKind};
pub use choice::choice;
pub use empty_state::empty_state;
pub use field::{field_row, link_row, value_row};
pub use floating_bar::{FLOATING_BAR_HEIGHT, floating_bar, floating_bar_frame};
pub use health_mark::{HealthMark, paint_health_mark};
pub use icon_button::IconButton;
pub use key_hint::{KeyHint, tooltip};
pub use line_edit::{LineEdit, select_first};
pub use number_field::NumberField;
pub use palette_item::{PaletteItem, fits_tile, tile_height};
pub use pill::{Pill, PillOutput};
pub use search_field::SearchField;
pub use section_header::section_header;
pub use segmented::{Segment, segmented};
pub use tab_bar::{TAB_BAR_HEIGHT, Tab, tab_bar};
pub use text_field::{Judge, TextField, TextFieldOutput, Typed};
pub use toggle::Toggle;

use super::theme::{self, Theme};
use crate::look::FontFace;
use egui::{
    Align, Color32, CornerRadius, Galley, Layout, Painter, Pos2, Rect, Response, StrokeKind, Ui, UiBuilder, Widget,
    text::{LayoutJob, TextWrapping},
};
use std::sync::Arc;

/// One line of text, cut with an ellipsis where it is wider than `width_max` points.
pub fn line(ui: &Ui, text: &str, (face, size): (FontFace, f32), color: Color32, width_max: f32) -> Arc<Galley> {
    let mut job = LayoutJob::simple_singleline(text.to_owned(), theme::font(face, size), color);
    job.wrap = TextWrapping::truncate_at_width(width_max);
    ui.fonts_mut(|fonts| fonts.layout_job(job))
}

/// Paints a line with its left end at `x` and its middle at `y`, on whole pixels; gives where it is.
pub fn paint_line(painter: &Painter, x: f32, y: f32, galley: Arc<Galley>) -> Rect {
    let size = galley.size();
    let scale = painter.pixels_per_point();
    let corner = Pos2::new((x * scale).round() / scale, ((y - size.y / 2.0) * scale).round() / scale);
    painter.galley(corner, galley, Color32::PLACEHOLDER);
    Rect::from_min_size(corner, size)
}

/// The ring around what has the keyboard: outside its edge, so that it never hides what is in it.
pub fn focus_ring(ui: &Ui, response: &Response, rect: Rect, radius: f32) {
    if response.has_focus() {
        let theme = Theme::of(ui.ctx());
        ui.painter().rect_stroke(rect.expand(1.0), corners(radius + 1.0), theme.selection(), StrokeKind::Outside);
    }
}

/// A text with its first letter as a sentence or a label has it.
pub fn capitalized(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A corner radius in egui's type, which counts whole points.
pub fn corners(radius: f32) -> CornerRadius {
    CornerRadius::from(radius)
}

/// Shows a widget inside another, in room that is allocated already.
fn place(ui: &mut Ui, room: Rect, widget: impl Widget) -> Response {
    ui.new_child(UiBuilder::new().max_rect(room).layout(Layout::left_to_right(Align::Center))).add(widget)
}

/// How far a thing is on its way to being hovered: 0 to 1, at once where motion is reduced.
fn warmth(ui: &Ui, response: &Response) -> f32 {
    let hovered = response.hovered() || response.has_focus();
    ui.ctx().animate_bool_responsive(response.id.with("warmth"), hovered && ui.is_enabled())
}
