//! `sandtable plan`: what a deployment would do, and why. It does nothing.

use super::allow::{HostFile, host_files};
use super::args::Target;
use super::findings::context_of;
use super::place::{Place, provider_failed, wait};
use super::{Format, Outcome, Result, Style, Terminal};
use crate::catalog::Catalog;
use crate::deploy::{Journal, labs};
use crate::model::{Lab, Observed};
use crate::plan::{Change, Plan, Unplannable, desired, doubt, off, plan, refusals};
use crate::provider::{
    Provider,
    doctor::{Check, State, is_ready},
    preflight::Needs,
};
use crate::rules::{Finding, check};
use serde::Serialize;
use std::{path::Path, sync::Arc};

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
    /// Files of this machine that become disks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reads: Vec<HostFile>,
    /// What `check` calls errors.
    errors: Vec<ErrorLine>,
    /// What the plan needs and does not find, or only in part.
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct ErrorLine {
    rule: &'static str,
    message: String,
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
    let observed = doubt(observed, &Journal::doubted(&place.folder)?);
    let (plan, unplannable) = make(&place, observed.clone());
    let plan = if args.off { off(plan) } else { plan };
    let checks = lacking(provider.as_ref(), &plan, &observed)?;
    let found = errors(&args.target.layout.layout, &place.lab);
    warn(&place, &args.target)?;
    match args.target.format() {
        Format::Json => terminal.json(&Report { errors: error_lines(&found), checks: checks.clone(), ..report(&place, &plan, &unplannable) })?,
        Format::Text => {
            show(&place, &plan, &unplannable, terminal);
            show_checks(&checks, terminal);
            show_errors(&found, args.target.shown(), terminal);
        }
    }
    Ok(if unplannable.is_empty() && is_ready(&checks) { Outcome::Good } else { Outcome::Unwell })
}

/// What a plan needs and does not find, or only in part.
fn lacking(provider: &dyn Provider, plan: &Plan, observed: &Observed) -> Result<Vec<Check>> {
    if plan.is_empty() {
        return Ok(Vec::new());
    }
    let checks = wait(provider.preflight(&Needs::of(plan, observed)))?.map_err(provider_failed)?;
    Ok(checks.into_iter().filter(|check| check.state != State::Good).collect())
}

/// Writes what a plan does not find, and what to do.
pub(super) fn show_checks(checks: &[Check], terminal: &mut Terminal) {
    for check in checks {
        let (style, sign) = if check.state == State::Bad { (Style::Bad, "missing") } else { (Style::Warn, "doubtful") };
        terminal.line(format_args!("{} {}: {}", terminal.paint(style, sign), check.title, check.found));
        if !check.next.is_empty() {
            terminal.line(format_args!("    -> {}", check.next));
        }
    }
}

/// The findings that block a deployment of a layout.
fn errors(layout: &Path, lab: &Lab) -> Vec<Arc<Finding>> {
    let found = check(lab, Catalog::embedded(), &context_of(layout, lab, &crate::app::machine::context()));
    found.into_iter().filter(|finding| finding.blocks_deployment()).collect()
}

fn error_lines(found: &[Arc<Finding>]) -> Vec<ErrorLine> {
    found.iter().map(|finding| ErrorLine { rule: finding.rule, message: finding.message.clone() }).collect()
}

/// Writes the errors of a layout, and how to see more of them.
fn show_errors(found: &[Arc<Finding>], layout: impl std::fmt::Display, terminal: &mut Terminal) {
    if found.is_empty() {
        return;
    }
    let rows: Vec<Vec<(Style, String)>> = found
        .iter()
        .map(|one| vec![(Style::Bad, "!".to_owned()), (Style::Strong, one.rule.to_owned()), (Style::Plain, one.message.clone())])
        .collect();
    terminal.table(&rows);
    let errors = if found.len() == 1 { "1 error".to_owned() } else { format!("{} errors", found.len()) };
    terminal.line(format_args!("The layout has {errors}: deploy refuses it without --force. See: sandtable check {layout}"));
}

/// Says which lab, deployed from a file that is gone, this one may be.
pub(super) fn warn(place: &Place, target: &Target) -> Result<()> {
    if let Some(hint) = labs::moved_hint(&target.layout.layout, &place.moved()?) {
        super::note(&hint);
    }
    Ok(())
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
    let (errors, checks) = (Vec::new(), Vec::new());
    Report { lab, provider, steps: steps.collect(), unplannable: unplannable.collect(), errors, checks, reads }
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
