//! Requests from outside: a bar for each stretch of time, good over failed.

use super::{Desk, colors};
use crate::{
    app::LoadSample,
    look::{FontFace, Icon, font_size, size},
    ui::widget,
};
use egui::{Rect, Sense, Ui, pos2, vec2};

const BAR_WIDTH: f32 = 3.0;
const BAR_GAP: f32 = 1.5;

/// Shows the load on a tab of its own.
pub fn load(ui: &mut Ui, desk: &mut Desk<'_>) {
    if desk.state.run.load.is_empty() {
        ui.add_space(size::PANEL_MARGIN);
        let text = "Requests from outside are made and counted while the lab runs: how many, and how many fail.";
        widget::empty_state(ui, Icon::Metrics, "No requests yet", text, |_| ());
        return;
    }
    chart(ui, desk);
}

/// Shows the bars in the room there is.
pub fn chart(ui: &mut Ui, desk: &mut Desk<'_>) {
    let palette = colors(ui);
    let samples = &desk.state.run.load;
    let whole = ui.available_rect_before_wrap();
    let head = Rect::from_min_size(whole.min, vec2(whole.width(), 20.0));
    let left = widget::line(ui, "requests", (FontFace::Regular, font_size::SMALL), palette.muted, 120.0);
    widget::paint_line(ui.painter(), head.left(), head.center().y, left);
    let failed: u64 = samples.iter().map(|sample| u64::from(sample.failed)).sum();
    let right =
        widget::line(ui, &format!("{} · {failed} failed", rate(samples)), (FontFace::Regular, font_size::SMALL), palette.muted, 200.0);
    let x = head.right() - right.size().x - size::GAP;
    widget::paint_line(ui.painter(), x, head.center().y, right);
    let area =
        Rect::from_min_max(pos2(whole.left(), head.bottom() + size::GRID), pos2(whole.right() - size::GAP, whole.bottom() - size::GAP));
    let response = ui.allocate_rect(whole, Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Image, true, format!("Requests: {failed} failed")));
    bars(ui, area, samples.iter().copied());
}

fn rate(samples: &std::collections::VecDeque<LoadSample>) -> String {
    let Some(((last, before), _)) = samples.back().zip(samples.iter().rev().nth(1)).zip(Some(())) else { return "1 sample".to_owned() };
    let length_ms = last.at_ms.saturating_sub(before.at_ms).max(1);
    let per_second = u64::from(last.good + last.failed) * 1000 / length_ms;
    format!("{per_second} / s")
}

/// The last samples that have room, the newest at the right.
fn bars(ui: &Ui, area: Rect, samples: impl DoubleEndedIterator<Item = LoadSample> + Clone) {
    let palette = colors(ui);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a width in points is small and not negative")]
    let room = (area.width() / (BAR_WIDTH + BAR_GAP)).max(0.0) as usize;
    let shown: Vec<LoadSample> = samples.rev().take(room).collect();
    let most = shown.iter().map(|sample| sample.good + sample.failed).max().unwrap_or(0).max(1);
    #[expect(clippy::cast_precision_loss, reason = "requests of a fraction of a second are few")]
    let height = |count: u32| area.height() * count as f32 / most as f32;
    let mut x = area.right();
    for sample in shown {
        let good = Rect::from_min_max(pos2(x - BAR_WIDTH, area.bottom() - height(sample.good)), pos2(x, area.bottom()));
        let failed = Rect::from_min_max(pos2(x - BAR_WIDTH, good.top() - height(sample.failed)), pos2(x, good.top()));
        ui.painter().rect_filled(good, 0.0, palette.good);
        ui.painter().rect_filled(failed, 0.0, palette.bad);
        x -= BAR_WIDTH + BAR_GAP;
    }
}
