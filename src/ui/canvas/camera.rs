//! The camera: which part of the lab the canvas shows, and how it moves there. Arithmetic only; time is given to it.

use crate::{
    look::ease_out,
    picture::{Point, Rect, point},
};
use egui::{Pos2, Vec2, pos2, vec2};

/// The least zoom.
pub const ZOOM_MIN: f32 = 0.004;
/// The most zoom.
pub const ZOOM_MAX: f32 = 4.0;

/// Which part of the lab is shown, and how large.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    /// The lab's point at the canvas's upper left corner.
    pub origin: Point,
    /// Points of the screen for one lab unit.
    pub zoom: f32,
}

/// What is left free at the edges of the canvas when an area is fitted, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Margins {
    /// On every side.
    pub around: f32,
    /// Below, on top of that: for what floats there.
    pub below: f32,
}

impl Default for Camera {
    fn default() -> Self {
        Self { origin: Point::default(), zoom: 1.0 }
    }
}

impl Camera {
    /// A point of the lab on the screen, in a canvas that begins at `corner`.
    pub fn screen_from_lab(&self, corner: Pos2, at: Point) -> Pos2 {
        corner + vec2(at.x - self.origin.x, at.y - self.origin.y) * self.zoom
    }

    /// A point of the screen in the lab.
    pub fn lab_from_screen(&self, corner: Pos2, at: Pos2) -> Point {
        let offset = (at - corner) / self.zoom;
        self.origin + point(offset.x, offset.y)
    }

    /// A rectangle of the lab on the screen.
    pub fn screen_rect(&self, corner: Pos2, rect: Rect) -> egui::Rect {
        egui::Rect::from_min_max(self.screen_from_lab(corner, rect.min), self.screen_from_lab(corner, rect.max))
    }

    /// What a canvas of this size shows.
    pub fn shown(&self, size: Vec2) -> Rect {
        Rect::at(self.origin, size.x / self.zoom, size.y / self.zoom)
    }

    /// Moves by so many points of the screen, as if the paper were pulled.
    #[must_use]
    pub fn panned(self, by: Vec2) -> Self {
        Self { origin: self.origin - point(by.x / self.zoom, by.y / self.zoom), ..self }
    }

    /// Zooms so that the point of the lab below `at` (from the canvas's corner) stays there.
    #[must_use]
    pub fn zoomed(self, factor: f32, at: Vec2) -> Self {
        let zoom = (self.zoom * factor).clamp(ZOOM_MIN, ZOOM_MAX);
        let held = self.origin + point(at.x / self.zoom, at.y / self.zoom);
        Self { origin: held - point(at.x / zoom, at.y / zoom), zoom }
    }

    /// Shows an area whole and in the middle of what the margins leave, no larger than `zoom_max`.
    pub fn fitting(area: Rect, size: Vec2, margins: Margins, zoom_max: f32) -> Self {
        if !area.exists() || size.x <= 0.0 || size.y <= 0.0 {
            return Self::default();
        }
        let free = size - vec2(0.0, margins.below);
        let room = (free - Vec2::splat(2.0 * margins.around)).max(Vec2::splat(16.0));
        let zoom = (room.x / area.width().max(1.0)).min(room.y / area.height().max(1.0)).min(zoom_max).clamp(ZOOM_MIN, ZOOM_MAX);
        let half = point(free.x / 2.0 / zoom, free.y / 2.0 / zoom);
        Self { origin: area.center() - half, zoom }
    }

    fn center(&self, size: Vec2) -> Point {
        self.origin + point(size.x / 2.0 / self.zoom, size.y / 2.0 / self.zoom)
    }
}

/// A movement of the camera that takes a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flight {
    /// Where from.
    pub from: Camera,
    /// Where to.
    pub to: Camera,
    /// When it began, in seconds of the window's clock.
    pub began: f64,
    /// How long it takes, in seconds.
    pub secs: f32,
}

impl Flight {
    /// Where the camera is at a time, and whether it has arrived.
    #[expect(clippy::cast_possible_truncation, reason = "a part of a second")]
    pub fn at(&self, now: f64, size: Vec2) -> (Camera, bool) {
        let part = if self.secs <= 0.0 { 1.0 } else { ((now - self.began) as f32 / self.secs).clamp(0.0, 1.0) };
        if part >= 1.0 {
            return (self.to, true);
        }
        let eased = ease_out(part);
        let zoom = self.from.zoom * (self.to.zoom / self.from.zoom).powf(eased);
        let center = self.from.center(size).mix(self.to.center(size), eased);
        (Camera { origin: center - point(size.x / 2.0 / zoom, size.y / 2.0 / zoom), zoom }, false)
    }
}

/// The canvas's corner that positions are counted from.
pub fn corner(viewport: egui::Rect) -> Pos2 {
    pos2(viewport.min.x, viewport.min.y)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARGINS: Margins = Margins { around: 40.0, below: 0.0 };

    #[test]
    fn there_and_back() {
        let camera = Camera { origin: point(100.0, -20.0), zoom: 0.5 };
        let corner = pos2(10.0, 20.0);
        let at = point(333.0, 44.0);
        let back = camera.lab_from_screen(corner, camera.screen_from_lab(corner, at));
        assert!(back.distance(at) < 1e-3);
    }

    #[test]
    fn zooming_holds_the_point_below_the_pointer() {
        let camera = Camera { origin: point(100.0, -20.0), zoom: 0.5 };
        let at = vec2(300.0, 200.0);
        let zoomed = camera.zoomed(1.7, at);
        let below = |camera: Camera| camera.lab_from_screen(Pos2::ZERO, at.to_pos2());
        assert!(below(camera).distance(below(zoomed)) < 1e-2);
        assert_eq!(camera.zoomed(1e9, at).zoom, ZOOM_MAX);
        assert_eq!(camera.zoomed(1e-9, at).zoom, ZOOM_MIN);
    }

    #[test]
    fn fitting_shows_all_of_it_in_the_middle() {
        let area = Rect::at(point(-500.0, 100.0), 4000.0, 300.0);
        let size = vec2(900.0, 600.0);
        let camera = Camera::fitting(area, size, MARGINS, 1.0);
        let shown = camera.shown(size);
        assert!(shown.encloses(&area));
        assert!(shown.center().distance(area.center()) < 1.0);
        let raised = Camera::fitting(area, size, Margins { below: 100.0, ..MARGINS }, 1.0);
        assert_eq!(raised.zoom, camera.zoom, "there was room below");
        assert!((raised.origin.y - camera.origin.y - 50.0 / camera.zoom).abs() < 1.0, "it moves up by half of what is kept free");
        assert_eq!(Camera::fitting(Rect::NOTHING, size, MARGINS, 1.0), Camera::default());
        assert_eq!(Camera::fitting(Rect::at(Point::default(), 10.0, 10.0), size, MARGINS, 1.0).zoom, 1.0, "small labs are not blown up");
    }

    #[test]
    fn a_flight_arrives() {
        let (from, to) = (Camera::default(), Camera { origin: point(50.0, 50.0), zoom: 2.0 });
        let flight = Flight { from, to, began: 10.0, secs: 0.2 };
        let size = vec2(100.0, 100.0);
        assert_eq!(flight.at(10.3, size), (to, true));
        let (middle, arrived) = flight.at(10.1, size);
        assert!(!arrived && middle.zoom > 1.5 && middle.zoom < 2.0, "fast first, then settling");
        assert_eq!(Flight { secs: 0.0, ..flight }.at(10.0, size), (to, true));
    }
}
