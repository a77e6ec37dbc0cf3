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
    starts: Vec<u32>,
}

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        // A text that the scanner lets in has less than 4 GiB, so no offset is cut short.
        Self { starts: breaks.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX)).collect() }
    }

    pub(super) fn place(&self, text: &str, at: u32) -> Place {
        let line = self.starts.partition_point(|start| *start <= at);
        let start = line.checked_sub(1).and_then(|before| self.starts.get(before)).copied().unwrap_or(0);
        // A position inside a character is that of the character.
        let column = text
            .get(start as usize..)
            .map_or(0, |rest| rest.char_indices().take_while(|(offset, char)| *offset + char.len_utf8() <= (at - start) as usize).count());
        let number = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
        Place { line: number(line), column: number(column) }
    }
}
