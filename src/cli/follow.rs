//! Following a use case on a terminal: a line for each thing that happens, notes on stderr, and Ctrl-C.

use super::interrupt::Interrupt;
use super::plan::show_checks;
use super::progress::Running;
use super::{Failure, Outcome, Result, Style, Terminal};
use crate::model::Health;
use crate::plan::{Plan, StepId};
use crate::session::{Cancel, Done, Ending, Finished, Monitor, PREFLIGHT, Prepared, Progress, RunEvent, StepFailure};
use std::{
    collections::BTreeMap,
    io::{BufRead, IsTerminal},
    time::Instant,
};

/// What became of each step, and how often it was tried.
pub(super) type Results = BTreeMap<String, (&'static str, u32)>;

/// Does something that cannot be cancelled, and writes its messages.
pub(super) fn with_messages<T>(out: &mut Terminal, work: impl FnOnce(&mut Monitor<'_>) -> crate::session::SessionResult<T>) -> Result<T> {
    follow(&Cancel::default(), out, work)
}

/// Does something that Ctrl-C ends, and writes its messages. The state that it leaves is complete either way.
pub(super) fn until_interrupted<T>(
    out: &mut Terminal,
    work: impl FnOnce(&mut Monitor<'_>) -> crate::session::SessionResult<T>,
) -> Result<T> {
    follow(&Interrupt::heard()?.cancel(), out, work)
}

fn follow<T>(cancel: &Cancel, out: &mut Terminal, work: impl FnOnce(&mut Monitor<'_>) -> crate::session::SessionResult<T>) -> Result<T> {
    let mut progress = |progress| match progress {
        Progress::Message(text) => {
            out.line(&text);
            out.show();
        }
        other => note(&other),
    };
    Ok(work(&mut Monitor::new(cancel.clone(), &mut progress))?)
}

/// Runs a prepared plan. Ctrl-C ends it after the steps under way; a second one ends the program at once.
pub(super) fn run(prepared: Prepared<'_>, out: &mut Terminal) -> Result<(Finished, Results)> {
    let plan = prepared.plan().clone();
    let mut lines = RunLines::of(&plan);
    // Heard only now: a question before the run must end with the first Ctrl-C.
    let interrupt = Interrupt::heard()?;
    let cancel = interrupt.cancel();
    let mut progress = |progress| {
        lines.take(&progress, out);
        if cancel.is_requested() {
            lines.cancelled(out);
        }
    };
    let finished = prepared.run(&mut Monitor::new(cancel.clone(), &mut progress))?;
    Ok((finished, lines.results))
}

/// Writes what is not part of a run to stderr.
fn note(progress: &Progress) {
    match progress {
        Progress::JournalDamaged(file) => super::note(&format!(
            "the journal of deployments was damaged and is set aside as {}; what it began and did not end may be unknown",
            file.display()
        )),
        Progress::JournalMissing => super::note(
            "the journal of deployments is missing from the lab's state folder; what an interrupted run began is not known, and the plan \
             goes by what is observed",
        ),
        Progress::Foreign(file) => super::note(&format!("{} is not Sandtable's and was left where it is", file.display())),
        Progress::Run(_) | Progress::Tick | Progress::Observed(_) | Progress::Message(_) => {}
    }
}

/// The lines about a running plan. A plan has tens of thousands of steps, so none is searched for.
struct RunLines<'a> {
    reasons: BTreeMap<&'a StepId, &'a str>,
    ended: usize,
    results: Results,
    running: Running,
    began: Instant,
    is_cancelled: bool,
}

impl<'a> RunLines<'a> {
    fn of(plan: &'a Plan) -> Self {
        Self {
            reasons: plan.steps.iter().map(|step| (&step.id, step.reason.as_str())).collect(),
            ended: 0,
            results: plan.steps.iter().map(|step| (step.id.to_string(), ("not begun", 0))).collect(),
            running: Running::default(),
            began: Instant::now(),
            is_cancelled: false,
        }
    }

    fn take(&mut self, progress: &Progress, out: &mut Terminal) {
        match progress {
            Progress::Run(event) => {
                self.note(event);
                self.show(event, out);
                self.running.take(event, self.began.elapsed());
            }
            Progress::Tick => {
                for (step, says) in self.running.due(self.began.elapsed()) {
                    out.line(format_args!("{} {step}: {says}", out.paint(Style::Faint, "...")));
                    out.show();
                }
            }
            other => note(other),
        }
    }

    /// Says once that Ctrl-C was heard.
    fn cancelled(&mut self, out: &mut Terminal) {
        if !std::mem::replace(&mut self.is_cancelled, true) {
            out.line(format_args!("{} after the steps under way; press Ctrl-C again to quit at once", out.paint(Style::Warn, "stopping")));
            out.show();
        }
    }

    fn note(&mut self, event: &RunEvent) {
        let mut set = |step: &StepId, result| {
            if let Some(entry) = self.results.get_mut(&step.0) {
                entry.0 = result;
            }
        };
        match event {
            RunEvent::StepStarted { step, attempt, .. } => {
                if let Some(entry) = self.results.get_mut(&step.0) {
                    *entry = ("begun", *attempt);
                }
            }
            RunEvent::StepDone { step, done: Done::Changed } => set(step, "done"),
            RunEvent::StepDone { step, done: Done::AlreadySo } => set(step, "unchanged"),
            RunEvent::StepFailed(failure) => set(&failure.step, "failed"),
            RunEvent::Doubted(_)
            | RunEvent::StepProgress { .. }
            | RunEvent::Retrying { .. }
            | RunEvent::Undoing { .. }
            | RunEvent::Settling(_)
            | RunEvent::Finished(_) => {}
        }
    }

    fn show(&mut self, event: &RunEvent, out: &mut Terminal) {
        match event {
            RunEvent::StepDone { step, done } => {
                let reason = self.reasons.get(step);
                self.ended += usize::from(reason.is_some());
                let count = format!("[{:>3}/{}]", self.ended, self.reasons.len());
                let word = if *done == Done::Changed { out.paint(Style::Good, "done") } else { out.paint(Style::Faint, "as is") };
                let (count, step) = (out.paint(Style::Faint, &count), out.paint(Style::Strong, &step.0));
                out.line(format_args!("{count} {word} {step} - {}", reason.unwrap_or(&"")));
            }
            RunEvent::Retrying { step, why, in_ms } => {
                let word = out.paint(Style::Warn, "again");
                out.line(format_args!("{word} {step} in {in_ms} ms: {why}"));
            }
            RunEvent::StepFailed(failure) => out.line(failed_line(failure, out)),
            RunEvent::Doubted(check) => show_checks(std::slice::from_ref(check), out),
            RunEvent::Undoing { steps } => out.line(format_args!("undoing in {steps} steps")),
            RunEvent::Settling(far) => out.line(format_args!("{} {far}", out.paint(Style::Faint, "coming up:"))),
            RunEvent::StepStarted { .. } | RunEvent::StepProgress { .. } | RunEvent::Finished(_) => {}
        }
        out.show();
    }
}

fn failed_line(failure: &StepFailure, out: &Terminal) -> String {
    let on = failure.node.as_ref().map_or_else(String::new, |node| format!(" on {node}"));
    format!("{} {}{on}: {}. {}", out.paint(Style::Bad, "failed"), failure.step, failure.why, failure.next)
}

/// The exit of a run.
pub(super) fn finish(ending: &Ending, health: Health) -> Result {
    match ending {
        Ending::Done | Ending::Undone if health == Health::Healthy => Ok(Outcome::Good),
        Ending::Done | Ending::Undone | Ending::Stopped => Ok(Outcome::Unwell),
        Ending::Failed(failures) => {
            let all: Vec<String> = failures.iter().map(|failure| failure.step.to_string()).collect();
            let preflight = failures.iter().all(|failure| failure.step.0 == PREFLIGHT);
            Err(Failure::Provider(if preflight {
                anyhow::anyhow!("what the plan needs is not all there")
            } else {
                anyhow::anyhow!("{} of the plan's steps failed: {}", all.len(), all.join(", "))
            }))
        }
    }
}

/// Asks on a terminal; without one, no answer is a refusal.
pub(super) fn confirm(terminal: &mut Terminal, question: &str) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::input(format!("{question} Add --yes where nobody can be asked")));
    }
    terminal.line(format_args!("{question} [y/N]"));
    terminal.show();
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(Failure::input("nothing was done")) }
}
