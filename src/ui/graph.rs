//! The service graph: services and flows, for tracing what depends on what. egui_graphs holds the graph, lets its forces act,
//! tells what is clicked and dragged, and draws our shapes; where cards stand and which part is shown is decided here. What is
//! selected here is selected on the canvas, and back. It repaints only while it is shown and something changes.

mod arrange;
mod flows;
mod frame;
mod shapes;

use super::{desk::Desk, panel, theme, widget};
use crate::{
    app::{Command, Review, SelectCommand, ViewCommand, ViewMove, WindowCommand},
    catalog::Catalog,
    look::{Appearance, FontFace, Icon, font_size, size},
    model::{Endpoint, Lab, ServiceRef, Subject},
};
use arrange::Arranged;
use egui::{Align2, Id, Pos2, Rect, Ui, Vec2, vec2};
use egui_graphs::{
    FruchtermanReingold, FruchtermanReingoldState, Graph, GraphChange, GraphView as View, GraphViewResponse, LayoutForceDirected,
    MetadataFrame, SettingsInteraction, SettingsNavigation, SettingsStyle,
};
use flows::Flows;
use frame::Frame;
use petgraph::{
    Directed,
    stable_graph::{DefaultIx, NodeIndex, StableGraph},
};
use shapes::{Arrow, CARD, Card, Placed, PlacedState};
use std::collections::BTreeMap;

/// How the graph is laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Arrangement {
    /// In layers, from senders to receivers.
    #[default]
    Layers,
    /// By forces between them.
    Forces,
}

type Services = Graph<Subject, (), Directed, DefaultIx, Card, Arrow>;

/// The view, with the graph of the lab as it was last built.
#[derive(Default)]
pub struct GraphView {
    graph: Option<Services>,
    flows: Flows,
    /// Where the forces have placed cards, by number; empty until they have acted.
    forced: Vec<(usize, Pos2)>,
    /// Where the grid of cards without flows is.
    alone: Option<Rect>,
    built_from: Option<(u64, Appearance)>,
    arranged_for: Option<(Arrangement, Vec2)>,
    selected: Option<Subject>,
    arrangement: Arrangement,
    frame: Frame,
    moves: Vec<ViewMove>,
    /// The frame of the window in which it was last shown.
    shown_at: Option<u64>,
    cached: Option<Cached>,
}

/// The shapes of the last time that the graph was shown, and for which room and scale.
struct Cached {
    seen: (Rect, f32),
    shapes: Vec<egui::Shape>,
}

/// A step of the zoom buttons and keys.
const ZOOM_STEP: f32 = 1.25;
/// Under which egui_graphs keeps what it knows of the view.
const ID: &str = "service graph";

/// What a flow's end is in the graph: a service, or what stands for several.
fn node_of(lab: &Lab, end: &Endpoint) -> Option<Subject> {
    match end {
        Endpoint::Outside => Some(Subject::Outside),
        Endpoint::Vip(vip) => Some(Subject::Vip(vip.clone())),
        Endpoint::Service(at) => Some(Subject::Service(at.clone())),
        Endpoint::Node(node) => match lab.nodes.get(node)?.services.keys().next() {
            // A node alone stands for itself.
            None => Some(Subject::Node(node.clone())),
            Some(service) if lab.nodes.get(node)?.services.len() == 1 => {
                Some(Subject::Service(ServiceRef { node: node.clone(), service: service.clone() }))
            }
            Some(_) => Some(Subject::Node(node.clone())),
        },
    }
}

