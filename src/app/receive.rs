//! What workers report, and what follows from it.

use super::{
    Command, Dialog, DiskChange, Document, Effect, FilePreview, FileUse, Listing, Mode, NoticeAction, Progress, ProviderChoice,
    ProviderTest, Recovery, Stamp, State, StepState, Tab, ViewMove, WindowCommand,
    apply_file::Asked,
    job::{JobKind, Observation, Report},
};
use crate::host::file::Fingerprint;
use crate::look::Tone;
use crate::model::{Lab, MoveCause};
use crate::picture::Thumbnail;
use crate::session::{Check, CheckState, ProviderId};
use std::{path::PathBuf, sync::Arc};

/// Something that a worker reports.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A file was chosen.
    Chosen(FileUse, PathBuf),
    /// No file was chosen.
    NotChosen(FileUse),
    /// The desktop has no file chooser: ours has to do.
    NoChooser(FileUse),
    /// A lab was read.
    Read {
        /// Which file.
        path: PathBuf,
        /// The lab.
        lab: Box<Lab>,
        /// How the file looks now.
        stamp: Stamp,
        /// Where it is deployed, as `--on` takes it.
        on: Option<String>,
    },
    /// A file was read for its picture; or why it could not be.
    Previewed(PathBuf, Result<Arc<Thumbnail>, String>),
    /// A file could not be read, and why.
    NotRead {
        /// Which file.
        path: PathBuf,
        /// What is wrong, for people.
        why: String,
    },
    /// The lab was written as it was then.
    Written {
        /// Which file.
        path: PathBuf,
        /// How the file looks now.
        stamp: Stamp,
        /// The history's number of what was written.
        state_id: u64,
    },
    /// It could not be written, and why.
    NotWritten {
        /// Which file.
        path: PathBuf,
        /// What is wrong, for people.
        why: String,
    },
    /// There is a file of the chosen name; it was left alone.
    Exists {
        /// What the file was chosen for.
        what: FileUse,
        /// Which file.
        path: PathBuf,
        /// What it holds.
        content: Fingerprint,
    },
    /// The lab was exported.
    Exported(PathBuf),
    /// What is in a folder.
    Listed(Listing),
    /// Something went wrong in the background.
    Failed(String),
    /// The open file is not what we read any more.
    Changed(PathBuf, DiskChange),
    /// The open file was not saved, because it is not what we read any more.
    NotSaved(PathBuf, DiskChange),
    /// Labs were left behind.
    Recoveries(Vec<Recovery>),
    /// The providers of this machine.
    Providers(Vec<ProviderChoice>),
    /// Whether a provider can be used was looked at.
    Tested(ProviderId, Vec<Check>),
    /// A job has begun.
    Started(JobKind),
    /// A job reports.
    Report(JobKind, Report),
    /// A job has ended.
    Ended(JobKind, Result<(), String>),
    /// A look at the running lab; `None`: nothing of it is there.
    Seen(Box<Observation>),
    /// Nobody could look, and why.
    NotSeen(String),
}

