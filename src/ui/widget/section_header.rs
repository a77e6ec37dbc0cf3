//! The title of a part of a panel, with what can be added to it.

use super::{Button, line, paint_line};
use crate::{
    look::{FontFace, Icon, font_size, size},
    ui::theme::palette,
};
use egui::{Align, Layout, Response, Sense, Ui, WidgetInfo, WidgetType, vec2};

/// Shows a title in capitals, and at the right an action such as `Add`; gives the action's response.
pub fn section_header(ui: &mut Ui, title: &str, action: Option<&str>) -> Option<Response> {
    let row = vec2(ui.available_width(), size::CONTROL_HEIGHT);
    ui.allocate_ui_with_layout(row, Layout::left_to_right(Align::Center), |ui| {
        let words = line(ui, &title.to_uppercase(), (FontFace::SemiBold, font_size::SMALL), palette(ui).muted, row.x);
        let (rect, response) = ui.allocate_exact_size(vec2(words.size().x, row.y), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, title));
        paint_line(ui.painter(), rect.left(), rect.center().y, words);
        let action = action?;
        let button = ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            // Its words, not its padding, end where the panel's contents end.
            ui.add_space(-size::GAP);
            ui.add(Button::quiet(action).icon(Icon::Plus))
        });
        Some(button.inner)
    })
    .inner
}
