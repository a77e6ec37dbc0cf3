//! The open file: where it is, whether it is saved, and what to do where it changed under us.

use crate::host::file::Fingerprint;
use crate::model::Lab;
use crate::picture::Thumbnail;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

/// How a file looked when we last read or wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// When it was last written; `None`: not known.
    pub modified: Option<SystemTime>,
    /// What it held.
    pub content: Fingerprint,
}

impl Stamp {
    /// Of a file that holds this content.
    pub fn of(path: &Path, content: &[u8]) -> Self {
        let modified = std::fs::metadata(path).and_then(|data| data.modified()).ok();
        Self { modified, content: Fingerprint::of(content) }
    }
}

/// What became of the open file while it was open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskChange {
    /// Another program wrote it, and it is a layout.
    Written(Fingerprint),
    /// It holds no layout any more, and why.
    Unreadable(Fingerprint, String),
    /// It is not there, or cannot be read.
    Gone(String),
}

/// What to go on with once unsaved changes are dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// An empty lab.
    New,
    /// Choose a file and open it.
    Open,
    /// Open this file.
    OpenPath(PathBuf),
    /// A new lab from a template, by its place in the list of templates.
    Template(usize),
    /// A new lab of the machines that VirtualBox has.
    Import,
    /// Back to what the file holds.
    Reload,
    /// Close the window.
    Quit,
    /// Work out what has to be done to deploy it.
    Plan,
}

/// Where the lab comes from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document {
    /// The file; `None`: never saved.
    pub path: Option<PathBuf>,
    /// How the file looked when we last read or wrote it.
    pub stamp: Option<Stamp>,
    /// Whether the user has a lab open at all: before, the gallery of templates is shown.
    pub open: bool,
    /// What became of the file on disk since, if anything; the user is asked about it once.
    pub change: Option<DiskChange>,
    /// What the user was already asked about.
    pub asked: Option<DiskChange>,
}

impl Document {
    /// What the top bar calls it.
    pub fn title(&self, lab: &Lab) -> String {
        let file = self.path.as_deref().and_then(std::path::Path::file_name).map(|name| name.to_string_lossy().into_owned());
        file.unwrap_or_else(|| if lab.name.is_empty() { "untitled".to_owned() } else { lab.name.clone() })
    }

    /// The file name that "save as" proposes.
    pub fn file_name(&self, lab: &Lab) -> String {
        if let Some(name) = self.path.as_deref().and_then(std::path::Path::file_name) {
            return name.to_string_lossy().into_owned();
        }
        let slug: Vec<String> =
            lab.name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
        if slug.is_empty() { "lab.ron".to_owned() } else { format!("{}.ron", slug.join("-")) }
    }
}

/// A lab left behind by a run that did not end well.
#[derive(Debug, Clone, PartialEq)]
pub struct Recovery {
    /// The lab.
    pub lab: Lab,
    /// The file that it belongs to; `None`: it was never saved.
    pub path: Option<PathBuf>,
    /// How that file looked when the changes began; `None`: not known.
    pub stamp: Option<Stamp>,
    /// When it was kept.
    pub kept: SystemTime,
    /// The autosave itself, to be removed once it is dealt with.
    pub autosave: PathBuf,
}

/// What is in a folder, as our own file chooser shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The folder.
    pub folder: PathBuf,
    /// Folders in it, by name.
    pub folders: Vec<String>,
    /// Files in it, by name.
    pub files: Vec<String>,
    /// Entries that are not listed because there are too many.
    pub more: usize,
    /// Why it cannot be listed; empty: it can.
    pub problem: String,
}

/// A lab that Sandtable ships with.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// What it shows.
    pub about: String,
    /// The lab itself.
    pub lab: Lab,
    /// Its picture.
    pub thumbnail: Arc<Thumbnail>,
}

/// The picture of a file that is not open.
#[derive(Debug, Clone, PartialEq)]
pub enum FilePreview {
    /// It is being read.
    Reading,
    /// This is in it.
    Drawn(Arc<Thumbnail>),
    /// It cannot be read, and why.
    Unreadable(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_without_a_file_proposes_its_name() {
        let document = Document::default();
        for (name, file) in [("Three-node lab", "three-node-lab.ron"), ("", "lab.ron"), ("  ../x ", "x.ron")] {
            assert_eq!(document.file_name(&Lab::new(name)), file);
        }
        let saved = Document { path: Some("/home/me/shop.ron".into()), ..Document::default() };
        assert_eq!((saved.file_name(&Lab::new("Other")), saved.title(&Lab::new("Other"))), ("shop.ron".into(), "shop.ron".into()));
        assert_eq!(document.title(&Lab::new("")), "untitled");
    }
}
