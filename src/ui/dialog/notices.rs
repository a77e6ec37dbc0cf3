//! The list of notifications: what was told, when, and what can be done about it.

use super::{Desk, theme, title, widget};
use crate::{
    app::{Command, DialogCommand, Notice, WindowCommand},
    look::{FontFace, Icon, Tone, font_size, size},
    ui::panel,
};
use egui::{Align, Label, Layout, RichText, ScrollArea, Ui, vec2};
use std::time::Duration;

/// How often the ages are brought up to date while the list is open.
const AGES_EVERY: Duration = Duration::from_secs(30);

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>) {
    let listed: Vec<Notice> = desk.state.notices.listed().cloned().collect();
    ui.ctx().request_repaint_after(AGES_EVERY);
    ui.allocate_ui_with_layout(vec2(ui.available_width(), size::CONTROL_HEIGHT), Layout::left_to_right(Align::Center), |ui| {
        title(ui, "Notifications");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.add(widget::IconButton::new(Icon::Cross, "Close the list").shortcut("Esc")).clicked() {
                desk.send(Command::Dialog(DialogCommand::CloseDialog));
            }
            let clear = widget::Button::quiet("Clear all").explanation("Remove all notifications from the list");
            if ui.add_enabled(!listed.is_empty(), clear).clicked() {
                desk.send(Command::Window(WindowCommand::ClearNotices));
            }
        });
    });
    if listed.is_empty() {
        widget::empty_state(ui, Icon::Bell, "No notifications", "Errors, warnings and results of jobs are listed here.", |_| ());
        ui.add_space(size::GAP);
        return;
    }
    let height = (ui.ctx().content_rect().height() * 0.6).min(460.0);
    ScrollArea::vertical().max_height(height).min_scrolled_height(height).auto_shrink([false, true]).show(ui, |ui| {
        for (nth, notice) in listed.iter().enumerate() {
            if nth > 0 {
                ui.separator();
            }
            ui.push_id(notice.id, |ui| row(ui, desk, notice));
        }
    });
}

fn row(ui: &mut Ui, desk: &mut Desk<'_>, notice: &Notice) {
    ui.horizontal_top(|ui| {
        let (icon, color) = panel::tone_icon(ui, notice.tone);
        panel::paint_icon(ui, icon, color);
        let words = ui.available_width() - 20.0 - 2.0 * size::GAP;
        ui.vertical(|ui| {
            ui.set_width(words);
            ui.spacing_mut().item_spacing.y = 0.0;
            // The first line stands beside its icon.
            ui.add_space(6.0);
            ui.add(Label::new(&notice.text).wrap().selectable(true));
            ui.horizontal(|ui| {
                ui.set_min_height(size::CONTROL_HEIGHT);
                let font = theme::font(FontFace::Regular, font_size::SMALL);
                ui.label(RichText::new(desk.state.notices.age(notice)).font(font).color(theme::palette(ui).muted));
                if let Some(action) = &notice.action
                    && ui.add(widget::Button::quiet(action.label).explanation(action.about)).clicked()
                {
                    desk.send(Command::Dialog(DialogCommand::CloseDialog));
                    desk.send(action.command.clone());
                }
            });
        });
        ui.vertical(|ui| {
            ui.add_space(4.0);
            if ui.add(widget::IconButton::new(Icon::Cross, "Remove from the list").small()).clicked() {
                desk.send(Command::Window(WindowCommand::RemoveNotice(notice.id)));
            }
        });
    });
}

/// The name of the bell: how many errors are unread.
pub fn bell_name(unread: usize) -> String {
    match unread {
        0 => "Notifications".to_owned(),
        1 => "Notifications: 1 unread error".to_owned(),
        count => format!("Notifications: {count} unread errors"),
    }
}

/// The tone of the bell.
pub fn bell_tone(unread: usize) -> Tone {
    if unread > 0 { Tone::Bad } else { Tone::Neutral }
}
