//! What follows from where cards and rails are: cells, cluster links, frames, tokens, notes. Each is put right after a move.

use super::{
    geometry,
    scene::{FRAME_MARGIN, LinkItem, NOTE_LINE, NOTE_MARGIN, NOTE_WIDTH_MAX, NoteItem, Scene, Token},
    space::{Rect, point},
};
use crate::{
    catalog::{Behaviour, Catalog},
    look::{FontFace, font_size},
    model::{Lab, SiteName},
};
use rustc_hash::FxHashMap as HashMap;
use std::collections::BTreeSet;

/// Lines of a note that are drawn.
const NOTE_LINES_MAX: usize = 40;

impl Scene {
    /// Finds what joins members of clusters, and replicas to their primaries.
    pub(super) fn link(&mut self, lab: &Lab, catalog: &Catalog) {
        self.links.clear();
        self.nodes.iter_mut().for_each(|item| item.links.clear());
        self.grid.cells.iter_mut().for_each(|cell| cell.links.clear());
        let mut last: HashMap<(&str, &'static str), u32> = HashMap::default();
        for (node, service_name, service) in lab.services() {
            let Some(number) = self.number_of.get(node).copied() else { continue };
            let title = match catalog.behaviour(service) {
                Some(Behaviour::Galera | Behaviour::Database | Behaviour::Cache) => "replication",
                Some(Behaviour::Sync) => "sync",
                Some(Behaviour::Beam | Behaviour::BeamGateway) => "mesh",
                _ => continue,
            };
            let primary = service.replica_of.as_ref().and_then(|primary| self.number_of.get(&primary.node)).copied();
            let partner = service.cluster.as_ref().and_then(|cluster| last.insert((cluster.as_str(), title), number));
            let cluster = service.cluster.as_ref().map_or_else(|| service_name.to_string(), ToString::to_string);
            for other in [primary, partner].into_iter().flatten().filter(|other| *other != number) {
                let link = u32::try_from(self.links.len()).unwrap_or(u32::MAX);
                self.links.push(LinkItem { nodes: (other, number), cluster: cluster.clone(), title });
                for end in [other, number] {
                    if let Some(item) = self.nodes.get_mut(end as usize) {
                        item.links.push(link);
                    }
                }
            }
        }
        self.revision += 1;
        let revision = self.revision;
        for (number, link) in (0_u32..).zip(&self.links) {
            let Some(cell) = self.nodes.get(link.nodes.1 as usize).map(|item| item.cell) else { continue };
            if let Some(cell) = self.grid.cells.get_mut(cell as usize) {
                cell.links.push(number);
                cell.changed_at = revision;
            }
        }
    }

    /// Wraps the notes.
    pub(super) fn note(&mut self, lab: &Lab) {
        let notes = lab.notes.iter().map(|note| {
            let width_max = if note.width > 0 { geometry::count(note.width as usize) } else { NOTE_WIDTH_MAX };
            let mut wrapped = note.text.lines().flat_map(|line| wrap(line, width_max - 2.0 * NOTE_MARGIN));
            let mut lines: Vec<String> = wrapped.by_ref().take(NOTE_LINES_MAX).collect();
            if wrapped.next().is_some() {
                // A file may hold any text; the drawing stays a drawing.
                lines.push("… the note goes on".to_owned());
            }
            let widest = lines.iter().map(|line| crate::look::width(line, FontFace::Regular, font_size::BODY)).fold(0.0, f32::max);
            let width = if note.width > 0 { width_max } else { widest + 2.0 * NOTE_MARGIN };
            let height = NOTE_LINE.mul_add(geometry::count(lines.len().max(1)), 2.0 * NOTE_MARGIN);
            NoteItem { rect: Rect::at(note.at.into(), width, height), lines }
        });
        self.notes = notes.collect();
        self.ground_revision = self.revision;
    }

    /// Puts nodes in the cells that they are in now.
    pub(super) fn file(&mut self, nodes: &BTreeSet<u32>) {
        let revision = self.revision;
        let mut dirty: BTreeSet<u32> = BTreeSet::new();
        let mut linked: BTreeSet<u32> = BTreeSet::new();
        for number in nodes {
            let Some(item) = self.nodes.get_mut(*number as usize) else { continue };
            let cell = self.grid.cell_at(item.card.center());
            let drops = item.sockets.iter().fold(item.card, |area, socket| area.with(point(socket.at.x, socket.rail_y)));
            if cell != item.cell {
                if let Some(old) = self.grid.cells.get_mut(item.cell as usize) {
                    old.nodes.retain(|node| node != number);
                    old.changed_at = revision;
                }
                if let Some(new) = self.grid.cells.get_mut(cell as usize) {
                    new.nodes.push(*number);
                }
                item.cell = cell;
            }
            if let Some(cell) = self.grid.cells.get_mut(cell as usize) {
                cell.bounds = cell.bounds.union(&drops.grow(24.0));
            }
            dirty.insert(cell);
            linked.extend(item.links.iter().filter_map(|link| self.links.get(*link as usize)).map(|link| link.nodes.1));
        }
        dirty.extend(linked.iter().filter_map(|node| self.nodes.get(*node as usize)).map(|item| item.cell));
        for cell in dirty {
            if let Some(cell) = self.grid.cells.get_mut(cell as usize) {
                cell.changed_at = revision;
            }
        }
        self.file_links();
    }

    pub(super) fn file_links(&mut self) {
        self.grid.cells.iter_mut().for_each(|cell| cell.links.clear());
        for (number, link) in (0_u32..).zip(&self.links) {
            let (Some(one), Some(other)) = (self.nodes.get(link.nodes.0 as usize), self.nodes.get(link.nodes.1 as usize)) else { continue };
            let area = one.card.union(&other.card).grow(24.0);
            if let Some(cell) = self.grid.cells.get_mut(other.cell as usize) {
                cell.links.push(number);
                cell.bounds = cell.bounds.union(&area);
            }
        }
    }

    pub(super) fn frame(&mut self, lab: &Lab) {
        if self.sites.is_empty() {
            return;
        }
        let mut frames: HashMap<&SiteName, Rect> = HashMap::default();
        for (item, node) in self.nodes.iter().zip(lab.nodes.values()) {
            if let Some(site) = &node.site {
                let frame = frames.entry(site).or_insert(Rect::NOTHING);
                *frame = frame.union(&item.card);
            }
        }
        for (item, network) in self.networks.iter().zip(lab.networks.values()) {
            if let Some(site) = &network.site {
                let frame = frames.entry(site).or_insert(Rect::NOTHING);
                *frame = frame.union(&Rect { min: item.bar.min - point(0.0, 28.0), max: item.bar.max });
            }
        }
        for site in &mut self.sites {
            site.frame = frames.get(&site.name).map_or(Rect::NOTHING, |frame| frame.grow(FRAME_MARGIN));
        }
    }

    /// Puts the VIPs' tokens where their holders' drops meet the rails.
    pub(super) fn place_tokens(&mut self, lab: &Lab) {
        let mut taken: HashMap<(u32, u32), f32> = HashMap::default();
        for (number, (item, vip)) in self.vips.iter_mut().zip(lab.vips.values()).enumerate() {
            let Some((network, rail)) = item.network.and_then(|network| Some((network, self.networks.get(network as usize)?))) else {
                continue;
            };
            let nodes = &self.nodes;
            let mut stand = |node: u32| {
                let holder = nodes.get(node as usize)?;
                let socket = holder.sockets.iter().find(|socket| socket.network == network);
                let x = socket.map_or(holder.card.center().x, |socket| socket.at.x);
                let beside = taken.entry((node, network)).or_insert(0.0);
                let rect = geometry::token(point(x + *beside, rail.bar.center().y), vip);
                *beside += rect.width() + 8.0;
                Some(Token { rect, node: Some(node) })
            };
            let empty = super::overlay::Holders::default();
            let holders = self.states.holders.get(number).unwrap_or(&empty);
            item.tokens = holders.nodes.iter().filter_map(|node| stand(*node)).collect();
            item.ghost = holders.moved.and_then(|(node, _)| stand(node));
            item.would = holders.would.iter().filter_map(|node| stand(*node)).collect();
            if item.tokens.is_empty() {
                item.tokens.push(Token { rect: geometry::token(rail.bar.center(), vip), node: None });
            }
        }
        self.tokens_revision = self.revision;
    }
}

/// Breaks a line at blanks so that each part is at most so wide.
fn wrap(line: &str, width_max: f32) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split(' ') {
        let Some(last) = lines.last_mut() else { break };
        let longer = if last.is_empty() { word.to_owned() } else { format!("{last} {word}") };
        if crate::look::width(word, FontFace::Regular, font_size::BODY) > width_max {
            lines.extend(broken(word, width_max));
            continue;
        }
        if last.is_empty() || crate::look::width(&longer, FontFace::Regular, font_size::BODY) <= width_max {
            *last = longer;
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// A word that is wider than a line, in pieces that are not.
fn broken(word: &str, width_max: f32) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut width = 0.0;
    for character in word.chars() {
        let mut buffer = [0; 4];
        let wide = crate::look::width(character.encode_utf8(&mut buffer), FontFace::Regular, font_size::BODY);
        if width + wide > width_max && width > 0.0 {
            pieces.push(String::new());
            width = 0.0;
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(character);
        }
        width += wide;
    }
    pieces
}
