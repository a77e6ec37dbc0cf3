//! What floats over the canvas: the zoom bar, the minimap, and the names for those who listen instead of look.

use super::{Canvas, CanvasEvent, CanvasInput, Furniture};
use crate::{
    look::{FontFace, Icon, font_size, radius, size, stroke},
    model::Subject,
    picture::{Detail, Point, Rect, draw::Artist, point},
    ui::{
        theme::{self, Theme},
        widget::IconButton,
    },
};
use egui::{
    Align, Button, Color32, Layout, Mesh, Response, RichText, Sense, Shape, Stroke, StrokeKind, Ui, UiBuilder, Vec2, WidgetInfo,
    WidgetType, vec2,
};
use std::sync::Arc;

const MARGIN: f32 = 16.0;
const MINIMAP: Vec2 = vec2(134.0, 86.0);
const ZOOM_BAR: Vec2 = vec2(164.0, 36.0);
/// A canvas smaller than this has no room for a minimap.
const MINIMAP_ROOM: Vec2 = vec2(520.0, 320.0);
/// More nodes than this are drawn in the minimap as what the grid's cells cover.
const MINIMAP_NODES_MAX: usize = 3_000;
/// More nodes than this on the screen are not told to readers one by one.
const TOLD_MAX: usize = 400;

/// The minimap's picture, kept while the scene stays as it is.
#[derive(Debug, Default)]
pub struct Minimap {
    made_for: Option<(u64, egui::Rect, crate::look::Appearance)>,
    mesh: Arc<Mesh>,
    bounds: Option<Rect>,
}

impl Canvas {
    /// Where zoom bar and minimap float on a canvas of this size, counted from its corner; the lowest first.
    pub(super) fn floating(&self, size: Vec2) -> Vec<egui::Rect> {
        let area = egui::Rect::from_min_size(egui::Pos2::ZERO, size);
        if self.furnished == Furniture::Hidden || !has_room(area) {
            return Vec::new();
        }
        let minimap = has_minimap(area).then(|| minimap_rect(area));
        std::iter::once(zoom_bar_rect(area)).chain(minimap).collect()
    }

    pub(super) fn furniture(&mut self, ui: &mut Ui, response: &Response, input: &CanvasInput<'_>) {
        let area = response.rect;
        if !has_room(area) {
            return;
        }
        self.zoom_bar(ui, area);
        self.far_things(ui, area, input);
        if has_minimap(area) && !self.scene.nodes.is_empty() {
            self.show_minimap(ui, area, input);
        }
    }

    /// Says that something lies so far away that fitting leaves it out, and leads there.
    fn far_things(&mut self, ui: &mut Ui, area: egui::Rect, input: &CanvasInput<'_>) {
        if self.far.0 != self.scene.revision {
            self.far = (self.scene.revision, self.scene.strays().into_iter().collect());
        }
        let Some(first) = self.far.1.first().and_then(|number| self.scene.node(*number)) else { return };
        let (name, card) = (first.name.clone(), first.card);
        if self.shown().touches(&card) {
            return;
        }
        let text = match self.far.1.len() {
            1 => format!("{name} is far away from the rest"),
            several => format!("{several} nodes are far away from the rest"),
        };
        let corner = zoom_bar_rect(area).left_top() - vec2(0.0, size::GAP + size::CONTROL_HEIGHT);
        let room = egui::Rect::from_min_size(corner, vec2(360.0_f32.min(area.width() - 2.0 * MARGIN), size::CONTROL_HEIGHT));
        let button = crate::ui::widget::Button::new(&text).icon(Icon::Info).explanation("Show it");
        if ui.scope_builder(UiBuilder::new().max_rect(room), |ui| ui.add(button)).inner.clicked() {
            self.zoom_to(ui, input.lab, &Subject::Node(name));
        }
    }

