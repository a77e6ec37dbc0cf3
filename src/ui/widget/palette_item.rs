//! A tile of the palette: an icon and a word, to drag onto the canvas or to click.

use super::{corners, focus_ring, line, paint_line, warmth};
use crate::{
    look::{FontFace, Icon, Tone, font_size, radius, size},
    ui::{icon, theme::Theme},
};
use egui::{CursorIcon, Rect, Response, Sense, Ui, Vec2, Widget, WidgetInfo, WidgetType, pos2, vec2};

/// A tile. Add it with `ui.add`; the caller sets what a drag carries (`Response::dnd_set_drag_payload`) and acts on clicks.
#[must_use = "a tile is shown by ui.add"]
#[derive(Debug, Clone, Copy)]
pub struct PaletteItem<'a> {
    icon: Icon,
    label: &'a str,
    width: f32,
    tone: Tone,
}

const PADDING: f32 = 8.0;
const GAP: f32 = 6.0;

impl<'a> PaletteItem<'a> {
    /// A tile of the usual width.
    pub fn new(icon: Icon, label: &'a str) -> Self {
        Self { icon, label, width: size::TILE_WIDTH, tone: Tone::Neutral }
    }

    /// A width in points.
    pub fn width(self, width: f32) -> Self {
        Self { width, ..self }
    }

    /// The colour of its icon.
    pub fn tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

impl Widget for PaletteItem<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let (rect, response) = ui.allocate_exact_size(vec2(self.width, size::CONTROL_HEIGHT), Sense::click_and_drag());
        let enabled = ui.is_enabled();
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, enabled, self.label));
        if ui.is_rect_visible(rect) {
            let theme = Theme::of(ui.ctx());
            let palette = theme.palette();
            let warmth = warmth(ui, &response);
            ui.painter().rect_filled(rect, corners(radius::CONTROL), palette.raised.lerp_to_gamma(palette.raised_hover, warmth));
            let middle = pos2(rect.left() + PADDING + size::ICON / 2.0, rect.center().y);
            let color = match self.tone {
                Tone::Neutral => palette.muted.lerp_to_gamma(palette.text, warmth),
                tone => palette.tone(tone),
            };
            icon::paint(ui.painter(), self.icon, Rect::from_center_size(middle, Vec2::splat(size::ICON)), color);
            let left = middle.x + size::ICON / 2.0 + GAP;
            let room = rect.right() - 4.0 - left;
            let usual = font_size::BODY - 0.5;
            let fits = crate::look::width(self.label, FontFace::Regular, usual) <= room;
            let size = if fits { usual } else { font_size::SMALL };
            let words = line(ui, self.label, (FontFace::Regular, size), palette.text, room);
            paint_line(ui.painter(), left, rect.center().y, words);
            focus_ring(ui, &response, rect, radius::CONTROL);
        }
        response.on_hover_cursor(CursorIcon::Grab)
    }
}
