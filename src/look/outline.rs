//! Small drawings as outlines of straight and curved pieces, for a painter or an exporter to follow.
//!
//! Geometry only: it knows no colours, no files and no window. Reading the text of a drawing is in `svg`.

use std::fmt::Write as _;

/// A point, x then y, in the drawing's own units.
pub type Point = [f32; 2];

/// Whether an outline is a line to follow or an area to fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// A line of [`super::ICON_STROKE`] with round ends and joins.
    Stroked,
    /// A convex area, filled.
    Filled,
}

/// Whether an outline runs back into itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// It has two ends.
    Open,
    /// Its end is its start.
    Joined,
}

/// One piece of an outline, from where the last one ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Piece {
    /// Straight to a point.
    Line(Point),
    /// A cubic curve: two control points, then the end.
    Cubic(Point, Point, Point),
}

impl Piece {
    /// Where it ends.
    pub fn end(self) -> Point {
        match self {
            Self::Line(end) | Self::Cubic(_, _, end) => end,
        }
    }
}

/// One unbroken outline.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    /// How it is drawn.
    pub paint: Paint,
    /// Whether its end is joined to its start.
    pub ends: Ends,
    /// Where it starts.
    pub start: Point,
    /// What it is made of.
    pub pieces: Vec<Piece>,
}

impl Outline {
    /// An outline that starts somewhere and goes nowhere yet.
    pub fn at(start: Point, paint: Paint) -> Self {
        Self { paint, ends: Ends::Open, start, pieces: Vec::new() }
    }

    /// Where it ends.
    pub fn end(&self) -> Point {
        self.pieces.last().map_or(self.start, |piece| piece.end())
    }

    /// It as straight lines that stray at most `tolerance` from it. A joined outline does not repeat its start.
    pub fn flatten(&self, tolerance: f32) -> Vec<Point> {
        let mut points = vec![self.start];
        let mut from = self.start;
        for piece in &self.pieces {
            match *piece {
                Piece::Line(end) => points.push(end),
                Piece::Cubic(one, two, end) => flatten_cubic(from, one, two, end, tolerance, &mut points),
            }
            from = piece.end();
        }
        points.dedup_by(|one, two| close(*one, *two));
        if self.ends == Ends::Joined && points.len() > 1 && points.last().is_some_and(|last| close(*last, self.start)) {
            points.pop();
        }
        points
    }

    /// It as the text of SVG's `d` attribute: absolute `M`, `L`, `C` and `Z`, each point first put through `place`.
    pub fn svg_path(&self, place: impl Fn(Point) -> Point) -> String {
        let mut text = String::new();
        let put = |text: &mut String, point: Point| {
            let [x, y] = place(point);
            // Writing to a String cannot fail.
            let _ = write!(text, "{} {}", short(x), short(y));
        };
        text.push('M');
        put(&mut text, self.start);
        for piece in &self.pieces {
            match *piece {
                Piece::Line(end) => {
                    text.push('L');
                    put(&mut text, end);
                }
                Piece::Cubic(one, two, end) => {
                    text.push('C');
                    put(&mut text, one);
                    text.push(' ');
                    put(&mut text, two);
                    text.push(' ');
                    put(&mut text, end);
                }
            }
        }
        if self.ends == Ends::Joined {
            text.push('Z');
        }
        text
    }
}

/// A number with at most three decimals, and never `-0`.
fn short(value: f32) -> f32 {
    (value * 1000.0).round() / 1000.0 + 0.0
}

fn close(one: Point, two: Point) -> bool {
    (one[0] - two[0]).abs() < 1e-4 && (one[1] - two[1]).abs() < 1e-4
}

fn flatten_cubic(from: Point, one: Point, two: Point, end: Point, tolerance: f32, points: &mut Vec<Point>) {
    // The bound on a cubic's distance from its chords by its second differences (Wang's formula).
    let bend = |axis: usize| {
        let at = |point: Point| point.get(axis).copied().unwrap_or_default();
        let first = (at(from) - 2.0 * at(one) + at(two)).abs();
        let second = (at(one) - 2.0 * at(two) + at(end)).abs();
        first.max(second)
    };
    let steps = (0.75 * bend(0).hypot(bend(1)) / tolerance.max(1e-4)).sqrt().ceil().clamp(1.0, 64.0);
    let mut step = 1.0;
    while step < steps {
        let time: f32 = step / steps;
        let left = 1.0 - time;
        let [a, b, c, d] = [left * left * left, 3.0 * left * left * time, 3.0 * left * time * time, time * time * time];
        points.push([a * from[0] + b * one[0] + c * two[0] + d * end[0], a * from[1] + b * one[1] + c * two[1] + d * end[1]]);
        step += 1.0;
    }
    points.push(end);
}

/// A drawing: outlines, in the order in which they are painted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drawing {
    /// The outlines.
    pub outlines: Vec<Outline>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quarter() -> Outline {
        let mut outline = Outline::at([0.0, 8.0], Paint::Stroked);
        outline.pieces.push(Piece::Cubic([4.418, 8.0], [8.0, 4.418], [8.0, 0.0]));
        outline
    }

    #[test]
    fn flattening_stays_within_its_tolerance() {
        for tolerance in [0.5, 0.05, 0.005] {
            let points = quarter().flatten(tolerance);
            // Between neighbours, the middle of the chord is where the arc strays most.
            for (one, two) in points.iter().zip(points.iter().skip(1)) {
                let middle = [(one[0] + two[0]) / 2.0, (one[1] + two[1]) / 2.0];
                assert!((middle[0].hypot(middle[1]) - 8.0).abs() <= tolerance + 0.003, "{tolerance}: {middle:?}");
            }
        }
        assert!(quarter().flatten(0.005).len() > quarter().flatten(0.5).len());
    }

    #[test]
    fn a_joined_outline_does_not_repeat_its_start() {
        let mut square = Outline::at([0.0, 0.0], Paint::Filled);
        square.pieces.extend([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]].map(Piece::Line));
        assert_eq!(square.flatten(0.1).len(), 4);
        square.ends = Ends::Joined;
        assert_eq!(square.flatten(0.1).len(), 3);
    }

    #[test]
    fn as_svg() {
        assert_eq!(quarter().svg_path(|[x, y]| [x * 2.0, y - 8.0]), "M0 0C8.836 0 16 -3.582 16 -8");
    }
}