    fn zoom_bar(&mut self, ui: &mut Ui, area: egui::Rect) {
        let rect = zoom_bar_rect(area);
        // The bar takes the clicks between its buttons, so that they do not fall through to the canvas.
        ui.interact(rect, ui.id().with("zoom bar"), Sense::click_and_drag());
        let theme = Theme::of(ui.ctx());
        ui.painter().add(theme.card_shadow().as_shape(rect, radius::CARD));
        ui.painter().rect(rect, radius::CARD, theme.palette().panel, theme.border(), StrokeKind::Inside);
        let percent = format!("{:.0} %", (self.camera.zoom * 100.0).max(1.0));
        let inner = rect.shrink(4.0);
        let layout = Layout::left_to_right(Align::Center);
        let asked = ui
            .scope_builder(UiBuilder::new().max_rect(inner).layout(layout), |ui| {
                ui.spacing_mut().item_spacing.x = 0.0;
                let less = ui.add(IconButton::new(Icon::Minus, "Zoom out").shortcut("Ctrl −")).clicked();
                let words = RichText::new(percent).font(theme::font(FontFace::Regular, font_size::BODY)).color(theme.palette().text);
                let whole = ui
                    .add_sized(vec2(68.0, size::CONTROL_HEIGHT), Button::new(words).frame(false))
                    .on_hover_text("Show at 100 %")
                    .clicked();
                let more = ui.add(IconButton::new(Icon::Plus, "Zoom in").shortcut("Ctrl =")).clicked();
                let fit = ui.add(IconButton::new(Icon::Fit, "Show all").shortcut("Shift 1")).clicked();
                (less, whole, more, fit)
            })
            .inner;
        match asked {
            (true, ..) => self.zoom_by(ui, 1.0 / 1.25),
            (_, true, ..) => self.zoom_to_100(ui),
            (_, _, true, _) => self.zoom_by(ui, 1.25),
            (_, _, _, true) => self.fit(ui),
            _ => {}
        }
    }

