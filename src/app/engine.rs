//! The engine behind the window: each job is a use case of `session`, and its progress becomes reports.
//!
//! It works on the same state folder as the command line, so window and command line see the same lab. It blocks, so only the
//! worker that owns it may call it.

use super::{
    LoadSample, ProviderChoice, StepState,
    job::{Engine, Job, Observation, ReadLogs, Report, Task},
    run::SAMPLE_MS,
};
use crate::activity::forecast;
use crate::host::{state::StateFolder, terminal};
use crate::model::{Author, Lab, Power};
use crate::session::{
    Cancel, Check, Done, Ending, Extent, FaultDuration, FaultSelection, Finished, InjectOptions, LabHandle, Monitor, Observations,
    Packages, Prepared, Progress, ProviderId, ProviderSelection, RunEvent, Session, SessionError, SnapshotTask, Snapshots, WallClock,
    checks, hindrance, import_machines,
    settings::{Setting, Settings},
    wall_clock,
};
use anyhow::Context as _;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

/// The engine on the user's own state folder, with the clock on the wall.
pub fn all(settings: Settings) -> Box<dyn Engine> {
    let mut engine = Local::new(StateFolder::of_user().map_err(|error| error.to_string()), wall_clock());
    engine.use_settings(settings);
    Box::new(engine)
}

/// Checks whether a provider can be used. It waits for the provider.
pub fn doctor(provider: &ProviderId, settings: &Settings) -> Vec<Check> {
    checks(provider, settings).unwrap_or_else(|error| vec![Check::bad("provider", error.to_string(), "")])
}

/// The labs of this machine's state folder.
pub struct Local {
    /// The state folder, or why there is none.
    state: Result<StateFolder, String>,
    clock: WallClock,
    /// Handles stay open, because they cache what they have read and watch nodes.
    handles: BTreeMap<PathBuf, (ProviderId, LabHandle)>,
    /// The last second of requests that was reported, by lab.
    reported_ms: BTreeMap<PathBuf, u64>,
    /// The labs that requests are sent to while they are observed.
    loaded: BTreeSet<PathBuf>,
    settings: Arc<Settings>,
}

impl Local {
    /// An engine on a state folder and a clock.
    pub fn new(state: Result<StateFolder, String>, clock: WallClock) -> Self {
        Self { state, clock, handles: BTreeMap::new(), reported_ms: BTreeMap::new(), loaded: BTreeSet::new(), settings: Arc::default() }
    }

    fn open(&self, file: &Path, lab: &Lab, provider: ProviderSelection) -> anyhow::Result<Session> {
        let state = self.state.as_ref().map_err(|why| anyhow::anyhow!("{why}"))?;
        match Session::open(state, file, lab.clone(), provider, Arc::clone(&self.clock), Arc::clone(&self.settings)) {
            Ok(session) => {
                if let Some((_, handle)) = self.handles.get(&session.file).filter(|(known, _)| *known == session.provider) {
                    session.reuse(handle.clone());
                }
                Ok(session)
            }
            Err(SessionError::NoFile { file, error }) => Err(error).with_context(|| format!("{}: save the lab first", file.display())),
            Err(error) => Err(error.into()),
        }
    }

