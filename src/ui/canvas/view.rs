//! Where the canvas looks: fitting, flying, zooming, panning. Arithmetic is the camera's; here is what moves it.

use super::{
    Canvas, FIT_MARGIN, FIT_MARGIN_PART,
    camera::{Camera, Flight, Margins},
};
use crate::{
    look::{duration_secs, size},
    model::{Lab, Subject},
    picture::Rect,
    ui::theme,
};
use egui::{Pos2, Response, Ui, Vec2};

/// What the camera was last pointed at on purpose: while nobody has moved it since, it follows the canvas's size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hold {
    /// The area; `None`: all of the lab.
    area: Option<Rect>,
    zoom_max: f32,
    /// Where that led.
    camera: Camera,
}

/// Where the canvas looks, to go back to it later.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeptView {
    camera: Camera,
    hold: Option<Hold>,
}

impl Canvas {
    /// Where the canvas looks.
    pub fn keep_view(&self) -> KeptView {
        KeptView { camera: self.flight.map_or(self.camera, |flight| flight.to), hold: self.hold }
    }

    /// Looks there again, at once.
    pub fn restore_view(&mut self, view: KeptView) {
        self.set_camera(view.camera);
        self.hold = view.hold;
    }

    /// Points the camera at an area, or at all of the lab.
    pub(super) fn hold_on(&mut self, area: Option<Rect>, zoom_max: f32, viewport: egui::Rect) -> Camera {
        let camera = self.fitting(area.unwrap_or_else(|| self.scene.bulk()), viewport, zoom_max);
        self.hold = Some(Hold { area, zoom_max, camera });
        camera
    }

    /// The canvas has another size: what was fitted into the old one is fitted into the new one, unless the user has moved
    /// the camera since.
    pub(super) fn resized(&mut self, viewport: egui::Rect) {
        let Some(hold) = self.hold.filter(|hold| hold.camera == self.flight.map_or(self.camera, |flight| flight.to)) else { return };
        let camera = self.hold_on(hold.area, hold.zoom_max, viewport);
        match &mut self.flight {
            Some(flight) => flight.to = camera,
            None => self.camera = camera,
        }
    }

    /// The next frame leaves the drawing where it is on the screen, even if the canvas has another size then.
    pub fn keep_still(&mut self) {
        self.keeps_still = true;
    }

    /// The canvas has another size, and the drawing stays where it is on the screen. It is fitted again with the next change of size.
    pub(super) fn stay(&mut self, before: egui::Rect, viewport: egui::Rect) {
        let by = before.min - viewport.min;
        let was_held = self.hold.is_some_and(|hold| hold.camera == self.flight.map_or(self.camera, |flight| flight.to));
        self.camera = self.camera.panned(by);
        if let Some(flight) = &mut self.flight {
            (flight.from, flight.to) = (flight.from.panned(by), flight.to.panned(by));
        }
        let to = self.flight.map_or(self.camera, |flight| flight.to);
        if let Some(hold) = self.hold.as_mut().filter(|_| was_held) {
            hold.camera = to;
        }
    }

    /// The camera, for keeping it with the lab.
    pub fn camera(&self) -> Camera {
        self.camera
    }

    /// Puts the camera somewhere at once.
    pub fn set_camera(&mut self, camera: Camera) {
        self.camera = camera;
        self.flight = None;
        self.fitted = true;
    }

    /// The part of the lab that is shown.
    pub fn shown(&self) -> Rect {
        self.viewport.map_or(Rect::NOTHING, |viewport| self.camera.shown(viewport.size()))
    }

    /// Where on the screen the canvas is; `None`: it was not shown yet.
    pub fn room(&self) -> Option<egui::Rect> {
        self.viewport
    }

    /// Shows all of the lab.
    pub fn fit(&mut self, ui: &Ui) {
        self.fly_to_held(ui, None, 1.0);
    }

    /// Shows an area of the lab, whole and in the middle.
    pub fn fly_to_area(&mut self, ui: &Ui, area: Rect, zoom_max: f32) {
        self.fly_to_held(ui, Some(area), zoom_max);
    }

    fn fly_to_held(&mut self, ui: &Ui, area: Option<Rect>, zoom_max: f32) {
        let Some(viewport) = self.viewport else {
            self.fitted = false;
            return;
        };
        let to = self.hold_on(area, zoom_max, viewport);
        self.fly_to(ui, to);
    }

