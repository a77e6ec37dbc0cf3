//! The gallery: labs to begin with, recent files, and an empty one.

use super::{Desk, buttons, cancel, file_name, text, theme, title, widget};
use crate::{
    app::{Command, FileCommand, FilePreview},
    look::{FontFace, Icon, font_size, radius, size},
    model::Lab,
    picture::Thumbnail,
    ui::{canvas::Still, icon, panel},
};
use egui::{Rect, Response, ScrollArea, Sense, StrokeKind, Ui, UiBuilder, Vec2, pos2, vec2};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

const CARD_WIDTH: f32 = 352.0;
const PICTURE_HEIGHT: f32 = 208.0;
const PICTURE_MARGIN: f32 = 14.0;
const GAP: f32 = 16.0;
const COLUMNS_MAX: f32 = 3.0;

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
    let columns = ((room.width() - 2.0 * GAP + GAP) / (CARD_WIDTH + GAP)).floor().clamp(1.0, COLUMNS_MAX);
    let width = columns * CARD_WIDTH + (columns - 1.0) * GAP;
    let inside = Rect::from_min_max(pos2(room.center().x - width / 2.0, room.top()), pos2(room.center().x + width / 2.0, room.bottom()));
    ScrollArea::vertical().auto_shrink(false).scroll_bar_visibility(egui::scroll_area::ScrollBarVisibility::VisibleWhenNeeded).show(
        ui,
        |ui| {
            // The scroll bar stands at the window's edge, beside the columns.
            let top = ui.cursor().top();
            let column = Rect::from_x_y_ranges(inside.x_range(), top..=top + inside.height());
            ui.scope_builder(UiBuilder::new().max_rect(column), |ui| {
                ui.add_space((room.height() * 0.07).clamp(16.0, 64.0));
                head(ui, desk);
                ui.add_space(GAP);
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between one and three")]
                recent(ui, desk, columns as usize);
                widget::section_header(ui, "Begin with a lab", None);
                ui.add_space(size::GRID);
                cards(ui, desk);
                ui.add_space(GAP * 2.0);
            });
        },
    );
}

fn head(ui: &mut Ui, desk: &mut Desk<'_>) {
    ui.label(egui::RichText::new("What shall we build?").font(theme::font(FontFace::SemiBold, 22.0)));
    text(ui, "Draw a lab, be told what is wrong with it, deploy it, watch it and break it.");
    ui.add_space(size::GAP);
    ui.horizontal(|ui| {
        panel::command_button(ui, desk, Command::File(FileCommand::New), |button| button.kind(widget::ButtonKind::Primary));
        panel::command_button(ui, desk, Command::File(FileCommand::Open), |button| button);
    });
}

/// The files that were opened last, as many as fit in a row; the menu has all.
fn recent(ui: &mut Ui, desk: &mut Desk<'_>, columns: usize) {
    let recent: Vec<PathBuf> = desk.state.preferences.recent.iter().take(columns).cloned().collect();
    if recent.is_empty() {
        return;
    }
    widget::section_header(ui, "Recent", None);
    ui.add_space(size::GRID);
    ui.spacing_mut().item_spacing = Vec2::splat(GAP);
    ui.horizontal_wrapped(|ui| {
        for path in &recent {
            let preview = desk.state.previews.get(path);
            if preview.is_none() {
                desk.send(Command::File(FileCommand::PreviewFile(path.clone())));
            }
            // The folder only tells files of one name apart: the tooltip has all of it.
            let twin = recent.iter().any(|other| other != path && other.file_name() == path.file_name());
            let folder = path.parent().filter(|_| twin).map(|folder| format!(" · {}", folder.display())).unwrap_or_default();
            let (about, hint, picture) = match preview {
                Some(FilePreview::Drawn(thumbnail)) => (about_lab(thumbnail.lab()), String::new(), Some(Arc::clone(thumbnail))),
                Some(FilePreview::Unreadable(why)) => ("Cannot be read".to_owned(), format!("\n\n{why}"), None),
                Some(FilePreview::Reading) | None => ("Reading…".to_owned(), String::new(), None),
            };
            let card =
                Card { key: &path.to_string_lossy(), name: &file_name(path), about: &format!("{about}{folder}"), about_rows: 1, picture };
            let response = card.show(ui, &mut desk.memory.stills);
            if response.on_hover_text(format!("{}{hint}", path.display())).clicked() {
                desk.send(Command::File(FileCommand::OpenPath(path.clone())));
            }
        }
    });
    ui.add_space(GAP);
}

