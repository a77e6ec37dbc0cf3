//! What lies over the picture for a moment: selection, hover, handles, the rubber band, guides, wires being drawn.

use super::{
    Canvas, CanvasInput, colors,
    drop::say,
    gesture::Gesture,
    layers::Frame,
    on_screen,
    wire::{Held, Source},
};
use crate::{
    app::ops::Act,
    look::{FontFace, font_size, radius, size, stroke},
    model::Subject,
    picture::{Detail, HANDLE_RADIUS, Hit, Mode, Point, Rect, handle},
    ui::theme,
};
use egui::{Align2, Color32, Mesh, Painter, Pos2, Shape, Stroke, StrokeKind, Ui, Vec2, epaint::CubicBezierShape};

impl Canvas {
    pub(super) fn decorate(&self, ui: &Ui, painter: &Painter, frame: &Frame<'_>, input: &CanvasInput<'_>) {
        self.site_names(ui, painter, frame, input);
        self.selected(ui, painter, frame, input);
        self.hover(ui, painter, frame, input);
        self.gesture_marks(ui, painter, frame, input);
        if self.may_edit(input) {
            self.drop_ghost(ui, painter, frame.stand.viewport, input);
        }
    }

    /// From afar the sites' names stand over the tiles, in a size that can be read.
    fn site_names(&self, ui: &Ui, painter: &Painter, frame: &Frame<'_>, input: &CanvasInput<'_>) {
        if frame.artist.detail < Detail::Tile {
            return;
        }
        let shown = frame.stand.shown();
        for (item, site) in
            self.scene.sites.iter().zip(input.lab.sites.values()).filter(|(item, _)| item.frame.exists() && item.frame.touches(&shown))
        {
            let area = self.camera.screen_rect(frame.stand.viewport.min, item.frame);
            let title = if site.title.is_empty() { item.name.as_str() } else { &site.title };
            let galley = painter.layout_no_wrap(title.to_owned(), theme::font(FontFace::SemiBold, font_size::TITLE), colors(ui).text);
            let rect = Align2::CENTER_CENTER.anchor_size(area.center(), galley.size());
            painter.rect_filled(rect.expand2(egui::vec2(8.0, 4.0)), radius::CONTROL, colors(ui).panel.gamma_multiply(0.85));
            painter.galley(rect.min, galley, colors(ui).text);
        }
    }

    pub(super) fn outline(&self, painter: &Painter, frame: &Frame<'_>, area: Rect, corner: f32, line: Stroke) {
        let rect = self.camera.screen_rect(frame.stand.viewport.min, area);
        if rect.intersects(frame.stand.viewport) {
            let corner = (corner * self.camera.zoom).clamp(0.0, rect.height() / 2.0);
            painter.rect_stroke(rect, corner, line, StrokeKind::Middle);
        }
    }

    fn selected(&self, ui: &Ui, painter: &Painter, frame: &Frame<'_>, input: &CanvasInput<'_>) {
        let line = Stroke::new(stroke::SELECTION, colors(ui).accent);
        let far = frame.artist.detail >= Detail::Tile;
        let shown = frame.stand.shown();
        let chosen = self.chosen.nodes.iter().filter_map(|number| self.scene.node(*number));
        let chosen = chosen.filter(|item| item.card.touches(&shown));
        if far {
            let mut tiles = Mesh::default();
            for item in chosen {
                tiles.add_colored_rect(self.camera.screen_rect(frame.stand.viewport.min, item.card), line.color);
            }
            painter.add(Shape::mesh(tiles));
        } else {
            chosen.for_each(|item| self.outline(painter, frame, item.card, radius::CARD, line));
        }
        for number in &self.chosen.networks {
            if let Some(item) = self.scene.networks.get(*number as usize) {
                self.outline(painter, frame, item.bar.grow(4.0), 7.0, line);
            }
        }
        for number in &self.chosen.notes {
            if let Some(item) = self.scene.notes.get(*number) {
                self.outline(painter, frame, item.rect, radius::CONTROL, line);
            }
        }
        for subject in input.selection {
            self.selected_part(painter, frame, subject, line, input);
        }
    }

