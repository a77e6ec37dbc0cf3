//! Requests from outside: a bar for each stretch of time, good over failed.

use super::{Desk, colors};
use crate::{
    app::{Command, LoadSample, ModeCommand, SAMPLE_MS, SelectCommand},
    catalog::Catalog,
    look::{FontFace, Icon, font_size, size},
    model::Subject,
    sim::EntryLoad,
    ui::widget,
};
use egui::{Rect, ScrollArea, Sense, Ui, pos2, vec2};

const BAR_WIDTH: f32 = 3.0;
const BAR_GAP: f32 = 1.5;
/// The mark on a bar that is higher than the chart.
const CUT_MARK: f32 = 2.0;
/// The least height of failed requests in a bar, in points.
const FAILED_MIN: f32 = 2.0;

/// What the bars of all requests are called.
const ALL: &str = "requests";
/// The least height of an entry's row, in points.
const ENTRY_HEIGHT: f32 = 56.0;
/// A past time without a good answer that is worth a word, in milliseconds.
const GAP_MS_MIN: u64 = 250;
/// The time without a good answer from which an entry is called out, in milliseconds: a slow answer may still come.
const OUT_MS_MIN: u64 = 1000;

/// What a lab without an entrance is told, wherever requests would be shown.
pub const NO_ENTRANCE: &str = "No flow leads from outside to a port, so no requests are sent. \
Draw one in Design, from the outside to a balancer, an application or a VIP.";

/// Shows the load on a tab of its own.
pub fn load(ui: &mut Ui, desk: &mut Desk<'_>) {
    if desk.state.run.load.is_empty() {
        ui.add_space(size::PANEL_MARGIN);
        if !Catalog::embedded().has_entrance(desk.state.lab()) {
            widget::empty_state(ui, Icon::Cloud, "No entrance", NO_ENTRANCE, |ui| {
                if ui
                    .add(widget::Button::new("Show the outside").icon(Icon::Cloud).explanation("Show where requests enter the lab"))
                    .clicked()
                {
                    desk.send(Command::Mode(ModeCommand::Design));
                    desk.send(Command::Select(SelectCommand::Reveal(Subject::Outside)));
                }
            });
            return;
        }
        let text = "Requests from outside are made and counted while the lab runs: how many, and how many fail.";
        widget::empty_state(ui, Icon::Metrics, "No requests yet", text, |_| ());
        return;
    }
    let entries = &desk.state.run.entries;
    if entries.len() < 2 {
        chart(ui, desk);
        return;
    }
    // One may be out while others go on: each has its own bars.
    let count = u16::try_from(entries.len()).unwrap_or(u16::MAX);
    let height = (ui.available_height() / f32::from(count) - ui.spacing().item_spacing.y).max(ENTRY_HEIGHT);
    let now_ms = desk.state.run.now_ms();
    ScrollArea::vertical().auto_shrink(false).show_rows(ui, height, entries.len(), |ui, range| {
        for entry in entries.get(range).unwrap_or_default() {
            let rect = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), height));
            let samples = entry.seconds.iter().map(LoadSample::of).filter(|sample| sample.at_ms <= now_ms);
            let rate =
                samples.clone().next_back().map_or_else(String::new, |last| format!("{} / s", last.per_sec(last.good + last.failed)));
            let of = Chart {
                title: &entry.id.to_string(),
                sums: &sums(&rate, entry),
                is_out: entry.open_gap_ms >= OUT_MS_MIN,
                failed: entry.totals.failed,
                now_ms,
            };
            of.show(ui, rect, samples);
        }
    });
}

/// What became of the requests of an entry, in a few words.
fn sums(rate: &str, entry: &EntryLoad) -> String {
    let gap = match (entry.open_gap_ms, entry.totals.longest_gap_ms) {
        (open_ms, _) if open_ms >= OUT_MS_MIN => format!(" · out for {}", super::since(open_ms)),
        (_, longest_ms) if longest_ms >= GAP_MS_MIN => format!(" · longest gap {}", super::since(longest_ms)),
        _ => String::new(),
    };
    let latency = entry.totals.latency_ms().map_or_else(String::new, |ms| format!(" · {ms:.1} ms"));
    format!("{rate}{latency} · {} failed{gap}", entry.totals.failed)
}

