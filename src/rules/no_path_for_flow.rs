//! A flow has no way for its packets.
//!
//! ## Why
//! A flow says that one must be able to talk to the other. Two nodes can only do so over a network that both are on, or
//! through a node that routes between theirs; behind NAT each node is alone. `outside` is the host and whatever is
//! beyond: it gets to a node by a forwarded port, by the node's address on a host-only or bridged network, or through a
//! node that forwards ports; and a node gets out by NAT, a bridged network or a router that has one.
//!
//! A path that is drawn may still be closed: a router that routes only some networks, a name that the sender's
//! `/etc/hosts` does not have, a gateway whose answers do not come back. Then the reason is that of `sandtable explain`.
//!
//! Of a flow's mistakes only the first is reported, in this order: no way (here, or `no-route-between-sites` where the
//! ends stand in two sites), a service that does not listen there (`flow-misses-bind-address`), one that lets only
//! others in (`flow-not-allowed`).
//!
//! ## Example
//! `app1` is on `frontend`, `db1` on `backend` only, and a flow leads from `app1` to `db1/galera`.
//!
//! ## Do this instead
//! Put one of them on a network of the other's; for `outside`, forward a port of the host to the service.

use super::contract::{At, Target, Verdict, first_ends};
use super::reached::Sort;
use super::{Facts, Report, Reported, offer};
use crate::model::{Bind, Edit, Flow, Forward, ListEdit, NetworkKind, NetworkName, Subject};

pub(super) fn check(facts: &Facts<'_>, flow: &Flow, verdict: &Verdict<'_>, report: &mut Report) {
    if matches!(verdict, Verdict::Open) {
        return;
    }
    let subject = Subject::flow(flow);
    match verdict.clone() {
        Verdict::NobodyHolds(vip) => {
            report.add(subject, format!("{} leads to {vip}, which no node may hold", flow.from)).involving(Subject::Vip(vip.clone()));
        }
        Verdict::NoPath(from, to) => {
            let found = report.add(subject, format!("{} has no path to {}: they share no network", from.name, flow.to));
            shared_network(facts, found.involving(Subject::Node(from.name.clone())).involving(Subject::Node(to.at.name.clone())), from, &to);
        }
        Verdict::NoWayOut(from) => {
            let found = report.add(subject, format!("{} has no way out: none of its networks leads to the internet", from.name));
            let found = found.involving(Subject::Node(from.name.clone()));
            if let Some(network) = facts.first_internet() {
                // A node behind a router stays behind it: the way out belongs there.
                let is_shared = |node: &crate::model::Node| {
                    node.adapters.iter().any(|adapter| facts.joins(&adapter.network) && from.node.adapter_on(&adapter.network).is_some())
                };
                let router = facts.routers().take(ROUTERS_MAX).find(|(name, node)| *name != from.name && is_shared(node));
                let (name, node) = router.unwrap_or((from.name, from.node));
                let (title, edits) = offer::adapter(facts, name, node, network);
                found.fix(title, edits);
            }
        }
        Verdict::NoWayIn(to, port) => {
            let what = port.map_or_else(|| flow.to.to_string(), |port| format!("{} on port {port}", flow.to));
            let found = report.add(subject, format!("nothing leads from outside to {what}")).involving(Subject::Node(to.name.clone()));
            way_in(facts, found, to, port);
        }
        Verdict::Unreached(why) if why.sort == Sort::Path => {
            let found = report.add(subject, why.message(flow)).involving_all(why.node.iter().cloned().map(Subject::Node));
            if let Some((from, to)) = first_ends(facts, flow) {
                shared_network(facts, found, from, &to);
            }
        }
        _ => {}
    }
}

/// How many routers are looked at for the one of a node.
const ROUTERS_MAX: usize = 64;

/// Offers to put the sender on a network where the receiver listens.
pub(super) fn shared_network(facts: &Facts<'_>, mut found: Reported<'_>, from: At<'_>, to: &Target<'_>) {
    let heard: Vec<NetworkName> = match &to.listener {
        Some(listener) => facts.reachable_on(listener.at.node, listener.service),
        None => to.at.node.adapters.iter().map(|adapter| adapter.network.clone()).collect(),
    };
    for network in heard.iter().filter(|network| facts.joins(network)).take(2) {
        let (title, edits) = offer::adapter(facts, from.name, from.node, network);
        found = found.fix(title, edits);
    }
    // The other way round helps only where the receiver listens on whatever it is on.
    let listens_anywhere = to.listener.is_none_or(|listener| listener.service.bind == Bind::Any);
    let mut networks = from.node.adapters.iter().map(|adapter| &adapter.network);
    if let Some(network) = networks.find(|network| facts.joins(network)).filter(|_| listens_anywhere) {
        let (title, edits) = offer::adapter(facts, to.at.name, to.at.node, network);
        found.fix(title, edits);
    }
}

