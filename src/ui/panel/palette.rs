//! The palette: what can be added to the lab, and in Run what can be broken.

use super::{Desk, kind_icon, menu, preview};
use crate::{
    app::{Command, Mode, many, ops},
    catalog::{Catalog, Group},
    fault,
    look::{Icon, Tone, size},
    model::{FaultTarget, FaultVerb, NetworkKind, NodeName, Pos, Role, Subject},
    ui::{canvas::PaletteDrag, widget},
};
use egui::{Frame, Margin, ScrollArea, Ui};
use std::collections::BTreeSet;

/// The narrowest tile, in points.
const TILE_MIN: f32 = 72.0;

/// Shows the palette.
pub fn palette(ui: &mut Ui, desk: &mut Desk<'_>) {
    let run = desk.state.mode == Mode::Run;
    let entered = Frame::new().inner_margin(Margin { left: 12, right: 12, top: 12, bottom: 4 }).show(ui, |ui| {
        let hint = if run { "Break…" } else { "Add…" };
        let field = ui.add(widget::SearchField::new(&mut desk.memory.palette_query, hint));
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        if entered {
            field.request_focus();
        }
        entered
    });
    let entered = entered.inner && !desk.memory.palette_query.trim().is_empty();
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        Frame::new().inner_margin(Margin { left: 12, right: 12, top: 0, bottom: 12 }).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing = egui::vec2(6.0, 6.0);
            if run { things_to_break(ui, desk) } else { things_to_add(ui, desk, entered) }
        });
    });
}

/// Whether words fit what the palette is searched for.
fn fits(desk: &Desk<'_>, words: &[&str]) -> bool {
    let query = desk.memory.palette_query.trim().to_lowercase();
    query.split_whitespace().all(|part| words.iter().any(|word| word.to_lowercase().contains(part)))
}

/// A thing that can be added.
pub struct Tile {
    /// Its icon.
    pub icon: Icon,
    /// Its word.
    pub label: String,
    /// What it is.
    pub about: String,
    /// The heading that it stands under.
    pub group: &'static str,
    what: PaletteDrag,
}

impl Tile {
    /// How well it fits what is searched for, the best first; `None`: not at all.
    fn rank(&self, query: &str) -> Option<usize> {
        let query = query.trim().to_lowercase();
        let label = self.label.to_lowercase();
        let (group, about) = (self.group.to_lowercase(), self.about.to_lowercase());
        let kind = if let PaletteDrag::Service(kind) = &self.what { kind.as_str() } else { "" };
        let all = |text: &str| query.split_whitespace().all(|word| text.contains(word));
        let begins = |text: &str| text.split(|c: char| !c.is_alphanumeric()).any(|word| word.starts_with(&query));
        [
            label == query || kind == query,
            label.starts_with(&query) || kind.starts_with(&query),
            begins(about.split('.').next().unwrap_or_default()),
            all(&label) || all(kind),
            begins(&group),
            begins(&about),
            all(&format!("{label} {kind} {group} {about}")),
        ]
        .iter()
        .position(|fits| *fits)
    }
}

/// Everything that can be added, in the order of the palette.
fn tiles() -> Vec<Tile> {
    let nodes = Role::ALL.into_iter().map(|role| Tile {
        icon: Icon::of_role(role),
        label: capital(role.title()),
        about: format!("A {} node. Click, or drag it onto the canvas.", role.title()),
        group: "Nodes",
        what: PaletteDrag::Node(role),
    });
    let networks = NetworkKind::ALL.into_iter().map(|kind| Tile {
        icon: Icon::of_network(kind),
        label: capital(kind.title()),
        about: format!("{}. Click, or drag it onto the canvas.", about_network(kind)),
        group: "Networks",
        what: PaletteDrag::Network(kind),
    });
    let more = [
        (Icon::Vip, "VIP", "A virtual IP that moves between nodes. Drag it onto a network, or select one and click.", PaletteDrag::Vip),
        (Icon::Site, "Site", "A place. Select the nodes that stand in it, and click.", PaletteDrag::Site),
        (Icon::Note, "Note", "A text on the canvas.", PaletteDrag::Note),
    ];
    let more = more.map(|(icon, label, about, what)| Tile { icon, label: label.into(), about: about.into(), group: "More", what });
    let services = Group::ALL.into_iter().flat_map(|group| {
        let entries = Catalog::embedded().iter().filter(move |(_, entry)| entry.group == group);
        entries.map(move |(kind, entry)| Tile {
            icon: kind_icon(kind),
            label: entry.name.clone(),
            about: format!("{}. {} Drag it onto a node, or select nodes and click.", entry.title, entry.about),
            group: group.title(),
            what: PaletteDrag::Service(kind.clone()),
        })
    });
    nodes.chain(networks).chain(more).chain(services).collect()
}

