//! A VIP exists for a service, and clients go to one of its holders instead.
//!
//! ## Why
//! The address moves when a holder fails; a client that goes to one holder by name fails with it. The lab pays for
//! redundancy and does not use it.
//!
//! Clients that go to every holder, as a balancer does, need no VIP.
//!
//! ## Example
//! `database` may be held by `db1` and `db2`, no flow leads to it, and `app1/todo` leads to `db1/galera`.
//!
//! ## Do this instead
//! Lead the flow to `vip:database`.

use super::{Facts, Report, offer};
use crate::model::{Endpoint, Flow, Node, NodeName, ServiceRef, Subject, Vip};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (vip_name, vip) in facts.vips_of(name).filter(|(_, vip)| vip.holders.len() > 1) {
        let Some(follows) = vip.follows.as_ref().filter(|follows| node.services.contains_key(*follows)) else { continue };
        let at = ServiceRef { node: name.clone(), service: follows.clone() };
        let is_used = |flow: &Flow| matches!(&flow.to, Endpoint::Vip(to) if to == vip_name);
        if facts.flows_of(name).any(|(_, flow)| is_used(flow)) {
            continue;
        }
        let to_this = |flow: &Flow| matches!(&flow.to, Endpoint::Service(to) if *to == at);
        for (_, flow) in facts.flows_of(name).filter(|(_, flow)| to_this(flow) && goes_to_one_holder(facts, vip, &at, flow)) {
            report
                .add(Subject::flow(flow), format!("{} goes to {at} alone, and nothing uses {vip_name}, which would move when {name} fails", flow.from))
                .involving(Subject::Vip(vip_name.clone()))
                .fix(format!("Lead it to vip:{vip_name}"), offer::lead(facts, flow, Endpoint::Vip(vip_name.clone())));
        }
    }
}

/// Whether a flow begins at a client, and its client goes to no other holder.
fn goes_to_one_holder(facts: &Facts<'_>, vip: &Vip, at: &ServiceRef, flow: &Flow) -> bool {
    let Some(from) = flow.from.node() else { return false };
    let is_holder = |node: &NodeName| vip.holders.iter().any(|holder| holder.node == *node);
    let to_another = |to: &Endpoint| matches!(to, Endpoint::Service(to) if to.service == at.service && to.node != at.node && is_holder(&to.node));
    !is_holder(from) && !facts.flows_of(from).any(|(_, other)| other.from == flow.from && to_another(&other.to))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_client_that_goes_round_the_vip() {
        let code = "vip-bypassed";
        let held = |flows: &str| {
            let db = |name: &str, host: u8| {
                format!(r#""{name}": (role: database, adapters: [(network: "lan", address: "10.1.0.{host}")], services: {{"db": (kind: "galera", cluster: "g", bind: on("lan"))}}),"#)
            };
            lab(&format!(
                r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                    "app": (role: app, adapters: [(network: "lan", address: "10.1.0.9")], services: {{"todo": (kind: "todo")}}), {}{}
                }}, vips: {{"v": (address: "10.1.0.30", network: "lan", id: 51, follows: "db", holders: [(node: "db1", priority: 110), (node: "db2", priority: 100)])}}, flows: [{flows}])"#,
                db("db1", 10),
                db("db2", 11)
            ))
        };
        let one = held(r#"(from: "app/todo", to: "db1/db")"#);
        check(code, &one, &["app/todo goes to db1/db alone, and nothing uses v, which would move when db1 fails"]);
        assert_eq!(fixes(code, &one), ["Lead it to vip:v"]);
        check(code, &held(r#"(from: "app/todo", to: "vip:v")"#), &[]);
        check(code, &held(r#"(from: "app/todo", to: "db1/db"), (from: "app/todo", to: "db2/db")"#), &[]);
        check(code, &held(""), &[]);
    }
}
