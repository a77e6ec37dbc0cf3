//! Shapes of the picture into triangles, once; a frame then only moves them.
//!
//! Baked triangles stand in lab space times the zoom that they were baked at, so that a pan is a translation and letters
//! stay on whole pixels. They hold places in the glyph atlas, so they are valid for one [`Atlas`] only.

use crate::{
    look::FontFace,
    picture::{Anchor, Dash, LAYERS, Layer, Point, Rect, Shape, Shapes, Stroke, Text},
    ui::{atlas::Atlas, icon, theme},
};
use egui::{
    Color32, Context, CornerRadius, Mesh, Pos2, Shadow, StrokeKind, Vec2,
    epaint::{CubicBezierShape, PathStroke, RectShape, TessellationOptions, Tessellator, TextShape},
    pos2,
};

/// Everything that baked triangles depend on beside the scene.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Press {
    /// Points of the screen for one lab unit.
    pub zoom: f32,
    /// Pixels for one point.
    pub pixels_per_point: f32,
    /// The glyph atlas that letters have their places in.
    pub atlas: Atlas,
    /// Dark or light.
    pub appearance: crate::look::Appearance,
    /// How much of each thing.
    pub detail: crate::picture::Detail,
}

/// Texts smaller than this on the screen are left out, in pixels: nobody can read them.
const TEXT_PIXELS_MIN: f32 = 3.5;

/// What is lower than the one and less round than the other, in pixels, is drawn with sharp corners: nobody sees that round
/// ones are missing, and a card far away has a fifth of the triangles.
const ROUND_PIXELS_MIN: (f32, f32) = (24.0, 2.0);

/// Turns shapes into triangles, one mesh a layer.
pub fn bake(ctx: &Context, press: &Press, shapes: &Shapes) -> [Mesh; LAYERS.len()] {
    let list: Vec<(Layer, egui::Shape)> = {
        let mut out = Vec::with_capacity(shapes.list.len() * 2);
        let mut scratch = Vec::new();
        for (layer, shape) in &shapes.list {
            push(ctx, press, shape, &mut scratch);
            out.extend(scratch.drain(..).map(|shape| (*layer, shape)));
        }
        out
    };
    let texture = ctx.fonts(|fonts| fonts.font_image_size());
    let bezier_tolerance = if press.zoom < 0.5 { 0.3 } else { 0.1 };
    let options = TessellationOptions { coarse_tessellation_culling: false, bezier_tolerance, ..TessellationOptions::default() };
    let mut tessellator = Tessellator::new(press.pixels_per_point, options, texture, Vec::new());
    let mut meshes: [Mesh; LAYERS.len()] = Default::default();
    for (layer, shape) in list {
        if let Some(mesh) = meshes.get_mut(layer as usize) {
            tessellator.tessellate_shape(shape, mesh);
        }
    }
    meshes
}

/// The egui shapes of one shape, for what is drawn anew each frame. `at` moves lab space times zoom to the screen.
pub fn immediate(ctx: &Context, press: &Press, shape: &Shape, at: Vec2, out: &mut Vec<egui::Shape>) {
    let from = out.len();
    push(ctx, press, shape, out);
    for shape in out.iter_mut().skip(from) {
        shape.translate(at);
    }
}

