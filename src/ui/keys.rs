//! Shortcuts: from egui's key events to the table of commands.

use crate::app::{COMMANDS, Command, DialogCommand, EditCommand, Entry, Family, Held, Mode, ModeCommand, Shortcut, State};
use egui::{Context, Event, Key, Modifiers};

/// A key that went down.
#[derive(Debug, Clone, Copy)]
struct Press {
    key: Key,
    physical: Option<Key>,
    modifiers: Modifiers,
}

impl Press {
    fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Key { key, physical_key, pressed: true, modifiers, .. } => {
                Some(Self { key: *key, physical: *physical_key, modifiers: *modifiers })
            }
            _ => None,
        }
    }

    fn is_plain(self) -> bool {
        !self.modifiers.any()
    }

    /// Whether it is this shortcut. With Shift a digit arrives as the sign on its key, so the key itself counts too; a sign
    /// is typed with Shift on some layouts and without on others, so there Shift does not matter. Alt makes letters of
    /// other keys, on Windows together with Control.
    fn is(self, shortcut: Shortcut) -> bool {
        let Some(wanted) = Key::from_name(shortcut.key) else { return false };
        let control = matches!(shortcut.held, Held::Control | Held::ControlShift);
        let shift = matches!(shortcut.held, Held::Shift | Held::ControlShift);
        let is_digit = shortcut.key.len() == 1 && shortcut.key.chars().all(|c| c.is_ascii_digit());
        let is_sign = matches!(wanted, Key::Questionmark | Key::Equals | Key::Plus | Key::Minus | Key::Period | Key::Comma);
        let held = if control { self.modifiers.command } else { !self.modifiers.command && !self.modifiers.ctrl };
        let same = self.key == wanted || (is_digit && self.physical == Some(wanted));
        held && same && !self.modifiers.alt && (self.modifiers.shift == shift || (is_sign && !shift))
    }
}

/// Whose the Escape key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// The commands': it selects nothing.
    Commands,
    /// The canvas's: it gives up the gesture under way.
    Canvas,
}

/// The commands whose keys were pressed, in the order of the presses, and eats those keys. Each press counts, also where a
/// frame is so slow that two fall into it. Tab, Enter, Backspace and the arrows are the canvas's own.
pub fn pressed(ctx: &Context, state: &State, escape: Escape) -> Vec<Command> {
    if state.dialog.is_some() {
        let closes = ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
        return closes.then_some(Command::Dialog(DialogCommand::CloseDialog)).into_iter().collect();
    }
    let typing = ctx.text_edit_focused();
    let mut commands = Vec::new();
    ctx.input_mut(|input| {
        input.events.retain(|event| {
            let Some(press) = Press::of(event) else { return true };
            let presenting = if state.mode == Mode::Present && !typing { presented(state, press) } else { None };
            // What cannot be done now may be after the press before: then it is asked for all the same, and checked there.
            let entry = || COMMANDS.iter().find(|entry| entry.shortcuts().any(|shortcut| press.is(shortcut)));
            let of_table = || {
                let entry = entry().filter(|entry| !typing || works_while_typing(entry))?;
                let canvas = press.key == Key::Escape && escape == Escape::Canvas;
                (!canvas && ((entry.enabled)(state) || !commands.is_empty())).then(|| entry.command.clone())
            };
            let command = presenting.or_else(of_table);
            let taken = command.is_some();
            commands.extend(command);
            !taken
        });
    });
    commands
}

/// While a text is typed, its keys are the field's: only files, help and the list of commands have theirs.
fn works_while_typing(entry: &Entry) -> bool {
    let is_function = entry.shortcuts().any(|shortcut| shortcut.key.len() > 1 && Key::from_name(shortcut.key) >= Some(Key::F1));
    entry.family == Family::File
        || entry.command == Command::Dialog(DialogCommand::CommandPalette)
        || (is_function && entry.command != Command::Edit(EditCommand::Rename))
}

/// What a key does while the lab is presented.
fn presented(state: &State, press: Press) -> Option<Command> {
    if !press.is_plain() {
        return None;
    }
    let pages = state.lab().views.len();
    match press.key {
        Key::Escape => Some(Command::Mode(ModeCommand::EndPresentation)),
        Key::Space | Key::PageDown | Key::ArrowDown | Key::ArrowRight | Key::Enter => Some(Command::Mode(ModeCommand::NextView)),
        Key::PageUp | Key::ArrowUp | Key::ArrowLeft | Key::Backspace => Some(Command::Mode(ModeCommand::PreviousView)),
        Key::Home => Some(Command::Mode(ModeCommand::ShowView(0))),
        Key::End => Some(Command::Mode(ModeCommand::ShowView(pages.saturating_sub(1)))),
        key => {
            let digits = [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6, Key::Num7, Key::Num8, Key::Num9];
            digits.iter().position(|digit| *digit == key).filter(|page| *page < pages).map(|it| Command::Mode(ModeCommand::ShowView(it)))
        }
    }
}