impl State {
    /// Takes in what a worker reports. Gives what has to be done next.
    pub fn receive(&mut self, event: Event) -> Vec<Effect> {
        self.shown_revision += 1;
        match event {
            Event::Chosen(what, path) => {
                self.shown_revision += 1;
                return self.chosen(what, path, Asked::Desktop);
            }
            Event::NotChosen(_) => self.pending = None,
            Event::NoChooser(what) => {
                self.dialog = Some(Dialog::Browser(what));
                let beside = self.document.path.as_deref().and_then(std::path::Path::parent);
                let last = Some(self.listing.folder.as_path()).filter(|folder| !folder.as_os_str().is_empty());
                return vec![Effect::List(last.or(beside).map(std::path::Path::to_owned).unwrap_or_default())];
            }
            Event::Listed(listing) => self.listing = listing,
            Event::Previewed(path, result) => {
                self.previews.insert(path, result.map_or_else(FilePreview::Unreadable, FilePreview::Drawn));
            }
            Event::Read { path, lab, stamp, on } => return self.opened(path, *lab, stamp, on),
            Event::NotRead { path, why } => {
                self.preferences.recent.retain(|recent| *recent != path || path.exists());
                self.tell(Tone::Bad, why);
            }
            Event::Written { path, stamp, state_id } => return self.written(path, stamp, state_id),
            Event::NotWritten { path, why } => {
                self.pending = None;
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
                self.tell(Tone::Bad, format!("{name} was not saved: {why}"));
            }
            Event::Exists { what, path, content } => self.dialog = Some(Dialog::Overwrite(what, path, content)),
            Event::Exported(path) => self.tell(Tone::Good, format!("Exported to {}", path.display())),
            Event::Failed(why) => self.tell(Tone::Bad, why),
            Event::Changed(path, change) => {
                if self.document.path.as_ref() == Some(&path) {
                    self.document.change = Some(change);
                }
            }
            Event::NotSaved(path, change) => {
                if self.document.path.as_ref() == Some(&path) {
                    self.document.asked = Some(change.clone());
                    self.document.change = Some(change);
                    self.dialog = Some(Dialog::ChangedOnDisk);
                } else {
                    self.tell(Tone::Warn, format!("{} was not replaced: another program has just written it", path.display()));
                }
            }
            Event::Recoveries(recoveries) => {
                self.recoveries = recoveries.into();
                self.offer_recovery();
            }
            Event::Providers(providers) => {
                let usable = |choice: &&ProviderChoice| choice.hindrance.is_none();
                // Where the lab is deployed counts more than what can be used at the moment.
                if self.run.deployed_on.is_none()
                    && !providers.iter().filter(usable).any(|choice| choice.name == self.run.provider)
                    && let Some(first) = providers.iter().find(usable)
                {
                    self.run.provider.clone_from(&first.name);
                }
                self.run.providers = providers;
                self.run.list_deployed();
            }
            Event::Tested(on, checks) => self.tested(&on.to_string(), checks),
            event @ (Event::Started(_) | Event::Report(..) | Event::Ended(..) | Event::Seen(_) | Event::NotSeen(_)) => {
                self.receive_run(event)
            }
        }
        Vec::new()
    }

    /// A provider was looked at: that is newer than what was known of it.
    fn tested(&mut self, name: &str, checks: Vec<Check>) {
        if let Some(choice) = self.run.providers.iter_mut().find(|choice| choice.name == name) {
            let bad = checks.iter().find(|check| check.state == CheckState::Bad);
            choice.hindrance = bad.map(|check| format!("{}. {}", check.found, check.next));
        }
        self.tests.insert(name.to_owned(), ProviderTest::Done(checks));
    }

    fn opened(&mut self, path: PathBuf, lab: Lab, stamp: Stamp, on: Option<String>) -> Vec<Effect> {
        self.preferences.remember(&path);
        self.previews.remove(&path);
        self.replace(lab, Document { path: Some(path), stamp: Some(stamp), ..Document::default() });
        if let Some(on) = on {
            self.run.provider.clone_from(&on);
            self.run.deployed_on = Some(on);
            self.run.list_deployed();
        }
        self.offer_recovery();
        vec![Effect::KeepPreferences(Box::new(self.preferences.clone())), Effect::View(ViewMove::Fit)]
    }

    fn written(&mut self, path: PathBuf, stamp: Stamp, state_id: u64) -> Vec<Effect> {
        let was = self.document.path.replace(path.clone());
        self.document.stamp = Some(stamp);
        (self.document.change, self.document.asked) = (None, None);
        self.history.mark_saved(state_id);
        self.autosaved_revision = self.revision;
        self.preferences.remember(&path);
        self.previews.remove(&path);
        let mut effects = vec![Effect::DropAutosave { path: was }, Effect::KeepPreferences(Box::new(self.preferences.clone()))];
        if let Some(after) = self.pending.take() {
            effects.extend(self.go_on(after));
        }
        effects
    }

