//! What commands need from the outside, as data.

use super::{FileUse, ViewMove};
use crate::app::{ExportOptions, Permit, Preferences, Stamp, job::Job};
use crate::host::file::Fingerprint;
use crate::model::{Lab, Subject};
use crate::session::{ProviderId, settings::Settings};
use std::path::PathBuf;

/// What a command needs from the outside; workers do it and answer with events.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Let the user choose a file; propose this name.
    ChooseFile {
        /// What for.
        what: FileUse,
        /// The name to propose.
        name: String,
    },
    /// Read a lab.
    Read(PathBuf),
    /// Read a lab for its picture.
    ReadPreview(PathBuf),
    /// Write a lab. `state_id` comes back when it is done.
    Write {
        /// Which file.
        path: PathBuf,
        /// The lab.
        lab: Box<Lab>,
        /// The history's number of what is written.
        state_id: u64,
        /// What it may replace, and what for: a question about it comes back with this.
        permit: Permit,
        /// What the file was chosen for.
        what: FileUse,
    },
    /// Keep a copy against a crash.
    Autosave {
        /// Which file.
        path: Option<PathBuf>,
        /// What that file held when the changes began.
        base: Option<Fingerprint>,
        /// The lab.
        lab: Box<Lab>,
    },
    /// Keep a recovered lab as our own autosave, and only then remove the copy that it came from.
    TakeOver {
        /// The copy.
        autosave: PathBuf,
        /// Which file the lab belongs to.
        path: Option<PathBuf>,
        /// What that file held when the changes began.
        base: Option<Fingerprint>,
        /// The lab.
        lab: Box<Lab>,
    },
    /// The copy is not needed any more.
    DropAutosave {
        /// Which file.
        path: Option<PathBuf>,
    },
    /// Remove a copy that a run left behind.
    DropRecovery(PathBuf),
    /// Look whether a file has changed, now.
    Look(PathBuf, Stamp),
    /// Look from time to time whether the open file has changed.
    WatchFile(Option<(PathBuf, Stamp)>),
    /// List a folder for our own file chooser.
    List(PathBuf),
    /// Create a folder, and list it.
    CreateFolder(PathBuf),
    /// Write the preferences.
    KeepPreferences(Box<Preferences>),
    /// Open providers with these settings from now on.
    UseSettings(Box<Settings>),
    /// Look whether a provider can be used with these settings.
    Test(ProviderId, Box<Settings>),
    /// Export the lab.
    WriteExport {
        /// Which file.
        path: PathBuf,
        /// The lab.
        lab: Box<Lab>,
        /// As what, and how.
        options: ExportOptions,
        /// What it may replace.
        permit: Permit,
    },
    /// Do something with a provider.
    Start(Box<Job>),
    /// Stop it.
    Cancel,
    /// Watch the lab on a provider, or nothing any more.
    Watch(Option<Box<Watched>>),
    /// Move the canvas's view.
    View(ViewMove),
    /// Rename in place on the canvas.
    RenameInPlace(Subject),
    /// Close the window.
    Quit,
}

/// A lab that is to be watched.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// The provider, as `--on` takes it.
    pub provider: String,
    /// The file that the lab belongs to.
    pub file: PathBuf,
    /// The lab as it is drawn.
    pub lab: Lab,
}
