//! Files dropped on the window: which of them is opened, and what to say of the others.

use std::path::{Path, PathBuf};

/// Names that a message lists before it only counts.
const NAMED_MAX: usize = 3;

/// What becomes of dropped files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dropped {
    /// The layout that is opened.
    pub open: Option<PathBuf>,
    /// The names of files that are not.
    pub left_out: Vec<String>,
}

impl Dropped {
    /// The first layout among files; a layout is known by its extension.
    pub fn of(paths: &[PathBuf]) -> Self {
        let place = paths.iter().position(|path| is_layout(path));
        let others = paths.iter().enumerate().filter(|(nth, _)| Some(*nth) != place);
        Self { open: place.and_then(|place| paths.get(place).cloned()), left_out: others.map(|(_, path)| name(path)).collect() }
    }

    /// What letting go would do, while files are over the window.
    pub fn hint(&self) -> String {
        match (&self.open, self.left_out.as_slice()) {
            (Some(open), []) => format!("Drop to open {}", name(open)),
            (Some(open), others) => format!("Drop to open {}; not {}", name(open), listed(others)),
            (None, []) => "Drop a layout file (.ron) to open it".to_owned(),
            (None, others) => format!("Not a layout file (.ron): {}", listed(others)),
        }
    }

    /// What is to be said once they were dropped; `None`: there is nothing but the layout that is opened.
    pub fn message(&self) -> Option<String> {
        match (&self.open, self.left_out.as_slice()) {
            (_, []) => None,
            (Some(open), others) => Some(format!("Only one layout opens at a time: {}. Left out: {}.", name(open), listed(others))),
            (None, others) => Some(format!("{} cannot be opened: drop a layout file (.ron).", listed(others))),
        }
    }
}

fn is_layout(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("ron"))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Dropped {
        Dropped::of(&names.iter().map(|name| Path::new("/x").join(name)).collect::<Vec<_>>())
    }

    #[test]
    fn the_first_layout_is_opened_and_the_rest_is_named() {
        let open = |names: &[&str]| of(names).open.map(|path| name(&path));
        for (names, opened, says) in [
            (&["a.ron"][..], Some("a.ron"), None),
            (&["A.RON"], Some("A.RON"), None),
            (&["notes.txt", "a.ron", "b.ron"], Some("a.ron"), Some("a.ron. Left out: notes.txt, b.ron.")),
            (&["notes.txt"], None, Some("notes.txt cannot be opened: drop a layout file (.ron)")),
            (&["a.ron~"], None, Some("a.ron~ cannot be opened")),
            (&["1", "2", "3", "4", "5"], None, Some("1, 2, 3 and 2 more cannot be opened")),
            (&[], None, None),
        ] {
            assert_eq!(open(names).as_deref(), opened, "{names:?}");
            match (of(names).message(), says) {
                (None, None) => {}
                (Some(said), Some(says)) => assert!(said.contains(says), "{said}"),
                other => panic!("{names:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_hint_says_what_letting_go_does() {
        assert_eq!(of(&["a.ron"]).hint(), "Drop to open a.ron");
        assert_eq!(of(&["a.ron", "b.txt"]).hint(), "Drop to open a.ron; not b.txt");
        assert_eq!(of(&["b.txt"]).hint(), "Not a layout file (.ron): b.txt");
        assert_eq!(of(&[]).hint(), "Drop a layout file (.ron) to open it");
    }
}
