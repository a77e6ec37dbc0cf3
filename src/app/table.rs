//! The table of commands.
//!
//! One table feeds menus, shortcuts, the toolbar and the list behind Ctrl+K: whatever has an entry in [`COMMANDS`] is in all
//! of them. It says when a command can be done and does none.

use super::{
    Command, DialogCommand, EditCommand, FaultCommand, FileCommand, Merge, Mode, ModeCommand, Reached, RunCommand, SelectCommand, State,
    ViewCommand, WindowCommand,
};
use crate::look::Icon;
use crate::model::Edit;

/// A key with its modifiers. `key` is the name that egui gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shortcut {
    /// Held with it.
    pub held: Held,
    /// The key.
    pub key: &'static str,
}

/// What is held with a key. Control is the command key on a Mac.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// Nothing.
    None,
    /// Shift.
    Shift,
    /// Control.
    Control,
    /// Control and shift.
    ControlShift,
}

impl Shortcut {
    /// As people read it.
    pub fn text(self) -> String {
        let key = match self.key {
            "Questionmark" => "?",
            "Equals" => "=",
            "Comma" => ",",
            "Plus" => "+",
            "Minus" => "−",
            "Period" => ".",
            "ArrowLeft" => "←",
            "ArrowRight" => "→",
            other => other,
        };
        match self.held {
            Held::None => key.to_owned(),
            Held::Shift => format!("Shift {key}"),
            Held::Control => format!("Ctrl {key}"),
            Held::ControlShift => format!("Ctrl Shift {key}"),
        }
    }
}

/// What a command belongs to: the menus, and the headings of the page of shortcuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Files.
    File,
    /// Changing the lab.
    Edit,
    /// What is shown.
    View,
    /// Deploying, breaking, presenting.
    Run,
    /// To read.
    Help,
}

impl Family {
    /// All, in the order of the menus.
    pub const ALL: [Self; 5] = [Self::File, Self::Edit, Self::View, Self::Run, Self::Help];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Edit => "Edit",
            Self::View => "View",
            Self::Run => "Run",
            Self::Help => "Help",
        }
    }
}

/// A command as menus, shortcuts and the list of commands show it.
pub struct Entry {
    /// The command.
    pub command: Command,
    /// What it is called.
    pub title: &'static str,
    /// Its icon.
    pub icon: Icon,
    /// Its key.
    pub shortcut: Option<Shortcut>,
    /// What it belongs to.
    pub family: Family,
    /// Whether it can be done now.
    pub enabled: fn(&State) -> bool,
}

const fn plain(key: &'static str) -> Option<Shortcut> {
    Some(Shortcut { held: Held::None, key })
}
const fn shift(key: &'static str) -> Option<Shortcut> {
    Some(Shortcut { held: Held::Shift, key })
}
const fn control(key: &'static str) -> Option<Shortcut> {
    Some(Shortcut { held: Held::Control, key })
}
const fn control_shift(key: &'static str) -> Option<Shortcut> {
    Some(Shortcut { held: Held::ControlShift, key })
}

/// More keys for commands that have one already: what other programs have taught people.
static ALSO: &[(Shortcut, Command)] = &[
    (Shortcut { held: Held::Control, key: "Y" }, Command::Edit(EditCommand::Redo)),
    (Shortcut { held: Held::Control, key: "Plus" }, Command::View(ViewCommand::ZoomIn)),
    (Shortcut { held: Held::None, key: "F5" }, Command::Mode(ModeCommand::Present)),
];

impl Entry {
    /// All keys that it has, the one that menus show first.
    pub fn shortcuts(&self) -> impl Iterator<Item = Shortcut> + '_ {
        self.shortcut.into_iter().chain(ALSO.iter().filter(|(_, command)| *command == self.command).map(|(shortcut, _)| *shortcut))
    }
}

