//! A lab as a small picture: what matters of the drawing, in lines that are seen at that size.

use super::{
    draw::Artist,
    scene::Scene,
    shape::{Detail, Shape, Shapes},
    space::Rect,
};
use crate::{catalog::Catalog, look::Appearance, model::Lab};

/// The most that a drawing is enlarged to: a lab of one node stays a small thing.
const ZOOM_MAX: f32 = 0.6;
/// Nodes up to which cards have their names, however small: beyond that there is no room for any.
const NAMED_MAX: usize = 60;

/// The drawing of a lab that is only looked at. Making one is the work: it is done off the window's thread for files.
#[derive(Debug, Clone)]
pub struct Thumbnail {
    lab: Lab,
    scene: Scene,
    bounds: Rect,
}

/// The same lab is the same picture.
impl PartialEq for Thumbnail {
    fn eq(&self, other: &Self) -> bool {
        self.lab == other.lab
    }
}

impl Thumbnail {
    /// The picture of a lab. Its notes are left out: their words cannot be read at that size, and they make the rest smaller.
    pub fn new(lab: &Lab) -> Self {
        let lab = Lab { notes: Vec::new(), ..lab.clone() };
        let scene = Scene::new(&lab, Catalog::embedded());
        let mut thumbnail = Self { bounds: scene.bounds(), scene, lab };
        if thumbnail.has_words() && thumbnail.bounds.exists() {
            // The names of rails are larger in a small picture.
            thumbnail.bounds = thumbnail.artist(Appearance::Dark, Detail::Name).everything().bounds();
        }
        thumbnail
    }

    fn has_words(&self) -> bool {
        self.lab.nodes.len() <= NAMED_MAX
    }

    fn artist(&self, appearance: Appearance, detail: Detail) -> Artist<'_> {
        Artist { lab: &self.lab, catalog: Catalog::embedded(), scene: &self.scene, palette: appearance.palette(), detail }
    }

    /// The lab.
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// Where it draws, in lab units.
    pub fn bounds(&self) -> Rect {
        self.bounds
    }

    /// How much it is enlarged to fit a room of this size; `None`: there is nothing to draw.
    pub fn zoom(&self, width: f32, height: f32) -> Option<f32> {
        let zoom = (width / self.bounds.width()).min(height / self.bounds.height()).min(ZOOM_MAX);
        (self.bounds.exists() && zoom > 0.0).then_some(zoom)
    }

    /// Its shapes at this zoom. No line is thinner than a point of the screen.
    pub fn shapes(&self, appearance: Appearance, zoom: f32) -> Shapes {
        let detail = Detail::at_zoom(zoom).max(Detail::Card);
        let detail = if self.has_words() { detail.min(Detail::Name) } else { detail };
        let mut shapes = self.artist(appearance, detail).everything();
        for (_, shape) in &mut shapes.list {
            if let Shape::Rect { stroke, .. } | Shape::Line { stroke, .. } | Shape::Curve { stroke, .. } | Shape::Circle { stroke, .. } =
                shape
                && stroke.is_seen()
            {
                stroke.width = stroke.width.max(1.0 / zoom);
            }
        }
        shapes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::fixture;

    #[test]
    fn a_small_picture_has_names_and_no_hairlines_and_no_notes() {
        let mut lab = fixture::mini_cloud();
        lab.notes.push(crate::model::Note { at: crate::model::Pos(4000, 0), text: "far away".into(), width: 0 });
        let thumbnail = Thumbnail::new(&lab);
        assert!(thumbnail.bounds().max.x < 2000.0, "a note makes it no smaller: {:?}", thumbnail.bounds());
        let zoom = thumbnail.zoom(300.0, 180.0).unwrap();
        for appearance in Appearance::ALL {
            let shapes = thumbnail.shapes(appearance, zoom);
            let words = |text: &str| shapes.list.iter().any(|(_, shape)| matches!(shape, Shape::Text(it) if it.text == text));
            assert!(words("db1") && words("backend") && !words("far away"));
            for (_, shape) in &shapes.list {
                if let Shape::Line { stroke, .. } | Shape::Curve { stroke, .. } = shape {
                    assert!(stroke.width * zoom >= 0.99, "{shape:?}");
                }
            }
        }
        assert_eq!(Thumbnail::new(&Lab::new("empty")).zoom(300.0, 180.0), None);
    }

    #[test]
    fn a_large_lab_is_drawn_without_words() {
        let thumbnail = Thumbnail::new(&fixture::large(2000));
        let shapes = thumbnail.shapes(Appearance::Dark, thumbnail.zoom(300.0, 180.0).unwrap());
        assert!(!shapes.list.iter().any(|(_, shape)| matches!(shape, Shape::Text(_))));
    }
}
