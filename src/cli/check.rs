//! `sandtable check`: what is wrong with layouts, for people and for programs.

use super::args::Written;
use super::input::{Loaded, Unreadable, load};
use super::{Format, Outcome, Result, Style, Terminal};
use crate::catalog::Catalog;
use crate::layout::{Place, Positions, positions};
use crate::model::Lab;
use crate::rules::{Context, Finding, Severity, check};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What `check` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The layouts to check
    #[arg(required = true, value_name = "LAYOUT")]
    layouts: Vec<PathBuf>,
    #[command(flatten)]
    written: Written,
}

#[derive(Serialize)]
struct Report {
    layout: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<ProblemLine>,
    findings: Vec<FindingLine>,
}

#[derive(Serialize)]
struct ProblemLine {
    message: String,
    hint: Option<String>,
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct FindingLine {
    rule: &'static str,
    severity: Severity,
    message: String,
    subject: Vec<String>,
    line: u32,
    column: u32,
    fixes: Vec<String>,
    accepted: Option<String>,
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
    let mut unreadable = Vec::new();
    for path in &args.layouts {
        match load(path) {
            Ok(loaded) => reports.push(report(path, &loaded, &context)),
            Err(error) => {
                reports.push(unread(path, &error));
                unreadable.push(error.describe(path));
            }
        }
    }
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

fn report(path: &Path, loaded: &Loaded, context: &Context) -> Report {
    let folder = path.canonicalize().ok().and_then(|file| file.parent().map(Path::to_owned)).unwrap_or_default();
    let context = Context { links: crate::app::machine::links(&loaded.lab, &folder), ..context.clone() };
    let findings = check(&loaded.lab, Catalog::embedded(), &context);
    let places = positions(&loaded.text);
    let findings = findings.iter().map(|finding| finding_line(finding, &loaded.lab, &places)).collect();
    Report { layout: path.display().to_string(), problems: Vec::new(), findings }
}

fn finding_line(finding: &Finding, lab: &Lab, places: &Positions) -> FindingLine {
    let Place { line, column } = places.place(&finding.subject.path(lab));
    FindingLine {
        rule: finding.rule,
        severity: finding.severity,
        message: finding.message.clone(),
        subject: finding.subject.parts(),
        line,
        column,
        fixes: finding.fixes.iter().map(|fix| fix.title.clone()).collect(),
        accepted: finding.accepted.clone(),
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
    Report { layout: path.display().to_string(), problems, findings: Vec::new() }
}

fn counted(report: &Report) -> impl Iterator<Item = &FindingLine> {
    report.findings.iter().filter(|finding| finding.accepted.is_none())
}

fn count(reports: &[Report], severity: Severity) -> usize {
    reports.iter().flat_map(counted).filter(|finding| finding.severity == severity).count()
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Error => Style::Bad,
        Severity::Warning => Style::Warn,
        Severity::Advice => Style::Faint,
    }
}

fn show(reports: &[Report], unreadable: usize, terminal: &mut Terminal) {
    for report in reports {
        let rows: Vec<Vec<(Style, String)>> = counted(report)
            .map(|finding| {
                vec![
                    (Style::Strong, format!("{}:{}:{}", report.layout, finding.line, finding.column)),
                    (style(finding.severity), finding.severity.title().to_owned()),
                    (Style::Faint, finding.rule.to_owned()),
                    (Style::Plain, finding.message.clone()),
                    (Style::Good, finding.fixes.first().map_or_else(String::new, |fix| format!("-> {fix}"))),
                ]
            })
            .collect();
        terminal.table(&rows);
    }
    let accepted = reports.iter().flat_map(|report| &report.findings).filter(|finding| finding.accepted.is_some()).count();
    let plural = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let mut summary = vec![plural(reports.len() - unreadable, "layout", "layouts")];
    for (severity, one, many) in
        [(Severity::Error, "error", "errors"), (Severity::Warning, "warning", "warnings"), (Severity::Advice, "advice", "advice")]
    {
        summary.push(plural(count(reports, severity), one, many));
    }
    if accepted > 0 {
        summary.push(format!("{accepted} accepted"));
    }
    terminal.line(summary.join(", "));
}
