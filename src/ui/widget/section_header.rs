//! The title of a part of a panel, with what can be added to it.

use super::{Button, line, paint_line};
use crate::{
    look::{FontFace, Icon, font_size, size},
    ui::theme::palette,
};
use egui::{Align, Layout, Response, Sense, Ui, UiBuilder, WidgetInfo, WidgetType, vec2};

/// Shows a title in capitals, and at the right an action, its word and its tooltip; gives the action's response.
pub fn section_header(ui: &mut Ui, title: &str, action: Option<(&str, &str)>) -> Option<Response> {
    let (row, response) = ui.allocate_exact_size(vec2(ui.available_width(), size::CONTROL_HEIGHT), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, title));
    let words = line(ui, &title.to_uppercase(), (FontFace::SemiBold, font_size::SMALL), palette(ui).muted, row.width());
    paint_line(ui.painter(), row.left(), row.center().y, words);
    let (action, explanation) = action?;
    // Its words, not its padding, end where the panel's contents end.
    let mut room = row;
    room.max.x += size::GAP;
    let mut inside = ui.new_child(UiBuilder::new().max_rect(room).layout(Layout::right_to_left(Align::Center)));
    Some(inside.add(Button::quiet(action).icon(Icon::Plus).explanation(explanation)))
}
