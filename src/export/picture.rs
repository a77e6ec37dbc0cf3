//! What the exporters of the picture share: how it is asked for, and its shapes with their area. It draws nothing of its
//! own: the shapes are the picture's.

use crate::{
    catalog::Catalog,
    look::Appearance,
    model::Lab,
    picture::{Detail, Overlay, Rect, Scene, Shapes, draw::Artist},
};

/// What a picture is drawn on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Background {
    /// The ground of the theme.
    #[default]
    Theme,
    /// Nothing: what lies below shows through.
    Transparent,
}

/// How a picture is exported.
#[derive(Debug, Clone, Copy)]
pub struct PictureOptions<'a> {
    /// Dark or light.
    pub appearance: Appearance,
    /// What it is drawn on.
    pub background: Background,
    /// Pixels for one lab unit (PNG only): 2 is sharp on most screens.
    pub scale: f32,
    /// What shows on the drawing.
    pub overlay: Overlay<'a>,
    /// The part of the lab that is drawn; `None`: all of it.
    pub area: Option<Rect>,
}

impl Default for PictureOptions<'_> {
    fn default() -> Self {
        Self { appearance: Appearance::Light, background: Background::Theme, scale: 2.0, overlay: Overlay::default(), area: None }
    }
}

/// What an empty lab is drawn on.
const PAGE: Rect = Rect::at(crate::picture::point(0.0, 0.0), 640.0, 400.0);
/// From the drawing to the picture's edge, in lab units.
pub(super) const MARGIN: f32 = 32.0;

/// The shapes of a lab and the area that they are shown in.
pub(super) fn shapes(lab: &Lab, catalog: &Catalog, options: &PictureOptions<'_>) -> (Shapes, Rect) {
    let mut scene = Scene::new(lab, catalog);
    scene.set_overlay(lab, &options.overlay);
    let artist = Artist { lab, catalog, scene: &scene, palette: options.appearance.palette(), detail: Detail::Full };
    let shapes = artist.everything();
    let drawn = shapes.bounds().union(&scene.bounds());
    let all = if drawn.exists() { drawn.grow(MARGIN) } else { PAGE };
    (shapes, options.area.filter(Rect::exists).unwrap_or(all))
}