    /// The outline of something chosen that is neither card nor rail.
    fn selected_part(&self, painter: &Painter, frame: &Frame<'_>, subject: &Subject, line: Stroke, input: &CanvasInput<'_>) {
        let lab = input.lab;
        match subject {
            Subject::Service(at) => {
                let Some(item) = self.scene.node_number(&at.node).and_then(|number| self.scene.node(number)) else { return };
                let Some(node) = lab.nodes.get(&at.node) else { return };
                let thin = Stroke::new(stroke::BORDER, line.color);
                self.outline(painter, frame, item.card, radius::CARD, thin);
                if frame.artist.detail <= Detail::Full {
                    let chips = crate::picture::geometry::chips(lab, input.catalog, &at.node, node, item.card);
                    let of = crate::picture::geometry::ChipOf::Service(at.service.clone());
                    if let Some(chip) = chips.into_iter().find(|chip| chip.of == of) {
                        self.outline(painter, frame, chip.rect, radius::CONTROL, line);
                    }
                }
            }
            Subject::Adapter(name, slot, _) => {
                let item = self.scene.node_number(name).and_then(|number| self.scene.node(number));
                let socket = item.and_then(|item| item.sockets.iter().find(|socket| socket.slot == *slot));
                if let Some(socket) = socket {
                    let to = crate::picture::point(socket.at.x, socket.rail_y);
                    let ends = [socket.at, to].map(|at| self.camera.screen_from_lab(frame.stand.viewport.min, at));
                    painter.line_segment(ends, Stroke::new(stroke::SELECTION + 1.0, line.color));
                    self.outline(painter, frame, Rect::around(socket.at, 14.0, 14.0), 4.0, line);
                }
            }
            Subject::Vip(name) => {
                let item = self.scene.vips.iter().find(|item| item.name == *name);
                for token in item.into_iter().flat_map(|item| &item.tokens) {
                    self.outline(painter, frame, token.rect.grow(3.0), size::TOKEN_HEIGHT, line);
                }
            }
            Subject::Flow(id) => {
                if let Some(number) = lab.flow_place(id) {
                    self.flow_line(painter, frame, number, Stroke::new(stroke::SELECTION, line.color));
                }
            }
            Subject::Site(name) => {
                if let Some(item) = self.scene.sites.iter().find(|item| item.name == *name && item.frame.exists()) {
                    self.outline(painter, frame, item.frame, radius::CARD * 1.6, line);
                }
            }
            Subject::Outside => {
                if let Some(item) = &self.scene.outside {
                    self.outline(painter, frame, item.rect, item.rect.height() / 2.0, line);
                }
            }
            Subject::Cluster(_) | Subject::Link(..) => {
                if let Some(area) = self.scene.rect_of(lab, subject) {
                    self.outline(painter, frame, area.grow(12.0), radius::CARD, line);
                }
            }
            Subject::Node(_) | Subject::Network(_) | Subject::Note(_) | Subject::Lab | Subject::Acceptance(_) => {}
        }
    }

    fn flow_line(&self, painter: &Painter, frame: &Frame<'_>, number: usize, line: Stroke) {
        let Some(curve) = self.scene.flows.get(number).and_then(|item| item.curve) else { return };
        let points = curve.0.map(|at| self.camera.screen_from_lab(frame.stand.viewport.min, at));
        painter.add(CubicBezierShape::from_points_stroke(points, false, Color32::TRANSPARENT, line));
    }

