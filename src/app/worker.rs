//! The workers: named threads that do what commands need from the outside, and report events. They touch no state and no
//! window; each has one bounded queue.

use super::{
    Effect, Event, ExportOptions, FileUse, Stamp,
    command::Watched,
    files::{self, Folders, Keeper},
    job::{Engine, Job, JobKind, Observation, ReadLogs, Report, Task},
    outbox::Outbox,
};
use crate::model::Lab;
use crate::session::{Cancel, Check, ProviderId, settings::Settings};
use std::{
    cell::RefCell,
    collections::VecDeque,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::Duration,
};

/// Orders that wait for a worker.
const QUEUE: usize = 64;
/// Events that wait for the window. A worker waits when it is full, so nothing is lost.
const EVENTS: usize = 1024;
/// Time between two looks at the open file: a look reads its time of change, and the file only where that is another.
const LOOK_AT_FILE_EVERY: Duration = Duration::from_secs(2);
/// Time between two looks at a running lab.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Lets the user choose a file. It may block: it has a thread of its own.
pub trait Chooser: Send {
    /// The chosen file; `None`: the user thought better of it.
    ///
    /// # Errors
    /// Where there is no chooser on this desktop.
    fn choose(&mut self, what: FileUse, name: &str, folder: Option<PathBuf>) -> Result<Option<PathBuf>, NoChooser>;
}

/// There is no file chooser on this desktop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoChooser;

/// Makes the content of an exported file. The exporters do; here is only the seam.
pub type Draw = fn(&Lab, &ExportOptions) -> anyhow::Result<Vec<u8>>;

/// Looks whether a provider can be used. It may block: it has a thread of its own.
pub type Doctor = fn(&ProviderId, &Settings) -> Vec<Check>;

/// Called from a worker when there is something to receive.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// What the workers are made of.
pub struct Parts {
    /// Where the window keeps what is its own; `None`: nowhere.
    pub folders: Option<Folders>,
    /// What does jobs.
    pub engine: Box<dyn Engine>,
    /// What chooses files.
    pub chooser: Box<dyn Chooser>,
    /// What exports labs.
    pub draw: Draw,
    /// What looks whether a provider can be used.
    pub doctor: Doctor,
}

/// The workers.
pub struct Workers {
    hands: Hands,
}

enum Hands {
    Threads {
        files: Outbox<Effect>,
        dialogs: SyncSender<(FileUse, String)>,
        jobs: Outbox<Order>,
        logs: Outbox<Box<Job>>,
        tests: Outbox<(ProviderId, Box<Settings>)>,
        cancel: Arc<Mutex<Cancel>>,
        events: Receiver<Event>,
        /// The last observation, where it shows nothing new.
        quiet: Quiet,
    },
    /// At once, on the caller's thread: for tests.
    Inline {
        parts: RefCell<Parts>,
        keeper: RefCell<Option<Keeper>>,
        watched: RefCell<Option<Box<Watched>>>,
        events: RefCell<VecDeque<Event>>,
    },
}

/// An observation that waits for the next frame without asking for one: only its clocks differ from the last one told.
type Quiet = Arc<Mutex<Option<Event>>>;

enum Order {
    Job(Box<Job>, Cancel),
    Watch(Option<Box<Watched>>),
    UseSettings(Box<Settings>),
}

