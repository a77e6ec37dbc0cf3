//! A few choices side by side, one of them taken: Design, Run, Present.

use super::{corners, focus_ring, line, paint_line, tooltip};
use crate::{
    look::{FontFace, duration_secs, font_size, radius, size},
    ui::theme::{self, Theme},
};
use egui::{Color32, Id, Rect, Response, Sense, StrokeKind, Ui, WidgetInfo, WidgetType, pos2, vec2};

const SEGMENT_WIDTH_MIN: f32 = 64.0;
const PADDING: f32 = 16.0;
const INSET: f32 = 2.0;

/// One choice.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a, T> {
    value: T,
    label: &'a str,
    explanation: &'a str,
    shortcut: Option<&'a str>,
}

impl<'a, T> Segment<'a, T> {
    /// A choice with its word, and what it does: its tooltip.
    pub fn new(value: T, label: &'a str, explanation: &'a str) -> Self {
        Self { value, label, explanation, shortcut: None }
    }

    /// The keys that do the same.
    pub fn shortcut(self, shortcut: &'a str) -> Self {
        Self { shortcut: Some(shortcut), ..self }
    }
}

/// Shows the choices; changes `current` on a click. The response is changed when it did.
pub fn segmented<T: Copy + PartialEq>(ui: &mut Ui, name: &str, current: &mut T, choices: &[Segment<'_, T>]) -> Response {
    let widest = choices.iter().map(|choice| crate::look::width(choice.label, FontFace::SemiBold, font_size::BODY)).fold(0.0, f32::max);
    let width = (widest + 2.0 * PADDING).max(SEGMENT_WIDTH_MIN).ceil();
    let mut whole = vec2(2.0 * INSET, size::CONTROL_HEIGHT + 2.0);
    for _ in choices {
        whole.x += width;
    }
    let (rect, mut response) = ui.allocate_exact_size(whole, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::RadioGroup, true, name));
    let theme = Theme::of(ui.ctx());
    let palette = theme.palette();
    ui.painter().rect(rect, corners(radius::CONTROL + INSET), palette.raised, theme.border(), StrokeKind::Inside);
    let mut left = rect.left() + INSET;
    let mut parts = Vec::new();
    for (nth, choice) in choices.iter().enumerate() {
        let part = Rect::from_min_size(pos2(left, rect.top() + INSET), vec2(width, rect.height() - 2.0 * INSET));
        let click = ui.interact(part, response.id.with(nth), Sense::click());
        if click.clicked() && *current != choice.value {
            *current = choice.value;
            response.mark_changed();
        }
        parts.push((part, click, choice));
        left += width;
    }
    if let Some((part, ..)) = parts.iter().find(|(_, _, choice)| choice.value == *current) {
        paint_chosen(ui, response.id, *part);
    }
    for (part, click, choice) in parts {
        let (taken, words) = (choice.value == *current, choice.label);
        click.widget_info(|| WidgetInfo::selected(WidgetType::RadioButton, ui.is_enabled(), taken, words));
        let (face, color) = match taken {
            true => (FontFace::SemiBold, palette.text),
            false if click.hovered() => (FontFace::Medium, palette.text),
            false => (FontFace::Medium, palette.muted),
        };
        let words = line(ui, words, (face, font_size::BODY), color, width);
        paint_line(ui.painter(), part.center().x - words.size().x / 2.0, part.center().y, words);
        focus_ring(ui, &click, part, radius::CONTROL);
        tooltip(click, choice.explanation, choice.shortcut);
    }
    response
}

/// The plate under the taken choice, which slides to a new one.
fn paint_chosen(ui: &Ui, id: Id, part: Rect) {
    let theme = Theme::of(ui.ctx());
    let left = ui.ctx().animate_value_with_time(id.with("plate"), part.left(), theme::duration(ui.ctx(), duration_secs::USUAL));
    let plate = Rect::from_min_size(pos2(left, part.top()), part.size());
    let fill: Color32 = theme.palette().segment;
    ui.painter().rect(plate, corners(radius::CONTROL), fill, theme.border(), StrokeKind::Inside);
}
