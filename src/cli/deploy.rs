//! `sandtable deploy`: makes what is drawn.

use super::allow::permit;
use super::args::Target;
use super::findings;
use super::place::{Place, provider_failed, wait};
use super::plan::{make, show, show_checks, show_unplannable, warn};
use super::progress::Progress;
use super::{Failure, Format, Outcome, Result, Style, Terminal};
use crate::catalog::Catalog;
use crate::deploy::{Ending, Event, Failure as StepFailure, Journal, Options, PREFLIGHT, canceller, labs, run as run_plan, settle};
use crate::host::state::Locked;
use crate::model::{Health, Lab, Observed};
use crate::plan::{Change, Plan, desired, doubt, off, undo};
use crate::probe;
use crate::provider::{Done, Provider};
use crate::rules::Severity;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    io::{BufRead, IsTerminal},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// How often it is looked whether a step under way is to be named.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a deployed lab may take to become healthy, in milliseconds of the provider's clock.
const SETTLE_MS_MAX: u64 = 60_000;
/// How long flows may take to be tried where nothing was done, in milliseconds of the provider's clock.
const WATCHED_MS_MAX: u64 = 5_000;
/// Events that may wait for the terminal.
const EVENTS_MAX: usize = 256;

/// What `deploy` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// Do not ask before something is deleted
    #[arg(long)]
    yes: bool,
    /// Make and change machines and networks, and start nothing
    #[arg(long, conflicts_with = "undo")]
    off: bool,
    /// Deploy the layout although it has open errors, which `check` lists
    #[arg(long, conflicts_with = "undo")]
    force: bool,
    /// Undo what the last deployment did; asks where that one is complete
    #[arg(long)]
    undo: bool,
    /// Let this layout read an image's file outside of its folder, with the content that the file has now
    #[arg(long, value_name = "PATH")]
    allow_image: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    lab: String,
    provider: String,
    ending: &'static str,
    healthy: bool,
    steps: Vec<StepLine>,
    failures: Vec<FailureLine>,
}

#[derive(Serialize)]
struct StepLine {
    id: String,
    result: &'static str,
    attempts: u32,
}

#[derive(Serialize)]
struct FailureLine {
    step: String,
    node: Option<String>,
    why: String,
    next: String,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let place = args.target.open()?;
    if args.undo && !place.folder.exists() {
        return Err(Failure::input("there is no deployment to undo"));
    }
    // Only the result goes to stdout where a program reads it.
    let mut stderr = Terminal::stderr();
    let out = if args.target.format() == Format::Json { &mut stderr } else { &mut *terminal };
    if !args.undo {
        refuse_errors(&args, &place, out)?;
        warn(&place, &args.target)?;
        if !args.yes && !place.moved()?.is_empty() {
            confirm(out, "This makes a second lab beside the one whose layout is gone. Deploy?")?;
        }
    }
    let (locked, provider) = place.provider_locked()?;
    let mut journal = open_journal(&locked)?;
    let observed = wait(provider.observe())?.map_err(provider_failed)?;
    let plan = match planned(&args, &place, &journal, &observed, out) {
        Ok(plan) => plan,
        Err(failure) => {
            if !place.is_deployed && !args.undo {
                drop((provider, journal));
                forget(locked)?;
            }
            return Err(failure);
        }
    };
    if !plan.is_empty() && !observed.faults.is_empty() {
        let faults: Vec<String> = observed.faults.iter().map(|fault| fault.fault.to_string()).collect();
        let faults = faults.join(", ");
        return Err(Failure::input(format!(
            "the lab is broken on purpose ({faults}); heal it first: sandtable heal {} --all",
            args.target.shown()
        )));
    }
    // Undoing a deployment that failed is what was asked for; undoing one that is complete removes a lab that works.
    let is_asked_for = args.undo && !journal.is_settled();
    if plan.steps.iter().any(|step| step.change == Change::Delete) && !args.yes && !is_asked_for {
        show(&place, &plan, &[], out);
        confirm(out, "Something is deleted. Deploy?")?;
    }
    if !args.undo
        && let Err(refused) = permit(&place, &plan, &args.allow_image, out)
    {
        if !place.is_deployed {
            drop((provider, journal));
            forget(locked)?;
        }
        return Err(refused);
    }
    place.record(&locked)?;
    let (ending, steps) = follow(&plan, &observed, &provider, &mut journal, out)?;
    if !args.undo {
        wait(provider.watch(&place.lab.flows))?.map_err(provider_failed)?;
    }
    let now = if args.off {
        // What is off has nothing to wait for, and each step has looked at what it did.
        Observed::default()
    } else if matches!(ending, Ending::Done | Ending::Undone) {
        settled(&place.lab, &provider, &plan, &observed, out)?
    } else {
        // What was not all done does not come up by itself.
        wait(provider.observe())?.map_err(provider_failed)?
    };
    // What the plan lacks was found before the first step: a lab that was never made stays so.
    let is_untouched = matches!(ending, Ending::Failed(_)) && steps.values().all(|(result, _)| *result == "not begun");
    if (args.undo && now.is_empty()) || (is_untouched && !place.is_deployed) {
        drop((provider, journal));
        forget(locked)?;
    }
    let health = probe::health(&place.lab, &now);
    match args.target.format() {
        Format::Json => terminal.json(&report(&place, &ending, health, steps))?,
        Format::Text if args.off && matches!(ending, Ending::Done) => {
            terminal.line(format_args!("{} on {} is made after {} steps; start it with: sandtable deploy {}", place.lab.name, place.on, plan.steps.len(), args.target.shown()))
        }
        Format::Text => {
            summary(&place, &ending, &plan, health, terminal);
            super::recover::hints(&now, &args.target.shown().to_string()).into_iter().for_each(|hint| terminal.line(hint));
        }
    }
    finish(&ending, if args.undo || args.off { Health::Healthy } else { health })
}

