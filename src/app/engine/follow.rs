//! Work of a provider, followed: what it says becomes reports for the window.

use super::{ASK_EVERY, EVENTS_MAX, LOOK_EVERY, SETTLE_MS_MAX, failed, wait};
use crate::{
    app::{
        StepState,
        job::{Cancel, Report, Sight},
    },
    deploy::{self, Ending, Event, Journal, Options},
    model::{Lab, Observed},
    plan::Plan,
    provider::{Provider, ProviderError},
};
use std::{sync::Arc, time::Duration};

/// How old may be what the window shows while steps are done, whatever they say.
const LOOK_LEAST: Duration = Duration::from_secs(5);

/// Waits until the lab is well, and reports whenever more of it is.
pub(super) fn settle(lab: &Lab, provider: &Arc<dyn Provider>, report: &mut dyn FnMut(Report)) -> anyhow::Result<()> {
    let settled = wait(async {
        let (sender, mut events) = tokio::sync::mpsc::channel(EVENTS_MAX);
        let waiting = async {
            let settled = deploy::settle(lab, provider, SETTLE_MS_MAX, &sender).await;
            drop(sender);
            settled
        };
        let listen = async {
            while let Some(event) = events.recv().await {
                tell(event, report);
            }
        };
        tokio::join!(waiting, listen).0
    })?;
    settled.map(drop).map_err(failed)
}

/// Runs a plan and reports each step.
pub(super) fn follow(
    plan: &Plan,
    before: &Observed,
    provider: &Arc<dyn Provider>,
    journal: &mut Journal,
    cancel: &Cancel,
    report: &mut dyn FnMut(Report),
) -> anyhow::Result<()> {
    let (canceller, told) = deploy::canceller();
    let options = Options::default();
    let ending = wait(async {
        let (sender, mut events) = tokio::sync::mpsc::channel(EVENTS_MAX);
        let run = async {
            let ending = deploy::run(plan, before, provider, journal, &options, &told, &sender).await;
            drop(sender);
            ending
        };
        let listen = async {
            let mut looked: Option<tokio::time::Instant> = None;
            loop {
                let mut changed = false;
                tokio::select! {
                    event = events.recv() => match event {
                        Some(event) => {
                            changed = matches!(event, Event::StepDone { .. } | Event::StepFailed(_));
                            tell(event, report);
                        }
                        None => return,
                    },
                    () = tokio::time::sleep(ASK_EVERY) => {}
                }
                // A step that boots a machine takes minutes: what it comes to meanwhile is shown too.
                let age = looked.map_or(Duration::MAX, |at| at.elapsed());
                if age >= LOOK_LEAST || (changed && age >= LOOK_EVERY) {
                    looked = Some(tokio::time::Instant::now());
                    // A look that fails is no reason to stop: the steps themselves say what is wrong.
                    if let Ok(observed) = provider.observe().await {
                        report(Report::Seen(Box::new(Sight { observed, ..Sight::default() })));
                    }
                }
                if cancel.is_asked() {
                    canceller.tell(deploy::Cancel::Stop);
                }
            }
        };
        tokio::join!(run, listen).0
    })??;
    match ending {
        Ending::Done | Ending::Undone => Ok(()),
        Ending::Stopped => anyhow::bail!("the lab is half done; plan again to go on"),
        Ending::Failed(failures) if failures.is_empty() => anyhow::bail!("a step failed"),
        Ending::Failed(failures) => {
            let all: Vec<String> = failures.iter().map(|failure| format!("{}: {}. {}", failure.step, failure.why, failure.next)).collect();
            anyhow::bail!("{}", all.join("\n"))
        }
    }
}

fn tell(event: Event, report: &mut dyn FnMut(Report)) {
    match event {
        Event::Doubted(check) => report(Report::Log(format!("{}: {}. {}", check.title, check.found, check.next))),
        Event::StepStarted { step, .. } => report(Report::Step(step, StepState::Running)),
        Event::StepDone { step, .. } => report(Report::Step(step, StepState::Done)),
        Event::StepFailed(failure) => report(Report::Step(failure.step, StepState::Failed(format!("{}. {}", failure.why, failure.next)))),
        Event::StepProgress { step, says } => report(Report::Log(format!("{step}: {says}"))),
        Event::Retrying { step, why, in_ms } => report(Report::Log(format!("{step}: {why}; again in {in_ms} ms"))),
        Event::Undoing { steps } => report(Report::Log(format!("undoing in {steps} steps"))),
        Event::Settling(far) => report(Report::Log(format!("coming up: {far}"))),
        Event::Finished(_) => {}
    }
}

/// Does something that says what it is at, and reports that.
pub(super) fn saying<T>(
    report: &mut dyn FnMut(Report),
    work: impl AsyncFnOnce(&(dyn Fn(&str) + Send + Sync)) -> Result<T, ProviderError>,
) -> anyhow::Result<T> {
    let done = wait(async {
        let (sender, mut said) = tokio::sync::mpsc::channel::<String>(EVENTS_MAX);
        let says = move |text: &str| {
            // What it is at may be lost; the work must not wait for the window.
            let _lost = sender.try_send(text.to_owned());
        };
        let listen = async {
            while let Some(text) = said.recv().await {
                report(Report::Log(text));
            }
        };
        let work = async {
            let done = work(&says).await;
            drop(says);
            done
        };
        tokio::join!(work, listen).0
    })?;
    done.map_err(failed)
}
