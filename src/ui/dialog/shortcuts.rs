//! All shortcuts, from the table of commands.

use super::{Desk, buttons, cancel, title, widget};
use crate::{
    app::{COMMANDS, Entry, Family, Shortcut},
    look::size,
};
use egui::{Align, Layout, ScrollArea, Ui, vec2};

/// What the canvas does with mouse and keys, which is in no table.
const CANVAS: [(&str, &str); 10] = [
    ("Move around", "Drag with the middle button, or hold Space"),
    ("Zoom at the pointer", "Ctrl wheel"),
    ("Select several", "Drag over the ground, or Shift click"),
    ("Connect", "Drag from a card's edge to a network, a service or a node"),
    ("Move without the grid", "Hold Alt"),
    ("Nudge", "Arrow keys; Shift for larger steps"),
    ("Rename in place", "Double click, or F2"),
    ("Menu", "Right button"),
    ("Next or previous page, presenting", "Click, Space, arrows, Page Up and Page Down"),
    ("First, last or numbered page, presenting", "Home, End, 1 to 9; Esc ends the presentation"),
];

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>) {
    title(ui, "Shortcuts");
    let height = ui.ctx().content_rect().height() * 0.6;
    ScrollArea::vertical().max_height(height).auto_shrink([false, true]).show(ui, |ui| {
        ui.columns(2, |columns| {
            for (nth, family) in Family::ALL.into_iter().enumerate() {
                let Some(column) = columns.get_mut(nth % 2) else { continue };
                widget::section_header(column, family.title(), None);
                for entry in COMMANDS.iter().filter(|entry| entry.family == family) {
                    if let Some(shortcut) = entry.shortcut {
                        line(column, entry, shortcut);
                    }
                }
                column.add_space(size::GAP);
            }
        });
        widget::section_header(ui, "On the canvas", None);
        for (what, how) in CANVAS {
            widget::value_row(ui, what, how, super::theme::palette(ui).text);
        }
    });
    buttons(ui, |ui| cancel(ui, desk, "Close"));
}

fn line(ui: &mut Ui, entry: &Entry, shortcut: Shortcut) {
    ui.allocate_ui_with_layout(vec2(ui.available_width(), 24.0), Layout::left_to_right(Align::Center), |ui| {
        ui.label(entry.title);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(size::GAP);
            let others: Vec<String> = entry.shortcuts().skip(1).map(Shortcut::text).collect();
            for keys in others.iter().rev() {
                ui.add(widget::KeyHint(keys));
            }
            ui.add(widget::KeyHint(&shortcut.text()));
        });
    });
}
