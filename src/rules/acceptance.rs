//! Marks the findings that a lab says are meant, and finds acceptances that match nothing.

use super::{Finding, Fix, Severity};
use crate::model::{Edit, Lab, ListEdit, Subject};

/// The code of the rule that judges acceptances. It has a manual page and a place in the registry like any other, but
/// it reads the findings of all the others, so it runs here.
pub(super) const UNUSED: &str = "unused-acceptance";

/// Marks accepted findings, then adds a finding for each acceptance that matched none.
pub(super) fn mark(lab: &Lab, findings: &mut Vec<Finding>) {
    let mut used = vec![false; lab.accepted.len()];
    for finding in findings.iter_mut() {
        for (acceptance, used) in lab.accepted.iter().zip(&mut used) {
            if acceptance.accepts(finding.rule, &finding.subject) {
                *used = true;
                finding.accepted.get_or_insert_with(|| acceptance.because.clone());
            }
        }
    }
    for (index, (acceptance, used)) in lab.accepted.iter().zip(used).enumerate() {
        if !used {
            findings.push(Finding {
                rule: UNUSED,
                severity: Severity::Warning,
                message: format!("{} on {} is accepted, but there is no such finding", acceptance.rule, acceptance.on),
                subject: Subject::Acceptance(index),
                involved: Vec::new(),
                fixes: vec![Fix { title: "Remove the acceptance".into(), edits: vec![Edit::Accept { index, change: ListEdit::Remove }] }],
                accepted: None,
            });
        }
    }
}
