//! The terminal of the outside: a cloud, its name, and how many flows enter and leave.

use super::{Artist, fill, put, text};
use crate::{
    look::{FontFace, Icon, font_size, size, stroke},
    model::Endpoint,
    picture::{
        overlay::State,
        shape::{Anchor, Detail, Layer, Shape, Shapes, Stroke},
        space::{Rect, point},
    },
};

impl Artist<'_> {
    /// The terminal with its words.
    pub(super) fn outside(&self, out: &mut Shapes) {
        let Some(item) = &self.scene.outside else { return };
        let (palette, rect) = (self.palette, item.rect);
        let state: State = self.scene.states.outside;
        let radius = rect.height() / 2.0;
        if self.detail >= Detail::Tile {
            put(out, Layer::Cards, fill(rect, radius, self.tint(palette.muted, &state)));
            return;
        }
        if !state.dimmed {
            put(out, Layer::Cards, Shape::Shadow { rect, radius, color: palette.shadow });
        }
        put(out, Layer::Cards, fill(rect, radius, palette.raised));
        let line = Stroke::solid(stroke::BORDER, self.tint(palette.line_strong, &state));
        let border = Shape::Rect { rect, radius, fill: crate::look::Color::CLEAR, stroke: line };
        put(out, Layer::Cards, border);
        let tile = Rect::around(point(rect.min.x + 25.0, rect.center().y), size::CARD_TILE, size::CARD_TILE);
        let icon_at = tile.center() - point(size::ICON_LARGE / 2.0, size::ICON_LARGE / 2.0);
        put(out, Layer::Cards, fill(tile, tile.height() / 2.0, palette.card));
        let icon = Shape::Icon { icon: Icon::Cloud, at: icon_at, side: size::ICON_LARGE, color: self.tint(palette.text, &state) };
        put(out, Layer::Cards, icon);
        let left = tile.max.x + 8.0;
        let color = self.tint(palette.text, &state);
        if self.detail == Detail::Name {
            put(out, Layer::Cards, text(point(left, rect.center().y + 6.0), Anchor::Start, FontFace::SemiBold, 18.0, color, "Outside"));
            return;
        }
        let name_at = point(left, rect.center().y - 2.0);
        put(out, Layer::Cards, text(name_at, Anchor::Start, FontFace::SemiBold, font_size::NAME, color, "Outside"));
        let words_at = point(left, rect.center().y + 13.0);
        let color = self.tint(palette.muted, &state);
        put(out, Layer::Cards, text(words_at, Anchor::Start, FontFace::Regular, font_size::SMALL, color, self.outside_words()));
    }

    fn outside_words(&self) -> String {
        let entries = self.lab.flows.iter().filter(|flow| flow.from == Endpoint::Outside).count();
        let exits = self.lab.flows.iter().filter(|flow| flow.to == Endpoint::Outside).count();
        match (entries, exits) {
            (0, 0) => "no entrance".to_owned(),
            (entries, 0) => format!("{entries} in"),
            (entries, exits) => format!("{entries} in, {exits} out"),
        }
    }
}
