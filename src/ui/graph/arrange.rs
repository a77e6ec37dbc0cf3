//! Where the cards of the service graph stand. Geometry only: no card covers another, all lie in the area that is returned, and
//! the same graph in the same room is arranged alike. It draws nothing and knows no service.

use super::{
    flows::{Flows, Parts},
    frame::{ZOOM_READABLE, zoom_whole},
    shapes::CARD,
};
use egui::{Pos2, Rect, Vec2, pos2, vec2};
use std::cmp::Ordering;

/// Between two cards of a row.
const GAP: f32 = 32.0;
/// From one card to the next in a row.
const COLUMN: f32 = CARD.x + GAP;
/// Between two layers: room for the curves of flows.
const LAYER_GAP: f32 = 52.0;
/// Between the rows of one layer, and between those of a cloud.
const ROW_GAP: f32 = 32.0;
/// Between the rows of cards without flows.
const GRID_GAP: f32 = 14.0;
/// Between connected parts of the graph.
const PART_GAP: f32 = 60.0;
/// Above the cards without flows: room for their heading.
const HEADING: f32 = 28.0;
/// The most cards side by side that are tried.
const COLUMNS_MAX: usize = 64;
/// The share of a cloud's cells that stay free, so that cards may stand where the forces put them.
const CLOUD_FREE: f32 = 0.3;

/// Where cards stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Arranged {
    /// The middle of each card, by its number.
    pub places: Vec<Pos2>,
    /// What the cards cover together.
    pub area: Rect,
    /// What the cards without flows cover; `None`: there are none.
    pub alone: Option<Rect>,
}

/// Arranges cards in layers, from senders to receivers. A layer that is too wide for the room becomes several rows; connected
/// parts stand side by side; cards without flows stand in a grid below.
pub fn layers(flows: &Flows, room: Vec2) -> Arranged {
    let Parts { joined, alone } = flows.parts();
    let fitting = to_usize((room.x / ZOOM_READABLE + GAP) / COLUMN).max(1);
    let mut layered: Vec<Layered> = Vec::new();
    for part in &joined {
        add_layers(flows, part, fitting, &mut layered);
    }
    let widest = layered.iter().flat_map(|part| &part.layers).map(Vec::len).max().unwrap_or(1).min(COLUMNS_MAX);
    // The widest first: of layouts that are read equally well, the one with the fewest folded layers is taken.
    let mut best: Option<(Cost, Vec<Block>, Sheet)> = None;
    for limit in (1..=widest).rev() {
        let blocks: Vec<Block> = layered.iter().map(|part| Block::of_layers(part, limit)).collect();
        for columns in (1..=columns_max(&blocks, alone.len())).rev() {
            let sheet = Sheet::new(&blocks, alone.len(), width_of(columns));
            let cost = Cost::of(sheet.size, room);
            if best.as_ref().is_none_or(|(least, ..)| cost.is_less_than(least)) {
                best = Some((cost, blocks.clone(), sheet));
            }
        }
    }
    best.map_or_else(Arranged::nothing, |(_, blocks, sheet)| sheet.arranged(&blocks, &alone, flows.count))
}

/// A connected part in layers.
struct Layered {
    layers: Vec<Vec<usize>>,
    shelf: Shelf,
}

/// Where a block may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shelf {
    /// Beside others.
    Shared,
    /// Above what follows.
    Own,
}

/// Adds a part's layers. Where a layer is too wide, and one card holds many parts together, that card stands above them, and each of
/// them is arranged for itself: folded layers of all of them would mix what has nothing to do with each other.
fn add_layers(flows: &Flows, part: &[usize], fitting: usize, out: &mut Vec<Layered>) {
    let layers = flows.layers(part);
    let is_wide = layers.iter().any(|layer| layer.len() > fitting);
    match flows.hub(part).filter(|_| is_wide) {
        Some((hub, rest)) => {
            out.push(Layered { layers: vec![vec![hub]], shelf: Shelf::Own });
            rest.joined.iter().for_each(|part| add_layers(flows, part, fitting, out));
            if !rest.alone.is_empty() {
                out.push(Layered { layers: vec![rest.alone], shelf: Shelf::Shared });
            }
        }
        None => out.push(Layered { layers, shelf: Shelf::Shared }),
    }
}

