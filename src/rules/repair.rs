//! Applies fixes without a question: of each finding the first verified fix after which less is wrong.

use super::{Checker, Context, Finding, Severity, Vetter};
use crate::catalog::Catalog;
use crate::model::{Lab, Subject};
use std::{collections::HashSet, sync::Arc};

/// The most fixes that are applied to a lab at once.
const REPAIRS_MAX: usize = 1_000;

/// A fix that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// The rule of the finding that it cleared.
    pub rule: &'static str,
    /// What the finding said.
    pub message: String,
    /// What the fix did.
    pub title: String,
}

/// Applies to each finding of a lab that is not accepted, of one rule or of all, the first of its fixes that clears it, adds no error and
/// leaves less wrong than before. The worst finding comes first. So no fix undoes another, and a lab that was repaired stays as it is.
pub fn repair(lab: &mut Lab, catalog: &Catalog, context: &Context, only: Option<&str>) -> Vec<Repaired> {
    let mut vetter = Vetter::new(&Checker::new(lab, catalog, context), lab);
    let mut tried: HashSet<(&'static str, Subject, String)> = HashSet::new();
    let mut repaired = Vec::new();
    while repaired.len() < REPAIRS_MAX {
        let counts = |finding: &Finding| finding.accepted.is_none() && only.is_none_or(|only| only == finding.rule);
        let wanted: Vec<Arc<Finding>> =
            vetter.findings().iter().filter(|finding| counts(finding) && !finding.fixes.is_empty()).cloned().collect();
        let next = wanted.into_iter().find_map(|finding| {
            if !tried.insert((finding.rule, finding.subject.clone(), finding.message.clone())) {
                return None;
            }
            vetter.best(catalog, &finding, |findings| weight(findings, only)).map(|fix| (finding, fix))
        });
        let Some((finding, fix)) = next else { break };
        if vetter.apply(catalog, &fix).is_err() {
            break;
        }
        repaired.push(Repaired { rule: finding.rule, message: finding.message.clone(), title: fix.title });
    }
    if !repaired.is_empty() {
        *lab = vetter.into_lab();
    }
    repaired
}

/// How much is wrong: errors, then warnings, then advice. Where one rule is asked for: its findings.
fn weight(findings: &[Arc<Finding>], only: Option<&str>) -> [usize; 3] {
    let count = |is_meant: &dyn Fn(&Finding) -> bool| findings.iter().filter(|one| one.accepted.is_none() && is_meant(one)).count();
    match only {
        Some(only) => [count(&|one| one.rule == only), 0, 0],
        None => [Severity::Error, Severity::Warning, Severity::Advice].map(|severity| count(&|one| one.severity == severity)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::lab;

    #[test]
    fn fixes_are_applied_until_none_is_left() {
        let (catalog, context) = (Catalog::embedded(), Context::default());
        let drawn = || {
            lab(
                r#"(name: "x", networks: {"lan": host_only(subnet: "192.168.56.0/24", dhcp: (from: "10.0.0.100", to: "10.0.0.200"))}, nodes: {
                "a": (role: app, adapters: [(network: "lan", address: "192.168.56.10")], services: {"web": (kind: "nginx", settings: {"tls": "yes"})}),
            })"#,
            )
        };
        let mut all = drawn();
        let done = repair(&mut all, catalog, &context, None);
        assert!(
            done.iter().any(|done| done.title == "Set tls to true") && done.iter().any(|done| done.rule == "dhcp-range-outside-subnet"),
            "{done:?}"
        );
        assert!(repair(&mut all, catalog, &context, None).is_empty());
        let mut one = drawn();
        let done = repair(&mut one, catalog, &context, Some("invalid-setting-value"));
        assert_eq!(done.iter().map(|done| done.rule).collect::<Vec<_>>(), ["invalid-setting-value"]);
        assert_ne!(one, all);
    }

    #[test]
    fn a_fix_that_another_one_would_undo_is_left_to_the_user() {
        let (catalog, context) = (Catalog::embedded(), Context::default());
        let text = include_str!("../../tests/broken/vip-over-replica.ron");
        let drawn = crate::layout::read(text).unwrap();
        // A VIP that only one node may hold is a warning as well.
        let mut all = drawn.clone();
        assert_eq!(repair(&mut all, catalog, &context, None), []);
        assert_eq!(all, drawn);
        // Whoever asks for it gets it, and no other fix puts the replica back.
        let done = repair(&mut all, catalog, &context, Some("vip-over-replica"));
        assert_eq!(done.iter().map(|done| done.title.as_str()).collect::<Vec<_>>(), ["Take sieve off the holders"]);
        assert_eq!(repair(&mut all, catalog, &context, None), []);
    }
}
