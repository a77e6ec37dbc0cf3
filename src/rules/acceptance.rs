//! What is said of an acceptance that matches nothing, and of one that matches whatever its rule says.

use super::{Finding, Fix, Severity};
use crate::model::{Acceptance, Edit, FlowNames, ListEdit, Path, Subject, shortened};

/// The code of the rule that judges acceptances. It has a manual page and a place in the registry like any other, but
/// it reads the findings of all the others, so it runs here.
pub(super) const UNUSED: &str = "unused-acceptance";

/// The code of the rule about acceptances that do not say what was accepted. It runs here for the same reason.
pub(super) const WITHOUT_WORDS: &str = "acceptance-without-words";

/// The most characters of an acceptance's texts in a message.
const TEXT_CHARS_MAX: usize = 150;

/// The most findings that one acceptance becomes an acceptance each of.
const SPLIT_MAX: usize = 16;

/// The most flows that a message lists.
const FLOWS_LISTED_MAX: usize = 3;

/// What is to be said of an acceptance, the nth of the lab, that matches so many findings.
pub(super) fn said(index: usize, acceptance: &Acceptance, matched: usize, names: &FlowNames) -> Option<Finding> {
    match (matched, &acceptance.says) {
        (0, _) => Some(unused(index, acceptance, names)),
        (1.., None) => Some(without_words(index, acceptance)),
        (1.., Some(_)) => None,
    }
}

fn without_words(index: usize, acceptance: &Acceptance) -> Finding {
    Finding {
        rule: WITHOUT_WORDS,
        severity: Severity::Advice,
        message: format!(
            "{} on {} is accepted whatever it says, also when something else is wrong there",
            shortened(&acceptance.rule, TEXT_CHARS_MAX),
            shortened(&acceptance.on, TEXT_CHARS_MAX),
        ),
        subject: Subject::Acceptance(index),
        within: Path::root(),
        involved: Vec::new(),
        // What is recorded is what the rule says when the fix is asked for: `recording`.
        fixes: vec![Fix { title: RECORD.into(), edits: Vec::new() }],
        accepted: None,
    }
}

/// The title of the fix that records what is accepted.
const RECORD: &str = "Record what it says now";

/// The fix that records what an acceptance, the nth of the lab, accepts now: these messages.
pub(super) fn recording(index: usize, acceptance: &Acceptance, mut messages: Vec<String>) -> Vec<Fix> {
    messages.sort();
    messages.dedup();
    if messages.is_empty() || messages.len() > SPLIT_MAX {
        return Vec::new();
    }
    let with = |says| Acceptance { says: Some(says), ..acceptance.clone() };
    let edit = |(place, says)| {
        let change = if place == 0 { ListEdit::Replace(with(says)) } else { ListEdit::Insert(with(says)) };
        Edit::Accept { index: index + place, change }
    };
    vec![Fix { title: RECORD.into(), edits: messages.into_iter().enumerate().map(edit).collect() }]
}

fn unused(index: usize, acceptance: &Acceptance, names: &FlowNames) -> Finding {
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
