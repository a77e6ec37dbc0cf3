//! `sandtable check`: what is wrong with layouts, for people and for programs.

use super::args::Written;
use super::findings::{self, FindingLine, Findings, context_of};
use super::input::{Loaded, Unreadable, load, read_layout};
use super::{Format, Outcome, Result, Style, Terminal};
use crate::app::{Permit, save::save_layout};
use crate::catalog::Catalog;
use crate::host::file::Fingerprint;
use crate::model::{Lab, Subject};
use crate::rules::{Context, Severity};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

/// What `check` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The layouts to check
    #[arg(required = true, value_name = "LAYOUT")]
    layouts: Vec<PathBuf>,
    /// Apply the first verified fix of each finding, or of those of one rule (--fix=RULE), and save the layouts
    #[arg(long, value_name = "RULE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    fix: Option<String>,
    /// Show what --fix would do, and save nothing
    #[arg(long, requires = "fix")]
    dry_run: bool,
    #[command(flatten)]
    written: Written,
}

#[derive(Serialize)]
struct Report {
    layout: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemLine>,
    /// Fixes that `--fix` applied, or would apply with `--dry-run`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixed: Vec<FixedLine>,
    #[serde(flatten)]
    found: Findings,
}

#[derive(Serialize)]
struct ProblemLine {
    message: String,
    hint: Option<String>,
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct FixedLine {
    rule: &'static str,
    message: String,
    fix: String,
    /// Whether it is saved.
    applied: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Reports {
    One(Report),
    Many { layouts: Vec<Report> },
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let context = crate::app::machine::context();
    let mut reports = Vec::new();
    let mut labs = Vec::new();
    let mut unreadable = Vec::new();
    let only = args.fix.as_deref().filter(|code| !code.is_empty());
    if let Some(code) = only.filter(|code| crate::rules::rule(code).is_none()) {
        return Err(super::Failure::input(format!("there is no rule {code:?}; `sandtable rules` lists them")));
    }
    for path in &args.layouts {
        match load(path) {
            Ok(loaded) => {
                let (loaded, fixed) = match &args.fix {
                    Some(_) => repaired(path, loaded, &context, only, args.dry_run)?,
                    None => (loaded, Vec::new()),
                };
                reports.push(Report { fixed, ..report(path, &loaded, &context) });
                labs.push((reports.len() - 1, loaded.lab));
            }
            Err(error) => {
                reports.push(unread(path, &error));
                unreadable.push(error.describe(path));
            }
        }
    }
    between(&labs, &mut reports);
    let errors = count(&reports, Severity::Error);
    match args.written.format {
        Format::Text => show(&reports, unreadable.len(), terminal),
        Format::Json if reports.len() == 1 => terminal.json(&reports.pop().map(Reports::One))?,
        Format::Json => terminal.json(&Reports::Many { layouts: reports })?,
    }
    if !unreadable.is_empty() {
        return Err(super::Failure::input(unreadable.join("\n")));
    }
    Ok(if errors > 0 { Outcome::Unwell } else { Outcome::Good })
}

/// Applies fixes to a layout and saves it, unless it is a dry run. Gives the layout as the file has it afterwards.
fn repaired(path: &Path, loaded: Loaded, context: &Context, only: Option<&str>, dry_run: bool) -> Result<(Loaded, Vec<FixedLine>)> {
    let mut lab = loaded.lab.clone();
    let done = crate::rules::repair(&mut lab, Catalog::embedded(), &context_of(path, &loaded.lab, context), only);
    let line = |one: crate::rules::Repaired| FixedLine { rule: one.rule, message: one.message, fix: one.title, applied: !dry_run };
    let fixed: Vec<FixedLine> = done.into_iter().map(line).collect();
    if dry_run || fixed.is_empty() {
        return Ok((loaded, fixed));
    }
    let permit = Permit::Unchanged(Fingerprint::of(loaded.text.as_bytes()));
    save_layout(path, &lab, permit)?;
    Ok((read_layout(path)?, fixed))
}

fn report(path: &Path, loaded: &Loaded, context: &Context) -> Report {
    Report { found: findings::all(path, &loaded.lab, &loaded.text, context), ..Report::of(path) }
}

impl Report {
    fn of(path: &Path) -> Self {
        let layout = path.display().to_string();
        Self { layout, problems: Vec::new(), fixed: Vec::new(), found: Findings::default() }
    }
}

fn unread(path: &Path, why: &Unreadable) -> Report {
    let problems = match why {
        Unreadable::File(error) => vec![ProblemLine { message: error.to_string(), hint: None, line: 1, column: 1 }],
        Unreadable::Text(problems) => problems
            .iter()
            .map(|problem| ProblemLine {
                message: problem.message.clone(),
                hint: problem.hint.clone(),
                line: problem.place.line,
                column: problem.place.column,
            })
            .collect(),
    };
    Report { problems, ..Report::of(path) }
}

/// What layouts that are checked together share: the host's ports. Each layout alone may be sound, and they may never run at the
/// same time.
fn between(labs: &[(usize, Lab)], reports: &mut [Report]) {
    let mut taken: BTreeMap<u16, Vec<(usize, String, Ipv4Addr)>> = BTreeMap::new();
    for (index, lab) in labs {
        let mut own = Vec::new();
        for (name, node) in &lab.nodes {
            for (slot, adapter) in node.adapters.iter().enumerate() {
                for forward in &adapter.forwards {
                    let subject = Subject::Adapter(name.clone(), slot, adapter.network.clone());
                    own.push((forward.host, forward.address, name.to_string(), subject));
                }
            }
        }
        let mut found = Vec::new();
        for (host, address, name, subject) in &own {
            let is_shared = |other: &Ipv4Addr| other == address || other.is_unspecified() || address.is_unspecified();
            for (other, at, _) in taken.get(host).into_iter().flatten().filter(|(_, _, other)| is_shared(other)) {
                let Some(other) = reports.get(*other).map(|report| report.layout.clone()) else { continue };
                found.push(FindingLine {
                    rule: "host-port-taken-twice",
                    severity: Severity::Warning,
                    message: format!("host port {host} of {name} is also forwarded to {at} of {other}: the two labs cannot run together"),
                    subject: subject.parts(),
                    line: 1,
                    column: 1,
                    fixes: Vec::new(),
                    accepted: None,
                });
            }
        }
        if let Some(report) = reports.get_mut(*index) {
            report.found.extend(found);
        }
        for (host, address, name, _) in own {
            taken.entry(host).or_default().push((*index, name, address));
        }
    }
}

fn count(reports: &[Report], severity: Severity) -> usize {
    reports.iter().map(|report| report.found.count(severity)).sum()
}

fn show(reports: &[Report], unreadable: usize, terminal: &mut Terminal) {
    for report in reports {
        let rows: Vec<Vec<(Style, String)>> = report.fixed.iter().map(|fixed| {
            vec![
                (Style::Strong, report.layout.clone()),
                (Style::Good, if fixed.applied { "fixed" } else { "would fix" }.to_owned()),
                (Style::Faint, fixed.rule.to_owned()),
                (Style::Plain, fixed.message.clone()),
                (Style::Good, format!("-> {}", fixed.fix)),
            ]
        }).collect();
        terminal.table(&rows);
        terminal.table(&report.found.rows(&report.layout));
    }
    let accepted: usize = reports.iter().map(|report| report.found.accepted()).sum();
    let plural = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let mut summary = vec![plural(reports.len(), "layout", "layouts")];
    if unreadable > 0 {
        summary.push(format!("{unreadable} not readable"));
    }
    for (severity, one, many) in
        [(Severity::Error, "error", "errors"), (Severity::Warning, "warning", "warnings"), (Severity::Advice, "advice", "advice")]
    {
        let unread = if severity == Severity::Error { unreadable } else { 0 };
        summary.push(plural(count(reports, severity) + unread, one, many));
    }
    if accepted > 0 {
        summary.push(format!("{accepted} accepted"));
    }
    terminal.line(summary.join(", "));
}
