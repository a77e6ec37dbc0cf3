//! The pointer: what pressing, dragging and letting go mean. One gesture is one event.

use super::{
    Canvas, CanvasEvent, CanvasInput, Tool,
    wire::{Held, Source, Wire},
};
use crate::{
    app::ops::{self, Step},
    look::size,
    model::{Edit, ListEdit, NodeName, ServiceRef, Subject},
    picture::{Hit, Mode, Point, Rect, point},
};
use egui::{CursorIcon, Key, PointerButton, Response, Ui};

/// The grid that things snap to, in lab units.
pub const SNAP: f32 = 8.0;
/// How near, in points of the screen, a card must come to a line to be drawn to it.
const GUIDE_REACH: f32 = 6.0;

/// A line along which a moved card stands with others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guide {
    /// From.
    pub from: Point,
    /// To.
    pub to: Point,
}

/// Things being moved.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moving {
    /// Where in the lab the pointer took hold.
    pub held_at: Point,
    /// The card or rail under the pointer, where it was.
    pub lead: Rect,
    /// Cards, with where they were.
    pub nodes: Vec<(u32, Point)>,
    /// Rails, with where they were.
    pub rails: Vec<(u32, Point)>,
    /// Notes, with where they were.
    pub notes: Vec<(usize, Point)>,
    /// The outside, with where it was.
    pub outside: Option<Point>,
    /// How far they are moved now.
    pub by: Point,
    /// What they stand in line with.
    pub guides: Vec<Guide>,
}

/// A press of the primary button on the canvas.
#[derive(Debug, Clone, PartialEq)]
pub struct Press {
    /// Where in the lab.
    pub at: Point,
    /// On what.
    pub hit: Option<Hit>,
    /// Whether a key was down that keeps what is chosen.
    pub several: bool,
}

/// What the pointer is doing.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Gesture {
    /// Nothing.
    #[default]
    Idle,
    /// Pulling the paper.
    Pan,
    /// A rubber band from a corner; what was chosen before stays chosen.
    Band {
        /// Its first corner.
        from: Point,
        /// Chosen before.
        kept: Vec<Subject>,
    },
    /// Moving things.
    Move(Moving),
    /// Drawing a wire or a flow.
    Wire(Wire),
    /// Drawing a link from a site, by number, from where its handle is.
    Link(u32, Point),
    /// Drawing around nodes.
    Lasso(Vec<Point>),
}

impl Canvas {
    /// Everything that the pointer does in a frame.
    pub(super) fn point(&mut self, ui: &Ui, response: &Response, input: &CanvasInput<'_>, events: &mut Vec<CanvasEvent>) {
        let Some(at) = self.lab_pointer(ui, response) else {
            self.hovered = None;
            return;
        };
        if ui.input(|input| input.pointer.primary_pressed()) {
            self.pressed = self.press(ui, response, input);
        }
        if self.gesture == Gesture::Idle {
            self.hovered = if response.contains_pointer() { self.scene.hit(input.lab, input.catalog, self.aim(at)) } else { None };
        }
        if self.is_line_clicked() {
            self.aim_line(ui, response, at, input, events);
        } else {
            self.begin(ui, response, input, events);
            self.go_on(ui, response, at, input);
            if ui.input(|input| input.pointer.any_released()) && self.gesture != Gesture::Idle {
                self.end(at, input, events);
            }
            self.click(ui, response, at, input, events);
        }
        self.cursor(ui, response, input);
    }

    /// What a press falls on: where the button went down, whatever the pointer has reached since, among what was shown then.
    fn press(&self, ui: &Ui, response: &Response, input: &CanvasInput<'_>) -> Option<Press> {
        let (at, several) = ui.input(|input| (input.pointer.press_origin(), input.modifiers.shift || input.modifiers.command));
        let at = at.filter(|at| response.rect.contains(*at))?;
        let at = self.camera.lab_from_screen(response.rect.min, at);
        Some(Press { at, hit: self.scene.hit(input.lab, input.catalog, self.aim(at)), several })
    }

