//! Drawing: each thing of a scene as shapes. It decides colours and what is left out at which distance; where things are
//! is decided by then.

mod cuts;
mod ground;
mod marks;
mod node;
mod outside;
mod wires;

pub use marks::{health_tone, severity_tone};
pub use node::tile_color;
pub use wires::Firm;

use super::{
    overlay::State,
    scene::Scene,
    shape::{Anchor, Detail, Layer, Shape, Shapes, Text},
    space::{Point, Rect},
};
use crate::{
    catalog::Catalog,
    look::{Color, FontFace, Palette},
    model::Lab,
};

/// Everything that drawing a thing asks.
#[derive(Debug, Clone, Copy)]
pub struct Artist<'a> {
    /// What is drawn.
    pub lab: &'a Lab,
    /// What its services are.
    pub catalog: &'a Catalog,
    /// Where things are and what shows on them.
    pub scene: &'a Scene,
    /// The colours.
    pub palette: &'a Palette,
    /// How much of each thing.
    pub detail: Detail,
}

/// How much of its colour a dimmed thing keeps.
const DIMMED: f32 = 0.22;

impl<'a> Artist<'a> {
    /// Everything, in the order of drawing.
    pub fn everything(&self) -> Shapes {
        let mut out = Shapes::default();
        self.ground(&mut out);
        let numbers = |len: usize| (0_u32..).take(len);
        for network in numbers(self.scene.networks.len()) {
            self.rail(network, &mut out);
        }
        for flow in numbers(self.scene.flows.len()) {
            self.flow(flow, &mut out);
        }
        for link in numbers(self.scene.links.len()) {
            self.link(link, &mut out);
        }
        for node in numbers(self.scene.nodes.len()) {
            self.node(node, &mut out);
        }
        self.cuts(&mut out);
        for vip in numbers(self.scene.vips.len()) {
            self.vip(vip, &mut out);
        }
        out
    }

    /// The shapes of one cell of the grid: its nodes with their drops, flows and cluster links.
    pub fn cell(&self, cell: &super::Cell) -> Shapes {
        let mut out = Shapes::default();
        if self.detail <= Detail::Name {
            for flow in &cell.flows {
                self.flow(*flow, &mut out);
            }
        }
        if self.detail <= Detail::Card {
            for link in &cell.links {
                self.link(*link, &mut out);
            }
        }
        for node in &cell.nodes {
            self.node(*node, &mut out);
        }
        out
    }

    /// A colour as it is on a thing in this state.
    fn tint(&self, color: Color, state: &State) -> Color {
        if state.dimmed { color.fade(DIMMED) } else { color }
    }
}

/// A line of text.
fn text(at: Point, anchor: Anchor, face: FontFace, size: f32, color: Color, text: impl Into<String>) -> Shape {
    Shape::Text(Text { at, anchor, face, size, color, text: text.into() })
}

fn fill(rect: Rect, radius: f32, fill: Color) -> Shape {
    Shape::Rect { rect, radius, fill, stroke: super::shape::Stroke::NONE }
}

/// Adds a shape to a layer.
fn put(out: &mut Shapes, layer: Layer, shape: Shape) {
    out.push(layer, shape);
}
