//! The ground: sites' frames, the outside, notes.

use super::{Artist, fill, put, text};
use crate::{
    look::{Color, FontFace, Icon, font_size, radius, stroke},
    picture::{
        overlay::Mode,
        scene::{NOTE_LINE, NOTE_MARGIN},
        shape::{Anchor, Detail, Layer, Shape, Shapes, Stroke},
        space::point,
    },
};

/// How much of its colour a note keeps while something else stands out: more than other things, for it is there to be read.
const NOTE_DIMMED: f32 = 0.6;

impl Artist<'_> {
    /// All frames, the outside, and notes.
    pub fn ground(&self, out: &mut Shapes) {
        for (item, site) in self.scene.sites.iter().zip(self.lab.sites.values()) {
            if !item.frame.exists() {
                continue;
            }
            let far = self.detail >= Detail::Tile;
            let line = Stroke::solid(if far { 6.0 } else { stroke::BORDER }, self.palette.line);
            let ground = self.palette.panel.fade(0.35);
            put(out, Layer::Ground, Shape::Rect { rect: item.frame, radius: radius::CARD * 1.6, fill: ground, stroke: line });
            let title = if site.title.is_empty() { item.name.as_str() } else { &site.title };
            match self.detail {
                Detail::Whole | Detail::Full | Detail::Card => {
                    let at = item.frame.min + point(4.0, -22.0);
                    put(out, Layer::Ground, Shape::Icon { icon: Icon::Site, at, side: 14.0, color: self.palette.muted });
                    let at = at + point(20.0, 11.5);
                    put(out, Layer::Ground, text(at, Anchor::Start, FontFace::SemiBold, font_size::BODY, self.palette.muted, title));
                }
                Detail::Name => {
                    let at = item.frame.min + point(6.0, -14.0);
                    put(out, Layer::Ground, text(at, Anchor::Start, FontFace::SemiBold, 32.0, self.palette.muted, title));
                }
                // From afar the names are drawn over the tiles, at a size of the screen's.
                Detail::Tile | Detail::Far => {}
            }
        }
        self.outside(out);
        if self.detail >= Detail::Tile {
            return;
        }
        let (paper, bar_color, color) = self.note_colors();
        for item in &self.scene.notes {
            put(out, Layer::Ground, fill(item.rect, radius::CONTROL, paper));
            let bar = crate::picture::Rect { max: point(item.rect.min.x + 3.0, item.rect.max.y), ..item.rect };
            put(out, Layer::Ground, fill(bar, 1.5, bar_color));
            if self.detail == Detail::Name {
                continue;
            }
            for (n, line) in item.lines.iter().enumerate() {
                let down = NOTE_LINE.mul_add(crate::picture::geometry::count(n), NOTE_MARGIN + 13.0);
                let at = item.rect.min + point(NOTE_MARGIN, down);
                put(out, Layer::Ground, text(at, Anchor::Start, FontFace::Regular, font_size::BODY, color, line.as_str()));
            }
        }
    }

    /// Paper, bar and words of a note. In a presentation notes recede behind the drawing, and further where something stands out;
    /// their words can still be read.
    fn note_colors(&self) -> (Color, Color, Color) {
        let palette = self.palette;
        match (self.scene.states.mode, self.scene.states.notes.dimmed) {
            (_, true) => (palette.raised.fade(NOTE_DIMMED), palette.line_strong.fade(NOTE_DIMMED), palette.muted.fade(NOTE_DIMMED)),
            (Mode::Present, false) => (palette.panel, palette.line, palette.muted),
            (Mode::Design | Mode::Run, false) => (palette.raised, palette.line_strong, palette.text),
        }
    }
}
