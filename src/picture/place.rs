//! Where things stand that nobody has placed: the same lab always gives the same places.
//!
//! Networks are rails in the order of what they are for; nodes stand below the first of the rails that they join, so that
//! most of them hang between two. A site is a block of its own, to the right of the last.

use super::space::{Point, Rect, point};
use crate::{
    look::size,
    model::{Lab, Network, NetworkKind, Node, Purpose, Role, SiteName},
};
use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};

/// Where every network's rail and node's card stands, in the lab's order: upper left corners.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Places {
    /// Rails.
    pub networks: Vec<Point>,
    /// Cards.
    pub nodes: Vec<Point>,
}

/// From one card's left edge to the next one's.
const COLUMN: f32 = size::CARD_WIDTH + 60.0;
/// From a rail to the cards below it.
const BELOW_RAIL: f32 = 48.0;
/// From the cards to the next rail.
const ABOVE_RAIL: f32 = 56.0;
/// Between two blocks.
const BETWEEN_SITES: f32 = 160.0;
/// From a rail's left end to the first card.
const INDENT: f32 = 120.0;
/// Cards in a row, before the next row of the same rail begins.
const ROW_MIN: usize = 6;

/// Places all things: as the lab says, and the rest by itself.
pub fn places(lab: &Lab) -> Places {
    let placed_networks = lab.networks.keys().filter(|name| lab.canvas.networks.contains_key(*name)).count();
    let placed_nodes = lab.nodes.keys().filter(|name| lab.canvas.nodes.contains_key(*name)).count();
    if placed_networks + placed_nodes == 0 { from_nothing(lab) } else { around_the_placed(lab) }
}

/// The order of rails from top to bottom.
fn rank(network: &Network) -> u8 {
    match (network.kind, network.purpose) {
        (_, Purpose::Wan) => 9,
        (NetworkKind::Nat | NetworkKind::NatNetwork, _) => 0,
        (_, Purpose::Management) => 8,
        (NetworkKind::Bridged, _) => 1,
        (_, Purpose::Frontend) => 2,
        (_, Purpose::General) => 3,
        (_, Purpose::Backend) => 4,
        (_, Purpose::Storage) => 5,
    }
}

/// Which of a node's rails, given as places in the block's order, it stands below.
fn band(node: &Node, rails: &[usize], natted: usize) -> usize {
    let entry = matches!(node.role, Role::Balancer | Role::Bastion | Role::Gateway);
    match rails {
        [] => usize::MAX,
        // Most nodes have a NAT adapter for their packages; with two more networks it is not what places them.
        [first, second, _, ..] if *first < natted && !entry => *second,
        [first, ..] => *first,
    }
}

fn from_nothing(lab: &Lab) -> Places {
    let mut places = Places { networks: vec![Point::default(); lab.networks.len()], nodes: vec![Point::default(); lab.nodes.len()] };
    let blocks: Vec<Option<&SiteName>> = std::iter::once(None).chain(lab.sites.keys().map(Some)).collect();
    let mut left = 0.0;
    let mut depth = 0.0_f32;
    for site in blocks {
        let mut rails: Vec<usize> = (0..lab.networks.len())
            .filter(|network| lab.networks.get_index(*network).is_some_and(|(_, network)| network.site.as_ref() == site))
            .collect();
        // Networks between sites lie below all of them, drawn last.
        if site.is_none() && !lab.sites.is_empty() {
            rails.retain(|network| lab.networks.get_index(*network).is_some_and(|(_, network)| network.purpose != Purpose::Wan));
        }
        rails.sort_by_key(|network| lab.networks.get_index(*network).map_or(0, |(_, network)| rank(network)));
        let nodes: Vec<usize> =
            (0..lab.nodes.len()).filter(|node| lab.nodes.get_index(*node).is_some_and(|(_, node)| node.site.as_ref() == site)).collect();
        if rails.is_empty() && nodes.is_empty() {
            continue;
        }
        let (width, bottom) = block(lab, &rails, &nodes, left, &mut places);
        depth = depth.max(bottom);
        left += width + BETWEEN_SITES;
    }
    if !lab.sites.is_empty() {
        for (place, network) in places.networks.iter_mut().zip(lab.networks.values()) {
            if network.site.is_none() && network.purpose == Purpose::Wan {
                *place = point(0.0, depth + ABOVE_RAIL);
                depth += ABOVE_RAIL * 2.0;
            }
        }
    }
    places
}

/// Places one block and gives its width and its lower edge.
fn block(lab: &Lab, rails: &[usize], nodes: &[usize], left: f32, places: &mut Places) -> (f32, f32) {
    let natted = rails.iter().filter(|network| lab.networks.get_index(**network).is_some_and(|(_, network)| rank(network) == 0)).count();
    let order: HashMap<usize, usize> = rails.iter().enumerate().map(|(order, network)| (*network, order)).collect();
    let mut bands: Vec<Vec<usize>> = vec![Vec::new(); rails.len().max(1)];
    for node in nodes {
        let Some((_, drawn)) = lab.nodes.get_index(*node) else { continue };
        let mut joined: Vec<usize> =
            drawn.adapters.iter().filter_map(|adapter| order.get(&lab.networks.get_index_of(&adapter.network)?).copied()).collect();
        joined.sort_unstable();
        joined.dedup();
        let band = band(drawn, &joined, natted).min(bands.len() - 1);
        if let Some(row) = bands.get_mut(band) {
            row.push(*node);
        }
    }
    let most = bands.iter().map(Vec::len).max().unwrap_or(0);
    let columns = ROW_MIN.max(square_root(most));
    let widest = most.min(columns);
    let mut y = 0.0;
    for (rail, row) in bands.iter().enumerate() {
        if let Some(place) = rails.get(rail).and_then(|network| places.networks.get_mut(*network)) {
            *place = point(left, y);
        }
        let mut top = y + size::RAIL_HEIGHT + BELOW_RAIL;
        for line in row.chunks(columns) {
            let start = left + INDENT + grid(count(widest - line.len()) * COLUMN / 2.0);
            for (n, node) in line.iter().enumerate() {
                if let Some(place) = places.nodes.get_mut(*node) {
                    *place = point(start + count(n) * COLUMN, grid(top));
                }
            }
            top += size::CARD_HEIGHT + ABOVE_RAIL;
        }
        y = if row.is_empty() { y + 80.0 } else { grid(top) };
    }
    (INDENT + count(widest.max(1)) * COLUMN, y)
}

