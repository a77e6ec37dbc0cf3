//! One way to test every rule: a lab as text, a code, and the messages expected.

use super::{Checker, Context, Finding};
use crate::catalog::Catalog;
use crate::model::Lab;
use std::sync::Arc;

/// Reads a lab from the part of a layout file after `sandtable: 1`.
pub(super) fn lab(text: &str) -> Lab {
    let options = ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
    let lab: Lab = options.from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(crate::model::dangling(&lab), [], "{text}");
    lab
}

/// All findings of a lab that count.
pub(super) fn findings(lab: &Lab) -> Vec<Arc<Finding>> {
    super::check(lab, Catalog::embedded(), &Context::default()).into_iter().filter(|finding| finding.accepted.is_none()).collect()
}

/// The codes of all findings of a lab.
pub(super) fn codes(lab: &Lab) -> Vec<&'static str> {
    findings(lab).iter().map(|finding| finding.rule).collect()
}

/// Asserts what one rule says about a lab, and that every fix that it offers and that passes the vetting clears it.
/// Other rules may have findings too; the folder of broken layouts tests that they have none.
pub(super) fn check(rule: &str, lab: &Lab, messages: &[&str]) {
    let context = Context::default();
    let checker = Checker::new(lab, Catalog::embedded(), &context);
    let found = checker.findings().iter().filter(|finding| finding.rule == rule);
    assert_eq!(found.map(|finding| finding.message.as_str()).collect::<Vec<_>>(), messages);
}

/// The titles of the fixes that one rule offers for its first finding in a lab, after vetting.
pub(super) fn fixes(rule: &str, lab: &Lab) -> Vec<String> {
    let checker = Checker::new(lab, Catalog::embedded(), &Context::default());
    let first = checker.findings().iter().find(|finding| finding.rule == rule);
    first.map(|finding| checker.vetted(lab, Catalog::embedded(), finding)).unwrap_or_default().into_iter().map(|fix| fix.title).collect()
}
