//! What lies near what: a grid of cells over the drawing. It finds; it draws and decides nothing.

use super::space::{Point, Rect};
use rustc_hash::FxHashMap as HashMap;

/// A cell's width, in lab units: about two cards with their gaps.
const CELL_WIDTH: f32 = 640.0;
/// A cell's height, in lab units.
const CELL_HEIGHT: f32 = 400.0;

/// One cell: the things whose middles lie in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// What all of them cover together; never too small.
    pub bounds: Rect,
    /// Nodes, by number.
    pub nodes: Vec<u32>,
    /// Flows, by number.
    pub flows: Vec<u32>,
    /// Cluster links, by number.
    pub links: Vec<u32>,
    /// Grows whenever anything in it looks different.
    pub changed_at: u64,
}

/// The cells of a drawing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grid {
    /// Those in which anything is or was.
    pub cells: Vec<Cell>,
    at: HashMap<(i32, i32), u32>,
}

impl Grid {
    /// The number of the cell of a point; made where there is none.
    pub fn cell_at(&mut self, at: Point) -> u32 {
        let key = cell_of(at);
        let next = u32::try_from(self.cells.len()).unwrap_or(u32::MAX);
        let number = *self.at.entry(key).or_insert(next);
        if number == next {
            self.cells.push(Cell { bounds: Rect::NOTHING, nodes: Vec::new(), flows: Vec::new(), links: Vec::new(), changed_at: 0 });
        }
        number
    }

    /// The cells that something of may be seen in an area.
    pub fn touching(&self, area: Rect) -> impl Iterator<Item = (usize, &Cell)> {
        self.cells.iter().enumerate().filter(move |(_, cell)| cell.bounds.touches(&area))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and no drawing is that large")]
fn cell_of(at: Point) -> (i32, i32) {
    ((at.x / CELL_WIDTH).floor() as i32, (at.y / CELL_HEIGHT).floor() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::point;

    #[test]
    fn near_things_share_a_cell_and_far_ones_do_not() {
        let mut grid = Grid::default();
        let one = grid.cell_at(point(10.0, 10.0));
        assert_eq!(one, grid.cell_at(point(600.0, 390.0)));
        assert_ne!(one, grid.cell_at(point(-10.0, 10.0)));
        if let Some(cell) = grid.cells.first_mut() {
            cell.bounds = Rect::at(point(0.0, 0.0), 2000.0, 20.0);
        }
        let found = |area| grid.touching(area).map(|(number, _)| number).collect::<Vec<_>>();
        assert_eq!(found(Rect::at(point(1900.0, 0.0), 10.0, 10.0)), [0], "what reaches out of its cell is found there too");
        assert!(found(Rect::at(point(0.0, 900.0), 10.0, 10.0)).is_empty());
    }
}
