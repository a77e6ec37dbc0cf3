//! Tries fixes before they are offered: on one copy of the lab, each step undone at once.

use super::{Changed, Checker, Finding, Fix, Severity};
use crate::catalog::Catalog;
use crate::model::{EditError, Lab, Subject};
use std::{collections::HashSet, sync::Arc};

/// A copy of a lab and its findings, on which fixes are tried. Each trial costs what two small edits cost, whatever the
/// size of the lab; making the copy costs one walk over it.
pub struct Vetter {
    lab: Lab,
    checker: Checker,
}

impl Vetter {
    /// Copies a lab and what is known about it.
    pub fn new(checker: &Checker, lab: &Lab) -> Self {
        Self { lab: lab.clone(), checker: checker.clone() }
    }

    /// The fixes of a finding of that lab that clear it and add no other error.
    pub fn vetted(&mut self, catalog: &Catalog, finding: &Finding) -> Vec<Fix> {
        let mut fixes = self.checker.fixes_now(&self.lab, catalog, finding);
        fixes.retain(|fix| self.is_good(catalog, finding, fix));
        fixes
    }

    /// The first of those fixes after which less is wrong, counted by `weight`. A fix that trades a finding for another one of the same
    /// weight is a choice for the user: applied without a question, it could be undone by the fix of that other one.
    pub(super) fn best<W: Ord>(&mut self, catalog: &Catalog, finding: &Finding, weight: impl Fn(&[Arc<Finding>]) -> W) -> Option<Fix> {
        let fixes = self.checker.fixes_now(&self.lab, catalog, finding);
        fixes.into_iter().find(|fix| self.trial(catalog, finding, fix).is_some_and(|changed| weight(&changed.come) < weight(&changed.gone)))
    }

    /// The findings of the copy.
    pub(super) fn findings(&self) -> &[Arc<Finding>] {
        self.checker.findings()
    }

    /// Applies a fix to the copy for good.
    pub(super) fn apply(&mut self, catalog: &Catalog, fix: &Fix) -> Result<(), EditError> {
        let applied = self.lab.apply(&fix.edits)?;
        self.checker.update(&self.lab, catalog, &applied.touched);
        Ok(())
    }

    /// The copy of the lab.
    pub(super) fn into_lab(self) -> Lab {
        self.lab
    }

    fn is_good(&mut self, catalog: &Catalog, finding: &Finding, fix: &Fix) -> bool {
        self.trial(catalog, finding, fix).is_some()
    }

    /// What a fix does to the findings; `None` unless it clears its finding and adds no error.
    fn trial(&mut self, catalog: &Catalog, finding: &Finding, fix: &Fix) -> Option<Changed> {
        let applied = self.lab.apply(&fix.edits).ok()?;
        let changed = self.checker.update(&self.lab, catalog, &applied.touched);
        let was_there = changed.gone.iter().any(|gone| gone.is_same(finding));
        // What turns it into another finding of the same rule about the same thing does not clear it.
        let is_left = |left: &Finding| {
            let was_there = || changed.gone.iter().any(|gone| gone.is_same(left));
            left.is_same(finding) || left.rule == finding.rule && left.subject == finding.subject && !was_there()
        };
        let clears = was_there && !changed.come.iter().any(|left| is_left(left));
        let good = clears && self.adds_no_error(finding, &changed.gone, &changed.come);
        if let Ok(back) = self.lab.apply(&applied.inverse) {
            self.checker.update(&self.lab, catalog, &back.touched);
        }
        good.then_some(changed)
    }

    /// Whether every error after the step was there before it. An adapter's may have moved to another slot.
    fn adds_no_error(&self, finding: &Finding, gone: &[Arc<Finding>], come: &[Arc<Finding>]) -> bool {
        let counts = |found: &Finding| found.severity == Severity::Error && !self.checker.accepts(found);
        let subject = |found: &Finding| match &found.subject {
            Subject::Adapter(node, ..) => (found.rule, true, Subject::Node(node.clone())),
            other => (found.rule, false, other.clone()),
        };
        let old: HashSet<_> = gone.iter().filter(|old| counts(old)).map(|old| subject(old)).collect();
        let errors = |findings: &[Arc<Finding>]| findings.iter().filter(|found| counts(found)).count();
        let known = come.iter().filter(|new| counts(new)).all(|new| old.contains(&subject(new)));
        let fewer_by = if counts(finding) { 1 } else { 0 };
        known && errors(come) + fewer_by <= errors(gone)
    }
}
