//! A file chooser of our own, where the desktop has none.

use super::{Desk, buttons, cancel, text, theme, title, widget};
use crate::{
    app::{Command, FileUse},
    look::{FontFace, Icon, size},
    ui::{icon, panel},
};
use egui::{Key, Rect, ScrollArea, Ui, Vec2, pos2};

const ROW_HEIGHT: f32 = 28.0;

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>, what: FileUse) {
    let listing = &desk.state.listing;
    title(
        ui,
        match what {
            FileUse::Open => "Open a lab",
            FileUse::Save | FileUse::SaveThen => "Save the lab",
            FileUse::Picture => "Save the picture",
        },
    );
    let folder = listing.folder.display().to_string();
    ui.horizontal(|ui| {
        let up = ui.add_enabled(listing.folder.parent().is_some(), widget::IconButton::new(Icon::ChevronUp, "The folder above"));
        if up.clicked()
            && let Some(parent) = listing.folder.parent()
        {
            desk.send(Command::Browse(parent.to_owned()));
        }
        if let Some(typed) = widget::TextField::new("Folder", &folder).mono().show(ui).committed() {
            desk.send(Command::Browse(typed.into()));
        }
    });
    if !listing.problem.is_empty() {
        ui.label(egui::RichText::new(&listing.problem).color(theme::palette(ui).bad));
    }
    let mut chosen = None;
    ScrollArea::vertical().max_height(280.0).min_scrolled_height(280.0).auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for name in &listing.folders {
            if entry(ui, Icon::Folder, name, false) {
                desk.send(Command::Browse(listing.folder.join(name)));
            }
        }
        for name in &listing.files {
            if entry(ui, Icon::Grid, name, *name == desk.memory.file_name) {
                desk.memory.file_name.clone_from(name);
                chosen = (what == FileUse::Open).then(|| name.clone());
            }
        }
        if listing.folders.is_empty() && listing.files.is_empty() {
            text(ui, "No layouts and no folders in here.");
        }
    });
    if what != FileUse::Open {
        let field = ui.add(
            egui::TextEdit::singleline(&mut desk.memory.file_name)
                .desired_width(f32::INFINITY)
                .min_size(egui::vec2(0.0, size::CONTROL_HEIGHT)),
        );
        ui.ctx().accesskit_node_builder(field.id, |node| node.set_label("File name"));
        if field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
            chosen = Some(desk.memory.file_name.clone());
        }
    }
    buttons(ui, |ui| {
        let named = !desk.memory.file_name.trim().is_empty();
        let label = if what == FileUse::Open { "Open" } else { "Save" };
        if ui.add_enabled(named, widget::Button::primary(label)).clicked() {
            chosen = Some(desk.memory.file_name.clone());
        }
        cancel(ui, desk, "Cancel");
    });
    if let Some(name) = chosen.filter(|name| !name.trim().is_empty()) {
        desk.send(Command::Chosen(what, desk.state.listing.folder.join(name.trim())));
    }
}

fn entry(ui: &mut Ui, symbol: Icon, name: &str, chosen: bool) -> bool {
    let (rect, response) = panel::row(ui, ROW_HEIGHT, chosen, name);
    let palette = theme::palette(ui);
    icon::paint(
        ui.painter(),
        symbol,
        Rect::from_center_size(pos2(rect.left() + 16.0, rect.center().y), Vec2::splat(size::ICON)),
        palette.muted,
    );
    panel::words(ui, rect, (rect.left() + 32.0, rect.right() - size::GAP), name, FontFace::Regular, palette.text);
    response.clicked()
}
