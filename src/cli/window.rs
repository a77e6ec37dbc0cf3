//! The designer, opened from the command line.

use super::{Outcome, Result};
use std::path::PathBuf;

/// Opens the window, with a layout or with the gallery of templates, and stays until it is closed.
#[cfg(feature = "desktop")]
pub(super) fn open(layout: Option<PathBuf>) -> Result<Outcome> {
    crate::ui::run(layout)?;
    Ok(Outcome::Good)
}

/// Says that there is no window to open.
#[cfg(not(feature = "desktop"))]
pub(super) fn open(layout: Option<PathBuf>) -> Result<Outcome> {
    let about = layout.map_or_else(String::new, |path| format!(" for {}", path.display()));
    Err(super::Failure::input(format!(
        "this sandtable was built without its window{about}; `sandtable --help` lists what it does without one"
    )))
}
