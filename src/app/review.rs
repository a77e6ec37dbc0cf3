//! The findings of the open lab, kept up to date with every edit, and how the lower panel looks at them.

use crate::catalog::Catalog;
use crate::model::{Lab, Subject, Touched};
use crate::rules::{Checker, Context, Finding, Fix, Severity};
use std::collections::{BTreeMap, BTreeSet};

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

/// Findings and the look at them.
#[derive(Debug, Clone)]
pub struct Review {
    checker: Checker,
    context: Context,
    findings: Vec<Finding>,
    /// Fixes that were tried and are good, by the finding's place.
    fixes: BTreeMap<usize, Vec<Fix>>,
    worst: BTreeMap<Subject, (Severity, usize)>,
    selected: Option<FindingKey>,
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
        let mut review = Self { checker, context, findings: Vec::new(), fixes: BTreeMap::new(), worst: BTreeMap::new(), selected: None };
        review.collect(lab);
        review
    }

    /// Checks another lab; how the panel looks at findings stays.
    pub fn restart(&mut self, lab: &Lab) {
        self.checker = Checker::new(lab, Catalog::embedded(), &self.context);
        self.collect(lab);
    }

    /// Looks again at what an edit has touched.
    pub fn update(&mut self, lab: &Lab, touched: &Touched) {
        if touched.meaning() {
            self.checker.update(lab, Catalog::embedded(), touched);
            self.collect(lab);
        }
    }

    fn collect(&mut self, lab: &Lab) {
        self.findings = self.checker.findings(lab);
        self.worst.clear();
        for finding in self.findings.iter().filter(|finding| finding.accepted.is_none()) {
            for subject in bearers(&finding.subject) {
                let worst = self.worst.entry(subject).or_insert((finding.severity, 0));
                worst.0 = worst.0.min(finding.severity);
                worst.1 += 1;
            }
        }
        self.fixes.clear();
        if lab.nodes.len() <= NODES_WITH_ALL_FIXES_MAX && self.findings.len() <= FINDINGS_WITH_ALL_FIXES_MAX {
            for place in 0..self.findings.len() {
                self.vet(lab, place);
            }
        } else if let Some(place) = self.selected_place() {
            self.vet(lab, place);
        }
    }

    fn vet(&mut self, lab: &Lab, place: usize) {
        let Some(finding) = self.findings.get(place) else { return };
        if finding.accepted.is_none() && !finding.fixes.is_empty() {
            self.fixes.insert(place, self.checker.vetted(lab, Catalog::embedded(), finding));
        }
    }

    /// All findings, the worst first; accepted ones are among them.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
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
        let mut places: Vec<usize> = (0..self.findings.len()).filter(|place| self.findings.get(*place).is_some_and(fits)).collect();
        places.sort_by_key(|place| self.findings.get(*place).is_some_and(|finding| finding.accepted.is_some()));
        places
    }

    /// How many findings of a severity count.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity && finding.accepted.is_none()).count()
    }

    /// How many findings count.
    pub fn total(&self) -> usize {
        self.findings.iter().filter(|finding| finding.accepted.is_none()).count()
    }

    /// The worst severity about a thing or what is on it, and how many findings there are.
    pub fn badge(&self, subject: &Subject) -> Option<(Severity, usize)> {
        self.worst.get(subject).copied()
    }

    /// What is said about exactly this thing and counts.
    pub fn about<'a>(&'a self, subject: &'a Subject) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(move |finding| finding.accepted.is_none() && finding.subject == *subject)
    }

    /// The finding that is selected, by its place.
    pub fn selected_place(&self) -> Option<usize> {
        let (rule, subject) = self.selected.as_ref()?;
        self.findings.iter().position(|finding| finding.rule == rule && finding.subject == *subject)
    }

    /// The best fix of the selected finding.
    pub fn selected_fix(&self) -> Option<&Fix> {
        self.fixes(self.selected_place()?).first()
    }

    /// Selects the finding at a place.
    pub fn select(&mut self, lab: &Lab, place: usize) {
        self.selected = self.findings.get(place).map(|finding| (finding.rule.to_owned(), finding.subject.clone()));
        if !self.fixes.contains_key(&place) {
            self.vet(lab, place);
        }
    }

    /// Selects no finding.
    pub fn select_none(&mut self) {
        self.selected = None;
    }

    /// A finding by its identity.
    pub fn place_of(&self, rule: &str, subject: &Subject) -> Option<usize> {
        self.findings.iter().position(|finding| finding.rule == rule && finding.subject == *subject)
    }
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
        review.select(&lab, place);
        let fix = review.selected_fix().unwrap().clone();
        let applied = lab.apply(&fix.edits).unwrap();
        review.update(&lab, &applied.touched);
        assert!(review.place_of("duplicate-address", &Subject::Adapter("b".parse().unwrap(), 0, "lan".parse().unwrap())).is_none());
        assert_eq!(review.selected_place(), None);
    }
}
