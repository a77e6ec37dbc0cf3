//! The table of commands.
//!
//! One table feeds menus, shortcuts, the toolbar and the list behind Ctrl+K: whatever has an entry in [`COMMANDS`] is in all
//! of them. It says when a command can be done and does none.

use super::{Command, Merge, Mode, Reached, State};
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
    (Shortcut { held: Held::Control, key: "Y" }, Command::Redo),
    (Shortcut { held: Held::Control, key: "Plus" }, Command::ZoomIn),
    (Shortcut { held: Held::None, key: "F5" }, Command::Present),
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
    ($($family:ident { $($command:ident $title:literal $icon:ident $shortcut:expr, $enabled:expr;)* })*) => {
        /// Every command that menus, shortcuts and the list of commands offer.
        pub static COMMANDS: &[Entry] = &[$($(Entry {
            command: Command::$command,
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
        New "New lab" Plus control("N"), always;
        Open "Open…" Folder control("O"), always;
        Templates "New from a template…" Grid control_shift("N"), always;
        ImportMachines "Import VirtualBox's machines" Storage None, |state| state.run.job.is_none();
        Save "Save" Save control("S"), open;
        SaveAs "Save as…" Save control_shift("S"), open;
        Export "Export…" Export control_shift("E"), open;
        RecoverWork "Recover unsaved work…" Undo None, |state| !state.recoveries.is_empty();
        Quit "Quit" Cross control("Q"), always;
    }
    Edit {
        Undo "Undo" Undo control("Z"), |state| designing(state) && state.history().undo_label().is_some();
        Redo "Redo" Redo control_shift("Z"), |state| designing(state) && state.history().redo_label().is_some();
        Delete "Delete" Trash plain("Delete"), editable;
        Duplicate "Duplicate" Copy control("D"), |state| editable(state) && state.selected_nodes().next().is_some();
        Rename "Rename" Pencil plain("F2"), |state| editable(state) && state.selection.len() == 1;
        SelectAll "Select all" Lasso control("A"), open;
        SelectNone "Select nothing" Cross plain("Escape"), |state| selected(state) || state.run.considered.is_some();
        Pins "Versions of packages…" Lock None, designing;
        NextFinding "Next finding" ChevronDown plain("F8"), has_findings;
        PreviousFinding "Previous finding" ChevronUp shift("F8"), has_findings;
        FixFinding "Fix the selected finding" Check control("Enter"), |state| designing(state) && state.review.selected_fix().is_some();
    }
    View {
        Design "Design" Pencil control("1"), |state| state.mode != Mode::Design;
        Run "Run" Play control("2"), |state| open(state) && state.mode != Mode::Run;
        Present "Present" Present control("3"), |state| open(state) && state.mode != Mode::Present;
        ZoomFit "Show all" Fit shift("1"), open;
        ZoomSelection "Show the selection" Search shift("2"), selected;
        ZoomActual "Zoom to 100 %" Eye control("0"), open;
        ZoomIn "Zoom in" Plus control("Equals"), open;
        ZoomOut "Zoom out" Minus control("Minus"), open;
        ToggleGraph "Service graph" Graph control("G"), open;
        ToggleReached "Who reaches the selection" Eye control("R"), can_be_reached;
        TogglePalette "Palette" ChevronLeft control("B"), always;
        ToggleInspector "Inspector" ChevronRight control("I"), always;
        ToggleBottom "Lower panel" ChevronDown control("J"), always;
        FullScreen "Full screen" Fit plain("F11"), always;
        ToggleTheme "Light or dark" Moon control_shift("L"), always;
        CommandPalette "All commands…" Search control("K"), always;
    }
    Run {
        Plan "Plan…" Play control("P"), idle;
        Deploy "Deploy" Play control_shift("P"), |state| idle(state) && state.run.plan.as_ref().is_some_and(|plan| !plan.is_empty());
        HealAll "Heal all" Heal control("H"), |state| idle(state) && !state.run.faults().is_empty();
        Promote "Promote to primary…" ChevronUp None, can_promote;
        CancelJob "Stop what is being done" Stop control("Period"), |state| state.run.job.is_some();
        Destroy "Destroy what is deployed…" Trash None, |state| idle(state) && state.run.is_deployed();
        MakeImage "Make an image for this lab" Storage None, |state| idle(state) && state.document.path.is_some() && state.run.makes_images();
        AddView "Add a page to the presentation…" Note control_shift("A"), open;
        NextView "Next page" ChevronRight plain("ArrowRight"), |state| state.mode == Mode::Present;
        PreviousView "Previous page" ChevronLeft plain("ArrowLeft"), |state| state.mode == Mode::Present;
    }
    Help {
        Manual "Manual of the rules" Info plain("F1"), always;
        Shortcuts "Shortcuts" Keyboard control("Questionmark"), always;
        About "About Sandtable" Info None, always;
    }
}

impl Command {
    /// Its entry in [`COMMANDS`]; `None` for a command that carries data.
    pub fn entry(&self) -> Option<&'static Entry> {
        COMMANDS.iter().find(|entry| entry.command == *self)
    }

    /// A step of its own.
    pub fn edit(label: impl Into<String>, edits: Vec<Edit>) -> Self {
        Self::Edit { label: label.into(), edits, merge: Merge::Never }
    }
}

/// Other words that a command is looked for by: those that other programs use for it.
fn synonyms(command: &Command) -> &'static str {
    match command {
        Command::Templates => "example sample",
        Command::Export => "picture image png svg download",
        Command::Rename => "name",
        Command::Duplicate => "copy clone",
        Command::Delete => "remove",
        Command::SelectNone => "deselect clear",
        Command::Pins => "package version",
        Command::FixFinding => "repair solve",
        Command::NextFinding | Command::PreviousFinding => "problem error warning",
        Command::ZoomFit | Command::ZoomSelection => "zoom fit",
        Command::ToggleTheme => "theme appearance mode",
        Command::ToggleReached => "reachability explain path connection port firewall inspector",
        Command::TogglePalette | Command::ToggleInspector => "sidebar panel",
        Command::ToggleBottom => "events log findings",
        Command::Plan => "preview changes diff deploy",
        Command::Deploy => "apply start up create",
        Command::HealAll => "repair faults undo",
        Command::Promote => "failover replica switchover database",
        Command::CancelJob => "cancel abort",
        Command::Destroy => "delete remove tear down stop",
        Command::Present => "slides show",
        Command::AddView => "slide",
        Command::NextView | Command::PreviousView => "slide view",
        Command::Shortcuts => "keys keyboard",
        Command::Manual => "help documentation",
        _ => "",
    }
}

/// The commands whose title, menu or synonyms contain all words of a query, those that begin with it first.
pub fn search(state: &State, query: &str) -> Vec<&'static Entry> {
    let query = query.trim().to_lowercase();
    let mut found: Vec<&Entry> = COMMANDS
        .iter()
        .filter(|entry| (entry.enabled)(state) && entry.command != Command::CommandPalette)
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
        assert_eq!(titles("theme"), ["Light or dark"]);
        assert_eq!(titles("keyboard"), ["Shortcuts"]);
    }
}