    fn hover(&self, ui: &Ui, painter: &Painter, frame: &Frame<'_>, input: &CanvasInput<'_>) {
        // In a presentation a click anywhere shows the next page: nothing is there to be chosen.
        if self.gesture != Gesture::Idle || input.overlay.mode == Mode::Present {
            return;
        }
        let palette = colors(ui);
        let line = Stroke::new(stroke::BORDER, palette.line_strong.lerp_to_gamma(palette.accent, 0.5));
        let far = frame.artist.detail >= Detail::Tile;
        match &self.hovered {
            Some(Hit::Node(number) | Hit::Handle(number)) if !self.chosen.nodes.contains(number) => {
                if let Some(item) = self.scene.node(*number) {
                    let corner = if far { 0.0 } else { radius::CARD };
                    self.below_covers(painter, frame, item.card, Some(*number), |painter| {
                        self.outline(painter, frame, item.card, corner, line)
                    });
                }
            }
            Some(Hit::Outside | Hit::OutsideHandle) if !self.chosen.outside => {
                if let Some(item) = &self.scene.outside {
                    self.below_covers(painter, frame, item.rect, None, |painter| {
                        self.outline(painter, frame, item.rect, item.rect.height() / 2.0, line)
                    });
                }
            }
            Some(Hit::Flow(number)) => {
                if let Some(curve) = self.scene.flows.get(*number as usize).and_then(|item| item.curve) {
                    let line = Stroke::new(stroke::SELECTION, line.color);
                    self.below_covers(painter, frame, curve.bounds(), None, |painter| {
                        self.flow_line(painter, frame, *number as usize, line)
                    });
                }
            }
            Some(Hit::Network(number)) => {
                if let Some(item) = self.scene.networks.get(*number as usize) {
                    let area = item.bar.grow(3.0);
                    self.below_covers(painter, frame, area, None, |painter| self.outline(painter, frame, area, 6.0, line));
                }
            }
            _ => {}
        }
        self.connect_handle(ui, painter, frame, input);
    }

    /// The handle from which a wire, a flow or a link is drawn, on the hovered or the only selected thing.
    fn connect_handle(&self, ui: &Ui, painter: &Painter, frame: &Frame<'_>, input: &CanvasInput<'_>) {
        let palette = colors(ui);
        let aim = self.aim(crate::picture::Point::default());
        let handle_of = aim.handle_of.filter(|_| self.may_edit(input));
        let site_handle_of = aim.site_handle_of.filter(|_| self.may_edit(input));
        let frame_of = |site: u32| self.scene.sites.get(site as usize).map(|item| item.frame).filter(Rect::exists);
        let card = handle_of.and_then(|number| self.scene.node(number)).map(|item| item.card);
        let terminal = self.scene.outside.as_ref().filter(|_| aim.outside_handle && self.may_edit(input)).map(|item| item.rect);
        let area = card.or(terminal).or_else(|| site_handle_of.and_then(frame_of));
        if let Some(area) = area.filter(|area| !self.scene.is_handle_covered(handle_of.filter(|_| card.is_some()), area)) {
            let at = self.camera.screen_from_lab(frame.stand.viewport.min, handle(&area));
            let hot = matches!(self.hovered, Some(Hit::Handle(_) | Hit::SiteHandle(_) | Hit::OutsideHandle));
            let radius = on_screen(HANDLE_RADIUS, self.camera.zoom);
            let fill = if hot { palette.accent } else { palette.card };
            painter.circle(at, radius, fill, Stroke::new(1.5, palette.accent));
            let arm = radius * 0.5;
            let plus = Stroke::new(1.5, if hot { palette.on_accent } else { palette.accent });
            painter.line_segment([at - Vec2::new(arm, 0.0), at + Vec2::new(arm, 0.0)], plus);
            painter.line_segment([at - Vec2::new(0.0, arm), at + Vec2::new(0.0, arm)], plus);
        }
    }

    /// The line that is being drawn, and in words what letting go or a click would do.
    fn drawn_line(&self, ui: &Ui, painter: &Painter, frame: &Frame<'_>, from: Point, act: Option<Act>, otherwise: &str) {
        let Some(pointer) = ui.input(|input| input.pointer.latest_pos()) else { return };
        let (color, words) = match act {
            Some(Ok(step)) => (colors(ui).accent, step.title),
            Some(Err(refusal)) => (colors(ui).bad, refusal.to_string()),
            None => (colors(ui).muted, otherwise.to_owned()),
        };
        let words = match self.held {
            Held::Dragged => words,
            Held::Clicked => format!("{words}\nEsc cancels"),
        };
        let from = self.camera.screen_from_lab(frame.stand.viewport.min, from);
        painter.line_segment([from, pointer], Stroke::new(stroke::SELECTION, color));
        painter.circle_filled(from, 4.0, color);
        painter.circle_filled(pointer, 4.0, color);
        say(ui, painter, pointer + egui::vec2(14.0, 18.0), &words, color);
    }