/// The nodes and edges of the graph of a lab, in its order.
fn parts(lab: &Lab) -> (Vec<Subject>, Vec<(Subject, Subject)>) {
    let mut nodes: Vec<Subject> =
        lab.services().map(|(node, service, _)| Subject::Service(ServiceRef { node: node.clone(), service: service.clone() })).collect();
    nodes.extend(lab.vips.keys().cloned().map(Subject::Vip));
    let mut edges = Vec::new();
    for flow in &lab.flows {
        if let (Some(from), Some(to)) = (node_of(lab, &flow.from), node_of(lab, &flow.to)) {
            edges.push((from, to));
        }
    }
    for (name, vip) in &lab.vips {
        for holder in &vip.holders {
            if let Some(service) = &vip.follows {
                edges.push((
                    Subject::Vip(name.clone()),
                    Subject::Service(ServiceRef { node: holder.node.clone(), service: service.clone() }),
                ));
            }
        }
    }
    for (from, to) in &edges {
        for end in [from, to] {
            if !nodes.contains(end) {
                nodes.push(end.clone());
            }
        }
    }
    (nodes, edges)
}

/// The graph of a lab, and its flows by the numbers of its nodes.
fn build(lab: &Lab, review: &Review, ui: &Ui) -> (Services, Flows) {
    let palette = theme::palette(ui);
    let (nodes, edges) = parts(lab);
    let mut graph: StableGraph<Subject, ()> = StableGraph::new();
    let places: BTreeMap<Subject, NodeIndex> = nodes.into_iter().map(|subject| (subject.clone(), graph.add_node(subject))).collect();
    let edges = edges.iter().filter_map(|(from, to)| Some((*places.get(from)?, *places.get(to)?)));
    let edges: Vec<(NodeIndex, NodeIndex)> = edges.collect();
    for (from, to) in &edges {
        graph.add_edge(*from, *to, ());
    }
    let clusters = Catalog::clusters(lab);
    let shown: Services = egui_graphs::to_graph_custom(
        &graph,
        |node: &mut egui_graphs::Node<Subject, (), Directed, DefaultIx, Card>| {
            let subject = node.payload().clone();
            node.set_label(shapes::words(&subject).0);
            let card = node.display_mut();
            card.icon = panel::subject_icon(lab, &subject);
            card.tone = review.badge(&subject).map(|(severity, _)| palette.tone(panel::severity_tone(severity)));
            card.cluster = cluster_of(lab, &subject).map(|name| {
                let nth = clusters.keys().position(|other| other.as_str() == name).unwrap_or_default();
                (name, palette.rail(nth))
            });
        },
        |edge| edge.set_label(String::new()),
    );
    (shown, Flows::new(graph.node_count(), edges.into_iter().map(|(from, to)| (from.index(), to.index()))))
}

/// The name of the cluster that a service is in.
fn cluster_of(lab: &Lab, subject: &Subject) -> Option<String> {
    let Subject::Service(at) = subject else { return None };
    lab.service(at)?.cluster.as_ref().map(ToString::to_string)
}

type Shown = View<PlacedState, Placed>;
type Forced = View<FruchtermanReingoldState, LayoutForceDirected<FruchtermanReingold>>;

/// Steps of the forces until they are taken to be in balance, and the movement below which they are.
const STEPS_MAX: usize = 600;
const STILL: f32 = 0.4;
/// The most pairs of cards that the forces look at: a large graph gets fewer steps, so that the window does not wait.
const PAIRS_MAX: usize = 12_000_000;

impl GraphView {
    /// Moves the view, in the next frame.
    pub fn go(&mut self, movement: ViewMove) {
        self.moves.push(movement);
    }

