//! Reading what a command is given, with errors that say the file, the line and what was expected.

use super::{Failure, Result};
use crate::host::file::read_bounded;
use crate::layout::{BYTES_MAX, Problem, read_bytes};
use crate::model::Lab;
use std::{fmt::Write as _, path::Path};

/// A layout with its text, which knows where everything stands.
pub(super) struct Loaded {
    pub(super) lab: Lab,
    pub(super) text: String,
}

/// Why a file is no layout.
pub(super) enum Unreadable {
    /// It cannot be read at all.
    File(crate::host::file::FileError),
    /// What it says is no lab.
    Text(Vec<Problem>),
}

/// Reads a layout, with its problems as data.
pub(super) fn load(path: &Path) -> std::result::Result<Loaded, Unreadable> {
    let bytes = read_bounded(path, BYTES_MAX as u64).map_err(Unreadable::File)?;
    let lab = read_bytes(&bytes).map_err(Unreadable::Text)?;
    // What reads as a layout is UTF-8.
    Ok(Loaded { lab, text: String::from_utf8(bytes).unwrap_or_default() })
}

impl Unreadable {
    /// The problems, one a line: `lab.ron:8:41: message (hint)`.
    pub(super) fn describe(&self, path: &Path) -> String {
        match self {
            Self::File(error) => error.to_string(),
            Self::Text(problems) => {
                let mut lines = String::new();
                for problem in problems {
                    // Writing to a String does not fail.
                    let _ = write!(lines, "{}{}:{problem}", if lines.is_empty() { "" } else { "\n" }, path.display());
                }
                lines
            }
        }
    }
}

/// Reads a layout, or fails with its problems.
pub(super) fn read_layout(path: &Path) -> Result<Loaded> {
    load(path).map_err(|unreadable| Failure::input(unreadable.describe(path)))
}