    fn show_minimap(&mut self, ui: &Ui, area: egui::Rect, input: &CanvasInput<'_>) {
        let rect = minimap_rect(area);
        let response = ui.interact(rect, ui.id().with("minimap"), Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Other, true, "Minimap"));
        let theme = Theme::of(ui.ctx());
        let painter = ui.painter_at(area);
        painter.add(theme.card_shadow().as_shape(rect, radius::CARD));
        painter.rect(rect, radius::CARD, theme.palette().panel, theme.border(), StrokeKind::Inside);
        let paper = rect.shrink(6.0);
        painter.rect_filled(paper, radius::CONTROL, theme.palette().canvas);
        self.draw_minimap(paper, theme, input);
        let Some(bounds) = self.minimap.bounds else { return };
        painter.with_clip_rect(paper).add(Shape::Mesh(Arc::clone(&self.minimap.mesh)));
        let (scale, corner) = placement(bounds, paper);
        let shown = self.shown();
        let to_screen = |at: Point| corner + vec2((at.x - bounds.min.x) * scale, (at.y - bounds.min.y) * scale);
        let seen = egui::Rect::from_min_max(to_screen(shown.min), to_screen(shown.max)).intersect(paper);
        if seen.is_positive() {
            painter.rect_stroke(seen, 4.0, Stroke::new(stroke::BORDER, theme.palette().accent), StrokeKind::Inside);
        }
        if let Some(at) = response.interact_pointer_pos().filter(|_| response.dragged() || response.clicked()) {
            let middle = bounds.min + point((at.x - corner.x) / scale, (at.y - corner.y) / scale);
            self.flight = None;
            self.camera.origin = middle - point(shown.width() / 2.0, shown.height() / 2.0);
            ui.ctx().request_repaint();
        }
    }

    fn draw_minimap(&mut self, paper: egui::Rect, theme: &Theme, input: &CanvasInput<'_>) {
        let key = (self.scene.revision, paper, theme.appearance());
        if self.minimap.made_for == Some(key) {
            return;
        }
        self.minimap.made_for = Some(key);
        let bounds = self.scene.bulk();
        self.minimap.bounds = bounds.exists().then_some(bounds);
        let (scale, corner) = placement(bounds, paper);
        let mut mesh = Mesh::default();
        let mut add = |area: Rect, least: f32, color: Color32| {
            let min = corner + vec2((area.min.x - bounds.min.x) * scale, (area.min.y - bounds.min.y) * scale);
            let side = vec2((area.width() * scale).max(least), (area.height() * scale).max(least));
            mesh.add_colored_rect(egui::Rect::from_min_size(min, side), color);
        };
        let palette = theme.appearance().palette();
        let artist = Artist { lab: input.lab, catalog: input.catalog, scene: &self.scene, palette, detail: Detail::Far };
        for (number, item) in (0_u32..).zip(&self.scene.networks) {
            add(item.bar, 1.5, artist.rail_color(number).into());
        }
        if let Some(item) = &self.scene.outside {
            add(item.rect, 1.5, palette.muted.into());
        }
        if self.scene.nodes.len() <= MINIMAP_NODES_MAX {
            for (number, item) in (0_u32..).zip(&self.scene.nodes) {
                add(item.card, 1.5, crate::picture::draw::tile_color(palette, &self.scene, number).into());
            }
        } else {
            let cells = self.scene.grid.cells.iter().filter(|cell| !cell.nodes.is_empty());
            let on_paper = |at: Point| point((at.x - bounds.min.x) * scale, (at.y - bounds.min.y) * scale);
            let areas = cells.map(|cell| Rect { min: on_paper(cell.bounds.min), max: on_paper(cell.bounds.max) });
            let color = Color32::from(palette.muted).gamma_multiply(0.5);
            for run in covered(paper.size(), areas) {
                mesh.add_colored_rect(run.translate(corner.to_vec2()), color);
            }
        }
        self.minimap.mesh = Arc::new(mesh);
    }

    /// Tells screen readers what is on the canvas; costs nothing while none listens.
    pub(super) fn tell_readers(&mut self, ui: &Ui, input: &CanvasInput<'_>, events: &mut Vec<CanvasEvent>) {
        let id = ui.id().with("drawing");
        let Some(viewport) = self.viewport else { return };
        let summary = || format!("Drawing of {}: {} nodes, {} networks", input.lab.name, input.lab.nodes.len(), input.lab.networks.len());
        if ui
            .ctx()
            .accesskit_node_builder(id, |node| {
                node.set_role(egui::accesskit::Role::Canvas);
                node.set_label(summary());
            })
            .is_none()
        {
            return;
        }
        let visible = self.scene.nodes_in(self.shown());
        let mut told: Vec<(Subject, egui::Rect, String)> = Vec::new();
        for item in visible.iter().take(TOLD_MAX).filter_map(|number| self.scene.node(*number)) {
            let Some(node) = input.lab.nodes.get(&item.name) else { continue };
            let state = self.scene.node_number(&item.name).map(|number| self.scene.states.node(number)).unwrap_or_default();
            let found = state.badge.map_or_else(String::new, |badge| format!(", {} findings", badge.count));
            let health = state.health.map_or_else(String::new, |health| format!(", {}", health.title()));
            let words = format!("{}, {}{health}{found}", item.name, node.role.title());
            told.push((Subject::Node(item.name.clone()), self.camera.screen_rect(viewport.min, item.card), words));
        }
        if let Some(item) = &self.scene.outside {
            let count = item.flows.len();
            let words = format!("outside, {count} {}", if count == 1 { "flow" } else { "flows" });
            told.push((Subject::Outside, self.camera.screen_rect(viewport.min, item.rect), words));
        }
        for item in self.scene.networks.iter().take(TOLD_MAX) {
            let Some(network) = input.lab.networks.get(&item.name) else { continue };
            let subnet = network.subnet.map_or_else(String::new, |subnet| format!(", {subnet}"));
            let words = format!("{}, {} network{subnet}", item.name, network.kind.title());
            told.push((Subject::Network(item.name.clone()), self.camera.screen_rect(viewport.min, item.bar.grow(4.0)), words));
        }
        for (name, vip) in input.lab.vips.iter().take(TOLD_MAX) {
            let subject = Subject::Vip(name.clone());
            let Some(rect) = self.scene.rect_of(input.lab, &subject) else { continue };
            let seen = input.overlay.observed.and_then(|observed| observed.vips.get(name));
            let holders = seen.map(|seen| seen.holders.iter().map(|node| node.as_str()).collect::<Vec<_>>().join(" and "));
            let held = match holders.as_deref() {
                None => String::new(),
                Some("") => ", held by nobody".to_owned(),
                Some(holders) => format!(", held by {holders}"),
            };
            told.push((subject, self.camera.screen_rect(viewport.min, rect), format!("{name}, VIP {}{held}", vip.address)));
        }
        for (subject, rect, words) in told {
            let id = id.with(subject.to_string());
            let chosen = input.selection.contains(&subject);
            ui.ctx().accesskit_node_builder(id, |node| {
                node.set_role(egui::accesskit::Role::ListItem);
                node.set_label(words);
                node.set_selected(chosen);
                let [x0, y0, x1, y1] = [rect.min.x, rect.min.y, rect.max.x, rect.max.y].map(f64::from);
                node.set_bounds(egui::accesskit::Rect { x0, y0, x1, y1 });
                node.add_action(egui::accesskit::Action::Click);
            });
            if ui.input(|input| input.has_accesskit_action_request(id, egui::accesskit::Action::Click)) {
                events.push(CanvasEvent::Select(vec![subject]));
            }
        }
    }
}

fn has_room(area: egui::Rect) -> bool {
    area.width() >= ZOOM_BAR.x + 2.0 * MARGIN && area.height() >= ZOOM_BAR.y + 2.0 * MARGIN
}

fn has_minimap(area: egui::Rect) -> bool {
    area.width() >= MINIMAP_ROOM.x && area.height() >= MINIMAP_ROOM.y
}

