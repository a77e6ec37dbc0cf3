//! The designer, opened from the command line.

use super::{Failure, Outcome, Result};
use std::path::PathBuf;

/// Opens the window, with a layout or with the gallery of templates.
pub(super) fn open(layout: Option<PathBuf>) -> Result<Outcome> {
    // The seam to the window: `crate::ui::run(layout)` under `feature = "desktop"`.
    let about = layout.map_or_else(String::new, |path| format!(" {}", path.display()));
    Err(Failure::input(format!("this sandtable has no window to open{about} in; `sandtable --help` lists what it does without one")))
}
