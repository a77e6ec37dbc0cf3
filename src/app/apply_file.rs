//! Commands about files: new, open, save, export, recover. Nothing is replaced here that the user was not asked about.

use super::{
    After, AnswerCommand, Command, Dialog, Document, Dropped, Effect, FileCommand, FilePreview, FileUse, RunCommand, State, ViewMove,
    export::with_extension, job::Task, save::Permit,
};
use crate::look::Tone;
use crate::model::Lab;
use std::path::PathBuf;

/// Who has already asked whether an existing file is to be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Nobody.
    No,
    /// The desktop's own chooser, about exactly this path.
    Desktop,
}

impl State {
    pub(super) fn apply_file(&mut self, command: FileCommand) -> Vec<Effect> {
        match command {
            FileCommand::New => self.leave(After::New),
            FileCommand::Open => self.leave(After::Open),
            FileCommand::ImportMachines => self.leave(After::Import),
            FileCommand::OpenPath(path) => self.leave(After::OpenPath(path)),
            FileCommand::Dropped(paths) => self.dropped(&paths),
            FileCommand::PreviewFile(path) => {
                self.previews.insert(path.clone(), FilePreview::Reading);
                vec![Effect::ReadPreview(path)]
            }
            FileCommand::OpenTemplate(index) => self.leave(After::Template(index)),
            FileCommand::Quit => self.leave(After::Quit),
            FileCommand::Templates => self.ask(Dialog::Templates),
            FileCommand::Save => self.save(FileUse::Save),
            FileCommand::SaveAs => {
                let what = if self.pending.is_some() { FileUse::SaveThen } else { FileUse::Save };
                self.dialog = None;
                vec![self.choose(what, self.document.file_name(&self.lab))]
            }
            FileCommand::Chosen(what, path) => self.chosen(what, path, Asked::No),
            FileCommand::Browse(folder) => vec![Effect::List(folder)],
            FileCommand::CreateFolder(folder) => vec![Effect::CreateFolder(folder)],
            FileCommand::Focused => match (&self.document.path, self.document.stamp) {
                (Some(path), Some(stamp)) => vec![Effect::Look(path.clone(), stamp)],
                _ => Vec::new(),
            },
            FileCommand::RecoverWork => self.ask(Dialog::Recover),
            FileCommand::Export => self.ask(Dialog::Export),
            FileCommand::ExportTo(options) => self.export_to(options),
        }
    }

