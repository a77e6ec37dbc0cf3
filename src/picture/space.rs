//! Points, rectangles and curves of the drawing. Plain arithmetic: it knows no lab and no window.

use crate::model::Pos;

/// A point or a distance, in lab units, x to the right and y down.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

/// Short for [`Point`].
pub const fn point(x: f32, y: f32) -> Point {
    Point { x, y }
}

impl Point {
    /// How far it is from another, in lab units.
    pub fn distance(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// Between this point (0) and another (1).
    #[must_use]
    pub fn mix(self, other: Self, amount: f32) -> Self {
        point(self.x + (other.x - self.x) * amount, self.y + (other.y - self.y) * amount)
    }

    /// The nearest position that a layout file can hold.
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, and no drawing is that large")]
    pub fn pos(self) -> Pos {
        Pos(self.x.round() as i32, self.y.round() as i32)
    }
}

impl std::ops::Add for Point {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        point(self.x + other.x, self.y + other.y)
    }
}

impl std::ops::Sub for Point {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        point(self.x - other.x, self.y - other.y)
    }
}

impl From<Pos> for Point {
    #[expect(clippy::cast_precision_loss, reason = "a drawing is far smaller than 2^24 units")]
    fn from(pos: Pos) -> Self {
        point(pos.0 as f32, pos.1 as f32)
    }
}

impl Default for Rect {
    fn default() -> Self {
        Self::NOTHING
    }
}

/// A rectangle, in lab units. [`Rect::NOTHING`] contains nothing and disappears in a union.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Upper left corner.
    pub min: Point,
    /// Lower right corner.
    pub max: Point,
}

impl Rect {
    /// No area and no place.
    pub const NOTHING: Self = Self { min: point(f32::INFINITY, f32::INFINITY), max: point(f32::NEG_INFINITY, f32::NEG_INFINITY) };

    /// From its upper left corner and its sides.
    pub const fn at(min: Point, width: f32, height: f32) -> Self {
        Self { min, max: point(min.x + width, min.y + height) }
    }

    /// Around a middle.
    pub const fn around(center: Point, width: f32, height: f32) -> Self {
        Self::at(point(center.x - width / 2.0, center.y - height / 2.0), width, height)
    }

    /// From two opposite corners.
    pub fn between(one: Point, other: Point) -> Self {
        Self { min: point(one.x.min(other.x), one.y.min(other.y)), max: point(one.x.max(other.x), one.y.max(other.y)) }
    }

    /// Its width; never negative.
    pub fn width(&self) -> f32 {
        (self.max.x - self.min.x).max(0.0)
    }

    /// Its height; never negative.
    pub fn height(&self) -> f32 {
        (self.max.y - self.min.y).max(0.0)
    }

    /// Its middle.
    pub fn center(&self) -> Point {
        point(self.min.x.midpoint(self.max.x), self.min.y.midpoint(self.max.y))
    }

    /// Whether it has a place at all.
    pub fn exists(&self) -> bool {
        self.min.x <= self.max.x && self.min.y <= self.max.y
    }

    /// Whether a point is in it.
    pub fn contains(&self, at: Point) -> bool {
        self.min.x <= at.x && at.x <= self.max.x && self.min.y <= at.y && at.y <= self.max.y
    }

    /// Whether another lies wholly in it.
    pub fn encloses(&self, other: &Self) -> bool {
        other.exists() && self.contains(other.min) && self.contains(other.max)
    }

    /// Whether it shares a point with another.
    pub fn touches(&self, other: &Self) -> bool {
        self.min.x <= other.max.x && other.min.x <= self.max.x && self.min.y <= other.max.y && other.min.y <= self.max.y
    }

    /// The smallest that holds both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self {
            min: point(self.min.x.min(other.min.x), self.min.y.min(other.min.y)),
            max: point(self.max.x.max(other.max.x), self.max.y.max(other.max.y)),
        }
    }

    /// The smallest that holds this and a point.
    #[must_use]
    pub fn with(&self, at: Point) -> Self {
        self.union(&Self { min: at, max: at })
    }

    /// Larger by so much on every side.
    #[must_use]
    pub fn grow(&self, by: f32) -> Self {
        Self { min: point(self.min.x - by, self.min.y - by), max: point(self.max.x + by, self.max.y + by) }
    }

    /// Moved.
    #[must_use]
    pub fn moved(&self, by: Point) -> Self {
        Self { min: self.min + by, max: self.max + by }
    }
}

/// A cubic curve: start, two control points, end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curve(pub [Point; 4]);

