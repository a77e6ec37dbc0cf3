//! The one way in which layouts and exports become files, for the window and the command line.
//!
//! A file that exists is never replaced without a permit, an export never takes a layout's place, and a layout never takes
//! the place of anything else.

use super::Stamp;
use crate::host::file::{Backup, FileError, Fingerprint, Replace, read_bounded, save_guarded};
use crate::layout;
use crate::model::Lab;
use std::path::{Path, PathBuf};

/// What the user has agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// A new file.
    New,
    /// Replacing the file as it was when it was read, or when the user was asked about it.
    Unchanged(Fingerprint),
    /// Replacing a file of the same sort: a flag, or the desktop's own question.
    Confirmed,
    /// Replacing the open document whatever became of it on disk.
    Anything,
}

impl Permit {
    fn replace(self) -> Replace {
        match self {
            Self::New => Replace::Never,
            Self::Unchanged(content) => Replace::Unchanged(content),
            Self::Confirmed | Self::Anything => Replace::Always,
        }
    }
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// There is a file of that name.
    #[error("{} exists", path.display())]
    Exists {
        /// Which file.
        path: PathBuf,
        /// What it holds.
        content: Fingerprint,
    },
    /// The file was written by another program since it was read.
    #[error("{} has changed on disk since it was read", .0.display())]
    Changed(PathBuf),
    /// A layout would take the place of something else.
    #[error("{} does not hold a layout ({why}); save under another name", path.display())]
    NotLayout {
        /// Which file.
        path: PathBuf,
        /// What the reader says.
        why: String,
    },
    /// An export would take the place of a layout.
    #[error("{} is a layout's file; export under another name, such as {}", .0.display(), .0.with_extension("svg").display())]
    Layout(PathBuf),
    /// A lab that could not be read back.
    #[error("{0}")]
    Value(String),
    /// The system refused.
    #[error(transparent)]
    File(FileError),
}

/// Writes a lab, whole or not at all; the file as it was stays beside it, with `~` behind its name. Comments at the top of
/// the file stay. A lab that could not be read back is not written.
///
/// # Errors
/// Where the permit does not cover what is there, the lab cannot be written, or the system refuses.
pub fn save_layout(path: &Path, lab: &Lab, permit: Permit) -> Result<Stamp, SaveError> {
    if let Some((place, why)) = layout::wrong_values(lab).first() {
        return Err(SaveError::Value(format!("{place}: {why}")));
    }
    let previous = present(path)?;
    if let Some(bytes) = &previous {
        permitted(path, bytes, permit)?;
        if permit != Permit::Anything
            && !bytes.is_empty()
            && let Err(problems) = layout::read_bytes(bytes)
        {
            let why = problems.first().map(ToString::to_string).unwrap_or_default();
            return Err(SaveError::NotLayout { path: path.to_owned(), why });
        }
    }
    let previous = previous.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let text = if previous.is_empty() { layout::write(lab) } else { layout::rewrite(lab, &previous) };
    save(path, text.as_bytes(), Backup::Keep, permit)?;
    Ok(Stamp::of(path, text.as_bytes()))
}

/// Writes an export, whole or not at all.
///
/// # Errors
/// Where the permit does not cover what is there, a layout is in the way, or the system refuses.
pub fn save_export(path: &Path, bytes: &[u8], permit: Permit) -> Result<(), SaveError> {
    let named_as_layout = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("ron"));
    let previous = if named_as_layout { None } else { present(path)? };
    if named_as_layout || previous.as_deref().is_some_and(|bytes| layout::read_bytes(bytes).is_ok()) {
        return Err(SaveError::Layout(path.to_owned()));
    }
    if let Some(previous) = &previous {
        permitted(path, previous, permit)?;
    }
    save(path, bytes, Backup::None, permit)
}

/// What a file holds; `None` where there is none.
fn present(path: &Path) -> Result<Option<Vec<u8>>, SaveError> {
    match read_bounded(path, layout::BYTES_MAX as u64) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(FileError::Missing(_)) => Ok(None),
        Err(error) => Err(SaveError::File(error)),
    }
}

fn permitted(path: &Path, bytes: &[u8], permit: Permit) -> Result<(), SaveError> {
    let content = Fingerprint::of(bytes);
    match permit {
        Permit::New => Err(SaveError::Exists { path: path.to_owned(), content }),
        Permit::Unchanged(expected) if expected != content => Err(SaveError::Changed(path.to_owned())),
        Permit::Unchanged(_) | Permit::Confirmed | Permit::Anything => Ok(()),
    }
}

/// Writes; what came in the way since the file was looked at is told as if it had been there before.
fn save(path: &Path, bytes: &[u8], backup: Backup, permit: Permit) -> Result<(), SaveError> {
    save_guarded(path, bytes, backup, permit.replace()).map_err(|error| match error {
        FileError::Changed(_) => SaveError::Changed(path.to_owned()),
        FileError::Exists(_) => match present(path) {
            Ok(Some(bytes)) => SaveError::Exists { path: path.to_owned(), content: Fingerprint::of(&bytes) },
            _ => SaveError::File(error),
        },
        error => SaveError::File(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn lab(name: &str) -> Lab {
        Lab::new(name)
    }

    #[test]
    fn an_existing_file_needs_a_permit_for_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ron");
        let first = save_layout(&path, &lab("first"), Permit::New).unwrap();
        let Err(SaveError::Exists { content, .. }) = save_layout(&path, &lab("second"), Permit::New) else { panic!("written") };
        assert_eq!(content, first.content);
        save_layout(&path, &lab("second"), Permit::Unchanged(content)).unwrap();
        assert!(matches!(save_layout(&path, &lab("third"), Permit::Unchanged(content)), Err(SaveError::Changed(_))));
        assert!(fs::read_to_string(&path).unwrap().contains("second"));
        assert!(fs::read_to_string(folder.path().join("a.ron~")).unwrap().contains("first"));
    }

    #[test]
    fn a_layout_replaces_nothing_but_layouts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("thesis.txt");
        fs::write(&path, "Chapter 1").unwrap();
        let content = Fingerprint::of(b"Chapter 1");
        for permit in [Permit::Confirmed, Permit::Unchanged(content)] {
            assert!(matches!(save_layout(&path, &lab("a"), permit), Err(SaveError::NotLayout { .. })));
        }
        assert_eq!(fs::read(&path).unwrap(), b"Chapter 1");
        save_layout(&path, &lab("a"), Permit::Anything).unwrap();
        assert_eq!(fs::read(folder.path().join("thesis.txt~")).unwrap(), b"Chapter 1", "the old content is kept");
    }

    #[test]
    fn an_export_never_replaces_a_layout() {
        let folder = tempfile::tempdir().unwrap();
        let (ron, disguised, svg) = (folder.path().join("a.RON"), folder.path().join("a.txt"), folder.path().join("a.svg"));
        save_layout(&disguised, &lab("a"), Permit::New).unwrap();
        for path in [&ron, &disguised] {
            for permit in [Permit::New, Permit::Confirmed, Permit::Anything] {
                assert!(matches!(save_export(path, b"<svg/>", permit), Err(SaveError::Layout(_))));
            }
        }
        assert!(!ron.exists());
        save_export(&svg, b"<svg/>", Permit::New).unwrap();
        assert!(matches!(save_export(&svg, b"<svg></svg>", Permit::New), Err(SaveError::Exists { .. })));
        save_export(&svg, b"<svg></svg>", Permit::Confirmed).unwrap();
        assert_eq!(fs::read(&svg).unwrap(), b"<svg></svg>");
    }
}
