//! What floats over the canvas: the zoom bar, the minimap, and the names for those who listen instead of look.

use super::{Canvas, CanvasEvent, CanvasInput};
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
    pub(super) fn furniture(&mut self, ui: &mut Ui, response: &Response, input: &CanvasInput<'_>) {
        let area = response.rect;
        if area.width() < ZOOM_BAR.x + 2.0 * MARGIN || area.height() < ZOOM_BAR.y + 2.0 * MARGIN {
            return;
        }
        self.zoom_bar(ui, area);
        if area.width() >= MINIMAP_ROOM.x && area.height() >= MINIMAP_ROOM.y && !self.scene.nodes.is_empty() {
            self.show_minimap(ui, area, input);
        }
    }

    fn zoom_bar(&mut self, ui: &mut Ui, area: egui::Rect) {
        let rect = egui::Rect::from_min_size(egui::pos2(area.min.x + MARGIN, area.max.y - MARGIN - ZOOM_BAR.y), ZOOM_BAR);
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
                let less = ui.add(IconButton::new(Icon::Minus, "Zoom out").shortcut("Ctrl+-")).clicked();
                let words = RichText::new(percent).font(theme::font(FontFace::Regular, font_size::BODY)).color(theme.palette().text);
                let whole = ui
                    .add_sized(vec2(68.0, size::CONTROL_HEIGHT), Button::new(words).frame(false))
                    .on_hover_text("Show at 100 %")
                    .clicked();
                let more = ui.add(IconButton::new(Icon::Plus, "Zoom in").shortcut("Ctrl++")).clicked();
                let fit = ui.add(IconButton::new(Icon::Fit, "Fit to the window").shortcut("Ctrl+0")).clicked();
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
        let rect = egui::Rect::from_min_size(area.max - Vec2::splat(MARGIN) - MINIMAP, MINIMAP);
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
        painter.add(Shape::Mesh(Arc::clone(&self.minimap.mesh)));
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
        let bounds = self.scene.bounds();
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
        if self.scene.nodes.len() <= MINIMAP_NODES_MAX {
            for (number, item) in (0_u32..).zip(&self.scene.nodes) {
                add(item.card, 1.5, crate::picture::draw::tile_color(palette, &self.scene, number).into());
            }
        } else {
            for cell in self.scene.grid.cells.iter().filter(|cell| !cell.nodes.is_empty()) {
                add(cell.bounds, 1.0, Color32::from(palette.muted).gamma_multiply(0.5));
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

/// How large the minimap draws the lab, and where its corner comes to lie.
fn placement(bounds: Rect, paper: egui::Rect) -> (f32, egui::Pos2) {
    let inner = paper.shrink(5.0);
    let scale = (inner.width() / bounds.width().max(1.0)).min(inner.height() / bounds.height().max(1.0));
    let size = vec2(bounds.width() * scale, bounds.height() * scale);
    (scale, inner.center() - size / 2.0)
}
