//! A lab as a still picture, in any view: the canvas's own drawing, without its hands.

use super::bake::{self, Press};
use crate::{
    look::Appearance,
    picture::{Detail, LAYERS, Shapes, Thumbnail},
    ui::atlas::Atlas,
};
use egui::{Painter, vec2};
use std::sync::Arc;

/// A drawing that is made once and painted often.
#[derive(Debug, Clone)]
pub struct Still {
    thumbnail: Arc<Thumbnail>,
    drawn: Option<(Appearance, f32, Shapes)>,
}

impl Still {
    /// The drawing of a lab.
    pub fn new(thumbnail: Arc<Thumbnail>) -> Self {
        Self { thumbnail, drawn: None }
    }

    /// Whether it is the drawing of exactly this.
    pub fn is_of(&self, thumbnail: &Arc<Thumbnail>) -> bool {
        Arc::ptr_eq(&self.thumbnail, thumbnail)
    }

    /// Paints it into the middle of a rectangle, as large as it fits.
    pub fn paint(&mut self, painter: &Painter, room: egui::Rect, appearance: Appearance) {
        let Some(zoom) = self.thumbnail.zoom(room.width(), room.height()) else { return };
        let shapes = match &self.drawn {
            Some((with, at, shapes)) if (*with, *at) == (appearance, zoom) => shapes,
            _ => &self.drawn.insert((appearance, zoom, self.thumbnail.shapes(appearance, zoom))).2,
        };
        let detail = Detail::at_zoom(zoom);
        let press = Press { zoom, pixels_per_point: painter.pixels_per_point(), atlas: Atlas::default(), appearance, detail };
        let middle = self.thumbnail.bounds().center();
        let at = room.center() - vec2(middle.x, middle.y) * zoom;
        let mut out = Vec::with_capacity(shapes.list.len());
        for shape in LAYERS.into_iter().flat_map(|layer| shapes.of(layer)) {
            bake::immediate(painter.ctx(), &press, shape, at.to_vec2(), &mut out);
        }
        painter.with_clip_rect(room.intersect(painter.clip_rect())).extend(out);
    }
}