    /// Shows the graph in the room there is.
    pub fn show(&mut self, ui: &mut Ui, desk: &mut Desk<'_>) {
        let room = ui.available_rect_before_wrap();
        let look = (desk.state.revision(), theme::Theme::of(ui.ctx()).appearance());
        if self.built_from != Some(look) || self.graph.is_none() {
            (self.graph, self.flows) = {
                let (graph, flows) = build(desk.state.lab(), &desk.state.review, ui);
                (Some(graph), flows)
            };
            (self.built_from, self.arranged_for, self.selected, self.cached) = (Some(look), None, None, None);
            self.forced.clear();
        }
        self.bar(ui, desk, room);
        if self.graph.as_ref().is_none_or(|graph| graph.node_count() == 0) {
            nothing(ui, room);
            return;
        }
        self.place(ui, room.size());
        let followed = self.follow_selection(desk, room.size());
        let moved = self.navigate(ui, room) || followed;
        self.describe(ui, room, desk);
        // GraphView asks for another frame whenever it is shown (egui_graphs 0.32), so it is shown only when something may
        // have changed; in between its last shapes are painted again.
        let seen = (room, ui.ctx().pixels_per_point());
        let quiet = !moved && ui.input(|input| input.events.is_empty() && !input.pointer.any_down());
        if let Some(cached) = self.cached.as_ref().filter(|cached| quiet && cached.seen == seen) {
            ui.painter().extend(cached.shapes.iter().cloned());
            ui.allocate_rect(room, egui::Sense::hover());
            return;
        }
        let layer = ui.layer_id();
        let before = ui.ctx().graphics(|graphics| graphics.get(layer).map_or(0, |list| list.all_entries().count()));
        self.heading(ui, room);
        let changes = self.show_graph(ui, room);
        self.scroll_marks(ui, room);
        let shapes = ui
            .ctx()
            .graphics(|graphics| graphics.get(layer).map(|list| list.all_entries().skip(before).map(|it| it.shape.clone()).collect()));
        self.cached = (!ui.ctx().will_discard()).then(|| Cached { seen, shapes: shapes.unwrap_or_default() });
        self.report(&changes, desk);
    }

    /// Places the cards for the room, and shows them readable when the graph has just been opened or the room has changed.
    fn place(&mut self, ui: &mut Ui, view: Vec2) {
        let wanted = (self.arrangement, view);
        let now = ui.ctx().cumulative_frame_nr();
        let opened = self.shown_at.replace(now).is_none_or(|shown| shown + 1 < now);
        let is_new_room = self.arranged_for.is_some_and(|known| known != wanted);
        if self.arranged_for != Some(wanted) {
            let room = frame::room_in(view) / frame::ZOOM_READABLE;
            let arranged = match self.arrangement {
                Arrangement::Layers => arrange::layers(&self.flows, frame::room_in(view)),
                Arrangement::Forces => {
                    self.let_forces_act(ui, room);
                    arrange::cloud(&self.flows, &self.forced, frame::room_in(view))
                }
            };
            self.take(&arranged);
            // After an edit the view stays where it is, as far as the graph is still there.
            self.frame =
                if is_new_room { Frame::readable(arranged.area, view) } else { self.frame.panned(Vec2::ZERO, arranged.area, view) };
            self.arranged_for = Some(wanted);
        }
        if opened {
            self.frame = Frame::readable(self.area(), view);
            self.cached = None;
        }
        if opened || is_new_room {
            // What is selected is brought into sight again.
            self.selected = None;
        }
    }

    fn take(&mut self, arranged: &Arranged) {
        self.alone = arranged.alone;
        self.cached = None;
        let Some(graph) = &mut self.graph else { return };
        for (nth, at) in arranged.places.iter().enumerate() {
            if let Some(node) = graph.node_mut(NodeIndex::new(nth)) {
                node.set_location(*at);
            }
        }
    }

