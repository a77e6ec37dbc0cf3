//! Dropping from the palette: where it would go, what it would do, and why not.

use super::{
    Canvas, CanvasEvent, CanvasInput, PaletteDrag, colors,
    gesture::SNAP,
    on_screen,
    wire::{Source, Wire},
};
use crate::{
    app::ops::{self, Act, Refusal},
    look::{FontFace, Icon, font_size, radius, size, stroke},
    model::{NodeName, Subject},
    picture::{Point, Rect, point},
    ui::{icon, theme},
};
use egui::{Color32, CursorIcon, Painter, Response, Stroke, StrokeKind, Ui, Vec2, pos2};

/// What a drop would do.
pub struct Landing {
    /// The act, or why not.
    pub act: Act,
    /// What it would cover or touch.
    pub area: Rect,
}

impl Canvas {
    /// What dropping a thing at a point of the lab would do.
    pub fn landing(&self, drag: &PaletteDrag, at: Point, input: &CanvasInput<'_>) -> Landing {
        let snapped = |at: Point| point((at.x / SNAP).round() * SNAP, (at.y / SNAP).round() * SNAP);
        let node_at =
            || self.scene.hit(input.lab, input.catalog, self.aim(at)).and_then(|hit| hit.node()).and_then(|number| self.scene.node(number));
        let nothing = Rect { min: at, max: at };
        match drag {
            PaletteDrag::Node(role) => {
                let corner = snapped(at - point(size::CARD_WIDTH / 2.0, size::CARD_HEIGHT / 2.0));
                let area = Rect::at(corner, size::CARD_WIDTH, size::CARD_HEIGHT);
                Landing { act: ops::add_node(input.lab, *role, Some(corner.pos())), area }
            }
            PaletteDrag::Network(kind) => {
                let corner = snapped(at - point(40.0, 0.0));
                let area = Rect::at(corner, crate::picture::geometry::RAIL_LENGTH_MIN, size::RAIL_HEIGHT);
                Landing { act: ops::add_network(input.lab, *kind, Some(corner.pos())), area }
            }
            PaletteDrag::Service(kind) => match node_at() {
                Some(item) => Landing { act: ops::add_service(input.lab, input.catalog, &item.name, kind), area: item.card },
                None => Landing { act: Err(Refusal("A service runs on a node: drop it on a card.".into())), area: nothing },
            },
            PaletteDrag::Outside => {
                let wire = Wire { source: Source::Outside, from: at };
                let refusal = || Refusal("Requests go to a service, a node or a VIP: drop it on one.".into());
                let act = self.wired(&wire, at, input).unwrap_or_else(|| Err(refusal()));
                Landing { act, area: node_at().map_or(nothing, |item| item.card) }
            }
            PaletteDrag::Vip => self.vip_landing(at, node_at().map(|item| (item.name.clone(), item.card)), input),
            PaletteDrag::Site => {
                let item = node_at();
                let mut nodes: Vec<NodeName> = item.map(|item| item.name.clone()).into_iter().collect();
                let all_chosen = nodes.iter().any(|name| input.selection.contains(&Subject::Node(name.clone())));
                if all_chosen {
                    nodes = self.chosen.nodes.iter().filter_map(|number| self.scene.node(*number)).map(|item| item.name.clone()).collect();
                }
                match item {
                    Some(item) => Landing { act: ops::add_site(input.lab, &nodes), area: item.card },
                    None => Landing { act: Err(Refusal("A site holds nodes: drop it on one of them.".into())), area: nothing },
                }
            }
            PaletteDrag::Note => {
                let corner = snapped(at);
                Landing { act: Ok(ops::add_note(input.lab, corner.pos(), "A note")), area: Rect::at(corner, 120.0, 42.0) }
            }
        }
    }

