//! A square button that is only an icon. Its name is always told: by tooltip, and to accessibility tools.

use super::{corners, focus_ring, tooltip, warmth};
use crate::{
    look::{Icon, Tone, radius, size},
    ui::{icon, theme::Theme},
};
use egui::{Rect, Response, Sense, Ui, Vec2, Widget, WidgetInfo, WidgetType};

/// An icon to click. Add it with `ui.add`.
#[must_use = "a button is shown by ui.add"]
#[derive(Debug, Clone, Copy)]
pub struct IconButton<'a> {
    icon: Icon,
    name: &'a str,
    shortcut: Option<&'a str>,
    on: Option<bool>,
    tone: Tone,
    side: f32,
}

impl<'a> IconButton<'a> {
    /// A button with an icon and its name in words.
    pub fn new(icon: Icon, name: &'a str) -> Self {
        Self { icon, name, shortcut: None, on: None, tone: Tone::Neutral, side: size::CONTROL_HEIGHT }
    }

    /// The keys that do the same.
    pub fn shortcut(self, shortcut: &'a str) -> Self {
        Self { shortcut: Some(shortcut), ..self }
    }

    /// Makes it a switch, on or off.
    pub fn on(self, on: bool) -> Self {
        Self { on: Some(on), ..self }
    }

    /// The colour of its icon.
    pub fn tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }

    /// As small as fits beside a line of text.
    pub fn small(self) -> Self {
        Self { side: 20.0, ..self }
    }

    /// As small as fits in a pill.
    pub(super) fn tiny(self) -> Self {
        Self { side: 18.0, ..self }
    }
}

impl Widget for IconButton<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let (rect, response) = ui.allocate_exact_size(Vec2::splat(self.side), Sense::click());
        let enabled = ui.is_enabled();
        response.widget_info(|| match self.on {
            Some(on) => WidgetInfo::selected(WidgetType::Button, enabled, on, self.name),
            None => WidgetInfo::labeled(WidgetType::Button, enabled, self.name),
        });
        if ui.is_rect_visible(rect) {
            let theme = Theme::of(ui.ctx());
            let palette = theme.palette();
            let warmth = warmth(ui, &response);
            let on = self.on == Some(true);
            let fill = if on { palette.accent_wash } else { palette.raised_hover.gamma_multiply(warmth) };
            ui.painter().rect_filled(rect, corners(radius::CONTROL), fill);
            let color = match self.tone {
                _ if on => palette.accent,
                Tone::Neutral => palette.muted.lerp_to_gamma(palette.text, warmth),
                tone => palette.tone(tone),
            };
            let side = size::ICON_LARGE.min(self.side - 8.0);
            icon::paint(ui.painter(), self.icon, Rect::from_center_size(rect.center(), Vec2::splat(side)), color);
            focus_ring(ui, &response, rect, radius::CONTROL);
        }
        tooltip(response, self.name, self.shortcut)
    }
}
