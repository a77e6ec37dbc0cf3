//! A lab as a still picture, in any view: the canvas's own drawing, without its hands.

use super::bake::{self, Press};
use crate::{
    catalog::Catalog,
    look::Appearance,
    model::Lab,
    picture::{Detail, LAYERS, Rect, Scene, Shapes, draw::Artist},
    ui::atlas::Atlas,
};
use egui::{Painter, vec2};

/// The most that a still is enlarged to: a lab of one node stays a small thing.
const ZOOM_MAX: f32 = 0.6;

/// A drawing that is made once and painted often.
#[derive(Debug, Clone)]
pub struct Still {
    scene: Scene,
    bounds: Rect,
    drawn: Option<(Appearance, Detail, Shapes)>,
}

impl Still {
    /// The drawing of a lab.
    pub fn new(lab: &Lab) -> Self {
        let scene = Scene::new(lab, Catalog::embedded());
        Self { bounds: scene.bounds(), scene, drawn: None }
    }

    /// Paints it into the middle of a rectangle, as large as it fits. `lab` is the one that it was made from.
    pub fn paint(&mut self, painter: &Painter, room: egui::Rect, lab: &Lab, appearance: Appearance) {
        if !self.bounds.exists() || !room.is_positive() {
            return;
        }
        let fitting = (room.width() / self.bounds.width()).min(room.height() / self.bounds.height());
        let zoom = fitting.min(ZOOM_MAX);
        // Words that nobody can read at this size are left out, but a still is never just dots.
        let detail = Detail::at_zoom(zoom).clamp(Detail::Card, Detail::Name);
        let shapes = match &self.drawn {
            Some((with, at, shapes)) if (*with, *at) == (appearance, detail) => shapes,
            _ => {
                let catalog = Catalog::embedded();
                let artist = Artist { lab, catalog, scene: &self.scene, palette: appearance.palette(), detail };
                &self.drawn.insert((appearance, detail, artist.everything())).2
            }
        };
        let press = Press { zoom, pixels_per_point: painter.pixels_per_point(), atlas: Atlas::default(), appearance, detail };
        let middle = self.bounds.center();
        let at = room.center() - vec2(middle.x, middle.y) * zoom;
        let mut out = Vec::with_capacity(shapes.list.len());
        for shape in LAYERS.into_iter().flat_map(|layer| shapes.of(layer)) {
            bake::immediate(painter.ctx(), &press, shape, at.to_vec2(), &mut out);
        }
        painter.with_clip_rect(room.intersect(painter.clip_rect())).extend(out);
    }
}