/// What can be added and fits some words, the best match first.
pub fn matches(query: &str) -> Vec<Tile> {
    let mut found: Vec<(usize, Tile)> = tiles().into_iter().filter_map(|tile| Some((tile.rank(query)?, tile))).collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, tile)| tile).collect()
}

/// Adds a thing, as a click on its tile does.
pub fn add_tile(desk: &mut Desk<'_>, tile: &Tile) {
    add(desk, &tile.what);
}

fn things_to_add(ui: &mut Ui, desk: &mut Desk<'_>, entered: bool) {
    let query = desk.memory.palette_query.trim().to_owned();
    if !query.is_empty() {
        let found = matches(&query);
        if let Some(best) = found.first().filter(|_| entered) {
            add(desk, &best.what);
        }
        let count = found.len();
        section(ui, desk, "Best match first", &found);
        if count + templates(ui, desk) == 0 {
            ui.add_space(size::GRID);
            super::muted(ui, "No matches");
        }
        return;
    }
    let all = tiles();
    for group in all.chunk_by(|one, other| one.group == other.group) {
        section(ui, desk, group.first().map_or("", |tile| tile.group), group);
    }
    templates(ui, desk);
}

fn about_network(kind: NetworkKind) -> &'static str {
    match kind {
        NetworkKind::Nat => "Out to the internet; in only through forwarded ports",
        NetworkKind::NatNetwork => "A shared network behind the host's address",
        NetworkKind::HostOnly => "Only the host and the nodes",
        NetworkKind::Internal => "The nodes among themselves",
        NetworkKind::Bridged => "On the host's own network, reachable by every machine there",
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn tile_width(ui: &Ui) -> f32 {
    ((ui.available_width() - ui.spacing().item_spacing.x) / 2.0).floor().max(TILE_MIN)
}

/// Shows tiles under a heading.
fn section(ui: &mut Ui, desk: &mut Desk<'_>, title: &str, tiles: &[Tile]) {
    if tiles.is_empty() {
        return;
    }
    ui.add_space(size::GRID);
    widget::section_header(ui, title, None);
    let width = tile_width(ui);
    for pair in tiles.chunks(2) {
        ui.horizontal(|ui| {
            for tile in pair {
                let response = ui.add(widget::PaletteItem::new(tile.icon, &tile.label).width(width));
                response.dnd_set_drag_payload(tile.what.clone());
                if response.on_hover_text(&tile.about).clicked() {
                    add(desk, &tile.what);
                }
            }
        });
    }
}

fn templates(ui: &mut Ui, desk: &mut Desk<'_>) -> usize {
    let fitting: Vec<(usize, String)> = desk
        .state
        .templates
        .iter()
        .enumerate()
        .filter(|(_, it)| fits(desk, &[&it.name, "templates"]))
        .map(|(nth, it)| (nth, it.name.clone()))
        .collect();
    if fitting.is_empty() {
        return 0;
    }
    ui.add_space(size::GRID);
    widget::section_header(ui, "Templates", None);
    let count = fitting.len();
    for (nth, name) in fitting {
        let width = ui.available_width();
        if ui.add(widget::PaletteItem::new(Icon::Grid, &name).width(width)).on_hover_text("Begin with this lab").clicked() {
            desk.send(Command::OpenTemplate(nth));
        }
    }
    count
}

/// Adds a thing where there is room, beside what is selected.
fn add(desk: &mut Desk<'_>, what: &PaletteDrag) {
    let lab = desk.state.lab();
    let nodes: Vec<NodeName> = desk.state.selected_nodes().cloned().collect();
    let act = match what {
        PaletteDrag::Node(role) => ops::add_node(lab, *role, None),
        PaletteDrag::Network(kind) => ops::add_network(lab, *kind, None),
        PaletteDrag::Service(kind) => match on_nodes(&desk.state.selection).as_slice() {
            [] => Err(ops::Refusal("Select the nodes that the service is to run on, or drag the service onto one.".into())),
            nodes => many::add_services(lab, Catalog::embedded(), nodes, kind),
        },
        PaletteDrag::Vip => match network_for_vip(desk) {
            Some(network) => ops::add_vip(lab, Catalog::embedded(), &network, nodes.first()),
            None => Err(ops::Refusal("Select the network that the VIP is to lie in, or a node on it.".into())),
        },
        PaletteDrag::Site => ops::add_site(lab, &nodes),
        PaletteDrag::Note => {
            let middle = desk.memory.visible.map_or(Pos(0, 0), |(from, to)| Pos(from.0.midpoint(to.0), from.1.midpoint(to.1)));
            Ok(ops::add_note(lab, middle, "Note"))
        }
    };
    desk.act(act);
}

/// The nodes that are meant by what is selected.
fn on_nodes(selection: &BTreeSet<Subject>) -> Vec<NodeName> {
    let nodes: BTreeSet<NodeName> = selection
        .iter()
        .filter_map(|subject| match subject {
            Subject::Node(node) | Subject::Adapter(node, ..) => Some(node.clone()),
            Subject::Service(at) => Some(at.node.clone()),
            _ => None,
        })
        .collect();
    nodes.into_iter().collect()
}

fn network_for_vip(desk: &Desk<'_>) -> Option<crate::model::NetworkName> {
    let lab = desk.state.lab();
    desk.state.selection.iter().find_map(|subject| match subject {
        Subject::Network(name) | Subject::Adapter(_, _, name) => Some(name.clone()),
        Subject::Node(node) => {
            let adapters = &lab.nodes.get(node)?.adapters;
            adapters
                .iter()
                .find(|it| lab.networks.get(&it.network).is_some_and(|network| network.kind.joins_nodes()))
                .map(|it| it.network.clone())
        }
        _ => None,
    })
}

fn things_to_break(ui: &mut Ui, desk: &mut Desk<'_>) {
    let selection: Vec<Subject> = desk.state.selection.iter().cloned().collect();
    if !desk.state.run.is_deployed() {
        ui.add_space(size::GRID);
        super::muted(ui, "Deploy the lab first: what runs can be broken.");
    }
    for target in FaultTarget::ALL {
        let verbs: Vec<_> = fault::VERBS.iter().filter(|verb| verb.target == target && fits(desk, &[verb.title, target.title()])).collect();
        if verbs.is_empty() {
            continue;
        }
        ui.add_space(size::GRID);
        widget::section_header(ui, target.title(), None);
        let width = tile_width(ui);
        for pair in verbs.chunks(2) {
            ui.horizontal(|ui| {
                for verb in pair {
                    verb_tile(ui, desk, &selection, verb, width);
                }
            });
        }
        if target == FaultTarget::Nodes {
            lasso(ui, desk, width);
        }
    }
}

/// A partition by a line around nodes.
fn lasso(ui: &mut Ui, desk: &mut Desk<'_>, width: f32) {
    use crate::ui::canvas::Tool;
    let on = desk.memory.tool == Tool::Lasso;
    let tone = if on { Tone::Accent } else { Tone::Neutral };
    let tile = ui.add_enabled(desk.state.run.is_deployed(), widget::PaletteItem::new(Icon::Lasso, "Lasso…").width(width).tone(tone));
    if widget::tooltip(tile, "Draw a line around the nodes to cut off from the rest", None).clicked() {
        desk.memory.tool = if on { Tool::Select } else { Tool::Lasso };
    }
}

fn verb_tile(ui: &mut Ui, desk: &mut Desk<'_>, selection: &[Subject], verb: &FaultVerb, width: f32) {
    let faults = fault::of_verb(desk.state.lab(), selection, verb);
    let does = verb.does;
    let can = faults.iter().any(|fault| desk.state.run.hindrance(fault).is_none());
    let why = faults.first().and_then(|fault| desk.state.run.hindrance(fault));
    let tile = ui.add_enabled(can, widget::PaletteItem::new(Icon::of_fault(verb), verb.title).width(width).tone(Tone::Neutral));
    let hint = match verb.target {
        FaultTarget::Service => "Select a service or a node first.",
        FaultTarget::Node => "Select a node first.",
        FaultTarget::Link => "Select a node or one of its adapters first.",
        FaultTarget::Nodes if verb.word == "one-way" => "Select two nodes first.",
        FaultTarget::Nodes => "Select the nodes to cut off first, with a rubber band.",
    };
    let tile = tile.on_hover_text(does).on_disabled_hover_text(format!("{does} {}", why.as_deref().unwrap_or(hint)));
    match faults.as_slice() {
        [] => {}
        [one] => {
            preview::of_fault(&tile, desk, one);
            if tile.clicked() {
                desk.send(Command::Consider(one.clone()));
            }
        }
        several => {
            menu::list(&tile, |ui| {
                for fault in several {
                    let row = menu::row(ui, (Icon::of_fault(verb), &fault.on()), "");
                    preview::of_fault(&row, desk, fault);
                    if row.clicked() {
                        desk.send(Command::Consider(fault.clone()));
                        ui.close();
                    }
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_match_comes_first() {
        let first = |query: &str| matches(query).first().map(|tile| tile.label.clone()).unwrap_or_default();
        for (query, label) in [("ssh", "ssh"), ("database", "Database"), ("vip", "VIP"), ("internal", "Internal"), ("note", "Note")] {
            assert_eq!(first(query), label, "{query}");
        }
        let named = |query: &str, kind: &str| {
            let PaletteDrag::Service(found) = matches(query).remove(0).what else { panic!("{query} is no service") };
            assert_eq!(found.as_str(), kind, "{query}");
        };
        named("nginx", "nginx");
        named("redis", "redis");
        assert!(matches("zzzz").is_empty());
    }
}
