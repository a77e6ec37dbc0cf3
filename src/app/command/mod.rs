//! What the user can want, and what doing it needs from the outside.
//!
//! A command is data; [`super::State::apply`] is the one place that does it.

mod area;
mod effect;

pub use area::{
    AnswerCommand, DialogCommand, EditCommand, FaultCommand, FileCommand, ModeCommand, PreferenceCommand, RunCommand, SelectCommand,
    ViewCommand, WindowCommand,
};
pub use effect::{Effect, Watched};

use super::{After, export::ExportFormat};
use crate::host::file::Fingerprint;
use crate::model::{NodeName, Pos, ServiceRef, Subject};
use std::path::PathBuf;

/// The tabs of the lower panel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tab {
    /// What is wrong.
    #[default]
    Findings,
    /// What will be done.
    Plan,
    /// What is broken on purpose.
    Faults,
    /// What happened.
    Events,
    /// Requests from outside.
    Load,
    /// What the program says of itself.
    Log,
}

impl Tab {
    /// All tabs, in order.
    pub const ALL: [Self; 6] = [Self::Findings, Self::Plan, Self::Faults, Self::Events, Self::Load, Self::Log];

    /// The word on the tab.
    pub fn title(self) -> &'static str {
        match self {
            Self::Findings => "Findings",
            Self::Plan => "Plan",
            Self::Faults => "Faults",
            Self::Events => "Events",
            Self::Load => "Load",
            Self::Log => "Log",
        }
    }

    /// What is in it.
    pub fn about(self) -> &'static str {
        match self {
            Self::Findings => "Problems of the layout, and their fixes",
            Self::Plan => "Steps between what runs and the layout",
            Self::Faults => "Faults that were injected and still last",
            Self::Events => "What happened to the running lab",
            Self::Load => "Requests from outside",
            Self::Log => "Messages of Sandtable",
        }
    }
}

/// What stands over everything else until it is answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Dialog {
    /// The list of all commands.
    CommandPalette,
    /// Labs to begin with.
    Templates,
    /// The lab has changes that no file holds.
    Unsaved(After),
    /// A lab was left behind by a run that did not end well.
    Recover,
    /// The file is not what we read any more.
    ChangedOnDisk,
    /// A file of the chosen name exists: what for, which, and what it holds.
    Overwrite(FileUse, PathBuf, Fingerprint),
    /// As what, and how, the lab is to be exported.
    Export,
    /// Why is this finding meant? The rule's code and what the finding is about.
    Accept {
        /// The rule's code.
        rule: String,
        /// What the finding is about.
        subject: Subject,
    },
    /// The plan is to be deployed, and the lab has open errors.
    DeployErrors,
    /// All of the lab's machines and networks are to go.
    Destroy,
    /// A file chooser of our own, where the desktop has none.
    Browser(FileUse),
    /// The manual of the rules, at a rule's page.
    Manual(Option<String>),
    /// The preferences.
    Preferences,
    /// The list of notices.
    Notices,
    /// All shortcuts.
    Shortcuts,
    /// What this is.
    About,
    /// The versions of packages that nodes keep to.
    Pins,
    /// What was logged of a node's set-up.
    NodeLog(NodeName),
    /// A node is to go back to a snapshot.
    Restore(NodeName, String),
    /// A replica is to become the primary.
    Promote(ServiceRef),
    /// A page of a presentation is being written: its place in the list, or a new one.
    View(Option<usize>),
}

/// What a file is chosen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileUse {
    /// To be opened.
    Open,
    /// To hold the lab.
    Save,
    /// To hold the lab, and then the window closes or another lab is opened.
    SaveThen,
    /// To hold an export of this format.
    Export(ExportFormat),
}

/// How the canvas is to show another part of the lab.
#[derive(Debug, Clone, PartialEq)]
pub enum ViewMove {
    /// All of it.
    Fit,
    /// These things, in the middle.
    To(Vec<Subject>),
    /// This part: upper left and lower right corner, in lab units.
    Area(Pos, Pos),
    /// Nearer.
    In,
    /// Farther.
    Out,
    /// One lab unit is one point.
    Actual,
}

/// What the user wants, by area.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Files: open, save, export.
    File(FileCommand),
    /// Answers to questions about files: unsaved, changed on disk, left behind, in the way.
    Answer(AnswerCommand),
    /// Changes of the lab. Outside Design none is carried out but those of pages.
    Edit(EditCommand),
    /// What is selected, and which finding.
    Select(SelectCommand),
    /// Which part of the lab the canvas shows.
    View(ViewCommand),
    /// What the window is for, and the page of the presentation.
    Mode(ModeCommand),
    /// The deployed lab.
    Run(RunCommand),
    /// Faults of the deployed lab.
    Fault(FaultCommand),
    /// What stands over everything else.
    Dialog(DialogCommand),
    /// Panels and notices.
    Window(WindowCommand),
    /// What the user prefers.
    Preference(PreferenceCommand),
}
