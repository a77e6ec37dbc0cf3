//! Findings as rows of a terminal and as objects of JSON, for every command that lists them.

use super::Style;
use crate::app::machine;
use crate::catalog::Catalog;
use crate::layout::{Place, Positions, positions};
use crate::model::{Lab, Node, Places as SubjectPlaces};
use crate::rules::{Checker, Context, Finding, Severity, Vetter};
use serde::Serialize;
use std::{collections::BTreeMap, path::Path};

/// The most findings of one rule that are listed for people.
const LISTED_MAX: usize = 50;

/// The most findings of one rule that are written as JSON.
const WRITTEN_MAX: usize = 5_000;

/// Trying a fix may look at all of a lab: the most things that are looked at for all findings together.
const TRIALS_MAX: usize = 50_000;

/// Findings of a layout, and how many there are.
#[derive(Debug, Default, Serialize)]
pub(super) struct Findings {
    findings: Vec<FindingLine>,
    /// How many findings of a rule are not listed, where it has very many.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    not_listed: BTreeMap<&'static str, usize>,
    #[serde(skip)]
    counts: Counts,
}

/// How many findings there are, listed or not.
#[derive(Debug, Default)]
struct Counts {
    by_severity: BTreeMap<Severity, usize>,
    by_rule: BTreeMap<&'static str, usize>,
    accepted: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct FindingLine {
    pub(super) rule: &'static str,
    pub(super) severity: Severity,
    pub(super) message: String,
    pub(super) subject: Vec<String>,
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) fixes: Vec<String>,
    pub(super) accepted: Option<String>,
}

/// What the rules are told about the world beyond a layout.
pub(super) fn context_of(path: &Path, lab: &Lab, context: &Context) -> Context {
    let folder = path.canonicalize().ok().and_then(|file| file.parent().map(Path::to_owned)).unwrap_or_default();
    Context { links: machine::links(lab, &folder), ..context.clone() }
}

/// All findings of a layout.
pub(super) fn all(path: &Path, lab: &Lab, text: &str, context: &Context) -> Findings {
    Findings::of(path, lab, text, context, |_| true)
}

/// The findings that block a deployment of a layout.
pub(super) fn blocking(path: &Path, lab: &Lab, text: &str) -> Findings {
    Findings::of(path, lab, text, &machine::context(), Finding::blocks_deployment)
}

impl Findings {
    fn of(path: &Path, lab: &Lab, text: &str, context: &Context, is_listed: impl Fn(&Finding) -> bool) -> Self {
        let context = context_of(path, lab, context);
        let catalog = Catalog::embedded();
        let checker = Checker::new(lab, catalog, &context);
        let mut found = Self::default();
        if !checker.findings().iter().any(|finding| is_listed(finding)) {
            return found;
        }
        let mut tried = Tried::of(&checker, lab);
        let mut places = Places { lines: positions(text), subjects: SubjectPlaces::default() };
        let mut listed: BTreeMap<&str, usize> = BTreeMap::new();
        for finding in checker.findings().iter().filter(|finding| is_listed(finding)) {
            if finding.accepted.is_some() {
                found.counts.accepted += 1;
            } else {
                *found.counts.by_severity.entry(finding.severity).or_default() += 1;
                *found.counts.by_rule.entry(finding.rule).or_default() += 1;
            }
            let listed = listed.entry(finding.rule).or_default();
            *listed += 1;
            if *listed > WRITTEN_MAX {
                *found.not_listed.entry(finding.rule).or_default() += 1;
            } else {
                let fixes = tried.fixes(catalog, finding);
                found.findings.push(finding_line(finding, lab, &mut places, fixes));
            }
        }
        found
    }

    /// Adds findings that no rule has made.
    pub(super) fn extend(&mut self, more: Vec<FindingLine>) {
        for finding in &more {
            *self.counts.by_severity.entry(finding.severity).or_default() += 1;
            *self.counts.by_rule.entry(finding.rule).or_default() += 1;
        }
        self.findings.extend(more);
    }

    /// How many findings of a severity count.
    pub(super) fn count(&self, severity: Severity) -> usize {
        self.counts.by_severity.get(&severity).copied().unwrap_or_default()
    }

    /// How many findings are accepted.
    pub(super) fn accepted(&self) -> usize {
        self.counts.accepted
    }

    /// The findings that count as rows of a table, each at its place in the layout with its best fix.
    pub(super) fn rows(&self, layout: &str) -> Vec<Vec<(Style, String)>> {
        let mut listed: BTreeMap<&str, usize> = BTreeMap::new();
        let counted = self.findings.iter().filter(|finding| finding.accepted.is_none());
        let rows = counted.filter_map(|finding| {
            let listed = listed.entry(finding.rule).or_default();
            *listed += 1;
            if *listed > LISTED_MAX {
                return (*listed == LISTED_MAX + 1).then(|| self.summary_of_the_rest(layout, finding));
            }
            Some(vec![
                (Style::Strong, format!("{layout}:{}:{}", finding.line, finding.column)),
                (style(finding.severity), finding.severity.title().to_owned()),
                (Style::Faint, finding.rule.to_owned()),
                (Style::Plain, finding.message.clone()),
                (Style::Good, finding.fixes.first().map_or_else(String::new, |fix| format!("-> {fix}"))),
            ])
        });
        rows.collect()
    }

    /// The row that stands for the findings of a rule that are not listed.
    fn summary_of_the_rest(&self, layout: &str, finding: &FindingLine) -> Vec<(Style, String)> {
        let all = self.counts.by_rule.get(finding.rule).copied().unwrap_or_default();
        vec![
            (Style::Strong, layout.to_owned()),
            (style(finding.severity), finding.severity.title().to_owned()),
            (Style::Faint, finding.rule.to_owned()),
            (Style::Plain, format!("… and {} more of this rule", all.saturating_sub(LISTED_MAX))),
        ]
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

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Error => Style::Bad,
        Severity::Warning => Style::Warn,
        Severity::Advice => Style::Faint,
    }
}
