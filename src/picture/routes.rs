//! The ways of the flows: which side of a card each leaves and enters by, and the curve between.

use super::{
    geometry::{self, PortPlace, Side},
    outside,
    scene::{End, Scene},
    space::{Curve, Point, Rect},
};
use std::collections::{BTreeMap, BTreeSet};

/// A box that flows meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Meets {
    Node(u32),
    Vip(u32),
    Outside,
}

impl Scene {
    fn box_of(&self, end: End) -> Option<(Meets, Rect)> {
        match end {
            End::Node(node) => Some((Meets::Node(node), self.nodes.get(node as usize)?.card)),
            End::Vip(vip) => Some((Meets::Vip(vip), self.vips.get(vip as usize)?.tokens.first()?.rect)),
            End::Outside => Some((Meets::Outside, self.outside.as_ref()?.rect)),
            End::Nowhere => None,
        }
    }

    fn flows_of(&self, meets: Meets) -> &[u32] {
        match meets {
            Meets::Node(node) => self.nodes.get(node as usize).map_or(&[], |item| &item.flows),
            Meets::Vip(vip) => self.vips.get(vip as usize).map_or(&[], |item| &item.flows),
            Meets::Outside => self.outside.as_ref().map_or(&[], |item| &item.flows),
        }
    }

    /// Routes these flows, and those that share a box with them: they make room for each other.
    pub(super) fn route(&mut self, flows: &BTreeSet<u32>) {
        let mut boxes: BTreeMap<Meets, Rect> = BTreeMap::new();
        for flow in flows {
            if let Some(item) = self.flows.get(*flow as usize) {
                boxes.extend([item.from, item.to].into_iter().filter_map(|end| self.box_of(end)));
            }
        }
        let mut ports: BTreeMap<(u32, Meets), (Point, Side)> = BTreeMap::new();
        let mut all: BTreeSet<u32> = flows.clone();
        for (meets, rect) in &boxes {
            all.extend(self.flows_of(*meets));
            self.ports(*meets, *rect, &mut ports);
        }
        let neighbours: Vec<(Meets, Rect)> = all
            .iter()
            .filter_map(|flow| self.flows.get(*flow as usize))
            .flat_map(|item| [item.from, item.to])
            .filter_map(|end| self.box_of(end))
            .filter(|(meets, _)| !boxes.contains_key(meets))
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect();
        for (meets, rect) in neighbours {
            self.ports(meets, rect, &mut ports);
        }
        for flow in all {
            let curve = self.curve(flow, &ports);
            self.lay(flow, curve);
        }
    }

    /// Gives every flow of a box its place on it.
    fn ports(&self, meets: Meets, rect: Rect, ports: &mut BTreeMap<(u32, Meets), (Point, Side)>) {
        let mut groups: BTreeMap<(Side, bool), Vec<(f32, u32)>> = BTreeMap::new();
        for flow in self.flows_of(meets) {
            let Some(item) = self.flows.get(*flow as usize) else { continue };
            let leaves = self.box_of(item.from).is_some_and(|(from, _)| from == meets);
            let other = if leaves { item.to } else { item.from };
            let (side, toward) = match self.box_of(other) {
                Some((other, _)) if other == meets => continue,
                Some((other, other_rect)) => {
                    let side = match (meets, other) {
                        (Meets::Outside, other) => outside::sides(&rect, &other_rect, matches!(other, Meets::Vip(_))).0,
                        (meets, Meets::Outside) => outside::sides(&other_rect, &rect, matches!(meets, Meets::Vip(_))).1,
                        _ if leaves => geometry::sides(&rect, &other_rect).0,
                        _ => geometry::sides(&other_rect, &rect).1,
                    };
                    let toward = match meets {
                        // What leads higher up leaves higher up.
                        Meets::Outside => other_rect.center().y,
                        Meets::Node(_) | Meets::Vip(_) => other_rect.center().x - rect.center().x,
                    };
                    (side, toward)
                }
                None => continue,
            };
            groups.entry((side, toward < -1.0)).or_default().push((toward, *flow));
        }
        if meets == Meets::Outside {
            let mut by_side: BTreeMap<Side, Vec<(f32, u32)>> = BTreeMap::new();
            groups.into_iter().for_each(|((side, _), group)| by_side.entry(side).or_default().extend(group));
            for (side, mut group) in by_side {
                group.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
                let among = group.len();
                for (nth, (_, flow)) in group.into_iter().enumerate() {
                    ports.insert((flow, meets), (outside::port(&rect, side, nth, among), side));
                }
            }
            return;
        }
        for ((side, left), mut group) in groups {
            // The nearest goes innermost, so that no two of them cross.
            group.sort_by(|one, other| one.0.abs().total_cmp(&other.0.abs()).then(one.1.cmp(&other.1)));
            let among = group.len();
            for (nth, (_, flow)) in group.into_iter().enumerate() {
                let place = PortPlace { toward: if left { -1.0 } else { 1.0 }, nth, among };
                ports.insert((flow, meets), (geometry::port(&rect, side, place), side));
            }
        }
    }

    fn curve(&self, flow: u32, ports: &BTreeMap<(u32, Meets), (Point, Side)>) -> Option<Curve> {
        let item = self.flows.get(flow as usize)?;
        let port = |end: End| self.box_of(end).and_then(|(meets, _)| ports.get(&(flow, meets))).copied();
        match (port(item.from), port(item.to)) {
            (Some(from), Some(to)) if self.box_of(item.from) != self.box_of(item.to) => Some(geometry::route(from, to)),
            _ => None,
        }
    }

    /// Lays a flow along a curve and files it in the cell of its middle.
    fn lay(&mut self, flow: u32, curve: Option<Curve>) {
        let revision = self.revision;
        let Some(item) = self.flows.get_mut(flow as usize) else { return };
        if item.curve == curve && item.cell != u32::MAX {
            return;
        }
        item.curve = curve;
        if let Some(old) = self.grid.cells.get_mut(item.cell as usize) {
            old.changed_at = revision;
        }
        let Some(curve) = curve else { return };
        let bounds = curve.bounds();
        let cell = self.grid.cell_at(bounds.center());
        if cell != item.cell {
            if let Some(old) = self.grid.cells.get_mut(item.cell as usize) {
                old.flows.retain(|of| *of != flow);
            }
            if let Some(new) = self.grid.cells.get_mut(cell as usize) {
                new.flows.push(flow);
            }
            item.cell = cell;
        }
        if let Some(new) = self.grid.cells.get_mut(cell as usize) {
            new.bounds = new.bounds.union(&bounds.grow(18.0));
            new.changed_at = revision;
        }
    }
}
