//! The findings of the open lab, kept up to date with every edit, and how the lower panel looks at them.

use super::grouped::{FindingEntry, grouped};
use crate::catalog::Catalog;
use crate::model::{Lab, Subject, Touched};
use crate::rules::{Checker, Context, Finding, Fix, Severity, Vetter};
use rustc_hash::FxHashMap as HashMap;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Fixes are tried on a copy of the lab before they are offered. In larger labs only those of the selected finding are,
/// so that an edit stays quick.
const NODES_WITH_ALL_FIXES_MAX: usize = 60;
/// Likewise where there are many findings.
const FINDINGS_WITH_ALL_FIXES_MAX: usize = 60;

/// A finding's identity across edits: its rule and what it is about.
pub type FindingKey = (String, Subject);

/// Whether accepted findings are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Accepted {
    /// At the end, struck out.
    #[default]
    Shown,
    /// Not at all.
    Hidden,
}

/// How many findings there are, by severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts([usize; Severity::ALL.len()]);

impl Counts {
    fn of(&mut self, severity: Severity) -> &mut usize {
        let [errors, warnings, advice] = &mut self.0;
        match severity {
            Severity::Error => errors,
            Severity::Warning => warnings,
            Severity::Advice => advice,
        }
    }

    fn total(self) -> usize {
        self.0.iter().sum()
    }
}

/// Findings and the look at them.
#[derive(Debug, Clone)]
pub struct Review {
    checker: Checker,
    context: Context,
    /// Fixes that were tried and are good, by the finding's place.
    fixes: BTreeMap<usize, Vec<Fix>>,
    /// How many findings count, by the things that show them.
    counts: HashMap<Subject, Counts>,
    totals: Counts,
    selected: Option<FindingKey>,
    revision: u64,
}

/// Which findings a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Severities that are listed.
    pub shown: BTreeSet<Severity>,
    /// Words that a listed finding must contain.
    pub query: String,
    /// Whether accepted findings are listed.
    pub accepted: Accepted,
}

impl Default for Filter {
    fn default() -> Self {
        Self { shown: Severity::ALL.into_iter().collect(), query: String::new(), accepted: Accepted::Shown }
    }
}

impl Review {
    /// Checks a lab.
    pub fn new(lab: &Lab, context: Context) -> Self {
        let checker = Checker::new(lab, Catalog::embedded(), &context);
        let mut review = Self {
            checker,
            context,
            fixes: BTreeMap::new(),
            counts: HashMap::default(),
            totals: Counts::default(),
            selected: None,
            revision: 0,
        };
        review.count_anew();
        review.vet_all(lab);
        review
    }

    /// Checks another lab; how the panel looks at findings stays.
    pub fn restart(&mut self, lab: &Lab) {
        self.revision += 1;
        self.checker = Checker::new(lab, Catalog::embedded(), &self.context);
        self.count_anew();
        self.vet_all(lab);
    }

    /// Looks again at what an edit has touched.
    pub fn update(&mut self, lab: &Lab, touched: &Touched) {
        if !touched.is_checked() {
            return;
        }
        self.revision += 1;
        let changed = self.checker.update(lab, Catalog::embedded(), touched);
        for finding in changed.gone {
            self.count_one(&finding, |count| count.saturating_sub(1));
        }
        for finding in changed.come {
            self.count_one(&finding, |count| count + 1);
        }
        self.vet_all(lab);
    }

    fn count_anew(&mut self) {
        self.counts.clear();
        self.totals = Counts::default();
        for finding in self.checker.findings().to_vec() {
            self.count_one(&finding, |count| count + 1);
        }
    }

    fn count_one(&mut self, finding: &Finding, change: impl Fn(usize) -> usize) {
        if finding.accepted.is_some() {
            return;
        }
        let total = self.totals.of(finding.severity);
        *total = change(*total);
        for subject in bearers(&finding.subject) {
            let mut counts = self.counts.get(&subject).copied().unwrap_or_default();
            let count = counts.of(finding.severity);
            *count = change(*count);
            if counts.total() == 0 {
                self.counts.remove(&subject);
            } else {
                self.counts.insert(subject, counts);
            }
        }
    }

    fn vet_all(&mut self, lab: &Lab) {
        self.fixes.clear();
        if lab.nodes.len() <= NODES_WITH_ALL_FIXES_MAX && self.findings().len() <= FINDINGS_WITH_ALL_FIXES_MAX {
            // One copy of the lab for all of them.
            let mut vetter = Vetter::new(&self.checker, lab);
            let good = self.findings().iter().enumerate().filter(|(_, finding)| has_fixes(finding));
            self.fixes = good.map(|(place, finding)| (place, vetter.vetted(Catalog::embedded(), finding))).collect();
        } else if let Some(place) = self.selected_place() {
            self.vet(lab, place);
        }
    }

    fn vet(&mut self, lab: &Lab, place: usize) {
        let Some(finding) = self.findings().get(place) else { return };
        if has_fixes(finding) {
            let fixes = self.checker.vetted(lab, Catalog::embedded(), finding);
            self.fixes.insert(place, fixes);
        }
    }

    /// All findings, the worst first; accepted ones are among them.
    pub fn findings(&self) -> &[Arc<Finding>] {
        self.checker.findings()
    }