/// Arranges cards as forces between them have placed them, drawn into the cells of a grid of about the room's shape. The forces
/// know points and no bounds; their order from left to right and from top to bottom is kept. Cards without flows stand below.
pub fn cloud(flows: &Flows, forced: &[(usize, Pos2)], room: Vec2) -> Arranged {
    if forced.is_empty() {
        return layers(flows, room);
    }
    let alone = flows.parts().alone;
    let shape = |columns: usize| {
        let rows = (to_f32(forced.len()) * (1.0 + CLOUD_FREE) / to_f32(columns)).ceil().max(1.0);
        (columns, to_usize(rows))
    };
    let shapes = (1..=forced.len().min(COLUMNS_MAX)).map(|columns| {
        let (columns, rows) = shape(columns);
        let empty = Block { places: Vec::new(), size: cloud_size(columns, rows), shelf: Shelf::Shared };
        let size = Sheet::new(std::slice::from_ref(&empty), alone.len(), empty.size.x).size;
        // A cloud is looked at as a whole: the shape that is largest then, and of those the one that is most like the room.
        let zoom = zoom_whole(size, room).min(1.0);
        let unlike = (size.x / size.y * room.y / room.x.max(1.0)).max(1e-3).ln().abs();
        (zoom, unlike, columns, rows)
    });
    let best = shapes.min_by(|one, other| other.0.total_cmp(&one.0).then(one.1.total_cmp(&other.1)));
    let Some((_, _, columns, rows)) = best else { return Arranged::nothing() };
    let block = Block::of_cloud(forced, columns, rows);
    let sheet = Sheet::new(std::slice::from_ref(&block), alone.len(), block.size.x);
    sheet.arranged(&[block], &alone, flows.count)
}

/// What a cloud of so many cells covers.
fn cloud_size(columns: usize, rows: usize) -> Vec2 {
    vec2(width_of(columns) + if rows > 1 { COLUMN / 2.0 } else { 0.0 }, height_of(rows, ROW_GAP))
}

impl Arranged {
    fn nothing() -> Self {
        Self { places: Vec::new(), area: Rect::from_min_size(Pos2::ZERO, Vec2::ZERO), alone: None }
    }
}

/// How well an area of a size is read in a room: whole at full size is best, then whole and as large as can be. What does not fit
/// at a readable scale is scrolled, rather downward than sideways.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cost([f32; 3]);

impl Cost {
    fn of(size: Vec2, room: Vec2) -> Self {
        let zoom = zoom_whole(size, room);
        if zoom >= ZOOM_READABLE {
            return Self([0.0, 0.0, -zoom.min(1.0)]);
        }
        let beyond = (size * ZOOM_READABLE - room).max(Vec2::ZERO);
        Self([beyond.x, beyond.y, 0.0])
    }

    fn is_less_than(&self, other: &Self) -> bool {
        let orders = self.0.iter().zip(&other.0).map(|(one, other)| one.total_cmp(other));
        orders.into_iter().find(|order| *order != Ordering::Equal) == Some(Ordering::Less)
    }
}

/// Cards that keep their places beside each other, from the upper left corner of what they cover.
#[derive(Debug, Clone, PartialEq)]
struct Block {
    places: Vec<(usize, Pos2)>,
    size: Vec2,
    shelf: Shelf,
}

impl Block {
    /// Layers below each other, each in the middle and with at most so many cards in a row. Every second row of a layer stands
    /// half a column aside, so that flows to the row below pass between its cards.
    fn of_layers(part: &Layered, limit: usize) -> Self {
        let shapes = part.layers.iter().map(|layer| {
            let rows = layer.len().div_ceil(limit.max(1));
            let columns = layer.len().div_ceil(rows.max(1));
            let width = width_of(columns) + if rows > 1 { COLUMN / 2.0 } else { 0.0 };
            (layer, rows, width)
        });
        let shapes: Vec<_> = shapes.collect();
        let width = shapes.iter().map(|(.., width)| *width).fold(0.0, f32::max);
        let (mut places, mut top) = (Vec::new(), 0.0);
        for (layer, rows, own_width) in shapes {
            let left = (width - own_width) / 2.0;
            for (nth, card) in layer.iter().enumerate() {
                // Column by column: what is near in the layer's order stays near.
                let (column, row) = (nth / rows, nth % rows);
                let aside = if row % 2 == 1 { COLUMN / 2.0 } else { 0.0 };
                let corner = pos2(left + to_f32(column) * COLUMN + aside, top + to_f32(row) * (CARD.y + ROW_GAP));
                places.push((*card, corner + CARD / 2.0));
            }
            top += height_of(rows, ROW_GAP) + LAYER_GAP;
        }
        Self { places, size: vec2(width, (top - LAYER_GAP).max(0.0)), shelf: part.shelf }
    }

