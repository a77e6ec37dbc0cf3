//! What is said of an acceptance that matches nothing.

use super::{Finding, Fix, Severity};
use crate::model::{Acceptance, Edit, FlowNames, ListEdit, Path, Subject, shortened};

/// The code of the rule that judges acceptances. It has a manual page and a place in the registry like any other, but
/// it reads the findings of all the others, so it runs here.
pub(super) const UNUSED: &str = "unused-acceptance";

/// The most characters of an acceptance's texts in a message.
const TEXT_CHARS_MAX: usize = 150;

/// The most flows that a message lists.
const FLOWS_LISTED_MAX: usize = 3;

/// The finding about an acceptance, the nth of the lab, that matches none.
pub(super) fn unused(index: usize, acceptance: &Acceptance, names: &FlowNames) -> Finding {
    let several = names.several(&acceptance.on).map_or_else(String::new, |flows| {
        let listed: Vec<String> = flows.iter().take(FLOWS_LISTED_MAX).map(|id| format!("\"{id}\"")).collect();
        let more = if flows.len() > FLOWS_LISTED_MAX { ", …" } else { "" };
        format!("; {} flows have these ends, name one of them: {}{more}", flows.len(), listed.join(", "))
    });
    Finding {
        rule: UNUSED,
        severity: Severity::Advice,
        message: format!(
            "{} on {} is accepted, but there is no such finding{}{several}",
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
