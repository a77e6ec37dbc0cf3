//! The commands, one enum an area. Each is matched in one place, without a catch-all arm.

use crate::app::{Dialog, ExportOptions, FileUse, Merge, Remote, Tab, ViewMove, WindowPlace, ops};
use crate::look::{Motion, Preference, Scale};
use crate::model::{ClusterName, Edit, Fault, NodeName, ServiceRef, Subject};
use crate::plan::OldPrimary;
use crate::session::{ProviderId, settings::Setting};
use std::path::PathBuf;

/// Files: open, save, export.
#[derive(Debug, Clone, PartialEq)]
pub enum FileCommand {
    /// An empty lab.
    New,
    /// Choose a file and open it.
    Open,
    /// Open a file.
    OpenPath(PathBuf),
    /// Files were dropped on the window.
    Dropped(Vec<PathBuf>),
    /// A new lab of the machines that VirtualBox has.
    ImportMachines,
    /// Show the labs to begin with.
    Templates,
    /// A new lab from a template, by its place in the gallery.
    OpenTemplate(usize),
    /// Read a file for its picture on the start page.
    PreviewFile(PathBuf),
    /// Write the lab to its file.
    Save,
    /// Write the lab to another file.
    SaveAs,
    /// Choose how to export the lab.
    Export,
    /// Export like this: choose a file.
    ExportTo(ExportOptions),
    /// A file was chosen.
    Chosen(FileUse, PathBuf),
    /// Show a folder in our own file chooser.
    Browse(PathBuf),
    /// Create a folder, and show it in our own file chooser.
    CreateFolder(PathBuf),
    /// Offer the labs that were left behind.
    RecoverWork,
    /// The window has the keyboard again: files may have changed meanwhile.
    Focused,
    /// Close the window.
    Quit,
}

/// Answers to questions about files: unsaved, changed on disk, left behind, in the way.
#[derive(Debug, Clone, PartialEq)]
pub enum AnswerCommand {
    /// Go on with what the dialog about unsaved changes held up, without saving.
    Discard,
    /// Save first, then go on.
    SaveThenGoOn,
    /// Take the lab that was left behind.
    TakeRecovery,
    /// Throw it away.
    DropRecovery,
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
}

/// Changes of the lab. Outside Design none is carried out but those of pages.
#[derive(Debug, Clone, PartialEq)]
pub enum EditCommand {
    /// Take the last step back.
    Undo,
    /// Do it again.
    Redo,
    /// Remove what is selected.
    Delete,
    /// A second one of each selected node.
    Duplicate,
    /// Another name for what is selected.
    Rename,
    /// Edits as one step.
    Make {
        /// What people read behind "Undo".
        label: String,
        /// All or none of them.
        edits: Vec<Edit>,
        /// Whether it joins the step before.
        merge: Merge,
    },
    /// An act of editing, as one step; or why it makes no sense, to be told.
    Act(ops::Act),
    /// The typing or drag is over.
    CloseStep,
    /// The best fix of the selected finding.
    FixFinding,
    /// Mend a finding by one of its fixes.
    Fix {
        /// The rule's code.
        rule: String,
        /// What the finding is about.
        subject: Subject,
        /// Which of the offered fixes, from 0.
        fix: usize,
    },
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
    /// Keep a page of the presentation, at its place or at the end.
    KeepView {
        /// Its place; `None`: at the end.
        index: Option<usize>,
        /// The page.
        view: crate::model::View,
    },
}

/// What is selected, and which finding.
#[derive(Debug, Clone, PartialEq)]
pub enum SelectCommand {
    /// Select everything.
    SelectAll,
    /// Select nothing.
    SelectNone,
    /// Select exactly these.
    Select(Vec<Subject>),
    /// Select this too, or no longer.
    SelectToggle(Subject),
    /// Select this, and show it.
    Reveal(Subject),
    /// The next finding.
    NextFinding,
    /// The finding before.
    PreviousFinding,
    /// Select a finding, by its place among all, and show what it is about.
    SelectFinding(usize),
}

/// Which part of the lab the canvas shows.
#[derive(Debug, Clone, PartialEq)]
pub enum ViewCommand {
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
    /// Move the view.
    Move(ViewMove),
}

