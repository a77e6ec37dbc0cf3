//! A cluster has members of kinds that cannot work together.
//!
//! ## Why
//! Members of a cluster speak one protocol. A PostgreSQL in a Galera cluster replicates nothing, is counted in no member's votes,
//! and looks in the drawing as if the data were on it.
//!
//! Galera members and arbitrators belong together, BEAM nodes and their gateways, partners of a file sync, ends of a tunnel.
//!
//! ## Example
//! `plum` and `pear` are Galera members of `bowl`; `fig`, a PostgreSQL, names the same cluster.
//!
//! ## Do this instead
//! Take it out of the cluster, or change its kind.

use super::{Facts, Report, alike, offer};
use crate::catalog::ClusterSort;
use crate::model::{ClusterName, Service, ServiceRef, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &ClusterName, report: &mut Report) {
    // What the catalog does not know is another finding.
    let known = facts.members(name).filter_map(|(at, service)| Some(((at, service), facts.behaviour(service)?.cluster_sort())));
    let members: Vec<((&ServiceRef, &Service), Option<ClusterSort>)> = known.collect();
    let Some((common, others)) = alike::minority(&members) else { return };
    // Where most form no cluster, the name is a label of theirs, and those that do form one are in the wrong place.
    let pattern = members.iter().find(|(_, sort)| *sort == common).map(|((at, service), _)| (*at, title(facts, service)));
    let Some((pattern, of_others)) = pattern else { return };
    for ((at, service), _) in others {
        let message = format!("{at} ({}) cannot be in {name} with {pattern} ({of_others})", title(facts, service));
        let edits = offer::service(&at.node, &at.service, service, |service| service.cluster = None);
        report
            .add(Subject::Service(at.clone()), message)
            .within(crate::model::Path::root().field("cluster"))
            .involving(Subject::Cluster(name.clone()))
            .fix(format!("Take {at} out of {name}"), edits);
    }
}

fn title(facts: &Facts<'_>, service: &Service) -> String {
    facts.entry(service).map_or_else(|| service.kind.to_string(), |entry| entry.title.clone())
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn kinds_that_do_not_cluster_together() {
        let code = "mixed-cluster";
        let lab = |kinds: &[&str]| {
            let node = |(place, kind): (usize, &&str)| {
                format!(r#""n{place}": (role: database, services: {{"s": (kind: "{kind}", cluster: "bowl")}})"#)
            };
            let nodes: Vec<String> = kinds.iter().enumerate().map(node).collect();
            lab(&format!(r#"(name: "x", nodes: {{{}}})"#, nodes.join(", ")))
        };
        let mixed = lab(&["galera", "galera", "postgresql"]);
        check(code, &mixed, &["n2/s (PostgreSQL) cannot be in bowl with n0/s (MariaDB Galera)"]);
        assert_eq!(fixes(code, &mixed), ["Take n2/s out of bowl"]);
        check(code, &lab(&["galera", "beam"]), &["n1/s (BEAM node) cannot be in bowl with n0/s (MariaDB Galera)"]);
        for alike in [&["galera", "garbd"][..], &["beam", "beam-gateway"], &["todo", "nginx"], &["file-sync"], &["galera", "of-another-catalog"]] {
            check(code, &lab(alike), &[]);
        }
    }
}
