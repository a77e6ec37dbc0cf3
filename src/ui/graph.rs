//! The service graph: services and flows as egui_graphs lays them out, for tracing what depends on what. What is selected
//! here is selected on the canvas, and back. It repaints only while it is shown and still moving.

mod shapes;

use super::{desk::Desk, panel, theme, widget};
use crate::{
    app::{Command, Review},
    look::{Appearance, FontFace, Icon, font_size, size},
    model::{Endpoint, Lab, ServiceRef, Subject},
};
use egui::{Align2, Id, Pos2, Ui, vec2};
use egui_graphs::{
    AnimatedState as _, FruchtermanReingold, FruchtermanReingoldState, Graph, GraphChange, GraphView as View, LayoutForceDirected,
    LayoutHierarchical, LayoutStateHierarchical, SettingsInteraction, SettingsNavigation, SettingsStyle,
};
use petgraph::{
    Directed,
    stable_graph::{DefaultIx, NodeIndex, StableGraph},
};
use shapes::{Arrow, CARD, Card};
use std::collections::BTreeMap;

/// How the graph is laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Arrangement {
    /// In layers, from who asks to who answers.
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
    built_from: Option<(u64, Appearance)>,
    selected: Option<Subject>,
    arrangement: Arrangement,
    kept: Option<Kept>,
}

/// The shapes of the last time that the graph was shown, and for which room and scale.
struct Kept {
    seen: (egui::Rect, f32),
    shapes: Vec<egui::Shape>,
}

/// From one card to the next in a layer, and from one layer to the next, in the graph's units.
const COLUMN: f32 = CARD.x + 28.0;
const ROW: f32 = CARD.y + 62.0;
/// Room left around the graph, as a part of it.
const FIT_PADDING: f32 = 0.14;

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
    // What nothing leads to or from says nothing about what depends on what.
    nodes.retain(|node| edges.iter().any(|(from, to)| from == node || to == node));
    (nodes, edges)
}

fn build(lab: &Lab, review: &Review, ui: &Ui) -> Services {
    let palette = theme::palette(ui);
    let (nodes, edges) = parts(lab);
    let mut graph: StableGraph<Subject, ()> = StableGraph::new();
    let places: BTreeMap<Subject, NodeIndex> = nodes.into_iter().map(|subject| (subject.clone(), graph.add_node(subject))).collect();
    for (from, to) in edges {
        if let (Some(from), Some(to)) = (places.get(&from), places.get(&to)) {
            graph.add_edge(*from, *to, ());
        }
    }
    let mut shown: Services = egui_graphs::to_graph_custom(
        &graph,
        |node: &mut egui_graphs::Node<Subject, (), Directed, DefaultIx, Card>| {
            let subject = node.payload().clone();
            node.set_label(shapes::words(&subject).0);
            let card = node.display_mut();
            card.icon = panel::subject_icon(lab, &subject);
            card.tone = review.badge(&subject).map(|(severity, _)| palette.tone(panel::severity_tone(severity)));
        },
        |edge| edge.set_label(String::new()),
    );
    let columns = 6;
    let indices: Vec<NodeIndex> = shown.g().node_indices().collect();
    for (nth, index) in indices.into_iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "a first place for a layout")]
        let at = Pos2::new((nth % columns) as f32 * COLUMN, (nth / columns) as f32 * ROW);
        if let Some(node) = shown.node_mut(index) {
            node.set_location(at);
        }
    }
    shown
}

type Layered = View<LayoutStateHierarchical, LayoutHierarchical>;
type Forced = View<FruchtermanReingoldState, LayoutForceDirected<FruchtermanReingold>>;

/// Steps of the forces until they are taken to be in balance, and the movement below which they are.
const STEPS_MAX: u32 = 600;
const STILL: f32 = 0.4;

impl GraphView {
    /// Shows the graph in the room there is.
    pub fn show(&mut self, ui: &mut Ui, desk: &mut Desk<'_>) {
        let room = ui.available_rect_before_wrap();
        let look = (desk.state.revision(), theme::Theme::of(ui.ctx()).appearance());
        if self.built_from != Some(look) || self.graph.is_none() {
            self.rebuild(ui, desk);
            self.built_from = Some(look);
        }
        self.bar(ui, desk, room);
        let Some(graph) = &mut self.graph else { return };
        if graph.node_count() == 0 {
            ui.add_space(room.height() * 0.3);
            widget::empty_state(
                ui,
                Icon::Graph,
                "No services yet",
                "Services and the flows between them are shown here as a graph.",
                |_| (),
            );
            return;
        }
        let followed = follow_selection(graph, desk, &mut self.selected);
        // GraphView asks for another frame whenever it is shown (egui_graphs 0.32), so it is shown only when something may
        // have changed; in between its last shapes are painted again.
        let seen = (room, ui.ctx().pixels_per_point());
        let quiet = ui.input(|input| input.events.is_empty() && !input.pointer.any_down());
        if quiet && !followed && self.kept.as_ref().is_some_and(|kept| kept.seen == seen) {
            if let Some(kept) = &self.kept {
                ui.painter().extend(kept.shapes.iter().cloned());
            }
            ui.allocate_rect(room, egui::Sense::hover());
            return;
        }
        let layer = ui.layer_id();
        let before = ui.ctx().graphics(|graphics| graphics.get(layer).map_or(0, |list| list.all_entries().count()));
        let changes = self.show_graph(ui);
        let shapes = ui
            .ctx()
            .graphics(|graphics| graphics.get(layer).map(|list| list.all_entries().skip(before).map(|it| it.shape.clone()).collect()));
        self.kept = Some(Kept { seen, shapes: shapes.unwrap_or_default() });
        self.report(&changes, desk);
    }

