//! Several services hold authority over the same thing.
//!
//! ## Why
//! Scheduled jobs, uploads and the admin pages must happen on one server, whose files the others copy. With two such
//! servers jobs run twice, and each overwrites what was changed on the other.
//!
//! Services belong together when they are in one cluster, or, where they are in none, when they are of one kind in one site.
//!
//! ## Example
//! ```ron
//! "admin1": (role: app, services: {"php": (kind: "apache", settings: {"authoritative": true})}),
//! "admin2": (role: app, services: {"php": (kind: "apache", settings: {"authoritative": true})}),
//! ```
//!
//! ## Do this instead
//! Keep `authoritative` on one of them; let the others copy from it (`replica_of: "admin1/php"`).

use super::{Facts, Report, exposure};
use crate::model::{ClusterName, Kind, Service, ServiceRef, SiteName, Subject, Value};
use std::collections::BTreeMap;

type Group<'a> = (Option<&'a ClusterName>, &'a Kind, Option<&'a SiteName>);

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let mut groups: BTreeMap<Group<'_>, Vec<(&ServiceRef, &Service)>> = BTreeMap::new();
    for (at, service) in facts.authoritative() {
        // A kind that the catalog does not know may mean something else by the word.
        if facts.entry(service).and_then(|entry| entry.setting("authoritative")).is_none() {
            continue;
        }
        let site = facts.lab.nodes.get(&at.node).and_then(|node| node.site.as_ref());
        let site = if service.cluster.is_some() { None } else { site };
        groups.entry((service.cluster.as_ref(), &service.kind, site)).or_default().push((at, service));
    }
    for members in groups.values() {
        let [(first, _), others @ ..] = members.as_slice() else { continue };
        let Some((second, _)) = others.first() else { continue };
        let rest = if others.len() > 1 { format!(" (and {} more)", others.len() - 1) } else { String::new() };
        let without = |(at, service): &(&ServiceRef, &Service)| {
            let mut follower = (*service).clone();
            follower.settings.insert("authoritative".into(), Value::Bool(false));
            exposure::put(&at.node, &at.service, follower)
        };
        let mut found = report.add(Subject::Service((*second).clone()), format!("{second} and {first}{rest} are both authoritative"));
        for (at, _) in members.iter().filter(|(at, _)| at != second) {
            found = found.involving(Subject::Service((*at).clone()));
        }
        found.fix(format!("Leave it to {first}"), others.iter().map(without).collect());
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn pair(first: &str, second: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", sites: {{"us": ()}}, nodes: {{"a": (role: app, services: {{"s": ({first})}}), "b": (role: app, services: {{"s": ({second})}}),
                "c": (role: app, site: "us", services: {{"s": (kind: "apache", settings: {{"authoritative": true}})}})}})"#
        ))
    }

    #[test]
    fn two_masters() {
        let code = "several-authoritative";
        let php = r#"kind: "apache", settings: {"authoritative": true}"#;
        check(code, &pair(php, php), &["b/s and a/s are both authoritative"]);
        assert_eq!(fixes(code, &pair(php, php)), ["Leave it to a/s"]);
        let sync = |cluster: &str| format!(r#"kind: "file-sync", cluster: "{cluster}", settings: {{"authoritative": true}}"#);
        check(code, &pair(&sync("files"), &sync("files")), &["b/s and a/s are both authoritative"]);
        check(code, &pair(&sync("files"), &sync("others")), &[]);
        check(code, &pair(php, r#"kind: "apache""#), &[]);
        check(code, &pair(php, &sync("files")), &[]);
        let strange = r#"kind: "of-another-catalog", settings: {"authoritative": true}"#;
        check(code, &pair(strange, strange), &[]);
    }
}
