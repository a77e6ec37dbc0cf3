//! The keyboard on the canvas, while it has the focus: Tab, Enter, Backspace, the arrows, and Escape while something is
//! under way. Keys of commands never come here while their commands can be done.

use super::{Canvas, CanvasEvent, CanvasInput, gesture::Gesture, gesture::SNAP};
use crate::{
    app::ops::{self, Step},
    model::{Edit, ListEdit, Note, Subject},
    picture::{NodeItem, Point, point},
};
use egui::{EventFilter, Key, Modifiers, Response, Ui};

const ARROWS: [(Key, Point); 4] = [
    (Key::ArrowLeft, point(-1.0, 0.0)),
    (Key::ArrowRight, point(1.0, 0.0)),
    (Key::ArrowUp, point(0.0, -1.0)),
    (Key::ArrowDown, point(0.0, 1.0)),
];

impl Canvas {
    /// Everything that keys do in a frame.
    pub(super) fn keys(&mut self, ui: &Ui, response: &Response, input: &CanvasInput<'_>, events: &mut Vec<CanvasEvent>) {
        if !response.has_focus() {
            // The keyboard has gone elsewhere, and Escape with it.
            if self.is_line_clicked() {
                self.cancel(input);
            }
            return;
        }
        let filter = EventFilter { tab: true, horizontal_arrows: true, vertical_arrows: true, escape: self.gesture != Gesture::Idle };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        let times = |modifiers: Modifiers, key: Key| crate::ui::keys::times(ui.ctx(), modifiers, key);
        let pressed = |modifiers: Modifiers, key: Key| times(modifiers, key) > 0;
        if self.is_busy() && pressed(Modifiers::NONE, Key::Escape) {
            self.cancel(input);
        }
        let steps = |count: usize| isize::try_from(count).unwrap_or(0);
        let (back, on) = (steps(times(Modifiers::SHIFT, Key::Tab)), steps(times(Modifiers::NONE, Key::Tab)));
        if back != on {
            self.next(ui, on - back, input, events);
        }
        // All presses of a frame are one movement: the lab that is shown here does not follow until the next.
        let mut nudged = Point::default();
        for (key, toward) in ARROWS {
            for _ in 0..times(Modifiers::SHIFT, key) {
                nudged = nudged + toward;
            }
            let gone = times(Modifiers::NONE, key);
            if gone > 0 {
                self.go(ui, toward, gone, input, events);
            }
        }
        if nudged != Point::default() {
            self.nudge(nudged, input, events);
        }
        if !self.may_edit(input) {
            return;
        }
        if pressed(Modifiers::NONE, Key::F2) || pressed(Modifiers::NONE, Key::Enter) {
            match input.selection {
                [Subject::Note(index)] => self.write_note(*index, input),
                [only] if ops::name_of(only).is_some() => self.rename(only),
                [only] => events.push(CanvasEvent::Open(only.clone())),
                _ => {}
            }
        }
        if pressed(Modifiers::NONE, Key::Delete) || pressed(Modifiers::NONE, Key::Backspace) {
            self.delete(input, events);
        }
    }

    fn delete(&mut self, input: &CanvasInput<'_>, events: &mut Vec<CanvasEvent>) {
        if !input.selection.is_empty() {
            self.tell(ops::remove(input.lab, input.selection), input, events);
        }
    }

    /// Chooses the next thing in the order of reading: nodes, rails and the outside from top to bottom, left to right.
    fn next(&mut self, ui: &Ui, step: isize, input: &CanvasInput<'_>, events: &mut Vec<CanvasEvent>) {
        let nodes = self.scene.nodes.iter().map(|item| (item.card.min, Subject::Node(item.name.clone())));
        let rails = self.scene.networks.iter().map(|item| (item.at, Subject::Network(item.name.clone())));
        let outside = self.scene.outside.iter().map(|item| (item.rect.min, Subject::Outside));
        let mut all: Vec<(Point, Subject)> = nodes.chain(rails).chain(outside).collect();
        all.sort_by(|one, other| one.0.y.total_cmp(&other.0.y).then(one.0.x.total_cmp(&other.0.x)));
        let here = input.selection.first().and_then(|chosen| all.iter().position(|(_, subject)| subject == chosen));
        let count = isize::try_from(all.len()).unwrap_or(isize::MAX).max(1);
        let to = match here.and_then(|here| isize::try_from(here).ok()) {
            Some(here) => (here + step).rem_euclid(count),
            None if step > 0 => step - 1,
            None => (count + step).max(0),
        };
        if let Some((_, subject)) = usize::try_from(to).ok().and_then(|to| all.get(to)) {
            self.zoom_to(ui, input.lab, subject);
            events.push(CanvasEvent::Select(vec![subject.clone()]));
        }
    }

    /// Chooses the nearest thing in a direction, and from there the next, so many times.
    fn go(&mut self, ui: &Ui, toward: Point, count: usize, input: &CanvasInput<'_>, events: &mut Vec<CanvasEvent>) {
        let Some(mut from) = input.selection.first().and_then(|subject| self.scene.rect_of(input.lab, subject)) else {
            self.next(ui, 1, input, events);
            return;
        };
        let mut chosen = None;
        for _ in 0..count {
            let Some(item) = self.nearest_toward(from.center(), toward) else { break };
            from = item.card;
            chosen = Some(Subject::Node(item.name.clone()));
        }
        if let Some(subject) = chosen {
            self.zoom_to(ui, input.lab, &subject);
            events.push(CanvasEvent::Select(vec![subject]));
        }
    }

    fn nearest_toward(&self, from: Point, toward: Point) -> Option<&NodeItem> {
        let far = |item: &NodeItem| {
            let step = item.card.center() - from;
            let along = step.x.mul_add(toward.x, step.y * toward.y);
            let across = (step.x * toward.y).abs() + (step.y * toward.x).abs();
            // Sideways counts double: straight on is what an arrow means.
            (along > 1.0).then_some(along + 2.0 * across)
        };
        let ahead = self.scene.nodes.iter().filter_map(|item| Some((far(item)?, item)));
        ahead.min_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, item)| item)
    }

    fn nudge(&mut self, toward: Point, input: &CanvasInput<'_>, events: &mut Vec<CanvasEvent>) {
        let by = point(toward.x * SNAP, toward.y * SNAP);
        let nodes = self.chosen.nodes.iter().filter_map(|number| self.scene.node(*number));
        let nodes = nodes.map(|item| Edit::PlaceNode { name: item.name.clone(), at: None, to: Some((item.card.min + by).pos()) });
        let rails = self.chosen.networks.iter().filter_map(|number| self.scene.networks.get(*number as usize));
        let rails = rails.map(|item| Edit::PlaceNetwork { name: item.name.clone(), at: None, to: Some((item.at + by).pos()) });
        let notes = self.chosen.notes.iter().filter_map(|index| {
            let note = input.lab.notes.get(*index)?;
            let moved = Note { at: (Point::from(note.at) + by).pos(), ..note.clone() };
            Some(Edit::Note { index: *index, change: ListEdit::Replace(moved) })
        });
        let outside = self.scene.outside.iter().filter(|_| self.chosen.outside);
        let outside = outside.map(|item| Edit::PlaceOutside(Some((item.rect.min + by).pos())));
        let edits: Vec<Edit> = nodes.chain(rails).chain(notes).chain(outside).collect();
        if !edits.is_empty() && self.may_edit(input) {
            self.tell(Ok(Step { title: "Move by one step".into(), edits, select: None }), input, events);
        }
    }
}
