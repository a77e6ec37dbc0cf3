//! The palette: what can be added to the lab, and in Run what can be broken.

use super::{Desk, kind_icon, menu, preview};
use crate::{
    app::{Command, FaultCommand, FileCommand, Mode, many, ops},
    catalog::{Catalog, Group},
    fault,
    look::{Icon, Tone, size},
    model::{Endpoint, FaultTarget, FaultVerb, Lab, NetworkKind, NodeName, Pos, Role, Subject},
    ui::{canvas::PaletteDrag, widget},
};
use egui::{Frame, Margin, ScrollArea, Ui};
use std::collections::BTreeSet;

/// The narrowest tile, in points: all that can be added is named on it whole.
const TILE_MIN: f32 = 92.0;
/// Between two tiles.
const TILE_GAP: f32 = 6.0;

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
            ui.spacing_mut().item_spacing = egui::Vec2::splat(TILE_GAP);
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
    /// Other names that it is found by.
    names: Vec<String>,
    what: PaletteDrag,
}

impl Tile {
    /// How well it fits what is searched for, the best first; `None`: not at all.
    fn rank(&self, query: &str) -> Option<usize> {
        let query = query.trim().to_lowercase();
        let label = self.label.to_lowercase();
        let names: Vec<String> = self.names.iter().map(|name| name.to_lowercase()).collect();
        let (group, about) = (self.group.to_lowercase(), self.about.to_lowercase());
        let all = |text: &str| query.split_whitespace().all(|word| text.contains(word));
        let begins = |text: &str| text.split(|c: char| !c.is_alphanumeric()).any(|word| word.starts_with(&query));
        [
            label == query,
            names.contains(&query),
            label.starts_with(&query),
            names.iter().any(|name| name.starts_with(&query)),
            begins(&label) || names.iter().any(|name| begins(name)),
            begins(about.split('.').next().unwrap_or_default()),
            all(&label) || names.iter().any(|name| all(name)),
            begins(&group),
            begins(&about),
            all(&format!("{label} {} {group} {about}", names.join(" "))),
        ]
        .iter()
        .position(|fits| *fits)
    }
}

/// Other names of what is no service.
const NODE_NAMES: [&str; 5] = ["node", "machine", "host", "server", "VM"];
const NETWORK_NAMES: [&str; 4] = ["network", "subnet", "switch", "LAN"];
const OUTSIDE_NAMES: [&str; 5] = ["internet", "users", "clients", "requests", "entrance"];
const VIP_NAMES: [&str; 5] = ["virtual IP", "floating IP", "keepalived", "VRRP", "failover"];
const SITE_NAMES: [&str; 4] = ["location", "data center", "region", "place"];
const NOTE_NAMES: [&str; 3] = ["text", "comment", "label"];

