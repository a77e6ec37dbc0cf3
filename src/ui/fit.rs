//! Keeps the window within its screen when it opens: a size that was remembered on a larger screen, or the default size on a small one.

use super::theme::WINDOW_MIN as SIZE_MIN;
use egui::{Pos2, Rect, Vec2, pos2, vec2};

/// For how long after the start the window is fitted, in seconds. Later its size is the user's.
const FITTED_SECS: f64 = 6.0;
/// For how long size and position have to rest before they count, in seconds: the window manager's answers arrive one by one.
pub(super) const RESTS_SECS: f64 = 0.3;
/// The widest border or title that a window manager is believed to draw, in points. A larger difference is an answer still on its way.
const BORDER_MAX: f32 = 120.0;

/// What the window system says of a window, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placed {
    /// Without its borders.
    pub inner: Rect,
    /// With its borders.
    pub outer: Rect,
    /// Width and height of the screen.
    pub screen: Vec2,
}

/// What to ask of the window system.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fitted {
    /// The new inner size.
    pub size: Vec2,
    /// The new position of the outer corner; `None`: the window stays where it is.
    pub position: Option<Pos2>,
}

/// Fits the window to its screen after the start.
#[derive(Debug, Default)]
pub(super) struct Fit {
    /// What was seen last, and since when.
    seen: Option<(Placed, f64)>,
    /// What was seen when the last request was made.
    asked: Option<Placed>,
}

impl Fit {
    /// Whether this is still the start, at a time in seconds since the program began.
    pub(super) fn is_open(now: f64) -> bool {
        now < FITTED_SECS
    }

    /// Whether what was seen last has rested: until it changes, there is nothing new to look at.
    pub(super) fn has_rested(&self, now: f64) -> bool {
        self.seen.is_some_and(|(_, since)| now - since >= RESTS_SECS)
    }

    /// What to ask for, given what the window system says at a time in seconds. The same answer is acted on once.
    pub(super) fn look(&mut self, placed: Placed, now: f64) -> Option<Fitted> {
        if self.seen.is_none_or(|(seen, _)| seen != placed) {
            self.seen = Some((placed, now));
        }
        let border = placed.outer.size() - placed.inner.size();
        let believable = (0.0..=BORDER_MAX).contains(&border.x) && (0.0..=BORDER_MAX).contains(&border.y);
        if !Self::is_open(now) || !self.has_rested(now) || !believable || self.asked == Some(placed) {
            return None;
        }
        let room = (placed.screen - border).max(vec2(SIZE_MIN[0], SIZE_MIN[1]));
        let size = placed.inner.size().min(room);
        if size == placed.inner.size() {
            return None;
        }
        self.asked = Some(placed);
        let outer = size + border;
        // Positions count over all screens, and only the size of this one is known: on the first screen alone the corner can be judged.
        let first = Rect::from_min_size(Pos2::ZERO, placed.screen).contains(placed.outer.min);
        let free = (placed.screen - outer).max(Vec2::ZERO);
        let corner = pos2(placed.outer.min.x.min(free.x), placed.outer.min.y.min(free.y));
        Some(Fitted { size, position: (first && corner != placed.outer.min).then_some(corner) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BORDER: Vec2 = vec2(2.0, 24.0);

    fn placed(at: Pos2, size: Vec2, screen: Vec2) -> Placed {
        let outer = Rect::from_min_size(at, size + BORDER);
        Placed { inner: Rect::from_min_size(at + vec2(1.0, 23.0), size), outer, screen }
    }

    /// A window manager that does what it is asked late, and whose answers arrive in parts.
    #[test]
    fn a_window_larger_than_its_screen_is_fitted_once() {
        let screen = vec2(1024.0, 640.0);
        let mut fit = Fit::default();
        let before = placed(pos2(0.0, 0.0), vec2(1400.0, 860.0), screen);
        assert_eq!(fit.look(before, 0.0), None);
        let asked = fit.look(before, 0.4).unwrap();
        assert_eq!(asked, Fitted { size: screen - BORDER, position: None });
        assert_eq!(fit.look(before, 0.8), None, "the answer is on its way");
        let half = Placed { inner: Rect::from_min_size(before.inner.min, asked.size), ..before };
        assert_eq!((fit.look(half, 0.9), fit.look(half, 1.5)), (None, None), "no border is that wide");
        let after = placed(pos2(0.0, 0.0), asked.size, screen);
        assert_eq!((fit.look(after, 1.6), fit.look(after, 2.5)), (None, None));
    }

    #[test]
    fn it_moves_only_as_far_as_it_has_to() {
        let screen = vec2(1440.0, 900.0);
        let mut fit = Fit::default();
        let before = placed(pos2(30.0, 40.0), vec2(1400.0, 950.0), screen);
        fit.look(before, 0.0);
        let asked = fit.look(before, 0.4).unwrap();
        assert_eq!(asked, Fitted { size: vec2(1400.0, 900.0 - BORDER.y), position: Some(pos2(30.0, 0.0)) });
    }

    #[test]
    fn what_fits_stays_and_so_does_a_window_on_a_second_screen() {
        let screen = vec2(1440.0, 900.0);
        let mut fit = Fit::default();
        for at in [pos2(0.0, 0.0), pos2(300.0, 300.0), pos2(1440.0, 0.0)] {
            let fits = placed(at, vec2(1400.0, 860.0), screen);
            assert_eq!((fit.look(fits, 0.0), fit.look(fits, 1.0)), (None, None));
        }
        let second = placed(pos2(1500.0, 20.0), vec2(1600.0, 860.0), screen);
        fit.look(second, 1.0);
        assert_eq!(fit.look(second, 2.0).unwrap().position, None);
    }

    #[test]
    fn later_the_size_is_the_users_and_it_is_never_smaller_than_the_least() {
        let mut fit = Fit::default();
        let large = placed(pos2(0.0, 0.0), vec2(1400.0, 860.0), vec2(800.0, 480.0));
        fit.look(large, 0.0);
        assert_eq!(fit.look(large, 1.0).unwrap().size, vec2(SIZE_MIN[0], SIZE_MIN[1]));
        let mut late = Fit::default();
        late.look(large, FITTED_SECS);
        assert_eq!(late.look(large, FITTED_SECS + 1.0), None);
    }
}