fn always(_: &State) -> bool {
    true
}
fn open(state: &State) -> bool {
    state.document.open
}
fn designing(state: &State) -> bool {
    state.document.open && state.mode == Mode::Design
}
fn selected(state: &State) -> bool {
    !state.selection.is_empty()
}
fn editable(state: &State) -> bool {
    designing(state) && selected(state)
}
fn can_be_reached(state: &State) -> bool {
    state.mode != Mode::Present && Reached::target(state.selected()).is_some()
}
fn has_findings(state: &State) -> bool {
    state.review.findings().iter().any(|finding| finding.accepted.is_none())
}
fn can_promote(state: &State) -> bool {
    idle(state) && state.selected().is_some_and(|subject| !state.run.replicas_on(subject).is_empty())
}
fn idle(state: &State) -> bool {
    state.document.open && state.run.job.is_none()
}

macro_rules! commands {
    ($($family:ident { $($area:ident($commands:ident::$command:ident) $title:literal $icon:ident $shortcut:expr, $enabled:expr;)* })*) => {
        /// Every command that menus, shortcuts and the list of commands offer.
        pub static COMMANDS: &[Entry] = &[$($(Entry {
            command: Command::$area($commands::$command),
            title: $title,
            icon: Icon::$icon,
            shortcut: $shortcut,
            family: Family::$family,
            enabled: $enabled,
        },)*)*];
    };
}