    /// The places of the findings that block a deployment.
    pub fn blocking(&self) -> impl Iterator<Item = usize> + '_ {
        self.findings().iter().enumerate().filter(|(_, finding)| finding.blocks_deployment()).map(|(place, _)| place)
    }

    /// The fixes of a finding that are offered: tried, and good.
    pub fn fixes(&self, place: usize) -> &[Fix] {
        self.fixes.get(&place).map_or(&[], Vec::as_slice)
    }

    /// The places of the listed findings: those that count first, then the accepted ones.
    pub fn listed(&self, filter: &Filter) -> Vec<usize> {
        let query = filter.query.trim().to_lowercase();
        let fits = |finding: &Finding| {
            filter.shown.contains(&finding.severity)
                && (filter.accepted == Accepted::Shown || finding.accepted.is_none())
                && (query.is_empty() || {
                    let text = format!("{} {} {}", finding.subject, finding.message, finding.rule).to_lowercase();
                    query.split_whitespace().all(|word| text.contains(word))
                })
        };
        let mut places: Vec<usize> =
            (0..self.findings().len()).filter(|place| self.findings().get(*place).is_some_and(|finding| fits(finding))).collect();
        places.sort_by_key(|place| self.findings().get(*place).is_some_and(|finding| finding.accepted.is_some()));
        places
    }

    /// A number that grows whenever the findings may have changed: for lists that are made from them.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The listed findings in the same order, those that say the same as one entry.
    pub fn grouped(&self, lab: &Lab, filter: &Filter) -> Vec<FindingEntry> {
        grouped(lab, self.findings(), &self.listed(filter))
    }

    /// How many findings of a severity count.
    pub fn count(&self, severity: Severity) -> usize {
        let mut totals = self.totals;
        *totals.of(severity)
    }

    /// How many findings count.
    pub fn total(&self) -> usize {
        self.totals.total()
    }

    /// The worst severity about a thing or what is on it, and how many findings there are.
    pub fn badge(&self, subject: &Subject) -> Option<(Severity, usize)> {
        let counts = self.counts.get(subject)?;
        let worst = Severity::ALL.into_iter().zip(counts.0).find(|(_, count)| *count > 0);
        worst.map(|(severity, _)| (severity, counts.total()))
    }

    /// What is said about exactly this thing and counts.
    pub fn about<'a>(&'a self, subject: &'a Subject) -> impl Iterator<Item = &'a Finding> {
        self.findings().iter().map(Arc::as_ref).filter(move |finding| finding.accepted.is_none() && finding.subject == *subject)
    }

    /// The finding that is selected, by its place.
    pub fn selected_place(&self) -> Option<usize> {
        let (rule, subject) = self.selected.as_ref()?;
        self.findings().iter().position(|finding| finding.rule == rule && finding.subject == *subject)
    }

    /// The best fix of the selected finding.
    pub fn selected_fix(&self) -> Option<&Fix> {
        self.fixes(self.selected_place()?).first()
    }

    /// Selects the finding at a place.
    pub fn select(&mut self, lab: &Lab, place: usize) {
        self.selected = self.findings().get(place).map(|finding| (finding.rule.to_owned(), finding.subject.clone()));
        if !self.fixes.contains_key(&place) {
            self.vet(lab, place);
        }
    }

    /// A finding by its identity.
    pub fn place_of(&self, rule: &str, subject: &Subject) -> Option<usize> {
        self.findings().iter().position(|finding| finding.rule == rule && finding.subject == *subject)
    }
}

/// Whether a finding has fixes to be tried.
fn has_fixes(finding: &Finding) -> bool {
    finding.accepted.is_none() && !finding.fixes.is_empty()
}

/// Where a finding is shown: on its subject, and on the node or things that hold it.
fn bearers(subject: &Subject) -> Vec<Subject> {
    let mut all = vec![subject.clone()];
    match subject {
        Subject::Adapter(node, ..) => all.push(Subject::Node(node.clone())),
        Subject::Service(at) => all.push(Subject::Node(at.node.clone())),
        _ => {}
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Edit, Network, NetworkKind, Node, Role};

    fn lab() -> Lab {
        let mut lab = Lab::new("x");
        let network = Network::with_subnet(NetworkKind::Internal, "10.1.0.0/24".parse().unwrap());
        let mut edits = vec![Edit::Network { name: "lan".parse().unwrap(), at: None, to: Some(network) }];
        for name in ["a", "b"] {
            let mut node = Node::new(Role::Worker);
            node.adapters.push(crate::model::Adapter {
                address: Some("10.1.0.10".parse().unwrap()),
                ..crate::model::Adapter::on("lan".parse().unwrap())
            });
            edits.push(Edit::Node { name: name.parse().unwrap(), at: None, to: Some(Box::new(node)) });
        }
        lab.apply(&edits).unwrap();
        lab
    }

    #[test]
    fn a_finding_is_badged_listed_filtered_and_fixed() {
        let mut lab = lab();
        let mut review = Review::new(&lab, Context::default());
        let place = review.findings().iter().position(|finding| finding.rule == "duplicate-address").unwrap();
        let node = Subject::Node("b".parse().unwrap());
        assert_eq!(review.badge(&node).unwrap().0, Severity::Error);
        let mut filter = Filter::default();
        assert!(review.listed(&filter).contains(&place));
        filter.query = "duplicate".into();
        assert_eq!(review.listed(&filter), [place]);
        filter.shown.remove(&Severity::Error);
        assert!(review.listed(&filter).is_empty());
        assert!(review.blocking().any(|one| one == place));
        review.select(&lab, place);
        let fix = review.selected_fix().unwrap().clone();
        let applied = lab.apply(&fix.edits).unwrap();
        review.update(&lab, &applied.touched);
        assert_eq!(review.blocking().count(), review.count(Severity::Error));
        assert!(review.place_of("duplicate-address", &Subject::Adapter("b".parse().unwrap(), 0, "lan".parse().unwrap())).is_none());
        assert_eq!(review.selected_place(), None);
    }
}
