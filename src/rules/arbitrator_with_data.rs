//! An arbitrator stands on a node that keeps data.
//!
//! ## Why
//! An arbitrator gives a cluster one more vote that is lost to a different failure than the data. On a node with data both
//! go together: the cluster loses two votes at once, and the arbitrator has made it weaker.
//!
//! ## Example
//! ```ron
//! "db1": (role: database, services: {"galera": (kind: "galera", cluster: "shop"), "garbd": (kind: "garbd", cluster: "shop")})
//! ```
//!
//! ## Do this instead
//! Put the arbitrator on a node without data, such as an application node, or do without it.

use super::{Facts, Report, exposure};
use crate::catalog::Behaviour;
use crate::model::{Node, NodeName, cascade};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    let keeps = |behaviour| matches!(behaviour, Behaviour::Database | Behaviour::Galera);
    let Some((data, _)) = node.services.iter().find(|(_, service)| facts.behaviour(service).is_some_and(keeps)) else { return };
    for (service_name, service) in &node.services {
        if facts.behaviour(service) != Some(Behaviour::Arbitrator) {
            continue;
        }
        let at = exposure::at(name, service_name);
        report
            .add(exposure::subject(name, service_name), format!("{at} votes beside {data}: both votes go when {name} goes"))
            .involving(exposure::subject(name, data))
            .fix(format!("Remove {at}"), cascade::remove_service(facts.lab, &at));
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn node(data: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", nodes: {{"n": (role: database, services: {{"data": (kind: "{data}", bind: loopback), "garbd": (kind: "garbd", cluster: "c")}})}})"#
        ))
    }

    #[test]
    fn two_votes_on_one_node() {
        let code = "arbitrator-with-data";
        for data in ["galera", "mariadb"] {
            check(code, &node(data), &["n/garbd votes beside data: both votes go when n goes"]);
            assert_eq!(fixes(code, &node(data)), ["Remove n/garbd"]);
        }
        for data in ["todo", "redis", "of-another-catalog"] {
            check(code, &node(data), &[]);
        }
    }
}