    /// Cards in the free cells that are nearest to where forces have placed them.
    fn of_cloud(forced: &[(usize, Pos2)], columns: usize, rows: usize) -> Self {
        let aside = if rows > 1 { COLUMN / 2.0 } else { 0.0 };
        let cells = (0..columns * rows).map(|nth| {
            let (column, row) = (nth % columns, nth / columns);
            let shift = if row % 2 == 1 { aside } else { 0.0 };
            pos2(to_f32(column) * COLUMN + shift, to_f32(row) * (CARD.y + ROW_GAP)) + CARD / 2.0
        });
        let mut free: Vec<Pos2> = cells.collect();
        let size = cloud_size(columns, rows);
        let ranks = |of: fn(Pos2) -> f32| {
            let mut order: Vec<usize> = (0..forced.len()).collect();
            let key = |nth: &usize| forced.get(*nth).map_or(0.0, |(_, at)| of(*at));
            order.sort_by(|one, other| key(one).total_cmp(&key(other)));
            let mut ranks = vec![0.0; forced.len()];
            for (rank, nth) in order.into_iter().enumerate() {
                if let Some(slot) = ranks.get_mut(nth) {
                    *slot = (to_f32(rank) + 0.5) / to_f32(forced.len());
                }
            }
            ranks
        };
        let (across, down) = (ranks(|at| at.x), ranks(|at| at.y));
        let mut places = Vec::new();
        for ((card, _), (x, y)) in forced.iter().zip(across.into_iter().zip(down)) {
            let wanted = pos2(x * size.x, y * size.y);
            let distance = |at: &Pos2| (*at - wanted).length_sq();
            let nearest = free.iter().enumerate().min_by(|(_, one), (_, other)| distance(one).total_cmp(&distance(other)));
            if let Some((cell, at)) = nearest.map(|(cell, at)| (cell, *at)) {
                places.push((*card, at));
                free.remove(cell);
            }
        }
        Self { places, size, shelf: Shelf::Shared }
    }
}

/// Blocks on shelves of a width, with the cards without flows below.
#[derive(Debug, Clone, PartialEq)]
struct Sheet {
    corners: Vec<Pos2>,
    /// Where the grid begins, and how many columns it has.
    grid: Option<(f32, usize)>,
    size: Vec2,
}

impl Sheet {
    fn new(blocks: &[Block], alone: usize, width_max: f32) -> Self {
        let mut shelves: Vec<(Vec<usize>, Vec2)> = Vec::new();
        let mut last = Shelf::Own;
        for (nth, block) in blocks.iter().enumerate() {
            let is_shared = std::mem::replace(&mut last, block.shelf) == Shelf::Shared && block.shelf == Shelf::Shared;
            match shelves.last_mut() {
                Some((shelf, size)) if is_shared && size.x + PART_GAP + block.size.x <= width_max => {
                    shelf.push(nth);
                    *size = vec2(size.x + PART_GAP + block.size.x, size.y.max(block.size.y));
                }
                _ => shelves.push((vec![nth], block.size)),
            }
        }
        let blocks_width = shelves.iter().map(|(_, size)| size.x).fold(0.0, f32::max);
        let columns = to_usize(((width_max.max(blocks_width) + GAP) / COLUMN).floor()).clamp(1, alone.max(1));
        let width = if alone > 0 { blocks_width.max(width_of(columns)) } else { blocks_width };
        let (mut corners, mut top) = (vec![Pos2::ZERO; blocks.len()], 0.0);
        for (shelf, size) in &shelves {
            let mut left = (width - size.x) / 2.0;
            for nth in shelf {
                if let (Some(corner), Some(block)) = (corners.get_mut(*nth), blocks.get(*nth)) {
                    *corner = pos2(left, top);
                    left += block.size.x + PART_GAP;
                }
            }
            top += size.y + PART_GAP;
        }
        if alone == 0 {
            return Self { corners, grid: None, size: vec2(width, (top - PART_GAP).max(0.0)) };
        }
        let grid_top = top + HEADING;
        let height = grid_top + height_of(alone.div_ceil(columns), GRID_GAP);
        Self { corners, grid: Some((grid_top, columns)), size: vec2(width, height) }
    }