/// What the window is for, and the page of the presentation.
#[derive(Debug, Clone, PartialEq)]
pub enum ModeCommand {
    /// Draw.
    Design,
    /// Deploy, watch, break.
    Run,
    /// Show to others.
    Present,
    /// Back to where the presentation was started from.
    EndPresentation,
    /// The next page of the presentation.
    NextView,
    /// The page before.
    PreviousView,
    /// Show a page of the presentation.
    ShowView(usize),
}

/// The deployed lab.
#[derive(Debug, Clone, PartialEq)]
pub enum RunCommand {
    /// Deploy to this provider.
    Provider(String),
    /// Work out what has to be done.
    Plan,
    /// Do it.
    Deploy,
    /// Deploy the plan although the lab has open errors.
    DeployAnyway,
    /// Undo what a deployment has begun that was stopped or has failed.
    UndoDeployment,
    /// Remove all machines and networks of the lab.
    Destroy,
    /// Destroy, for certain.
    DestroyNow,
    /// Stop what is being done.
    CancelJob,
    /// Bring back a cluster that has stopped as a whole.
    Recover(ClusterName),
    /// Make the selected replica the primary.
    Promote,
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
    /// Make an image that has what the lab needs.
    MakeImage,
}

/// Faults of the deployed lab.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultCommand {
    /// Choose how to inject this fault, and show what it would take with it.
    Consider(Fault),
    /// Show what this fault would take with it while the pointer rests on its control; `None`: on none any more.
    Preview(Option<Fault>),
    /// The fault that is being chosen is to last so many seconds; `None`: as the provider does by itself.
    ConsiderLasting(Option<u32>),
    /// No fault is to be injected after all.
    CloseConsidered,
    /// Inject this fault, for so many seconds where they are said.
    Inject(Fault, Option<u32>),
    /// Mend one fault, by its number.
    Heal(u64),
    /// Mend everything that was broken.
    HealAll,
}

/// What stands over everything else.
#[derive(Debug, Clone, PartialEq)]
pub enum DialogCommand {
    /// The list of all commands.
    CommandPalette,
    /// The manual of the rules.
    Manual,
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
    /// Keep what the canvas shows as a page of the presentation.
    AddView,
    /// Show a dialog.
    Ask(Dialog),
    /// The dialog is done with.
    CloseDialog,
}

/// Panels and notices.
#[derive(Debug, Clone, PartialEq)]
pub enum WindowCommand {
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
    /// Show a tab of the lower panel.
    Show(Tab),
    /// How wide or high panels are: palette, inspector, lower panel.
    PanelSizes([f32; 3]),
    /// How the window is left.
    WindowPlace(WindowPlace),
    /// A notice was read where it was shown, by its number.
    CloseNotice(u64),
    /// Take a notice from the list, by its number.
    RemoveNotice(u64),
    /// Empty the list of notices.
    ClearNotices,
}

/// What the user prefers.
#[derive(Debug, Clone, PartialEq)]
pub enum PreferenceCommand {
    /// Which theme.
    Theme(Preference),
    /// Whether things move.
    Motion(Motion),
    /// How large the interface is.
    Scale(Scale),
    /// Set something of providers; an empty text unsets it.
    Set(Setting, String),
    /// List a provider on another machine.
    AddRemote(Remote),
    /// List it no longer.
    RemoveRemote(Remote),
    /// Look whether a provider can be used.
    Test(ProviderId),
}

impl EditCommand {
    /// Whether it is carried out outside Design too: pages are kept where they are shown, and a refusal changes nothing.
    pub(in crate::app) fn is_allowed_everywhere(&self) -> bool {
        match self {
            Self::KeepView { .. } | Self::CloseStep | Self::Act(Err(_)) => true,
            Self::Undo
            | Self::Redo
            | Self::Delete
            | Self::Duplicate
            | Self::Rename
            | Self::Make { .. }
            | Self::Act(Ok(_))
            | Self::FixFinding
            | Self::Fix { .. }
            | Self::Accept { .. }
            | Self::Unaccept(_) => false,
        }
    }
}