impl Workers {
    /// Starts the threads. They end when the workers are dropped.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(parts: Parts, wake: Wake) -> std::io::Result<Self> {
        let (to_events, events) = sync_channel(EVENTS);
        let (files, file_orders) = sync_channel::<Effect>(QUEUE);
        let (dialogs, dialog_orders) = sync_channel::<(FileUse, String)>(1);
        let (jobs, job_orders) = sync_channel::<Order>(QUEUE);
        let (logs, log_orders) = sync_channel::<Box<Job>>(QUEUE);
        let (tests, test_orders) = sync_channel::<(ProviderId, Box<Settings>)>(QUEUE);
        let Parts { folders, engine, chooser, draw, doctor } = parts;
        let quiet = Quiet::default();
        let send = Mailbox { events: to_events, quiet: Arc::clone(&quiet), wake, is_full: Arc::default() };
        let (files, jobs, logs, tests) = (Outbox::new(files), Outbox::new(jobs), Outbox::new(logs), Outbox::new(tests));
        let [files_full, jobs_full, logs_full, tests_full] = [&files.is_full, &jobs.is_full, &logs.is_full, &tests.is_full].map(Arc::clone);
        let sender = send.clone();
        spawn("files", move || {
            let mut keeper = folders.as_ref().map(Keeper::new);
            if let Some(keeper) = &mut keeper {
                sender.event(Event::Recoveries(keeper.recoveries()));
            }
            let sender = Mailbox { is_full: files_full, ..sender };
            do_files(&file_orders, folders.as_ref(), &mut keeper, draw, &sender);
        })?;
        let sender = send.clone();
        spawn("file-chooser", move || choose_files(chooser, &dialog_orders, &sender))?;
        let sender = Mailbox { is_full: tests_full, ..send.clone() };
        spawn("provider-tests", move || {
            for (on, settings) in test_orders {
                let checks = doctor(&on, &settings);
                sender.event(Event::Tested(on, checks));
                sender.done();
            }
        })?;
        let (sender, reader) = (Mailbox { is_full: logs_full, ..send.clone() }, engine.log_reader());
        spawn("logs", move || {
            for job in log_orders {
                read_logs(&reader, &job, &mut |event| sender.event(event));
                sender.done();
            }
        })?;
        let send = Mailbox { is_full: jobs_full, ..send };
        spawn("jobs", move || do_jobs(engine, &job_orders, &send))?;
        Ok(Self { hands: Hands::Threads { files, dialogs, jobs, logs, tests, cancel: Arc::default(), events, quiet } })
    }

    /// Workers without threads: each effect is done before [`Workers::carry_out`] returns.
    pub fn inline(mut parts: Parts) -> Self {
        let mut events = VecDeque::new();
        let mut keeper = parts.folders.as_ref().map(Keeper::new);
        if let Some(keeper) = &mut keeper {
            events.push_back(Event::Recoveries(keeper.recoveries()));
        }
        events.push_back(Event::Providers(parts.engine.providers()));
        Self {
            hands: Hands::Inline {
                parts: RefCell::new(parts),
                keeper: RefCell::new(keeper),
                watched: RefCell::default(),
                events: RefCell::new(events),
            },
        }
    }

    /// Has an effect carried out. Effects on the window itself are none of the workers' business and come back.
    pub fn carry_out(&self, effect: Effect) -> Option<Effect> {
        if matches!(effect, Effect::View(_) | Effect::RenameInPlace(_) | Effect::Quit) {
            return Some(effect);
        }
        match &self.hands {
            Hands::Threads { files, dialogs, jobs, logs, tests, cancel, .. } => {
                match effect {
                    // One chooser is open at a time.
                    Effect::ChooseFile { what, name } => drop(dialogs.try_send((what, name))),
                    Effect::Start(job) if job.task.kind() == JobKind::ReadLogs => logs.send(job),
                    Effect::Start(job) => {
                        let wish = Cancel::default();
                        if let Ok(mut current) = cancel.lock() {
                            *current = wish.clone();
                        }
                        jobs.send(Order::Job(job, wish));
                    }
                    Effect::Cancel => {
                        if let Ok(current) = cancel.lock() {
                            current.request();
                        }
                    }
                    Effect::Watch(what) => jobs.send(Order::Watch(what)),
                    Effect::UseSettings(settings) => jobs.send(Order::UseSettings(settings)),
                    Effect::Test(on, settings) => tests.send((on, settings)),
                    other => files.send(other),
                }
            }
            Hands::Inline { parts, keeper, watched, events } => {
                inline(&mut parts.borrow_mut(), &mut keeper.borrow_mut(), watched, &mut events.borrow_mut(), effect)
            }
        }
        None
    }

    /// What has been reported since the last call.
    pub fn events(&self) -> Vec<Event> {
        match &self.hands {
            Hands::Threads { events, quiet, files, jobs, logs, tests, .. } => {
                files.flush();
                jobs.flush();
                logs.flush();
                tests.flush();
                let mut all: Vec<Event> = events.try_iter().collect();
                all.extend(quiet.lock().ok().and_then(|mut quiet| quiet.take()));
                all
            }
            Hands::Inline { events, .. } => events.borrow_mut().drain(..).collect(),
        }
    }

    /// Looks at the watched lab now, without threads only; with threads it is looked at by itself.
    pub fn look(&self) {
        if let Hands::Inline { parts, watched, events, .. } = &self.hands
            && let Some(what) = watched.borrow().as_ref()
        {
            events.borrow_mut().push_back(look(parts.borrow_mut().engine.as_mut(), what));
        }
    }
}

