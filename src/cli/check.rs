//! `sandtable check`: what is wrong with layouts, for people and for programs.

use super::args::Written;
use super::input::{Loaded, Unreadable, load, read_layout};
use super::{Format, Outcome, Result, Style, Terminal};
use crate::app::{Permit, save::save_layout};
use crate::catalog::Catalog;
use crate::host::file::Fingerprint;
use crate::layout::{Place, Positions, positions};
use crate::model::{Lab, Node, Subject, Places as SubjectPlaces};
use crate::rules::{Checker, Context, Finding, Severity, Vetter};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

/// The most findings of one rule that are listed for people.
const LISTED_MAX: usize = 50;

/// The most findings of one rule that are written as JSON.
const WRITTEN_MAX: usize = 5_000;

/// Trying a fix may look at all of a lab: the most things that are looked at for all findings together.
const TRIALS_MAX: usize = 50_000;

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
    findings: Vec<FindingLine>,
    /// How many findings of a rule are not listed, where it has very many.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    not_listed: BTreeMap<&'static str, usize>,
    #[serde(skip)]
    counts: Counts,
}

/// How many findings there are, listed or not.
#[derive(Default)]
struct Counts {
    by_severity: BTreeMap<Severity, usize>,
    by_rule: BTreeMap<&'static str, usize>,
    accepted: usize,
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
    save_layout(path, &lab, permit).map_err(|error| super::Failure::input(error.to_string()))?;
    Ok((read_layout(path)?, fixed))
}

/// What the rules are told about the world beyond a layout.
fn context_of(path: &Path, lab: &Lab, context: &Context) -> Context {
    let folder = path.canonicalize().ok().and_then(|file| file.parent().map(Path::to_owned)).unwrap_or_default();
    Context { links: crate::app::machine::links(lab, &folder), ..context.clone() }
}

fn report(path: &Path, loaded: &Loaded, context: &Context) -> Report {
    let context = context_of(path, &loaded.lab, context);
    let (lab, catalog) = (&loaded.lab, Catalog::embedded());
    let checker = Checker::new(lab, catalog, &context);
    let mut tried = Tried::of(&checker, lab);
    let mut places = Places { lines: positions(&loaded.text), subjects: SubjectPlaces::default() };
    let mut report = Report::of(path);
    let mut listed: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in checker.findings() {
        if finding.accepted.is_some() {
            report.counts.accepted += 1;
        } else {
            *report.counts.by_severity.entry(finding.severity).or_default() += 1;
            *report.counts.by_rule.entry(finding.rule).or_default() += 1;
        }
        let listed = listed.entry(finding.rule).or_default();
        *listed += 1;
        if *listed > WRITTEN_MAX {
            *report.not_listed.entry(finding.rule).or_default() += 1;
        } else {
            let fixes = tried.fixes(catalog, finding);
            report.findings.push(finding_line(finding, lab, &mut places, fixes));
        }
    }
    report
}

impl Report {
    fn of(path: &Path) -> Self {
        let layout = path.display().to_string();
        Self { layout, problems: Vec::new(), fixed: Vec::new(), findings: Vec::new(), not_listed: BTreeMap::new(), counts: Counts::default() }
    }
}

/// Fixes, each tried before it is shown.
struct Tried {
    vetter: Vetter,
    /// For how many more findings fixes are tried.
    left: usize,
}

impl Tried {
    fn of(checker: &Checker, lab: &Lab) -> Self {
        let of_node = |node: &Node| 1 + node.adapters.len() + node.services.len() + node.after.len();
        let listed = lab.networks.len() + lab.flows.len() + lab.vips.len() + lab.accepted.len();
        let things = 1 + listed + lab.nodes.values().map(of_node).sum::<usize>();
        Self { vetter: Vetter::new(checker, lab), left: TRIALS_MAX.checked_div(things).unwrap_or(0) }
    }

    /// The titles of the fixes that clear a finding and add no error.
    fn fixes(&mut self, catalog: &Catalog, finding: &Finding) -> Vec<String> {
        if finding.fixes.is_empty() || self.left == 0 {
            return Vec::new();
        }
        self.left -= 1;
        self.vetter.vetted(catalog, finding).into_iter().map(|fix| fix.title).collect()
    }
}

/// Where findings stand in the text.
struct Places<'a> {
    lines: Positions,
    subjects: SubjectPlaces<'a>,
}

fn finding_line<'a>(finding: &Finding, lab: &'a Lab, places: &mut Places<'a>, fixes: Vec<String>) -> FindingLine {
    let path = finding.path(places.subjects.path(lab, &finding.subject));
    let Place { line, column } = places.lines.place(&path);
    FindingLine {
        rule: finding.rule,
        severity: finding.severity,
        message: finding.message.clone(),
        subject: finding.subject.parts(),
        line,
        column,
        fixes,
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
        if let Some(report) = reports.get_mut(*index).filter(|_| !found.is_empty()) {
            *report.counts.by_severity.entry(Severity::Warning).or_default() += found.len();
            *report.counts.by_rule.entry("host-port-taken-twice").or_default() += found.len();
            report.findings.extend(found);
        }
        for (host, address, name, _) in own {
            taken.entry(host).or_default().push((*index, name, address));
        }
    }
}

fn counted(report: &Report) -> impl Iterator<Item = &FindingLine> {
    report.findings.iter().filter(|finding| finding.accepted.is_none())
}

fn count(reports: &[Report], severity: Severity) -> usize {
    reports.iter().filter_map(|report| report.counts.by_severity.get(&severity)).sum()
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Error => Style::Bad,
        Severity::Warning => Style::Warn,
        Severity::Advice => Style::Faint,
    }
}

/// The line that stands for the findings of a rule that are not listed.
fn summary_of_the_rest(report: &Report, finding: &FindingLine) -> Vec<(Style, String)> {
    let all = report.counts.by_rule.get(finding.rule).copied().unwrap_or_default();
    vec![
        (Style::Strong, report.layout.clone()),
        (style(finding.severity), finding.severity.title().to_owned()),
        (Style::Faint, finding.rule.to_owned()),
        (Style::Plain, format!("… and {} more of this rule", all.saturating_sub(LISTED_MAX))),
    ]
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
        let mut listed: BTreeMap<&str, usize> = BTreeMap::new();
        let rows: Vec<Vec<(Style, String)>> = counted(report)
            .filter_map(|finding| {
                let listed = listed.entry(finding.rule).or_default();
                *listed += 1;
                if *listed > LISTED_MAX {
                    return (*listed == LISTED_MAX + 1).then(|| summary_of_the_rest(report, finding));
                }
                Some(vec![
                    (Style::Strong, format!("{}:{}:{}", report.layout, finding.line, finding.column)),
                    (style(finding.severity), finding.severity.title().to_owned()),
                    (Style::Faint, finding.rule.to_owned()),
                    (Style::Plain, finding.message.clone()),
                    (Style::Good, finding.fixes.first().map_or_else(String::new, |fix| format!("-> {fix}"))),
                ])
            })
            .collect();
        terminal.table(&rows);
    }
    let accepted: usize = reports.iter().map(|report| report.counts.accepted).sum();
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