impl Curve {
    /// Its start.
    pub fn start(&self) -> Point {
        self.0[0]
    }

    /// Its end.
    pub fn end(&self) -> Point {
        self.0[3]
    }

    /// The point at a time of 0 (start) to 1 (end).
    pub fn at(&self, time: f32) -> Point {
        let [a, b, c, d] = self.0;
        let (ab, bc, cd) = (a.mix(b, time), b.mix(c, time), c.mix(d, time));
        ab.mix(bc, time).mix(bc.mix(cd, time), time)
    }

    /// The direction in which it ends, as a unit vector; to the right for a curve of no length.
    pub fn heading(&self) -> Point {
        let [a, b, c, end] = self.0;
        let from = [c, b, a].into_iter().find(|from| from.distance(end) > 1e-3);
        from.map_or(point(1.0, 0.0), |from| {
            let (step, length) = (end - from, from.distance(end));
            point(step.x / length, step.y / length)
        })
    }

    /// A rectangle that holds it: that of its control points.
    pub fn bounds(&self) -> Rect {
        self.0.iter().fold(Rect::NOTHING, |bounds, at| bounds.with(*at))
    }

    /// Points along it, its start first and its end last, `pieces` + 1 of them.
    pub fn points(&self, pieces: u16) -> impl Iterator<Item = Point> + '_ {
        let last = pieces.max(1);
        (0..=last).map(move |n| self.at(f32::from(n) / f32::from(last)))
    }

    /// How far a point is from it, in lab units, to within a small part of its length.
    pub fn distance(&self, from: Point) -> f32 {
        const PIECES: u16 = 16;
        let mut nearest = f32::INFINITY;
        let mut last = self.start();
        for next in self.points(PIECES).skip(1) {
            nearest = nearest.min(distance_to_line(from, last, next));
            last = next;
        }
        nearest
    }
}

/// How far a point is from a straight line between two points.
pub fn distance_to_line(from: Point, start: Point, end: Point) -> f32 {
    let (step, offset) = (end - start, from - start);
    let length_squared = step.x.mul_add(step.x, step.y * step.y);
    let time = if length_squared > 0.0 { (offset.x.mul_add(step.x, offset.y * step.y) / length_squared).clamp(0.0, 1.0) } else { 0.0 };
    from.distance(start.mix(end, time))
}

/// Whether a point lies within a closed outline, by the even-odd rule.
pub fn inside(outline: &[Point], at: Point) -> bool {
    let mut within = false;
    let ends = outline.iter().skip(1).chain(outline.first());
    for (a, b) in outline.iter().zip(ends) {
        let crosses = (a.y > at.y) != (b.y > at.y);
        if crosses && at.x < (b.x - a.x) * (at.y - a.y) / (b.y - a.y) + a.x {
            within = !within;
        }
    }
    within
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_meet_and_miss() {
        let one = Rect::at(point(0.0, 0.0), 10.0, 10.0);
        assert!(one.touches(&Rect::at(point(10.0, 10.0), 5.0, 5.0)));
        assert!(!one.touches(&Rect::at(point(11.0, 0.0), 5.0, 5.0)));
        assert!(one.encloses(&Rect::at(point(1.0, 1.0), 2.0, 2.0)));
        assert!(!one.encloses(&Rect::NOTHING));
        assert_eq!(one.union(&Rect::NOTHING), one);
        assert!(!Rect::NOTHING.exists());
    }

    #[test]
    fn curves_begin_end_and_head_where_they_say() {
        let curve = Curve([point(0.0, 0.0), point(0.0, 10.0), point(20.0, 10.0), point(20.0, 20.0)]);
        assert_eq!((curve.at(0.0), curve.at(1.0)), (curve.start(), curve.end()));
        assert_eq!(curve.heading(), point(0.0, 1.0));
        assert!(curve.distance(curve.at(0.5)) < 0.5);
        assert!(curve.distance(point(0.0, 20.0)) > 5.0);
        let dot = Curve([point(1.0, 1.0); 4]);
        assert_eq!(dot.heading(), point(1.0, 0.0));
        assert_eq!(dot.distance(point(1.0, 4.0)), 3.0);
    }

    #[test]
    fn a_lasso_holds_what_it_goes_around() {
        let around = [point(0.0, 0.0), point(10.0, 0.0), point(10.0, 10.0), point(0.0, 10.0)];
        assert!(inside(&around, point(5.0, 5.0)));
        assert!(!inside(&around, point(15.0, 5.0)));
        assert!(!inside(&[], point(0.0, 0.0)));
    }
}