    /// Lets egui_graphs' forces act on the cards that flows join, once for a graph. Cards without flows would only be driven away.
    fn let_forces_act(&mut self, ui: &mut Ui, room: Vec2) {
        if !self.forced.is_empty() {
            return;
        }
        let Some(graph) = &self.graph else { return };
        let joined: Vec<usize> = self.flows.parts().joined.concat();
        let mut part = graph.clone();
        for index in graph.g().node_indices().filter(|index| !joined.contains(&index.index())) {
            part.remove_node(index);
        }
        // The layers are where the forces begin: they then need few steps, and the same graph ends the same.
        let begin = arrange::layers(&self.flows, room).places;
        for (nth, at) in begin.iter().enumerate() {
            if let Some(node) = part.node_mut(NodeIndex::new(nth)) {
                node.set_location(*at);
            }
        }
        let steps = (PAIRS_MAX / (joined.len() * joined.len()).max(1)).clamp(1, STEPS_MAX);
        egui_graphs::reset::<FruchtermanReingoldState>(ui, Some(ID.to_owned()));
        Forced::fast_forward_until_stable(ui, &mut part, STILL, u32::try_from(steps).unwrap_or(1), Some(ID.to_owned()));
        let indices: Vec<NodeIndex> = part.g().node_indices().collect();
        self.forced = indices.into_iter().filter_map(|index| Some((index.index(), part.node(index)?.location()))).collect();
    }

    /// What the cards cover together, where they have been dragged to as well.
    fn area(&self) -> Rect {
        let Some(graph) = &self.graph else { return Rect::from_min_size(Pos2::ZERO, Vec2::ZERO) };
        graph.nodes_iter().map(|(_, node)| Rect::from_center_size(node.location(), CARD)).fold(Rect::NOTHING, Rect::union)
    }

    /// Follows the wheel, the fingers, and the commands of the view. Whether anything moved.
    fn navigate(&mut self, ui: &Ui, room: Rect) -> bool {
        let (area, view, before) = (self.area(), room.size(), self.frame);
        for movement in std::mem::take(&mut self.moves) {
            let middle = view / 2.0;
            self.frame = match movement {
                ViewMove::Fit => Frame::whole(area, view),
                ViewMove::In => self.frame.zoomed(ZOOM_STEP, middle, area, view),
                ViewMove::Out => self.frame.zoomed(1.0 / ZOOM_STEP, middle, area, view),
                ViewMove::Actual => self.frame.zoomed(1.0 / self.frame.zoom, middle, area, view),
                // A place of the drawing is none of the graph; the selection leads the view.
                ViewMove::To(_) | ViewMove::Area(..) => self.frame,
            };
        }
        let pointer = ui.ctx().pointer_latest_pos().filter(|_| ui.rect_contains_pointer(room));
        if let Some(at) = pointer {
            let (factor, scrolled) = ui.input(|input| (input.zoom_delta(), input.smooth_scroll_delta()));
            if (factor - 1.0).abs() > 1e-4 {
                self.frame = self.frame.zoomed(factor, at - room.min, area, view);
            } else if scrolled != Vec2::ZERO {
                self.frame = self.frame.panned(scrolled, area, view);
            }
        }
        self.frame != before
    }

    /// Shows the graph where the frame says.
    fn show_graph(&mut self, ui: &mut Ui, room: Rect) -> Vec<GraphChange> {
        let area = self.area();
        let Some(graph) = &mut self.graph else { return Vec::new() };
        let interaction =
            SettingsInteraction::new().with_dragging_enabled(true).with_node_clicking_enabled(true).with_node_selection_enabled(true);
        let navigation = SettingsNavigation::new().with_fit_to_screen_enabled(false).with_zoom_and_pan_enabled(false);
        let style = SettingsStyle::new().with_labels_always(true);
        let id = || Some(ID.to_owned());
        let mut framed = MetadataFrame::new(id());
        (framed.zoom, framed.pan) = (self.frame.zoom, self.frame.pan);
        framed.save(ui);
        let view = Shown::new().with_interactions(&interaction).with_navigations(&navigation).with_styles(&style).with_id(id());
        let GraphViewResponse { response, changes } = view.show(ui, graph);
        // egui_graphs fits the graph by itself in the first frame of a view, and shifts it when the view's corner moves: the frame
        // is drawn again.
        let drawn = MetadataFrame::new(id()).load(ui);
        if drawn.zoom != self.frame.zoom || drawn.pan != self.frame.pan {
            ui.ctx().request_discard("egui_graphs has moved the service graph");
        }
        if response.dragged() && graph.dragged_node().is_none() {
            self.frame = self.frame.panned(response.drag_delta(), area, room.size());
        }
        changes
    }

