//! Where most of a drawing is: what "fit" shows, and which nodes lie so far away that it leaves them out.

use super::{
    scene::{RAIL_NAME, Scene},
    space::{Point, Rect, point},
};
use std::collections::BTreeSet;

/// What lies this much farther away than everything else is left out, in lab units.
const FAR_APART: f32 = 20_000.0;

impl Scene {
    /// What most of it covers: a few things far away from all others are left out, so that they do not make the rest too small
    /// to be seen. All of it where nothing is far away.
    pub fn bulk(&self) -> Rect {
        let all = self.bounds();
        if all.width().max(all.height()) <= FAR_APART || self.nodes.is_empty() {
            return all;
        }
        let far = self.strays();
        let near = (0_u32..).zip(&self.nodes).filter(|(number, _)| !far.contains(number)).map(|(_, item)| item.card);
        let near = near.fold(Rect::NOTHING, |bounds, card| bounds.union(&card)).grow(RAIL_NAME);
        let around = near.grow(FAR_APART / 2.0);
        let others = self.networks.iter().map(|item| Rect { min: item.bar.min - point(0.0, RAIL_NAME), max: item.bar.max });
        let others = others.chain(self.sites.iter().map(|item| item.frame.grow(RAIL_NAME))).chain(self.notes.iter().map(|item| item.rect));
        let others = others.chain(self.outside.iter().map(|item| item.rect));
        others.filter(|rect| around.encloses(rect)).fold(near, |bounds, rect| bounds.union(&rect))
    }

    /// Nodes that lie far away from most others, by number.
    pub fn strays(&self) -> BTreeSet<u32> {
        let middle = |along: fn(Point) -> f32| {
            let mut all: Vec<f32> = self.nodes.iter().map(|item| along(item.card.center())).collect();
            let half = all.len() / 2;
            (!all.is_empty()).then(|| *all.select_nth_unstable_by(half, f32::total_cmp).1)
        };
        let (Some(x), Some(y)) = (middle(|at| at.x), middle(|at| at.y)) else { return BTreeSet::new() };
        let mut distances: Vec<(f32, u32)> = (0_u32..)
            .zip(&self.nodes)
            .map(|(number, item)| ((item.card.center().x - x).abs().max((item.card.center().y - y).abs()), number))
            .collect();
        distances.sort_by(|one, other| one.0.total_cmp(&other.0));
        // Beyond the first gap that is far wider than all that lies within it, at most a tenth of the nodes and one may be.
        let most = self.nodes.len() / 10 + 1;
        let pairs = distances.iter().zip(distances.iter().skip(1)).enumerate();
        let gap = pairs.into_iter().find(|(_, (near, far))| far.0 - near.0 > FAR_APART.max(4.0 * near.0)).map(|(place, _)| place + 1);
        let far = gap.map(|gap| distances.iter().skip(gap).map(|(_, number)| *number).collect::<BTreeSet<u32>>());
        far.filter(|far| far.len() <= most).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::Catalog, model::Pos, picture::fixture};

    fn check(strays: &[&str], at: Pos) {
        let mut lab = fixture::large(60);
        for name in strays {
            lab.canvas.nodes.insert(name.parse().unwrap(), at);
        }
        let scene = Scene::new(&lab, Catalog::embedded());
        let found: Vec<&str> = scene.strays().iter().map(|number| scene.nodes[*number as usize].name.as_str()).collect();
        assert_eq!(found, strays);
        let plain = Scene::new(&fixture::large(60), Catalog::embedded()).bulk();
        assert!(scene.bulk().width() <= plain.width() + 2.0 * RAIL_NAME, "{:?} {plain:?}", scene.bulk());
    }

    #[test]
    fn a_few_far_nodes_are_strays() {
        check(&["node7"], Pos(1_000_000, 1_000_000));
        check(&["node7", "node9"], Pos(-300_000, 40));
        check(&[], Pos(0, 0));
    }

    #[test]
    fn a_large_drawing_is_shown_whole() {
        for lab in [fixture::large(10_000), fixture::mini_cloud(), fixture::two_sites()] {
            let scene = Scene::new(&lab, Catalog::embedded());
            assert!(scene.bulk().encloses(&scene.bounds()), "{}", lab.name);
        }
    }
}