/// Keeps what is placed and stands the rest where there is room.
fn around_the_placed(lab: &Lab) -> Places {
    let mut bounds = Rect::NOTHING;
    for pos in lab.canvas.networks.values() {
        bounds = bounds.with((*pos).into());
    }
    let mut taken: HashSet<(i32, i32)> = HashSet::default();
    let slot = |at: Point| {
        let pos = at.pos();
        (pos.0.div_euclid(64), pos.1.div_euclid(48))
    };
    let occupy = |taken: &mut HashSet<(i32, i32)>, at: Point| {
        let (first, last) = (slot(at), slot(at + point(size::CARD_WIDTH, size::CARD_HEIGHT)));
        for x in first.0..=last.0 {
            taken.extend((first.1..=last.1).map(|y| (x, y)));
        }
    };
    for pos in lab.canvas.nodes.values() {
        bounds = bounds.union(&Rect::at((*pos).into(), size::CARD_WIDTH, size::CARD_HEIGHT));
        occupy(&mut taken, (*pos).into());
    }
    let mut below = bounds.max.y + ABOVE_RAIL;
    let mut places = Places::default();
    for name in lab.networks.keys() {
        places.networks.push(lab.canvas.networks.get(name).map_or_else(
            || {
                let at = point(bounds.min.x, grid(below));
                below = at.y + BELOW_RAIL + size::CARD_HEIGHT + ABOVE_RAIL;
                at
            },
            |pos| (*pos).into(),
        ));
    }
    for (name, node) in &lab.nodes {
        let at = lab.canvas.nodes.get(name).map_or_else(
            || {
                let rails = node.adapters.iter().filter_map(|adapter| places.networks.get(lab.networks.get_index_of(&adapter.network)?));
                let highest = rails.copied().min_by(|one, other| one.y.total_cmp(&other.y));
                let from = highest.map_or(point(bounds.min.x, below), |rail| rail + point(INDENT, size::RAIL_HEIGHT + BELOW_RAIL));
                let free = |at: &Point| {
                    let (first, last) = (slot(*at), slot(*at + point(size::CARD_WIDTH, size::CARD_HEIGHT)));
                    (first.0..=last.0).all(|x| (first.1..=last.1).all(|y| !taken.contains(&(x, y))))
                };
                let right = (0..400_u16).map(|n| from + point(f32::from(n) * COLUMN, 0.0)).find(free);
                let at = right.unwrap_or(from);
                point(grid(at.x), grid(at.y))
            },
            |pos| (*pos).into(),
        );
        occupy(&mut taken, at);
        places.nodes.push(at);
    }
    places
}

fn grid(value: f32) -> f32 {
    (value / 8.0).round() * 8.0
}

#[expect(clippy::cast_precision_loss, reason = "a lab has far fewer things than 2^24")]
fn count(value: usize) -> f32 {
    value as f32
}

/// The number of columns at which so many cards make about a screen's shape.
fn square_root(cards: usize) -> usize {
    // Two thirds: a card with its gaps is about 3 : 2, a screen too.
    cards.isqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::fixture;

    #[test]
    fn nodes_hang_between_the_rails_that_they_join() {
        let lab = fixture::mini_cloud_unplaced();
        let places = places(&lab);
        let rail = |name: &str| places.networks[lab.networks.get_index_of(name).unwrap()].y;
        let card = |name: &str| places.nodes[lab.nodes.get_index_of(name).unwrap()].y;
        assert!(rail("internet") < card("lb") && card("lb") < rail("frontend"));
        assert!(rail("frontend") < card("app1") && card("app1") < rail("backend"));
        assert!(rail("backend") < card("db1"));
        assert_eq!(places, super::places(&lab), "the same each time");
    }

    #[test]
    fn no_two_cards_overlap() {
        for lab in [fixture::mini_cloud_unplaced(), fixture::large(500), fixture::two_sites()] {
            let cards: Vec<Rect> = places(&lab).nodes.iter().map(|at| Rect::at(*at, size::CARD_WIDTH, size::CARD_HEIGHT)).collect();
            for (n, one) in cards.iter().enumerate() {
                assert!(cards[n + 1..].iter().all(|other| !one.touches(other)), "{}", lab.name);
            }
        }
    }

    #[test]
    fn what_is_placed_stays_and_the_rest_finds_room() {
        let mut lab = fixture::mini_cloud();
        let before = places(&lab);
        lab.canvas.nodes.shift_remove("db2");
        let after = places(&lab);
        let index = lab.nodes.get_index_of("db2").unwrap();
        for (n, at) in after.nodes.iter().enumerate().filter(|(n, _)| *n != index) {
            assert_eq!(*at, before.nodes[n]);
            assert!(!Rect::at(*at, size::CARD_WIDTH, size::CARD_HEIGHT).touches(&Rect::at(
                after.nodes[index],
                size::CARD_WIDTH,
                size::CARD_HEIGHT
            )));
        }
    }
}
