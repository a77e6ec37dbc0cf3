//! The path of a connection over the picture: how far it comes, where it stops and why.

use super::{Canvas, colors, drop::say, layers::Frame, on_screen};
use crate::{
    look::{Icon, radius, size, stroke},
    picture::{Leg, Point, Trace},
    reach::Explained,
    ui::{icon, panel, widget},
};
use egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, Ui, Vec2, vec2};

/// The width of the path, and of the ground around it, on which it stands out from rails and flows.
const PATH: f32 = 3.5;
const GROUND: f32 = 8.0;
/// The size of the arrow at the end of a leg.
const ARROW: f32 = 11.0;
const DASH: f32 = 7.0;
const DASH_GAP: f32 = 5.0;
/// The mark at the path's end.
const MARK: f32 = 20.0;

impl Canvas {
    /// Paints the path of a connection, over wires and cards and under the tokens.
    pub(super) fn path(&self, ui: &Ui, painter: &Painter, frame: &Frame<'_>, (answer, trace): (&Explained, &Trace)) {
        let palette = colors(ui);
        let color = palette.tone(panel::outcome_tone(answer.outcome));
        let corner = frame.stand.viewport.min;
        let on_canvas = |at: Point| self.camera.screen_from_lab(corner, at);
        for card in &trace.cards {
            self.outline(painter, frame, card.grow(3.0), radius::CARD + 3.0, Stroke::new(stroke::SELECTION, color));
        }
        if let Some(rest) = trace.rest {
            let line = rest.map(on_canvas);
            painter.line_segment(line, Stroke::new(GROUND, palette.canvas.gamma_multiply(0.8)));
            painter.extend(Shape::dashed_line(&line, Stroke::new(stroke::SELECTION, palette.muted), DASH, DASH_GAP));
        }
        for leg in &trace.legs {
            let points: Vec<Pos2> = leg.points.iter().copied().map(on_canvas).collect();
            painter.add(Shape::line(points, Stroke::new(GROUND, palette.canvas.gamma_multiply(0.8))));
        }
        for leg in &trace.legs {
            self.leg(painter, leg, color, &on_canvas);
        }
    }

    /// Paints the mark where the path ends, and what becomes of the connection there, over everything else.
    pub(super) fn path_end(&self, ui: &Ui, painter: &Painter, (answer, trace): (&Explained, &Trace), corner: Pos2) {
        let palette = colors(ui);
        let color = palette.tone(panel::outcome_tone(answer.outcome));
        let on_canvas = |at: Point| self.camera.screen_from_lab(corner, at);
        let Some(end) = trace.end.map(on_canvas) else { return };
        let diameter = on_screen(MARK, self.camera.zoom).max(size::ICON_LARGE);
        painter.circle(end, diameter / 2.0, color, Stroke::new(stroke::SELECTION, palette.canvas));
        let mark = Rect::from_center_size(end, Vec2::splat(diameter * 0.62));
        let ground = palette.on_tone(panel::outcome_tone(answer.outcome));
        icon::paint(painter, if answer.reaches { Icon::Check } else { Icon::Cross }, mark, ground);
        let why = answer.why.as_ref().map_or_else(String::new, |why| format!(": {}", why.message));
        let words = format!("{}{why}", widget::capitalized(answer.outcome.title()));
        // Away from the card that the path leads to.
        let last = trace.legs.last().and_then(|leg| leg.points.get(leg.points.len().saturating_sub(2)).copied()).map(on_canvas);
        let above = -diameter / 2.0 - size::CONTROL_HEIGHT;
        let down = if last.is_some_and(|last| last.y < end.y) { above } else { diameter / 2.0 + size::GRID };
        say(ui, painter, end + vec2(diameter / 2.0 + size::GRID, down), &words, color);
    }

    fn leg(&self, painter: &Painter, leg: &Leg, color: Color32, on_canvas: &impl Fn(Point) -> Pos2) {
        let points: Vec<Pos2> = leg.points.iter().copied().map(on_canvas).collect();
        let line = Stroke::new(PATH, color);
        if leg.is_tunnel {
            painter.extend(Shape::dashed_line(&points, line, DASH, DASH_GAP));
        } else {
            painter.add(Shape::line(points.clone(), line));
        }
        // Halfway along its longest piece: at the leg's ends are cards and the mark.
        let pieces = points.iter().zip(points.iter().skip(1));
        let Some((from, to)) = pieces.max_by(|one, other| one.0.distance(*one.1).total_cmp(&other.0.distance(*other.1))) else { return };
        let heading = (*to - *from).normalized();
        let (tip, side) = (from.lerp(*to, 0.5) + heading * ARROW / 2.0, heading.rot90() * ARROW * 0.55);
        let base = tip - heading * ARROW;
        painter.add(Shape::convex_polygon(vec![tip, base + side, base - side], color, Stroke::NONE));
    }
}
