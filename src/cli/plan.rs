//! `sandtable plan`: what a deployment would do, and why. It does nothing.

use super::allow::{HostFile, host_files};
use super::args::Target;
use super::place::{Place, provider_failed, wait};
use super::{Format, Outcome, Result, Style, Terminal};
use crate::catalog::Catalog;
use crate::deploy::{JOURNAL_FILE, Journal, started};
use crate::model::Observed;
use crate::plan::{Change, Plan, Unplannable, desired, doubt, off, plan, refusals};
use serde::Serialize;

/// What `plan` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// Only what `deploy --off` would do
    #[arg(long)]
    off: bool,
}

#[derive(Serialize)]
pub(super) struct Report {
    lab: String,
    provider: String,
    steps: Vec<StepLine>,
    unplannable: Vec<UnplannableLine>,
    /// Why the machine that it would run on cannot take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    obstacle: Option<String>,
    /// Files of this machine that become disks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reads: Vec<HostFile>,
}

#[derive(Serialize)]
struct StepLine {
    id: String,
    action: Change,
    subject: Vec<String>,
    reason: String,
    after: Vec<String>,
}

#[derive(Serialize)]
struct UnplannableLine {
    subject: Vec<String>,
    why: String,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let place = args.target.open()?;
    let provider = place.provider()?;
    let observed = wait(provider.observe())?.map_err(provider_failed)?;
    let journal = place.folder.read(JOURNAL_FILE)?.unwrap_or_default();
    let unfinished = Journal::unfinished_of(&Journal::read(&String::from_utf8_lossy(&journal)));
    let (plan, unplannable) = make(&place, doubt(observed, &unfinished));
    let plan = if args.off { off(plan) } else { plan };
    // As the deployment asks before its first step.
    let obstacle = wait(provider.fits(&started(&plan)))?.err().map(|error| format!("{}. {}", error.why, error.next));
    match args.target.format() {
        Format::Json => terminal.json(&Report { obstacle: obstacle.clone(), ..report(&place, &plan, &unplannable) })?,
        Format::Text => {
            show(&place, &plan, &unplannable, terminal);
            if let Some(why) = &obstacle {
                terminal.line(format_args!("{} deploy would refuse this: {why}", terminal.paint(Style::Bad, "!")));
            }
        }
    }
    Ok(if unplannable.is_empty() && obstacle.is_none() { Outcome::Good } else { Outcome::Unwell })
}

/// The plan for a layout, and what of it cannot be planned yet.
pub(super) fn make(place: &Place, observed: Observed) -> (Plan, Vec<Unplannable>) {
    let catalog = Catalog::embedded();
    let mut desired = desired(&place.lab, catalog, &place.id);
    desired.unplannable.extend(refusals(&desired, &observed));
    let plan = plan(&place.lab, catalog, &desired, &observed);
    (plan, desired.unplannable)
}

pub(super) fn report(place: &Place, plan: &Plan, unplannable: &[Unplannable]) -> Report {
    let steps = plan.steps.iter().map(|step| StepLine {
        id: step.id.to_string(),
        action: step.change,
        subject: step.subject.parts(),
        reason: step.reason.clone(),
        after: step.after.iter().map(ToString::to_string).collect(),
    });
    let unplannable = unplannable.iter().map(|one| UnplannableLine { subject: one.subject.parts(), why: one.why.clone() });
    let reads = host_files(place, plan);
    let (lab, provider) = (place.lab.name.clone(), place.on.to_string());
    Report { lab, provider, steps: steps.collect(), unplannable: unplannable.collect(), obstacle: None, reads }
}

fn mark(change: Change) -> (Style, &'static str) {
    match change {
        Change::Create => (Style::Good, "+"),
        Change::Update => (Style::Warn, "~"),
        Change::Delete => (Style::Bad, "-"),
    }
}

/// Writes a plan for people.
pub(super) fn show(place: &Place, plan: &Plan, unplannable: &[Unplannable], terminal: &mut Terminal) {
    let rows: Vec<Vec<(Style, String)>> = plan
        .steps
        .iter()
        .map(|step| {
            let (style, sign) = mark(step.change);
            vec![(style, sign.to_owned()), (Style::Strong, step.id.to_string()), (Style::Plain, step.reason.clone())]
        })
        .collect();
    terminal.table(&rows);
    for file in host_files(place, plan) {
        let style = if file.leaves.is_some() { Style::Warn } else { Style::Faint };
        terminal.line(format_args!("{} {file}", terminal.paint(style, "reads")));
    }
    show_unplannable(unplannable, terminal);
    let count = |change| plan.steps.iter().filter(|step| step.change == change).count();
    if plan.is_empty() {
        terminal.line(format_args!("Nothing to do: {} on {} is as drawn.", place.lab.name, place.on));
    } else {
        terminal.line(format_args!(
            "{} steps: {} create, {} update, {} delete.",
            plan.steps.len(),
            count(Change::Create),
            count(Change::Update),
            count(Change::Delete)
        ));
    }
}

/// Writes what cannot be planned yet.
pub(super) fn show_unplannable(unplannable: &[Unplannable], terminal: &mut Terminal) {
    let rows: Vec<Vec<(Style, String)>> = unplannable
        .iter()
        .map(|one| vec![(Style::Bad, "!".to_owned()), (Style::Strong, one.subject.to_string()), (Style::Plain, one.why.clone())])
        .collect();
    terminal.table(&rows);
}
