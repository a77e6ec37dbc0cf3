//! The gallery: labs to begin with, recent files, and an empty one.

use super::{Desk, buttons, cancel, file_name, text, theme, title, widget};
use crate::{
    app::{Command, Template},
    look::{FontFace, Icon, font_size, radius, size},
    ui::{canvas::Still, icon, panel},
};
use egui::{Rect, ScrollArea, Sense, StrokeKind, Ui, UiBuilder, Vec2, pos2, vec2};
use std::collections::BTreeMap;

const CARD: Vec2 = vec2(256.0, 236.0);
const PICTURE_HEIGHT: f32 = 132.0;
const GAP: f32 = 16.0;
/// Recent files above the templates; the menu has all.
const RECENT_SHOWN: usize = 4;

/// Shows the gallery as a dialog.
pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>) {
    title(ui, "New from a template");
    let height = (ui.ctx().content_rect().height() * 0.7).max(260.0);
    ScrollArea::vertical().max_height(height).auto_shrink([false, true]).show(ui, |ui| cards(ui, desk));
    buttons(ui, |ui| cancel(ui, desk, "Cancel"));
}

/// Shows the gallery in the middle of a window that has no lab.
pub fn gallery(ui: &mut Ui, desk: &mut Desk<'_>) {
    let room = ui.available_rect_before_wrap();
    let columns = ((room.width() - 2.0 * GAP + GAP) / (CARD.x + GAP)).floor().clamp(1.0, 3.0);
    let width = columns * CARD.x + (columns - 1.0) * GAP;
    let inside = Rect::from_min_max(pos2(room.center().x - width / 2.0, room.top()), pos2(room.center().x + width / 2.0, room.bottom()));
    ui.scope_builder(UiBuilder::new().max_rect(inside), |ui| {
        ScrollArea::vertical().auto_shrink(false).scroll_bar_visibility(egui::scroll_area::ScrollBarVisibility::VisibleWhenNeeded).show(
            ui,
            |ui| {
                ui.add_space((room.height() * 0.07).clamp(16.0, 64.0));
                head(ui, desk);
                ui.add_space(GAP);
                recent(ui, desk);
                widget::section_header(ui, "Begin with a lab", None);
                ui.add_space(size::GRID);
                cards(ui, desk);
                ui.add_space(GAP * 2.0);
            },
        );
    });
}

fn head(ui: &mut Ui, desk: &mut Desk<'_>) {
    ui.label(egui::RichText::new("What shall we build?").font(theme::font(FontFace::SemiBold, 22.0)));
    text(ui, "Draw a lab, be told what is wrong with it, deploy it, watch it and break it.");
    ui.add_space(size::GAP);
    ui.horizontal(|ui| {
        panel::command_button(ui, desk, Command::New, |button| button.kind(widget::ButtonKind::Primary));
        panel::command_button(ui, desk, Command::Open, |button| button);
    });
}

fn recent(ui: &mut Ui, desk: &mut Desk<'_>) {
    let recent = &desk.state.preferences.recent;
    if recent.is_empty() {
        return;
    }
    widget::section_header(ui, "Recent", None);
    for path in recent.iter().take(RECENT_SHOWN) {
        let name = file_name(path);
        let (rect, response) = panel::row(ui, 32.0, false, &name);
        let palette = theme::palette(ui);
        icon::paint(
            ui.painter(),
            Icon::Folder,
            Rect::from_center_size(pos2(rect.left() + 16.0, rect.center().y), Vec2::splat(size::ICON)),
            palette.muted,
        );
        let shown = panel::words(ui, rect, (rect.left() + 34.0, rect.center().x), &name, FontFace::Medium, palette.text);
        let folder = path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
        panel::words(ui, rect, (shown.right() + GAP, rect.right() - size::GAP), &folder, FontFace::Mono, palette.muted);
        if response.on_hover_text(path.display().to_string()).clicked() {
            desk.send(Command::OpenPath(path.clone()));
        }
    }
    ui.add_space(GAP);
}

fn cards(ui: &mut Ui, desk: &mut Desk<'_>) {
    ui.spacing_mut().item_spacing = Vec2::splat(GAP);
    ui.horizontal_wrapped(|ui| {
        for (nth, template) in desk.state.templates.iter().enumerate() {
            if card(ui, template, &mut desk.memory.stills) {
                desk.send(Command::OpenTemplate(nth));
            }
        }
    });
}

fn card(ui: &mut Ui, template: &Template, stills: &mut BTreeMap<String, Still>) -> bool {
    let (rect, response) = ui.allocate_exact_size(CARD, Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, &template.name));
    if !ui.is_rect_visible(rect) {
        return response.clicked();
    }
    let theme = theme::Theme::of(ui.ctx());
    let palette = theme.palette();
    let border = if response.hovered() { egui::Stroke::new(crate::look::stroke::BORDER, palette.line_strong) } else { theme.border() };
    ui.painter().add(theme.card_shadow().as_shape(rect, widget::corners(radius::CARD)));
    ui.painter().rect(rect, widget::corners(radius::CARD), palette.card, border, StrokeKind::Inside);
    let picture = Rect::from_min_size(rect.min, vec2(rect.width(), PICTURE_HEIGHT)).shrink(1.0);
    ui.painter().rect_filled(picture, egui::CornerRadius { nw: 9, ne: 9, sw: 0, se: 0 }, palette.canvas);
    let still = stills.entry(template.name.clone()).or_insert_with(|| Still::new(&template.lab));
    still.paint(ui.painter(), picture.shrink(12.0), &template.lab, theme.appearance());
    ui.painter().hline(picture.x_range(), picture.bottom(), theme.border());
    let words = Rect::from_min_max(pos2(rect.left() + 14.0, picture.bottom() + 12.0), rect.max - vec2(14.0, 10.0));
    let name = widget::line(ui, &template.name, (FontFace::SemiBold, font_size::NAME), palette.text, words.width());
    widget::paint_line(ui.painter(), words.left(), words.top() + 8.0, name);
    let mut about = egui::text::LayoutJob::simple(
        template.about.clone(),
        theme::font(FontFace::Regular, font_size::SMALL),
        palette.muted,
        words.width(),
    );
    about.wrap.max_rows = 4;
    let about = ui.fonts_mut(|fonts| fonts.layout_job(about));
    ui.painter().galley(words.min + vec2(0.0, 22.0), about, palette.muted);
    widget::focus_ring(ui, &response, rect, radius::CARD);
    response.on_hover_cursor(egui::CursorIcon::PointingHand).clicked()
}
