//! A row of the inspector: a name at the left, a control or a value at the right, what is wrong below it in words.

use super::{corners, line, paint_line};
use crate::{
    look::{FontFace, font_size, radius, size, stroke},
    ui::theme::{self, Theme, palette},
};
use egui::{
    Align, Color32, Layout, Rect, Response, RichText, Sense, Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo, WidgetType, epaint::RectShape,
    layers::ShapeIdx, pos2, vec2,
};

/// Shows a name, and a control that takes the width that is left. `problem` is shown under the control.
pub fn field_row<R>(ui: &mut Ui, name: &str, problem: Option<&str>, control: impl FnOnce(&mut Ui) -> R) -> R {
    let whole = ui.available_rect_before_wrap();
    let middle = whole.top() + size::CONTROL_HEIGHT / 2.0;
    let words = line(ui, name, (FontFace::Regular, font_size::BODY), palette(ui).muted, size::LABEL_WIDTH - size::GAP);
    paint_line(ui.painter(), whole.left(), middle, words);
    let right = Rect::from_min_max(pos2(whole.left() + size::LABEL_WIDTH, whole.top()), whole.max);
    let builder = UiBuilder::new().id_salt(name).max_rect(right).layout(Layout::top_down(Align::Min));
    let mut inside = ui.new_child(builder);
    inside.spacing_mut().item_spacing.y = size::GRID;
    let result = control(&mut inside);
    show_problem(&mut inside, problem, right.width());
    let bottom = inside.min_rect().bottom().max(whole.top() + size::CONTROL_HEIGHT);
    ui.advance_cursor_after_rect(Rect::from_min_max(whole.min, pos2(whole.right(), bottom)));
    result
}

/// Shows a name at the left and a value at the right, for what can only be read.
pub fn value_row(ui: &mut Ui, name: &str, value: &str, color: Color32) {
    let height = 24.0;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, format!("{name}: {value}")));
    let name = line(ui, name, (FontFace::Regular, font_size::BODY), palette(ui).muted, rect.width() * 0.6);
    let name = paint_line(ui.painter(), rect.left(), rect.center().y, name);
    let value = line(ui, value, (FontFace::Regular, font_size::BODY), color, rect.right() - name.right() - size::GAP);
    paint_line(ui.painter(), rect.right() - value.size().x, rect.center().y, value);
}

/// A row like [`value_row`] that leads somewhere: its name left, its value right, both as one thing to click.
pub fn link_row(ui: &mut Ui, name: &str, value: &str) -> egui::Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 24.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Link, true, format!("{name}: {value}")));
    if response.hovered() {
        ui.painter().rect_filled(rect.expand2(vec2(size::GRID, 0.0)), super::corners(crate::look::radius::CONTROL), palette(ui).raised);
    }
    super::focus_ring(ui, &response, rect, crate::look::radius::CONTROL);
    let name = line(ui, name, (FontFace::Mono, font_size::SMALL), palette(ui).text, rect.width() * 0.6);
    let name = paint_line(ui.painter(), rect.left(), rect.center().y, name);
    let value = line(ui, value, (FontFace::Regular, font_size::BODY), palette(ui).muted, rect.right() - name.right() - size::GAP);
    paint_line(ui.painter(), rect.right() - value.size().x, rect.center().y, value);
    response
}

/// Whether what a field holds is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldState {
    /// Right.
    Sound,
    /// Wrong: it is outlined in red.
    Wrong,
}

/// Paints the ground of a field into a place that was kept before its text was painted.
pub(super) fn paint_ground(ui: &Ui, place: ShapeIdx, response: &Response, state: FieldState) {
    let theme = Theme::of(ui.ctx());
    let palette = theme.palette();
    let border = match (state, response.has_focus()) {
        (FieldState::Wrong, true) => Stroke::new(stroke::SELECTION, palette.bad),
        (FieldState::Wrong, false) => Stroke::new(stroke::BORDER, palette.bad),
        (FieldState::Sound, true) => theme.selection(),
        (FieldState::Sound, false) if response.hovered() => Stroke::new(stroke::BORDER, palette.line_strong),
        (FieldState::Sound, false) => theme.border(),
    };
    ui.painter().set(place, RectShape::new(response.rect, corners(radius::CONTROL), palette.raised, border, StrokeKind::Inside));
}

/// Says below a field what is wrong with it.
pub(super) fn show_problem(ui: &mut Ui, problem: Option<&str>, width: f32) {
    let Some(problem) = problem else { return };
    ui.scope(|ui| {
        ui.set_max_width(width);
        let font = theme::font(FontFace::Regular, font_size::SMALL);
        ui.label(RichText::new(problem).font(font).color(palette(ui).bad));
    });
}
