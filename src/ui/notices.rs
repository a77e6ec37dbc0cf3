//! What is to be read once, above the lower edge of the window: the latest at the bottom, older ones over it.

use super::{desk::Desk, panel, theme, widget};
use crate::app::{Command, Notice, WindowCommand};
use crate::look::{FontFace, Icon, Tone, font_size, size};
use egui::{Align2, Context, Id, Rect, RichText, vec2};
use std::time::Duration;

/// Notices that are shown at once; the others wait.
const SHOWN_MAX: usize = 3;
/// The widest text, in points.
const WIDTH_MAX: f32 = 560.0;
/// How long a good notice stays, in seconds. Others stay until they are closed.
const STAYS_SECS: f64 = 5.0;
const MARGIN: f32 = 24.0;

/// Shows the notices that wait longest.
pub fn show(ctx: &Context, desk: &mut Desk<'_>) {
    let waiting = desk.state.notices.waiting().len().saturating_sub(SHOWN_MAX);
    let shown: Vec<Notice> = desk.state.notices.waiting().take(SHOWN_MAX).cloned().collect();
    let (mut bottom, mut rects) = (MARGIN, Vec::new());
    for (nth, notice) in shown.iter().rev().enumerate() {
        let more = if nth == 0 { waiting } else { 0 };
        let rect = bar(ctx, desk, notice, bottom, more);
        bottom += rect.height() + size::GRID;
        rects.push(rect);
        if notice.tone == Tone::Good {
            fade_out(ctx, notice.id, desk);
        }
    }
    ctx.data_mut(|data| data.insert_temp(rects_id(), rects));
}

/// Where the shown notices are.
pub fn rects(ctx: &Context) -> Vec<Rect> {
    ctx.data(|data| data.get_temp(rects_id())).unwrap_or_default()
}

fn rects_id() -> Id {
    Id::new("notice rects")
}

/// Shows one notice so far above the lower edge; gives its place.
fn bar(ctx: &Context, desk: &mut Desk<'_>, notice: &Notice, bottom: f32, more: usize) -> Rect {
    let window = ctx.content_rect();
    let width = (window.width() - 2.0 * MARGIN - 96.0).clamp(120.0, WIDTH_MAX);
    let id = Id::new(("notice", notice.id));
    let shown = widget::floating_bar(ctx, id, window, Align2::CENTER_BOTTOM, vec2(16.0, bottom), |ui| {
        ui.add_space(size::GAP);
        let (icon, color) = panel::tone_icon(ui, notice.tone);
        panel::paint_icon(ui, icon, color);
        // As wide as its words, up to the width at which they wrap: a layout of its own knows that in its first frame.
        let font = theme::font(FontFace::Medium, font_size::BODY);
        let color = theme::palette(ui).text;
        let words = ui.fonts_mut(|fonts| fonts.layout(notice.text.clone(), font, color, width));
        ui.add(egui::Label::new(words));
        if more > 0 {
            ui.label(RichText::new(format!("{more} more")).color(theme::palette(ui).muted));
        }
        ui.add_space(size::GRID);
        if let Some(action) = &notice.action
            && ui.add(widget::Button::quiet(action.label).explanation(action.about)).clicked()
        {
            desk.send(action.command.clone());
            desk.send(Command::Window(WindowCommand::CloseNotice(notice.id)));
        }
        ui.add(widget::IconButton::new(Icon::Cross, "Close the notice").small()).clicked()
    });
    if shown.inner {
        desk.send(Command::Window(WindowCommand::CloseNotice(notice.id)));
    }
    shown.response.rect
}

/// A good notice closes itself, some time after it was first seen.
fn fade_out(ctx: &Context, id: u64, desk: &mut Desk<'_>) {
    let since_id = Id::new(("notice since", id));
    let now = ctx.input(|input| input.time);
    let since = ctx.data_mut(|data| *data.get_temp_mut_or_insert_with(since_id, || now));
    let left = STAYS_SECS - (now - since);
    if left <= 0.0 {
        ctx.data_mut(|data| data.remove::<f64>(since_id));
        desk.send(Command::Window(WindowCommand::CloseNotice(id)));
    } else {
        ctx.request_repaint_after(Duration::from_secs_f64(left));
    }
}
