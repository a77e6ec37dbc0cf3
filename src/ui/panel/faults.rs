//! The faults that last: what is broken, since when, for how long, by whom, and how to heal each.

use super::{Desk, colors, row, words};
use crate::{
    app::{Command, FaultCommand, SelectCommand},
    fault,
    look::{FontFace, Icon, size},
    model::{ActiveFault, Subject},
    ui::{icon, widget},
};
use egui::{Rect, ScrollArea, Ui, UiBuilder, Vec2, pos2, vec2};

const ROW_HEIGHT: f32 = 34.0;
/// From a row's right end to the beginning of its columns: age, end, author; and the width of the button.
const AGE: f32 = 440.0;
const END: f32 = 350.0;
const AUTHOR: f32 = 215.0;
const BUTTON: f32 = 84.0;
/// A panel narrower than this leaves the author out.
const AUTHOR_FROM: f32 = 620.0;

/// Shows the faults.
pub fn faults(ui: &mut Ui, desk: &mut Desk<'_>) {
    let all: Vec<ActiveFault> = desk.state.run.faults().to_vec();
    if all.is_empty() {
        ui.add_space(size::PANEL_MARGIN);
        let text = "Select a node or a service, then choose what to break in the palette at the left.";
        widget::empty_state(ui, Icon::Heal, "No faults", text, |_| ());
        return;
    }
    let count = if all.len() == 1 { "1 fault lasts".to_owned() } else { format!("{} faults last", all.len()) };
    ui.horizontal(|ui| {
        ui.add_space(size::GAP);
        super::muted(ui, &count);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            super::command_button(ui, desk, Command::Fault(FaultCommand::HealAll), |button| button);
        });
    });
    ScrollArea::vertical().auto_shrink(false).show_rows(ui, ROW_HEIGHT, all.len(), |ui, range| {
        for fault in all.get(range).unwrap_or_default() {
            fault_row(ui, desk, fault);
        }
    });
}

fn fault_row(ui: &mut Ui, desk: &mut Desk<'_>, one: &ActiveFault) {
    let run = &desk.state.run;
    let palette = colors(ui);
    let text = fault::state(&one.fault);
    let (rect, response) = row(ui, ROW_HEIGHT, false, &text);
    let middle = pos2(rect.left() + size::GAP + size::ICON / 2.0, rect.center().y);
    let symbol = one.fault.verb().map_or(Icon::Kill, Icon::of_fault);
    icon::paint(ui.painter(), symbol, Rect::from_center_size(middle, Vec2::splat(size::ICON)), palette.bad);
    let column = |from: f32| rect.right() - from;
    let left = rect.left() + 32.0;
    words(ui, rect, (left, column(AGE) - size::GAP), &text, FontFace::Medium, palette.text);
    let age = super::age(ui, run.now_ms().saturating_sub(one.since_ms));
    words(ui, rect, (column(AGE), column(END) - size::GAP), &age, FontFace::Mono, palette.muted);
    words(ui, rect, (column(END), column(AUTHOR) - size::GAP), &ends(one, run.now_ms()), FontFace::Regular, palette.muted);
    if rect.width() >= AUTHOR_FROM {
        let by = format!("by {}", run.viewer().injector(one.by).title());
        words(ui, rect, (column(AUTHOR), column(BUTTON) - size::GAP), &by, FontFace::Regular, palette.muted);
    }
    if response.on_hover_text(format!("{}: show it on the canvas", one.fault)).clicked()
        && let Some(subject) = fault::subject_of(&one.fault)
    {
        desk.send(Command::Select(SelectCommand::Reveal(subject)));
    }
    let room = Rect::from_min_max(pos2(column(BUTTON), rect.top()), rect.right_bottom()).shrink2(vec2(0.0, 3.0));
    ui.scope_builder(UiBuilder::new().max_rect(room), |ui| heal_button(ui, desk, one));
}

/// When a fault ends: "heals in 4:12".
pub fn ends(one: &ActiveFault, now_ms: u64) -> String {
    match one.until_ms {
        None => "until it is healed".to_owned(),
        Some(until_ms) if until_ms <= now_ms => "heals now".to_owned(),
        Some(until_ms) => {
            let secs = (until_ms - now_ms).div_ceil(1000);
            match secs {
                3600.. => format!("heals in {}:{:02}:{:02}", secs / 3600, secs / 60 % 60, secs % 60),
                _ => format!("heals in {}:{:02}", secs / 60, secs % 60),
            }
        }
    }
}

/// The way to heal one fault.
pub fn heal_button(ui: &mut Ui, desk: &mut Desk<'_>, one: &ActiveFault) {
    let idle = desk.state.run.job.is_none();
    let name = format!("Heal: {}", fault::state(&one.fault));
    let button = ui.add_enabled(idle, widget::Button::new("Heal").icon(Icon::Heal).explanation(&name));
    // Several stand side by side: who listens must hear which is which.
    button.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, idle, &name));
    if button.on_disabled_hover_text("Wait until what runs is done").clicked() {
        desk.send(Command::Fault(FaultCommand::Heal(one.id)));
    }
}

/// The faults on a thing, each with its cure: for the inspector.
pub fn on_subject(ui: &mut Ui, desk: &mut Desk<'_>, subject: &Subject) {
    let here: Vec<ActiveFault> =
        desk.state.run.faults().iter().filter(|one| *subject == Subject::Lab || fault::falls_on(&one.fault, subject)).cloned().collect();
    if here.is_empty() {
        return;
    }
    ui.separator();
    widget::section_header(ui, "Faults", None);
    let now_ms = desk.state.run.now_ms();
    for one in &here {
        ui.horizontal(|ui| {
            super::paint_icon(ui, one.fault.verb().map_or(Icon::Kill, Icon::of_fault), colors(ui).bad);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                heal_button(ui, desk, one);
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    ui.add(egui::Label::new(fault::state(&one.fault)).truncate());
                });
            });
        });
        super::muted(ui, &ends(one, now_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_fault_counts_down() {
        let fault = |until_ms| ActiveFault { id: 1, fault: "pause db1".parse().unwrap(), since_ms: 0, until_ms, by: Default::default() };
        assert_eq!(ends(&fault(None), 5), "until it is healed");
        assert_eq!(ends(&fault(Some(252_000)), 0), "heals in 4:12");
        assert_eq!(ends(&fault(Some(252_000)), 251_500), "heals in 0:01");
        assert_eq!(ends(&fault(Some(252_000)), 252_000), "heals now");
        assert_eq!(ends(&fault(Some(7_265_000)), 0), "heals in 2:01:05");
    }
}
