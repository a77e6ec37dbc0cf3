//! What is wrong with a layout file's text, and where.

use crate::model::Path;
use std::fmt;

/// A line and a column of a text, both from 1; columns count characters, as editors do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Place {
    /// The first character of a text.
    pub const START: Self = Self { line: 1, column: 1 };
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One thing that keeps a text from being a lab.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}{}", .hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default())]
pub struct Problem {
    /// Where it stands.
    pub place: Place,
    /// What it stands in, as far as that can be told.
    pub path: Path,
    /// What is wrong, and what was expected.
    pub message: String,
    /// What was probably meant, or what to do.
    pub hint: Option<String>,
}

/// Finds lines and columns in a text.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    /// The start of each line, and places within long lines, in the order of the text.
    marks: Vec<Mark>,
}

/// An offset whose line and column are known, both from 0.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    at: u32,
    line: u32,
    column: u32,
}

/// How many bytes of a line lie between two marks at most: a text may well be one line of many megabytes.
const MARKED_BYTES: u32 = 256;

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let mut marks = vec![Mark::default()];
        let mut here = Mark::default();
        let mut last = 0;
        // A text that the scanner lets in has less than 4 GiB, so no offset is cut short.
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        for (at, char) in text.char_indices() {
            here.at = number(at);
            if here.at - last >= MARKED_BYTES {
                marks.push(here);
                last = here.at;
            }
            if char == '\n' {
                here = Mark { at: here.at + 1, line: here.line + 1, column: 0 };
                marks.push(here);
                last = here.at;
            } else {
                here.column += 1;
            }
        }
        Self { marks }
    }

    pub(super) fn place(&self, text: &str, at: u32) -> Place {
        let after = self.marks.partition_point(|mark| mark.at <= at);
        let mark = after.checked_sub(1).and_then(|before| self.marks.get(before)).copied().unwrap_or_default();
        // A position inside a character is that of the character.
        let offset = (at - mark.at) as usize;
        let chars = text
            .get(mark.at as usize..)
            .map_or(0, |rest| rest.char_indices().take_while(|(start, char)| start + char.len_utf8() <= offset).count());
        let column = mark.column.saturating_add(u32::try_from(chars).unwrap_or(u32::MAX));
        Place { line: mark.line.saturating_add(1), column: column.saturating_add(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_short_and_in_very_long_lines() {
        let text = format!("a\nö{}b\n\nc", "é".repeat(1000));
        let lines = Lines::of(&text);
        let place = |needle: &str| lines.place(&text, u32::try_from(text.find(needle).unwrap()).unwrap());
        assert_eq!(place("a"), Place { line: 1, column: 1 });
        assert_eq!(place("ö"), Place { line: 2, column: 1 });
        assert_eq!(place("b"), Place { line: 2, column: 1002 });
        assert_eq!(place("c"), Place { line: 4, column: 1 });
        let middle = u32::try_from(text.find("éb").unwrap()).unwrap() + 1;
        assert_eq!(lines.place(&text, middle), Place { line: 2, column: 1001 }, "inside a character");
        assert_eq!(lines.place(&text, u32::try_from(text.len()).unwrap()), Place { line: 4, column: 2 });
        assert_eq!(Lines::default().place("", 0), Place::START);
    }
}
