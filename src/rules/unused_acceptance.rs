//! An acceptance in the layout matches no finding.
//!
//! ## Why
//! An acceptance says "we know, and it is meant". One that matches nothing is a leftover: the thing was mended, renamed
//! or removed. Left in place it would hide the same mistake when it is made again later.
//!
//! One with the words of the finding, as the window writes it, accepts no other words: where what is wrong has changed, the finding
//! counts again, and the acceptance is left over.
//!
//! ## Example
//! ```ron
//! accepted: [(rule: "even-voters", on: "galera", because: "as in the original design")]
//! ```
//! in a lab whose cluster has three voters by now.
//!
//! ## Do this instead
//! Remove the acceptance, or correct the rule's code or the name after `on`.

use super::{Facts, Report};

/// The look itself is in `acceptance`, because it needs the findings of all other rules.
pub(super) fn check(_: &Facts<'_>, _: &mut Report) {}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{codes, lab};

    #[test]
    fn an_acceptance_of_other_words() {
        let cluster = |says: &str| {
            lab(&format!(
                r#"(name: "x", nodes: {{"a": (role: arbitrator, services: {{"s": (kind: "galera", cluster: "g")}}), "b": (role: arbitrator, services: {{"s": (kind: "galera", cluster: "g")}})}},
                    accepted: [(rule: "even-voters", on: "g", because: "meant"{says})])"#
            ))
        };
        let counts = |says: &str| codes(&cluster(says)).contains(&"even-voters");
        assert!(!counts(""));
        assert!(!counts(r#", says: "g has 2 voters: a 1 : 1 split stops both""#));
        assert!(counts(r#", says: "g has 4 voters: a 2 : 2 split stops both halves""#));
    }

    #[test]
    fn an_acceptance_without_a_finding() {
        assert_eq!(codes(&lab(r#"(name: "x", accepted: [(rule: "even-voters", on: "galera", because: "meant")])"#)), ["unused-acceptance"]);
        assert_eq!(codes(&lab(r#"(name: "x")"#)), [] as [&str; 0]);
    }
}
