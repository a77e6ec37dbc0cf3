//! A field for a whole number: typed, or stepped with the arrow keys.

use super::{TextField, Typed};
use egui::{Key, Ui};
use std::ops::RangeInclusive;

/// A field for a whole number. Show it with [`NumberField::show`].
#[must_use = "a field is shown by show"]
pub struct NumberField<'a> {
    name: &'a str,
    value: i64,
    range: RangeInclusive<i64>,
    step: i64,
    unit: &'a str,
    problem: Option<&'a str>,
}

/// How often a key was pressed since the last frame.
fn presses(input: &egui::InputState, key: Key) -> i64 {
    i64::try_from(input.num_presses(key)).unwrap_or(0)
}

impl<'a> NumberField<'a> {
    /// A field with its name, its value and the values it takes.
    pub fn new(name: &'a str, value: i64, range: RangeInclusive<i64>) -> Self {
        Self { name, value, range, step: 1, unit: "", problem: None }
    }

    /// How far an arrow key goes.
    pub fn step(self, step: i64) -> Self {
        Self { step, ..self }
    }

    /// The unit at its right end.
    pub fn unit(self, unit: &'a str) -> Self {
        Self { unit, ..self }
    }

    /// What is wrong with the value that it has.
    pub fn problem(self, problem: Option<&'a str>) -> Self {
        Self { problem, ..self }
    }

    /// Shows it; gives the new value when one was committed.
    pub fn show(self, ui: &mut Ui) -> Option<i64> {
        let text = self.value.to_string();
        let check = |typed: &str| parse(typed, &self.range).map(|_| ());
        let output = TextField::new(self.name, &text).mono().suffix(self.unit).problem(self.problem).check(&check).show(ui);
        if output.response.has_focus() {
            let steps = ui.input(|input| presses(input, Key::ArrowUp) - presses(input, Key::ArrowDown));
            let stepped = stepped(self.value, steps * self.step, &self.range);
            if stepped != self.value {
                return Some(stepped);
            }
        }
        match output.typed {
            Typed::Committed(typed) => parse(&typed, &self.range).ok(),
            Typed::Nothing | Typed::Editing(_) | Typed::Cancelled => None,
        }
    }
}

fn stepped(value: i64, by: i64, range: &RangeInclusive<i64>) -> i64 {
    if by == 0 { value } else { value.saturating_add(by).clamp(*range.start(), (*range.end()).max(*range.start())) }
}

fn parse(typed: &str, range: &RangeInclusive<i64>) -> Result<i64, String> {
    let expected = || format!("A whole number from {} to {}.", range.start(), range.end());
    let number: i64 = typed.trim().parse().map_err(|_| expected())?;
    if range.contains(&number) { Ok(number) } else { Err(expected()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_numbers() {
        assert_eq!(parse(" 512 ", &(1..=1024)), Ok(512));
        for wrong in ["", "0", "1025", "5.5", "many", "99999999999999999999"] {
            assert_eq!(parse(wrong, &(1..=1024)), Err("A whole number from 1 to 1024.".into()), "{wrong}");
        }
    }

    #[test]
    fn steps_stay_in_range() {
        assert_eq!(stepped(1000, 256, &(1..=1024)), 1024);
        assert_eq!(stepped(1, -1, &(1..=1024)), 1);
        assert_eq!(stepped(5000, 0, &(1..=1024)), 5000, "a value that was out of range is left alone");
        assert_eq!(stepped(i64::MAX, 1, &(0..=i64::MAX)), i64::MAX);
    }
}
