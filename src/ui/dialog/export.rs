//! As what, and how, the lab is exported.

use super::{Desk, buttons, cancel, text, title, widget};
use crate::{
    app::{Command, ExportFormat},
    look::Appearance,
};
use egui::Ui;

/// Pixels for each unit of the drawing, as a PNG may have.
const SCALES: [(f32, &str); 4] = [(1.0, "1×"), (2.0, "2×"), (3.0, "3×"), (4.0, "4×")];

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>) {
    title(ui, "Export");
    let options = &mut desk.memory.export;
    let formats = ExportFormat::ALL.map(|format| widget::Segment::new(format, format.title(), format.about()));
    widget::segmented(ui, "Format", &mut options.format, &formats);
    text(ui, options.format.about());
    if options.format.is_picture() {
        widget::field_row(ui, "Theme", None, |ui| {
            let themes = [
                widget::Segment::new(Appearance::Light, "Light", "Dark lines on a light ground"),
                widget::Segment::new(Appearance::Dark, "Dark", "Light lines on a dark ground"),
            ];
            widget::segmented(ui, "Theme", &mut options.appearance, &themes)
        });
    }
    if options.format == ExportFormat::Png {
        let scales = SCALES.map(|(scale, words)| widget::Segment::new(scale, words, "Pixels for each point of the drawing"));
        widget::field_row(ui, "Scale", None, |ui| widget::segmented(ui, "Scale", &mut options.scale, &scales));
    }
    let options = *options;
    buttons(ui, |ui| {
        if ui.add(widget::Button::primary("Export…").explanation("Choose the file to write")).clicked() {
            desk.send(Command::ExportTo(options));
        }
        cancel(ui, desk, "Cancel");
    });
}