    /// Tells accessibility tools which cards are shown, and selects those that they click.
    fn describe(&self, ui: &Ui, room: Rect, desk: &mut Desk<'_>) {
        let Some(graph) = &self.graph else { return };
        for (_, node) in graph.nodes_iter() {
            let shown = self.frame.on_view(Rect::from_center_size(node.location(), CARD)).translate(room.min.to_vec2());
            if !room.intersects(shown) {
                continue;
            }
            let id = Id::new(ID).with(node.payload().to_string());
            let built = ui.ctx().accesskit_node_builder(id, |told| {
                let (title, about) = shapes::words(node.payload());
                told.set_role(egui::accesskit::Role::ListItem);
                told.set_label(format!("{title}, {about}"));
                told.set_selected(node.selected());
                let [x0, y0, x1, y1] = [shown.min.x, shown.min.y, shown.max.x, shown.max.y].map(f64::from);
                told.set_bounds(egui::accesskit::Rect { x0, y0, x1, y1 });
                told.add_action(egui::accesskit::Action::Click);
            });
            if built.is_none() {
                return;
            }
            if ui.input(|input| input.has_accesskit_action_request(id, egui::accesskit::Action::Click)) {
                desk.send(Command::Select(SelectCommand::Select(vec![node.payload().clone()])));
            }
        }
    }

    /// The words above the cards without flows.
    fn heading(&self, ui: &Ui, room: Rect) {
        let Some(alone) = self.alone else { return };
        // As large as the cards are, never larger than headings are.
        let zoom = self.frame.zoom.min(1.0);
        let at = room.min + (self.frame.on_view(alone).min - Pos2::ZERO) - vec2(0.0, size::GAP * zoom);
        let font_size = (font_size::SMALL * zoom * 4.0).round() / 4.0;
        if font_size < shapes::WORDS_MIN {
            return;
        }
        let font = theme::font(FontFace::SemiBold, font_size);
        ui.painter_at(room).text(at, Align2::LEFT_BOTTOM, "WITHOUT FLOWS", font, theme::palette(ui).muted);
    }

    fn scroll_marks(&self, ui: &Ui, room: Rect) {
        for mark in self.frame.scroll_marks(self.area(), room.size()) {
            let mark = mark.translate(room.min.to_vec2());
            ui.painter_at(room).rect_filled(mark, mark.size().min_elem() / 2.0, theme::palette(ui).line_strong);
        }
    }

    fn bar(&mut self, ui: &Ui, desk: &mut Desk<'_>, room: Rect) {
        let mut arrangement = self.arrangement;
        let percent = format!("{:.0} %", self.frame.zoom * 100.0);
        let asked = widget::floating_bar(ui.ctx(), Id::new("graph bar"), room, Align2::LEFT_TOP, vec2(12.0, 12.0), |ui| {
            ui.add_space(size::GAP);
            ui.label(egui::RichText::new("Service graph").font(theme::font(FontFace::SemiBold, font_size::BODY)));
            let choices = [
                widget::Segment::new(Arrangement::Layers, "Layers", "Place services in the order of the flows"),
                widget::Segment::new(Arrangement::Forces, "Forces", "Place services that talk to each other close together"),
            ];
            widget::segmented(ui, "Arrangement", &mut arrangement, &choices);
            let out = ui.add(widget::IconButton::new(Icon::Minus, "Zoom out").shortcut("Ctrl −")).clicked();
            let words = egui::RichText::new(percent).font(theme::font(FontFace::Regular, font_size::BODY));
            let actual = ui
                .add_sized(vec2(48.0, size::CONTROL_HEIGHT), egui::Button::new(words).frame(false))
                .on_hover_text("Show at 100 %")
                .clicked();
            let into = ui.add(widget::IconButton::new(Icon::Plus, "Zoom in").shortcut("Ctrl =")).clicked();
            let fit = ui.add(widget::IconButton::new(Icon::Fit, "Show all").shortcut("Shift 1")).clicked();
            let close = ui.add(widget::IconButton::new(Icon::Cross, "Back to the canvas").shortcut("Ctrl G")).clicked();
            [
                (out, Command::View(ViewCommand::ZoomOut)),
                (actual, Command::View(ViewCommand::ZoomActual)),
                (into, Command::View(ViewCommand::ZoomIn)),
                (fit, Command::View(ViewCommand::ZoomFit)),
                (close, Command::Window(WindowCommand::ToggleGraph)),
            ]
        });
        for (_, command) in asked.inner.into_iter().filter(|(clicked, _)| *clicked) {
            desk.send(command);
        }
        if arrangement != self.arrangement {
            self.arrangement = arrangement;
            ui.ctx().request_repaint();
        }
    }