    /// The session's handle, which stays open from now on.
    fn handle<'a>(&mut self, session: &'a Session) -> Result<&'a LabHandle, SessionError> {
        let handle = session.handle()?;
        if self.handles.get(&session.file).is_none_or(|(known, _)| *known != session.provider) {
            self.loaded.remove(&session.file);
            self.handles.insert(session.file.clone(), (session.provider.clone(), handle.clone()));
        }
        Ok(handle)
    }

    fn plan(&mut self, session: &Session, report: &Reports<'_>) -> anyhow::Result<()> {
        if let Some(hint) = session.moved_hint(&session.file)? {
            report.send(Report::Log(hint));
        }
        self.handle(session)?;
        let proposed = session.plan(Extent::Full)?;
        if !proposed.unplannable.is_empty() {
            return Err(SessionError::Unplannable(proposed.unplannable).into());
        }
        report.send(Report::Planned(proposed.plan));
        Ok(())
    }

    fn destroy(&mut self, session: &Session, monitor: &mut Monitor<'_>, report: &Reports<'_>) -> anyhow::Result<()> {
        if !session.folder.exists() && session.provider == ProviderId::Sim {
            return Ok(());
        }
        // Where no state is kept, the hypervisor may still have machines with the lab's ownership tag.
        let prepared = session.prepare_destroy(monitor)?;
        report.send(Report::Planned(prepared.plan().clone()));
        let finished = run(prepared, monitor)?;
        anyhow::ensure!(finished.is_gone, "Part of the lab is left; destroy it again");
        self.forget(&session.file);
        Ok(())
    }

    /// Forgets what is kept of a lab that is no longer deployed.
    fn forget(&mut self, file: &Path) {
        self.handles.remove(file);
        self.reported_ms.remove(file);
        self.loaded.remove(file);
    }

    fn do_task(&mut self, session: &Session, task: &Task, monitor: &mut Monitor<'_>, report: &Reports<'_>) -> anyhow::Result<()> {
        match task {
            Task::Plan => self.plan(session, report)?,
            Task::Deploy(plan) => match session.prepare_approved(plan, monitor) {
                Ok(prepared) => drop(run(prepared, monitor)?),
                Err(error) => {
                    if let SessionError::StalePlan(fresh) = &error {
                        report.send(Report::Planned(fresh.clone()));
                    }
                    return Err(error.into());
                }
            },
            Task::UndoDeployment => {
                let prepared = session.prepare_undo(monitor)?;
                report.send(Report::Planned(prepared.plan().clone()));
                run(prepared, monitor)?;
            }
            Task::Destroy => self.destroy(session, monitor, report)?,
            Task::Inject(fault, lasts_secs) => {
                let by = Author::Window { process: std::process::id() };
                self.handle(session)?;
                session.inject(fault, InjectOptions { duration: lasts_secs.map_or(FaultDuration::Usual, FaultDuration::Secs), by })?;
            }
            Task::Heal(id) => {
                self.handle(session)?;
                session.heal(FaultSelection::One(*id))?;
            }
            Task::HealAll => {
                self.handle(session)?;
                session.heal(FaultSelection::All)?;
            }
            Task::Recover(cluster) => {
                session.recover(cluster, monitor)?;
            }
            Task::Promote(at, old) => {
                if session.promote(at, *old, monitor)?.done == Done::AlreadySo {
                    report.send(Report::Log(format!("{at} was promoted already")));
                }
            }
            Task::TakeSnapshot(node) => {
                let wanted = Snapshots { task: SnapshotTask::TakeNext, node: Some(node.to_string()), name: None };
                run(session.prepare_snapshots(&wanted, monitor)?.1, monitor)?;
            }
            Task::Restore(node, snapshot) => {
                let finished = run(session.prepare_restore(node.as_str(), Some(snapshot), monitor)?.2, monitor)?;
                report.send(Report::Log(finished.restored(node, snapshot).to_string()));
            }
            Task::Shell(node) => {
                self.handle(session)?;
                terminal::open(&session.shell(node, &[])?, self.settings.get(Setting::Terminal))?;
            }
            Task::Console(node) => {
                self.handle(session)?;
                terminal::open(&session.console(node)?, self.settings.get(Setting::Terminal))?;
            }
            Task::MakeImage => {
                let image = session.image(Packages::OfLab)?;
                let word = if image.make(monitor)? == Done::Changed { "made" } else { "there already, with the same contents" };
                report.send(Report::Log(format!("{}: {word}", image.alias())));
            }
            // It belongs to no file, and was done before; logs are read while other jobs run.
            Task::Import | Task::ReadLogs(_) => {}
            Task::Predict(fault, lasts_secs) => {
                self.handle(session)?;
                if let Some(found) = session.predict(fault, lasts_secs.map(|secs| u64::from(secs) * 1000))? {
                    report.send(Report::Predicted(forecast(fault, &found)));
                }
            }
        }
        Ok(())
    }
}

impl Engine for Local {
    fn providers(&mut self) -> Vec<ProviderChoice> {
        let homeless = self.state.as_ref().err().cloned();
        let choice = |provider: &ProviderId, hindrance: Option<String>| ProviderChoice {
            name: provider.to_string(),
            title: provider.title(),
            makes_images: matches!(provider, ProviderId::Incus(_)),
            hindrance: homeless.clone().or(hindrance),
        };
        let here = [ProviderId::Sim, ProviderId::VirtualBox(None), ProviderId::Incus(None)];
        let here = here.map(|provider| choice(&provider, hindrance(&provider, &self.settings)));
        // Remotes are asked when they are chosen or tested, and not before: that may take long.
        here.into_iter().chain(self.settings.remotes.iter().map(|remote| choice(remote, None))).collect()
    }