    fn vip_landing(&self, at: Point, on: Option<(NodeName, Rect)>, input: &CanvasInput<'_>) -> Landing {
        if let Some((name, card)) = on {
            let adapters = input.lab.nodes.get(&name).into_iter().flat_map(|node| &node.adapters);
            let mut shared = adapters
                .map(|adapter| &adapter.network)
                .filter(|network| input.lab.networks.get(*network).is_some_and(|network| network.kind.joins_nodes()));
            // The last network is the inner one in most labs: outside first, inside last.
            let act = match shared.next_back() {
                Some(network) => ops::add_vip(input.lab, input.catalog, network, Some(&name)),
                None => Err(Refusal(format!("Connect {name} to a network that it shares with others first."))),
            };
            return Landing { act, area: card };
        }
        match self.scene.rail_near(at, 24.0).and_then(|number| self.scene.networks.get(number as usize)) {
            Some(rail) => Landing { act: ops::add_vip(input.lab, input.catalog, &rail.name, None), area: rail.bar },
            None => Landing {
                act: Err(Refusal("A VIP lies in a network: drop it on a rail or on a card.".into())),
                area: Rect { min: at, max: at },
            },
        }
    }

    /// Shows what a drag over the canvas would do, and does it when it is let go.
    pub(super) fn receive_drop(&mut self, ui: &Ui, response: &Response, input: &CanvasInput<'_>, events: &mut Vec<CanvasEvent>) {
        let Some(at) = self.lab_pointer(ui, response) else { return };
        if let Some(drag) = response.dnd_release_payload::<PaletteDrag>() {
            response.request_focus();
            if !self.may_edit(input) {
                events.push(CanvasEvent::Refused("The drawing is changed in Design.".into()));
                return;
            }
            let landing = self.landing(&drag, at, input);
            self.tell(landing.act, input, events);
        }
    }

    /// The ghost of what is being dragged over the canvas.
    pub(super) fn drop_ghost(&self, ui: &Ui, painter: &Painter, response_rect: egui::Rect, input: &CanvasInput<'_>) {
        let Some(drag) = egui::DragAndDrop::payload::<PaletteDrag>(ui.ctx()) else { return };
        let Some(pointer) = ui.input(|input| input.pointer.latest_pos()).filter(|at| response_rect.contains(*at)) else { return };
        let at = self.camera.lab_from_screen(response_rect.min, pointer);
        let landing = self.landing(&drag, at, input);
        let (color, words) = match &landing.act {
            Ok(step) => (colors(ui).accent, step.title.clone()),
            Err(refusal) => (colors(ui).bad, refusal.to_string()),
        };
        if landing.act.is_err() {
            ui.ctx().set_cursor_icon(CursorIcon::NotAllowed);
        }
        let area = self.camera.screen_rect(response_rect.min, landing.area);
        if area.width() > 1.0 {
            let corners = if area.height() < 20.0 { 3.0 } else { radius::CARD * self.camera.zoom };
            painter.rect(area, corners, color.gamma_multiply(0.12), Stroke::new(stroke::SELECTION, color), StrokeKind::Inside);
            if let PaletteDrag::Node(role) = &*drag {
                let side = on_screen(size::ICON_LARGE, self.camera.zoom);
                icon::paint(painter, Icon::of_role(*role), egui::Rect::from_center_size(area.center(), Vec2::splat(side)), color);
            }
        }
        say(ui, painter, pointer + egui::vec2(14.0, 18.0), &words, color);
    }
}

/// A line of words in a small box near the pointer.
pub(super) fn say(ui: &Ui, painter: &Painter, at: egui::Pos2, words: &str, color: Color32) {
    let palette = colors(ui);
    let galley = painter.layout(words.to_owned(), theme::font(FontFace::Regular, font_size::SMALL), palette.text, 320.0);
    let mut rect = egui::Rect::from_min_size(at, galley.size() + egui::vec2(16.0, 10.0));
    let clip = painter.clip_rect();
    rect = rect.translate(egui::vec2((clip.max.x - 8.0 - rect.max.x).min(0.0), (clip.max.y - 8.0 - rect.max.y).min(0.0)));
    painter.rect(rect, radius::CONTROL, palette.panel, Stroke::new(stroke::BORDER, color), StrokeKind::Inside);
    painter.galley(pos2(rect.min.x + 8.0, rect.min.y + 5.0), galley, palette.text);
}
