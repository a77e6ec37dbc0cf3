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
        if (entry.enabled)(state) && ctx.input_mut(|input| input.consume_key(held, key)) {
            commands.push(entry.command.clone());
        }
    }
    commands
}

fn is_function(shortcut: Shortcut) -> bool {
    shortcut.key.len() > 1 && shortcut.key.starts_with('F') && shortcut.key.chars().skip(1).all(|c| c.is_ascii_digit())
}

fn presenting(ctx: &Context, commands: &mut Vec<Command>) {
    let take = |key: Key| ctx.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    if take(Key::Escape) {
        commands.push(Command::Design);
    }
    if take(Key::Space) || take(Key::PageDown) || take(Key::ArrowDown) {
        commands.push(Command::NextView);
    }
    if take(Key::PageUp) || take(Key::ArrowUp) {
        commands.push(Command::PreviousView);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn egui_knows_every_key_of_the_table() {
        for shortcut in COMMANDS.iter().filter_map(|entry| entry.shortcut) {
            assert!(of(shortcut).is_some(), "{}", shortcut.key);
        }
    }
}
