//! Reads the small part of SVG that our icons are written in.
//!
//! Elements `path`, `circle`, `ellipse`, `rect`; stroked unless they say `fill="currentColor"`. It knows no colours and no
//! transforms, and text that it does not understand is an error, never a guess.

use super::outline::{Drawing, Ends, Outline, Paint, Piece, Point};

/// Why a drawing could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SvgError {
    /// An element that icons do not use.
    #[error("element <{0}> is not one of svg, path, circle, ellipse, rect")]
    Element(String),
    /// An attribute is missing or is not a number.
    #[error("<{element}> has no number {attribute}")]
    Number {
        /// The element.
        element: String,
        /// The attribute.
        attribute: &'static str,
    },
    /// A path that does not follow the grammar.
    #[error("the path breaks off at byte {at}: {expected} expected")]
    Path {
        /// Where, in bytes.
        at: usize,
        /// What should stand there.
        expected: &'static str,
    },
}

/// A quarter of a circle of radius 1 as a cubic has its control points this far along its tangents.
const QUARTER: f32 = 0.552_285;

/// Reads a whole file.
///
/// # Errors
/// The first thing in it that icons do not use.
pub fn read(text: &str) -> Result<Drawing, SvgError> {
    let mut drawing = Drawing::default();
    for tag in text.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default().trim_end_matches('/').trim();
        if tag.starts_with('/') || tag.starts_with('?') || tag.starts_with('!') {
            continue;
        }
        let element = Element { name: tag.split_whitespace().next().unwrap_or_default(), text: tag };
        match element.name {
            "svg" => {}
            "path" => read_path(element.attribute("d").unwrap_or_default(), element.paint(), &mut drawing.outlines)?,
            "circle" => {
                let radius = element.number("r")?;
                drawing.outlines.push(ellipse(element.centre()?, [radius, radius], element.paint()));
            }
            "ellipse" => {
                let radii = [element.number("rx")?, element.number("ry")?];
                drawing.outlines.push(ellipse(element.centre()?, radii, element.paint()));
            }
            "rect" => {
                let corner = [element.number("x")?, element.number("y")?];
                let sides = [element.number("width")?, element.number("height")?];
                let radius = element.number("rx").unwrap_or(0.0).clamp(0.0, sides[0].min(sides[1]) / 2.0);
                drawing.outlines.push(rect(corner, sides, radius, element.paint()));
            }
            other => return Err(SvgError::Element(other.to_owned())),
        }
    }
    Ok(drawing)
}

struct Element<'a> {
    name: &'a str,
    text: &'a str,
}

impl<'a> Element<'a> {
    fn attribute(&self, name: &str) -> Option<&'a str> {
        let mut rest = self.text.get(self.name.len()..)?;
        while let Some((before, after)) = rest.split_once("=\"") {
            let (value, following) = after.split_once('"')?;
            if before.trim() == name {
                return Some(value);
            }
            rest = following;
        }
        None
    }

    fn number(&self, attribute: &'static str) -> Result<f32, SvgError> {
        let value = self.attribute(attribute).and_then(|value| value.trim().parse().ok());
        value.ok_or_else(|| SvgError::Number { element: self.name.to_owned(), attribute })
    }

    fn centre(&self) -> Result<Point, SvgError> {
        Ok([self.number("cx")?, self.number("cy")?])
    }

    fn paint(&self) -> Paint {
        if self.attribute("fill") == Some("currentColor") { Paint::Filled } else { Paint::Stroked }
    }
}

fn ellipse([x, y]: Point, [rx, ry]: Point, paint: Paint) -> Outline {
    let (kx, ky) = (rx * QUARTER, ry * QUARTER);
    let mut outline = Outline::at([x + rx, y], paint);
    outline.pieces = vec![
        Piece::Cubic([x + rx, y + ky], [x + kx, y + ry], [x, y + ry]),
        Piece::Cubic([x - kx, y + ry], [x - rx, y + ky], [x - rx, y]),
        Piece::Cubic([x - rx, y - ky], [x - kx, y - ry], [x, y - ry]),
        Piece::Cubic([x + kx, y - ry], [x + rx, y - ky], [x + rx, y]),
    ];
    outline.ends = Ends::Joined;
    outline
}