    fn work(&mut self, job: &Job, cancel: &Cancel, report: &mut dyn FnMut(Report)) -> anyhow::Result<()> {
        let reports = Reports { report: RefCell::new(report), clock: Arc::clone(&self.clock) };
        if job.task == Task::Import {
            let (lab, unknown) = import_machines(None, &[], &self.settings)?;
            reports.send(Report::Imported(Box::new(lab), unknown));
            return Ok(());
        }
        let file = job.file.as_deref().context("Save the lab first: what is deployed belongs to its file")?;
        let chosen = parse(&job.provider)?;
        // A plan is for the chosen provider; everything else is for the one that the lab runs on.
        let provider = match &job.task {
            Task::Plan | Task::Deploy(_) => ProviderSelection::Exactly(chosen),
            _ => ProviderSelection::DeployedOr(chosen),
        };
        let session = self.open(file, &job.lab, provider)?;
        let mut progress = |progress| reports.progress(progress);
        let mut monitor = Monitor { observations: Observations::WhileRunning, ..Monitor::new(cancel.clone(), &mut progress) };
        let Some(operation) = job.task.kind().operation() else { return self.do_task(&session, &job.task, &mut monitor, &reports) };
        reports.send(Report::OperationStarted((self.clock)(), operation));
        let result = self.do_task(&session, &job.task, &mut monitor, &reports);
        let ended = result.as_ref().copied().map_err(super::in_words);
        reports.send(Report::OperationEnded((self.clock)(), ended));
        result
    }

    fn look(&mut self, chosen: &str, file: &Path, lab: &Lab) -> anyhow::Result<Observation> {
        let session = self.open(file, lab, ProviderSelection::DeployedOr(parse(chosen)?))?;
        if !session.folder.exists() {
            // Another process may deploy the lab again: its clock begins anew then.
            self.forget(&session.file);
            return Ok(Observation { wall_ms: (self.clock)(), is_gone: true, ..Observation::default() });
        }
        let handle = self.handle(&session)?;
        let observed = handle.observe()?;
        // A simulated lab has its users already; a real one gets some while it is observed.
        let is_up = observed.nodes.values().any(|node| node.power == Power::Running);
        if session.provider != ProviderId::Sim && is_up && self.loaded.insert(session.file.clone()) {
            handle.send_requests(crate::sim::REQUESTS_PER_SEC)?;
        }
        let traffic = handle.traffic()?;
        // A clock that goes back is the one of another deployment.
        let reported = self.reported_ms.get(&session.file).copied().filter(|reported| *reported <= observed.at_ms);
        let is_new = |at_ms: u64| reported.is_none_or(|reported| at_ms + SAMPLE_MS > reported) && at_ms + SAMPLE_MS <= observed.at_ms;
        let load: Vec<LoadSample> = traffic.seconds.iter().filter(|second| is_new(second.at_ms)).map(LoadSample::of).collect();
        if let Some(last) = load.last() {
            self.reported_ms.insert(session.file, last.at_ms);
        }
        Ok(Observation {
            wall_ms: (self.clock)(),
            observed,
            load,
            entries: traffic.entries,
            failover: traffic.failover,
            outage: traffic.outage,
            is_gone: false,
        })
    }

    fn log_reader(&self) -> ReadLogs {
        let (state, clock) = (self.state.clone(), Arc::clone(&self.clock));
        Arc::new(move |job, node| {
            let file = job.file.as_deref().context("Save the lab first: what is deployed belongs to its file")?;
            let state = state.as_ref().map_err(|why| anyhow::anyhow!("{why}"))?;
            let provider = ProviderSelection::DeployedOr(parse(&job.provider)?);
            let session = Session::open(state, file, job.lab.clone(), provider, Arc::clone(&clock), Arc::default())?;
            Ok(session.step_logs(node)?)
        })
    }

    fn use_settings(&mut self, settings: Settings) {
        self.settings = Arc::new(settings);
        // Open handles have the earlier settings.
        self.handles.clear();
        self.loaded.clear();
    }

    fn look_away(&mut self) {
        // Without a handle nothing asks the nodes and nothing sends requests.
        self.handles.clear();
        self.reported_ms.clear();
        self.loaded.clear();
    }
}

fn parse(provider: &str) -> anyhow::Result<ProviderId> {
    provider.parse().map_err(|why: String| anyhow::anyhow!(why))
}

