//! What a view is given: the state to read, a place for its own small memory, and a way to send commands.

use crate::app::{Command, Dialog, EditCommand, Filter, Mode, ModeCommand, State};

/// What views remember between frames that is nobody else's business: words being typed, what is unfolded.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// What the palette is searched for.
    pub palette_query: String,
    /// Which findings are listed.
    pub filter: Filter,
    /// The rows of the findings.
    pub findings: crate::ui::panel::FindingList,
    /// How far the plan is scrolled.
    pub plan: crate::ui::panel::Scroll,
    /// What the list of commands is searched for, and which entry is chosen.
    pub command_query: String,
    /// The chosen entry of the list of commands.
    pub command_chosen: usize,
    /// The reason that is being typed.
    pub reason: String,
    /// The page of the presentation that is being written.
    pub page: crate::model::View,
    /// The file name that is being typed.
    pub file_name: String,
    /// What our own file chooser shows and has chosen.
    pub browser: crate::ui::dialog::Browser,
    /// How the lab is about to be exported.
    pub export: crate::app::ExportOptions,
    /// The size of that in words or why there is none, and of which options.
    pub export_size: Option<(crate::app::ExportOptions, Result<String, String>)>,
    /// What the manual is searched for.
    pub manual_query: String,
    /// The step whose log is open; empty: the last one.
    pub log_step: String,
    /// The page of the preferences that was open last.
    pub preferences_page: crate::ui::dialog::PreferencesPage,
    /// The dialog that `reason`, `page` and `file_name` belong to: they begin anew with another.
    pub dialog: Option<Dialog>,
    /// Who reaches the selected node or service.
    pub reached: crate::app::Reached,
    /// The fault whose control the pointer is on.
    pub fault_hover: crate::ui::panel::FaultHover,
    /// The part of the lab that the canvas shows: upper left and lower right corner, in lab units.
    pub visible: Option<(crate::model::Pos, crate::model::Pos)>,
    /// What dragging over the ground of the canvas does in Run.
    pub tool: crate::ui::canvas::Tool,
    /// The pictures of the start page, by the names of templates and files.
    pub stills: std::collections::BTreeMap<String, crate::ui::canvas::Still>,
}

/// What a view works with.
pub struct Desk<'a> {
    /// What is shown.
    pub state: &'a State,
    /// What views remember.
    pub memory: &'a mut Memory,
    commands: &'a mut Vec<Command>,
}

impl<'a> Desk<'a> {
    /// A desk on a state; commands are collected in the list.
    pub fn new(state: &'a State, memory: &'a mut Memory, commands: &'a mut Vec<Command>) -> Self {
        Self { state, memory, commands }
    }

    /// Wants something. It happens before the next frame.
    pub fn send(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Changes the lab from where that may be asked for in Run, too: Design is gone to first.
    pub fn edit_in_design(&mut self, command: Command) {
        if self.state.mode != Mode::Design {
            self.send(Command::Mode(ModeCommand::Design));
        }
        self.send(command);
    }

    /// Does an act of editing, or says why it makes no sense.
    pub fn act(&mut self, act: crate::app::ops::Act) {
        self.send(Command::Edit(EditCommand::Act(act)));
    }

    /// Whether a command can be done now.
    pub fn can(&self, command: &Command) -> bool {
        command.entry().is_none_or(|entry| (entry.enabled)(self.state))
    }
}
