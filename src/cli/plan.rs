//! `sandtable plan`: what a deployment would do, and why. It does nothing.

use super::allow::{HostFile, host_files};
use super::args::Target;
use super::findings::context_of;
use super::{Format, Outcome, Result, Style, Terminal};
use crate::catalog::Catalog;
use crate::model::Lab;
use crate::plan::{Change, Plan, Unplannable};
use crate::rules::{Finding, check};
use crate::session::{Check, CheckState, Extent, Session, is_ready};
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
struct Report {
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
    let session = args.target.open()?;
    let proposed = session.plan(if args.off { Extent::Off } else { Extent::Full })?;
    let checks = session.missing(&proposed)?;
    let (plan, unplannable) = (&proposed.plan, &proposed.unplannable);
    let found = errors(&args.target.layout.layout, &session.lab);
    warn(&session, &args.target)?;
    match args.target.format() {
        Format::Json => terminal.json(&Report { errors: error_lines(&found), checks: checks.clone(), ..report(&session, plan, unplannable) })?,
        Format::Text => {
            show(&session, plan, unplannable, terminal);
            show_checks(&checks, terminal);
            show_errors(&found, args.target.shown(), terminal);
        }
    }
    Ok(if unplannable.is_empty() && is_ready(&checks) { Outcome::Good } else { Outcome::Unwell })
}

/// Writes what a plan does not find, and what to do.
pub(super) fn show_checks(checks: &[Check], terminal: &mut Terminal) {
    for check in checks {
        let (style, sign) = if check.state == CheckState::Bad { (Style::Bad, "missing") } else { (Style::Warn, "doubtful") };
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
pub(super) fn warn(session: &Session, target: &Target) -> Result<()> {
    if let Some(hint) = session.moved_hint(&target.layout.layout)? {
        super::note(&hint);
    }
    Ok(())
}

fn report(session: &Session, plan: &Plan, unplannable: &[Unplannable]) -> Report {
    let steps = plan.steps.iter().map(|step| StepLine {
        id: step.id.to_string(),
        action: step.change,
        subject: step.subject.parts(),
        reason: step.reason.clone(),
        after: step.after.iter().map(ToString::to_string).collect(),
    });
    let unplannable = unplannable.iter().map(|one| UnplannableLine { subject: one.subject.parts(), why: one.why.clone() });
    let reads = host_files(session, plan);
    let (lab, provider) = (session.lab.name.clone(), session.provider.to_string());
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
pub(super) fn show(session: &Session, plan: &Plan, unplannable: &[Unplannable], terminal: &mut Terminal) {
    let rows: Vec<Vec<(Style, String)>> = plan
        .steps
        .iter()
        .map(|step| {
            let (style, sign) = mark(step.change);
            vec![(style, sign.to_owned()), (Style::Strong, step.id.to_string()), (Style::Plain, step.reason.clone())]
        })
        .collect();
    terminal.table(&rows);
    for file in host_files(session, plan) {
        let style = if file.leaves.is_some() { Style::Warn } else { Style::Faint };
        terminal.line(format_args!("{} {file}", terminal.paint(style, "reads")));
    }
    show_unplannable(unplannable, terminal);
    let count = |change| plan.steps.iter().filter(|step| step.change == change).count();
    if plan.is_empty() {
        terminal.line(format_args!("Nothing to do: {} on {} is as drawn.", session.lab.name, session.provider));
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
