//! The inspector.

use super::Desk;
use egui::Ui;

/// Shows what is selected.
pub fn inspector(ui: &mut Ui, desk: &mut Desk<'_>) {
    let _ = desk;
    ui.label("…");
}