/// Lists the open errors of the layout, and refuses it unless `--force` is given.
fn refuse_errors(args: &Args, place: &Place, out: &mut Terminal) -> Result<()> {
    let layout = &args.target.layout.layout;
    let found = findings::blocking(layout, &place.lab, &place.text);
    let errors = match found.count(Severity::Error) {
        0 => return Ok(()),
        1 => "1 open error".to_owned(),
        count => format!("{count} open errors"),
    };
    let shown = args.target.shown();
    out.table(&found.rows(&shown.to_string()));
    if args.force {
        super::note(&format!("{shown} has {errors}; it is deployed because of --force"));
        return Ok(());
    }
    let wanted = desired(&place.lab, Catalog::embedded(), &place.id);
    let way_out = match wanted.unplannable.first() {
        None => "or add --force to deploy it anyway".to_owned(),
        Some(first) => format!("--force does not help, because part of it cannot be planned: {}", first.why),
    };
    let error = anyhow::anyhow!("nothing was changed: {shown} has {errors}. Fix or accept them (sandtable check {shown}), {way_out}");
    Err(Failure::Blocked(error, Box::new(found)))
}

/// What is to be done: the plan for the layout, or what undoes the last deployment.
fn planned(args: &Args, place: &Place, journal: &Journal, observed: &Observed, out: &mut Terminal) -> Result<Plan> {
    let shown = args.target.shown();
    if args.undo {
        if let Some(kept) = journal.damaged() {
            let kept = kept.display();
            return Err(Failure::State(anyhow::anyhow!(
                "the journal is damaged, so what the last deployment began is not known: nothing is undone. It was set aside as {kept}; \
                 deploy again (sandtable deploy {shown}) or destroy the lab (sandtable destroy {shown})"
            )));
        }
        let before = journal.before().ok_or_else(|| Failure::input("there is no deployment to undo"))?;
        return Ok(undo(&journal.begun(), before, observed));
    }
    let (plan, unplannable) = make(place, doubt(observed.clone(), &journal.unfinished()));
    if let Some(first) = unplannable.first() {
        show_unplannable(&unplannable, out);
        let more = if unplannable.len() > 1 { format!(" (and {} more)", unplannable.len() - 1) } else { String::new() };
        return Err(Failure::input(format!("the layout is not ready to be deployed: {}{more}; sandtable check {shown}", first.why)));
    }
    Ok(if args.off { off(plan) } else { plan })
}

