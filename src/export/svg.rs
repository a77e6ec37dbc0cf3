//! The picture as one SVG file that stands alone.
//!
//! Fonts are named with fallbacks and not embedded: the text stays text, and the file small.

use super::picture::{Background, PictureOptions, shapes};
use crate::{
    catalog::Catalog,
    look::{Color, Ends, FontFace, ICON_SIDE, ICON_STROKE, Paint, Piece},
    model::Lab,
    picture::{Anchor, Dash, LAYERS, Point, Rect, Shape, Shapes, Stroke},
};
use std::fmt::Write as _;

/// A lab as SVG text.
pub fn svg(lab: &Lab, catalog: &Catalog, options: &PictureOptions<'_>) -> String {
    let (shapes, area) = shapes(lab, catalog, options);
    part(lab, options, &shapes, area)
}

/// The size at which that is shown, in whole pixels.
pub fn svg_size(lab: &Lab, catalog: &Catalog, options: &PictureOptions<'_>) -> (u64, u64) {
    let (_, area) = shapes(lab, catalog, options);
    super::png::pixels_of(area, 1.0)
}

/// What of these shapes of a lab lies in an area, as SVG text.
pub(super) fn part(lab: &Lab, options: &PictureOptions<'_>, shapes: &Shapes, area: Rect) -> String {
    let mut out = String::with_capacity(64 * 1024);
    let (width, height) = (number(area.width()), number(area.height()));
    let (x, y) = (number(area.min.x), number(area.min.y));
    let palette = options.appearance.palette();
    // Writing to a String cannot fail.
    let _ =
        writeln!(out, r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="{x} {y} {width} {height}">"#);
    let _ = writeln!(out, "<title>{}</title>", escaped(&lab.name));
    if !lab.about.is_empty() {
        let _ = writeln!(out, "<desc>{}</desc>", escaped(&lab.about));
    }
    out.push_str(concat!(
        r#"<defs><filter id="shadow" x="-20%" y="-20%" width="140%" height="160%">"#,
        r#"<feGaussianBlur stdDeviation="4"/></filter></defs>"#,
        "\n"
    ));
    if options.background == Background::Theme {
        let _ = writeln!(out, r#"<rect x="{x}" y="{y}" width="{width}" height="{height}"{}/>"#, fill(palette.canvas));
    }
    for layer in LAYERS {
        for shape in shapes.of(layer).filter(|shape| shape.bounds().grow(16.0).touches(&area)) {
            write_shape(&mut out, shape);
        }
    }
    out.push_str("</svg>\n");
    out
}

fn write_shape(out: &mut String, shape: &Shape) {
    let _ = match shape {
        Shape::Rect { rect, radius, fill: color, stroke } => {
            // A border lies inside: half its width is taken off each side.
            let inset = if stroke.is_seen() { stroke.width / 2.0 } else { 0.0 };
            writeln!(out, "<rect{}{}{}/>", place(rect.grow(-inset), (radius - inset).max(0.0)), fill(*color), line(stroke))
        }
        Shape::Shadow { rect, radius, color } => {
            let below = rect.moved(crate::picture::point(0.0, 2.0));
            writeln!(out, r#"<rect{}{} filter="url(#shadow)"/>"#, place(below, *radius), fill(*color))
        }
        Shape::Line { from, to, stroke } => {
            writeln!(out, r#"<path d="M{} L{}" fill="none"{}/>"#, at(*from), at(*to), line(stroke))
        }
        Shape::Curve { curve, stroke } => {
            let [a, b, c, d] = curve.0;
            writeln!(out, r#"<path d="M{} C{} {} {}" fill="none"{}/>"#, at(a), at(b), at(c), at(d), line(stroke))
        }
        Shape::Polygon { points, fill: color } => {
            let points: Vec<String> = points.iter().map(|point| format!("{},{}", number(point.x), number(point.y))).collect();
            writeln!(out, r#"<polygon points="{}"{}/>"#, points.join(" "), fill(*color))
        }
        Shape::Circle { center, radius, fill: color, stroke } => {
            let (x, y, radius) = (number(center.x), number(center.y), number(*radius));
            writeln!(out, r#"<circle cx="{x}" cy="{y}" r="{radius}"{}{}/>"#, fill(*color), line(stroke))
        }
        Shape::Text(text) => {
            let family = match text.face {
                FontFace::Mono => "'JetBrains Mono', ui-monospace, Menlo, Consolas, monospace",
                FontFace::Regular | FontFace::Medium | FontFace::SemiBold => "Inter, system-ui, 'Segoe UI', Helvetica, Arial, sans-serif",
            };
            let anchor = match text.anchor {
                Anchor::Start => "",
                Anchor::Middle => r#" text-anchor="middle""#,
                Anchor::End => r#" text-anchor="end""#,
            };
            let (x, y, size, weight) = (number(text.at.x), number(text.at.y), number(text.size), text.face.weight());
            writeln!(
                out,
                r#"<text x="{x}" y="{y}" font-family="{family}" font-size="{size}" font-weight="{weight}"{anchor}{}>{}</text>"#,
                fill(text.color),
                escaped(&text.text)
            )
        }
        Shape::Icon { icon, at, side, color } => {
            write_icon(out, *icon, *at, *side, *color);
            Ok(())
        }
    };
}

fn write_icon(out: &mut String, icon: crate::look::Icon, corner: Point, side: f32, color: Color) {
    let scale = number(side / ICON_SIDE);
    let (x, y) = (number(corner.x), number(corner.y));
    let stroke = Stroke::solid(ICON_STROKE, color);
    let _ = write!(
        out,
        r#"<g transform="translate({x} {y}) scale({scale})" stroke-linecap="round" stroke-linejoin="round" fill="none"{}>"#,
        line(&stroke)
    );
    for outline in &icon.drawing().outlines {
        let mut path = format!("M{} {}", number(outline.start[0]), number(outline.start[1]));
        for piece in &outline.pieces {
            let pair = |at: [f32; 2]| format!("{} {}", number(at[0]), number(at[1]));
            let _ = match piece {
                Piece::Line(to) => write!(path, "L{}", pair(*to)),
                Piece::Cubic(a, b, to) => write!(path, "C{} {} {}", pair(*a), pair(*b), pair(*to)),
            };
        }
        if outline.ends == Ends::Joined {
            path.push('Z');
        }
        let inside = if outline.paint == Paint::Filled { format!(r#"{} stroke="none""#, fill(color)) } else { String::new() };
        let _ = write!(out, r#"<path d="{path}"{inside}/>"#);
    }
    out.push_str("</g>\n");
}

fn place(rect: Rect, radius: f32) -> String {
    let (x, y) = (number(rect.min.x), number(rect.min.y));
    let round = if radius > 0.0 { format!(r#" rx="{}""#, number(radius.min(rect.height() / 2.0))) } else { String::new() };
    format!(r#" x="{x}" y="{y}" width="{}" height="{}"{round}"#, number(rect.width()), number(rect.height()))
}

fn fill(color: Color) -> String {
    match color.a {
        0 => r#" fill="none""#.to_owned(),
        255 => format!(r#" fill="{color}""#),
        _ => format!(r#" fill="{color}" fill-opacity="{}""#, number(color.opacity())),
    }
}

fn line(stroke: &Stroke) -> String {
    if !stroke.is_seen() {
        return String::new();
    }
    let opacity = if stroke.color.a < 255 { format!(r#" stroke-opacity="{}""#, number(stroke.color.opacity())) } else { String::new() };
    let dash = match stroke.dash {
        Dash::Solid => String::new(),
        Dash::Dashed(on, off) => format!(r#" stroke-dasharray="{} {}""#, number(on), number(off)),
    };
    format!(r#" stroke="{}" stroke-width="{}"{opacity}{dash}"#, stroke.color, number(stroke.width))
}

fn at(point: Point) -> String {
    format!("{} {}", number(point.x), number(point.y))
}

/// A number with at most two places after the point, and none where none is needed.
fn number(value: f32) -> String {
    let rounded = (value * 100.0).round() / 100.0;
    // -0 would be written with its sign.
    if rounded == 0.0 { "0".to_owned() } else { rounded.to_string() }
}

/// A text as XML wants it; characters that XML has no way to write are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(' '),
            control if super::is_obeyed(control) || matches!(control, '\u{fffe}' | '\u{ffff}') => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{look::Appearance, picture::fixture};

    #[test]
    fn the_mini_cloud_is_the_kept_file() {
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/mini-cloud.svg");
        let text = svg(&fixture::mini_cloud(), Catalog::embedded(), &PictureOptions::default());
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(golden, &text).unwrap();
        }
        let kept = std::fs::read_to_string(golden).unwrap();
        assert_eq!(text, kept, "look at the difference; UPDATE_GOLDEN=1 keeps the new one");
    }

    #[test]
    fn any_name_makes_a_sound_file() {
        let mut lab = fixture::mini_cloud();
        lab.name = "a < b & \"c\" \u{1}".into();
        lab.notes.push(crate::model::Note { text: "<script>alert(1)</script>".into(), ..Default::default() });
        let name: crate::model::NodeName = "<&>\"'".parse().unwrap();
        lab.nodes.insert(name, crate::model::Node::new(crate::model::Role::App));
        for appearance in Appearance::ALL {
            let text = svg(&lab, Catalog::embedded(), &PictureOptions { appearance, ..PictureOptions::default() });
            assert!(!text.contains("<script") && !text.contains('\u{1}'));
            assert!(resvg::usvg::Tree::from_str(&text, &resvg::usvg::Options::default()).is_ok());
        }
    }

    #[test]
    fn a_transparent_picture_has_no_ground() {
        let of = |background| svg(&fixture::mini_cloud(), Catalog::embedded(), &PictureOptions { background, ..PictureOptions::default() });
        let ground = format!("fill=\"{}\"/>", Appearance::Light.palette().canvas);
        let first = |text: &str| text.lines().find(|line| line.starts_with("<rect")).unwrap_or_default().to_owned();
        assert!(first(&of(Background::Theme)).ends_with(&ground));
        assert!(!first(&of(Background::Transparent)).ends_with(&ground));
    }

    #[test]
    fn an_empty_lab_is_an_empty_page() {
        let text = svg(&Lab::new("empty"), Catalog::embedded(), &PictureOptions::default());
        assert!(text.contains(r#"width="640" height="400""#), "{text}");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([number(1.0), number(-0.001), number(0.126), number(-2.5)], ["1", "0", "0.13", "-2.5"]);
    }
}
