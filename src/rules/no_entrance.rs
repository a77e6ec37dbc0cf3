//! A balancer is drawn, but no flow enters the lab.
//!
//! ## Why
//! A balancer is there for requests of users. Without a flow from outside it has no users: the simulator and the
//! running lab send no requests, so a failover shows no outage, and no rule can tell whether users get through.
//!
//! ## Example
//! `lb1` runs `haproxy` with two applications behind it, and the flows of the layout begin at `lb1`.
//!
//! ## Do this instead
//! Draw a flow from the outside to the balancer, or to the VIP that follows it. Where the balancer serves other nodes only,
//! draw the flows that lead to it.

use super::{Facts, Report};
use crate::{
    catalog::{Behaviour, Catalog},
    model::{Edit, Endpoint, Flow, ListEdit, ServiceRef, Subject},
};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let lab = facts.lab;
    if lab.flows.iter().any(|flow| flow.from == Endpoint::Outside) {
        return;
    }
    let catalog: &Catalog = facts.catalog;
    let balancers = catalog.services_that(lab, |behaviour| behaviour == Behaviour::Balancer);
    let unused = |(at, _): &(ServiceRef, _)| !lab.flows.iter().any(|flow| flow.to == entrance(facts, at) || flow.to == Endpoint::Service(at.clone()));
    let Some((at, _)) = balancers.into_iter().find(unused) else { return };
    let to = entrance(facts, &at);
    let title = format!("Add a flow from outside to {to}");
    let flow = Flow::new(Endpoint::Outside, to);
    report
        .add(Subject::Service(at.clone()), format!("no flow leads from outside to {at}: no requests enter the lab"))
        .fix(title, vec![Edit::Flow { index: lab.flows.len(), change: ListEdit::Insert(flow) }]);
}

/// Where requests for a balancer enter: at the VIP that follows it, else at the balancer.
fn entrance(facts: &Facts<'_>, at: &ServiceRef) -> Endpoint {
    let follows = |vip: &&crate::model::VipName| {
        facts.lab.vips.get(*vip).is_some_and(|vip| {
            vip.follows.as_ref() == Some(&at.service) && vip.holders.iter().any(|holder| holder.node == at.node)
        })
    };
    facts.lab.vips.keys().find(follows).map_or_else(|| Endpoint::Service(at.clone()), |vip| Endpoint::Vip(vip.clone()))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_balancer_without_an_entrance() {
        let balanced = |flows: &str, vips: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lan": host_only(subnet: "192.168.56.0/24")}}, nodes: {{
                    "lb1": (role: balancer, adapters: [(network: "lan", address: "192.168.56.10")], services: {{"haproxy": (kind: "haproxy")}}),
                    "app1": (role: app, adapters: [(network: "lan", address: "192.168.56.11")], services: {{"todo": (kind: "todo")}}),
                }}, flows: [(from: "lb1/haproxy", to: "app1/todo"), {flows}], vips: {{{vips}}})"#
            ))
        };
        let vip = r#""web": (address: "192.168.56.30", network: "lan", id: 51, follows: "haproxy", holders: [(node: "lb1", priority: 110)])"#;
        check("no-entrance", &balanced("", ""), &["no flow leads from outside to lb1/haproxy: no requests enter the lab"]);
        assert_eq!(fixes("no-entrance", &balanced("", "")), ["Add a flow from outside to lb1/haproxy"]);
        assert_eq!(fixes("no-entrance", &balanced("", vip)), ["Add a flow from outside to vip:web"]);
        check("no-entrance", &balanced(r#"(from: "outside", to: "lb1/haproxy")"#, ""), &[]);
        check("no-entrance", &balanced(r#"(from: "app1", to: "lb1/haproxy")"#, ""), &[]);
    }
}
