//! What the user can want, and what doing it needs from the outside.
//!
//! A command is data; [`super::State::apply`] is the one place that does it.

use super::{
    After, Merge, Permit, Preferences, Stamp,
    export::{ExportFormat, ExportOptions},
    job::Job,
};
use crate::host::file::Fingerprint;
use crate::model::{ClusterName, Edit, Fault, Lab, NodeName, Pos, ServiceRef, Subject};
use crate::plan::OldPrimary;
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

/// What the user wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// An empty lab.
    New,
    /// Choose a file and open it.
    Open,
    /// A new lab of the machines that VirtualBox has.
    ImportMachines,
    /// Write the lab to its file.
    Save,
    /// Write the lab to another file.
    SaveAs,
    /// Show the labs to begin with.
    Templates,
    /// Choose how to export the lab.
    Export,
    /// Close the window.
    Quit,
    /// Take the last step back.
    Undo,
    /// Do it again.
    Redo,
    /// Remove what is selected.
    Delete,
    /// A second one of each selected node.
    Duplicate,
    /// Select everything.
    SelectAll,
    /// Select nothing.
    SelectNone,
    /// Another name for what is selected.
    Rename,
    /// Show all of the lab.
    ZoomFit,
    /// Show what is selected.
    ZoomSelection,
    /// Nearer.
    ZoomIn,
    /// Farther.
    ZoomOut,
    /// One to one.
    ZoomActual,
    /// Draw.
    Design,
    /// Deploy, watch, break.
    Run,
    /// Show to others.
    Present,
    /// The window fills the screen, or no longer.
    FullScreen,
    /// Fold or unfold the palette.
    TogglePalette,
    /// Fold or unfold the inspector.
    ToggleInspector,
    /// Fold or unfold the lower panel.
    ToggleBottom,
    /// Services and flows as a graph.
    ToggleGraph,
    /// Who reaches the selected node or service, or its properties again.
    ToggleReached,
    /// Light or dark.
    ToggleTheme,
    /// The next finding.
    NextFinding,
    /// The finding before.
    PreviousFinding,
    /// The best fix of the selected finding.
    FixFinding,
    /// Work out what has to be done.
    Plan,
    /// Do it.
    Deploy,
    /// Remove all machines and networks of the lab.
    Destroy,
    /// Mend everything that was broken.
    HealAll,
    /// Make an image that has what the lab needs.
    MakeImage,
    /// Stop what is being done.
    CancelJob,
    /// The versions of packages that nodes keep to.
    Pins,
    /// Keep what the canvas shows as a page of the presentation.
    AddView,
    /// The next page of the presentation.
    NextView,
    /// The page before.
    PreviousView,
    /// The list of all commands.
    CommandPalette,
    /// The manual of the rules.
    Manual,
    /// All shortcuts.
    Shortcuts,
    /// What this is.
    About,
    /// Make the selected replica the primary.
    Promote,

    /// Edits as one step.
    Edit {
        /// What people read behind "Undo".
        label: String,
        /// All or none of them.
        edits: Vec<Edit>,
        /// Whether it joins the step before.
        merge: Merge,
    },
    /// An act of editing, as one step; or why it makes no sense, to be told.
    Act(super::ops::Act),
    /// The typing or drag is over.
    CloseStep,
    /// Select exactly these.
    Select(Vec<Subject>),
    /// Select this too, or no longer.
    SelectToggle(Subject),
    /// Select this, and show it.
    Reveal(Subject),
    /// Move the view.
    View(ViewMove),
    /// Show a tab of the lower panel.
    Show(Tab),
    /// Show a dialog.
    Ask(Dialog),
    /// The dialog is done with.
    CloseDialog,
    /// Go on with what the dialog about unsaved changes held up, without saving.
    Discard,
    /// Save first, then go on.
    SaveThenGoOn,
    /// Open a file.
    OpenPath(PathBuf),
    /// Files were dropped on the window.
    Dropped(Vec<PathBuf>),
    /// Read a file for its picture on the start page.
    PreviewFile(PathBuf),
    /// A new lab from a template, by its place in the gallery.
    OpenTemplate(usize),
    /// A file was chosen.
    Chosen(FileUse, PathBuf),
    /// Take the lab that was left behind.
    TakeRecovery,
    /// Throw it away.
    DropRecovery,
    /// Show a folder in our own file chooser.
    Browse(PathBuf),
    /// Offer the labs that were left behind.
    RecoverWork,
    /// Create a folder, and show it in our own file chooser.
    CreateFolder(PathBuf),
    /// Export like this: choose a file.
    ExportTo(ExportOptions),
    /// Replace the file that the dialog asks about.
    OverwriteNow,
    /// Choose another name than that of the file that the dialog asks about.
    ChooseAnother,
    /// Keep ours, although the file changed.
    KeepMine,
    /// Write ours over the changed file.
    WriteOver,
    /// Read the file again.
    Reload,
    /// Mend a finding by one of its fixes.
    Fix {
        /// The rule's code.
        rule: String,
        /// What the finding is about.
        subject: Subject,
        /// Which of the offered fixes, from 0.
        fix: usize,
    },
    /// Select a finding, by its place among all, and show what it is about.
    SelectFinding(usize),
    /// A finding is meant.
    Accept {
        /// The rule's code.
        rule: String,
        /// What the finding is about.
        subject: Subject,
        /// Why.
        because: String,
    },
    /// A finding is no longer meant: the place of its acceptance.
    Unaccept(usize),
    /// Deploy to this provider.
    Provider(String),
    /// Which theme.
    Theme(crate::look::Preference),
    /// How wide or high panels are: palette, inspector, lower panel.
    PanelSizes([f32; 3]),
    /// How the window is left.
    WindowPlace(super::WindowPlace),
    /// Choose how to inject this fault, and show what it would take with it.
    Consider(Fault),
    /// Show what this fault would take with it while the pointer rests on its control; `None`: on none any more.
    PreviewFault(Option<Fault>),
    /// The fault that is being chosen is to last so many seconds; `None`: as the provider does by itself.
    ConsiderLasting(Option<u32>),
    /// No fault is to be injected after all.
    CloseConsidered,
    /// Inject this fault, for so many seconds where they are said.
    Inject(Fault, Option<u32>),
    /// Mend one fault, by its number.
    Heal(u64),
    /// Bring back a cluster that has stopped as a whole.
    Recover(ClusterName),
    /// Make a replica the primary, for certain.
    PromoteNow(ServiceRef, OldPrimary),
    /// Keep a node as it is.
    TakeSnapshot(NodeName),
    /// Take a node back to a snapshot, for certain.
    RestoreNow(NodeName, String),
    /// Open a shell on a node, in the user's terminal.
    Shell(NodeName),
    /// Show a node's screen: what is left where ssh does not answer.
    Console(NodeName),
    /// Deploy the plan although the lab has open errors.
    DeployAnyway,
    /// Destroy, for certain.
    DestroyNow,
    /// Keep a page of the presentation, at its place or at the end.
    KeepView {
        /// Its place; `None`: at the end.
        index: Option<usize>,
        /// The page.
        view: crate::model::View,
    },
    /// Show a page of the presentation.
    ShowView(usize),
    /// Back to where the presentation was started from.
    EndPresentation,
    /// The window has the keyboard again: files may have changed meanwhile.
    Focused,
    /// A notice was read, by its number.
    CloseNotice(u64),
}

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