/// How often a key was pressed since the last frame, and eats those presses: where a frame is slow, a second press comes
/// before the first was seen, and both are meant.
pub fn times(ctx: &Context, held: Modifiers, key: Key) -> usize {
    ctx.input_mut(|input| input.count_and_consume_key(held, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Document, Preferences};
    use crate::app::{FileCommand, SelectCommand, ViewCommand};
    use egui::RawInput;

    fn press(key: Key, physical: Option<Key>, modifiers: Modifiers) -> Event {
        Event::Key { key, physical_key: physical, pressed: true, repeat: false, modifiers }
    }

    fn commands(state: &State, events: Vec<Event>) -> Vec<Command> {
        let ctx = Context::default();
        let mut commands = Vec::new();
        let raw = RawInput { events, ..RawInput::default() };
        let mut output = ctx.run_ui(raw, |ui| commands.extend(pressed(ui.ctx(), state, Escape::Commands)));
        output.textures_delta.clear();
        commands
    }

    fn state() -> State {
        let mut state = State::new(Preferences::default(), Vec::new());
        state.document = Document { open: true, ..Document::default() };
        state
    }

    #[test]
    fn egui_knows_every_key_of_the_table() {
        for shortcut in COMMANDS.iter().flat_map(Entry::shortcuts) {
            assert!(Key::from_name(shortcut.key).is_some(), "{}", shortcut.key);
            // The window's system turns these into copying, cutting and pasting, whatever else is held.
            let kept = matches!(shortcut.held, Held::Control | Held::ControlShift) && ["C", "V", "X", "Insert"].contains(&shortcut.key);
            assert!(!kept, "{} never arrives", shortcut.text());
        }
    }

    #[test]
    fn every_press_of_a_slow_frame_counts_in_its_order() {
        let control = |key| press(key, None, Modifiers::COMMAND);
        assert_eq!(commands(&state(), vec![control(Key::K)]), [Command::Dialog(DialogCommand::CommandPalette)]);
        assert_eq!(
            commands(&state(), vec![control(Key::K), control(Key::K)]),
            [Command::Dialog(DialogCommand::CommandPalette), Command::Dialog(DialogCommand::CommandPalette)]
        );
        // Nothing can be undone at the beginning of this frame; after another command that may be different.
        assert_eq!(commands(&state(), vec![control(Key::Z)]), []);
        assert_eq!(
            commands(&state(), vec![control(Key::A), control(Key::Z)]),
            [Command::Select(SelectCommand::SelectAll), Command::Edit(EditCommand::Undo)]
        );
        assert_eq!(commands(&state(), vec![press(Key::F12, None, Modifiers::COMMAND)]), []);
    }

    #[test]
    fn keys_count_as_they_arrive_on_real_keyboards() {
        let shift = Modifiers::SHIFT;
        let both = Modifiers::COMMAND | shift;
        let alt = Modifiers::COMMAND | Modifiers::ALT;
        for (event, command) in [
            (press(Key::Exclamationmark, Some(Key::Num1), shift), Some(Command::View(ViewCommand::ZoomFit))),
            (press(Key::Num1, Some(Key::Num1), shift), Some(Command::View(ViewCommand::ZoomFit))),
            (press(Key::Questionmark, Some(Key::Slash), both), Some(Command::Dialog(DialogCommand::Shortcuts))),
            (press(Key::Plus, Some(Key::Equals), both), Some(Command::View(ViewCommand::ZoomIn))),
            (press(Key::Num3, Some(Key::Num3), Modifiers::COMMAND), Some(Command::Mode(ModeCommand::Present))),
            (press(Key::F5, None, Modifiers::NONE), Some(Command::Mode(ModeCommand::Present))),
            (press(Key::Q, Some(Key::Q), alt), None),
            (press(Key::S, None, both), Some(Command::File(FileCommand::SaveAs))),
            (press(Key::S, None, shift), None),
        ] {
            assert_eq!(commands(&state(), vec![event.clone()]).first(), command.as_ref(), "{event:?}");
        }
    }

    #[test]
    fn the_field_has_its_keys_while_a_text_is_typed() {
        let allowed: Vec<&str> = COMMANDS.iter().filter(|entry| works_while_typing(entry)).map(|entry| entry.title).collect();
        for title in ["Save", "Open…", "All commands…", "Manual of the rules", "Next finding"] {
            assert!(allowed.contains(&title), "{title}");
        }
        for title in ["Delete", "Duplicate", "Undo", "Redo", "Select all", "Rename", "Deploy", "Heal all", "Show all", "Palette"] {
            assert!(!allowed.contains(&title), "{title}");
        }
    }
}
