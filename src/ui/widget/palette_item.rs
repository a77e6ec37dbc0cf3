//! A tile of the palette: an icon and its words in one line or two, to drag onto the canvas or to click.

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
    height: f32,
    tone: Tone,
}

const PADDING: f32 = 6.0;
const GAP: f32 = 5.0;
const MARGIN_RIGHT: f32 = 3.0;
/// A tile with two lines of words.
const HEIGHT_TWO_LINES: f32 = 40.0;
const LINE_HEIGHT: f32 = 14.0;
const FONT_SIZES: [f32; 2] = [font_size::BODY - 0.5, font_size::SMALL];

/// How words stand on a tile: at which size, and in how many lines.
#[derive(Debug, Clone, PartialEq)]
struct Words<'a> {
    size: f32,
    lines: Vec<&'a str>,
    fit: bool,
}

impl<'a> Words<'a> {
    /// In one line where they fit, else broken at a space. Only words that are too long even then are cut.
    fn new(label: &'a str, width: f32) -> Self {
        let room = width - PADDING - size::ICON - GAP - MARGIN_RIGHT;
        let fits = |words: &str, size| crate::look::width(words, FontFace::Regular, size) <= room;
        if let Some(size) = FONT_SIZES.into_iter().find(|size| fits(label, *size)) {
            return Self { size, lines: vec![label], fit: true };
        }
        for size in FONT_SIZES {
            let breaks = label.match_indices(' ').map(|(at, _)| label.split_at(at));
            let mut halves =
                breaks.map(|(one, other)| (one, other.trim_start())).filter(|(one, other)| fits(one, size) && fits(other, size));
            // The first line as long as it can be.
            if let Some((one, other)) = halves.next_back() {
                return Self { size, lines: vec![one, other], fit: true };
            }
        }
        Self { size: font_size::SMALL, lines: vec![label], fit: false }
    }
}

/// How high a tile of a width must be for its words.
pub fn tile_height(label: &str, width: f32) -> f32 {
    if Words::new(label, width).lines.len() > 1 { HEIGHT_TWO_LINES } else { size::CONTROL_HEIGHT }
}

/// Whether all of a tile's words are shown at a width.
pub fn fits_tile(label: &str, width: f32) -> bool {
    Words::new(label, width).fit
}

impl<'a> PaletteItem<'a> {
    /// A tile of the usual width.
    pub fn new(icon: Icon, label: &'a str) -> Self {
        Self { icon, label, width: size::TILE_WIDTH, height: size::CONTROL_HEIGHT, tone: Tone::Neutral }
    }

    /// A height in points, as all tiles of a row have it.
    pub fn height(self, height: f32) -> Self {
        Self { height, ..self }
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
        let (rect, response) = ui.allocate_exact_size(vec2(self.width, self.height), Sense::click_and_drag());
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
            let room = rect.right() - MARGIN_RIGHT - left;
            let words = Words::new(self.label, self.width);
            let mut middle = rect.center().y - if words.lines.len() > 1 { LINE_HEIGHT / 2.0 } else { 0.0 };
            for text in words.lines {
                let words = line(ui, text, (FontFace::Regular, words.size), palette.text, room);
                paint_line(ui.painter(), left, middle, words);
                middle += LINE_HEIGHT;
            }
            focus_ring(ui, &response, rect, radius::CONTROL);
        }
        response.on_hover_cursor(CursorIcon::Grab)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_broken_at_a_space_where_one_line_is_too_narrow() {
        assert_eq!(Words::new("nginx", 104.0).lines, ["nginx"]);
        assert_eq!(Words::new("Galera arbitrator", 104.0).lines, ["Galera", "arbitrator"]);
        assert_eq!(Words::new("Galera arbitrator", 200.0).lines, ["Galera arbitrator"]);
        assert_eq!((tile_height("nginx", 104.0), tile_height("Galera arbitrator", 104.0)), (size::CONTROL_HEIGHT, HEIGHT_TWO_LINES));
    }

    #[test]
    fn a_word_that_is_too_long_is_cut() {
        assert!(!fits_tile("Donaudampfschifffahrt", 104.0) && fits_tile("Donau dampf", 104.0));
    }
}
