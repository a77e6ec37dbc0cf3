//! An acceptance in the layout matches no finding.
//!
//! ## Why
//! An acceptance says "we know, and it is meant". One that matches nothing is a leftover: the thing was mended, renamed
//! or removed. Left in place it would hide the same mistake when somebody makes it again later.
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
    fn an_acceptance_without_a_finding() {
        assert_eq!(codes(&lab(r#"(name: "x", accepted: [(rule: "even-voters", on: "galera", because: "meant")])"#)), ["unused-acceptance"]);
        assert_eq!(codes(&lab(r#"(name: "x")"#)), [] as [&str; 0]);
    }
}
