//! Dialogs, one a file: what stands over everything else until it is answered.

mod about;
mod accept;
mod browser;
mod changed;
mod command_palette;
mod deploy_errors;
mod destroy;
mod export;
mod manual;
mod node_log;
mod notices;
mod overwrite;
mod page;
mod pins;
mod preferences;
mod promote;
mod recover;
mod restore;
mod shortcuts;
mod templates;
mod unsaved;

pub use browser::Browser;
pub use notices::{bell_name, bell_tone};
pub use preferences::Page as PreferencesPage;
pub use templates::gallery;

use super::{desk::Desk, theme, widget};
use crate::{
    app::{Command, Dialog, DialogCommand},
    look::{FontFace, font_size, size},
};
use egui::{Align, Align2, Color32, Context, Id, Key, Layout, Modal, RichText, Ui, vec2};

/// Shows the dialog that is asked for, if one is.
pub fn show(ctx: &Context, desk: &mut Desk<'_>) {
    let Some(dialog) = desk.state.dialog.clone() else {
        desk.memory.dialog = None;
        return;
    };
    let is_new = desk.memory.dialog.as_ref() != Some(&dialog);
    if is_new {
        desk.memory.dialog = Some(dialog.clone());
        begin(desk, &dialog);
    }
    let width = width(&dialog).min(ctx.content_rect().width() - 48.0);
    let frame = egui::Frame::popup(&ctx.global_style()).inner_margin(egui::Margin::same(20));
    // An id for each sort of dialog: what egui remembers of one, such as its size, is not the next one's.
    let id = Id::new(("dialog", std::mem::discriminant(&dialog)));
    let modal = match dialog {
        // Below its bell; the rest stays in sight.
        Dialog::Notices => Modal::new(id)
            .area(Modal::default_area(id).anchor(Align2::RIGHT_TOP, vec2(-size::GAP, size::TOP_BAR_HEIGHT + size::GRID)))
            .backdrop_color(Color32::TRANSPARENT),
        _ => Modal::new(id),
    };
    let response = modal.frame(frame).show(ctx, |ui| {
        ui.set_width(width);
        ui.spacing_mut().item_spacing.y = size::GAP;
        match &dialog {
            Dialog::CommandPalette => command_palette::show(ui, desk, is_new),
            Dialog::Templates => templates::show(ui, desk),
            Dialog::Unsaved(_) => unsaved::show(ui, desk),
            Dialog::Recover => recover::show(ui, desk),
            Dialog::ChangedOnDisk => changed::show(ui, desk),
            Dialog::Accept { rule, subject } => accept::show(ui, desk, rule, subject, is_new),
            Dialog::DeployErrors => deploy_errors::show(ui, desk),
            Dialog::Destroy => destroy::show(ui, desk),
            Dialog::Browser(what) => browser::show(ui, desk, *what, is_new),
            Dialog::Overwrite(what, path, _) => overwrite::show(ui, desk, *what, path),
            Dialog::Export => export::show(ui, desk),
            Dialog::Manual(rule) => manual::show(ui, desk, rule.as_deref()),
            Dialog::Preferences => preferences::show(ui, desk),
            Dialog::Notices => notices::show(ui, desk),
            Dialog::Shortcuts => shortcuts::show(ui, desk),
            Dialog::About => about::show(ui, desk),
            Dialog::Pins => pins::show(ui, desk),
            Dialog::NodeLog(node) => node_log::show(ui, desk, node, is_new),
            Dialog::Restore(node, snapshot) => restore::show(ui, desk, node, snapshot),
            Dialog::Promote(at) => promote::show(ui, desk, at),
            Dialog::View(index) => page::show(ui, desk, *index),
        }
    });
    if response.should_close() {
        desk.send(Command::Dialog(DialogCommand::CloseDialog));
    }
}

/// What a new dialog begins with.
fn begin(desk: &mut Desk<'_>, dialog: &Dialog) {
    let memory = &mut *desk.memory;
    memory.reason.clear();
    memory.command_query.clear();
    memory.command_chosen = 0;
    match dialog {
        Dialog::Browser(_) => {
            memory.file_name.clone_from(&desk.state.proposed);
            memory.browser = Browser::default();
        }
        Dialog::Export => export::begin(desk),
        Dialog::View(index) => memory.page = page::begin(desk.state, *index, memory.visible),
        _ => {}
    }
}

fn width(dialog: &Dialog) -> f32 {
    match dialog {
        Dialog::Templates => 776.0,
        Dialog::Manual(_) | Dialog::NodeLog(_) => 780.0,
        Dialog::Shortcuts | Dialog::Preferences => 640.0,
        Dialog::Browser(_) => 620.0,
        Dialog::CommandPalette | Dialog::DeployErrors => 560.0,
        Dialog::ChangedOnDisk | Dialog::Recover => 500.0,
        _ => 440.0,
    }
}

/// A dialog's title.
fn title(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).font(theme::font(FontFace::SemiBold, font_size::TITLE)));
}

/// A paragraph.
fn text(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).color(theme::palette(ui).muted));
}

/// The row of buttons at the end; the first to be added stands at the right.
fn buttons(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    ui.add_space(size::GAP);
    // A height of its own: a layout from right to left would take all that is left, and the dialog with it.
    let room = egui::vec2(ui.available_width(), size::CONTROL_HEIGHT);
    ui.allocate_ui_with_layout(room, Layout::right_to_left(Align::Center), add);
}

/// The main button of a dialog. Enter presses it where nothing else has the keyboard.
fn confirm(ui: &mut Ui, button: widget::Button<'_>) -> bool {
    let entered = ui.is_enabled() && ui.memory(|memory| memory.focused().is_none()) && ui.input(|input| input.key_pressed(Key::Enter));
    ui.add(button.shortcut("Enter")).clicked() || entered
}

/// A quiet way out.
fn cancel(ui: &mut Ui, desk: &mut Desk<'_>, label: &str) {
    if ui.add(widget::Button::new(label).explanation("Close this dialog").shortcut("Esc")).clicked() {
        desk.send(Command::Dialog(DialogCommand::CloseDialog));
    }
}

/// A file's name for people.
fn file_name(path: &std::path::Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
