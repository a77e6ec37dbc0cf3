//! One cause gives one finding: what a layout says when one thing is taken out of it.

use super::rules_repair::{removals, shipped};
use sandtable::catalog::Catalog;
use sandtable::rules::{Context, Finding, Severity, check};
use std::sync::Arc;

/// The most findings of one thing that is missing: each flow to each service that a network carried.
const FINDINGS_MAX: usize = 11;

/// The findings that nine of ten missing things keep to.
const FINDINGS_FEW: usize = 4;

#[test]
fn one_thing_that_is_missing_gives_few_findings() {
    let mut noisy: Vec<(usize, usize, String)> = Vec::new();
    for (layout, lab) in shipped() {
        for (what, mistaken) in removals(&lab) {
            let found: Vec<Arc<Finding>> = check(&mistaken, Catalog::embedded(), &Context::default());
            let found: Vec<&Arc<Finding>> = found.iter().filter(|finding| finding.accepted.is_none()).collect();
            let worse = found.iter().filter(|finding| finding.severity < Severity::Advice).count();
            let lines: Vec<String> = found
                .iter()
                .map(|finding| format!("    {} {} [{}]: {}", finding.severity.title(), finding.rule, finding.subject, finding.message))
                .collect();
            noisy.push((found.len(), worse, format!("{layout} {what}: {} findings\n{}", found.len(), lines.join("\n"))));
        }
    }
    noisy.sort_by(|one, other| other.cmp(one));
    let text = |(.., text): &(usize, usize, String)| text.clone();
    let loudest: Vec<String> = noisy.iter().take_while(|(count, ..)| *count > FINDINGS_MAX).map(text).collect();
    assert!(loudest.is_empty(), "{}", loudest.join("\n"));
    let loud: Vec<String> = noisy.iter().take_while(|(count, ..)| *count > FINDINGS_FEW).map(text).collect();
    assert!(loud.len() * 10 <= noisy.len(), "{} of {} give more than {FINDINGS_FEW}:\n{}", loud.len(), noisy.len(), loud.join("\n"));
}
