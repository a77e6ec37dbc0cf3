//! Small signs: health, findings, what a plan does. Their shape says it as well as their colour.

use super::{Artist, fill, put, text};
use crate::{
    look::{Color, FontFace, Icon, Tone, font_size, size},
    model::Health,
    picture::{
        overlay::{Badge, Progress},
        shape::{Anchor, Dash, Layer, Shape, Shapes, Stroke},
        space::{Point, Rect, point},
    },
    plan::Change,
    rules::Severity,
};

/// The tone of a finding.
pub fn severity_tone(severity: Severity) -> Tone {
    match severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Warn,
        Severity::Advice => Tone::Advice,
    }
}

/// The tone of a health.
pub fn health_tone(health: Health) -> Tone {
    match health {
        Health::Healthy => Tone::Good,
        Health::Unknown => Tone::Neutral,
        Health::Degraded => Tone::Warn,
        Health::Down => Tone::Bad,
    }
}

/// The tone and the sign of a change.
pub(super) fn change_sign(change: Change) -> (Tone, Icon) {
    match change {
        Change::Create => (Tone::Good, Icon::Plus),
        Change::Update => (Tone::Warn, Icon::Restart),
        Change::Delete => (Tone::Bad, Icon::Minus),
    }
}

impl Artist<'_> {
    /// A disc for healthy, a ring for degraded, a crossed ring for down, a dashed ring for unknown.
    pub(super) fn health_mark(&self, center: Point, health: Health, dimmed: impl Fn(Color) -> Color, out: &mut Shapes) {
        let color = dimmed(self.palette.tone(health_tone(health)));
        let ring = |dash| Shape::Circle { center, radius: 5.0, fill: Color::CLEAR, stroke: Stroke { width: 2.0, color, dash } };
        match health {
            Health::Healthy => put(out, Layer::Cards, Shape::Circle { center, radius: 4.5, fill: color, stroke: Stroke::NONE }),
            Health::Degraded => put(out, Layer::Cards, ring(Dash::Solid)),
            Health::Unknown => put(
                out,
                Layer::Cards,
                Shape::Circle { center, radius: 4.5, fill: Color::CLEAR, stroke: Stroke::dashed(1.4, color, 2.4, 2.4) },
            ),
            Health::Down => {
                put(out, Layer::Cards, ring(Dash::Solid));
                let (from, to) = (center - point(3.0, 3.0), center + point(3.0, 3.0));
                put(out, Layer::Cards, Shape::Line { from, to, stroke: Stroke::solid(2.0, color) });
            }
        }
    }

    /// The number of findings, its right end at a point.
    pub(super) fn badge(&self, right: Point, badge: Badge, layer: Layer, out: &mut Shapes) {
        let tone = severity_tone(badge.severity);
        let words = if badge.count < 100 { badge.count.to_string() } else { "99+".to_owned() };
        let width = (crate::look::width(&words, FontFace::SemiBold, font_size::SMALL) + 14.0).max(24.0);
        let rect = Rect::at(point(right.x - width, right.y - size::BADGE_HEIGHT / 2.0), width, size::BADGE_HEIGHT);
        put(out, layer, fill(rect, size::BADGE_HEIGHT / 2.0, self.palette.tone(tone)));
        let at = point(rect.center().x, rect.center().y + 4.0);
        put(out, layer, text(at, Anchor::Middle, FontFace::SemiBold, font_size::SMALL, self.palette.on_tone(tone), words));
    }

    /// What the plan does, in a disc around a point.
    pub(super) fn change_mark(&self, center: Point, change: Change, out: &mut Shapes) {
        let (tone, icon) = change_sign(change);
        let fill = self.palette.tone(tone);
        put(out, Layer::Cards, Shape::Circle { center, radius: 9.0, fill, stroke: Stroke::NONE });
        let side = 12.0;
        let at = center - point(side / 2.0, side / 2.0);
        put(out, Layer::Cards, Shape::Icon { icon, at, side, color: self.palette.on_tone(tone) });
    }

    /// A thin bar at the foot of a card: how far its deployment is.
    pub(super) fn progress_bar(&self, card: &Rect, progress: Progress, out: &mut Shapes) {
        let all = Rect::at(point(card.min.x + 12.0, card.max.y - 6.0), card.width() - 24.0, 3.0);
        let part = if progress.of == 0 {
            0.0
        } else {
            crate::picture::geometry::count(progress.done) / crate::picture::geometry::count(progress.of)
        };
        let color = if progress.failed { self.palette.bad } else { self.palette.accent };
        put(out, Layer::Cards, fill(all, 1.5, self.palette.line));
        put(out, Layer::Cards, fill(Rect { max: point(all.min.x + all.width() * part.min(1.0), all.max.y), ..all }, 1.5, color));
    }
}
