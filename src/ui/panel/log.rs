//! What the program says of itself.

use super::{Desk, colors};
use crate::{
    look::{FontFace, Icon, font_size, size},
    ui::{theme, widget},
};
use egui::{RichText, ScrollArea, Ui};

const ROW_HEIGHT: f32 = 20.0;

/// Shows the log, the newest at the end.
pub fn log(ui: &mut Ui, desk: &mut Desk<'_>) {
    let log = &desk.state.run.log;
    if log.is_empty() {
        ui.add_space(size::PANEL_MARGIN);
        widget::empty_state(
            ui,
            Icon::Info,
            "Nothing to report",
            "What goes on behind the scenes is told here, and so is what goes wrong.",
            |_| (),
        );
        return;
    }
    ScrollArea::vertical().auto_shrink(false).stick_to_bottom(true).show_rows(ui, ROW_HEIGHT, log.len(), |ui, range| {
        for line in log.range(range.start.min(log.len())..range.end.min(log.len())) {
            ui.horizontal(|ui| {
                ui.add_space(size::GAP);
                ui.label(RichText::new(line).font(theme::font(FontFace::Mono, font_size::SMALL)).color(colors(ui).text));
            });
        }
    });
}