    fn receive_run(&mut self, event: Event) {
        match event {
            Event::Started(JobKind::Predict | JobKind::ReadLogs) => {}
            Event::Started(kind) => {
                let total = self.run.plan.as_ref().filter(|_| kind == JobKind::Deploy).map_or(0, |plan| plan.steps.len());
                self.run.job = Some(Progress { kind, done: 0, total, stopping: false });
                if kind == JobKind::Deploy {
                    self.run.steps.clear();
                }
            }
            Event::Report(_, report) => self.reported(report),
            Event::Ended(JobKind::Predict | JobKind::ReadLogs, Ok(())) => {}
            Event::Ended(kind @ (JobKind::Predict | JobKind::ReadLogs), Err(why)) => {
                // Whoever waits for logs is told that there are none, and why stands in the log.
                if let (JobKind::ReadLogs, Some(Dialog::NodeLog(node))) = (kind, &self.dialog) {
                    self.run.logs = Some((node.clone(), Vec::new()));
                }
                self.run.note(why);
            }
            Event::Ended(kind, result) => self.ended(kind, result),
            // In Design nothing is observed; an observation that was under way comes too late.
            Event::Seen(sight) if self.mode == Mode::Design && !sight.is_gone => {}
            Event::Seen(sight) => {
                if sight.is_gone {
                    self.run.deployed_on = None;
                } else if !sight.observed.is_empty() {
                    self.run.deployed_on = Some(self.run.provider.clone());
                }
                self.run.observe(&sight);
                self.run.entries = sight.entries;
                // Holders that are elected again after a heal are no failover.
                if let Some(moved) = sight.failover.filter(|moved| moved.cause == MoveCause::Fault) {
                    self.run.measured = Some(moved);
                }
            }
            Event::NotSeen(why) => self.run.not_observed(why),
            // `receive` handles these.
            Event::Chosen(..)
            | Event::NotChosen(_)
            | Event::NoChooser(_)
            | Event::Listed(_)
            | Event::Previewed(..)
            | Event::Read { .. }
            | Event::NotRead { .. }
            | Event::Written { .. }
            | Event::NotWritten { .. }
            | Event::Exists { .. }
            | Event::Exported(_)
            | Event::Failed(_)
            | Event::Changed(..)
            | Event::NotSaved(..)
            | Event::Recoveries(_)
            | Event::Providers(_)
            | Event::Tested(..) => {}
        }
    }

    fn reported(&mut self, report: Report) {
        match report {
            Report::Planned(plan) => {
                self.run.steps.clear();
                self.run.plan = Some(plan);
                self.tab = Tab::Plan;
            }
            Report::Step(id, state) => {
                if let (Some(job), StepState::Done | StepState::Failed(_) | StepState::Skipped) = (&mut self.run.job, &state) {
                    job.done += 1;
                }
                self.run.steps.insert(id, state);
            }
            Report::Predicted(prediction) => self.run.predicted(prediction),
            Report::Logs(node, logs) => self.run.logs = Some((node, logs)),
            Report::Log(line) => self.run.note(line),
            Report::Imported(lab, unknown) => self.imported(*lab, unknown),
            // Requests and failovers are told by the looks between jobs.
            Report::OperationStarted(wall_ms, operation) => self.run.operation_started(wall_ms, operation),
            Report::OperationEnded(wall_ms, result) => self.run.operation_ended(wall_ms, result),
            Report::Seen(sight) if self.mode != Mode::Design => self.run.observe(&sight),
            Report::Seen(_) => {}
        }
    }

    fn imported(&mut self, lab: Lab, unknown: Vec<String>) {
        let (job, nodes) = (self.run.job.take(), lab.nodes.len());
        self.replace(lab, Document::default());
        self.history.mark_unsaved();
        self.run.job = job;
        unknown.into_iter().for_each(|line| self.run.note(line));
        self.tab = Tab::Log;
        let text = match nodes {
            1 => "Imported 1 machine. See the log for missing details.".to_owned(),
            _ => format!("Imported {nodes} machines. See the log for missing details."),
        };
        self.tell_with(Tone::Good, text, Some(log()));
    }

