//! What happened, with times, beside the load while it happened.

use super::{Desk, colors, load, row, words};
use crate::{
    activity::Event,
    app::{Command, Mode, SelectCommand},
    look::{FontFace, Icon, size},
    ui::widget,
};
use egui::{Rect, ScrollArea, Ui, UiBuilder, pos2};

const ROW_HEIGHT: f32 = 28.0;
const MARK_AT: f32 = 84.0;
const WHO_AT: f32 = 100.0;
const WHO_WIDTH: f32 = 110.0;
/// The width of the panel from which the load stands beside the events.
const LOAD_FROM: f32 = 720.0;

/// Shows the events.
pub fn events(ui: &mut Ui, desk: &mut Desk<'_>) {
    let events = &desk.state.run.events;
    if events.is_empty() {
        ui.add_space(size::PANEL_MARGIN);
        let text = "Once the lab is deployed, what happens to it is told here: faults, health, and who holds a virtual IP.";
        widget::empty_state(ui, Icon::Clock, "Nothing has happened yet", text, |_| ());
        return;
    }
    let whole = ui.available_rect_before_wrap();
    let with_load = whole.width() >= LOAD_FROM && desk.state.mode == Mode::Run && !desk.state.run.load.is_empty();
    let split = if with_load { whole.left() + whole.width() * 0.62 } else { whole.right() };
    let left = Rect::from_min_max(whole.min, pos2(split, whole.bottom()));
    ui.scope_builder(UiBuilder::new().max_rect(left), |ui| list(ui, desk));
    if with_load {
        let right = Rect::from_min_max(pos2(split + size::PANEL_MARGIN, whole.top()), whole.max);
        ui.scope_builder(UiBuilder::new().max_rect(right), |ui| load::chart(ui, desk));
    }
}

fn list(ui: &mut Ui, desk: &mut Desk<'_>) {
    let events = &desk.state.run.events;
    // Times count from the last thing that was done to the lab: that is what one waits after.
    let zero = events.iter().rev().find(|event| event.is_act()).map_or(0, |event| event.lab_ms);
    ScrollArea::vertical().auto_shrink(false).stick_to_bottom(true).show_rows(ui, ROW_HEIGHT, events.len(), |ui, range| {
        for event in events.range(range.start.min(events.len())..range.end.min(events.len())) {
            event_row(ui, desk, event, zero);
        }
    });
}

fn event_row(ui: &mut Ui, desk: &mut Desk<'_>, event: &Event, zero_ms: u64) {
    let (who, what) = (event.who(), event.what());
    let (rect, response) = row(ui, ROW_HEIGHT, false, &format!("{who} {what}"));
    let palette = colors(ui);
    let time =
        if event.lab_ms >= zero_ms { super::since(event.lab_ms - zero_ms) } else { format!("−{}", super::since(zero_ms - event.lab_ms)) };
    words(ui, rect, (rect.left() + size::GAP, rect.left() + MARK_AT - size::GAP), &time, FontFace::Mono, palette.muted);
    ui.painter().circle_filled(pos2(rect.left() + MARK_AT, rect.center().y), 4.0, palette.tone(event.tone()));
    let at = rect.left() + WHO_AT;
    words(ui, rect, (at, at + WHO_WIDTH - size::GAP), &who, FontFace::SemiBold, palette.text);
    words(ui, rect, (at + WHO_WIDTH, rect.right() - size::GAP), &what, FontFace::Regular, palette.text);
    if let Some(subject) = event.subject()
        && response.on_hover_text(format!("{what} (by {})", event.author.title())).clicked()
    {
        desk.send(Command::Select(SelectCommand::Reveal(subject)));
    }
}
