//! What commands about the running lab do: jobs for a provider, and the dialogs before them.

use super::{
    After, Command, Dialog, Effect, FileUse, Mode, State, Tab,
    job::{Job, Task},
};

impl State {
    pub(super) fn apply_run(&mut self, command: Command) -> Vec<Effect> {
        let task = match command {
            Command::Provider(name) => {
                self.run.provider.clone_from(&name);
                self.run.plan = None;
                self.run.steps.clear();
                self.run.observed = None;
                self.preferences.provider = name;
                let watch = if self.mode == Mode::Run { self.watch() } else { Effect::Watch(None) };
                return vec![Effect::KeepPreferences(Box::new(self.preferences.clone())), watch];
            }
            Command::CancelJob => {
                if let Some(job) = &mut self.run.job {
                    job.stopping = true;
                }
                return vec![Effect::Cancel];
            }
            Command::Destroy => return self.ask(Dialog::Destroy),
            Command::Plan => {
                self.preferences.bottom_open = true;
                if self.document.path.is_none() {
                    // What is deployed belongs to a file: window and command line know it by that.
                    self.pending = Some(After::Plan);
                    return self.save(FileUse::SaveThen);
                }
                Task::Plan
            }
            Command::Deploy => match &self.run.plan {
                Some(plan) => Task::Deploy(plan.clone()),
                None => Task::Plan,
            },
            Command::DestroyNow => {
                self.dialog = None;
                Task::Destroy
            }
            Command::HealAll => Task::HealAll,
            Command::Heal(id) => Task::Heal(id),
            Command::Recover(cluster) => Task::Recover(cluster),
            Command::TakeSnapshot(node) => Task::TakeSnapshot(node),
            Command::RestoreNow(node, snapshot) => {
                self.dialog = None;
                Task::Restore(node, snapshot)
            }
            Command::Shell(node) => Task::Shell(node),
            Command::Console(node) => Task::Console(node),
            Command::MakeImage => Task::MakeImage,
            Command::Inject(fault) => {
                self.dialog = None;
                Task::Inject(fault)
            }
            _ => return Vec::new(),
        };
        let mut effects = self.enter(Mode::Run);
        match task {
            Task::Plan | Task::Deploy(_) | Task::Destroy => self.tab = Tab::Plan,
            Task::MakeImage => self.tab = Tab::Log,
            _ => self.tab = Tab::Events,
        }
        effects.push(self.start(task));
        effects
    }

    pub(super) fn start(&self, task: Task) -> Effect {
        Effect::Start(Box::new(Job { provider: self.run.provider.clone(), file: self.document.path.clone(), lab: self.lab.clone(), task }))
    }
}