fn rect([left, top]: Point, [width, height]: Point, radius: f32, paint: Paint) -> Outline {
    let (right, bottom) = (left + width, top + height);
    let reach = radius * (1.0 - QUARTER);
    let mut outline = Outline::at([left + radius, top], paint);
    let corners = [
        ([right - radius, top], [right - reach, top], [right, top + reach], [right, top + radius]),
        ([right, bottom - radius], [right, bottom - reach], [right - reach, bottom], [right - radius, bottom]),
        ([left + radius, bottom], [left + reach, bottom], [left, bottom - reach], [left, bottom - radius]),
        ([left, top + radius], [left, top + reach], [left + reach, top], [left + radius, top]),
    ];
    for (before, one, two, after) in corners {
        outline.pieces.push(Piece::Line(before));
        if radius > 0.0 {
            outline.pieces.push(Piece::Cubic(one, two, after));
        }
    }
    outline.ends = Ends::Joined;
    outline
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl Cursor<'_> {
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(|byte| byte.is_ascii_whitespace() || *byte == b',') {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn command(&mut self) -> Option<u8> {
        let byte = self.peek().filter(u8::is_ascii_alphabetic)?;
        self.at += 1;
        Some(byte)
    }

    fn more_numbers(&mut self) -> bool {
        self.peek().is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.'))
    }

    fn number(&mut self) -> Result<f32, SvgError> {
        self.peek();
        let start = self.at;
        let mut dotted = false;
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            match byte {
                b'-' | b'+' if self.at == start => {}
                b'.' if !dotted => dotted = true,
                b'0'..=b'9' => {}
                _ => break,
            }
            self.at += 1;
        }
        let number = self.text.get(start..self.at).and_then(|digits| digits.parse().ok());
        number.ok_or(SvgError::Path { at: start, expected: "a number" })
    }

    /// A flag of an arc: one digit, with nothing needed after it.
    fn flag(&mut self) -> Result<bool, SvgError> {
        let flag = match self.peek() {
            Some(b'0') => false,
            Some(b'1') => true,
            _ => return Err(SvgError::Path { at: self.at, expected: "a flag, 0 or 1" }),
        };
        self.at += 1;
        Ok(flag)
    }

    fn point(&mut self, origin: Point) -> Result<Point, SvgError> {
        Ok([origin[0] + self.number()?, origin[1] + self.number()?])
    }
}

/// Reads the text of a `d` attribute.
fn read_path(text: &str, paint: Paint, outlines: &mut Vec<Outline>) -> Result<(), SvgError> {
    let mut cursor = Cursor { text, at: 0 };
    let mut open: Option<Outline> = None;
    let mut here: Point = [0.0, 0.0];
    // The control point that a smooth curve mirrors.
    let mut control: Option<Point> = None;
    while cursor.peek().is_some() {
        let command = cursor.command().ok_or(SvgError::Path { at: cursor.at, expected: "a command" })?;
        let mut first = true;
        loop {
            let origin = if command.is_ascii_lowercase() { here } else { [0.0, 0.0] };
            let kind = command.to_ascii_uppercase();
            if kind == b'M' && first {
                outlines.extend(open.take());
                here = cursor.point(origin)?;
                open = Some(Outline::at(here, paint));
            } else if kind == b'Z' {
                if let Some(mut outline) = open.take() {
                    outline.ends = Ends::Joined;
                    here = outline.start;
                    outlines.push(outline);
                }
            } else {
                // A path that goes on after closing starts again where it closed.
                let outline = open.get_or_insert_with(|| Outline::at(here, paint));
                control = read_piece(&mut cursor, kind, origin, here, control, outline)?;
                here = outline.end();
            }
            first = false;
            if kind == b'Z' || !cursor.more_numbers() {
                break;
            }
        }
    }
    outlines.extend(open);
    Ok(())
}