    /// What is clicked in the graph is selected in the lab.
    fn report(&mut self, changes: &[GraphChange], desk: &mut Desk<'_>) {
        let Some(graph) = &self.graph else { return };
        for change in changes {
            let chosen = match change {
                GraphChange::NodeSelected { node } => graph.node(*node).map(|node| node.payload().clone()),
                GraphChange::NodeDeselected { .. } => None,
                _ => continue,
            };
            self.selected.clone_from(&chosen);
            let selection: Vec<Subject> = chosen.into_iter().collect();
            desk.send(Command::Select(SelectCommand::Select(selection)));
        }
    }

    /// What is selected in the lab is selected in the graph, and shown. Whether anything changed.
    fn follow_selection(&mut self, desk: &Desk<'_>, view: Vec2) -> bool {
        let wanted = desk.state.selected().cloned();
        let area = self.area();
        let Some(graph) = self.graph.as_mut().filter(|_| self.selected != wanted) else { return false };
        self.selected.clone_from(&wanted);
        let indices: Vec<NodeIndex> = graph.g().node_indices().collect();
        let mut chosen = Vec::new();
        for index in indices {
            if let Some(node) = graph.node_mut(index) {
                let is_it = wanted.as_ref() == Some(node.payload());
                node.set_selected(is_it);
                if is_it {
                    self.frame = self.frame.revealing(Rect::from_center_size(node.location(), CARD), area, view);
                    chosen.push(index);
                }
            }
        }
        graph.set_selected_nodes(chosen);
        true
    }
}

fn nothing(ui: &mut Ui, room: Rect) {
    ui.add_space(room.height() * 0.3);
    widget::empty_state(ui, Icon::Graph, "No services yet", "Services and the flows between them are shown here as a graph.", |_| ());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Flow, Node, Role, Service};

    #[test]
    fn services_vips_and_the_outside_are_nodes_and_flows_are_edges() {
        let mut lab = Lab::new("x");
        for (name, kinds) in [("lb", &["haproxy"][..]), ("app1", &["todo", "garbd"][..]), ("bare", &[][..])] {
            let mut node = Node::new(Role::App);
            node.services.extend(kinds.iter().map(|kind| (kind.parse().unwrap(), Service::new(kind.parse().unwrap()))));
            lab.nodes.insert(name.parse().unwrap(), node);
        }
        for (from, to) in [("outside", "lb"), ("lb/haproxy", "app1/todo"), ("bare", "app1")] {
            lab.flows.push(Flow::new(from.parse().unwrap(), to.parse().unwrap()));
        }
        let (nodes, edges) = parts(&lab);
        let texts: Vec<String> = nodes.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["lb/haproxy", "app1/todo", "app1/garbd", "outside", "bare", "app1"]);
        assert_eq!(edges[0], (Subject::Outside, Subject::Service("lb/haproxy".parse().unwrap())));
        assert_eq!(edges.len(), 3);
    }
}