/// Offers to forward a port of the host, or to put the node where the host is.
fn way_in(facts: &Facts<'_>, found: Reported<'_>, to: At<'_>, port: Option<u16>) {
    let kind_of = |network: &NetworkName| facts.network(network).map(|network| network.kind);
    let takes = to.node.adapters.iter().position(|adapter| kind_of(&adapter.network).is_some_and(NetworkKind::takes_forwards));
    let slot = takes.and_then(|slot| Some((slot, to.node.adapters.get(slot)?)));
    if let (Some((slot, adapter)), Some(port)) = (slot, port)
        && let Some(host) = offer::free_host_port(facts, port)
    {
        let mut adapter = adapter.clone();
        adapter.forwards.push(Forward { host, to: port, address: std::net::Ipv4Addr::LOCALHOST });
        let edit = Edit::Adapter { node: to.name.clone(), slot, change: ListEdit::Replace(adapter) };
        found.fix(format!("Forward host port {host} to {port}"), vec![edit]);
    } else if let Some(network) = facts.first_host_only() {
        let (title, edits) = offer::adapter(facts, to.name, to.node, network);
        found.fix(title, edits);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn two(app: &str, flow: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{
                "internet": nat(), "frontend": internal(subnet: "10.1.0.0/24"), "backend": internal(subnet: "10.2.0.0/24"),
            }}, nodes: {{
                "app1": (role: app, adapters: [{app}], services: {{"web": (kind: "nginx")}}),
                "db1": (role: database, adapters: [(network: "backend", address: "10.2.0.10")], services: {{"db": (kind: "mariadb", bind: on("backend"))}}),
                "empty": (role: worker),
            }}, flows: [{flow}])"#
        ))
    }

    #[test]
    fn between_two_nodes() {
        let flow = r#"(from: "app1", to: "db1/db")"#;
        let apart = two(r#"(network: "frontend", address: "10.1.0.10")"#, flow);
        check("no-path-for-flow", &apart, &["app1 has no path to db1/db: they share no network"]);
        assert_eq!(fixes("no-path-for-flow", &apart), ["Put app1 on backend with 10.2.0.11"]);
        check("no-path-for-flow", &two(r#"(network: "backend", address: "10.2.0.11")"#, flow), &[]);
        check("no-path-for-flow", &two("", flow), &[]);
        check("no-path-for-flow", &two("", r#"(from: "empty", to: "db1/db")"#), &[]);
    }

    #[test]
    fn from_outside() {
        let flow = r#"(from: "outside", to: "app1/web")"#;
        let closed = two(r#"(network: "internet")"#, flow);
        check("no-path-for-flow", &closed, &["nothing leads from outside to app1/web on port 80"]);
        assert_eq!(fixes("no-path-for-flow", &closed), ["Forward host port 8080 to 80"]);
        check("no-path-for-flow", &two(r#"(network: "internet", forwards: [(host: 8080, to: 80)])"#, flow), &[]);
        check("no-path-for-flow", &two(r#"(network: "internet", forwards: [(host: 8443, to: 443)])"#, flow), &["nothing leads from outside to app1/web on port 80"]);
    }

    #[test]
    fn to_outside() {
        let flow = r#"(from: "app1", to: "outside")"#;
        let closed = two(r#"(network: "backend", address: "10.2.0.11")"#, flow);
        check("no-path-for-flow", &closed, &["app1 has no way out: none of its networks leads to the internet"]);
        assert_eq!(fixes("no-path-for-flow", &closed), ["Put app1 on internet"]);
        check("no-path-for-flow", &two(r#"(network: "internet")"#, flow), &[]);
    }

    #[test]
    fn through_a_node_that_forwards_ports() {
        let forwarding = |rules: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lab": host_only(subnet: "192.168.56.0/24"), "inner": internal(subnet: "10.2.0.0/24")}}, nodes: {{
                    "gw": (role: gateway, adapters: [(network: "lab", address: "192.168.56.10"), (network: "inner", address: "10.2.0.10")],
                        services: {{"forward": (kind: "port-forward", settings: {{"rules": [{rules}]}})}}),
                    "c1": (role: worker, adapters: [(network: "inner", address: "10.2.0.11")], services: {{"ssh": (kind: "sshd")}}),
                }}, flows: [(from: "outside", to: "c1/ssh")])"#
            ))
        };
        check("no-path-for-flow", &forwarding(r#""2222:c1/ssh""#), &[]);
        check("no-path-for-flow", &forwarding(""), &["nothing leads from outside to c1/ssh on port 22"]);
    }

    #[test]
    fn a_vip_that_nobody_may_hold() {
        let held = |holders: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                    "a": (role: app, adapters: [(network: "lan", address: "10.1.0.10")]),
                    "b": (role: database, adapters: [(network: "lan", address: "10.1.0.11")]),
                }}, vips: {{"v": (address: "10.1.0.30", network: "lan", id: 51, holders: [{holders}])}}, flows: [(from: "a", to: "vip:v")])"#
            ))
        };
        check("no-path-for-flow", &held(""), &["a leads to v, which no node may hold"]);
        check("no-path-for-flow", &held(r#"(node: "b", priority: 100)"#), &[]);
    }
}
