//! A count in a coloured lozenge.

use super::{corners, line, paint_line};
use crate::{
    look::{FontFace, Tone, font_size, size},
    ui::theme::Theme,
};
use egui::{Painter, Rect, Response, Sense, Ui, Vec2, Widget, WidgetInfo, WidgetType, vec2};

/// A count. Add it with `ui.add`.
#[must_use = "a badge is shown by ui.add"]
#[derive(Debug, Clone, Copy)]
pub struct Badge<'a> {
    count: usize,
    tone: Tone,
    what: &'a str,
}

const PADDING: f32 = 6.0;

impl<'a> Badge<'a> {
    /// A count of something: `what` is told to accessibility tools after the count, such as "errors".
    pub fn new(count: usize, tone: Tone, what: &'a str) -> Self {
        Self { count, tone, what }
    }
}

fn words(count: usize) -> String {
    if count > 99 { "99+".to_owned() } else { count.to_string() }
}

/// How much room a badge takes, in points.
pub fn badge_size(count: usize) -> Vec2 {
    let width = crate::look::width(&words(count), FontFace::SemiBold, font_size::SMALL);
    vec2((width + 2.0 * PADDING).max(size::BADGE_HEIGHT + 2.0).ceil(), size::BADGE_HEIGHT)
}

/// Paints a badge that is part of something larger.
pub fn paint_badge(ui: &Ui, painter: &Painter, rect: Rect, count: usize, tone: Tone) {
    let palette = Theme::of(ui.ctx()).palette();
    // A count of nothing in particular is quiet.
    let (fill, color) = match tone {
        Tone::Neutral => (palette.raised_hover, palette.muted),
        tone => (palette.tone(tone), palette.on_tone(tone)),
    };
    painter.rect_filled(rect, corners(rect.height() / 2.0), fill);
    let words = line(ui, &words(count), (FontFace::SemiBold, font_size::SMALL), color, f32::INFINITY);
    paint_line(painter, rect.center().x - words.size().x / 2.0, rect.center().y, words);
}

impl Widget for Badge<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let (rect, response) = ui.allocate_exact_size(badge_size(self.count), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, format!("{} {}", self.count, self.what)));
        if ui.is_rect_visible(rect) {
            paint_badge(ui, ui.painter(), rect, self.count, self.tone);
        }
        response
    }
}
