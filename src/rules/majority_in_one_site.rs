//! Most voters of a cluster that spans sites are in one of them.
//!
//! ## Why
//! Only the part of a cluster that has more than half of the votes goes on. With most of them in one site, the loss of that
//! site stops the others as well, although their nodes run.
//!
//! ## Example
//! Two Galera members are in `east` and one in `west`: when `east` is lost, `west` stops too.
//!
//! ## Do this instead
//! Put a voter, an arbitrator for one, into a third place, so that no place alone has more than half of the votes.

use super::{Facts, Report};
use crate::catalog::Behaviour;
use crate::model::{ClusterName, ServiceRef, SiteName, Subject};
use std::collections::BTreeMap;

pub(super) fn check(facts: &Facts<'_>, name: &ClusterName, report: &mut Report) {
    let voters = facts.members(name).filter(|(_, service)| facts.behaviour(service).is_some_and(Behaviour::votes));
    let mut places: BTreeMap<Option<&SiteName>, Vec<&ServiceRef>> = BTreeMap::new();
    let mut count = 0;
    for (at, _) in voters {
        let site = facts.lab.nodes.get(&at.node).and_then(|node| node.site.as_ref());
        places.entry(site).or_default().push(at);
        count += 1;
    }
    let sites = places.keys().flatten().count();
    let most = places.iter().find(|(_, there)| there.len() * 2 > count);
    let Some((Some(site), there)) = most.filter(|_| sites > 1) else { return };
    let message = format!("{} of {count} voters of {name} are in {site}: when it is lost, the others stop too", there.len());
    let mut found = report.add(Subject::Cluster(name.clone()), message).involving(Subject::Site((*site).clone()));
    for at in there {
        found = found.involving(Subject::Service((*at).clone()));
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, lab};

    #[test]
    fn one_site_decides() {
        let code = "majority-in-one-site";
        let lab = |sites: &[&str]| {
            let node = |(place, site): (usize, &&str)| {
                let site = if site.is_empty() { String::new() } else { format!(r#", site: "{site}""#) };
                format!(r#""n{place}": (role: database{site}, services: {{"s": (kind: "galera", cluster: "span")}})"#)
            };
            let nodes: Vec<String> = sites.iter().enumerate().map(node).collect();
            lab(&format!(r#"(name: "x", sites: {{"east": (), "west": (), "north": ()}}, nodes: {{{}}})"#, nodes.join(", ")))
        };
        check(code, &lab(&["east", "east", "west"]), &["2 of 3 voters of span are in east: when it is lost, the others stop too"]);
        check(code, &lab(&["east", "west", "north"]), &[]);
        check(code, &lab(&["east", "east", "east"]), &[]);
        check(code, &lab(&["", "", ""]), &[]);
        check(code, &lab(&["east", "east", "west", "west", ""]), &[]);
    }
}
