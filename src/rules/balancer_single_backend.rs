//! A balancer has one server to spread requests over.
//!
//! ## Why
//! It can leave a failed server out only if there is another. With one it adds a hop and a thing that can fail.
//!
//! A balancer without any flow is not drawn yet and is left alone; one whose flow leads to a VIP has its holders.
//!
//! ## Example
//! `lb/haproxy` has a flow to `app1/web` only.
//!
//! ## Do this instead
//! Add a second server like the first, and a flow from the balancer to it.

use super::agreement::answering;
use super::{Facts, Report};
use crate::catalog::Behaviour;
use crate::model::{Endpoint, Node, NodeName, Service, ServiceRef, Subject};
use std::collections::BTreeSet;

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        if facts.behaviour(service) != Some(Behaviour::Balancer) {
            continue;
        }
        let at = ServiceRef { node: name.clone(), service: service_name.clone() };
        let backends = backends(facts, name, &at);
        let mut servers = backends.iter();
        if let (Some(only), None) = (servers.next(), servers.next())
            && let Some(server) = only.node()
        {
            report
                .add(Subject::Service(at.clone()), format!("{at} has one server, {only}: when it fails, there is no other"))
                .involving(Subject::Node(server.clone()));
        }
    }
}

/// What the flows of a service lead to; where it has none of its own, those of its node. What its kind does not call is no server.
pub(super) fn backends<'a>(facts: &Facts<'a>, node: &NodeName, at: &ServiceRef) -> BTreeSet<&'a Endpoint> {
    let own = |wanted: &dyn Fn(&Endpoint) -> bool| {
        let calls = facts.lab.service(at).and_then(|service| facts.entry(service)).map(|entry| &entry.calls);
        let is_server = |end: &'a Endpoint| {
            let answering = answering(facts, end);
            let takes = |service: &Service| facts.entry(service).zip(calls).is_none_or(|(known, calls)| calls.takes(&service.kind, known));
            *end != Endpoint::Outside && (answering.is_empty() || answering.iter().any(|(_, service)| takes(service)))
        };
        let flows = facts.flows_of(node).filter(|(_, flow)| wanted(&flow.from) && is_server(&flow.to));
        flows.map(|(_, flow)| &flow.to).collect::<BTreeSet<_>>()
    };
    let of_service = own(&|from| matches!(from, Endpoint::Service(service) if service == at));
    if of_service.is_empty() { own(&|from| matches!(from, Endpoint::Node(name) if name == node)) } else { of_service }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, lab};

    #[test]
    fn one_server() {
        let balancing = |flows: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                    "lb": (role: balancer, adapters: [(network: "lan", address: "10.1.0.10")], services: {{"haproxy": (kind: "haproxy")}}),
                    "app1": (role: app, adapters: [(network: "lan", address: "10.1.0.11")], services: {{"todo": (kind: "todo")}}),
                    "app2": (role: app, adapters: [(network: "lan", address: "10.1.0.12")], services: {{"todo": (kind: "todo")}}),
                    "dir": (role: directory, adapters: [(network: "lan", address: "10.1.0.13")], services: {{"dns": (kind: "unbound")}}),
                }}, vips: {{"v": (address: "10.1.0.30", network: "lan", id: 51, follows: "todo", holders: [(node: "app1", priority: 110), (node: "app2", priority: 100)])}}, flows: [{flows}])"#
            ))
        };
        let one = r#"(from: "lb/haproxy", to: "app1/todo")"#;
        let message = "lb/haproxy has one server, app1/todo: when it fails, there is no other";
        check("balancer-single-backend", &balancing(one), &[message]);
        check("balancer-single-backend", &balancing(r#"(from: "lb", to: "app1/todo")"#), &[message]);
        check("balancer-single-backend", &balancing(&format!(r#"{one}, (from: "lb/haproxy", to: "app2/todo")"#)), &[]);
        check("balancer-single-backend", &balancing(r#"(from: "lb/haproxy", to: "vip:v")"#), &[]);
        check("balancer-single-backend", &balancing(""), &[]);
        // A name server is none of its servers.
        let dns = balancing(&format!(r#"{one}, (from: "lb/haproxy", to: "dir/dns")"#));
        check("balancer-single-backend", &dns, &[message]);
    }
}
