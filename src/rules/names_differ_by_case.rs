//! The names of two nodes differ in capital letters alone.
//!
//! ## Why
//! Host names have no case (RFC 4343): `Birch` and `birch` are one name in /etc/hosts, in DNS and in certificates, and one
//! file on macOS and Windows. Requests to either get to whichever is found first.
//!
//! ## Example
//! `Birch` and `birch`
//!
//! ## Do this instead
//! Give them names that differ otherwise: `birch1` and `birch2`.

use super::{Facts, Report, offer};
use crate::model::{Lab, NodeName, Subject};
use std::collections::BTreeMap;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    // Of two names that differ by case alone, one has a capital letter.
    let mut first: BTreeMap<String, &NodeName> = BTreeMap::new();
    for name in facts.capitals() {
        let lower = name.to_lowercase();
        let plain = facts.lab.nodes.get_key_value(lower.as_str()).map(|(plain, _)| plain);
        let Some(other) = plain.or_else(|| first.get(&lower).copied()) else {
            first.insert(lower, name);
            continue;
        };
        let found = report
            .add(Subject::Node(name.clone()), format!("{name} and {other} are the same host name: case does not count"))
            .involving(Subject::Node(other.clone()));
        let stem = lower.trim_end_matches(|char: char| char.is_ascii_digit());
        let free = Lab::free_name(if stem.is_empty() { "node" } else { stem }, |name| facts.lab.nodes.contains_key(name));
        if let Ok(to) = free.parse::<NodeName>()
            && let Some(edits) = offer::rename(facts, name, to.clone())
        {
            found.fix(format!("Rename {name} to {to}"), edits);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn capital_letters_are_no_difference() {
        let code = "names-differ-by-case";
        let lab = |names: &[&str]| {
            let nodes: Vec<String> = names.iter().map(|name| format!(r#""{name}": (role: worker)"#)).collect();
            lab(&format!(r#"(name: "x", nodes: {{{}}})"#, nodes.join(", ")))
        };
        check(code, &lab(&["Birch", "birch"]), &["Birch and birch are the same host name: case does not count"]);
        assert_eq!(fixes(code, &lab(&["Birch", "birch"])), ["Rename Birch to birch1"]);
        check(code, &lab(&["BIRCH", "Birch"]), &["Birch and BIRCH are the same host name: case does not count"]);
        check(code, &lab(&["Birch", "Oak", "birch2"]), &[]);
    }
}
