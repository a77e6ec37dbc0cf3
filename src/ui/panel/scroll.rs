//! A list of equally high rows that is scrolled to a row.

use egui::{ScrollArea, Ui};
use std::ops::Range;

/// How far a list is scrolled, and whether it follows the row that it is to show.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Scroll {
    offset: f32,
    sought: Option<usize>,
    /// The user has scrolled the row out of sight; the list stays where it is until the row is back in sight.
    is_left: bool,
}

impl Scroll {
    /// Scrolls to this row although the user has scrolled away from the one before.
    pub fn seek_again(&mut self) {
        (self.sought, self.is_left) = (None, false);
    }

    /// Shows the rows. Where another row than in the last frame is sought, the list scrolls as far as it must to show it.
    pub fn show(&mut self, ui: &mut Ui, row_height: f32, count: usize, sought: Option<usize>, rows: impl FnOnce(&mut Ui, Range<usize>)) {
        let (pitch, height) = (row_height + ui.spacing().item_spacing.y, ui.available_height());
        let wanted = self.wanted(sought, pitch, height);
        let mut area = ScrollArea::vertical().auto_shrink(false);
        if let Some(offset) = wanted {
            area = area.vertical_scroll_offset(offset);
        }
        let output = area.show_rows(ui, row_height, count, rows);
        self.scrolled(output.state.offset.y, wanted, pitch, output.inner_rect.height());
    }

    /// The offset at which a row that is newly sought is in sight; `None`: where the list is.
    fn wanted(&mut self, sought: Option<usize>, pitch: f32, height: f32) -> Option<f32> {
        if sought.is_none() || sought == self.sought {
            return None;
        }
        self.sought = sought;
        let top = top(sought, pitch)?;
        let is_in_sight = top >= self.offset && top + pitch <= self.offset + height;
        self.is_left &= !is_in_sight;
        // In the middle: the rows before it and after it are of interest too.
        (!is_in_sight && !self.is_left).then(|| (top + (pitch - height) / 2.0).max(0.0))
    }

    /// Takes in where the list is after a frame.
    fn scrolled(&mut self, offset: f32, wanted: Option<f32>, pitch: f32, height: f32) {
        if wanted.is_none() && (offset - self.offset).abs() > 0.5 {
            self.is_left = top(self.sought, pitch).is_some_and(|top| top + pitch <= offset || top >= offset + height);
        }
        self.offset = offset;
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of rows")]
fn top(row: Option<usize>, pitch: f32) -> Option<f32> {
    row.map(|row| row as f32 * pitch)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PITCH: f32 = 10.0;
    const HEIGHT: f32 = 100.0;

    /// A frame in which a row is sought, and the user scrolls to an offset.
    fn frame(scroll: &mut Scroll, sought: usize, user: Option<f32>) -> f32 {
        let wanted = scroll.wanted(Some(sought), PITCH, HEIGHT);
        let offset = user.or(wanted).unwrap_or(scroll.offset);
        scroll.scrolled(offset, wanted.filter(|_| user.is_none()), PITCH, HEIGHT);
        offset
    }

    #[test]
    fn the_list_follows_a_row_that_leaves_the_sight() {
        let mut scroll = Scroll::default();
        assert_eq!(frame(&mut scroll, 3, None), 0.0, "it is in sight");
        assert_eq!(frame(&mut scroll, 10, None), 55.0, "in the middle");
        assert_eq!(frame(&mut scroll, 12, None), 55.0);
    }

    #[test]
    fn who_scrolls_away_is_left_alone_until_the_row_is_back_in_sight() {
        let mut scroll = Scroll::default();
        frame(&mut scroll, 3, None);
        assert_eq!(frame(&mut scroll, 3, Some(400.0)), 400.0);
        assert_eq!(frame(&mut scroll, 20, None), 400.0, "left alone");
        assert_eq!(frame(&mut scroll, 21, Some(180.0)), 180.0, "row 21 is in sight again");
        assert_eq!(frame(&mut scroll, 40, None), 355.0, "followed again");
    }

    #[test]
    fn a_list_of_something_else_is_followed_from_the_start() {
        let mut scroll = Scroll::default();
        frame(&mut scroll, 3, None);
        frame(&mut scroll, 3, Some(400.0));
        scroll.seek_again();
        assert_eq!(frame(&mut scroll, 3, None), 0.0);
    }
}
