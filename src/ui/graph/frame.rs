//! Which part of the service graph is shown, and how large: arithmetic only. What is shown never leaves the room, and it opens at
//! a scale at which names can be read.

use crate::look::font_size;
use egui::{Pos2, Rect, Vec2, vec2};

/// The least size of a name when the graph opens, in points.
const NAME_MIN: f32 = 11.0;
/// The scale at which names are that large.
pub const ZOOM_READABLE: f32 = NAME_MIN / font_size::NAME;
/// The largest scale.
const ZOOM_MAX: f32 = 2.0;
/// Left free beside and below the graph, in points.
const MARGIN: f32 = 24.0;
/// Left free above: the bar floats there.
const MARGIN_ABOVE: f32 = 64.0;
/// How thick a scroll mark is, and the least length of one, in points.
const MARK: f32 = 4.0;
const MARK_MIN: f32 = 24.0;

/// The scale at which an area of a size just fits into a room.
pub fn zoom_whole(size: Vec2, room: Vec2) -> f32 {
    (room.x / size.x.max(1.0)).min(room.y / size.y.max(1.0)).max(1e-3)
}

/// What is left for the graph of a view of this size.
pub fn room_in(view: Vec2) -> Vec2 {
    (view - vec2(2.0 * MARGIN, MARGIN + MARGIN_ABOVE)).max(Vec2::splat(16.0))
}

/// What of the graph is shown: a place of the graph is on the screen at `place * zoom + pan`, from the view's corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// Points for one unit of the graph.
    pub zoom: f32,
    /// Where the graph's origin is.
    pub pan: Vec2,
}

impl Default for Frame {
    fn default() -> Self {
        Self { zoom: 1.0, pan: Vec2::ZERO }
    }
}

impl Frame {
    /// Shows an area at full size if it fits, else as large as fits, but never so small that names cannot be read: then it
    /// shows the upper part.
    pub fn readable(area: Rect, view: Vec2) -> Self {
        Self::at(zoom_whole(area.size(), room_in(view)).clamp(ZOOM_READABLE, 1.0), area, view)
    }

    /// Shows an area whole, however small.
    pub fn whole(area: Rect, view: Vec2) -> Self {
        Self::at(zoom_whole(area.size(), room_in(view)).min(1.0), area, view)
    }

    fn at(zoom: f32, area: Rect, view: Vec2) -> Self {
        let inner = inner(view);
        // In the middle, or from the upper left corner where it does not fit.
        let free = (inner.size() - area.size() * zoom).max(Vec2::ZERO);
        Self { zoom, pan: inner.min.to_vec2() + free / 2.0 - area.min.to_vec2() * zoom }
    }

    /// Moves the graph by so many points, as far as it stays in the room.
    #[must_use]
    pub fn panned(self, by: Vec2, area: Rect, view: Vec2) -> Self {
        Self { pan: self.pan + by, ..self }.kept(area, view)
    }

    /// Zooms so that what is below `at` (from the view's corner) stays there, as far as the graph stays in the room.
    #[must_use]
    pub fn zoomed(self, factor: f32, at: Vec2, area: Rect, view: Vec2) -> Self {
        let least = zoom_whole(area.size(), room_in(view)).min(ZOOM_READABLE);
        let zoom = (self.zoom * factor).clamp(least, ZOOM_MAX);
        let held = (at - self.pan) / self.zoom;
        Self { zoom, pan: at - held * zoom }.kept(area, view)
    }

    /// Shows a part of the graph whole, moving as little as needed.
    #[must_use]
    pub fn revealing(self, part: Rect, area: Rect, view: Vec2) -> Self {
        let (inner, shown) = (inner(view), self.on_view(part));
        let along = |low: f32, high: f32, from: f32, to: f32| if low < from { from - low } else { (to - high).min(0.0) };
        let by = vec2(along(shown.min.x, shown.max.x, inner.min.x, inner.max.x), along(shown.min.y, shown.max.y, inner.min.y, inner.max.y));
        self.panned(by, area, view)
    }

    /// Where a part of the graph is in the view, from its corner.
    pub fn on_view(&self, part: Rect) -> Rect {
        Rect::from_min_max(self.point_on_view(part.min), self.point_on_view(part.max))
    }

    fn point_on_view(&self, at: Pos2) -> Pos2 {
        (at.to_vec2() * self.zoom + self.pan).to_pos2()
    }

    /// The nearest frame in which the area is in the room: whole where it fits, without empty stripes where it does not.
    fn kept(self, area: Rect, view: Vec2) -> Self {
        let (inner, shown) = (inner(view), self.on_view(area));
        let along = |low: f32, high: f32, from: f32, to: f32| {
            // How far the low end may lie: between both ends of the room, or beyond both where the area is larger.
            let (one, other) = (from, to - (high - low));
            low.clamp(one.min(other), one.max(other)) - low
        };
        let by = vec2(along(shown.min.x, shown.max.x, inner.min.x, inner.max.x), along(shown.min.y, shown.max.y, inner.min.y, inner.max.y));
        Self { pan: self.pan + by, ..self }
    }

