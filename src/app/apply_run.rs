//! What commands about the running lab do: jobs for a provider, and the dialogs before them.

use super::{
    After, Considered, Dialog, Effect, FaultCommand, FileUse, Mode, Previewed, RunCommand, State, Tab,
    job::{Job, Task},
};
use crate::look::Tone;
use crate::model::Fault;

impl State {
    pub(super) fn apply_run(&mut self, command: RunCommand) -> Vec<Effect> {
        let task = match command {
            RunCommand::Provider(name) => {
                self.run.provider.clone_from(&name);
                self.run.plan = None;
                self.run.steps.clear();
                self.run.observed = None;
                self.preferences.provider = name;
                let watch = if self.mode == Mode::Run { self.watch() } else { Effect::Watch(None) };
                return vec![Effect::KeepPreferences(Box::new(self.preferences.clone())), watch];
            }
            RunCommand::CancelJob => {
                if let Some(job) = &mut self.run.job {
                    job.stopping = true;
                }
                return vec![Effect::Cancel];
            }
            RunCommand::Destroy => return self.ask(Dialog::Destroy),
            RunCommand::Plan => {
                self.preferences.bottom_open = true;
                if self.document.path.is_none() {
                    // What is deployed belongs to a file: window and command line know it by that.
                    self.pending = Some(After::Plan);
                    return self.save(FileUse::SaveThen);
                }
                Task::Plan
            }
            RunCommand::Deploy if self.review.blocking().next().is_some() => return self.ask(Dialog::DeployErrors),
            RunCommand::Deploy | RunCommand::DeployAnyway => {
                self.dialog = None;
                match &self.run.plan {
                    Some(plan) => Task::Deploy(plan.clone()),
                    None => Task::Plan,
                }
            }
            RunCommand::UndoDeployment => Task::UndoDeployment,
            RunCommand::DestroyNow => {
                self.dialog = None;
                Task::Destroy
            }
            RunCommand::Recover(cluster) => Task::Recover(cluster),
            RunCommand::Promote => {
                let chosen = self.selected().and_then(|subject| self.run.replicas_on(subject).into_iter().next());
                return chosen.map(|at| self.ask(Dialog::Promote(at))).unwrap_or_default();
            }
            RunCommand::PromoteNow(at, old) => {
                self.dialog = None;
                Task::Promote(at, old)
            }
            RunCommand::TakeSnapshot(node) => Task::TakeSnapshot(node),
            RunCommand::RestoreNow(node, snapshot) => {
                self.dialog = None;
                Task::Restore(node, snapshot)
            }
            RunCommand::Shell(node) => Task::Shell(node),
            RunCommand::Console(node) => Task::Console(node),
            RunCommand::MakeImage => Task::MakeImage,
        };
        self.start_in_run(task)
    }

    pub(super) fn apply_fault(&mut self, command: FaultCommand) -> Vec<Effect> {
        let task = match command {
            FaultCommand::HealAll => {
                self.run.healing.extend(self.run.observed.iter().flat_map(|observed| &observed.faults).map(|fault| fault.id));
                Task::HealAll
            }
            FaultCommand::Heal(id) => {
                self.run.healing.insert(id);
                Task::Heal(id)
            }
            FaultCommand::Consider(fault) => return self.consider(fault),
            FaultCommand::Preview(fault) => return self.preview_fault(fault),
            FaultCommand::ConsiderLasting(lasts_secs) => {
                let Some(considered) = &mut self.run.considered else { return Vec::new() };
                considered.lasts_secs = lasts_secs;
                let fault = considered.fault.clone();
                return self.consider(fault);
            }
            FaultCommand::CloseConsidered => {
                self.run.considered = None;
                return Vec::new();
            }
            FaultCommand::Inject(fault, lasts_secs) => {
                if let Some(why) = self.run.hindrance(&fault) {
                    self.tell(Tone::Warn, why);
                    return Vec::new();
                }
                self.run.considered = None;
                Task::Inject(fault, lasts_secs)
            }
        };
        self.start_in_run(task)
    }

    /// Starts a job in Run, with the tab that tells of it.
    fn start_in_run(&mut self, task: Task) -> Vec<Effect> {
        let mut effects = self.enter(Mode::Run);
        match task {
            Task::Plan | Task::Deploy(_) | Task::UndoDeployment | Task::Destroy => self.tab = Tab::Plan,
            Task::MakeImage => self.tab = Tab::Log,
            _ => self.tab = Tab::Events,
        }
        effects.push(self.start(task));
        effects
    }

    /// Shows what a fault would do, in Run; the last one's duration stays chosen.
    fn consider(&mut self, fault: Fault) -> Vec<Effect> {
        let mut effects = if self.mode == Mode::Run { Vec::new() } else { self.enter(Mode::Run) };
        let lasts_secs = self.run.considered.as_ref().and_then(|it| it.lasts_secs);
        // What is shown already stays in sight until it is worked out for this duration.
        let shown = self.run.previewed.take().filter(|previewed| previewed.fault == fault && lasts_secs.is_none());
        self.run.prediction = shown.and_then(|previewed| previewed.prediction);
        if self.run.hindrance(&fault).is_none() {
            effects.push(self.start(Task::Predict(fault.clone(), lasts_secs)));
        }
        self.run.considered = Some(Considered { fault, lasts_secs });
        effects
    }

    /// Works out what a fault would do, for the time that the pointer rests on it.
    fn preview_fault(&mut self, fault: Option<Fault>) -> Vec<Effect> {
        self.run.previewed = None;
        let is_considered = |fault: &Fault| self.run.considered.as_ref().is_some_and(|considered| considered.fault == *fault);
        let wanted = fault.filter(|fault| self.mode == Mode::Run && !is_considered(fault) && self.run.hindrance(fault).is_none());
        let Some(fault) = wanted else { return Vec::new() };
        self.run.previewed = Some(Previewed { fault: fault.clone(), prediction: None });
        vec![self.start(Task::Predict(fault, None))]
    }

    pub(super) fn start(&self, task: Task) -> Effect {
        Effect::Start(Box::new(Job { provider: self.run.provider.clone(), file: self.document.path.clone(), lab: self.lab.clone(), task }))
    }
}
