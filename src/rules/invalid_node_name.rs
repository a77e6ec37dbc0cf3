//! A node's name cannot be a host name.
//!
//! ## Why
//! A node is called by its name: in /etc/hosts, in its prompt, in the addresses of a mesh. Host names have letters, digits
//! and hyphens, begin and end with a letter or digit (RFC 1123, section 2.1), and may be several such words joined by
//! dots. An underscore or a blank breaks TLS, BEAM and many a script. A name that reads like an address is taken for one,
//! and `localhost` is every node's name for itself.
//!
//! ## Example
//! `db node 1`, `app_1`, `-web`, `10.0.0.5`
//!
//! ## Do this instead
//! Rename it: `db-node-1`, `app-1`, `web`.

use super::{Facts, Report, offer};
use crate::model::{Node, NodeName, Subject};
use std::net::Ipv4Addr;

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, _: &Node, report: &mut Report) {
    let Some(why) = why_invalid(name) else { return };
    let found = report.add(Subject::Node(name.clone()), format!("{name} cannot be a host name: {why}"));
    let better = mended(name).parse::<NodeName>().ok();
    if let Some(to) = better.filter(|to| why_invalid(to).is_none() && !facts.lab.nodes.contains_key(to))
        && let Some(edits) = offer::rename(facts, name, to.clone())
    {
        found.fix(format!("Rename to {to}"), edits);
    }
}

fn why_invalid(name: &str) -> Option<String> {
    if name.parse::<Ipv4Addr>().is_ok() {
        return Some("it reads like an address".into());
    }
    if name.eq_ignore_ascii_case("localhost") {
        return Some("every node calls itself so".into());
    }
    if let Some(bad) = name.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.')) {
        return Some(format!("{bad:?} may not be in it"));
    }
    name.split('.').find_map(|word| {
        if word.is_empty() {
            Some("a dot has nothing beside it".into())
        } else if word.starts_with('-') || word.ends_with('-') {
            Some("a hyphen may not be first or last".into())
        } else {
            None
        }
    })
}

/// The nearest name that could be a host name.
fn mended(name: &str) -> String {
    let joined: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let words: Vec<&str> = joined.split('-').filter(|word| !word.is_empty()).collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn names_that_are_no_host_names() {
        let code = "invalid-node-name";
        let node = |name: &str| lab(&format!(r#"(name: "x", nodes: {{"{name}": (role: worker), "web-1": (role: worker)}})"#));
        for (name, why, better) in [
            ("db node 1", "' ' may not be in it", "Rename to db-node-1"),
            ("app_1", "'_' may not be in it", "Rename to app-1"),
            ("-db", "a hyphen may not be first or last", "Rename to db"),
            ("db..lab", "a dot has nothing beside it", "Rename to db-lab"),
            ("10.0.0.5", "it reads like an address", "Rename to 10-0-0-5"),
        ] {
            check(code, &node(name), &[&format!("{name} cannot be a host name: {why}")]);
            assert_eq!(fixes(code, &node(name)), [better]);
        }
        check(code, &node("localhost"), &["localhost cannot be a host name: every node calls itself so"]);
        // A better name that is taken is not offered.
        assert_eq!(fixes(code, &node("web_1")), [] as [&str; 0]);
        for name in ["db1", "app-node-01", "DB1", "a.example.org", "1a"] {
            check(code, &node(name), &[]);
        }
    }
}
