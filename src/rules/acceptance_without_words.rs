//! An acceptance in the layout does not record what it accepts.
//!
//! ## Why
//! A finding that is accepted counts again as soon as it says something else: "four voters" is not "two voters". That works only if
//! the acceptance records the words. Without `says`, whatever the rule reports about that thing is accepted, also a mistake that
//! is made years later.
//!
//! ## Example
//! ```ron
//! accepted: [(rule: "even-voters", on: "galera", because: "as in the original design")]
//! ```
//!
//! ## Do this instead
//! Record what the finding says, as the window does when a finding is accepted there: the fix writes it.
//! ```ron
//! accepted: [(rule: "even-voters", on: "galera", because: "as in the original design", says: "galera has 2 voters: a 1 : 1 split stops both")]
//! ```

use super::{Facts, Report};

/// The look itself is in `acceptance`, because it needs the findings of all other rules.
pub(super) fn check(_: &Facts<'_>, _: &mut Report) {}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;
    use crate::rules::testing::{check, codes, fixes, lab};
    use crate::rules::{Context, repair};

    fn cluster(on: &str, says: &str) -> crate::model::Lab {
        let node = |name: &str| format!(r#""{name}": (role: arbitrator, services: {{"s": (kind: "galera", cluster: "g")}})"#);
        lab(&format!(
            r#"(name: "x", nodes: {{{}, {}}}, accepted: [(rule: "{on}", on: "g", because: "meant"{says})])"#,
            node("a"),
            node("b")
        ))
    }

    #[test]
    fn an_acceptance_records_what_it_accepts() {
        let code = "acceptance-without-words";
        let bare = cluster("even-voters", "");
        check(code, &bare, &["even-voters on g is accepted whatever it says, also when something else is wrong there"]);
        assert_eq!(fixes(code, &bare), ["Record what it says now"]);
        check(code, &cluster("even-voters", r#", says: "g has 2 voters: a 1 : 1 split stops both""#), &[]);
        // What matches nothing is a leftover, and has nothing to record.
        check(code, &cluster("odd-voters", ""), &[]);
    }

    #[test]
    fn the_fix_keeps_what_was_accepted() {
        let mut lab = cluster("even-voters", "");
        let before = codes(&lab);
        repair(&mut lab, Catalog::embedded(), &Context::default(), Some("acceptance-without-words"));
        assert_eq!(lab.accepted[0].says.as_deref(), Some("g has 2 voters: a 1 : 1 split stops both"));
        let left: Vec<_> = before.into_iter().filter(|code| *code != "acceptance-without-words").collect();
        assert_eq!(codes(&lab), left);
    }
}