    fn begin(&mut self, ui: &Ui, response: &Response, input: &CanvasInput<'_>, events: &mut Vec<CanvasEvent>) {
        let space = ui.input(|input| input.key_down(Key::Space));
        if response.drag_started_by(PointerButton::Middle) || (space && response.drag_started_by(PointerButton::Primary)) {
            self.gesture = Gesture::Pan;
            return;
        }
        if !response.drag_started_by(PointerButton::Primary) {
            return;
        }
        let Some(Press { at: held_at, hit, several }) = self.pressed.clone() else { return };
        response.request_focus();
        if input.overlay.mode == Mode::Present {
            self.gesture = Gesture::Pan;
            return;
        }
        self.held = Held::Dragged;
        if input.tool == Tool::Lasso {
            self.gesture = Gesture::Lasso(vec![held_at]);
            return;
        }
        self.gesture = match hit {
            Some(hit) if self.may_edit(input) => self.take_hold(hit, held_at, input, events),
            _ => Gesture::Band { from: held_at, kept: if several { input.selection.to_vec() } else { Vec::new() } },
        };
    }

    /// What dragging a thing does.
    fn take_hold(&mut self, hit: Hit, held_at: Point, input: &CanvasInput<'_>, events: &mut Vec<CanvasEvent>) -> Gesture {
        let band = || Gesture::Band { from: held_at, kept: Vec::new() };
        match hit {
            Hit::SiteHandle(site) => Gesture::Link(site, held_at),
            Hit::Handle(node) | Hit::Adapter(node, _) => Gesture::Wire(Wire { source: Source::Node(node, None), from: held_at }),
            Hit::OutsideHandle => Gesture::Wire(Wire { source: Source::Outside, from: held_at }),
            Hit::Outside => {
                let Some(lead) = self.scene.outside.as_ref().map(|item| item.rect) else { return band() };
                if !self.chosen.outside {
                    events.push(CanvasEvent::Select(vec![Subject::Outside]));
                    return Gesture::Move(Moving { held_at, lead, outside: Some(lead.min), ..Moving::default() });
                }
                self.move_chosen(held_at, lead)
            }
            Hit::Service(node, service) => {
                let name = self.scene.node(node).map(|item| item.name.clone());
                let service = name.map(|node| ServiceRef { node, service });
                Gesture::Wire(Wire { source: Source::Node(node, service), from: held_at })
            }
            Hit::Node(number) | Hit::MoreChips(number) => {
                let Some(item) = self.scene.node(number) else { return band() };
                let lead = item.card;
                if !self.chosen.nodes.contains(&number) {
                    events.push(CanvasEvent::Select(vec![Subject::Node(item.name.clone())]));
                    return self.move_of([number], [], held_at, lead);
                }
                self.move_chosen(held_at, lead)
            }
            Hit::Network(number) => {
                let Some(item) = self.scene.networks.get(number as usize) else { return band() };
                let lead = Rect { min: item.at, max: item.at };
                if !self.chosen.networks.contains(&number) {
                    events.push(CanvasEvent::Select(vec![Subject::Network(item.name.clone())]));
                    return self.move_of([], [number], held_at, lead);
                }
                self.move_chosen(held_at, lead)
            }
            Hit::Site(number) => {
                let Some(item) = self.scene.sites.get(number as usize) else { return band() };
                let lead = item.frame;
                let here = Some(&item.name);
                let nodes: Vec<u32> =
                    (0_u32..).zip(input.lab.nodes.values()).filter(|(_, node)| node.site.as_ref() == here).map(|(n, _)| n).collect();
                let networks = (0_u32..).zip(input.lab.networks.values()).filter(|(_, network)| network.site.as_ref() == here);
                let rails: Vec<u32> = networks.map(|(n, _)| n).collect();
                self.move_of(nodes, rails, held_at, lead)
            }
            Hit::Note(number) => {
                let Some(item) = self.scene.notes.get(number as usize) else { return band() };
                let index = number as usize;
                if !self.chosen.notes.contains(&index) {
                    events.push(CanvasEvent::Select(vec![Subject::Note(index)]));
                    let notes = vec![(index, item.rect.min)];
                    return Gesture::Move(Moving { held_at, lead: item.rect, notes, ..Moving::default() });
                }
                self.move_chosen(held_at, item.rect)
            }
            Hit::Vip(_) | Hit::VipChip(..) | Hit::Flow(_) => band(),
        }
    }

