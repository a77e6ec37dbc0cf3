//! What letting go of files over the window would do, while they are over it.

use super::{icon, theme::Theme, widget};
use crate::{
    app::Dropped,
    look::{FontFace, Icon, font_size, radius, size, stroke},
};
use egui::{Align2, Context, Id, LayerId, Order, Rect, Shape, Stroke, StrokeKind, Vec2, pos2, vec2};
use std::path::PathBuf;

const MARGIN: f32 = 6.0;
const PADDING: f32 = 16.0;
/// How much of the window shows through.
const COVER: f32 = 0.8;

/// Shows the hint over everything else.
pub fn show(ctx: &Context) {
    let hovered = ctx.input(|input| input.raw.hovered_files.clone());
    if hovered.is_empty() {
        return;
    }
    // Some desktops name the files only when they are dropped.
    let paths: Vec<PathBuf> = hovered.into_iter().filter_map(|file| file.path).collect();
    let dropped = Dropped::of(&paths);
    let is_good = dropped.open.is_some() || paths.is_empty();
    let palette = Theme::of(ctx).palette();
    let color = if is_good { palette.accent } else { palette.bad };
    let painter = ctx.layer_painter(LayerId::new(Order::Tooltip, Id::new("drop hint")));
    let window = ctx.content_rect();
    painter.rect_filled(window, 0.0, palette.canvas.gamma_multiply(COVER));
    let frame = window.shrink(MARGIN);
    let corners = [frame.left_top(), frame.right_top(), frame.right_bottom(), frame.left_bottom(), frame.left_top()];
    painter.extend(Shape::dashed_line(&corners, Stroke::new(stroke::SELECTION, color), 8.0, 6.0));
    let font = super::theme::font(FontFace::SemiBold, font_size::TITLE);
    let words = painter.layout(dropped.hint(), font, palette.text, (frame.width() - 120.0).max(120.0));
    let left = PADDING + size::ICON_LARGE + size::GAP;
    let room = vec2(left + words.size().x + PADDING, words.size().y + 2.0 * PADDING);
    let place = Align2::CENTER_CENTER.anchor_size(window.center(), room);
    painter.rect(place, widget::corners(radius::CARD), palette.panel, Stroke::new(stroke::BORDER, color), StrokeKind::Inside);
    let symbol = if is_good { Icon::Folder } else { Icon::Block };
    let at = pos2(place.left() + PADDING + size::ICON_LARGE / 2.0, place.center().y);
    icon::paint(&painter, symbol, Rect::from_center_size(at, Vec2::splat(size::ICON_LARGE)), color);
    painter.galley(place.min + vec2(left, PADDING), words, palette.text);
}
