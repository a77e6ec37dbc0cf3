//! The page of the rules, from the rules' own manual.

use super::{GENERATED, cell};
use crate::rules::RULES;

pub(super) fn page() -> String {
    let mut text = format!(
        "# Rules\n\n{GENERATED}\n\n\
         `sandtable check` evaluates {} rules. `sandtable rules CODE` shows one of these entries in the terminal.\n",
        RULES.len()
    );
    let mut chapter = "";
    for rule in RULES {
        if rule.chapter.title() != chapter {
            chapter = rule.chapter.title();
            text.push_str(&format!("\n{chapter}:\n\n| rule | severity | finding |\n|---|---|---|\n"));
        }
        text.push_str(&format!("| [{0}](#{0}) | {1} | {2} |\n", rule.code, rule.severity.title(), cell(&rule.summary())));
    }
    chapter = "";
    for rule in RULES {
        if rule.chapter.title() != chapter {
            chapter = rule.chapter.title();
            text.push_str(&format!("\n## {chapter}\n"));
        }
        // A rule's page has a heading of its own, so its parts stand two levels lower.
        let manual = rule.manual().replace("\n## ", "\n#### ");
        text.push_str(&format!("\n### {}\n\n*{}*\n\n{}\n", rule.code, rule.severity.title(), manual.trim()));
    }
    text
}
