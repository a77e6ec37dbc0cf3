//! A cluster has more arbitrators than members with data.
//!
//! ## Why
//! The majority of the votes goes on, and the others stop. Cut off from both databases, three arbitrators are the majority:
//! they keep nothing, and both databases stop. One arbitrator makes an even number of members odd; more are no help.
//!
//! Source: MariaDB documentation, Galera Cluster, weighted quorum.
//!
//! ## Example
//! `db1` and `db2` are the members of `galera`; `app1`, `app2` and `app3` have an arbitrator each.
//!
//! ## Do this instead
//! Keep one arbitrator for an even number of members, none for an odd one.

use super::{Facts, Report};
use crate::catalog::Behaviour;
use crate::model::{ClusterName, Edit, ServiceRef, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &ClusterName, report: &mut Report) {
    let that = |wanted: Behaviour| -> Vec<&ServiceRef> {
        facts.members(name).filter(|(_, service)| facts.behaviour(service) == Some(wanted)).map(|(at, _)| at).collect()
    };
    let (arbitrators, data) = (that(Behaviour::Arbitrator), that(Behaviour::Galera));
    if data.is_empty() || arbitrators.len() <= data.len() {
        return;
    }
    let message = format!("the {} arbitrators of {name} outvote its {} with data", arbitrators.len(), data.len());
    let mut found = report.add(Subject::Cluster(name.clone()), message);
    for at in &arbitrators {
        found = found.involving(Subject::Service((*at).clone()));
    }
    let kept = usize::from(data.len() % 2 == 0);
    let edits = arbitrators.iter().skip(kept).map(|at| Edit::Service { node: at.node.clone(), name: at.service.clone(), at: None, to: None });
    found.fix(if kept == 1 { "Keep one arbitrator" } else { "Remove the arbitrators" }, edits.collect());
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn votes_without_data() {
        let code = "arbitrators-outvote-data";
        let grove = |arbitrators: usize| {
            let nodes: Vec<String> = (0..arbitrators).map(|n| format!(r#""a{n}": (role: arbitrator, services: {{"s": (kind: "garbd", cluster: "grove")}}),"#)).collect();
            lab(&format!(
                r#"(name: "x", nodes: {{"d1": (role: database, services: {{"s": (kind: "galera", cluster: "grove")}}), "d2": (role: database, services: {{"s": (kind: "galera", cluster: "grove")}}), {}}})"#,
                nodes.concat()
            ))
        };
        check(code, &grove(3), &["the 3 arbitrators of grove outvote its 2 with data"]);
        assert_eq!(fixes(code, &grove(3)), ["Keep one arbitrator"]);
        check(code, &grove(2), &[]);
        check(code, &grove(1), &[]);
    }
}