fn about_lab(lab: &Lab) -> String {
    let count = |count: usize, one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
    format!("{} · {}, {}", lab.name, count(lab.nodes.len(), "node"), count(lab.networks.len(), "network"))
}

fn cards(ui: &mut Ui, desk: &mut Desk<'_>) {
    ui.spacing_mut().item_spacing = Vec2::splat(GAP);
    ui.horizontal_wrapped(|ui| {
        for (nth, template) in desk.state.templates.iter().enumerate() {
            let picture = Some(Arc::clone(&template.thumbnail));
            let card = Card { key: &template.name, name: &template.name, about: &template.about, about_rows: 3, picture };
            if card.show(ui, &mut desk.memory.stills).on_hover_text(&template.about).clicked() {
                desk.send(Command::File(FileCommand::OpenTemplate(nth)));
            }
        }
    });
}

/// A lab to begin with: its picture, its name and what it is.
struct Card<'a> {
    /// What its picture is kept by: names are not unique.
    key: &'a str,
    name: &'a str,
    about: &'a str,
    /// Lines of `about` that are shown.
    about_rows: usize,
    /// `None`: a plain place where the picture would be.
    picture: Option<Arc<Thumbnail>>,
}

impl Card<'_> {
    fn show(&self, ui: &mut Ui, stills: &mut BTreeMap<String, Still>) -> Response {
        let (rect, response) = ui.allocate_exact_size(vec2(CARD_WIDTH, card_height(self.about_rows)), Sense::click());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, self.name));
        if !ui.is_rect_visible(rect) {
            return response;
        }
        let theme = theme::Theme::of(ui.ctx());
        let palette = theme.palette();
        let is_marked = response.hovered() || response.has_focus();
        let border = if is_marked { egui::Stroke::new(crate::look::stroke::BORDER, palette.line_strong) } else { theme.border() };
        ui.painter().add(theme.card_shadow().as_shape(rect, widget::corners(radius::CARD)));
        ui.painter().rect(rect, widget::corners(radius::CARD), palette.card, border, StrokeKind::Inside);
        let ground = Rect::from_min_size(rect.min, vec2(rect.width(), PICTURE_HEIGHT)).shrink(1.0);
        ui.painter().rect_filled(ground, egui::CornerRadius { nw: 9, ne: 9, sw: 0, se: 0 }, palette.canvas);
        match &self.picture {
            Some(thumbnail) => {
                let still = stills.entry(self.key.to_owned()).or_insert_with(|| Still::new(Arc::clone(thumbnail)));
                if !still.is_of(thumbnail) {
                    *still = Still::new(Arc::clone(thumbnail));
                }
                still.paint(ui.painter(), ground.shrink(PICTURE_MARGIN), theme.appearance());
            }
            None => {
                let place = Rect::from_center_size(ground.center(), Vec2::splat(2.0 * size::ICON_LARGE));
                icon::paint(ui.painter(), Icon::Folder, place, palette.faint);
            }
        }
        ui.painter().hline(ground.x_range(), ground.bottom(), theme.border());
        let words = Rect::from_min_max(pos2(rect.left() + 14.0, ground.bottom() + 12.0), rect.max - vec2(14.0, 10.0));
        let name = widget::line(ui, self.name, (FontFace::SemiBold, font_size::NAME), palette.text, words.width());
        widget::paint_line(ui.painter(), words.left(), words.top() + 8.0, name);
        let font = theme::font(FontFace::Regular, font_size::SMALL);
        let mut about = egui::text::LayoutJob::simple(self.about.to_owned(), font, palette.muted, words.width());
        about.wrap.max_rows = self.about_rows;
        let about = ui.fonts_mut(|fonts| fonts.layout_job(about));
        ui.painter().galley(words.min + vec2(0.0, 22.0), about, palette.muted);
        widget::focus_ring(ui, &response, rect, radius::CARD);
        response.on_hover_cursor(egui::CursorIcon::PointingHand)
    }
}

fn card_height(about_rows: usize) -> f32 {
    let rows = u8::try_from(about_rows).unwrap_or(u8::MAX);
    PICTURE_HEIGHT + 46.0 + f32::from(rows) * crate::look::line_height(FontFace::Regular, font_size::SMALL)
}
