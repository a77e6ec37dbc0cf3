//! What this is.

use super::{Desk, buttons, cancel, text, title};
use crate::ui::panel::paint_logo;
use egui::{Sense, Ui, Vec2};

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>) {
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(40.0), Sense::hover());
        paint_logo(ui, rect);
        ui.vertical(|ui| {
            title(ui, &format!("Sandtable {}", env!("CARGO_PKG_VERSION")));
            text(ui, "Draw a lab, be told what is wrong with it, deploy it, watch it and break it.");
        });
    });
    text(ui, "A sand table is the model landscape on which people plan a move, play through what could go wrong, and brief the others.");
    text(ui, "Licensed under MIT or Apache-2.0. The typefaces Inter and JetBrains Mono are under the SIL Open Font License.");
    buttons(ui, |ui| cancel(ui, desk, "Close"));
}