/// Reads the numbers of one drawing command; gives the control point that a following smooth curve mirrors.
fn read_piece(
    cursor: &mut Cursor<'_>,
    kind: u8,
    origin: Point,
    here: Point,
    control: Option<Point>,
    outline: &mut Outline,
) -> Result<Option<Point>, SvgError> {
    let line = |outline: &mut Outline, end| outline.pieces.push(Piece::Line(end));
    match kind {
        b'M' | b'L' => line(outline, cursor.point(origin)?),
        b'H' => line(outline, [origin[0] + cursor.number()?, here[1]]),
        b'V' => line(outline, [here[0], origin[1] + cursor.number()?]),
        b'C' | b'S' => {
            let mirrored = control.map_or(here, |control| [2.0 * here[0] - control[0], 2.0 * here[1] - control[1]]);
            let one = if kind == b'C' { cursor.point(origin)? } else { mirrored };
            let (two, end) = (cursor.point(origin)?, cursor.point(origin)?);
            outline.pieces.push(Piece::Cubic(one, two, end));
            return Ok(Some(two));
        }
        b'Q' => {
            let (bend, end) = (cursor.point(origin)?, cursor.point(origin)?);
            let toward = |from: Point| [from[0] + (bend[0] - from[0]) * 2.0 / 3.0, from[1] + (bend[1] - from[1]) * 2.0 / 3.0];
            outline.pieces.push(Piece::Cubic(toward(here), toward(end), end));
        }
        b'A' => {
            let radii = [cursor.number()?, cursor.number()?];
            let tilt = cursor.number()?;
            let (large, sweep) = (cursor.flag()?, cursor.flag()?);
            let end = cursor.point(origin)?;
            if tilt != 0.0 {
                return Err(SvgError::Path { at: cursor.at, expected: "an arc without a tilt" });
            }
            push_arc(here, end, radii, ArcChoice { large, sweep }, outline);
        }
        _ => return Err(SvgError::Path { at: cursor.at, expected: "one of M L H V C S Q A Z" }),
    }
    Ok(None)
}

struct ArcChoice {
    large: bool,
    sweep: bool,
}

