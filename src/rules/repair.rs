//! Applies fixes without a question: the first verified fix of each finding, one after the other.

use super::{Checker, Context, Vetter};
use crate::catalog::Catalog;
use crate::model::{Lab, Subject};
use std::collections::HashSet;

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

/// Applies to each finding of a lab that is not accepted, of one rule or of all, the first of its fixes that clears it and adds no
/// error. The worst finding comes first. No finding is fixed twice, so that two rules cannot undo each other's fixes for ever.
pub fn repair(lab: &mut Lab, catalog: &Catalog, context: &Context, only: Option<&str>) -> Vec<Repaired> {
    let mut checker = Checker::new(lab, catalog, context);
    let mut tried: HashSet<(&'static str, Subject)> = HashSet::new();
    let mut repaired = Vec::new();
    while repaired.len() < REPAIRS_MAX {
        let mut vetter = Vetter::new(&checker, lab);
        let wanted = checker.findings().iter().filter(|finding| finding.accepted.is_none() && only.is_none_or(|only| only == finding.rule));
        let next = wanted.filter(|finding| !finding.fixes.is_empty()).find_map(|finding| {
            if !tried.insert((finding.rule, finding.subject.clone())) {
                return None;
            }
            vetter.vetted(catalog, finding).into_iter().next().map(|fix| (finding.clone(), fix))
        });
        let Some((finding, fix)) = next else { break };
        let Ok(applied) = lab.apply(&fix.edits) else { break };
        checker.update(lab, catalog, &applied.touched);
        repaired.push(Repaired { rule: finding.rule, message: finding.message.clone(), title: fix.title });
    }
    repaired
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
}
