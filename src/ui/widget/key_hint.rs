//! The keys that do something, as small caps, and the tooltip that shows them.

use super::{corners, line, paint_line};
use crate::{
    look::{FontFace, font_size},
    ui::theme::{Theme, palette},
};
use egui::{Response, Sense, StrokeKind, Ui, Widget, WidgetInfo, WidgetType, vec2};

/// Keys such as `Ctrl K`. Add it with `ui.add`.
#[must_use = "a hint is shown by ui.add"]
#[derive(Debug, Clone, Copy)]
pub struct KeyHint<'a>(pub &'a str);

const HEIGHT: f32 = 18.0;
const PADDING: f32 = 5.0;
const RADIUS: f32 = 4.0;

impl Widget for KeyHint<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let words = line(ui, self.0, (FontFace::Mono, font_size::SMALL - 0.5), palette(ui).muted, f32::INFINITY);
        let (rect, response) = ui.allocate_exact_size(vec2((words.size().x + 2.0 * PADDING).ceil(), HEIGHT), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, self.0));
        if ui.is_rect_visible(rect) {
            let theme = Theme::of(ui.ctx());
            ui.painter().rect(rect, corners(RADIUS), palette(ui).raised, theme.border(), StrokeKind::Inside);
            paint_line(ui.painter(), rect.left() + PADDING, rect.center().y, words);
        }
        response
    }
}

/// Explains a thing when the pointer rests on it, with the keys that do the same; also where it is disabled.
pub fn tooltip(response: Response, explanation: &str, shortcut: Option<&str>) -> Response {
    let show = |ui: &mut Ui| {
        ui.horizontal(|ui| {
            ui.label(explanation);
            if let Some(keys) = shortcut {
                ui.add(KeyHint(keys));
            }
        });
    };
    response.on_hover_ui(show).on_disabled_hover_ui(show)
}