/// Everything that can be added, the most needed first: nodes, networks, what joins them, and services by what they are for.
fn tiles() -> Vec<Tile> {
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let nodes = Role::ALL.into_iter().map(|role| Tile {
        icon: Icon::of_role(role),
        label: widget::capitalized(role.title()),
        about: format!("A {} node. Click, or drag it onto the canvas.", role.title()),
        group: "Nodes",
        names: named(&NODE_NAMES),
        what: PaletteDrag::Node(role),
    });
    let networks = NetworkKind::ALL.into_iter().map(|kind| Tile {
        icon: Icon::of_network(kind),
        label: widget::capitalized(kind.title()),
        about: format!("{}. Click, or drag it onto the canvas.", about_network(kind)),
        group: "Networks",
        names: named(&NETWORK_NAMES),
        what: PaletteDrag::Network(kind),
    });
    let more: [(Icon, &str, &str, &[&str], PaletteDrag); 4] = [
        (
            Icon::Cloud,
            "Outside",
            "Requests from outside. Drag it onto a service, a node or a VIP, or select one and click.",
            &OUTSIDE_NAMES,
            PaletteDrag::Outside,
        ),
        (
            Icon::Vip,
            "VIP",
            "A virtual IP that keepalived moves between nodes. Drag it onto a network, or select one and click.",
            &VIP_NAMES,
            PaletteDrag::Vip,
        ),
        (Icon::Site, "Site", "A place. Select the nodes that stand in it, and click.", &SITE_NAMES, PaletteDrag::Site),
        (Icon::Note, "Note", "A text on the canvas.", &NOTE_NAMES, PaletteDrag::Note),
    ];
    let more = more.map(|(icon, label, about, names, what)| Tile {
        icon,
        label: label.into(),
        about: about.into(),
        group: "Traffic and places",
        names: named(names),
        what,
    });
    let services = Group::ALL.into_iter().flat_map(|group| {
        let entries = Catalog::embedded().iter().filter(move |(_, entry)| entry.group == group);
        entries.map(move |(kind, entry)| Tile {
            icon: kind_icon(kind),
            label: entry.title.clone(),
            about: format!("{} Drag it onto a node, or select nodes and click.", entry.about),
            group: group.title(),
            names: entry.names(kind).chain([entry.role.title()]).map(str::to_owned).collect(),
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

/// How many tiles stand side by side in a width, and how wide each is.
fn columns(width: f32) -> (usize, f32) {
    let count = if width < 2.0 * TILE_MIN + TILE_GAP { 1 } else { 2 };
    (count, if count == 1 { width.floor() } else { ((width - TILE_GAP) / 2.0).floor() })
}

/// Shows tiles under a heading.
fn section(ui: &mut Ui, desk: &mut Desk<'_>, title: &str, tiles: &[Tile]) {
    if tiles.is_empty() {
        return;
    }
    ui.add_space(size::GRID);
    widget::section_header(ui, title, None);
    let (count, width) = columns(ui.available_width());
    for row in tiles.chunks(count) {
        let height = row.iter().map(|tile| widget::tile_height(&tile.label, width)).fold(0.0, f32::max);
        ui.horizontal(|ui| {
            for tile in row {
                let response = ui.add(widget::PaletteItem::new(tile.icon, &tile.label).width(width).height(height));
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
            desk.send(Command::File(FileCommand::OpenTemplate(nth)));
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
        PaletteDrag::Outside => match desk.state.selection.iter().find_map(|subject| receiver(lab, subject)) {
            Some(to) => ops::add_flow(lab, Endpoint::Outside, to),
            None => Err(ops::Refusal("Select the service, node or VIP that the requests go to, or drag the outside onto one.".into())),
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

/// What answers requests where this is selected.
fn receiver(lab: &Lab, subject: &Subject) -> Option<Endpoint> {
    match subject {
        Subject::Node(node) => Some(ops::endpoint_on(lab, node)),
        subject => ops::endpoint(subject).filter(|end| *end != Endpoint::Outside),
    }
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
    let mut shown = 0;
    for target in FaultTarget::ALL {
        let verbs: Vec<_> = fault::VERBS.iter().filter(|verb| verb.target == target && fits(desk, &[verb.title, target.title()])).collect();
        if verbs.is_empty() {
            continue;
        }
        shown += verbs.len();
        ui.add_space(size::GRID);
        widget::section_header(ui, target.title(), None);
        let (count, width) = columns(ui.available_width());
        for row in verbs.chunks(count) {
            let height = row.iter().map(|verb| widget::tile_height(verb.title, width)).fold(0.0, f32::max);
            ui.horizontal(|ui| {
                for verb in row {
                    verb_tile(ui, desk, &selection, verb, (width, height));
                }
            });
        }
        if target == FaultTarget::Nodes {
            lasso(ui, desk, width);
        }
    }
    if shown == 0 {
        ui.add_space(size::GRID);
        super::muted(ui, "No matches");
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

fn verb_tile(ui: &mut Ui, desk: &mut Desk<'_>, selection: &[Subject], verb: &FaultVerb, (width, height): (f32, f32)) {
    let faults = fault::of_verb(desk.state.lab(), selection, verb);
    let does = verb.does;
    let can = faults.iter().any(|fault| desk.state.run.hindrance(fault).is_none());
    let why = faults.first().and_then(|fault| desk.state.run.hindrance(fault));
    let tile =
        ui.add_enabled(can, widget::PaletteItem::new(Icon::of_fault(verb), verb.title).width(width).height(height).tone(Tone::Neutral));
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
                desk.send(Command::Fault(FaultCommand::Consider(one.clone())));
            }
        }
        several => {
            menu::list(&tile, |ui| {
                for fault in several {
                    let row = menu::row(ui, (Icon::of_fault(verb), &fault.on()), "");
                    preview::of_fault(&row, desk, fault);
                    if row.clicked() {
                        desk.send(Command::Fault(FaultCommand::Consider(fault.clone())));
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
        for (query, label) in [("database", "Database"), ("vip", "VIP"), ("internal", "Internal"), ("note", "Note"), ("users", "Outside")] {
            assert_eq!(first(query), label, "{query}");
        }
        assert_eq!((first("keepalived"), first("VRRP"), first("floating ip")), ("VIP".into(), "VIP".into(), "VIP".into()));
        let named = |query: &str, kind: &str| {
            let PaletteDrag::Service(found) = matches(query).remove(0).what else { panic!("{query} is no service") };
            assert_eq!(found.as_str(), kind, "{query}");
        };
        for (query, kind) in [
            ("nginx", "nginx"),
            ("redis", "redis"),
            ("ssh", "sshd"),
            ("db", "mariadb"),
            ("mariadb", "mariadb"),
            ("php", "apache"),
            ("vault", "encrypted-folder"),
            ("homes", "automount"),
            ("postgres", "postgresql"),
            ("load balancer", "haproxy"),
            ("dns", "unbound"),
            ("ntp", "chrony"),
            ("vpn", "wireguard"),
        ] {
            named(query, kind);
        }
        assert!(matches("zzzz").is_empty());
    }

    #[test]
    fn a_service_is_found_by_each_of_its_names() {
        for (kind, entry) in Catalog::embedded().iter() {
            for name in entry.names(kind) {
                let found = matches(name).into_iter().take(8).any(|tile| tile.what == PaletteDrag::Service(kind.clone()));
                assert!(found, "{kind} is not found as {name}");
            }
        }
    }

    #[test]
    fn no_name_is_cut_and_no_two_tiles_have_one_name() {
        let tiles = tiles();
        let cut: Vec<&str> = tiles.iter().map(|tile| tile.label.as_str()).filter(|label| !widget::fits_tile(label, TILE_MIN)).collect();
        assert!(cut.is_empty(), "{cut:?}");
        let cut: Vec<&str> = fault::VERBS.iter().map(|verb| verb.title).filter(|title| !widget::fits_tile(title, TILE_MIN)).collect();
        assert!(cut.is_empty(), "{cut:?}");
        let names: BTreeSet<&str> = tiles.iter().map(|tile| tile.label.as_str()).collect();
        assert_eq!(names.len(), tiles.len());
    }

    #[test]
    fn what_is_needed_most_comes_first() {
        let labels: Vec<String> = tiles().into_iter().map(|tile| tile.label).collect();
        let place = |label: &str| labels.iter().position(|it| it == label).unwrap_or_else(|| panic!("no {label}"));
        let order = ["App", "NAT", "Outside", "VIP", "nginx", "MariaDB"].map(place);
        assert!(order.is_sorted(), "{order:?}");
    }

    #[test]
    fn tiles_stand_in_one_column_where_two_are_too_narrow() {
        assert_eq!(columns(191.0), (2, 92.0));
        assert_eq!(columns(140.0), (1, 140.0));
    }
}
