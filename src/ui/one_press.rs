//! One press a frame: events after a press or a release of a pointer button wait for the next frame, and so does a release
//! after a movement.
//!
//! egui decides once a frame, at the pointer's last position, what a press falls on, and knows one state of the modifier
//! keys. Where a frame is slow or a hand is quick, a press, the movement after it and the release arrive together; without
//! this, the press takes hold of what the pointer has reached instead of what was under it. It applies to everything in the
//! window: the canvas, drags from the palette, panel edges, menus.

use egui::{Context, Event, Modifiers, Plugin, Pos2, RawInput};

/// Holds back what came after a press.
#[derive(Debug, Default)]
pub struct OnePress {
    waiting: Vec<Event>,
}

impl Plugin for OnePress {
    fn debug_name(&self) -> &'static str {
        "one press a frame"
    }

    fn input_hook(&mut self, ctx: &Context, input: &mut RawInput) {
        if !self.waiting.is_empty() {
            let later = std::mem::replace(&mut input.events, std::mem::take(&mut self.waiting));
            input.events.extend(later);
        }
        let Some(button) = first_button(&input.events) else { return };
        let released = matches!(input.events.get(button), Some(Event::PointerButton { pressed: false, .. }));
        let moved = input.events.iter().take(button).any(|event| matches!(event, Event::PointerMoved(_)));
        if released && moved {
            // A drag that began in this frame would end before it is seen.
            self.waiting = input.events.split_off(button);
            ctx.request_repaint();
            return;
        }
        let rest = input.events.split_off(button + 1);
        let Some(Event::PointerButton { pos, modifiers, .. }) = input.events.last() else { return };
        if rest.iter().any(|event| matters_after(event, *pos, *modifiers)) {
            self.waiting = rest;
            ctx.request_repaint();
        } else {
            input.events.extend(rest);
        }
    }
}

fn first_button(events: &[Event]) -> Option<usize> {
    events.iter().position(|event| matches!(event, Event::PointerButton { .. }))
}

/// Whether an event may change what a press at a position, with these modifier keys, falls on or means.
fn matters_after(event: &Event, pos: Pos2, modifiers: Modifiers) -> bool {
    match event {
        Event::PointerMoved(to) => *to != pos,
        Event::ModifiersChanged(to) => *to != modifiers,
        Event::PointerButton { .. } | Event::PointerGone | Event::Touch { .. } | Event::WindowFocused(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{Modifiers, PointerButton, pos2};

    fn button(at: Pos2, pressed: bool, modifiers: Modifiers) -> Event {
        Event::PointerButton { pos: at, button: PointerButton::Primary, pressed, modifiers }
    }

    /// The frames that events of one moment become.
    fn frames(events: Vec<Event>) -> Vec<Vec<Event>> {
        let (ctx, mut plugin) = (Context::default(), OnePress::default());
        let mut frames = Vec::new();
        let mut input = RawInput { events, ..RawInput::default() };
        loop {
            plugin.input_hook(&ctx, &mut input);
            frames.push(input.take().events);
            if plugin.waiting.is_empty() {
                return frames;
            }
        }
    }

    #[test]
    fn a_quick_drag_becomes_press_movement_and_release() {
        let (a, b) = (pos2(10.0, 10.0), pos2(400.0, 300.0));
        let all = vec![
            Event::PointerMoved(a),
            button(a, true, Modifiers::NONE),
            Event::PointerMoved(b),
            button(b, false, Modifiers::NONE),
            Event::PointerMoved(a),
        ];
        let parts = frames(all.clone());
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 1, 1]);
        assert_eq!(parts.concat(), all, "nothing is lost and nothing is reordered");
    }

    #[test]
    fn a_press_alone_is_not_held_up() {
        let at = pos2(10.0, 10.0);
        let all = vec![Event::PointerMoved(at), button(at, true, Modifiers::NONE), Event::PointerMoved(at)];
        assert_eq!(frames(all).len(), 1);
        assert_eq!(frames(vec![Event::PointerMoved(at), Event::PointerMoved(pos2(20.0, 20.0))]).len(), 1);
    }

    #[test]
    fn a_click_has_the_modifiers_of_its_moment() {
        let at = pos2(10.0, 10.0);
        let (press, release) = (button(at, true, Modifiers::SHIFT), button(at, false, Modifiers::SHIFT));
        let keys = [Event::ModifiersChanged(Modifiers::SHIFT), Event::ModifiersChanged(Modifiers::NONE)];
        let parts = frames(vec![keys[0].clone(), press.clone(), release.clone(), keys[1].clone()]);
        assert_eq!(parts, [vec![keys[0].clone(), press], vec![release], vec![keys[1].clone()]]);
    }
}
