//! A switch: on or off, at once.

use super::{corners, focus_ring, line, paint_line};
use crate::{
    look::{FontFace, duration_secs, font_size, size, stroke},
    ui::theme::{self, Theme},
};
use egui::{Response, Sense, Stroke, StrokeKind, Ui, Widget, WidgetInfo, WidgetType, pos2, vec2};

/// A switch with words after it. Add it with `ui.add`; the response is changed when it is switched.
#[must_use = "a switch is shown by ui.add"]
pub struct Toggle<'a> {
    on: &'a mut bool,
    label: &'a str,
}

impl<'a> Toggle<'a> {
    /// A switch.
    pub fn new(on: &'a mut bool, label: &'a str) -> Self {
        Self { on, label }
    }
}

const TRACK_WIDTH: f32 = 30.0;
const TRACK_HEIGHT: f32 = 18.0;
const KNOB_INSET: f32 = 3.0;

impl Widget for Toggle<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let theme = Theme::of(ui.ctx());
        let palette = theme.palette();
        let words = line(ui, self.label, (FontFace::Regular, font_size::BODY), palette.text, f32::INFINITY);
        let words_room = if self.label.is_empty() { 0.0 } else { size::GAP + words.size().x };
        let (rect, mut response) = ui.allocate_exact_size(vec2(TRACK_WIDTH + words_room, size::CONTROL_HEIGHT), Sense::click());
        if response.clicked() {
            *self.on = !*self.on;
            response.mark_changed();
        }
        let (on, enabled) = (*self.on, ui.is_enabled());
        response.widget_info(|| WidgetInfo::selected(WidgetType::Checkbox, enabled, on, self.label));
        if ui.is_rect_visible(rect) {
            let way = ui.ctx().animate_bool_with_time(response.id, on, theme::duration(ui.ctx(), duration_secs::QUICK));
            let left = pos2(rect.left(), rect.center().y - TRACK_HEIGHT / 2.0);
            let track = egui::Rect::from_min_size(left, vec2(TRACK_WIDTH, TRACK_HEIGHT));
            let fill = palette.raised_hover.lerp_to_gamma(palette.accent, way);
            let border = Stroke::new(stroke::BORDER, palette.line_strong.lerp_to_gamma(palette.accent, way));
            ui.painter().rect(track, corners(TRACK_HEIGHT / 2.0), fill, border, StrokeKind::Inside);
            let radius = TRACK_HEIGHT / 2.0 - KNOB_INSET;
            let travel = TRACK_WIDTH - 2.0 * (radius + KNOB_INSET);
            let knob = pos2(track.left() + KNOB_INSET + radius + way * travel, track.center().y);
            ui.painter().circle_filled(knob, radius, palette.muted.lerp_to_gamma(palette.on_accent, way));
            paint_line(ui.painter(), track.right() + size::GAP, rect.center().y, words);
            focus_ring(ui, &response, track, TRACK_HEIGHT / 2.0);
        }
        response
    }
}
