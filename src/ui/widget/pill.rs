//! A small rounded chip: a name that can be clicked, and a cross where it can be taken away.

use super::{IconButton, corners, focus_ring, line, paint_line, place, warmth};
use crate::{
    look::{FontFace, Icon, Tone, font_size, size},
    ui::{icon, theme::Theme},
};
use egui::{Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, WidgetType, pos2, vec2};

/// A pill. Show it with [`Pill::show`].
#[must_use = "a pill is shown by show"]
#[derive(Debug, Clone, Copy)]
pub struct Pill<'a> {
    label: &'a str,
    name: &'a str,
    icon: Option<Icon>,
    tone: Tone,
    remove: Option<&'a str>,
}

/// A pill after it was shown.
#[derive(Debug)]
pub struct PillOutput {
    /// The pill's own response.
    pub response: Response,
    /// Whether its cross was clicked.
    pub removed: bool,
}

const HEIGHT: f32 = 24.0;
const PADDING: f32 = 10.0;
const ICON_SIDE: f32 = 12.0;
const ICON_GAP: f32 = 5.0;
const CROSS: f32 = 18.0;

impl<'a> Pill<'a> {
    /// A pill with a name.
    pub fn new(label: &'a str) -> Self {
        Self { label, name: label, icon: None, tone: Tone::Neutral, remove: None }
    }

    /// What accessibility tools call it, where its label is shortened.
    pub fn name(self, name: &'a str) -> Self {
        Self { name, ..self }
    }

    /// An icon before its label.
    pub fn icon(self, icon: Icon) -> Self {
        Self { icon: Some(icon), ..self }
    }

    /// What it says by its border and words.
    pub fn tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }

    /// Gives it a cross; `what` says what the cross does, such as "No longer let app1 connect".
    pub fn removable(self, what: &'a str) -> Self {
        Self { remove: Some(what), ..self }
    }

    /// Shows it.
    pub fn show(self, ui: &mut Ui) -> PillOutput {
        let theme = Theme::of(ui.ctx());
        let palette = theme.palette();
        let color = if self.tone == Tone::Neutral { palette.text } else { palette.tone(self.tone) };
        let words = line(ui, self.label, (FontFace::Regular, font_size::BODY - 0.5), color, 160.0);
        let icon_room = if self.icon.is_some() { ICON_SIDE + ICON_GAP } else { 0.0 };
        let right = if self.remove.is_some() { CROSS + 4.0 } else { PADDING };
        let width = PADDING + icon_room + words.size().x + right;
        let (rect, response) = ui.allocate_exact_size(vec2(width.ceil(), HEIGHT), Sense::click());
        let enabled = ui.is_enabled();
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, enabled, self.name));
        let border = if self.tone == Tone::Neutral { Stroke::NONE } else { Stroke::new(1.0, color) };
        let fill = palette.raised.lerp_to_gamma(palette.raised_hover, warmth(ui, &response));
        ui.painter().rect(rect, corners(HEIGHT / 2.0), fill, border, StrokeKind::Inside);
        if let Some(icon) = self.icon {
            let middle = pos2(rect.left() + PADDING + ICON_SIDE / 2.0, rect.center().y);
            let color = if self.tone == Tone::Neutral { palette.muted } else { color };
            icon::paint(ui.painter(), icon, Rect::from_center_size(middle, Vec2::splat(ICON_SIDE)), color);
        }
        paint_line(ui.painter(), rect.left() + PADDING + icon_room, rect.center().y, words);
        focus_ring(ui, &response, rect, HEIGHT / 2.0);
        let removed = self.remove.is_some_and(|what| {
            let middle = pos2(rect.right() - 4.0 - CROSS / 2.0, rect.center().y);
            let room = Rect::from_center_size(middle, Vec2::splat(CROSS.min(size::CONTROL_HEIGHT)));
            place(ui, room, IconButton::new(Icon::Cross, what).tiny()).clicked()
        });
        PillOutput { response, removed }
    }
}
