//! `sandtable promote`: makes a replica the primary.

use super::args::Running;
use super::follow::until_interrupted;
use super::{Failure, Format, Outcome, Result, Style, Terminal};
use crate::model::ServiceRef;
use crate::plan::OldPrimary;
use crate::session::{Done, Promoted, Session, SessionError};
use serde::Serialize;

/// What `promote` takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Writes that the replica had not copied yet are lost. The old primary is not changed: when it comes back, it takes writes as a \
                  second primary. Keep it off until the layout says which of the two is the primary; `plan` reports the difference and \
                  how to end it, and `deploy` is refused until then."
)]
pub(super) struct Args {
    #[command(flatten)]
    lab: Running,
    /// The replica
    #[arg(value_name = "NODE/SERVICE")]
    replica: Option<ServiceRef>,
    /// Promote although the primary may still take writes: their data will differ
    #[arg(long)]
    force: bool,
}

#[derive(Serialize)]
struct Report {
    lab: String,
    provider: String,
    service: String,
    /// What it copied from.
    old_primary: Option<String>,
    changed: bool,
    takes_writes: bool,
    /// Replicas that copy from it now.
    followers: Vec<String>,
    /// Replicas that still copy from the old primary.
    stale: Vec<String>,
}

pub(super) fn run(mut args: Args, terminal: &mut Terminal) -> Result {
    if args.lab.lab.is_some() && args.replica.is_none() {
        // The lab is named, so the first word is the replica.
        let word = args.lab.layout.take().map(|word| word.to_string_lossy().into_owned());
        args.replica = word.map(|word| word.parse().map_err(Failure::input)).transpose()?;
    }
    let session = args.lab.open_deployed()?;
    let Some(at) = &args.replica else { return Err(Failure::input("say which replica to promote: NODE/SERVICE")) };
    if session.lab.service(at).is_none() {
        return Err(Failure::input(format!("there is no service {at} in the layout")));
    }
    let old = if args.force { OldPrimary::Any } else { OldPrimary::Down };
    let mut stderr = Terminal::stderr();
    let out = if args.lab.format() == Format::Json { &mut stderr } else { &mut *terminal };
    let promoted = until_interrupted(out, |monitor| Ok(session.promote(at, old, monitor)))?;
    let report = report(&session, at, promoted.map_err(|error| refused(error, at))?);
    let works = report.takes_writes;
    match args.lab.format() {
        Format::Json => terminal.json(&report)?,
        Format::Text => show(&args, &report, terminal),
    }
    Ok(if works { Outcome::Good } else { Outcome::Unwell })
}

/// A refusal with the replicas that can be promoted, if it is about another service.
fn refused(error: SessionError, at: &ServiceRef) -> Failure {
    match &error {
        SessionError::NotPromotable { why, others } if !others.is_empty() && !others.contains(at) => {
            let others: Vec<String> = others.iter().map(ToString::to_string).collect();
            Failure::input(format!("{why}; replicas that can be promoted: {}", others.join(", ")))
        }
        _ => error.into(),
    }
}

fn report(session: &Session, at: &ServiceRef, promoted: Promoted) -> Report {
    let texts = |all: Vec<ServiceRef>| all.iter().map(ToString::to_string).collect();
    Report {
        lab: session.lab.name.clone(),
        provider: session.provider.to_string(),
        service: at.to_string(),
        old_primary: promoted.old_primary.as_ref().map(ToString::to_string),
        changed: promoted.done == Done::Changed,
        takes_writes: promoted.takes_writes,
        followers: texts(promoted.followers),
        stale: texts(promoted.stale),
    }
}

fn show(args: &Args, report: &Report, terminal: &mut Terminal) {
    let at = &report.service;
    let word = match (report.changed, report.takes_writes) {
        (false, true) => terminal.paint(Style::Faint, "was promoted already"),
        (false, false) => terminal.paint(Style::Bad, "was promoted already and does not take writes now"),
        (true, true) => terminal.paint(Style::Good, "is the primary and takes writes"),
        (true, false) => terminal.paint(Style::Bad, "does not take writes yet"),
    };
    terminal.line(format_args!("{at} {word}"));
    for one in &report.followers {
        terminal.line(format_args!("{one} copies from {at}"));
    }
    let old = report.old_primary.as_deref().unwrap_or("the old primary");
    for one in &report.stale {
        terminal.line(format_args!("{one} is stale: it still copies from {old}"));
    }
    terminal.line(format_args!(
        "Whenever {old} runs, it takes writes too. `sandtable plan {}` says how to keep this or to go back.",
        args.lab.shown()
    ));
}