/// Runs a plan. A plan that is not done is an error.
fn run(prepared: Prepared<'_>, monitor: &mut Monitor<'_>) -> anyhow::Result<Finished> {
    let finished = prepared.run(monitor)?;
    match &finished.ending {
        Ending::Done | Ending::Undone => Ok(finished),
        Ending::Stopped => anyhow::bail!("the lab is half done; plan again to continue, or undo the deployment"),
        Ending::Failed(failures) if failures.is_empty() => anyhow::bail!("a step failed"),
        Ending::Failed(failures) => {
            let all: Vec<String> = failures.iter().map(|failure| format!("{}: {}. {}", failure.step, failure.why, failure.next)).collect();
            anyhow::bail!("{}", all.join("\n"))
        }
    }
}

/// Where reports go: those of a task, and those that its progress becomes.
struct Reports<'a> {
    report: RefCell<&'a mut dyn FnMut(Report)>,
    clock: WallClock,
}

impl Reports<'_> {
    fn send(&self, report: Report) {
        (self.report.borrow_mut())(report);
    }

    fn progress(&self, progress: Progress) {
        let text = match progress {
            Progress::Tick => return,
            Progress::Run(event) => return self.event(event),
            Progress::Observed(observed) => {
                let wall_ms = (self.clock)();
                return self.send(Report::Seen(Box::new(Observation { wall_ms, observed: *observed, ..Observation::default() })));
            }
            Progress::Message(text) => text,
            Progress::JournalDamaged(file) => format!("The journal of deployments was damaged and is set aside as {}", file.display()),
            Progress::JournalMissing => "The journal of deployments is missing: what an interrupted run began is not known".to_owned(),
            Progress::Foreign(file) => format!("{} is not Sandtable's and was left where it is", file.display()),
        };
        self.send(Report::Log(text));
    }

    fn event(&self, event: RunEvent) {
        self.send(match event {
            RunEvent::Doubted(check) => Report::Log(format!("{}: {}. {}", check.title, check.found, check.next)),
            RunEvent::StepStarted { step, .. } => Report::Step(step, StepState::Running),
            RunEvent::StepDone { step, .. } => Report::Step(step, StepState::Done),
            RunEvent::StepFailed(failure) => Report::Step(failure.step, StepState::Failed(format!("{}. {}", failure.why, failure.next))),
            RunEvent::StepProgress { step, says } => Report::Log(format!("{step}: {says}")),
            RunEvent::Retrying { step, why, in_ms } => Report::Log(format!("{step}: {why}; again in {in_ms} ms")),
            RunEvent::Undoing { steps } => Report::Log(format!("undoing in {steps} steps")),
            RunEvent::Settling(far) => Report::Log(format!("coming up: {far}")),
            RunEvent::Finished(_) => return,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{deploy::DEPLOYED_FILE, host::state::Wait, session::labs};

    #[test]
    fn a_damaged_record_is_never_taken_for_nothing_and_a_moved_file_is_told() {
        let root = tempfile::tempdir().unwrap();
        let state = StateFolder::at(root.path().join("state"));
        let mut engine = Local::new(Ok(state.clone()), Arc::new(|| 5));
        let file = root.path().canonicalize().unwrap().join("a.ron");
        std::fs::write(&file, "x").unwrap();
        let lab = Lab::new("A");
        assert!(engine.look("sim", &file, &lab).unwrap().is_gone);
        let job = |file: &Path, task| Job { provider: "sim".into(), file: Some(file.to_owned()), lab: lab.clone(), task };
        engine.work(&job(&file, Task::Deploy(crate::plan::Plan::default())), &Cancel::default(), &mut |_| {}).unwrap();
        assert!(!engine.look("sim", &file, &lab).unwrap().is_gone);

        let moved = root.path().canonicalize().unwrap().join("b.ron");
        std::fs::rename(&file, &moved).unwrap();
        let mut told = Vec::new();
        engine.work(&job(&moved, Task::Plan), &Cancel::default(), &mut |report| told.push(report)).unwrap();
        assert!(matches!(told.as_slice(), [Report::Log(text), Report::Planned(_)] if text.contains("labs --attach")));
        std::fs::rename(&moved, &file).unwrap();

        let locked = labs::locate(&state, &file).unwrap().folder.lock(Wait::No).unwrap();
        locked.write(DEPLOYED_FILE, b"{").unwrap();
        drop(locked);
        let error = engine.work(&job(&file, Task::Destroy), &Cancel::default(), &mut |_| {}).unwrap_err().to_string();
        assert!(error.contains(DEPLOYED_FILE), "{error}");
        assert!(engine.look("sim", &file, &lab).is_err());
    }
}