fn zoom_bar_rect(area: egui::Rect) -> egui::Rect {
    egui::Rect::from_min_size(egui::pos2(area.min.x + MARGIN, area.max.y - MARGIN - ZOOM_BAR.y), ZOOM_BAR)
}

fn minimap_rect(area: egui::Rect) -> egui::Rect {
    egui::Rect::from_min_size(area.max - Vec2::splat(MARGIN) - MINIMAP, MINIMAP)
}

/// What rectangles cover together on a small paper, in whole points: as few rectangles as rows of equal runs give, however
/// many there were. Their coordinates count from the paper's corner.
fn covered(paper: Vec2, areas: impl Iterator<Item = Rect>) -> Vec<egui::Rect> {
    let (columns, rows) = (whole(paper.x), whole(paper.y));
    let mut marked = vec![false; columns * rows];
    for area in areas {
        let (left, right) = (whole(area.min.x), whole(area.max.x).max(whole(area.min.x) + 1));
        let (top, bottom) = (whole(area.min.y), whole(area.max.y).max(whole(area.min.y) + 1));
        for row in top..bottom.min(rows) {
            let run = (row * columns + left.min(columns))..(row * columns + right.min(columns));
            if let Some(run) = marked.get_mut(run) {
                run.fill(true);
            }
        }
    }
    let mut runs: Vec<egui::Rect> = Vec::new();
    let mut above: Vec<(usize, usize, usize)> = Vec::new();
    for (row, line) in marked.chunks(columns.max(1)).enumerate() {
        let mut here = Vec::new();
        let mut from = 0;
        while let Some(start) = line.iter().skip(from).position(|marked| *marked).map(|by| from + by) {
            let length = line.iter().skip(start).take_while(|marked| **marked).count();
            from = start + length;
            let (top, bottom) = (as_points(row), as_points(row + 1));
            // A run as the one above it makes that one higher.
            let same = above.iter().find(|(at, long, _)| (*at, *long) == (start, length)).map(|(.., number)| *number);
            let number = match same.and_then(|number| Some((number, runs.get_mut(number)?))) {
                Some((number, run)) => {
                    run.max.y = bottom;
                    number
                }
                None => {
                    let (left, right) = (as_points(start), as_points(from));
                    runs.push(egui::Rect::from_min_max(egui::pos2(left, top), egui::pos2(right, bottom)));
                    runs.len() - 1
                }
            };
            here.push((start, length, number));
        }
        above = here;
    }
    runs
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, and a minimap has a few hundred points")]
fn whole(value: f32) -> usize {
    value.max(0.0).floor() as usize
}

#[expect(clippy::cast_precision_loss, reason = "a minimap has a few hundred points")]
fn as_points(value: usize) -> f32 {
    value as f32
}

/// How large the minimap draws the lab, and where its corner comes to lie.
fn placement(bounds: Rect, paper: egui::Rect) -> (f32, egui::Pos2) {
    let inner = paper.shrink(5.0);
    let scale = (inner.width() / bounds.width().max(1.0)).min(inner.height() / bounds.height().max(1.0));
    let size = vec2(bounds.width() * scale, bounds.height() * scale);
    (scale, inner.center() - size / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_covered_is_said_in_few_rectangles() {
        let paper = vec2(20.0, 10.0);
        let of = |areas: &[(f32, f32, f32, f32)]| {
            let areas: Vec<Rect> = areas.iter().map(|(x, y, width, height)| Rect::at(point(*x, *y), *width, *height)).collect();
            covered(paper, areas.into_iter())
        };
        let rect = |x0: f32, y0: f32, x1: f32, y1: f32| egui::Rect::from_min_max(egui::pos2(x0, y0), egui::pos2(x1, y1));
        assert_eq!(of(&[(2.0, 3.0, 4.0, 2.0), (6.0, 3.0, 3.0, 2.0), (3.2, 3.1, 0.1, 0.1)]), [rect(2.0, 3.0, 9.0, 5.0)]);
        assert_eq!(of(&[(1.0, 0.0, 2.0, 1.0), (5.0, 0.0, 2.0, 2.0)]), [rect(1.0, 0.0, 3.0, 1.0), rect(5.0, 0.0, 7.0, 2.0)]);
        assert_eq!(of(&[(0.4, 0.4, 0.2, 0.2)]), [rect(0.0, 0.0, 1.0, 1.0)], "nothing is too small to be seen");
        assert_eq!(of(&[(18.0, 9.0, 40.0, 40.0)]), [rect(18.0, 9.0, 20.0, 10.0)], "nothing leaves the paper");
        assert!(of(&[]).is_empty());
    }
}
