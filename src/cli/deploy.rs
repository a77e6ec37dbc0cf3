//! `sandtable deploy`: deploys a layout, or undoes the last deployment.

use super::allow::permit;
use super::args::Target;
use super::findings;
use super::follow::{Results, confirm, finish, run as follow, with_messages};
use super::plan::{show, show_unplannable, warn};
use super::{Failure, Format, Result, Style, Terminal};
use crate::catalog::Catalog;
use crate::model::Health;
use crate::plan::{Plan, desired};
use crate::probe;
use crate::rules::Severity;
use crate::session::{Ending, Extent, Finished, PREFLIGHT, Prepared, Session, SessionError};
use serde::Serialize;
use std::path::PathBuf;

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
    let (session, text) = args.target.open_with_text()?;
    // Only the result goes to stdout where a program reads it.
    let mut stderr = Terminal::stderr();
    let out = if args.target.format() == Format::Json { &mut stderr } else { &mut *terminal };
    let prepared = if args.undo { undo(&args, &session, out)? } else { deployment(&args, &session, &text, out)? };
    if prepared.deletes_unasked() && !args.yes {
        show(&session, prepared.plan(), &[], out);
        confirm(out, "Something is deleted. Deploy?")?;
    }
    if !args.undo
        && let Err(refused) = permit(&session, prepared.plan(), &args.allow_image, out)
    {
        with_messages(out, |monitor| prepared.abandon(monitor))?;
        return Err(refused);
    }
    let plan = prepared.plan().clone();
    let (Finished { ending, observed, .. }, steps) = follow(prepared, out)?;
    let health = probe::health(&session.lab, &observed);
    match args.target.format() {
        Format::Json => terminal.json(&report(&session, &ending, health, steps))?,
        Format::Text if args.off && matches!(ending, Ending::Done) => {
            let (lab, provider, count) = (&session.lab.name, &session.provider, plan.steps.len());
            terminal.line(format_args!("{lab} on {provider} is made after {count} steps; start it with: sandtable deploy {}", args.target.shown()));
        }
        Format::Text => {
            summary(&args, &session, &ending, &plan, health, terminal);
            super::recover::hints(&observed, &args.target.shown().to_string()).into_iter().for_each(|hint| terminal.line(hint));
        }
    }
    finish(&ending, if args.undo || args.off { Health::Healthy } else { health })
}

/// Prepares the deployment of the layout.
fn deployment<'a>(args: &Args, session: &'a Session, text: &str, out: &mut Terminal) -> Result<Prepared<'a>> {
    refuse_errors(args, session, text, out)?;
    warn(session, &args.target)?;
    if !args.yes && !session.moved()?.is_empty() {
        confirm(out, "This makes a second lab beside the one whose layout is gone. Deploy?")?;
    }
    let extent = if args.off { Extent::Off } else { Extent::Full };
    // What cannot be planned is listed on the terminal, so it is no error yet.
    match with_messages(out, |monitor| Ok(session.prepare_deploy(extent, monitor)))? {
        Ok(prepared) => Ok(prepared),
        Err(SessionError::Unplannable(all)) => {
            show_unplannable(&all, out);
            let more = if all.len() > 1 { format!(" (and {} more)", all.len() - 1) } else { String::new() };
            let first = all.first().map(|first| first.why.clone()).unwrap_or_default();
            let shown = args.target.shown();
            Err(Failure::input(format!("the layout is not ready to be deployed: {first}{more}; sandtable check {shown}")))
        }
        Err(error) => Err(refused(args, error)),
    }
}

/// Prepares undoing the last deployment.
fn undo<'a>(args: &Args, session: &'a Session, out: &mut Terminal) -> Result<Prepared<'a>> {
    with_messages(out, |monitor| Ok(session.prepare_undo(monitor)))?.map_err(|error| refused(args, error))
}

/// An error with the command to type next.
fn refused(args: &Args, error: SessionError) -> Failure {
    let shown = args.target.shown();
    match error {
        SessionError::Faulty(_) => Failure::input(format!("{error}: sandtable heal {shown} --all")),
        SessionError::DamagedJournal(_) => Failure::State(anyhow::anyhow!(
            "{error}; deploy again (sandtable deploy {shown}) or destroy the lab (sandtable destroy {shown})"
        )),
        error => error.into(),
    }
}

/// Lists the open errors of the layout, and refuses it unless `--force` is given.
fn refuse_errors(args: &Args, session: &Session, text: &str, out: &mut Terminal) -> Result<()> {
    let layout = &args.target.layout.layout;
    let found = findings::blocking(layout, &session.lab, text);
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
    let wanted = desired(&session.lab, Catalog::embedded(), &session.id);
    let way_out = match wanted.unplannable.first() {
        None => "or add --force to deploy it anyway".to_owned(),
        Some(first) => format!("--force does not help, because part of it cannot be planned: {}", first.why),
    };
    let error = anyhow::anyhow!("nothing was changed: {shown} has {errors}. Fix or accept them (sandtable check {shown}), {way_out}");
    Err(Failure::Blocked(error, Box::new(found)))
}

fn word(ending: &Ending) -> &'static str {
    match ending {
        Ending::Done => "done",
        Ending::Failed(_) => "failed",
        Ending::Stopped => "stopped",
        Ending::Undone => "undone",
    }
}

fn report(session: &Session, ending: &Ending, health: Health, steps: Results) -> Report {
    let failures = if let Ending::Failed(failures) = ending { failures.as_slice() } else { &[] };
    Report {
        lab: session.lab.name.clone(),
        provider: session.provider.to_string(),
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

fn summary(args: &Args, session: &Session, ending: &Ending, plan: &Plan, health: Health, terminal: &mut Terminal) {
    let style = if health == Health::Healthy { Style::Good } else { Style::Bad };
    let health = terminal.paint(style, health.title());
    let (lab, on) = (&session.lab.name, &session.provider);
    match ending {
        Ending::Undone => terminal.line(format_args!("{lab} on {on} is as it was.")),
        Ending::Done if args.undo => terminal.line(format_args!("{lab} on {on} is as it was.")),
        Ending::Done if plan.is_empty() => terminal.line(format_args!("Nothing to do: {lab} on {on} is as drawn and {health}.")),
        Ending::Done => terminal.line(format_args!("{lab} on {on} is as planned after {} steps, and {health}.", plan.steps.len())),

        Ending::Stopped => {
            let shown = args.target.shown();
            terminal.line(format_args!(
                "{lab} on {on} is half done: stopped before all steps were done. Continue: sandtable deploy {shown}. Undo: sandtable deploy \
                 {shown} --undo. Remove all: sandtable destroy {shown}"
            ));
        }
        Ending::Failed(failures) if failures.iter().all(|failure| failure.step.0 == PREFLIGHT) => {
            terminal.line(format_args!("Nothing of {lab} on {on} was changed."));
        }
        Ending::Failed(_) => {
            terminal.line(format_args!("{lab} on {on} is half done; mend what failed and deploy again, or deploy --undo."))
        }
    }
}
