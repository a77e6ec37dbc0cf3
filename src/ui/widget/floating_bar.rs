//! A bar that floats over the canvas: the zoom, a fault that lasts, a plan that waits.

use super::corners;
use crate::{
    look::{radius, size, stroke},
    ui::theme::Theme,
};
use egui::{Align2, Area, Context, Frame, Id, InnerResponse, Margin, Order, Rect, Ui, Vec2};

/// How high a bar is, in points.
pub const FLOATING_BAR_HEIGHT: f32 = size::CONTROL_HEIGHT + 2.0 * (MARGIN + stroke::BORDER);
const MARGIN: f32 = 4.0;

/// The frame of everything that floats: panel, border, round corners, soft shadow.
pub fn floating_bar_frame(ctx: &Context) -> Frame {
    let theme = Theme::of(ctx);
    Frame::new()
        .fill(theme.palette().panel)
        .stroke(theme.border())
        .corner_radius(corners(radius::CARD))
        .shadow(theme.float_shadow())
        .inner_margin(Margin::same(4))
}

/// Shows a bar at a corner or side of a rectangle, `margin` points inside it; its contents stand in one row.
pub fn floating_bar<R>(
    ctx: &Context,
    id: Id,
    within: Rect,
    at: Align2,
    margin: Vec2,
    contents: impl FnOnce(&mut Ui) -> R,
) -> InnerResponse<R> {
    let inside = within.shrink2(margin);
    let area = Area::new(id).order(Order::Middle).pivot(at).fixed_pos(at.pos_in_rect(&inside)).movable(false).constrain_to(within);
    area.show(ctx, |ui| {
        let frame = floating_bar_frame(ctx).show(ui, |ui| {
            ui.spacing_mut().item_spacing.x = size::GRID;
            ui.horizontal(contents).inner
        });
        frame.inner
    })
}
