//! What the window remembers about its user: theme, recent files, which panels are open and how large.

use crate::look::{Preference, size};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Files that "recent" keeps.
pub const RECENT_MAX: usize = 10;

/// The preferences. Unknown or missing fields are no error: a file of another version still opens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// Which theme.
    pub theme: Preference,
    /// Files opened or saved, the last first.
    pub recent: Vec<PathBuf>,
    /// Whether the palette is open.
    pub palette_open: bool,
    /// Whether the inspector is open.
    pub inspector_open: bool,
    /// Whether the lower panel is open.
    pub bottom_open: bool,
    /// The provider that was chosen last, by its name.
    pub provider: String,
    /// Width and height of panels in points: palette, inspector, lower panel.
    pub panel_sizes: [f32; 3],
    /// How the window was left; `None`: it was never opened.
    pub window: Option<WindowPlace>,
}

/// How the window was left. Full screen is none of it: that ends with the presentation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WindowPlace {
    /// Its inner width and height in points, while it is not maximized.
    pub size: [f32; 2],
    /// Whether it is maximized.
    pub maximized: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            theme: Preference::System,
            recent: Vec::new(),
            palette_open: true,
            inspector_open: true,
            bottom_open: true,
            provider: "sim".to_owned(),
            panel_sizes: [size::PALETTE_WIDTH, size::INSPECTOR_WIDTH, 212.0],
            window: None,
        }
    }
}

impl Preferences {
    /// Reads preferences; a text that cannot be read gives the defaults, because they are never worth a refusal to start.
    pub fn read(text: &str) -> Self {
        ron::from_str(text).unwrap_or_default()
    }

    /// As the text of their file.
    pub fn write(&self) -> String {
        ron::ser::to_string_pretty(self, ron::ser::PrettyConfig::default()).unwrap_or_default()
    }

    /// Puts a file in front of the recent ones.
    pub fn remember(&mut self, path: &Path) {
        self.recent.retain(|recent| recent != path);
        self.recent.insert(0, path.to_owned());
        self.recent.truncate(RECENT_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_preferences_read_back_and_garbage_is_the_default() {
        let mut preferences = Preferences { theme: Preference::Dark, bottom_open: false, ..Preferences::default() };
        preferences.remember(Path::new("a.ron"));
        assert_eq!(Preferences::read(&preferences.write()), preferences);
        assert_eq!(Preferences::read("(theme: dark, from_the_future: 3)").theme, Preference::Dark);
        assert_eq!(Preferences::read("((("), Preferences::default());
    }

    #[test]
    fn recent_files_are_unique_bounded_and_last_first() {
        let mut preferences = Preferences::default();
        for n in 0..20 {
            preferences.remember(Path::new(&format!("{n}.ron")));
        }
        preferences.remember(Path::new("15.ron"));
        assert_eq!(preferences.recent.len(), RECENT_MAX);
        assert_eq!(preferences.recent[..2], [PathBuf::from("15.ron"), PathBuf::from("19.ron")]);
    }
}
