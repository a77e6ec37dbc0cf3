//! Shortcuts: from the table of commands to egui's keys.

use crate::app::{COMMANDS, Command, Held, Mode, Shortcut, State};
use egui::{Context, Key, Modifiers};

/// A shortcut in egui's types; `None` for a key that egui does not know (a test sees to it that there is none).
fn of(shortcut: Shortcut) -> Option<(Modifiers, Key)> {
    let key = Key::from_name(shortcut.key)?;
    let held = match shortcut.held {
        Held::None => Modifiers::NONE,
        Held::Shift => Modifiers::SHIFT,
        Held::Control => Modifiers::COMMAND,
        Held::ControlShift => Modifiers::COMMAND | Modifiers::SHIFT,
    };
    Some((held, key))
}

/// Whose the Escape key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// The commands': it selects nothing.
    Commands,
    /// The canvas's: it gives up the gesture under way.
    Canvas,
}

/// The commands whose keys were pressed, and eats those keys. While a text is being typed, plain keys belong to it. Tab,
/// Enter, Backspace and the arrows are the canvas's own.
pub fn pressed(ctx: &Context, state: &State, escape: Escape) -> Vec<Command> {
    let typing = ctx.text_edit_focused();
    let mut commands = Vec::new();
    if state.dialog.is_some() {
        if ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape)) {
            commands.push(Command::CloseDialog);
        }
        return commands;
    }
    if state.mode == Mode::Present {
        presenting(ctx, &mut commands);
    }
    // Those with more held first: Ctrl S must not take Ctrl Shift S.
    let mut entries: Vec<_> = COMMANDS.iter().filter_map(|entry| Some((entry.shortcut?, entry))).collect();
    entries.sort_by_key(|(shortcut, _)| std::cmp::Reverse(shortcut.held));
    for (shortcut, entry) in entries {
        let plain = matches!(shortcut.held, Held::None | Held::Shift);
        let is_text = matches!(entry.command, Command::Undo | Command::Redo | Command::SelectAll);
        if typing && (plain || is_text) && !is_function(shortcut) {
            continue;
        }
        let Some((held, key)) = of(shortcut) else { continue };
        if key == Key::Escape && escape == Escape::Canvas {
            continue;
        }
        if (entry.enabled)(state) {
            let times = times(ctx, held, key);
            commands.extend(std::iter::repeat_n(&entry.command, times).cloned());
        }
    }
    commands
}

fn is_function(shortcut: Shortcut) -> bool {
    shortcut.key.len() > 1 && shortcut.key.starts_with('F') && shortcut.key.chars().skip(1).all(|c| c.is_ascii_digit())
}

fn presenting(ctx: &Context, commands: &mut Vec<Command>) {
    let take = |key: Key| times(ctx, Modifiers::NONE, key);
    if take(Key::Escape) > 0 {
        commands.push(Command::Design);
    }
    let forward = take(Key::Space) + take(Key::PageDown) + take(Key::ArrowDown);
    let backward = take(Key::PageUp) + take(Key::ArrowUp);
    commands.extend(std::iter::repeat_n(Command::NextView, forward));
    commands.extend(std::iter::repeat_n(Command::PreviousView, backward));
}

/// How often a key was pressed since the last frame, and eats those presses: where a frame is slow, a second press comes
/// before the first was seen, and both are meant.
pub fn times(ctx: &Context, held: Modifiers, key: Key) -> usize {
    ctx.input_mut(|input| input.count_and_consume_key(held, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{Event, RawInput};

    #[test]
    fn egui_knows_every_key_of_the_table() {
        for shortcut in COMMANDS.iter().filter_map(|entry| entry.shortcut) {
            assert!(of(shortcut).is_some(), "{}", shortcut.key);
        }
    }

    #[test]
    fn every_press_of_a_slow_frame_counts() {
        let state = State::new(crate::app::Preferences::default(), Vec::new());
        let pressed_in = |keys: &[(Key, Modifiers)]| {
            let press = |(key, modifiers): &(Key, Modifiers)| Event::Key {
                key: *key,
                physical_key: None,
                pressed: true,
                repeat: false,
                modifiers: *modifiers,
            };
            let ctx = Context::default();
            let mut commands = Vec::new();
            let raw = RawInput { events: keys.iter().map(press).collect(), ..RawInput::default() };
            let mut output = ctx.run_ui(raw, |ui| commands.extend(pressed(ui.ctx(), &state, Escape::Commands)));
            output.textures_delta.clear();
            commands
        };
        let palette = (Key::K, Modifiers::COMMAND);
        let one = pressed_in(&[palette]);
        assert_eq!(one.len(), 1, "{one:?}");
        assert_eq!(pressed_in(&[palette, palette]), [one.as_slice(), one.as_slice()].concat());
        assert_eq!(pressed_in(&[(Key::F12, Modifiers::COMMAND)]), []);
    }
}
