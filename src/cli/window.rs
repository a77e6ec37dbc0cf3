//! The designer, opened from the command line.

use super::{Outcome, Result};
use std::path::PathBuf;

/// Opens the window, with a layout or with the gallery of templates, and stays until it is closed.
#[cfg(feature = "desktop")]
pub(super) fn open(layout: Option<PathBuf>) -> Result<Outcome> {
    if cfg!(target_os = "linux") && !has_display(std::env::var_os) {
        return Err(super::Failure::input(
            "there is no display for the window (neither DISPLAY nor WAYLAND_DISPLAY is set); all commands work without one: \
             `sandtable --help` lists them, and `sandtable export` makes a picture of a layout",
        ));
    }
    crate::ui::run(layout)?;
    Ok(Outcome::Good)
}

/// Whether a desktop on Linux has told where its display is.
#[cfg(feature = "desktop")]
fn has_display(variable: impl Fn(&'static str) -> Option<std::ffi::OsString>) -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"].into_iter().any(|name| variable(name).is_some_and(|value| !value.is_empty()))
}

/// Says that there is no window to open.
#[cfg(not(feature = "desktop"))]
pub(super) fn open(layout: Option<PathBuf>) -> Result<Outcome> {
    let about = layout.map_or_else(String::new, |path| format!(" for {}", path.display()));
    Err(super::Failure::input(format!(
        "this sandtable was built without its window{about}; `sandtable --help` lists what it does without one"
    )))
}

#[cfg(all(test, feature = "desktop"))]
mod tests {
    use super::has_display;

    #[test]
    fn a_display_is_named_by_the_environment() {
        assert!(has_display(|name| (name == "WAYLAND_DISPLAY").then(|| "wayland-0".into())));
        assert!(has_display(|name| (name == "DISPLAY").then(|| ":0".into())));
        assert!(!has_display(|name| (name == "DISPLAY").then(Default::default)));
        assert!(!has_display(|_| None));
    }
}
