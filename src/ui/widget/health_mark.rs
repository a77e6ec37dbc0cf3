//! How a thing is, by shape as well as by colour: disc, ring, crossed ring, dashed ring.

use crate::{look::size, model::Health, picture::draw::health_tone, ui::theme::Theme};
use egui::{Painter, Pos2, Response, Sense, Shape, Stroke, Ui, Vec2, Widget, WidgetInfo, WidgetType, vec2};
use std::f32::consts::{FRAC_PI_4, TAU};

/// A health mark. Add it with `ui.add`.
#[must_use = "a mark is shown by ui.add"]
#[derive(Debug, Clone, Copy)]
pub struct HealthMark(pub Health);

const STROKE: f32 = 1.8;
const DASHES: u8 = 6;

/// Paints a mark of a diameter in points that is part of something larger.
pub fn paint_health_mark(painter: &Painter, middle: Pos2, diameter: f32, health: Health) {
    let color = Theme::of(painter.ctx()).tone(health_tone(health));
    let stroke = Stroke::new(STROKE * diameter / size::MARK, color);
    let ring = (diameter - stroke.width) / 2.0;
    let at = |angle: f32, distance: f32| middle + distance * vec2(angle.cos(), angle.sin());
    match health {
        Health::Healthy => {
            painter.circle_filled(middle, diameter / 2.0 - 0.5, color);
        }
        Health::Degraded => {
            painter.circle_stroke(middle, ring, stroke);
        }
        Health::Down => {
            painter.circle_stroke(middle, ring, stroke);
            painter.line_segment([at(FRAC_PI_4 + TAU / 2.0, ring), at(FRAC_PI_4, ring)], stroke);
        }
        Health::Unknown => {
            for dash in 0..DASHES {
                let start = TAU * f32::from(dash) / f32::from(DASHES);
                let points = [0.0, 0.2, 0.4, 0.6].map(|part| at(start + part * TAU / f32::from(DASHES), ring));
                painter.add(Shape::line(points.to_vec(), stroke));
            }
        }
    }
}

impl Widget for HealthMark {
    fn ui(self, ui: &mut Ui) -> Response {
        let (rect, response) = ui.allocate_exact_size(Vec2::splat(size::MARK), Sense::hover());
        let words = match self.0 {
            Health::Healthy => "healthy",
            Health::Degraded => "degraded",
            Health::Down => "down",
            Health::Unknown => "unknown",
        };
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, words));
        if ui.is_rect_visible(rect) {
            paint_health_mark(ui.painter(), rect.center(), size::MARK, self.0);
        }
        response
    }
}