commands! {
    File {
        File(FileCommand::New) "New lab" Plus control("N"), always;
        File(FileCommand::Open) "Open…" Folder control("O"), always;
        File(FileCommand::Templates) "New from a template…" Grid control_shift("N"), always;
        File(FileCommand::ImportMachines) "Import VirtualBox's machines" Storage None, |state| state.run.job.is_none();
        File(FileCommand::Save) "Save" Save control("S"), open;
        File(FileCommand::SaveAs) "Save as…" Save control_shift("S"), open;
        File(FileCommand::Export) "Export…" Export control_shift("E"), open;
        File(FileCommand::RecoverWork) "Recover unsaved work…" Undo None, |state| !state.recoveries.is_empty();
        Dialog(DialogCommand::Preferences) "Preferences…" Settings control("Comma"), always;
        File(FileCommand::Quit) "Quit" Cross control("Q"), always;
    }
    Edit {
        Edit(EditCommand::Undo) "Undo" Undo control("Z"), |state| designing(state) && state.history().undo_label().is_some();
        Edit(EditCommand::Redo) "Redo" Redo control_shift("Z"), |state| designing(state) && state.history().redo_label().is_some();
        Edit(EditCommand::Delete) "Delete" Trash plain("Delete"), editable;
        Edit(EditCommand::Duplicate) "Duplicate" Copy control("D"), |state| editable(state) && state.selected_nodes().next().is_some();
        Edit(EditCommand::Rename) "Rename" Pencil plain("F2"), |state| editable(state) && state.selection.len() == 1;
        Select(SelectCommand::SelectAll) "Select all" Lasso control("A"), open;
        Select(SelectCommand::SelectNone) "Select nothing" Cross plain("Escape"), |state| selected(state) || state.run.considered.is_some();
        Dialog(DialogCommand::Pins) "Versions of packages…" Lock None, designing;
        Select(SelectCommand::NextFinding) "Next finding" ChevronDown plain("F8"), has_findings;
        Select(SelectCommand::PreviousFinding) "Previous finding" ChevronUp shift("F8"), has_findings;
        Edit(EditCommand::FixFinding) "Fix the selected finding" Check control("Enter"), |state| designing(state) && state.review.selected_fix().is_some();
    }
    View {
        Mode(ModeCommand::Design) "Design" Pencil control("1"), |state| state.mode != Mode::Design;
        Mode(ModeCommand::Run) "Run" Play control("2"), |state| open(state) && state.mode != Mode::Run;
        Mode(ModeCommand::Present) "Present" Present control("3"), |state| open(state) && state.mode != Mode::Present;
        View(ViewCommand::ZoomFit) "Show all" Fit shift("1"), open;
        View(ViewCommand::ZoomSelection) "Show the selection" Search shift("2"), selected;
        View(ViewCommand::ZoomActual) "Zoom to 100 %" Eye control("0"), open;
        View(ViewCommand::ZoomIn) "Zoom in" Plus control("Equals"), open;
        View(ViewCommand::ZoomOut) "Zoom out" Minus control("Minus"), open;
        Window(WindowCommand::ToggleGraph) "Service graph" Graph control("G"), open;
        Window(WindowCommand::ToggleReached) "Who reaches the selection" Eye control("R"), can_be_reached;
        Window(WindowCommand::TogglePalette) "Palette" ChevronLeft control("B"), always;
        Window(WindowCommand::ToggleInspector) "Inspector" ChevronRight control("I"), always;
        Window(WindowCommand::ToggleBottom) "Lower panel" ChevronDown control("J"), always;
        Window(WindowCommand::FullScreen) "Full screen" Fit plain("F11"), always;
        Dialog(DialogCommand::Notices) "Notifications" Bell control("M"), always;
        Window(WindowCommand::ToggleTheme) "Light or dark" Moon control_shift("L"), always;
        Dialog(DialogCommand::CommandPalette) "All commands…" Search control("K"), always;
    }
    Run {
        Run(RunCommand::Plan) "Plan…" Play control("P"), idle;
        Run(RunCommand::Deploy) "Deploy" Play control_shift("P"), |state| idle(state) && state.run.plan.as_ref().is_some_and(|plan| !plan.is_empty());
        Run(RunCommand::UndoDeployment) "Undo the deployment" Undo None, |state| idle(state) && state.run.is_interrupted();
        Fault(FaultCommand::HealAll) "Heal all" Heal control("H"), |state| idle(state) && !state.run.faults().is_empty();
        Run(RunCommand::Promote) "Promote to primary…" ChevronUp None, can_promote;
        Run(RunCommand::CancelJob) "Stop what is being done" Stop control("Period"), |state| state.run.job.is_some();
        Run(RunCommand::Destroy) "Destroy what is deployed…" Trash None, |state| idle(state) && state.run.is_deployed();
        Run(RunCommand::MakeImage) "Make an image for this lab" Storage None, |state| idle(state) && state.document.path.is_some() && state.run.makes_images();
        Dialog(DialogCommand::AddView) "Add a page to the presentation…" Note control_shift("A"), open;
        Mode(ModeCommand::NextView) "Next page" ChevronRight plain("ArrowRight"), |state| state.mode == Mode::Present;
        Mode(ModeCommand::PreviousView) "Previous page" ChevronLeft plain("ArrowLeft"), |state| state.mode == Mode::Present;
    }
    Help {
        Dialog(DialogCommand::Manual) "Manual of the rules" Info plain("F1"), always;
        Dialog(DialogCommand::Shortcuts) "Shortcuts" Keyboard control("Questionmark"), always;
        Dialog(DialogCommand::About) "About Sandtable" Info None, always;
    }
}

impl Command {
    /// Its entry in [`COMMANDS`]; `None` for a command that carries data.
    pub fn entry(&self) -> Option<&'static Entry> {
        COMMANDS.iter().find(|entry| entry.command == *self)
    }

    /// A step of its own.
    pub fn edit(label: impl Into<String>, edits: Vec<Edit>) -> Self {
        Self::Edit(EditCommand::Make { label: label.into(), edits, merge: Merge::Never })
    }
}

