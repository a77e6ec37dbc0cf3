//! Paints the icons of `look` with egui. It decides neither which icon nor which colour.

use crate::look::{Ends, ICON_SIDE, ICON_STROKE, Icon, Paint};
use egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, Vec2, epaint::PathStroke, pos2, vec2};
use std::{
    f32::consts::{FRAC_PI_2, PI},
    sync::LazyLock,
};

/// An icon's lines as points, flattened once for all sizes that a window shows (the error is under a tenth of a pixel at
/// 32 points and twice the pixels).
struct Lines {
    paint: Paint,
    ends: Ends,
    points: Vec<Pos2>,
}

const TOLERANCE: f32 = 0.02;

/// Thinner lines than this look grey instead of thin.
const WIDTH_MIN_PIXELS: f32 = 1.3;

/// An icon smaller than this is a few pixels: its lines need no points between them and no round ends.
const TINY_PIXELS: f32 = 10.0;

/// Leaves out points that are closer than `least` to the one before, but never the ends.
fn thin_out(points: &mut Vec<Pos2>, least: f32) {
    let Some(last) = points.last().copied().filter(|_| points.len() > 3) else { return };
    let mut kept: Vec<Pos2> = Vec::with_capacity(points.len());
    for at in points.iter() {
        if kept.last().is_none_or(|before| before.distance(*at) >= least) {
            kept.push(*at);
        }
    }
    if kept.last() != Some(&last) {
        kept.push(last);
    }
    if kept.len() > 2 {
        *points = kept;
    }
}

fn lines(icon: Icon) -> &'static [Lines] {
    static LINES: LazyLock<Vec<Vec<Lines>>> = LazyLock::new(|| {
        let of = |icon: &Icon| {
            let outlines = icon.drawing().outlines.iter();
            let points = |outline: &crate::look::Outline| outline.flatten(TOLERANCE).into_iter().map(|[x, y]| pos2(x, y)).collect();
            outlines.map(|outline| Lines { paint: outline.paint, ends: outline.ends, points: points(outline) }).collect()
        };
        Icon::ALL.iter().map(of).collect()
    });
    LINES.get(icon as usize).map_or(&[], Vec::as_slice)
}

/// Paints an icon into a rectangle, as large as fits in its middle.
pub fn paint(painter: &Painter, icon: Icon, rect: Rect, color: impl Into<Color32>) {
    let mut shapes = Vec::new();
    push(&mut shapes, icon, rect, color.into(), painter.pixels_per_point());
    painter.extend(shapes);
}

/// Adds an icon's shapes to a list, for callers that build their picture before painting it.
pub fn push(shapes: &mut Vec<Shape>, icon: Icon, rect: Rect, color: Color32, pixels_per_point: f32) {
    let side = rect.width().min(rect.height());
    let scale = side / ICON_SIDE;
    // On whole pixels, so that the same icon looks the same wherever it stands.
    let corner = (rect.center() - Vec2::splat(side / 2.0)).to_vec2() * pixels_per_point;
    let corner = vec2(corner.x.round(), corner.y.round()) / pixels_per_point;
    let width = (ICON_STROKE * scale).max(WIDTH_MIN_PIXELS / pixels_per_point);
    let tiny = side * pixels_per_point < TINY_PIXELS;
    for line in lines(icon) {
        let mut points: Vec<Pos2> = line.points.iter().map(|point| (point.to_vec2() * scale + corner).to_pos2()).collect();
        if tiny {
            thin_out(&mut points, 1.0 / pixels_per_point);
        }
        match (line.paint, line.ends) {
            (Paint::Filled, _) => shapes.push(Shape::convex_polygon(points, color, Stroke::NONE)),
            (Paint::Stroked, Ends::Joined) => shapes.push(Shape::closed_line(points, PathStroke::new(width, color))),
            (Paint::Stroked, Ends::Open) if tiny => shapes.push(Shape::line(points, PathStroke::new(width, color))),
            (Paint::Stroked, Ends::Open) => {
                if let [first, second, ..] = points.as_slice() {
                    shapes.push(round_end(*first, *first - *second, width / 2.0, color));
                }
                if let [.., second, last] = points.as_slice() {
                    shapes.push(round_end(*last, *last - *second, width / 2.0, color));
                }
                shapes.push(Shape::line(points, PathStroke::new(width, color)));
            }
        }
    }
}

/// egui's lines end flat: this is the half disc that makes an end round. A whole disc would show as a knob, because its
/// soft edge would lie on that of the line.
fn round_end(end: Pos2, outward: Vec2, radius: f32, color: Color32) -> Shape {
    let start = outward.angle() - FRAC_PI_2;
    let points = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0].map(|part| end + radius * Vec2::angled(start + part * PI));
    Shape::convex_polygon(points.to_vec(), color, Stroke::NONE)
}