    /// The camera that shows an area so that zoom bar and minimap cover nothing of the drawing, as far as there is room.
    pub(super) fn fitting(&self, area: Rect, viewport: egui::Rect, zoom_max: f32) -> Camera {
        let floating = self.floating(viewport.size());
        // A small canvas has no room to give away.
        let around = (viewport.size().min_elem() * FIT_MARGIN_PART).clamp(FIT_MARGIN / 3.0, FIT_MARGIN);
        let with_room_below = |below: f32| Camera::fitting(area, viewport.size(), Margins { around, below }, zoom_max);
        let mut camera = with_room_below(0.0);
        for part in &floating {
            let covers = |camera: &Camera| floating.iter().any(|part| self.is_covered(camera, *part));
            if !covers(&camera) {
                break;
            }
            camera = with_room_below((viewport.height() - part.min.y - around + size::GAP).max(0.0));
        }
        camera
    }

    /// Whether something drawn lies below a part of the screen, which counts from the canvas's corner.
    fn is_covered(&self, camera: &Camera, part: egui::Rect) -> bool {
        let corner = |at: Pos2| camera.lab_from_screen(Pos2::ZERO, at);
        let area = Rect { min: corner(part.min), max: corner(part.max) };
        let rails = || self.scene.networks.iter().any(|item| item.bar.touches(&area));
        let notes = || self.scene.notes.iter().any(|item| item.rect.touches(&area));
        let outside = || self.scene.outside.iter().any(|item| item.rect.touches(&area));
        rails() || notes() || outside() || !self.scene.nodes_in(area).is_empty()
    }

    /// Shows a thing, no smaller than it can be read.
    pub fn zoom_to(&mut self, ui: &Ui, lab: &Lab, subject: &Subject) {
        if let Some(area) = self.scene.rect_of(lab, subject) {
            let around = area.grow(160.0);
            let shown = self.shown();
            if shown.encloses(&area) && self.camera.zoom >= 0.6 {
                return;
            }
            self.fly_to_area(ui, around, 1.0);
        }
    }

    /// Zooms by a factor around the middle.
    pub fn zoom_by(&mut self, ui: &Ui, factor: f32) {
        if let Some(viewport) = self.viewport {
            let from = self.flight.map_or(self.camera, |flight| flight.to);
            self.fly_to(ui, from.zoomed(factor, viewport.size() / 2.0));
        }
    }

    /// Shows the lab at its own size, the middle staying where it is.
    pub fn zoom_to_100(&mut self, ui: &Ui) {
        self.zoom_by(ui, 1.0 / self.camera.zoom);
    }

    fn fly_to(&mut self, ui: &Ui, to: Camera) {
        let secs = theme::duration(ui.ctx(), duration_secs::LONG);
        self.fitted = true;
        self.flight = Some(Flight { from: self.camera, to, began: ui.input(|input| input.time), secs });
        ui.ctx().request_repaint();
    }

    pub(super) fn fly(&mut self, ui: &Ui) {
        let Some(flight) = self.flight else { return };
        let size = self.viewport.map_or(Vec2::ZERO, |viewport| viewport.size());
        let now = ui.input(|input| input.time);
        let (camera, arrived) = flight.at(now, size);
        if camera.zoom.to_bits() != self.camera.zoom.to_bits() {
            self.zoomed_at = now;
        }
        self.camera = camera;
        if arrived {
            self.flight = None;
            self.zoomed_at = f64::NEG_INFINITY;
        }
        ui.ctx().request_repaint();
    }

    /// Wheel, pinch and two fingers.
    pub(super) fn navigate(&mut self, ui: &Ui, response: &Response) {
        let Some(at) = ui.input(|input| input.pointer.hover_pos()).filter(|_| response.contains_pointer()) else { return };
        let (factor, scrolled, now) = ui.input(|input| (input.zoom_delta(), input.smooth_scroll_delta(), input.time));
        if (factor - 1.0).abs() > 1e-4 {
            self.flight = None;
            self.camera = self.camera.zoomed(factor, at - response.rect.min);
            self.zoomed_at = now;
        } else if scrolled != Vec2::ZERO {
            self.flight = None;
            self.camera = self.camera.panned(scrolled);
        }
    }
}