/// Other words that commands are looked for by: those that other programs use for them.
static SYNONYMS: &[(Command, &str)] = &[
    (Command::File(FileCommand::Templates), "example sample"),
    (Command::File(FileCommand::Export), "picture image png svg download"),
    (Command::Edit(EditCommand::Rename), "name"),
    (Command::Edit(EditCommand::Duplicate), "copy clone"),
    (Command::Edit(EditCommand::Delete), "remove"),
    (Command::Select(SelectCommand::SelectNone), "deselect clear"),
    (Command::Dialog(DialogCommand::Preferences), "settings options theme motion scale zoom incus virtualbox remote image key terminal"),
    (Command::Dialog(DialogCommand::Notices), "notices messages errors bell"),
    (Command::Dialog(DialogCommand::Pins), "package version"),
    (Command::Edit(EditCommand::FixFinding), "repair solve"),
    (Command::Select(SelectCommand::NextFinding), "problem error warning"),
    (Command::Select(SelectCommand::PreviousFinding), "problem error warning"),
    (Command::View(ViewCommand::ZoomFit), "zoom fit"),
    (Command::View(ViewCommand::ZoomSelection), "zoom fit"),
    (Command::Window(WindowCommand::ToggleTheme), "theme appearance mode"),
    (Command::Window(WindowCommand::ToggleReached), "reachability explain path connection port firewall inspector"),
    (Command::Window(WindowCommand::TogglePalette), "sidebar panel"),
    (Command::Window(WindowCommand::ToggleInspector), "sidebar panel"),
    (Command::Window(WindowCommand::ToggleBottom), "events log findings"),
    (Command::Run(RunCommand::Plan), "preview changes diff deploy"),
    (Command::Run(RunCommand::Deploy), "apply start up create"),
    (Command::Run(RunCommand::UndoDeployment), "rollback revert"),
    (Command::Fault(FaultCommand::HealAll), "repair faults undo"),
    (Command::Run(RunCommand::Promote), "failover replica switchover database"),
    (Command::Run(RunCommand::CancelJob), "cancel abort"),
    (Command::Run(RunCommand::Destroy), "delete remove tear down stop"),
    (Command::Mode(ModeCommand::Present), "slides show"),
    (Command::Dialog(DialogCommand::AddView), "slide"),
    (Command::Mode(ModeCommand::NextView), "slide view"),
    (Command::Mode(ModeCommand::PreviousView), "slide view"),
    (Command::Dialog(DialogCommand::Shortcuts), "keys keyboard"),
    (Command::Dialog(DialogCommand::Manual), "help documentation"),
];

fn synonyms(command: &Command) -> &'static str {
    SYNONYMS.iter().find(|(known, _)| known == command).map_or("", |(_, words)| words)
}

/// The commands whose title, menu or synonyms contain all words of a query, those that begin with it first.
pub fn search(state: &State, query: &str) -> Vec<&'static Entry> {
    let query = query.trim().to_lowercase();
    let mut found: Vec<&Entry> = COMMANDS
        .iter()
        .filter(|entry| (entry.enabled)(state) && entry.command != Command::Dialog(DialogCommand::CommandPalette))
        .filter(|entry| {
            let text = format!("{} {} {}", entry.family.title(), entry.title, synonyms(&entry.command)).to_lowercase();
            query.split_whitespace().all(|word| text.contains(word))
        })
        .collect();
    found.sort_by_key(|entry| !entry.title.to_lowercase().starts_with(&query));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Preferences;

    #[test]
    fn every_shortcut_and_title_is_its_own() {
        for (n, entry) in COMMANDS.iter().enumerate() {
            for other in &COMMANDS[n + 1..] {
                assert_ne!(entry.title, other.title);
                assert_ne!(entry.command, other.command);
                let twice = entry.shortcuts().any(|one| other.shortcuts().any(|it| it == one));
                assert!(!twice, "{} and {}", entry.title, other.title);
            }
        }
    }

    #[test]
    fn the_list_of_commands_finds_by_words_and_leaves_out_what_cannot_be_done() {
        let state = State::new(Preferences::default(), Vec::new());
        let titles = |query: &str| search(&state, query).iter().map(|entry| entry.title).collect::<Vec<_>>();
        assert_eq!(titles("new lab"), ["New lab"]);
        assert_eq!(titles("undo"), Vec::<&str>::new());
        assert_eq!(titles("help about"), ["About Sandtable"]);
        assert_eq!(titles("theme"), ["Preferences…", "Light or dark"]);
        assert_eq!(titles("keyboard"), ["Shortcuts"]);
    }
}