/// An arc as cubics of at most a quarter turn each (SVG 1.1, appendix F.6.5: from end points to centre).
fn push_arc(from: Point, to: Point, [rx, ry]: Point, choice: ArcChoice, outline: &mut Outline) {
    use std::f32::consts::{FRAC_PI_2, TAU};
    let half = [(from[0] - to[0]) / 2.0, (from[1] - to[1]) / 2.0];
    if rx.abs() < 1e-6 || ry.abs() < 1e-6 || half[0].hypot(half[1]) < 1e-6 {
        outline.pieces.push(Piece::Line(to));
        return;
    }
    // Radii too small to reach are grown until they do.
    let reach = (half[0] / rx).powi(2) + (half[1] / ry).powi(2);
    let grow = reach.max(1.0).sqrt();
    let (rx, ry) = (rx.abs() * grow, ry.abs() * grow);
    let reach = (half[0] / rx).powi(2) + (half[1] / ry).powi(2);
    let offset = (1.0 / reach - 1.0).max(0.0).sqrt() * if choice.large == choice.sweep { -1.0 } else { 1.0 };
    let shift = [offset * rx * half[1] / ry, -offset * ry * half[0] / rx];
    let centre = [(from[0] + to[0]) / 2.0 + shift[0], (from[1] + to[1]) / 2.0 + shift[1]];
    let angle = |point: Point| ((point[1] - centre[1]) / ry).atan2((point[0] - centre[0]) / rx);
    let start = angle(from);
    let mut turn = angle(to) - start;
    if choice.sweep && turn < 0.0 {
        turn += TAU;
    } else if !choice.sweep && turn > 0.0 {
        turn -= TAU;
    }
    let parts = (turn.abs() / FRAC_PI_2 - 1e-4).ceil().max(1.0);
    let step = turn / parts;
    let handle = 4.0 / 3.0 * (step / 4.0).tan();
    let mut part = 0.0;
    while part < parts {
        let (one, two) = (start + step * part, start + step * (part + 1.0));
        let on = |angle: f32| [centre[0] + rx * angle.cos(), centre[1] + ry * angle.sin()];
        let along = |angle: f32| [-rx * angle.sin() * handle, ry * angle.cos() * handle];
        let (p, q, d, e) = (on(one), on(two), along(one), along(two));
        part += 1.0;
        let end = if part < parts { q } else { to };
        outline.pieces.push(Piece::Cubic([p[0] + d[0], p[1] + d[1]], [q[0] - e[0], q[1] - e[1]], end));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(d: &str) -> Result<Vec<String>, SvgError> {
        let drawing = read(&format!("<svg viewBox=\"0 0 16 16\"><path d=\"{d}\"/></svg>"))?;
        Ok(drawing.outlines.iter().map(|outline| outline.svg_path(|point| point)).collect())
    }

    fn check(d: &str, expected: &[&str]) {
        assert_eq!(paths(d).unwrap(), expected, "{d}");
    }

    #[test]
    fn commands_absolute_and_relative() {
        check("M2 8h4M6 8l4-4h3.5", &["M2 8L6 8", "M6 8L10 4L13.5 4"]);
        check("M3 7h10v6H3zM6 7V3.5", &["M3 7L13 7L13 13L3 13Z", "M6 7L6 3.5"]);
        check("M1 2 3 4 5 6", &["M1 2L3 4L5 6"]);
        check("m1 2 3 4", &["M1 2L4 6"]);
        check("M0 0C1 0 2 1 2 2s1 2 2 2", &["M0 0C1 0 2 1 2 2C2 3 3 4 4 4"]);
        check("M0 0Q3 0 3 3", &["M0 0C2 0 3 1 3 3"]);
        check("M1.5.5-.5.5", &["M1.5 0.5L-0.5 0.5"]);
        check("M0 0h2v2zl1 1", &["M0 0L2 0L2 2Z", "M0 0L1 1"]);
    }

    #[test]
    fn arcs_end_where_they_say_and_keep_their_radius() {
        for d in ["M3 7a5 5 0 019-2", "M13 9a5 5 0 01-9 2", "M8 2a6 6 0 104 10", "M2 8A6 3 0 1114 8"] {
            let drawing = read(&format!("<path d=\"{d}\"/>")).unwrap();
            let outline = drawing.outlines.first().unwrap();
            assert!(outline.flatten(0.01).len() > 6, "{d}");
        }
        let half = read("<path d=\"M4 8a4 4 0 018 0\"/>").unwrap();
        for point in half.outlines.first().unwrap().flatten(0.01) {
            assert!(((point[0] - 8.0).hypot(point[1] - 8.0) - 4.0).abs() < 0.01, "{point:?}");
            assert!(point[1] < 8.001, "the upper half: {point:?}");
        }
        check("M0 0A0 5 0 002 2", &["M0 0L2 2"]);
    }

    #[test]
    fn shapes() {
        let drawing =
            read("<rect x=\"2\" y=\"3\" width=\"12\" height=\"10\"/><circle cx=\"8\" cy=\"8\" r=\"1\" fill=\"currentColor\"/>").unwrap();
        let [square, dot] = drawing.outlines.as_slice() else { panic!("{drawing:?}") };
        assert_eq!(square.svg_path(|point| point), "M2 3L14 3L14 13L2 13L2 3Z");
        assert_eq!((square.paint, dot.paint), (Paint::Stroked, Paint::Filled));
        assert!(dot.flatten(0.01).iter().all(|point| ((point[0] - 8.0).hypot(point[1] - 8.0) - 1.0).abs() < 0.01));
        let round = read("<rect x=\"2\" y=\"3\" width=\"12\" height=\"10\" rx=\"99\"/>").unwrap();
        assert_eq!(round.outlines.first().unwrap().start, [7.0, 3.0], "a radius is at most half a side");
    }

    #[test]
    fn what_icons_do_not_use_is_an_error() {
        assert_eq!(read("<g/>"), Err(SvgError::Element("g".into())));
        assert_eq!(read("<circle cx=\"1\" cy=\"1\"/>"), Err(SvgError::Number { element: "circle".into(), attribute: "r" }));
        for d in ["3 4", "M3", "M3 x", "M3 4T5 6", "M0 0a5 5 45 0 1 9 9", "M0 0a5 5 0 2 1 9 9", "M1 1e", "Mé"] {
            assert!(paths(d).is_err(), "{d}");
        }
    }
}
