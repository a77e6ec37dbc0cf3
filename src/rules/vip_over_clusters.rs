//! The holders of a VIP are members of different clusters.
//!
//! ## Why
//! A VIP promises that every holder answers with the same data. Members of two clusters have data of their own: where the
//! address moves from one to the other, what was written is gone.
//!
//! ## Example
//! `database` may be held by `db1`, `db2` and `db3`; the first two are in `galera`, the third in `galeras`.
//!
//! ## Do this instead
//! Put them in one cluster; mostly a name is misspelled.

use super::{Facts, Report, alike, offer};
use crate::model::{ClusterName, Service, ServiceRef, Subject, Vip, VipName};

pub(super) fn check(facts: &Facts<'_>, name: &VipName, vip: &Vip, report: &mut Report) {
    let Some(follows) = &vip.follows else { return };
    let at = |holder: &crate::model::Holder| ServiceRef { node: holder.node.clone(), service: follows.clone() };
    let services: Vec<(ServiceRef, &Service)> =
        vip.holders.iter().map(at).filter_map(|at| facts.lab.service(&at).map(|service| (at, service))).collect();
    // For what forms no cluster, its name is a label.
    let clustered = services.iter().enumerate().filter(|(_, (_, service))| facts.behaviour(service).is_some_and(|behaviour| behaviour.cluster_sort().is_some()));
    let clusters: Vec<(usize, &ClusterName)> = clustered.filter_map(|(place, (_, service))| Some((place, service.cluster.as_ref()?))).collect();
    let Some((common, others)) = alike::minority(&clusters) else { return };
    for (at, service, cluster) in others.into_iter().filter_map(|(place, cluster)| services.get(place).map(|(at, service)| (at, service, cluster))) {
        let edits = offer::service(&at.node, &at.service, service, |service| service.cluster = Some(common.clone()));
        let (title, out) = offer::not_holding(name, vip, &at.node);
        report
            .add(Subject::Vip(name.clone()), format!("{at} is in the cluster {cluster}, other holders of {name} are in {common}"))
            .involving(Subject::Service(at.clone()))
            .fix(format!("Put {at} in {common}"), edits)
            .fix(title, out);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn holders_of_two_clusters() {
        let code = "vip-over-clusters";
        let held = |kind: &str, third: &str| {
            let node = |name: &str, host: u8, cluster: &str| {
                format!(r#""{name}": (role: database, adapters: [(network: "lan", address: "10.1.0.{host}")], services: {{"db": (kind: "{kind}", cluster: "{cluster}")}}),"#)
            };
            lab(&format!(
                r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{{}{}{}}}, vips: {{"v": (address: "10.1.0.30", network: "lan", id: 51, follows: "db",
                    holders: [(node: "a", priority: 110), (node: "b", priority: 105), (node: "c", priority: 100)])}})"#,
                node("a", 10, "grove"),
                node("b", 11, "grove"),
                node("c", 12, third)
            ))
        };
        check(code, &held("galera", "groves"), &["c/db is in the cluster groves, other holders of v are in grove"]);
        assert_eq!(fixes(code, &held("galera", "groves")), ["Put c/db in grove", "Take c off the holders"]);
        check(code, &held("galera", "grove"), &[]);
        check(code, &held("nginx", "groves"), &[]);
    }
}
