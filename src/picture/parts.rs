//! The parts of a drawing: what is drawn, cached and drawn again as one. A part's stamp grows whenever its shapes may differ.

use super::{
    draw::Artist,
    scene::{NetworkItem, Scene},
    shape::{Detail, Shapes},
    space::Rect,
};

/// A part of the drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Frames and notes.
    Ground,
    /// Some rails: the nth group.
    Rails(usize),
    /// A cell of the grid: nodes with their drops, flows, cluster links.
    Cell(usize),
    /// Tokens and partitions.
    Tokens,
}

/// Rails that are one part.
const RAILS_A_GROUP: usize = 16;

impl Scene {
    /// The areas of the groups of rails.
    pub fn rail_areas(&self) -> Vec<Rect> {
        let area = |rails: &[NetworkItem]| rails.iter().fold(Rect::NOTHING, |area, item| area.union(&item.bar)).grow(40.0);
        self.networks.chunks(RAILS_A_GROUP).map(area).collect()
    }

    /// A part's stamp.
    pub fn stamp(&self, part: Part) -> u64 {
        match part {
            Part::Ground | Part::Rails(_) => self.ground_revision,
            Part::Cell(cell) => self.grid.cells.get(cell).map_or(0, |cell| cell.changed_at),
            Part::Tokens => self.tokens_revision,
        }
    }
}

impl Artist<'_> {
    /// The shapes of a part. VIPs in `without_tokens` are left out: something else draws them.
    pub fn part(&self, part: Part, without_tokens: &[u32]) -> Shapes {
        let mut shapes = Shapes::default();
        match part {
            Part::Ground => self.ground(&mut shapes),
            Part::Rails(n) => {
                let numbers = (0_u32..).take(self.scene.networks.len()).skip(n * RAILS_A_GROUP).take(RAILS_A_GROUP);
                numbers.for_each(|network| self.rail(network, &mut shapes));
            }
            Part::Cell(cell) => {
                if let Some(cell) = self.scene.grid.cells.get(cell).filter(|_| self.detail < Detail::Far) {
                    shapes = self.cell(cell);
                }
            }
            Part::Tokens => {
                self.cuts(&mut shapes);
                let numbers = (0_u32..).take(self.scene.vips.len()).filter(|vip| !without_tokens.contains(vip));
                numbers.for_each(|vip| self.vip(vip, &mut shapes));
            }
        }
        shapes
    }
}

#[cfg(test)]
mod tests;
