//! A VIP may move from a database that takes writes to one that refuses them.
//!
//! ## Why
//! No move of an address promotes a replica. Applications go on reading, and every write fails until the command
//! `sandtable promote` makes the replica the primary.
//!
//! ## Example
//! `database` may be held by `db1`, the primary, and by `db2`, its replica.
//!
//! ## Do this instead
//! Use a cluster whose members all take writes, or take the replica off the holders and promote it with
//! `sandtable promote` when the primary is lost.

use super::writes_to_replica::refuses_writes;
use super::{Facts, Report, offer};
use crate::model::{ServiceRef, Subject, Vip, VipName};

pub(super) fn check(facts: &Facts<'_>, name: &VipName, vip: &Vip, report: &mut Report) {
    let Some(follows) = &vip.follows else { return };
    let at = |holder: &crate::model::Holder| ServiceRef { node: holder.node.clone(), service: follows.clone() };
    let held = vip.holders.iter().map(at).filter_map(|at| facts.lab.service(&at).map(|service| (at, refuses_writes(facts, service))));
    let (refusing, taking): (Vec<_>, Vec<_>) = held.partition(|(_, refuses)| *refuses);
    if taking.is_empty() {
        return;
    }
    for (at, _) in refusing {
        let (title, edits) = offer::not_holding(name, vip, &at.node);
        report
            .add(Subject::Vip(name.clone()), format!("{name} may move to {at}, which refuses writes until it is promoted"))
            .involving(Subject::Service(at))
            .fix(title, edits);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_holder_that_refuses_writes() {
        let code = "vip-over-replica";
        let held = |first: &str, second: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                    "db1": (role: database, adapters: [(network: "lan", address: "10.1.0.10")], services: {{"db": (kind: "mariadb"{first})}}),
                    "db2": (role: database, adapters: [(network: "lan", address: "10.1.0.11")], services: {{"db": (kind: "mariadb"{second})}}),
                }}, vips: {{"v": (address: "10.1.0.30", network: "lan", id: 51, follows: "db", holders: [(node: "db1", priority: 110), (node: "db2", priority: 100)])}})"#
            ))
        };
        let replica = r#", replica_of: "db1/db""#;
        check(code, &held("", replica), &["v may move to db2/db, which refuses writes until it is promoted"]);
        assert_eq!(fixes(code, &held("", replica)), ["Take db2 off the holders"]);
        check(code, &held("", ""), &[]);
        // An address for those that only read.
        let reads = r#", settings: {"read_only": true}"#;
        check(code, &held(reads, reads), &[]);
    }
}