    /// Moves all that is chosen.
    fn move_chosen(&self, held_at: Point, lead: Rect) -> Gesture {
        let (nodes, rails) = (self.chosen.nodes.iter().copied(), self.chosen.networks.iter().copied());
        let notes = self.chosen.notes.iter().filter_map(|index| Some((*index, self.scene.notes.get(*index)?.rect.min)));
        match self.move_of(nodes, rails, held_at, lead) {
            Gesture::Move(moving) => {
                let outside = self.scene.outside.as_ref().filter(|_| self.chosen.outside).map(|item| item.rect.min);
                Gesture::Move(Moving { notes: notes.collect(), outside, ..moving })
            }
            other => other,
        }
    }

    fn move_of(&self, nodes: impl IntoIterator<Item = u32>, rails: impl IntoIterator<Item = u32>, held_at: Point, lead: Rect) -> Gesture {
        let nodes = nodes.into_iter().filter_map(|number| Some((number, self.scene.node(number)?.card.min)));
        let rails = rails.into_iter().filter_map(|number| Some((number, self.scene.networks.get(number as usize)?.at)));
        Gesture::Move(Moving { held_at, lead, nodes: nodes.collect(), rails: rails.collect(), ..Moving::default() })
    }

    fn go_on(&mut self, ui: &Ui, response: &Response, at: Point, input: &CanvasInput<'_>) {
        let free = ui.input(|input| input.modifiers.alt);
        let mut gesture = std::mem::take(&mut self.gesture);
        match &mut gesture {
            Gesture::Pan => {
                self.flight = None;
                self.camera = self.camera.panned(ui.input(|input| input.pointer.delta()));
            }
            Gesture::Move(moving) => {
                let by = at - moving.held_at;
                (moving.by, moving.guides) = if free { (point(by.x.round(), by.y.round()), Vec::new()) } else { self.snapped(moving, by) };
                let shift = |list: &[(u32, Point)], by: Point| list.iter().map(|(number, from)| (*number, *from + by)).collect::<Vec<_>>();
                let outside = moving.outside.map(|from| from + moving.by);
                self.scene.preview(input.lab, &shift(&moving.nodes, moving.by), &shift(&moving.rails, moving.by), outside);
            }
            Gesture::Lasso(points) => {
                if points.last().is_none_or(|last| last.distance(at) * self.camera.zoom > 3.0) {
                    points.push(at);
                }
            }
            Gesture::Idle | Gesture::Band { .. } | Gesture::Wire(_) | Gesture::Link(..) => {}
        }
        self.gesture = gesture;
        // At the edge of the canvas what is dragged takes the paper along.
        if matches!(self.gesture, Gesture::Move(_) | Gesture::Wire(_) | Gesture::Link(..) | Gesture::Band { .. } | Gesture::Lasso(_)) {
            self.scroll_at_edge(ui, response);
        }
    }

    fn scroll_at_edge(&mut self, ui: &Ui, response: &Response) {
        const EDGE: f32 = 20.0;
        const POINTS_A_SECOND: f32 = 480.0;
        let Some(pointer) = ui.input(|input| input.pointer.latest_pos()) else { return };
        let inner = response.rect.shrink(EDGE);
        let beyond = pointer - inner.clamp(pointer);
        if beyond != egui::Vec2::ZERO && response.rect.expand(EDGE).contains(pointer) && ui.input(|input| input.pointer.primary_down()) {
            let step = ui.input(|input| input.stable_dt).min(0.05) * POINTS_A_SECOND / EDGE;
            self.camera = self.camera.panned(-beyond * step);
            ui.ctx().request_repaint();
        }
    }