    fn arranged(&self, blocks: &[Block], alone: &[usize], count: usize) -> Arranged {
        let mut places = vec![Pos2::ZERO; count];
        let mut put = |card: usize, at: Pos2| {
            if let Some(place) = places.get_mut(card) {
                *place = at;
            }
        };
        for (block, corner) in blocks.iter().zip(&self.corners) {
            for (card, at) in &block.places {
                put(*card, *corner + at.to_vec2());
            }
        }
        let grid = self.grid.map(|(top, columns)| {
            let size = vec2(width_of(columns), height_of(alone.len().div_ceil(columns), GRID_GAP));
            let corner = pos2((self.size.x - size.x) / 2.0, top);
            for (nth, card) in alone.iter().enumerate() {
                let (column, row) = (nth % columns, nth / columns);
                put(*card, corner + vec2(to_f32(column) * COLUMN, to_f32(row) * (CARD.y + GRID_GAP)) + CARD / 2.0);
            }
            Rect::from_min_size(corner, size)
        });
        Arranged { places, area: Rect::from_min_size(Pos2::ZERO, self.size), alone: grid }
    }
}

/// The most columns that are tried: all in one row.
fn columns_max(blocks: &[Block], alone: usize) -> usize {
    let width: f32 = blocks.iter().map(|block| block.size.x + PART_GAP).sum();
    to_usize((width / COLUMN).ceil()).max(alone).clamp(1, COLUMNS_MAX)
}

fn width_of(columns: usize) -> f32 {
    to_f32(columns) * COLUMN - GAP
}

fn height_of(rows: usize, gap: f32) -> f32 {
    to_f32(rows) * (CARD.y + gap) - gap
}