    fn show_graph(&mut self, ui: &mut Ui) -> Vec<GraphChange> {
        let Some(graph) = &mut self.graph else { return Vec::new() };
        let interaction =
            SettingsInteraction::new().with_dragging_enabled(true).with_node_clicking_enabled(true).with_node_selection_enabled(true);
        let navigation = SettingsNavigation::new()
            .with_fit_to_screen_enabled(true)
            .with_zoom_and_pan_enabled(false)
            .with_fit_to_screen_padding(FIT_PADDING);
        let style = SettingsStyle::new().with_labels_always(true);
        match self.arrangement {
            Arrangement::Layers => {
                Layered::new().with_interactions(&interaction).with_navigations(&navigation).with_styles(&style).show(ui, graph).changes
            }
            Arrangement::Forces => {
                Forced::new().with_interactions(&interaction).with_navigations(&navigation).with_styles(&style).show(ui, graph).changes
            }
        }
    }

    fn rebuild(&mut self, ui: &mut Ui, desk: &Desk<'_>) {
        let mut graph = build(desk.state.lab(), &desk.state.review, ui);
        self.kept = None;
        self.selected = None;
        egui_graphs::reset::<LayoutStateHierarchical>(ui, None);
        egui_graphs::reset::<FruchtermanReingoldState>(ui, None);
        let layers = LayoutStateHierarchical { row_dist: ROW, col_dist: COLUMN, ..LayoutStateHierarchical::default() };
        egui_graphs::set_layout_state(ui, layers, None);
        if self.arrangement == Arrangement::Forces {
            Forced::fast_forward_until_stable(ui, &mut graph, STILL, STEPS_MAX, None);
            pull_apart(&mut graph);
            let mut state = egui_graphs::get_layout_state::<FruchtermanReingoldState>(ui, None);
            state.set_running(false);
            egui_graphs::set_layout_state(ui, state, None);
        }
        self.graph = Some(graph);
    }

    fn bar(&mut self, ui: &Ui, desk: &mut Desk<'_>, room: egui::Rect) {
        let mut arrangement = self.arrangement;
        let closed = widget::floating_bar(ui.ctx(), Id::new("graph bar"), room, Align2::LEFT_TOP, vec2(12.0, 12.0), |ui| {
            ui.add_space(size::GAP);
            ui.label(egui::RichText::new("Service graph").font(theme::font(FontFace::SemiBold, font_size::BODY)));
            let choices = [
                widget::Segment::new(Arrangement::Layers, "Layers", "Place services in the order of the flows"),
                widget::Segment::new(Arrangement::Forces, "Forces", "Place services that talk to each other close together"),
            ];
            widget::segmented(ui, "Arrangement", &mut arrangement, &choices);
            ui.add(widget::IconButton::new(Icon::Cross, "Back to the canvas").shortcut("Ctrl G")).clicked()
        });
        if closed.inner {
            desk.send(Command::ToggleGraph);
        }
        if arrangement != self.arrangement {
            self.arrangement = arrangement;
            self.built_from = None;
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
            desk.send(Command::Select(selection));
        }
    }
}

/// The forces know points only: makes room for the cards.
fn pull_apart(graph: &mut Services) {
    let indices: Vec<NodeIndex> = graph.g().node_indices().collect();
    let places: Vec<Pos2> = indices.iter().filter_map(|index| graph.node(*index)).map(|node| node.location()).collect();
    let factor = shapes::widening(&places);
    for (index, at) in indices.into_iter().zip(places) {
        if let Some(node) = graph.node_mut(index) {
            node.set_location((at.to_vec2() * factor).to_pos2());
        }
    }
}

/// What is selected in the lab is selected in the graph. Whether anything changed.
fn follow_selection(graph: &mut Services, desk: &Desk<'_>, known: &mut Option<Subject>) -> bool {
    let wanted = desk.state.selected().cloned();
    if *known == wanted {
        return false;
    }
    known.clone_from(&wanted);
    let indices: Vec<NodeIndex> = graph.g().node_indices().collect();
    let mut chosen = Vec::new();
    for index in indices {
        if let Some(node) = graph.node_mut(index) {
            let is_it = wanted.as_ref() == Some(node.payload());
            node.set_selected(is_it);
            if is_it {
                chosen.push(index);
            }
        }
    }
    graph.set_selected_nodes(chosen);
    true
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
        assert_eq!(texts, ["lb/haproxy", "app1/todo", "outside", "bare", "app1"]);
        assert_eq!(edges[0], (Subject::Outside, Subject::Service("lb/haproxy".parse().unwrap())));
        assert_eq!(edges.len(), 3);
    }
}
