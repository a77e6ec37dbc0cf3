//! What is said of an acceptance that matches nothing.

use super::{Finding, Fix, Severity};
use crate::model::{Acceptance, Edit, ListEdit, Path, Subject, shortened};

/// The code of the rule that judges acceptances. It has a manual page and a place in the registry like any other, but
/// it reads the findings of all the others, so it runs here.
pub(super) const UNUSED: &str = "unused-acceptance";

/// The most characters of an acceptance's texts in a message.
const TEXT_CHARS_MAX: usize = 150;

/// The finding about an acceptance, the nth of the lab, that matches none.
pub(super) fn unused(index: usize, acceptance: &Acceptance) -> Finding {
    Finding {
        rule: UNUSED,
        severity: Severity::Advice,
        message: format!(
            "{} on {} is accepted, but there is no such finding{}",
            shortened(&acceptance.rule, TEXT_CHARS_MAX),
            shortened(&acceptance.on, TEXT_CHARS_MAX),
            if acceptance.says.is_some() { " in these words" } else { "" }
        ),
        subject: Subject::Acceptance(index),
        within: Path::root(),
        involved: Vec::new(),
        fixes: vec![Fix { title: "Remove the acceptance".into(), edits: vec![Edit::Accept { index, change: ListEdit::Remove }] }],
        accepted: None,
    }
}