#[derive(Clone)]
struct Mailbox {
    events: SyncSender<Event>,
    quiet: Quiet,
    wake: Wake,
    is_full: Arc<AtomicBool>,
}

impl Mailbox {
    fn event(&self, event: Event) {
        // The window has gone: so will this thread.
        if self.events.send(event).is_ok() {
            (self.wake)();
        }
    }

    /// An order is done: if more wait for a place in the queue, the window sends them.
    fn done(&self) {
        if self.is_full.load(Ordering::Relaxed) {
            (self.wake)();
        }
    }

    /// Has an event for the next frame, whenever that is; the one before it is forgotten.
    fn quietly(&self, event: Option<Event>) {
        if let Ok(mut quiet) = self.quiet.lock() {
            *quiet = event;
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(format!("sandtable {name}")).spawn(work).map(drop)
}

/// Does orders, and between them looks at the open file.
fn do_files(orders: &Receiver<Effect>, folders: Option<&Folders>, keeper: &mut Option<Keeper>, draw: Draw, send: &Mailbox) {
    let mut open: Option<(PathBuf, Stamp)> = None;
    let mut told = None;
    loop {
        let order = match &open {
            Some(_) => orders.recv_timeout(LOOK_AT_FILE_EVERY),
            None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match order {
            Ok(Effect::WatchFile(file)) => (open, told) = (file, None),
            Ok(effect) => {
                do_file(effect, folders, keeper, draw).into_iter().for_each(|event| send.event(event));
                send.done();
            }
            Err(RecvTimeoutError::Timeout) => {
                let Some((path, stamp)) = &open else { continue };
                let change = files::look(path, stamp);
                if change != told {
                    told.clone_from(&change);
                    change.into_iter().for_each(|change| send.event(Event::Changed(path.clone(), change)));
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn do_file(effect: Effect, folders: Option<&Folders>, keeper: &mut Option<Keeper>, draw: Draw) -> Vec<Event> {
    let failed = |result: anyhow::Result<()>, what: &str| match result {
        Ok(()) => Vec::new(),
        Err(error) => vec![Event::Failed(format!("{what}: {}", super::in_words(&error)))],
    };
    match effect {
        Effect::Autosave { path, base, lab } => {
            let kept = keeper.as_mut().map_or(Ok(()), |keeper| keeper.keep(path.as_deref(), base, &lab));
            failed(kept, "Unsaved changes could not be kept against a crash")
        }
        Effect::TakeOver { autosave, path, base, lab } => {
            let Some(keeper) = keeper else { return Vec::new() };
            let kept = keeper.keep(path.as_deref(), base, &lab).map(|()| keeper.discard(&autosave));
            failed(kept, "The recovered lab could not be kept against a crash")
        }
        Effect::DropAutosave { .. } => {
            keeper.iter().for_each(Keeper::clear);
            Vec::new()
        }
        Effect::DropRecovery(autosave) => {
            keeper.iter_mut().for_each(|keeper| keeper.discard(&autosave));
            Vec::new()
        }
        Effect::Read(path) => vec![files::read(path)],
        Effect::ReadPreview(path) => vec![files::preview(path)],
        Effect::Write { path, lab, state_id, permit, what } => vec![files::write(path, &lab, state_id, permit, what)],
        Effect::Look(path, stamp) => files::look(&path, &stamp).map(|change| Event::Changed(path, change)).into_iter().collect(),
        Effect::List(folder) => vec![Event::Listed(files::list(&folder))],
        Effect::CreateFolder(folder) => vec![Event::Listed(files::create_folder(&folder))],
        Effect::KeepPreferences(it) => {
            failed(folders.map_or(Ok(()), |folders| files::keep_preferences(folders, &it)), "The preferences could not be kept")
        }
        Effect::WriteExport { path, lab, options, permit } => match draw(&lab, &options) {
            Ok(bytes) => vec![files::write_export(path, &bytes, permit, FileUse::Export(options.format))],
            Err(error) => vec![Event::Failed(format!("Not exported: {}", super::in_words(&error)))],
        },
        // The window's, or another worker's.
        Effect::ChooseFile { .. }
        | Effect::WatchFile(_)
        | Effect::UseSettings(_)
        | Effect::Test(..)
        | Effect::Start(_)
        | Effect::Cancel
        | Effect::Watch(_)
        | Effect::View(_)
        | Effect::RenameInPlace(_)
        | Effect::Quit => Vec::new(),
    }
}

fn choose(chooser: &mut dyn Chooser, what: FileUse, name: &str) -> Event {
    match chooser.choose(what, name, None) {
        Ok(Some(path)) => Event::Chosen(what, path),
        Ok(None) => Event::NotChosen(what),
        Err(NoChooser) => Event::NoChooser(what),
    }
}

fn choose_files(mut chooser: Box<dyn Chooser>, orders: &Receiver<(FileUse, String)>, send: &Mailbox) {
    for (what, name) in orders {
        send.event(choose(chooser.as_mut(), what, &name));
    }
}

fn look(engine: &mut dyn Engine, what: &Watched) -> Event {
    match engine.look(&what.provider, &what.file, &what.lab) {
        Ok(sight) => Event::Seen(Box::new(sight)),
        Err(error) => Event::NotSeen(super::in_words(&error)),
    }
}

fn do_job(engine: &mut dyn Engine, job: &Job, cancel: &Cancel, tell: &mut dyn FnMut(Event)) {
    let kind = job.task.kind();
    tell(Event::Started(kind));
    let result = engine.work(job, cancel, &mut |report: Report| tell(Event::Report(kind, report)));
    tell(Event::Ended(kind, result.map_err(|error| super::in_words(&error))));
}

/// Reads logs beside the jobs: they are of use while a deployment runs.
fn read_logs(reader: &ReadLogs, job: &Job, tell: &mut dyn FnMut(Event)) {
    let Task::ReadLogs(node) = &job.task else { return };
    let logs = reader(job, node).map(|logs| tell(Event::Report(JobKind::ReadLogs, Report::Logs(node.clone(), logs))));
    tell(Event::Ended(JobKind::ReadLogs, logs.map_err(|error| super::in_words(&error))));
}

fn do_jobs(mut engine: Box<dyn Engine>, orders: &Receiver<Order>, send: &Mailbox) {
    send.event(Event::Providers(engine.providers()));
    let mut watched: Option<Box<Watched>> = None;
    let mut told: Option<Event> = None;
    loop {
        let order = match &watched {
            Some(_) => orders.recv_timeout(LOOK_EVERY),
            None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match order {
            Ok(Order::Job(job, cancel)) => {
                // What the job reports comes after all that was seen before it.
                send.quietly(None);
                told = None;
                do_job(engine.as_mut(), &job, &cancel, &mut |event| send.event(event));
                if let Some(watched) = &mut watched {
                    watched.lab.clone_from(&job.lab);
                }
            }
            Ok(Order::Watch(what)) => {
                if what.is_none() {
                    engine.look_away();
                }
                watched = what;
                told = None;
                send.quietly(None);
            }
            Ok(Order::UseSettings(settings)) => {
                engine.use_settings(*settings);
                send.event(Event::Providers(engine.providers()));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        send.done();
        if let Some(what) = &watched {
            let event = look(engine.as_mut(), what);
            // What shows nothing new asks for no frame: a lab at rest is not drawn again.
            let shows = without_clocks(event.clone());
            if told.as_ref() == Some(&shows) && !has_load(&event) {
                send.quietly(Some(event));
            } else {
                told = Some(shows);
                send.quietly(None);
                send.event(event);
            }
        }
    }
}

/// What an observation shows: the same event without clocks and without the requests that it tells of, which are new ones.
fn without_clocks(event: Event) -> Event {
    match event {
        Event::Seen(sight) => {
            let Observation { observed, failover, is_gone, .. } = *sight;
            Event::Seen(Box::new(Observation { observed: observed.without_clocks(), failover, is_gone, ..Observation::default() }))
        }
        other => other,
    }
}

fn has_load(event: &Event) -> bool {
    matches!(event, Event::Seen(sight) if !sight.load.is_empty())
}

fn inline(
    parts: &mut Parts,
    keeper: &mut Option<Keeper>,
    watched: &RefCell<Option<Box<Watched>>>,
    events: &mut VecDeque<Event>,
    effect: Effect,
) {
    match effect {
        Effect::ChooseFile { what, name } => events.push_back(choose(parts.chooser.as_mut(), what, &name)),
        Effect::Start(job) if job.task.kind() == JobKind::ReadLogs => {
            read_logs(&parts.engine.log_reader(), &job, &mut |event| events.push_back(event));
        }
        Effect::Start(job) => {
            do_job(parts.engine.as_mut(), &job, &Cancel::default(), &mut |event| events.push_back(event));
            if let Some(what) = watched.borrow_mut().as_mut() {
                what.lab.clone_from(&job.lab);
                events.push_back(look(parts.engine.as_mut(), what));
            }
        }
        Effect::Cancel => {}
        Effect::UseSettings(settings) => {
            parts.engine.use_settings(*settings);
            events.push_back(Event::Providers(parts.engine.providers()));
        }
        Effect::Test(on, settings) => {
            let checks = (parts.doctor)(&on, &settings);
            events.push_back(Event::Tested(on, checks));
        }
        Effect::Watch(what) => {
            match &what {
                Some(what) => events.push_back(look(parts.engine.as_mut(), what)),
                None => parts.engine.look_away(),
            }
            *watched.borrow_mut() = what;
        }
        other => events.extend(do_file(other, parts.folders.as_ref(), keeper, parts.draw)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Permit, ProviderChoice, job::Observation};

    use crate::host::file::Fingerprint;

    struct Quiet;
    impl Engine for Quiet {
        fn providers(&mut self) -> Vec<ProviderChoice> {
            Vec::new()
        }
        fn work(&mut self, _: &Job, cancel: &Cancel, report: &mut dyn FnMut(Report)) -> anyhow::Result<()> {
            report(Report::Log("worked".into()));
            anyhow::ensure!(!cancel.is_requested(), "stopped");
            Ok(())
        }
        fn look(&mut self, _: &str, _: &std::path::Path, _: &Lab) -> anyhow::Result<Observation> {
            Ok(Observation::default())
        }
        fn log_reader(&self) -> ReadLogs {
            Arc::new(|_, _| Ok(Vec::new()))
        }
        fn use_settings(&mut self, _: Settings) {}
        fn look_away(&mut self) {}
    }
    struct Always(PathBuf);
    impl Chooser for Always {
        fn choose(&mut self, _: FileUse, name: &str, _: Option<PathBuf>) -> Result<Option<PathBuf>, NoChooser> {
            if name == "none" { Err(NoChooser) } else { Ok(Some(self.0.join(name))) }
        }
    }

    fn parts(folder: &std::path::Path) -> Parts {
        let draw: Draw = |_, _| Ok(b"picture".to_vec());
        Parts {
            folders: Some(Folders::below(folder)),
            engine: Box::new(Quiet),
            chooser: Box::new(Always(folder.to_owned())),
            draw,
            doctor: |_, _| Vec::new(),
        }
    }

    #[test]
    fn threads_report_what_they_did_and_wake_the_window() {
        let folder = tempfile::tempdir().unwrap();
        let (woken, wakes) = sync_channel(EVENTS);
        let workers = Workers::start(parts(folder.path()), Arc::new(move || woken.send(()).unwrap_or_default())).unwrap();
        let job = Job { provider: "sim".into(), file: None, lab: Lab::new("x"), task: Task::Plan };
        assert!(workers.carry_out(Effect::Start(Box::new(job))).is_none());
        assert!(workers.carry_out(Effect::ChooseFile { what: FileUse::Open, name: "none".into() }).is_none());
        assert_eq!(workers.carry_out(Effect::Quit), Some(Effect::Quit));
        let mut all = Vec::new();
        // Recoveries, providers, started, reported, ended, no chooser.
        while all.len() < 6 {
            wakes.recv_timeout(Duration::from_secs(20)).unwrap();
            all.extend(workers.events());
        }
        assert!(all.contains(&Event::NoChooser(FileUse::Open)));
        assert!(all.contains(&Event::Ended(crate::app::job::JobKind::Plan, Ok(()))));
    }

    /// Held while the file worker is not to get on.
    static SLOW_DISK: Mutex<()> = Mutex::new(());

    #[test]
    fn a_full_queue_drops_no_save() {
        let folder = tempfile::tempdir().unwrap();
        let draw: Draw = |_, _| SLOW_DISK.lock().map(|_| Vec::new()).map_err(|_| anyhow::anyhow!("no lock"));
        let (woken, wakes) = sync_channel(EVENTS);
        let parts = Parts { draw, ..parts(folder.path()) };
        let workers = Workers::start(parts, Arc::new(move || woken.send(()).unwrap_or_default())).unwrap();
        let slow = SLOW_DISK.lock().unwrap();
        let options = ExportOptions::default();
        let lab = Box::new(Lab::new("a"));
        workers.carry_out(Effect::WriteExport { path: folder.path().join("a.svg"), lab: lab.clone(), options, permit: Permit::New });
        let saves = 2 * QUEUE as u64;
        for state_id in 0..saves {
            let path = folder.path().join(format!("{state_id}.ron"));
            workers.carry_out(Effect::Write { path, lab: lab.clone(), state_id, permit: Permit::New, what: FileUse::Save });
        }
        drop(slow);
        let mut written = Vec::new();
        while written.len() < 2 * QUEUE {
            wakes.recv_timeout(Duration::from_secs(20)).unwrap();
            let events = workers.events().into_iter();
            written.extend(events.filter_map(|event| if let Event::Written { state_id, .. } = event { Some(state_id) } else { None }));
        }
        assert_eq!(written, (0..saves).collect::<Vec<_>>(), "each one, in order");
    }

    /// Sees a lab whose clock goes on, and in which something happens when it is told to.
    struct Ticking(Arc<std::sync::atomic::AtomicU64>, u64);
    impl Engine for Ticking {
        fn providers(&mut self) -> Vec<ProviderChoice> {
            Vec::new()
        }
        fn work(&mut self, _: &Job, _: &Cancel, _: &mut dyn FnMut(Report)) -> anyhow::Result<()> {
            Ok(())
        }
        fn look(&mut self, _: &str, _: &std::path::Path, _: &Lab) -> anyhow::Result<Observation> {
            self.1 += 250;
            let mut sight = Observation::default();
            sight.observed.at_ms = self.1;
            let node = crate::model::ObservedNode {
                seen_ms: self.1,
                snapshots: vec![self.0.load(std::sync::atomic::Ordering::Relaxed).to_string()],
                ..Default::default()
            };
            sight.observed.nodes.insert("a".parse()?, node);
            Ok(sight)
        }
        fn log_reader(&self) -> ReadLogs {
            Arc::new(|_, _| Ok(Vec::new()))
        }
        fn use_settings(&mut self, _: Settings) {}
        fn look_away(&mut self) {}
    }

    #[test]
    fn a_lab_at_rest_asks_for_no_frame_and_its_clock_still_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let happens = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let parts = Parts { engine: Box::new(Ticking(Arc::clone(&happens), 0)), ..parts(folder.path()) };
        let (woken, wakes) = sync_channel(EVENTS);
        let workers = Workers::start(parts, Arc::new(move || woken.send(()).unwrap_or_default())).unwrap();
        workers.carry_out(Effect::Watch(Some(Box::new(Watched { provider: "sim".into(), file: "x".into(), lab: Lab::new("x") }))));
        let clock = |workers: &Workers| {
            let seen = workers.events().into_iter().filter_map(|event| if let Event::Seen(sight) = event { Some(sight) } else { None });
            seen.last().map(|sight| sight.observed.at_ms)
        };
        // Recoveries, providers, and the first observation.
        (0..3).for_each(|_| wakes.recv_timeout(Duration::from_secs(20)).unwrap());
        clock(&workers);
        let mut last = 0;
        while last < 1000 {
            last = clock(&workers).unwrap_or(last);
            std::thread::yield_now();
        }
        assert!(wakes.try_recv().is_err(), "four observations that only differ in their clocks woke the window");
        happens.store(1, std::sync::atomic::Ordering::Relaxed);
        wakes.recv_timeout(Duration::from_secs(20)).unwrap();
    }

    /// Works until it is told to end.
    struct Slow(Receiver<()>);
    impl Engine for Slow {
        fn providers(&mut self) -> Vec<ProviderChoice> {
            Vec::new()
        }
        fn work(&mut self, _: &Job, _: &Cancel, _: &mut dyn FnMut(Report)) -> anyhow::Result<()> {
            Ok(self.0.recv()?)
        }
        fn look(&mut self, _: &str, _: &std::path::Path, _: &Lab) -> anyhow::Result<Observation> {
            Ok(Observation::default())
        }
        fn log_reader(&self) -> ReadLogs {
            Arc::new(|_, _| Ok(vec![crate::session::StepLog { step: "install".into(), age_secs: 0, text: "half".into() }]))
        }
        fn use_settings(&mut self, _: Settings) {}
        fn look_away(&mut self) {}
    }

    #[test]
    fn logs_are_read_while_a_job_runs() {
        let folder = tempfile::tempdir().unwrap();
        let (end, ends) = sync_channel(1);
        let (woken, wakes) = sync_channel(EVENTS);
        let parts = Parts { engine: Box::new(Slow(ends)), ..parts(folder.path()) };
        let workers = Workers::start(parts, Arc::new(move || woken.send(()).unwrap_or_default())).unwrap();
        let job = |task| Effect::Start(Box::new(Job { provider: "sim".into(), file: None, lab: Lab::new("x"), task }));
        workers.carry_out(job(Task::Plan));
        workers.carry_out(job(Task::ReadLogs("db1".parse().unwrap())));
        let mut all = Vec::new();
        let mut wait_for = |is_it: fn(&Event) -> bool| {
            while !all.iter().any(is_it) {
                wakes.recv_timeout(Duration::from_secs(20)).unwrap();
                all.extend(workers.events());
            }
            all.clone()
        };
        let before = wait_for(|event| matches!(event, Event::Report(_, Report::Logs(_, logs)) if logs.len() == 1));
        assert!(!before.iter().any(|event| matches!(event, Event::Ended(JobKind::Plan, _))), "the job still runs");
        end.send(()).unwrap();
        wait_for(|event| matches!(event, Event::Ended(JobKind::Plan, Ok(()))));
    }

    #[test]
    fn inline_workers_do_the_same_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let workers = Workers::inline(parts(folder.path()));
        workers.events();
        let (path, lab) = (folder.path().join("a.ron"), Box::new(Lab::new("a")));
        let write = |permit| Effect::Write { path: path.clone(), lab: lab.clone(), state_id: 3, permit, what: FileUse::Save };
        workers.carry_out(write(Permit::New));
        workers.carry_out(write(Permit::New));
        workers.carry_out(Effect::Look(path.clone(), Stamp { modified: None, content: Fingerprint::of(b"") }));
        let [Event::Written { state_id: 3, .. }, Event::Exists { .. }, Event::Changed(..)] = workers.events()[..] else {
            panic!("something else happened")
        };
    }
}