#[expect(clippy::cast_precision_loss, reason = "counts of cards")]
fn to_f32(count: usize) -> f32 {
    count as f32
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn to_usize(count: f32) -> usize {
    count as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Seeded;

    const ROOM: Vec2 = vec2(860.0, 520.0);

    /// Balancers, each with applications behind it, and all of those with one of a few databases; some cards are alone.
    fn lab(count: usize) -> Flows {
        let mut seeded = Seeded::new(7);
        let mut pick = |from: usize, to: usize| from + usize::try_from(seeded.number()).unwrap_or(0) % (to - from).max(1);
        let (balancers, apps, data) = (count / 20, count / 2, count / 2 + count / 6);
        let mut flows = Vec::new();
        for app in balancers..apps {
            flows.push((pick(0, balancers.max(1)), app));
            flows.push((app, pick(apps, data.max(apps + 1))));
        }
        Flows::new(count, flows)
    }

    fn points(count: usize) -> Vec<(usize, Pos2)> {
        let mut seeded = Seeded::new(11);
        let mut number = || (seeded.number() % 2000) as f32;
        // One far away, as forces leave parts that nothing holds.
        (0..count).map(|card| (card, if card == 0 { pos2(9e5, -9e5) } else { pos2(number(), number()) })).collect()
    }

    fn check(arranged: &Arranged, count: usize) {
        assert_eq!(arranged.places.len(), count);
        let cards: Vec<Rect> = arranged.places.iter().map(|at| Rect::from_center_size(*at, CARD)).collect();
        for (nth, card) in cards.iter().enumerate() {
            assert!(arranged.area.expand(0.1).contains_rect(*card), "{count}: {card:?} outside {:?}", arranged.area);
            let covered = cards.iter().skip(nth + 1).find(|other| card.expand(4.0).intersects(**other));
            assert!(covered.is_none(), "{count}: {card:?} and {covered:?}");
        }
    }

    #[test]
    fn no_card_covers_another_and_all_are_inside() {
        for count in [1, 2, 10, 120, 300] {
            let flows = lab(count);
            check(&layers(&flows, ROOM), count);
            let joined: Vec<usize> = flows.parts().joined.concat();
            let forced: Vec<_> = points(count).into_iter().filter(|(card, _)| joined.contains(card)).collect();
            check(&cloud(&flows, &forced, ROOM), count);
        }
        check(&layers(&Flows::new(0, []), ROOM), 0);
        check(&cloud(&Flows::new(3, [(0, 1)]), &points(2), ROOM), 3);
    }

    #[test]
    fn the_same_graph_is_arranged_alike() {
        let flows = lab(120);
        assert_eq!(layers(&flows, ROOM), layers(&flows.clone(), ROOM));
        let joined: Vec<_> = points(60);
        assert_eq!(cloud(&flows, &joined, ROOM), cloud(&flows, &joined, ROOM));
    }

    #[test]
    fn a_graph_is_about_as_wide_as_the_room_or_scrolled_downward() {
        for count in [10, 120, 300] {
            let flows = lab(count);
            let size = layers(&flows, ROOM).area.size();
            assert!(size.x * ZOOM_READABLE <= ROOM.x + 0.1, "{count}: {size:?}");
            let size = cloud(&flows, &points(count), ROOM).area.size();
            let like = (size.x / size.y) / (ROOM.x / ROOM.y);
            assert!((0.6..1.7).contains(&like), "{count}: {size:?}");
        }
        // A hundred applications behind one balancer.
        let wide = Flows::new(101, (1..101).map(|app| (0, app)));
        let size = layers(&wide, vec2(1600.0, 1200.0)).area.size();
        assert!(size.x / size.y > 0.5 && size.x / size.y < 3.0, "{size:?}");
    }

    #[test]
    fn a_layer_that_fits_is_one_row() {
        let arranged = layers(&Flows::new(4, [(0, 1), (0, 2), (0, 3)]), ROOM);
        let heights: Vec<f32> = arranged.places.iter().map(|at| at.y).collect();
        assert!(heights[1] == heights[2] && heights[2] == heights[3] && heights[0] < heights[1], "{heights:?}");
        assert_eq!(arranged.places[0].x, arranged.places[2].x, "a sender stands in the middle");
    }

    #[test]
    fn what_a_hub_holds_together_is_arranged_part_by_part() {
        // The outside, ten balancers, and an application behind each.
        let flows = Flows::new(21, (1..11).flat_map(|balancer| [(0, balancer), (balancer, balancer + 10)]));
        let places = layers(&flows, ROOM).places;
        for balancer in 1..11 {
            let (from, to) = (places[balancer], places[balancer + 10]);
            assert_eq!((from.x, from.y + CARD.y + LAYER_GAP), (to.x, to.y), "each application is just below its balancer");
            assert!(places[0].y < from.y, "the outside is above all");
        }
    }

    #[test]
    fn parts_stand_side_by_side_and_cards_without_flows_below() {
        let arranged = layers(&Flows::new(6, [(0, 1), (2, 3)]), ROOM);
        let [one, _, other, _, alone, _] = arranged.places[..] else { panic!("six cards") };
        assert_eq!(one.y, other.y);
        let grid = arranged.alone.expect("two cards are alone");
        assert!(grid.contains(alone) && alone.y > other.y);
    }

    #[test]
    fn a_cloud_keeps_the_order_of_the_forces() {
        let forced = [(0, pos2(0.0, 0.0)), (1, pos2(1.0, 900.0)), (2, pos2(5e6, 0.0)), (3, pos2(5e6, 900.0))];
        let places = cloud(&Flows::new(4, [(0, 1), (1, 2), (2, 3)]), &forced, ROOM).places;
        assert!(places[0].x < places[2].x && places[1].x < places[3].x, "{places:?}");
        assert!(places[0].y < places[1].y && places[2].y < places[3].y, "{places:?}");
    }
}
