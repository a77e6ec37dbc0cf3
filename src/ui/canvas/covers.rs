//! What covers a mark: a mark of a card, rail or flow is painted after the picture, and still lies below what covers that thing.

use super::{Canvas, layers::Frame};
use crate::picture::Rect;
use egui::Painter;

/// Cards and tokens that are left out of one mark. A long flow runs behind more of them only where all are too small to see.
const COVERS_MAX: usize = 64;

impl Canvas {
    /// Paints a mark of an area where no card or token covers it. `node` is the card that it is a mark of; `None`: of something below
    /// all cards.
    pub(super) fn below_covers(&self, painter: &Painter, frame: &Frame<'_>, area: Rect, node: Option<u32>, paint: impl Fn(&Painter)) {
        let cards = self.scene.cards_over(node, area).into_iter().filter_map(|number| self.scene.node(number)).map(|item| item.card);
        let tokens = self.scene.vips.iter().flat_map(|item| item.tokens.iter().chain(&item.ghost).chain(&item.would));
        let tokens = tokens.map(|token| token.rect).filter(|rect| rect.touches(&area));
        let on_screen = |rect| self.camera.screen_rect(frame.stand.viewport.min, rect);
        let covers: Vec<egui::Rect> = cards.chain(tokens).take(COVERS_MAX).map(on_screen).collect();
        for part in uncovered(painter.clip_rect(), &covers) {
            paint(&painter.with_clip_rect(part));
        }
    }
}

/// The parts of an area that lie in none of some rectangles. They touch and do not overlap.
fn uncovered(area: egui::Rect, covers: &[egui::Rect]) -> Vec<egui::Rect> {
    let mut parts = vec![area];
    for cover in covers {
        parts = parts.into_iter().flat_map(|part| without(part, *cover)).collect();
    }
    parts
}

/// A rectangle without another: the strips above, below, left and right of it.
fn without(part: egui::Rect, cover: egui::Rect) -> Vec<egui::Rect> {
    let hole = part.intersect(cover);
    if !hole.is_positive() {
        return vec![part];
    }
    let strips = [
        egui::Rect::from_min_max(part.min, egui::pos2(part.max.x, hole.min.y)),
        egui::Rect::from_min_max(egui::pos2(part.min.x, hole.max.y), part.max),
        egui::Rect::from_min_max(egui::pos2(part.min.x, hole.min.y), egui::pos2(hole.min.x, hole.max.y)),
        egui::Rect::from_min_max(egui::pos2(hole.max.x, hole.min.y), egui::pos2(part.max.x, hole.max.y)),
    ];
    strips.into_iter().filter(egui::Rect::is_positive).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{Rect, pos2};

    fn rect(left: f32, top: f32, right: f32, bottom: f32) -> Rect {
        Rect::from_min_max(pos2(left, top), pos2(right, bottom))
    }

    #[test]
    fn what_is_left_and_what_covers_it_make_up_the_area() {
        let area = rect(0.0, 0.0, 100.0, 60.0);
        for (covers, left) in [
            (vec![], 6000.0),
            (vec![rect(200.0, 0.0, 300.0, 60.0)], 6000.0),
            (vec![rect(10.0, 10.0, 30.0, 20.0)], 5800.0),
            (vec![rect(-10.0, -10.0, 30.0, 20.0)], 5400.0),
            // Two that overlap count once.
            (vec![rect(10.0, 10.0, 30.0, 20.0), rect(20.0, 10.0, 40.0, 20.0)], 5700.0),
            (vec![rect(-10.0, -10.0, 300.0, 300.0)], 0.0),
        ] {
            let parts = uncovered(area, &covers);
            assert!((parts.iter().map(Rect::area).sum::<f32>() - left).abs() < 0.01, "{covers:?}: {parts:?}");
            for part in &parts {
                assert!(area.contains_rect(*part) && covers.iter().all(|cover| !part.intersect(*cover).is_positive()), "{covers:?}");
            }
        }
    }
}
