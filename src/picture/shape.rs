//! The drawing as shapes: what the screen paints and the exporters write.
//!
//! Shapes have final colours and lab coordinates. Nothing here knows what a shape stands for.

use super::space::{Curve, Point, Rect};
use crate::look::{Color, FontFace, Icon};

/// How much of each thing is drawn, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detail {
    /// Cards with chips, whole addresses.
    Whole,
    /// Cards with chips.
    Full,
    /// Cards without chips.
    Card,
    /// Name and state.
    Name,
    /// A coloured tile.
    Tile,
    /// One mesh of tiles, with the sites' names over them.
    Far,
}

impl Detail {
    /// What can still be read at a zoom (1 is one lab unit a point).
    pub fn at_zoom(zoom: f32) -> Self {
        match zoom {
            zoom if zoom >= 1.4 => Self::Whole,
            zoom if zoom >= 0.6 => Self::Full,
            zoom if zoom >= 0.42 => Self::Card,
            zoom if zoom >= 0.2 => Self::Name,
            zoom if zoom >= 0.08 => Self::Tile,
            _ => Self::Far,
        }
    }

    /// Whether cards are drawn as cards.
    pub fn has_cards(self) -> bool {
        self <= Self::Card
    }
}

/// What lies over what, the lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// Site frames and notes.
    Ground,
    /// Rails, drops, links and flows.
    Wires,
    /// Cards with all that is on them.
    Cards,
    /// Sockets, labels of drops, VIP tokens.
    Tokens,
}

/// How a line is broken up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Dash {
    /// Not at all.
    #[default]
    Solid,
    /// So many units drawn, so many left out.
    Dashed(f32, f32),
}

/// A line's look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// Its width, in lab units.
    pub width: f32,
    /// Its colour.
    pub color: Color,
    /// Whether it is broken up.
    pub dash: Dash,
}

impl Stroke {
    /// No line.
    pub const NONE: Self = Self { width: 0.0, color: Color::CLEAR, dash: Dash::Solid };

    /// An unbroken line.
    pub fn solid(width: f32, color: Color) -> Self {
        Self { width, color, dash: Dash::Solid }
    }

    /// A broken line.
    pub fn dashed(width: f32, color: Color, on: f32, off: f32) -> Self {
        Self { width, color, dash: Dash::Dashed(on, off) }
    }

    /// Whether anything would be seen.
    pub fn is_seen(&self) -> bool {
        self.width > 0.0 && self.color.a > 0
    }
}

/// Which point of a text its position is, always on the base line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Anchor {
    /// Its left end.
    #[default]
    Start,
    /// Its middle.
    Middle,
    /// Its right end.
    End,
}

/// One line of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// Where its anchor is, on the base line.
    pub at: Point,
    /// What `at` means.
    pub anchor: Anchor,
    /// Its face.
    pub face: FontFace,
    /// Its size, in lab units.
    pub size: f32,
    /// Its colour.
    pub color: Color,
    /// What it says; one line.
    pub text: String,
}

/// One shape.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A rectangle with round corners.
    Rect {
        /// Where.
        rect: Rect,
        /// Of its corners, in lab units.
        radius: f32,
        /// Its inside.
        fill: Color,
        /// Its border, drawn inside.
        stroke: Stroke,
    },
    /// The soft shadow of a rectangle.
    Shadow {
        /// What casts it.
        rect: Rect,
        /// Of its corners, in lab units.
        radius: f32,
        /// Its colour where it is deepest.
        color: Color,
    },
    /// A straight line.
    Line {
        /// From.
        from: Point,
        /// To.
        to: Point,
        /// How.
        stroke: Stroke,
    },
    /// A curve.
    Curve {
        /// Along which.
        curve: Curve,
        /// How.
        stroke: Stroke,
    },
    /// A filled convex area.
    Polygon {
        /// Its corners.
        points: Vec<Point>,
        /// Its inside.
        fill: Color,
    },
    /// A circle.
    Circle {
        /// Its middle.
        center: Point,
        /// Its radius, in lab units.
        radius: f32,
        /// Its inside.
        fill: Color,
        /// Its border, in the middle of the outline.
        stroke: Stroke,
    },
    /// A line of text.
    Text(Text),
    /// An icon.
    Icon {
        /// Which.
        icon: Icon,
        /// Its upper left corner.
        at: Point,
        /// Its side, in lab units.
        side: f32,
        /// Its colour.
        color: Color,
    },
}

impl Shape {
    /// Where it draws, roughly: never less than it does, shadows left out.
    pub fn bounds(&self) -> Rect {
        match self {
            Self::Rect { rect, stroke, .. } => rect.grow(stroke.width),
            Self::Shadow { rect, .. } => *rect,
            Self::Line { from, to, stroke } => Rect::between(*from, *to).grow(stroke.width),
            Self::Curve { curve, stroke } => curve.bounds().grow(stroke.width),
            Self::Polygon { points, .. } => points.iter().fold(Rect::NOTHING, |bounds, at| bounds.with(*at)),
            Self::Circle { center, radius, stroke, .. } => Rect::around(*center, radius * 2.0, radius * 2.0).grow(stroke.width),
            Self::Text(text) => {
                let width = crate::look::width(&text.text, text.face, text.size);
                let left = match text.anchor {
                    Anchor::Start => 0.0,
                    Anchor::Middle => width / 2.0,
                    Anchor::End => width,
                };
                Rect::at(Point { x: text.at.x - left, y: text.at.y - text.size }, width, text.size * 1.3)
            }
            Self::Icon { at, side, .. } => Rect::at(*at, *side, *side),
        }
    }
}

/// Shapes with their layers, in the order in which each layer is drawn.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shapes {
    /// All of them.
    pub list: Vec<(Layer, Shape)>,
}

impl Shapes {
    /// Adds one.
    pub fn push(&mut self, layer: Layer, shape: Shape) {
        self.list.push((layer, shape));
    }

    /// Those of one layer.
    pub fn of(&self, layer: Layer) -> impl Iterator<Item = &Shape> {
        self.list.iter().filter(move |(of, _)| *of == layer).map(|(_, shape)| shape)
    }

    /// Where they draw.
    pub fn bounds(&self) -> Rect {
        self.list.iter().fold(Rect::NOTHING, |bounds, (_, shape)| bounds.union(&shape.bounds()))
    }
}

/// Layers from the lowest to the highest.
pub const LAYERS: [Layer; 4] = [Layer::Ground, Layer::Wires, Layer::Cards, Layer::Tokens];