    fn gesture_marks(&self, ui: &Ui, painter: &Painter, frame: &Frame<'_>, input: &CanvasInput<'_>) {
        let palette = colors(ui);
        let corner = frame.stand.viewport.min;
        let Some(pointer) = ui.input(|input| input.pointer.latest_pos()) else { return };
        match &self.gesture {
            Gesture::Idle | Gesture::Pan => {}
            Gesture::Band { from, .. } => {
                let rect = egui::Rect::from_two_pos(self.camera.screen_from_lab(corner, *from), pointer);
                painter.rect(rect, 2.0, palette.accent_wash, Stroke::new(stroke::BORDER, palette.accent), StrokeKind::Inside);
            }
            Gesture::Move(moving) => {
                for guide in &moving.guides {
                    let ends = [guide.from, guide.to].map(|at| self.camera.screen_from_lab(corner, at));
                    painter.line_segment(ends, Stroke::new(stroke::BORDER, palette.accent));
                }
                for (number, from) in &moving.notes {
                    if let Some(item) = self.scene.notes.get(*number) {
                        let area = Rect::at(*from + moving.by, item.rect.width(), item.rect.height());
                        self.outline(painter, frame, area, radius::CONTROL, Stroke::new(stroke::SELECTION, palette.accent));
                    }
                }
            }
            Gesture::Wire(wire) => {
                let at = self.camera.lab_from_screen(corner, pointer);
                let act = self.wired(wire, at, input);
                let otherwise = match (&wire.source, self.held) {
                    (Source::Node(..), Held::Dragged) => "Drop on a rail to connect, on a service, card, VIP or the outside for a flow",
                    (Source::Node(..), Held::Clicked) => "Click a rail to connect, or a service, card, VIP or the outside for a flow",
                    (Source::Outside, Held::Dragged) => "Drop on a service, card or VIP for a flow from outside",
                    (Source::Outside, Held::Clicked) => "Click a service, card or VIP for a flow from outside",
                };
                self.drawn_line(ui, painter, frame, wire.from, act, otherwise);
            }
            Gesture::Link(site, from) => {
                let at = self.camera.lab_from_screen(corner, pointer);
                let act = self.linked(*site, at, input);
                if let Some(other) = self.scene.site_at(at).filter(|other| other != site)
                    && let Some(item) = self.scene.sites.get(other as usize)
                {
                    let color = if matches!(act, Some(Ok(_))) { palette.accent } else { palette.bad };
                    self.outline(painter, frame, item.frame, radius::CARD * 1.6, Stroke::new(stroke::SELECTION, color));
                }
                let otherwise = match self.held {
                    Held::Dragged => "Drop on another site to link the two",
                    Held::Clicked => "Click another site to link the two",
                };
                self.drawn_line(ui, painter, frame, *from, act, otherwise);
            }
            Gesture::Lasso(points) => {
                let mut line: Vec<Pos2> = points.iter().map(|at| self.camera.screen_from_lab(corner, *at)).collect();
                line.push(pointer);
                line.extend(line.first().copied());
                painter.extend(Shape::dashed_line(&line, Stroke::new(stroke::SELECTION, palette.bad), 6.0, 4.0));
                let inside = self.scene.nodes_inside(points);
                for item in inside.iter().filter_map(|number| self.scene.node(*number)) {
                    self.outline(painter, frame, item.card, radius::CARD, Stroke::new(stroke::SELECTION, palette.bad));
                }
                let words = match inside.len() {
                    0 => "Draw around the nodes to cut off".to_owned(),
                    1 => "1 node".to_owned(),
                    several => format!("{several} nodes"),
                };
                say(ui, painter, pointer + egui::vec2(14.0, 18.0), &words, palette.bad);
            }
        }
    }
}