/// Opens the journal, and says so where it had to be set aside.
pub(super) fn open_journal(locked: &Locked) -> Result<Journal> {
    let journal = Journal::open(locked)?;
    if let Some(kept) = journal.damaged() {
        super::note(&format!(
            "the journal of deployments was damaged and is set aside as {}; what it began and did not end may be unknown",
            kept.display()
        ));
    }
    if journal.is_lost() {
        super::note(
            "the journal of deployments is missing from the lab's state folder; what an interrupted run began is not known, and the plan \
             goes by what is observed",
        );
    }
    Ok(journal)
}

/// Removes the state folder of a lab that does not exist any more, and names what stays there because it is not Sandtable's.
pub(super) fn forget(locked: Arc<Locked>) -> Result<()> {
    let foreign = labs::forget(locked)?;
    for path in foreign {
        super::note(&format!("{} is not Sandtable's and was left where it is", path.display()));
    }
    Ok(())
}

/// Asks on a terminal; without one, nobody can have said yes.
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

/// Waits until the lab is well, and writes a line whenever more of it is.
pub(super) fn settled(lab: &Lab, provider: &Arc<dyn Provider>, plan: &Plan, before: &Observed, out: &mut Terminal) -> Result<Observed> {
    let is_coming_up = !plan.is_empty() || before.nodes.values().any(|node| node.is_booting);
    // Flows that were drawn since are tried for the first time, even where nothing had to be done.
    let ms_max = if is_coming_up { SETTLE_MS_MAX } else { WATCHED_MS_MAX };
    let now = wait(async {
        let (sender, mut receiver) = mpsc::channel(EVENTS_MAX);
        let reader = async {
            while let Some(event) = receiver.recv().await {
                if let Event::Settling(far) = event {
                    out.line(format_args!("{} {far}", out.paint(Style::Faint, "coming up:")));
                    out.show();
                }
            }
        };
        let waiting = async {
            let now = settle(lab, provider, ms_max, &sender).await;
            drop(sender);
            now
        };
        tokio::join!(waiting, reader).0
    })?;
    now.map_err(provider_failed)
}

/// What became of each step.
pub(super) type Results = BTreeMap<String, (&'static str, u32)>;

/// Runs a plan and writes a line for each thing that happens.
pub(super) fn follow(
    plan: &Plan,
    before: &Observed,
    provider: &Arc<dyn Provider>,
    journal: &mut Journal,
    out: &mut Terminal,
) -> Result<(Ending, Results)> {
    let mut results: Results = plan.steps.iter().map(|step| (step.id.to_string(), ("not begun", 0))).collect();
    let (_canceller, cancel) = canceller();
    let options = Options::default();
    let ending = wait(async {
        let (sender, mut receiver) = mpsc::channel(EVENTS_MAX);
        let reader = async {
            let (began, mut progress) = (Instant::now(), Progress::default());
            let mut lines = StepLines::of(plan);
            loop {
                match tokio::time::timeout(LOOK_EVERY, receiver.recv()).await {
                    Ok(None) => return,
                    Ok(Some(event)) => {
                        note(&event, &mut results);
                        lines.show(&event, out);
                        progress.take(&event, began.elapsed());
                    }
                    Err(_) => {}
                }
                for (step, says) in progress.due(began.elapsed()) {
                    out.line(format_args!("{} {step}: {says}", out.paint(Style::Faint, "...")));
                    out.show();
                }
            }
        };
        let run = async {
            let ending = run_plan(plan, before, provider, journal, &options, &cancel, &sender).await;
            drop(sender);
            ending
        };
        tokio::join!(run, reader).0
    })?;
    Ok((ending.map_err(|error| Failure::Provider(error.into()))?, results))
}

fn note(event: &Event, results: &mut Results) {
    let mut set = |step: &crate::plan::StepId, result| {
        if let Some(entry) = results.get_mut(&step.0) {
            entry.0 = result;
        }
    };
    match event {
        Event::StepStarted { step, attempt, .. } => {
            if let Some(entry) = results.get_mut(&step.0) {
                *entry = ("begun", *attempt);
            }
        }
        Event::StepDone { step, done: Done::Changed } => set(step, "done"),
        Event::StepDone { step, done: Done::AlreadySo } => set(step, "unchanged"),
        Event::StepFailed(failure) => set(&failure.step, "failed"),
        Event::Doubted(_)
        | Event::StepProgress { .. }
        | Event::Retrying { .. }
        | Event::Undoing { .. }
        | Event::Settling(_)
        | Event::Finished(_) => {}
    }
}

/// The lines about a running plan, a line for each event. A plan has tens of thousands of steps, so none is searched for.
struct StepLines<'a> {
    reasons: BTreeMap<&'a crate::plan::StepId, &'a str>,
    ended: usize,
}

