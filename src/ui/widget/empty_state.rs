//! What a place says while nothing is in it: what belongs here, and how to begin.

use super::{corners, line, paint_line};
use crate::{
    look::{FontFace, Icon, font_size, radius, size},
    ui::{
        icon,
        theme::{self, palette},
    },
};
use egui::{Align, Color32, Layout, Rect, Sense, Ui, UiBuilder, Vec2, WidgetInfo, WidgetType, text::LayoutJob, vec2};

const TILE: f32 = 48.0;
const WIDTH_MAX: f32 = 320.0;

/// Shows an icon, a title and a sentence in the middle of the width, and below them what can be done, in one row.
pub fn empty_state<R>(ui: &mut Ui, icon: Icon, title: &str, text: &str, actions: impl FnOnce(&mut Ui) -> R) -> R {
    ui.vertical_centered(|ui| {
        ui.spacing_mut().item_spacing.y = size::GAP;
        let (rect, response) = ui.allocate_exact_size(Vec2::splat(TILE), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Image, true, title));
        ui.painter().rect_filled(rect, corners(radius::CARD), palette(ui).raised);
        icon::paint(ui.painter(), icon, Rect::from_center_size(rect.center(), Vec2::splat(TILE / 2.0)), palette(ui).muted);
        ui.add_space(size::GRID);
        let title = line(ui, title, (FontFace::SemiBold, font_size::TITLE), palette(ui).text, ui.available_width());
        let (rect, _) = ui.allocate_exact_size(title.size(), Sense::hover());
        paint_line(ui.painter(), rect.left(), rect.center().y, title);
        sentence(ui, text);
        ui.add_space(size::GRID);
        centered_row(ui, actions)
    })
    .inner
}

/// A sentence, wrapped and centred.
fn sentence(ui: &mut Ui, text: &str) {
    let font = theme::font(FontFace::Regular, font_size::BODY);
    let mut job = LayoutJob::simple(text.to_owned(), font, palette(ui).muted, ui.available_width().min(WIDTH_MAX));
    job.halign = Align::Center;
    let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
    let (rect, response) = ui.allocate_exact_size(galley.size(), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, text));
    ui.painter().galley(rect.center_top(), galley, Color32::PLACEHOLDER);
}

/// A row in the middle of the width. Its own width is known from the frame before.
fn centered_row<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let id = ui.id().with("centered row");
    let known: Option<f32> = ui.data(|data| data.get_temp(id));
    let whole = ui.available_rect_before_wrap();
    let left = whole.center().x - known.unwrap_or_default() / 2.0;
    let rect = Rect::from_min_size(egui::pos2(left, whole.top()), vec2(whole.right() - left, size::CONTROL_HEIGHT));
    let mut builder = UiBuilder::new().max_rect(rect).layout(Layout::left_to_right(Align::Center));
    if known.is_none() {
        builder = builder.sizing_pass().invisible();
        ui.ctx().request_discard("the width of a row is not known yet");
    }
    let mut inside = ui.new_child(builder);
    let result = contents(&mut inside);
    let used = inside.min_rect();
    if known.is_none_or(|known| (known - used.width()).abs() > 0.5) {
        ui.data_mut(|data| data.insert_temp(id, used.width()));
    }
    ui.advance_cursor_after_rect(used);
    result
}
