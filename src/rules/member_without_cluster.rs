//! A member of a cluster names no cluster.
//!
//! ## Why
//! A Galera member, an arbitrator or a BEAM node without a cluster's name is a cluster of one: three such databases replicate
//! nothing to each other, and each goes on alone when another fails.
//!
//! ## Example
//! ```ron
//! "db1": (role: database, services: {"galera": (kind: "galera")})
//! ```
//!
//! ## Do this instead
//! Give all that belong together one `cluster`, or use a kind that works alone.

use super::{Facts, Report, offer};
use crate::catalog::ClusterSort;
use crate::model::{ClusterName, Lab, Path, Service, ServiceRef, Subject};
use std::collections::BTreeMap;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    // One mistake is one finding: those that would be in one cluster are named together.
    let mut alone: BTreeMap<ClusterSort, Vec<(&ServiceRef, &Service)>> = BTreeMap::new();
    for (at, service) in facts.clusterless() {
        if let Some(sort) = facts.behaviour(service).and_then(crate::catalog::Behaviour::cluster_sort) {
            alone.entry(sort).or_default().push((at, service));
        }
    }
    for (sort, members) in alone {
        let Some((first, _)) = members.first() else { continue };
        let names = offer::row(members.iter().map(|(at, _)| at));
        let message = match members.len() {
            1 => format!("{names} is in no cluster: it works with nobody"),
            _ => format!("{names} are in no cluster: each works alone"),
        };
        let mut found = report.add(Subject::Service((*first).clone()), message).within(Path::root().field("kind"));
        for (at, _) in members.iter().skip(1) {
            found = found.involving(Subject::Service((*at).clone()));
        }
        let there: Vec<&ClusterName> = facts.clusters().map(|(name, _)| name).filter(|name| is_of(facts, name, sort)).take(2).collect();
        let cluster = match (there.as_slice(), members.len()) {
            ([one], _) => Some((*one).clone()),
            // A cluster of one would be no better.
            ([], 2..) => Lab::free_name(stem(sort), |name| facts.members(name).next().is_some()).parse().ok(),
            _ => None,
        };
        if let Some(cluster) = cluster {
            let put = |(at, service): &(&ServiceRef, &Service)| {
                offer::service(&at.node, &at.service, service, |service| service.cluster = Some(cluster.clone()))
            };
            found.fix(format!("Put {} into the cluster {cluster}", if members.len() == 1 { "it" } else { "them" }), members.iter().flat_map(put).collect());
        }
    }
}

fn is_of(facts: &Facts<'_>, name: &ClusterName, sort: ClusterSort) -> bool {
    facts.members(name).next().and_then(|(_, service)| facts.behaviour(service)?.cluster_sort()) == Some(sort)
}

fn stem(sort: ClusterSort) -> &'static str {
    match sort {
        ClusterSort::Galera => "galera",
        ClusterSort::Mesh => "mesh",
        ClusterSort::Sync => "sync",
        ClusterSort::Tunnel => "tunnel",
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn members_of_nothing() {
        let code = "member-without-cluster";
        let lab = |services: &[&str]| {
            let node = |(place, service): (usize, &&str)| format!(r#""n{place}": (role: database, services: {{"s": ({service})}})"#);
            let nodes: Vec<String> = services.iter().enumerate().map(node).collect();
            lab(&format!(r#"(name: "x", nodes: {{{}}})"#, nodes.join(", ")))
        };
        let alone = r#"kind: "galera""#;
        let three = lab(&[alone, alone, alone]);
        check(code, &three, &["n0/s, n1/s and n2/s are in no cluster: each works alone"]);
        assert_eq!(fixes(code, &three), ["Put them into the cluster galera1"]);
        check(code, &lab(&[alone]), &["n0/s is in no cluster: it works with nobody"]);
        assert_eq!(fixes(code, &lab(&[alone])), [] as [&str; 0]);
        let member = r#"kind: "galera", cluster: "bowl""#;
        assert_eq!(fixes(code, &lab(&[alone, member, member])), ["Put it into the cluster bowl"]);
        check(code, &lab(&[member, r#"kind: "mariadb""#, r#"kind: "todo""#]), &[]);
    }
}