fn push(ctx: &Context, press: &Press, shape: &Shape, out: &mut Vec<egui::Shape>) {
    let zoom = press.zoom;
    match shape {
        Shape::Rect { rect, radius, fill, stroke } => push_rect(press, *rect, *radius, (*fill).into(), stroke, out),
        Shape::Shadow { rect, radius, .. } if is_small(press, *rect, *radius) => {}
        Shape::Shadow { rect, radius, color } => {
            let shadow = Shadow { offset: [0, 2], blur: 8, spread: 0, color: (*color).into() };
            out.push(shadow.as_shape(scaled_rect(*rect, zoom), CornerRadius::same(byte(*radius * zoom))).into());
        }
        Shape::Line { from, to, stroke } => push_line(&[scaled(*from, zoom), scaled(*to, zoom)], press, stroke, out),
        Shape::Curve { curve, stroke } => {
            if stroke.dash == Dash::Solid {
                let line = PathStroke::new(thickness(press, stroke.width), Color32::from(stroke.color));
                let points = curve.0.map(|at| scaled(at, zoom));
                out.push(CubicBezierShape::from_points_stroke(points, false, Color32::TRANSPARENT, line).into());
            } else {
                let points: Vec<Pos2> = curve.points(32).map(|at| scaled(at, zoom)).collect();
                push_line(&points, press, stroke, out);
            }
        }
        Shape::Polygon { points, fill } => {
            let points = points.iter().map(|at| scaled(*at, zoom)).collect();
            out.push(egui::Shape::convex_polygon(points, Color32::from(*fill), egui::Stroke::NONE));
        }
        Shape::Circle { center, radius, fill, stroke } => push_circle(press, *center, *radius, (*fill).into(), stroke, out),
        Shape::Text(text) => push_text(ctx, press, text, out),
        Shape::Icon { icon, at, side, color } => {
            if side * zoom * press.pixels_per_point >= TEXT_PIXELS_MIN {
                let rect = egui::Rect::from_min_size(scaled(*at, zoom), Vec2::splat(side * zoom));
                icon::push(out, *icon, rect, (*color).into(), press.pixels_per_point);
            }
        }
    }
}

fn push_rect(press: &Press, rect: Rect, radius: f32, fill: Color32, stroke: &Stroke, out: &mut Vec<egui::Shape>) {
    let zoom = press.zoom;
    let corners = CornerRadius::same(byte(radius * zoom));
    let on_screen = scaled_rect(rect, zoom);
    if stroke.is_seen() && stroke.dash != Dash::Solid {
        if fill != Color32::TRANSPARENT {
            out.push(RectShape::filled(on_screen, corners, fill).into());
        }
        push_line(&outline(on_screen.shrink(stroke.width * zoom / 2.0), radius * zoom), press, stroke, out);
    } else if is_small(press, rect, radius) {
        push_small(press, on_screen, fill, stroke, out);
    } else {
        let line = egui::Stroke::new(if stroke.is_seen() { thickness(press, stroke.width) } else { 0.0 }, Color32::from(stroke.color));
        out.push(RectShape::new(on_screen, corners, fill, line, StrokeKind::Inside).into());
    }
}

fn is_small(press: &Press, rect: Rect, radius: f32) -> bool {
    let pixels = press.zoom * press.pixels_per_point;
    (rect.height() * pixels) < ROUND_PIXELS_MIN.0 && (radius * pixels) < ROUND_PIXELS_MIN.1
}

/// A rectangle on whole pixels, without soft edges: eight corners at most.
fn push_small(press: &Press, rect: egui::Rect, fill: Color32, stroke: &Stroke, out: &mut Vec<egui::Shape>) {
    let snap = |at: f32| (at * press.pixels_per_point).round() / press.pixels_per_point;
    let pixel = 1.0 / press.pixels_per_point;
    let min = pos2(snap(rect.min.x), snap(rect.min.y));
    let outer = egui::Rect::from_min_max(min, pos2(snap(rect.max.x).max(min.x + pixel), snap(rect.max.y).max(min.y + pixel)));
    let mut mesh = Mesh::default();
    if fill != Color32::TRANSPARENT {
        mesh.add_colored_rect(outer, fill);
    }
    if stroke.is_seen() {
        let width = thickness(press, stroke.width).max(pixel).min(outer.width() / 2.0).min(outer.height() / 2.0);
        let inner = outer.shrink(width);
        let (first, color) = (u32::try_from(mesh.vertices.len()).unwrap_or(0), Color32::from(stroke.color));
        for rect in [outer, inner] {
            for at in [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom()] {
                mesh.colored_vertex(at, color);
            }
        }
        for side in 0..4 {
            let next = (side + 1) % 4;
            mesh.add_triangle(first + side, first + next, first + 4 + side);
            mesh.add_triangle(first + 4 + side, first + next, first + 4 + next);
        }
    }
    if !mesh.is_empty() {
        out.push(egui::Shape::mesh(mesh));
    }
}