    /// Marks at the right and at the lower edge that tell which part of an area is shown; none where all is.
    pub fn scroll_marks(&self, area: Rect, view: Vec2) -> Vec<Rect> {
        let (inner, shown) = (inner(view), self.on_view(area));
        let part = |low: f32, high: f32, from: f32, to: f32| {
            let length = high - low;
            let hidden = length - (to - from);
            (hidden > 1.0).then(|| {
                let mark = ((to - from) * (to - from) / length).max(MARK_MIN);
                let start = from + (to - from - mark) * ((from - low) / hidden).clamp(0.0, 1.0);
                (start, mark)
            })
        };
        let down = part(shown.min.y, shown.max.y, inner.min.y, inner.max.y)
            .map(|(start, mark)| Rect::from_min_size(Pos2::new(view.x - 2.0 * MARK, start), vec2(MARK, mark)));
        let across = part(shown.min.x, shown.max.x, inner.min.x, inner.max.x)
            .map(|(start, mark)| Rect::from_min_size(Pos2::new(start, view.y - 2.0 * MARK), vec2(mark, MARK)));
        down.into_iter().chain(across).collect()
    }
}

/// Where the graph may be in a view of this size, from its corner.
fn inner(view: Vec2) -> Rect {
    Rect::from_min_size(Pos2::new(MARGIN, MARGIN_ABOVE), room_in(view))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: Vec2 = vec2(900.0, 600.0);

    fn area(width: f32, height: f32) -> Rect {
        Rect::from_min_size(Pos2::new(-10.0, 30.0), vec2(width, height))
    }

    #[test]
    fn a_small_graph_is_in_the_middle_at_full_size() {
        let frame = Frame::readable(area(200.0, 100.0), VIEW);
        assert_eq!(frame.zoom, 1.0);
        assert_eq!(frame.on_view(area(200.0, 100.0)).center(), inner(VIEW).center());
    }

    #[test]
    fn a_large_graph_opens_readable_and_can_be_shown_whole() {
        let large = area(800.0, 6000.0);
        let frame = Frame::readable(large, VIEW);
        assert!(frame.zoom * font_size::NAME >= NAME_MIN - 1e-3);
        assert_eq!(frame.on_view(large).min.y, inner(VIEW).min.y, "from its top");
        let whole = Frame::whole(large, VIEW).on_view(large);
        assert!(inner(VIEW).expand(0.1).contains_rect(whole), "{whole:?}");
    }

    #[test]
    fn the_graph_stays_in_the_room() {
        for size in [area(200.0, 100.0), area(3000.0, 5000.0)] {
            let frame = Frame::readable(size, VIEW);
            for by in [vec2(1e5, 1e5), vec2(-1e5, -1e5), vec2(0.0, -1e5)] {
                let shown = frame.panned(by, size, VIEW).on_view(size);
                let inner = inner(VIEW);
                assert!(inner.expand(0.1).contains_rect(shown) || shown.expand(0.1).contains_rect(inner), "{shown:?}");
            }
            let small = frame.zoomed(1e-6, Vec2::ZERO, size, VIEW);
            assert!(small.zoom >= zoom_whole(size.size(), room_in(VIEW)).min(ZOOM_READABLE) - 1e-6);
        }
    }

    #[test]
    fn zooming_holds_what_is_below_the_pointer() {
        let large = area(4000.0, 4000.0);
        let frame = Frame::readable(large, VIEW).panned(vec2(-500.0, -700.0), large, VIEW);
        let at = vec2(400.0, 300.0);
        let held = ((at - frame.pan) / frame.zoom).to_pos2();
        let zoomed = frame.zoomed(1.3, at, large, VIEW);
        assert!((zoomed.point_on_view(held).to_vec2() - at).length() < 0.1);
    }

    #[test]
    fn what_is_revealed_is_in_the_room() {
        let large = area(4000.0, 4000.0);
        let part = Rect::from_min_size(Pos2::new(3000.0, 3500.0), vec2(150.0, 40.0));
        let frame = Frame::readable(large, VIEW);
        assert!(!inner(VIEW).contains_rect(frame.on_view(part)));
        let revealed = frame.revealing(part, large, VIEW);
        assert!(inner(VIEW).expand(0.1).contains_rect(revealed.on_view(part)));
        let again = revealed.revealing(part, large, VIEW);
        assert!((again.pan - revealed.pan).length() < 0.01, "what is shown does not move");
    }

    #[test]
    fn marks_tell_what_is_hidden() {
        assert_eq!(Frame::readable(area(200.0, 100.0), VIEW).scroll_marks(area(200.0, 100.0), VIEW), []);
        let tall = area(200.0, 5000.0);
        let top = Frame::readable(tall, VIEW);
        let [mark] = top.scroll_marks(tall, VIEW)[..] else { panic!("one mark") };
        assert_eq!(mark.min.y, inner(VIEW).min.y);
        let [mark] = top.panned(vec2(0.0, -1e5), tall, VIEW).scroll_marks(tall, VIEW)[..] else { panic!("one mark") };
        assert!((mark.max.y - inner(VIEW).max.y).abs() < 0.5);
    }
}