impl<'a> StepLines<'a> {
    fn of(plan: &'a Plan) -> Self {
        Self { reasons: plan.steps.iter().map(|step| (&step.id, step.reason.as_str())).collect(), ended: 0 }
    }

    fn show(&mut self, event: &Event, out: &mut Terminal) {
        match event {
            Event::StepDone { step, done } => {
                let reason = self.reasons.get(step);
                self.ended += usize::from(reason.is_some());
                let count = format!("[{:>3}/{}]", self.ended, self.reasons.len());
                let word = if *done == Done::Changed { out.paint(Style::Good, "done") } else { out.paint(Style::Faint, "as is") };
                let (count, step) = (out.paint(Style::Faint, &count), out.paint(Style::Strong, &step.0));
                out.line(format_args!("{count} {word} {step} - {}", reason.unwrap_or(&"")));
            }
            Event::Retrying { step, why, in_ms } => {
                let word = out.paint(Style::Warn, "again");
                out.line(format_args!("{word} {step} in {in_ms} ms: {why}"));
            }
            Event::StepFailed(failure) => out.line(failed_line(failure, out)),
            Event::Doubted(check) => show_checks(std::slice::from_ref(check), out),
            Event::Undoing { steps } => out.line(format_args!("undoing in {steps} steps")),
            Event::StepStarted { .. } | Event::StepProgress { .. } | Event::Settling(_) | Event::Finished(_) => {}
        }
        out.show();
    }
}

fn failed_line(failure: &StepFailure, out: &Terminal) -> String {
    let on = failure.node.as_ref().map_or_else(String::new, |node| format!(" on {node}"));
    format!("{} {}{on}: {}. {}", out.paint(Style::Bad, "failed"), failure.step, failure.why, failure.next)
}

fn word(ending: &Ending) -> &'static str {
    match ending {
        Ending::Done => "done",
        Ending::Failed(_) => "failed",
        Ending::Stopped => "stopped",
        Ending::Undone => "undone",
    }
}

fn report(place: &Place, ending: &Ending, health: Health, steps: Results) -> Report {
    let failures = if let Ending::Failed(failures) = ending { failures.as_slice() } else { &[] };
    Report {
        lab: place.lab.name.clone(),
        provider: place.on.to_string(),
        ending: word(ending),
        healthy: health == Health::Healthy,
        steps: steps.into_iter().map(|(id, (result, attempts))| StepLine { id, result, attempts }).collect(),
        failures: failures
            .iter()
            .map(|failure| FailureLine {
                step: failure.step.to_string(),
                node: failure.node.as_ref().map(ToString::to_string),
                why: failure.why.clone(),
                next: failure.next.clone(),
            })
            .collect(),
    }
}

fn summary(place: &Place, ending: &Ending, plan: &Plan, health: Health, terminal: &mut Terminal) {
    let style = if health == Health::Healthy { Style::Good } else { Style::Bad };
    let health = terminal.paint(style, health.title());
    let (lab, on) = (&place.lab.name, &place.on);
    match ending {
        Ending::Done if plan.is_empty() => terminal.line(format_args!("Nothing to do: {lab} on {on} is as drawn and {health}.")),
        Ending::Done => terminal.line(format_args!("{lab} on {on} is as planned after {} steps, and {health}.", plan.steps.len())),
        Ending::Undone => terminal.line(format_args!("{lab} on {on} is as it was.")),
        Ending::Stopped => terminal.line(format_args!("{lab} on {on} is half done; deploy again to go on, or deploy --undo.")),
        Ending::Failed(failures) if failures.iter().all(|failure| failure.step.0 == PREFLIGHT) => {
            terminal.line(format_args!("Nothing of {lab} on {on} was changed."));
        }
        Ending::Failed(_) => {
            terminal.line(format_args!("{lab} on {on} is half done; mend what failed and deploy again, or deploy --undo."))
        }
    }
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