fn push_circle(press: &Press, center: Point, radius: f32, fill: Color32, stroke: &Stroke, out: &mut Vec<egui::Shape>) {
    let (center, radius) = (scaled(center, press.zoom), radius * press.zoom);
    if fill != Color32::TRANSPARENT && radius * press.pixels_per_point < 2.0 && !stroke.is_seen() {
        // As much of the screen as the disc.
        push_small(press, egui::Rect::from_center_size(center, Vec2::splat(radius * 1.77)), fill, stroke, out);
    } else if fill != Color32::TRANSPARENT {
        out.push(egui::Shape::circle_filled(center, radius, fill));
    }
    if !stroke.is_seen() {
        return;
    }
    if stroke.dash == Dash::Solid {
        out.push(egui::Shape::circle_stroke(
            center,
            radius,
            egui::Stroke::new(thickness(press, stroke.width), Color32::from(stroke.color)),
        ));
    } else {
        push_line(&outline(egui::Rect::from_center_size(center, Vec2::splat(radius * 2.0)), radius), press, stroke, out);
    }
}

fn push_line(points: &[Pos2], press: &Press, stroke: &Stroke, out: &mut Vec<egui::Shape>) {
    let width = thickness(press, stroke.width);
    let color = Color32::from(stroke.color);
    match (stroke.dash, points) {
        (Dash::Dashed(on, off), _) => {
            let zoom = press.zoom;
            egui::Shape::dashed_line_many(points, egui::Stroke::new(width, color), (on * zoom).max(1.0), (off * zoom).max(1.0), out);
        }
        (Dash::Solid, [from, to]) => out.push(egui::Shape::line_segment([*from, *to], egui::Stroke::new(width, color))),
        (Dash::Solid, _) => out.push(egui::Shape::line(points.to_vec(), PathStroke::new(width, color))),
    }
}

fn push_text(ctx: &Context, press: &Press, text: &Text, out: &mut Vec<egui::Shape>) {
    let pixels = text.size * press.zoom * press.pixels_per_point;
    if pixels < TEXT_PIXELS_MIN || text.text.is_empty() {
        return;
    }
    // Sizes in quarters of a pixel, so that zooming does not fill the font texture with every size there is.
    let size = (pixels * 4.0).round() / 4.0 / press.pixels_per_point;
    let color = Color32::from(text.color);
    let galley = ctx.fonts_mut(|fonts| fonts.layout_no_wrap(text.text.clone(), theme::font(text.face, size), color));
    let base = galley.rows.first().and_then(|row| row.row.glyphs.first().map(|glyph| row.pos.y + glyph.pos.y));
    let at = scaled(text.at, press.zoom);
    let left = match text.anchor {
        Anchor::Start => at.x,
        Anchor::Middle => at.x - galley.size().x / 2.0,
        Anchor::End => at.x - galley.size().x,
    };
    let top = at.y - base.unwrap_or_else(|| size * if text.face == FontFace::Mono { 1.02 } else { 0.97 });
    out.push(TextShape::new(pos2(left, top), galley, color).into());
}

/// Lines are never thinner than most of a pixel: they would flicker.
fn thickness(press: &Press, width: f32) -> f32 {
    (width * press.zoom).max(0.75 / press.pixels_per_point)
}

fn scaled(at: Point, zoom: f32) -> Pos2 {
    pos2(at.x * zoom, at.y * zoom)
}

fn scaled_rect(rect: Rect, zoom: f32) -> egui::Rect {
    egui::Rect::from_min_max(scaled(rect.min, zoom), scaled(rect.max, zoom))
}

/// The closed outline of a rectangle with round corners, as points.
fn outline(rect: egui::Rect, radius: f32) -> Vec<Pos2> {
    const PIECES: u8 = 6;
    let radius = radius.min(rect.width() / 2.0).min(rect.height() / 2.0).max(0.0);
    let inner = rect.shrink(radius);
    let corners = [(inner.right_bottom(), 0.0), (inner.left_bottom(), 1.0), (inner.left_top(), 2.0), (inner.right_top(), 3.0)];
    let mut points: Vec<Pos2> = Vec::with_capacity(4 * usize::from(PIECES + 1) + 1);
    for (center, quarter) in corners {
        for n in 0..=PIECES {
            let angle = (quarter + f32::from(n) / f32::from(PIECES)) * std::f32::consts::FRAC_PI_2;
            points.push(center + Vec2::angled(angle) * radius);
        }
    }
    points.extend(points.first().copied());
    points
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the value is clamped to a byte first")]
fn byte(value: f32) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}