/// Shows the bars of all requests in the room there is.
pub fn chart(ui: &mut Ui, desk: &mut Desk<'_>) {
    let run = &desk.state.run;
    let failed: u64 = run.load.iter().map(|sample| u64::from(sample.failed)).sum();
    let out = run.entries.iter().filter(|entry| entry.open_gap_ms >= OUT_MS_MIN).max_by_key(|entry| entry.open_gap_ms);
    let sums = match out {
        Some(out) if run.entries.len() > 1 => format!("{} out for {}", out.id.target(), super::since(out.open_gap_ms)),
        _ => format!("{} · {failed} failed", rate(&run.load)),
    };
    let whole = ui.available_rect_before_wrap();
    let of = Chart { title: ALL, sums: &sums, is_out: out.is_some(), failed, now_ms: run.now_ms() };
    of.show(ui, whole, run.load.iter().copied());
}

/// Bars with a head.
struct Chart<'a> {
    title: &'a str,
    sums: &'a str,
    /// Whether nothing is answered now.
    is_out: bool,
    failed: u64,
    now_ms: u64,
}

impl Chart<'_> {
    fn show(&self, ui: &mut Ui, whole: Rect, samples: impl DoubleEndedIterator<Item = LoadSample> + Clone) {
        let palette = colors(ui);
        let head = Rect::from_min_size(whole.min, vec2(whole.width(), 20.0));
        let font = (FontFace::Regular, font_size::SMALL);
        let right = widget::line(ui, self.sums, font, if self.is_out { palette.bad } else { palette.muted }, whole.width() * 0.6);
        let left = widget::line(ui, self.title, font, palette.muted, whole.width() - right.size().x - 2.0 * size::GAP);
        widget::paint_line(ui.painter(), head.left(), head.center().y, left);
        let x = head.right() - right.size().x - size::GAP;
        widget::paint_line(ui.painter(), x, head.center().y, right);
        let area =
            Rect::from_min_max(pos2(whole.left(), head.bottom() + size::GRID), pos2(whole.right() - size::GAP, whole.bottom() - size::GAP));
        let response = ui.allocate_rect(whole, Sense::hover());
        let name = if self.title == ALL { "Requests" } else { self.title };
        response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Image, true, format!("{name}: {} failed", self.failed)));
        let shown = bars(ui, area, samples);
        // Numbers of one bar: requests that waited end together, and a bar that is cut off says how high it is.
        let pointed = response.hover_pos().filter(|at| area.contains(*at)).and_then(|at| {
            let from_right = ((area.right() - at.x) / (BAR_WIDTH + BAR_GAP)).floor();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the area, so small and not negative")]
            shown.get(from_right.max(0.0) as usize)
        });
        if let Some(sample) = pointed {
            let age = super::since(self.now_ms.saturating_sub(sample.at_ms));
            let span = if sample.span_ms == SAMPLE_MS { String::new() } else { format!(" in {}", super::since(sample.span_ms)) };
            response.on_hover_text(format!("{} answered, {} failed{span}, {age} ago", sample.good, sample.failed));
        }
    }
}

fn rate(samples: &std::collections::VecDeque<LoadSample>) -> String {
    samples.back().map_or_else(String::new, |last| format!("{} / s", last.per_sec(last.good + last.failed)))
}

/// What bars are as high as the chart: half as much again as is usual. Requests that waited for something end together, and
/// one such second must not make all others small.
fn highest(samples: &[LoadSample]) -> u32 {
    let mut totals: Vec<u32> = samples.iter().map(|sample| sample.per_sec(sample.good + sample.failed)).collect();
    totals.sort_unstable();
    let usual = totals.get(totals.len() / 2).copied().unwrap_or(0);
    let most = totals.last().copied().unwrap_or(0);
    most.min(usual + usual.div_ceil(2)).max(1)
}

