//! What a fault would take with it, before it is injected.

use super::{Desk, buttons, cancel, text, theme, title, widget};
use crate::{
    app::{Command, Prediction, breaks},
    look::{FontFace, Icon, Tone, size},
    model::{Fault, Subject},
    ui::{icon, panel},
};
use egui::{Rect, ScrollArea, Sense, Ui, Vec2, pos2, vec2};

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>, fault: &Fault) {
    let verb = breaks::verb(fault);
    let name = verb.map_or(fault.word(), |verb| verb.title);
    title(ui, &format!("{name}: {}", fault.on()));
    let does = Fault::VERBS.iter().find(|known| known.word == fault.word()).map_or("", |known| known.does);
    text(ui, does);
    ui.add_space(size::GRID);
    match desk.state.run.prediction.as_ref().filter(|prediction| prediction.fault == *fault) {
        Some(prediction) => forecast(ui, desk, prediction),
        None => text(ui, "The simulator is working out what this would take with it…"),
    }
    buttons(ui, |ui| {
        let idle = desk.state.run.job.is_none();
        if ui.add_enabled(idle, widget::Button::danger(name).icon(verb.map_or(Icon::Kill, |verb| verb.icon))).clicked() {
            desk.send(Command::Inject(fault.clone()));
        }
        cancel(ui, desk, "Cancel");
    });
}

fn forecast(ui: &mut Ui, desk: &Desk<'_>, prediction: &Prediction) {
    widget::section_header(ui, "The simulator says", None);
    let palette = theme::palette(ui);
    let (said, color) = match (prediction.outage_ms, prediction.recovers) {
        (None, true) => ("Requests from outside go on.".to_owned(), palette.good),
        (Some(ms), true) => (format!("Requests from outside fail for about {}.", panel::since(ms)), palette.warn),
        (_, false) => ("Requests from outside fail until it is healed.".to_owned(), palette.bad),
    };
    ui.label(egui::RichText::new(said).color(color));
    ScrollArea::vertical().max_height(220.0).auto_shrink([false, true]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for (subject, what) in &prediction.lost {
            line(ui, desk, subject, what, Tone::Bad);
        }
        for (subject, what) in &prediction.moved {
            line(ui, desk, subject, what, Tone::Vip);
        }
    });
    if prediction.lost.is_empty() && prediction.moved.is_empty() {
        text(ui, "Nothing else is touched.");
    }
}

fn line(ui: &mut Ui, desk: &Desk<'_>, subject: &Subject, what: &str, tone: Tone) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 24.0), Sense::hover());
    let name = panel::subject_text(subject);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Label, true, format!("{name}: {what}")));
    let palette = theme::palette(ui);
    let middle = pos2(rect.left() + size::ICON / 2.0, rect.center().y);
    icon::paint(
        ui.painter(),
        panel::subject_icon(desk.state.lab(), subject),
        Rect::from_center_size(middle, Vec2::splat(size::ICON)),
        palette.tone(tone),
    );
    let at = rect.left() + 22.0;
    let shown = panel::words(ui, rect, (at, at + rect.width() * 0.45), &name, FontFace::SemiBold, palette.text);
    panel::words(ui, rect, (shown.right() + size::GAP, rect.right()), what, FontFace::Regular, palette.muted);
}