    /// Answers to questions about files that are in the way, changed, or left behind.
    pub(super) fn apply_answer(&mut self, command: AnswerCommand) -> Vec<Effect> {
        match command {
            AnswerCommand::SaveThenGoOn => {
                if let Some(Dialog::Unsaved(after)) = self.dialog.take() {
                    self.pending = Some(after);
                }
                self.save(FileUse::SaveThen)
            }
            AnswerCommand::Discard => match self.dialog.take() {
                Some(Dialog::Unsaved(after)) => {
                    let mut effects = vec![Effect::DropAutosave { path: self.document.path.clone() }];
                    effects.extend(self.go_on(after));
                    effects
                }
                _ => Vec::new(),
            },
            AnswerCommand::Reload => {
                self.dialog = None;
                let mut effects = vec![Effect::DropAutosave { path: self.document.path.clone() }];
                effects.extend(self.go_on(After::Reload));
                effects
            }
            AnswerCommand::KeepMine => {
                self.dialog = None;
                self.pending = None;
                self.history.mark_unsaved();
                Vec::new()
            }
            AnswerCommand::WriteOver => {
                self.dialog = None;
                let what = if self.pending.is_some() { FileUse::SaveThen } else { FileUse::Save };
                let path = self.document.path.clone();
                path.map(|path| self.write_to(path, Permit::Anything, what)).into_iter().collect()
            }
            AnswerCommand::OverwriteNow => match self.dialog.take() {
                Some(Dialog::Overwrite(what, path, content)) => self.write_chosen(what, path, Permit::Unchanged(content)),
                _ => Vec::new(),
            },
            AnswerCommand::ChooseAnother => match self.dialog.take() {
                Some(Dialog::Overwrite(what, path, _)) => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    vec![self.choose(what, name)]
                }
                _ => Vec::new(),
            },
            AnswerCommand::TakeRecovery => self.take_recovery(),
            AnswerCommand::DropRecovery => {
                self.dialog = None;
                let dropped = self.recoveries.pop_front().map(|recovery| Effect::DropRecovery(recovery.autosave));
                self.offer_recovery();
                dropped.into_iter().collect()
            }
        }
    }

    fn export_to(&mut self, options: super::ExportOptions) -> Vec<Effect> {
        self.dialog = None;
        self.export = options.clone();
        let name = self.document.file_name(&self.lab);
        let stem = name.strip_suffix(".ron").unwrap_or(&name);
        let name = options.format.named(stem.into()).display().to_string();
        vec![self.choose(FileUse::Export(options.format), name)]
    }

    /// Opens the first layout of dropped files, as choosing it would, and says what becomes of the others.
    fn dropped(&mut self, paths: &[PathBuf]) -> Vec<Effect> {
        if self.dialog.is_some() {
            self.tell(Tone::Warn, "A dialog is open: close it first, then drop the file again.");
            return Vec::new();
        }
        let dropped = Dropped::of(paths);
        if let Some(message) = dropped.message() {
            self.tell(Tone::Warn, message);
        }
        dropped.open.map_or_else(Vec::new, |path| self.leave(After::OpenPath(path)))
    }

    /// Asks about unsaved changes first.
    fn leave(&mut self, after: After) -> Vec<Effect> {
        if self.is_unsaved() {
            self.dialog = Some(Dialog::Unsaved(after));
            return Vec::new();
        }
        self.go_on(after)
    }

    pub(super) fn go_on(&mut self, after: After) -> Vec<Effect> {
        self.pending = None;
        match after {
            After::New => {
                self.replace(Lab::new("New lab"), Document::default());
                vec![Effect::View(ViewMove::Fit)]
            }
            After::Open => vec![self.choose(FileUse::Open, String::new())],
            After::OpenPath(path) => vec![Effect::Read(path)],
            After::Template(index) => {
                let Some(template) = self.templates.get(index) else { return Vec::new() };
                self.replace(template.lab.clone(), Document::default());
                vec![Effect::View(ViewMove::Fit)]
            }
            After::Import => vec![self.start(Task::Import)],
            After::Reload => self.document.path.clone().map(Effect::Read).into_iter().collect(),
            After::Quit => vec![Effect::Quit],
            After::Plan => self.apply(Command::Run(RunCommand::Plan)),
        }
    }

    pub(super) fn save(&mut self, what: FileUse) -> Vec<Effect> {
        match &self.document.path {
            Some(path) => {
                let permit = self.document.stamp.map_or(Permit::New, |stamp| Permit::Unchanged(stamp.content));
                vec![self.write_to(path.clone(), permit, what)]
            }
            None => vec![self.choose(what, self.document.file_name(&self.lab))],
        }
    }

    fn choose(&mut self, what: FileUse, name: String) -> Effect {
        self.proposed.clone_from(&name);
        Effect::ChooseFile { what, name }
    }

    fn write_to(&self, path: PathBuf, permit: Permit, what: FileUse) -> Effect {
        Effect::Write { path, lab: Box::new(self.lab.clone()), state_id: self.history.state_id(), permit, what }
    }

    pub(super) fn chosen(&mut self, what: FileUse, chosen: PathBuf, asked: Asked) -> Vec<Effect> {
        self.dialog = None;
        let path = match what {
            FileUse::Open => return vec![Effect::Read(chosen)],
            FileUse::Save | FileUse::SaveThen => with_extension(chosen.clone(), &["ron"]),
            FileUse::Export(format) => format.named(chosen.clone()),
        };
        let permit = match (&self.document.path, self.document.stamp) {
            (Some(open), Some(stamp)) if *open == path => Permit::Unchanged(stamp.content),
            // What we add to a name makes it another file, which the desktop asked nothing about.
            _ if asked == Asked::Desktop && path == chosen => Permit::Confirmed,
            _ => Permit::New,
        };
        self.write_chosen(what, path, permit)
    }

    fn write_chosen(&mut self, what: FileUse, path: PathBuf, permit: Permit) -> Vec<Effect> {
        match what {
            FileUse::Open => Vec::new(),
            FileUse::Save | FileUse::SaveThen => vec![self.write_to(path, permit, what)],
            FileUse::Export(format) => {
                let options = super::ExportOptions { format, ..self.export.clone() };
                vec![Effect::WriteExport { path, lab: Box::new(self.lab.clone()), options, permit }]
            }
        }
    }

    fn take_recovery(&mut self) -> Vec<Effect> {
        self.dialog = None;
        let Some(recovery) = self.recoveries.pop_front() else { return Vec::new() };
        let base = recovery.stamp.map(|stamp| stamp.content);
        self.replace(recovery.lab, Document { path: recovery.path.clone(), stamp: recovery.stamp, ..Document::default() });
        self.history.mark_unsaved();
        let lab = Box::new(self.lab.clone());
        vec![Effect::View(ViewMove::Fit), Effect::TakeOver { autosave: recovery.autosave, path: recovery.path, base, lab }]
    }

    /// Offers a lab that was left behind where that is in place: the open file's own, or any while no lab is open.
    pub(super) fn offer_recovery(&mut self) {
        if self.is_unsaved() || self.dialog.is_some() || self.recoveries.is_empty() {
            return;
        }
        if self.document.open {
            let path = self.document.path.as_ref();
            let of_this = self.recoveries.iter().position(|recovery| path.is_some() && recovery.path.as_ref() == path);
            let Some(recovery) = of_this.and_then(|place| self.recoveries.remove(place)) else { return };
            self.recoveries.push_front(recovery);
        }
        self.dialog = Some(Dialog::Recover);
    }

    /// Asks once about what became of the open file, when nothing else is being asked and nobody is being shown something.
    pub fn ask_about_disk(&mut self) {
        if self.dialog.is_none() && self.mode != super::Mode::Present && self.document.change != self.document.asked {
            self.document.asked.clone_from(&self.document.change);
            if self.document.change.is_some() {
                self.dialog = Some(Dialog::ChangedOnDisk);
            }
        }
    }
}
