//! A button with words, and an icon where it helps.

use super::{corners, focus_ring, line, paint_line, tooltip, warmth};
use crate::{
    look::{FontFace, Icon, font_size, radius, size, stroke},
    ui::{icon, theme::Theme},
};
use egui::{Color32, Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2, Widget, WidgetInfo, WidgetType, pos2, vec2};

/// What a button is among its neighbours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ButtonKind {
    /// The one thing to do next: at most one of them in sight.
    Primary,
    /// One of several things to do.
    #[default]
    Secondary,
    /// Breaks or removes something.
    Danger,
    /// Words that can be clicked, where a frame would be too loud.
    Quiet,
}

/// A button. Add it with `ui.add`.
#[must_use = "a button is shown by ui.add"]
#[derive(Debug, Clone, Copy)]
pub struct Button<'a> {
    label: &'a str,
    kind: ButtonKind,
    icon: Option<Icon>,
    explanation: Option<&'a str>,
    shortcut: Option<&'a str>,
    width: Option<f32>,
}

const PADDING: f32 = 12.0;
const PADDING_QUIET: f32 = 8.0;
const ICON_GAP: f32 = 6.0;

impl<'a> Button<'a> {
    /// A secondary button.
    pub fn new(label: &'a str) -> Self {
        Self { label, kind: ButtonKind::Secondary, icon: None, explanation: None, shortcut: None, width: None }
    }

    /// The one thing to do next.
    pub fn primary(label: &'a str) -> Self {
        Self::new(label).kind(ButtonKind::Primary)
    }

    /// Breaks or removes something.
    pub fn danger(label: &'a str) -> Self {
        Self::new(label).kind(ButtonKind::Danger)
    }

    /// Words that can be clicked.
    pub fn quiet(label: &'a str) -> Self {
        Self::new(label).kind(ButtonKind::Quiet)
    }

    /// What it is among its neighbours.
    pub fn kind(self, kind: ButtonKind) -> Self {
        Self { kind, ..self }
    }

    /// An icon before the words.
    pub fn icon(self, icon: Icon) -> Self {
        Self { icon: Some(icon), ..self }
    }

    /// A width in points; without it, as wide as its words.
    pub fn width(self, width: f32) -> Self {
        Self { width: Some(width), ..self }
    }

    /// What it does, shown when the pointer rests on it; also where it is disabled.
    pub fn explanation(self, explanation: &'a str) -> Self {
        Self { explanation: Some(explanation), ..self }
    }

    /// The keys that do the same, shown beside the explanation.
    pub fn shortcut(self, shortcut: &'a str) -> Self {
        Self { shortcut: Some(shortcut), ..self }
    }
}

struct Colors {
    fill: Color32,
    border: Stroke,
    words: Color32,
}

fn colors(theme: &Theme, kind: ButtonKind, warmth: f32, response: &Response) -> Colors {
    let palette = theme.palette();
    let pressed = if response.is_pointer_button_down_on() { 0.5 } else { 1.0 };
    let mix = |cold: Color32, warm: Color32| cold.lerp_to_gamma(warm, warmth * pressed);
    match kind {
        ButtonKind::Primary => Colors { fill: mix(palette.accent, palette.accent_hover), border: Stroke::NONE, words: palette.on_accent },
        ButtonKind::Secondary => Colors {
            fill: mix(palette.panel, palette.raised_hover),
            border: Stroke::new(stroke::BORDER, mix(palette.line, palette.line_strong)),
            words: palette.text,
        },
        ButtonKind::Danger => Colors {
            fill: palette.bad_wash.gamma_multiply(warmth * pressed),
            border: Stroke::new(stroke::BORDER, palette.bad),
            words: palette.bad,
        },
        ButtonKind::Quiet => {
            Colors { fill: palette.accent_wash.gamma_multiply(warmth * pressed), border: Stroke::NONE, words: palette.accent }
        }
    }
}

impl Widget for Button<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let theme = Theme::of(ui.ctx());
        let face = if self.kind == ButtonKind::Primary { FontFace::SemiBold } else { FontFace::Medium };
        let padding = if self.kind == ButtonKind::Quiet { PADDING_QUIET } else { PADDING };
        let icon_room = if self.icon.is_some() { size::ICON + ICON_GAP } else { 0.0 };
        let room = self.width.map_or(f32::INFINITY, |width| width - 2.0 * padding - icon_room);
        let words = line(ui, self.label, (face, font_size::BODY), Color32::PLACEHOLDER, room);
        let content = icon_room + words.size().x;
        let wanted = vec2(self.width.unwrap_or((content + 2.0 * padding).ceil()), size::CONTROL_HEIGHT);
        let (rect, response) = ui.allocate_exact_size(wanted, Sense::click());
        let enabled = ui.is_enabled();
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, enabled, self.label));
        if ui.is_rect_visible(rect) {
            let colors = colors(theme, self.kind, warmth(ui, &response), &response);
            ui.painter().rect(rect, corners(radius::CONTROL), colors.fill, colors.border, StrokeKind::Inside);
            let mut x = rect.center().x - content / 2.0;
            if let Some(icon) = self.icon {
                let middle = pos2(x + size::ICON / 2.0, rect.center().y);
                icon::paint(ui.painter(), icon, Rect::from_center_size(middle, Vec2::splat(size::ICON)), colors.words);
                x += icon_room;
            }
            let words = line(ui, self.label, (face, font_size::BODY), colors.words, room);
            paint_line(ui.painter(), x, rect.center().y, words);
            focus_ring(ui, &response, rect, radius::CONTROL);
        }
        match (self.explanation, self.shortcut) {
            (None, None) => response,
            (explanation, shortcut) => tooltip(response, explanation.unwrap_or(self.label), shortcut),
        }
    }
}
