//! One cause gives one finding: what a layout says when one thing is taken out of it.

use super::rules_repair::{removals, shipped};
use sandtable::catalog::Catalog;
use sandtable::rules::{Context, Finding, Severity, check};
use std::sync::Arc;

#[test]
fn one_thing_that_is_missing_gives_few_findings() {
    let mut noisy: Vec<(usize, usize, String)> = Vec::new();
    for (layout, lab) in shipped() {
        for (what, mistaken) in removals(&lab) {
            let found: Vec<Arc<Finding>> = check(&mistaken, Catalog::embedded(), &Context::default());
            let found: Vec<&Arc<Finding>> = found.iter().filter(|finding| finding.accepted.is_none()).collect();
            let worse = found.iter().filter(|finding| finding.severity < Severity::Advice).count();
            let lines: Vec<String> =
                found.iter().map(|finding| format!("    {} {} [{}]: {}", finding.severity.title(), finding.rule, finding.subject, finding.message)).collect();
            noisy.push((found.len(), worse, format!("{layout} {what}: {} findings\n{}", found.len(), lines.join("\n"))));
        }
    }
    noisy.sort_by(|one, other| other.cmp(one));
    for (_, _, text) in &noisy {
        println!("{text}");
    }
}