/// How high the failed part of a bar is, and the whole bar, in points. Failed requests stand at the foot and are seen however few they
/// are: at the head they would be cut off with a bar that is too high for the chart.
fn heights(sample: &LoadSample, most: u32, height: f32) -> (f32, f32) {
    #[expect(clippy::cast_precision_loss, reason = "requests of a fraction of a second are few")]
    let of = |count: u32| height * sample.per_sec(count).min(most) as f32 / most as f32;
    let failed = if sample.failed == 0 { 0.0 } else { of(sample.failed).max(FAILED_MIN) };
    (failed, of(sample.good + sample.failed).max(failed))
}

/// The last samples that have room, the newest at the right; gives them, the newest first.
fn bars(ui: &Ui, area: Rect, samples: impl DoubleEndedIterator<Item = LoadSample> + Clone) -> Vec<LoadSample> {
    let palette = colors(ui);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a width in points is small and not negative")]
    let room = (area.width() / (BAR_WIDTH + BAR_GAP)).max(0.0) as usize;
    let shown: Vec<LoadSample> = samples.rev().take(room).collect();
    let most = highest(&shown);
    let mut x = area.right();
    for sample in &shown {
        // Stretches differ in length, so bars are rates: the first one is that of all requests since the load began.
        let all = sample.per_sec(sample.good + sample.failed);
        let (failed, whole) = heights(sample, most, area.height());
        let part = |from: f32, to: f32| Rect::from_min_max(pos2(x - BAR_WIDTH, area.bottom() - to), pos2(x, area.bottom() - from));
        ui.painter().rect_filled(part(0.0, failed), 0.0, palette.bad);
        ui.painter().rect_filled(part(failed, whole), 0.0, palette.good);
        if all > most {
            let cut = Rect::from_min_max(pos2(x - BAR_WIDTH, area.top()), pos2(x, area.top() + CUT_MARK));
            ui.painter().rect_filled(cut, 0.0, palette.text);
        }
        x -= BAR_WIDTH + BAR_GAP;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_first_stretch_is_no_higher_than_the_seconds_after_it() {
        let first = LoadSample { at_ms: 0, span_ms: 3 * SAMPLE_MS, good: 60, failed: 0 };
        let others = [LoadSample { at_ms: 0, span_ms: SAMPLE_MS, good: 20, failed: 0 }; 3];
        assert_eq!(highest(&[&[first][..], &others[..]].concat()), 20);
        let part = LoadSample { span_ms: SAMPLE_MS / 2, good: 5, failed: 5, ..first };
        assert_eq!((part.per_sec(part.good), part.per_sec(part.good + part.failed)), (10, 20));
    }

    #[test]
    fn failed_requests_are_seen_in_a_bar_that_is_cut_off() {
        let sample = |good, failed| LoadSample { at_ms: 0, span_ms: SAMPLE_MS, good, failed };
        assert_eq!(heights(&sample(37, 5), 30, 60.0), (10.0, 60.0));
        assert_eq!(heights(&sample(5000, 1), 30, 60.0), (FAILED_MIN, 60.0), "one of many");
        assert_eq!(heights(&sample(20, 0), 30, 60.0), (0.0, 40.0));
        assert_eq!(heights(&sample(0, 90), 30, 60.0), (60.0, 60.0));
    }

    #[test]
    fn one_second_in_which_waiting_requests_end_does_not_make_the_others_small() {
        let samples = |totals: &[u32]| -> Vec<LoadSample> {
            totals.iter().map(|good| LoadSample { at_ms: 0, span_ms: SAMPLE_MS, good: *good, failed: 0 }).collect()
        };
        assert_eq!(highest(&samples(&[60, 20, 20, 20, 20])), 30);
        assert_eq!(highest(&samples(&[20, 20, 22])), 22);
        assert_eq!(highest(&samples(&[])), 1);
    }
}
