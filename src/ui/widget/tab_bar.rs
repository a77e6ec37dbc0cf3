//! Tabs with counts, over what they show.

use super::{badge_size, focus_ring, line, paint_badge, paint_line, tooltip};
use crate::{
    look::{FontFace, Tone, font_size, radius, size, stroke},
    ui::theme::Theme,
};
use egui::{Rect, Response, Sense, Ui, WidgetInfo, WidgetType, pos2, vec2};

/// One tab.
#[derive(Debug, Clone, Copy)]
pub struct Tab<'a, T> {
    /// What it stands for.
    pub value: T,
    /// Its word.
    pub label: &'a str,
    /// What is in it: its tooltip.
    pub about: &'a str,
    /// How many things are in it, and their colour; none is not shown.
    pub count: Option<(usize, Tone)>,
}

/// How high a tab bar is, in points.
pub const TAB_BAR_HEIGHT: f32 = 36.0;
const HEIGHT: f32 = TAB_BAR_HEIGHT;
const PADDING: f32 = 12.0;
const BADGE_GAP: f32 = 6.0;

/// Shows the tabs; changes `current` on a click. The response is changed when it did.
pub fn tab_bar<T: Copy + PartialEq>(ui: &mut Ui, name: &str, current: &mut T, tabs: &[Tab<'_, T>]) -> Response {
    let (whole, mut response) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::RadioGroup, true, name));
    let theme = Theme::of(ui.ctx());
    let palette = theme.palette();
    ui.painter().hline(whole.x_range(), whole.bottom() - 0.5, theme.border());
    let mut left = whole.left();
    for (nth, tab) in tabs.iter().enumerate() {
        let count = tab.count.filter(|(count, _)| *count > 0);
        let badge = count.map_or(0.0, |(count, _)| badge_size(count).x + BADGE_GAP);
        // As wide as its chosen form, so that nothing shifts when it is chosen.
        let words_width = crate::look::width(tab.label, FontFace::SemiBold, font_size::NAME).ceil();
        let part = Rect::from_min_size(pos2(left, whole.top()), vec2(words_width + badge + 2.0 * PADDING, HEIGHT));
        left = part.right();
        let click = ui.interact(part, response.id.with(nth), Sense::click());
        if click.clicked() && *current != tab.value {
            *current = tab.value;
            response.mark_changed();
        }
        let chosen = *current == tab.value;
        click.widget_info(|| WidgetInfo::selected(WidgetType::RadioButton, ui.is_enabled(), chosen, tab.label));
        let (face, color) = match chosen {
            true => (FontFace::SemiBold, palette.text),
            false if click.hovered() => (FontFace::Medium, palette.text),
            false => (FontFace::Medium, palette.muted),
        };
        let words = line(ui, tab.label, (face, font_size::NAME), color, f32::INFINITY);
        paint_line(ui.painter(), part.left() + PADDING, part.center().y, words);
        if let Some((count, tone)) = count {
            let size = badge_size(count);
            let corner = pos2(part.left() + PADDING + words_width + BADGE_GAP, part.center().y - size.y / 2.0);
            paint_badge(ui, ui.painter(), Rect::from_min_size(corner, size), count, tone);
        }
        if chosen {
            let line = Rect::from_min_max(
                pos2(part.left() + PADDING, part.bottom() - stroke::SELECTION),
                pos2(part.right() - PADDING, part.bottom()),
            );
            ui.painter().rect_filled(line, 1.0, palette.accent);
        }
        focus_ring(ui, &click, part.shrink(size::GRID), radius::CONTROL);
        tooltip(click, tab.about, None);
    }
    response
}