    /// How far things really go: to the grid, or in line with others near by.
    fn snapped(&self, moving: &Moving, by: Point) -> (Point, Vec<Guide>) {
        let target = moving.lead.min + by;
        let grid = |value: f32| (value / SNAP).round() * SNAP;
        let mut to = point(grid(target.x), grid(target.y));
        let mut guides = Vec::new();
        if moving.nodes.is_empty() || moving.nodes.len() > 200 {
            return (to - moving.lead.min, guides);
        }
        let reach = GUIDE_REACH / self.camera.zoom;
        let moved: std::collections::HashSet<u32> = moving.nodes.iter().map(|(number, _)| *number).collect();
        let near = self.scene.nodes_in(self.shown());
        let others: Vec<Rect> = near
            .into_iter()
            .take(600)
            .filter(|number| !moved.contains(number))
            .filter_map(|number| self.scene.node(number).map(|item| item.card))
            .collect();
        let nearest = |distance: &dyn Fn(&Rect) -> f32| {
            let near = others.iter().map(|card| (distance(card).abs(), card)).filter(|(distance, _)| *distance <= reach);
            near.min_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, card)| *card)
        };
        if let Some(card) = nearest(&|card| card.min.x - target.x) {
            to.x = card.min.x;
            let x = card.center().x;
            guides
                .push(Guide { from: point(x, card.min.y.min(to.y) - 16.0), to: point(x, card.max.y.max(to.y + size::CARD_HEIGHT) + 16.0) });
        }
        if let Some(card) = nearest(&|card| card.min.y - target.y) {
            to.y = card.min.y;
            let y = card.center().y;
            guides
                .push(Guide { from: point(card.min.x.min(to.x) - 16.0, y), to: point(card.max.x.max(to.x + size::CARD_WIDTH) + 16.0, y) });
        }
        (to - moving.lead.min, guides)
    }

    pub(super) fn end(&mut self, at: Point, input: &CanvasInput<'_>, events: &mut Vec<CanvasEvent>) {
        match std::mem::take(&mut self.gesture) {
            Gesture::Idle | Gesture::Pan => {}
            Gesture::Band { from, kept } => events.push(CanvasEvent::Select(self.in_band(Rect::between(from, at), kept, input))),
            Gesture::Move(moving) if moving.by == Point::default() => {}
            Gesture::Move(moving) => self.tell(Ok(self.moved(&moving, input)), input, events),
            Gesture::Wire(wire) => {
                if let Some(act) = self.wired(&wire, at, input) {
                    self.tell(act, input, events);
                }
            }
            Gesture::Link(site, _) => {
                if let Some(act) = self.linked(site, at, input) {
                    self.tell(act, input, events);
                }
            }
            Gesture::Lasso(points) => {
                let names = self.scene.nodes_inside(&points).into_iter().filter_map(|number| self.scene.node(number));
                let names: Vec<NodeName> = names.map(|item| item.name.clone()).collect();
                if !names.is_empty() {
                    events.push(CanvasEvent::Lasso(names));
                }
            }
        }
    }

    /// What a rubber band chooses: the cards that it touches, the rails and notes that lie in it whole.
    pub(super) fn in_band(&self, band: Rect, kept: Vec<Subject>, input: &CanvasInput<'_>) -> Vec<Subject> {
        let mut chosen = kept;
        let nodes = self.scene.nodes_in(band).into_iter().filter_map(|number| self.scene.node(number));
        let rails = self.scene.networks.iter().filter(|item| band.encloses(&item.bar));
        let notes = self.scene.notes.iter().enumerate().filter(|(_, item)| band.encloses(&item.rect));
        let found = nodes.map(|item| Subject::Node(item.name.clone())).chain(rails.map(|item| Subject::Network(item.name.clone())));
        let found = found.chain(notes.map(|(index, _)| Subject::Note(index)));
        let there: std::collections::HashSet<Subject> = chosen.iter().cloned().collect();
        chosen.extend(found.filter(|subject| !there.contains(subject)));
        debug_assert!(input.lab.nodes.len() >= self.chosen.nodes.len());
        chosen
    }

    fn moved(&self, moving: &Moving, input: &CanvasInput<'_>) -> Step {
        let mut edits = Vec::new();
        let mut names = Vec::new();
        for (number, from) in &moving.nodes {
            if let Some(item) = self.scene.node(*number) {
                edits.push(Edit::PlaceNode { name: item.name.clone(), at: None, to: Some((*from + moving.by).pos()) });
                names.push(item.name.to_string());
            }
        }
        for (number, from) in &moving.rails {
            if let Some(item) = self.scene.networks.get(*number as usize) {
                edits.push(Edit::PlaceNetwork { name: item.name.clone(), at: None, to: Some((*from + moving.by).pos()) });
                names.push(item.name.to_string());
            }
        }
        for (index, from) in &moving.notes {
            if let Some(note) = input.lab.notes.get(*index) {
                let note = crate::model::Note { at: (*from + moving.by).pos(), ..note.clone() };
                edits.push(Edit::Note { index: *index, change: ListEdit::Replace(note) });
                names.push("a note".to_owned());
            }
        }
        if let Some(from) = moving.outside {
            edits.push(Edit::PlaceOutside(Some((from + moving.by).pos())));
            names.push(ops::title_of(&Subject::Outside));
        }
        let title = match names.as_slice() {
            [one] => format!("Move {one}"),
            several => format!("Move {} things", several.len()),
        };
        Step { title, edits, select: None }
    }

    fn click(&mut self, ui: &Ui, response: &Response, at: Point, input: &CanvasInput<'_>, events: &mut Vec<CanvasEvent>) {
        let subject = |hit: &Option<Hit>| hit.as_ref().and_then(|hit| hit.subject(input.lab));
        if response.secondary_clicked() {
            response.request_focus();
            let hit = self.scene.hit(input.lab, input.catalog, self.aim(at));
            let subject = subject(&hit);
            if let Some(subject) = subject.clone().filter(|subject| !input.selection.contains(subject)) {
                events.push(CanvasEvent::Select(vec![subject]));
            }
            if let Some(at_screen) = ui.input(|input| input.pointer.latest_pos()) {
                events.push(CanvasEvent::Menu { subject, at: at_screen, at_lab: at });
            }
        }
        if !response.clicked() {
            return;
        }
        // A click is on what was pressed; one from the keyboard is on what is below the pointer.
        let press = self.pressed.take().filter(|_| response.clicked_by(PointerButton::Primary));
        let (hit, several) = match press {
            Some(press) => (press.hit, press.several),
            None => (self.hovered.clone(), ui.input(|input| input.modifiers.shift || input.modifiers.command)),
        };
        // A click on a handle begins the line that a drag from it draws.
        if let Some(handle @ (Hit::Handle(_) | Hit::SiteHandle(_) | Hit::OutsideHandle)) = &hit
            && !several
            && self.may_edit(input)
            && response.clicked_by(PointerButton::Primary)
        {
            response.request_focus();
            self.clicked = None;
            self.gesture = self.take_hold(handle.clone(), at, input, events);
            self.held = Held::Clicked;
            return;
        }
        let clicked = subject(&hit);
        // Two quick clicks on neighbours are two clicks, although egui sees them near enough for a double one.
        let again = std::mem::replace(&mut self.clicked, clicked.clone()) == clicked;
        if response.double_clicked() && again {
            match clicked {
                Some(Subject::Note(index)) if self.may_edit(input) => self.write_note(index, input),
                Some(subject) if self.may_edit(input) && self.on_name(at, &subject) => self.rename(&subject),
                Some(subject) => events.push(CanvasEvent::Open(subject)),
                None => {}
            }
        } else {
            response.request_focus();
            events.push(CanvasEvent::Select(match (clicked, several) {
                (Some(subject), false) => vec![subject],
                (None, false) => Vec::new(),
                (Some(subject), true) if input.selection.contains(&subject) => {
                    input.selection.iter().filter(|other| **other != subject).cloned().collect()
                }
                (subject, true) => input.selection.iter().cloned().chain(subject).collect(),
            }));
        }
    }

    fn cursor(&self, ui: &Ui, response: &Response, input: &CanvasInput<'_>) {
        let icon = match &self.gesture {
            Gesture::Pan => CursorIcon::Grabbing,
            Gesture::Move(_) => CursorIcon::Move,
            Gesture::Wire(_) | Gesture::Link(..) | Gesture::Lasso(_) => CursorIcon::Crosshair,
            Gesture::Band { .. } => CursorIcon::Default,
            Gesture::Idle if !response.contains_pointer() => return,
            Gesture::Idle if input.overlay.mode == Mode::Present => CursorIcon::Default,
            Gesture::Idle if ui.input(|input| input.key_down(Key::Space)) => CursorIcon::Grab,
            Gesture::Idle if input.tool == Tool::Lasso => CursorIcon::Crosshair,
            Gesture::Idle => match &self.hovered {
                Some(Hit::Handle(_) | Hit::SiteHandle(_) | Hit::OutsideHandle | Hit::Adapter(..)) if self.may_edit(input) => {
                    CursorIcon::Crosshair
                }
                Some(_) => CursorIcon::PointingHand,
                None => CursorIcon::Default,
            },
        };
        ui.ctx().set_cursor_icon(icon);
    }
}