    fn ended(&mut self, kind: JobKind, result: Result<(), String>) {
        let stopped = self.run.job.take().is_some_and(|job| job.stopping);
        match result {
            Err(why) if stopped => self.tell(Tone::Warn, format!("{} was stopped: {why}", kind.title())),
            Err(why) => self.tell_with(Tone::Bad, why, Some(log())),
            Ok(()) => match kind {
                JobKind::Deploy => {
                    self.run.plan = None;
                    self.run.deployed_on = Some(self.run.provider.clone());
                    self.tab = Tab::Events;
                    let show = show(Tab::Events, "Show what happened");
                    self.tell_with(Tone::Good, "The lab is deployed as it is drawn.", Some(show));
                }
                JobKind::Undo => {
                    self.run.plan = None;
                    self.run.steps.clear();
                    self.tell(Tone::Good, "The deployment is undone.");
                }
                JobKind::Destroy => {
                    let providers = std::mem::take(&mut self.run.providers);
                    self.run.clear();
                    self.run.providers = providers;
                    self.tell(Tone::Good, "Nothing of the lab is left.");
                }
                // Their result shows: a plan, a window, a file, or what is observed next.
                JobKind::Plan
                | JobKind::Inject
                | JobKind::Heal
                | JobKind::Recover
                | JobKind::Promote
                | JobKind::TakeSnapshot
                | JobKind::Restore
                | JobKind::Shell
                | JobKind::Console
                | JobKind::MakeImage
                | JobKind::Import
                | JobKind::Predict
                | JobKind::ReadLogs => {}
            },
        }
    }
}

fn show(tab: Tab, about: &'static str) -> NoticeAction {
    NoticeAction { label: "Show", about, command: Command::Window(WindowCommand::Show(tab)) }
}

fn log() -> NoticeAction {
    show(Tab::Log, "Show the log")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{Command, FileCommand, Preferences, job::Task},
        model::{Edit, Node, Role},
    };

    #[test]
    fn a_lab_opens_on_the_provider_that_it_is_deployed_on() {
        let choice = |name: &str, hindrance: Option<&str>| ProviderChoice {
            name: name.into(),
            title: name.into(),
            hindrance: hindrance.map(str::to_owned),
            makes_images: false,
        };
        let known = || Event::Providers(vec![choice("sim", None), choice("incus", Some("the daemon does not answer"))]);
        let read = |on: Option<&str>| Event::Read {
            path: "/labs/a.ron".into(),
            lab: Box::new(Lab::new("a")),
            stamp: Stamp { modified: None, content: Fingerprint::of(b"a") },
            on: on.map(str::to_owned),
        };
        for (on, shown) in [(None, "sim"), (Some("sim"), "sim"), (Some("incus"), "incus"), (Some("incus:lab-two"), "incus:lab-two")] {
            // Providers are asked for in the background: they may answer before the file is read, and after it.
            for events in [[known(), read(on)], [read(on), known()]] {
                let mut preferences = Preferences::default();
                preferences.provider = "virtualbox".into();
                let mut state = State::new(preferences, Vec::new());
                events.into_iter().for_each(|event| drop(state.receive(event)));
                assert_eq!(state.run.provider, shown, "{on:?}");
                assert_eq!(state.run.chosen().map(|choice| choice.name.as_str()), Some(shown), "{on:?}");
            }
        }
        let mut state = State::new(Preferences::default(), Vec::new());
        [known(), read(Some("incus")), read(None)].into_iter().for_each(|event| drop(state.receive(event)));
        assert_eq!(state.run.deployed_on, None, "the next lab is deployed nowhere");
    }

    #[test]
    fn machines_that_are_read_become_a_lab_that_is_not_saved() {
        let mut state = State::new(Preferences::default(), Vec::new());
        state.lab = Lab::new("Mine");
        let effects = state.apply(Command::File(FileCommand::ImportMachines));
        let [Effect::Start(job)] = effects.as_slice() else { panic!("{effects:?}") };
        assert_eq!((&job.task, &job.file), (&Task::Import, &None));
        state.receive(Event::Started(JobKind::Import));
        let mut lab = Lab::new("Imported");
        lab.apply(&[Edit::Node { name: "web".parse().unwrap(), at: None, to: Some(Box::new(Node::new(Role::App))) }]).unwrap();
        state.receive(Event::Report(JobKind::Import, Report::Imported(Box::new(lab.clone()), vec!["Its address is not known.".into()])));
        state.receive(Event::Ended(JobKind::Import, Ok(())));
        assert_eq!((&state.lab, state.is_unsaved(), state.document.open), (&lab, true, true));
        assert!(state.run.job.is_none() && state.tab == Tab::Log);
        // What is not saved is not lost by a second time.
        assert!(state.apply(Command::File(FileCommand::ImportMachines)).is_empty() && matches!(state.dialog, Some(Dialog::Unsaved(_))));
    }
}
