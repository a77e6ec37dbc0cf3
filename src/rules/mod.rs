//! The reviewer: one rule a file, each a pure look at the lab.
//!
//! A rule never fails on a half-drawn lab and never changes one: it reports, and offers edits. The table below is the
//! only list of rules: the manual, the command line's help, the window's page and the tests are made from it.

mod acceptance;
mod checker;
mod facts;
mod finding;
mod rule;
#[cfg(test)]
mod testing;

pub use checker::{Checker, check};
pub use facts::{Context, Facts, HOST_ONLY_RANGE};
pub use finding::{Finding, Fix, Severity};
pub use rule::{Chapter, Check, Reads, Report, Reported, Rule};

/// Declares the rules: their modules, and the one table of them.
macro_rules! rules {
    ($($chapter:ident { $($module:ident $code:literal $severity:ident $check:expr;)* })*) => {
        $($(mod $module;)*)*

        /// Every rule, by chapter.
        pub const RULES: &[Rule] = &[$($(Rule {
            code: $code,
            severity: Severity::$severity,
            chapter: Chapter::$chapter,
            source: include_str!(concat!(stringify!($module), ".rs")),
            check: $check,
        },)*)*];
    };
}

rules! {
    Exposure {
    }
    Roles {
    }
    Addressing {
        duplicate_address "duplicate-address" Error Check::Network(duplicate_address::check);
    }
    Reachability {
    }
    Availability {
    }
    Consistency {
        unused_acceptance "unused-acceptance" Warning Check::Lab(Reads::NODES, unused_acceptance::check);
    }
}

/// A rule by its code.
pub fn rule(code: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_file_and_manual_agree() {
        for rule in RULES {
            let module = rule.code.replace('-', "_");
            let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/rules/{module}.rs"));
            assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), rule.source, "{}", rule.code);
            let manual = rule.manual();
            assert!(rule.summary().ends_with('.'), "{}: {}", rule.code, rule.summary());
            for heading in ["## Why", "## Example", "## Do this instead"] {
                assert!(manual.contains(heading), "{}: no {heading}", rule.code);
            }
        }
        let mut codes: Vec<_> = RULES.iter().map(|rule| rule.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), RULES.len());
    }
}
