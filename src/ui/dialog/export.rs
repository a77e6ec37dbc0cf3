//! As what, and how, the lab is exported.

use super::{Desk, buttons, cancel, confirm, text, theme, title, widget};
use crate::{
    app::{
        Command, ExportFormat, ExportOptions, ExportPart, ExportTheme, FileCommand,
        export::{nodes_of, picture_size},
    },
    export::Background,
    look::{Appearance, Tone, size},
};
use egui::{RichText, Ui};

/// Pixels for each unit of the drawing, as a PNG may have.
const SCALES: [(f32, &str); 4] = [(1.0, "1×"), (2.0, "2×"), (3.0, "3×"), (4.0, "4×")];

/// How much is exported, as the choice says it.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Everything,
    Selection,
}

/// Begins with the options of the last export. A selection that was exported then is that of now, if there is one.
pub(super) fn begin(desk: &mut Desk<'_>) {
    let mut options = desk.state.export.clone();
    if options.part != ExportPart::Everything {
        options.part = selection(desk).unwrap_or_default();
    }
    desk.memory.export = options;
    desk.memory.export_size = None;
}

/// What is selected, as a part to export; `None`: no node is.
fn selection(desk: &Desk<'_>) -> Option<ExportPart> {
    let nodes = nodes_of(desk.state.lab(), &desk.state.selection);
    (!nodes.is_empty()).then_some(ExportPart::Nodes(nodes))
}

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>) {
    title(ui, "Export");
    let selected = selection(desk);
    let mut options = desk.memory.export.clone();
    let formats = ExportFormat::ALL.map(|format| widget::Segment::new(format, format.title(), format.about()));
    widget::segmented(ui, "Format", &mut options.format, &formats);
    text(ui, options.format.about());
    if let Some(selected) = selected {
        part(ui, &mut options, selected);
    }
    if options.format.is_picture() {
        colors(ui, &mut options);
    }
    if options.format == ExportFormat::Png {
        let scales = SCALES.map(|(scale, words)| widget::Segment::new(scale, words, "Pixels for each point of the drawing"));
        widget::field_row(ui, "Scale", None, |ui| widget::segmented(ui, "Scale", &mut options.scale, &scales));
    }
    let can_export = picture(ui, desk, &options);
    desk.memory.export = options.clone();
    buttons(ui, |ui| {
        let button = widget::Button::primary("Export…").explanation("Choose the file to write");
        if ui.add_enabled_ui(can_export, |ui| confirm(ui, button)).inner {
            desk.send(Command::File(FileCommand::ExportTo(options)));
        }
        cancel(ui, desk, "Cancel");
    });
}

fn part(ui: &mut Ui, options: &mut ExportOptions, selected: ExportPart) {
    let mut part = if options.part == ExportPart::Everything { Part::Everything } else { Part::Selection };
    let parts = [
        widget::Segment::new(Part::Everything, "Everything", "Export the whole lab"),
        widget::Segment::new(Part::Selection, "Selection", "Export the selected nodes with their networks, flows and VIPs"),
    ];
    widget::field_row(ui, "Part", None, |ui| widget::segmented(ui, "Part", &mut part, &parts));
    options.part = if part == Part::Everything { ExportPart::Everything } else { selected };
}

fn colors(ui: &mut Ui, options: &mut ExportOptions) {
    let shown = ExportTheme::Shown(theme::Theme::of(ui.ctx()).appearance());
    if matches!(options.theme, ExportTheme::Shown(_)) {
        options.theme = shown;
    }
    widget::field_row(ui, "Theme", None, |ui| {
        let themes = [
            widget::Segment::new(shown, "As shown", "The theme of this window"),
            widget::Segment::new(ExportTheme::Fixed(Appearance::Light), "Light", "Dark lines on a light ground"),
            widget::Segment::new(ExportTheme::Fixed(Appearance::Dark), "Dark", "Light lines on a dark ground"),
        ];
        widget::segmented(ui, "Theme", &mut options.theme, &themes)
    });
    widget::field_row(ui, "Background", None, |ui| {
        let backgrounds = [
            widget::Segment::new(Background::Theme, "Of the theme", "The ground of the canvas"),
            widget::Segment::new(Background::Transparent, "Transparent", "No ground: what lies below shows through"),
        ];
        widget::segmented(ui, "Background", &mut options.background, &backgrounds)
    });
}

/// Says how large the picture will be, or why there will be none. Whether it can be exported.
fn picture(ui: &mut Ui, desk: &mut Desk<'_>, options: &ExportOptions) -> bool {
    if desk.memory.export_size.as_ref().is_none_or(|(known, _)| known != options) {
        let size = picture_size(desk.state.lab(), options);
        let words = size.map(|size| size.map_or_else(String::new, |(width, height)| format!("{width} × {height} pixels")));
        desk.memory.export_size = Some((options.clone(), words.map_err(|error| error.to_string())));
    }
    match desk.memory.export_size.as_ref().map(|(_, words)| words) {
        Some(Ok(words)) if !words.is_empty() => {
            widget::field_row(ui, "Size", None, |ui| {
                ui.horizontal(|ui| {
                    ui.set_height(size::CONTROL_HEIGHT);
                    ui.label(RichText::new(words));
                })
                .response
            });
        }
        Some(Err(why)) => {
            ui.label(RichText::new(why).color(theme::palette(ui).tone(Tone::Bad)));
            return false;
        }
        _ => {}
    }
    true
}
