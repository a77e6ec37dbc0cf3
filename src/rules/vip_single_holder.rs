//! Only one node may hold a VIP.
//!
//! ## Why
//! A VIP is there to move when its holder fails. With one holder there is nowhere to move to: it costs a daemon and gives
//! nothing that the node's own address would not.
//!
//! A VIP without any holder is not drawn yet and is left alone until a flow leads to it.
//!
//! ## Example
//! `database` may be held by `db1` only, although `db2` has the same service.
//!
//! ## Do this instead
//! Let a second node hold it, with a lower priority.

use super::writes_to_replica::refuses_writes;
use super::{Facts, Report};
use crate::model::{Edit, Holder, NodeName, Subject, Vip, VipName};

/// How much lower the priority of the next holder is.
const STEP: u8 = 10;

pub(super) fn check(facts: &Facts<'_>, name: &VipName, vip: &Vip, report: &mut Report) {
    // Who is named twice is still one.
    let Some(only) = vip.holders.first().filter(|first| vip.holders.iter().all(|holder| holder.node == first.node)) else { return };
    let found = report
        .add(Subject::Vip(name.clone()), format!("only {} may hold {name}: it has nowhere to move", only.node))
        .involving(Subject::Node(only.node.clone()));
    if let Some(second) = second(facts, vip, only) {
        let priority = only.priority.saturating_sub(STEP).max(1);
        let mut to = vip.clone();
        to.holders.push(Holder { node: second.clone(), priority });
        found.fix(format!("Let {second} hold it with priority {priority}"), vec![Edit::Vip { name: name.clone(), at: None, to: Some(to) }]);
    }
}

/// Another node of the VIP's network that has the service which the VIP follows.
fn second<'a>(facts: &Facts<'a>, vip: &Vip, only: &Holder) -> Option<&'a NodeName> {
    let follows = vip.follows.as_ref()?;
    let kind_on = |name: &NodeName| facts.lab.nodes.get(name).and_then(|node| node.services.get(follows)).map(|service| &service.kind);
    let kind = kind_on(&only.node)?;
    // A database that refuses writes is no second one (`vip-over-replica`).
    let refuses = |name: &NodeName| {
        let service = facts.lab.nodes.get(name).and_then(|node| node.services.get(follows));
        service.is_some_and(|service| refuses_writes(facts, service))
    };
    let is_second = |name: &NodeName| *name != only.node && kind_on(name) == Some(kind) && refuses(name) == refuses(&only.node);
    facts.on_network(&vip.network).map(|(name, _)| name).find(|name| is_second(name))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn one_holder() {
        let held = |holders: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                    "db1": (role: database, adapters: [(network: "lan", address: "10.1.0.10")], services: {{"db": (kind: "galera", cluster: "c", bind: on("lan"))}}),
                    "db2": (role: database, adapters: [(network: "lan", address: "10.1.0.11")], services: {{"db": (kind: "galera", cluster: "c", bind: on("lan"))}}),
                }}, vips: {{"v": (address: "10.1.0.30", network: "lan", id: 51, follows: "db", holders: [{holders}])}})"#
            ))
        };
        let one = held(r#"(node: "db1", priority: 110)"#);
        check("vip-single-holder", &one, &["only db1 may hold v: it has nowhere to move"]);
        assert_eq!(fixes("vip-single-holder", &one), ["Let db2 hold it with priority 100"]);
        check("vip-single-holder", &held(r#"(node: "db1", priority: 110), (node: "db2", priority: 100)"#), &[]);
        check("vip-single-holder", &held(""), &[]);
    }

    #[test]
    fn a_replica_is_no_second_holder() {
        let held = |second: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                    "db1": (role: database, adapters: [(network: "lan", address: "10.1.0.10")], services: {{"db": (kind: "mariadb", bind: on("lan"))}}),
                    "db2": (role: database, adapters: [(network: "lan", address: "10.1.0.11")], services: {{"db": (kind: "mariadb", bind: on("lan"){second})}}),
                }}, vips: {{"v": (address: "10.1.0.30", network: "lan", id: 51, follows: "db", holders: [(node: "db1", priority: 110)])}})"#
            ))
        };
        assert_eq!(fixes("vip-single-holder", &held("")), ["Let db2 hold it with priority 100"]);
        assert_eq!(fixes("vip-single-holder", &held(r#", replica_of: "db1/db""#)), [] as [&str; 0]);
    }
}
