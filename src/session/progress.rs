//! Progress of a use case and its cancellation, and the one place that follows a run.

use super::Result;
use crate::{
    deploy::{self, Canceller, Ending, Event, Journal, Options, canceller},
    model::{Lab, Observed},
    plan::Plan,
    provider::{Provider, ProviderError},
};
use std::{
    future::Future,
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};

/// Events of a run that may wait for the listener. A run waits when it is full; messages are dropped.
const EVENTS_MAX: usize = 256;
/// How often a cancellation is checked, and the time between two ticks.
const TICK: Duration = Duration::from_millis(50);
/// The least time between two observations while a plan runs.
const OBSERVE_AFTER_STEP: Duration = Duration::from_millis(100);
/// The longest time between two observations while a plan runs: a step that boots a machine takes minutes.
const OBSERVE_EVERY: Duration = Duration::from_secs(5);

/// A request to stop, shared with the use case. Steps under way end, no other is begun, and the journal knows how far it came.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A cancellation by a flag that others set.
    pub fn of(flag: Arc<AtomicBool>) -> Self {
        Self(flag)
    }

    /// Requests it.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was requested.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Progress of a use case.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// The journal was damaged and is set aside as this file.
    JournalDamaged(PathBuf),
    /// The journal of a deployed lab is missing: what an interrupted run began is not known.
    JournalMissing,
    /// An event of the run.
    Run(Event),
    /// A moment has passed while a plan runs.
    Tick,
    /// An observation while a plan runs.
    Observed(Box<Observed>),
    /// What a step that is not in a plan is doing.
    Message(String),
    /// This file in the state folder is not Sandtable's and was left.
    Foreign(PathBuf),
}

/// Whether the lab is observed while a plan runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observations {
    /// It is not.
    None,
    /// After steps, and every few seconds.
    WhileRunning,
}

/// Who follows a use case.
pub struct Monitor<'a> {
    /// Stops it.
    pub cancel: Cancel,
    /// Whether it is given observations.
    pub observations: Observations,
    /// Is given the progress.
    pub progress: &'a mut dyn FnMut(Progress),
}

impl<'a> Monitor<'a> {
    /// A monitor that takes no observations.
    pub fn new(cancel: Cancel, progress: &'a mut dyn FnMut(Progress)) -> Self {
        Self { cancel, observations: Observations::None, progress }
    }

    pub(super) fn report(&mut self, progress: Progress) {
        (self.progress)(progress);
    }
}

/// Runs a future of a provider on this thread.
pub(super) fn wait<T>(future: impl Future<Output = T>) -> io::Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future))
}

/// Runs a call of a provider on this thread.
pub(super) fn call<T>(call: impl Future<Output = std::result::Result<T, ProviderError>>) -> Result<T> {
    Ok(wait(call)??)
}

/// Runs a plan. Gives how it ended, and whether a step was begun.
pub(super) fn run(
    plan: &Plan,
    before: &Observed,
    provider: &Arc<dyn Provider>,
    journal: &mut Journal,
    monitor: &mut Monitor<'_>,
) -> Result<(Ending, bool)> {
    let (canceller, cancelled) = canceller();
    let options = Options::default();
    let mut has_begun = false;
    let ending = wait(async {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let run = async {
            let ending = deploy::run(plan, before, provider, journal, &options, &cancelled, &sender).await;
            drop(sender);
            ending
        };
        let observed = (monitor.observations == Observations::WhileRunning).then_some(provider);
        let listen = listen(events, observed, &canceller, monitor, |event| has_begun |= matches!(event, Event::StepStarted { .. }));
        tokio::join!(run, listen).0
    })??;
    Ok((ending, has_begun))
}

/// Waits until the lab is healthy, a time of the provider's clock has passed, or it is cancelled.
pub(super) fn settle(lab: &Lab, provider: &Arc<dyn Provider>, ms_max: u64, monitor: &mut Monitor<'_>) -> Result<Observed> {
    let (canceller, cancelled) = canceller();
    call(async {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let settle = async {
            let settled = deploy::settle(lab, provider, ms_max, &cancelled, &sender).await;
            drop(sender);
            settled
        };
        tokio::join!(settle, listen(events, None, &canceller, monitor, |_| {})).0
    })
}

/// Passes events on until there are no more, and cancels the run when that is requested.
async fn listen(
    mut events: mpsc::Receiver<Event>,
    observed: Option<&Arc<dyn Provider>>,
    canceller: &Canceller,
    monitor: &mut Monitor<'_>,
    mut take: impl FnMut(&Event),
) {
    let mut observed_at: Option<Instant> = None;
    loop {
        let mut has_changed = false;
        tokio::select! {
            event = events.recv() => {
                let Some(event) = event else { return };
                has_changed = matches!(event, Event::StepDone { .. } | Event::StepFailed(_));
                take(&event);
                monitor.report(Progress::Run(event));
            }
            () = tokio::time::sleep(TICK) => {}
        }
        monitor.report(Progress::Tick);
        if let Some(provider) = observed {
            let age = observed_at.map_or(Duration::MAX, |at| at.elapsed());
            if age >= OBSERVE_EVERY || (has_changed && age >= OBSERVE_AFTER_STEP) {
                observed_at = Some(Instant::now());
                // If this fails, the run goes on: its steps report what is wrong.
                if let Ok(observed) = provider.observe().await {
                    monitor.report(Progress::Observed(Box::new(observed)));
                }
            }
        }
        if monitor.cancel.is_requested() {
            canceller.tell(deploy::Cancel::Stop);
        }
    }
}

/// Does something that reports messages.
pub(super) fn with_messages<T>(
    monitor: &mut Monitor<'_>,
    work: impl AsyncFnOnce(&(dyn Fn(&str) + Send + Sync)) -> std::result::Result<T, ProviderError>,
) -> Result<T> {
    call(async {
        let (sender, mut messages) = mpsc::channel::<String>(EVENTS_MAX);
        let says = move |text: &str| {
            // A message may be lost; the work must not wait for its reader.
            let _lost = sender.try_send(text.to_owned());
        };
        let listen = async {
            while let Some(text) = messages.recv().await {
                monitor.report(Progress::Message(text));
            }
        };
        let work = async {
            let done = work(&says).await;
            drop(says);
            done
        };
        tokio::join!(work, listen).0
    })
}
