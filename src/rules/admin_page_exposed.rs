//! A page for administrators can be reached from where users come.
//!
//! ## Why
//! A statistics page, a metrics port or a console tells how the lab is built and how it is doing, and often lets one
//! change it. It is rarely as well guarded as the service beside it, because only administrators were meant to see it.
//!
//! Exposed means: it listens on a bridged or a frontend network, or a port of the host that other machines reach leads to
//! it. A forward on the host's loopback is for the person who sits there, and is fine. ssh has a rule of its own,
//! `ssh-outside-management`.
//!
//! ## Example
//! ```ron
//! networks: {"frontend": internal(purpose: frontend)},
//! nodes: {"lb": (role: balancer, adapters: [(network: "frontend")],
//!     services: {"haproxy": (kind: "haproxy", settings: {"stats_public": true})})},
//! ```
//!
//! ## Do this instead
//! Bind it to the management network, leave the setting that opens it off, or forward it on the host's loopback only.

use super::{Facts, Report, exposure};
use crate::catalog::{Audience, Behaviour, Entry, Port};
use crate::model::{Bind, Edit, ListEdit, NetworkKind, Node, NodeName, Purpose, Service, ServiceName, Subject, Value};
use std::net::Ipv4Addr;

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        let Some(entry) = facts.entry(service).filter(|entry| entry.behaviour != Behaviour::Shell) else { continue };
        for (port, number) in entry.ports_of(service).filter(|(port, _)| port.audience == Audience::Admin) {
            on_networks(facts, name, node, (service_name, service), (entry, port), report);
            on_host(name, node, (service_name, port, number), report);
        }
    }
}

/// The page listens where users are.
fn on_networks(
    facts: &Facts<'_>,
    name: &NodeName,
    node: &Node,
    (service_name, service): (&ServiceName, &Service),
    (entry, port): (&Entry, &Port),
    report: &mut Report,
) {
    if port.opened_by.as_ref().is_some_and(|setting| !entry.is_on(service, setting)) {
        return;
    }
    let open = exposure::heard_on(facts, node, service)
        .find(|(_, _, network)| network.kind == NetworkKind::Bridged || network.purpose == Purpose::Frontend);
    let Some((_, adapter, _)) = open else { return };
    let message = format!("{name}/{service_name} shows its {} port to everybody on {}", port.name, adapter.network);
    let found = report.add(exposure::subject(name, service_name), message).involving(Subject::Network(adapter.network.clone()));
    if let Some(setting) = &port.opened_by {
        let mut closed = service.clone();
        closed.settings.insert(setting.clone(), Value::Bool(false));
        found.fix(format!("Turn {setting} off"), vec![exposure::put(name, service_name, closed)]);
    } else {
        let management = exposure::adapters(facts, node).find(|(_, _, network)| network.purpose == Purpose::Management);
        let inner = management.map(|(_, adapter, _)| &adapter.network).or_else(|| {
            let shown = |network: &&&crate::model::NetworkName| facts.network(network).is_some_and(|wire| wire.purpose == Purpose::Frontend);
            exposure::inner_networks(facts, node).into_iter().find(|network| !shown(&network))
        });
        if let Some(inner) = inner {
            let bound = Service { bind: Bind::On(inner.clone()), ..service.clone() };
            found.fix(format!("Bind to {inner}"), vec![exposure::put(name, service_name, bound)]);
        }
    }
}

/// A port of the host that other machines reach leads to the page.
fn on_host(name: &NodeName, node: &Node, (service_name, port, number): (&ServiceName, &Port, u16), report: &mut Report) {
    for (slot, adapter) in node.adapters.iter().enumerate() {
        let leads_here = |forward: &&crate::model::Forward| forward.to == number && exposure::is_public(forward.address);
        let Some(forward) = adapter.forwards.iter().find(leads_here) else { continue };
        let message = format!(
            "port {} of the host at {} shows the {} port of {name}/{service_name} to other machines",
            forward.host, forward.address, port.name
        );
        let mut closed = adapter.clone();
        for forward in closed.forwards.iter_mut().filter(|forward| forward.to == number) {
            forward.address = Ipv4Addr::LOCALHOST;
        }
        report.add(exposure::subject(name, service_name), message).fix(
            "Forward on loopback only",
            vec![Edit::Adapter { node: name.clone(), slot, change: ListEdit::Replace(closed) }],
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn page(service: &str, forwards: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"internet": nat(), "front": internal(purpose: frontend), "mgmt": internal(purpose: management)}},
                nodes: {{"n": (role: balancer, adapters: [(network: "internet", forwards: [{forwards}]), (network: "front"), (network: "mgmt")],
                    services: {{"s": ({service})}})}})"#
        ))
    }

    #[test]
    fn pages_on_networks() {
        let code = "admin-page-exposed";
        let stats = r#"kind: "haproxy", settings: {"stats_public": true}"#;
        check(code, &page(stats, ""), &["n/s shows its stats port to everybody on front"]);
        assert_eq!(fixes(code, &page(stats, "")), ["Turn stats_public off"]);
        check(code, &page(r#"kind: "node-exporter""#, ""), &["n/s shows its metrics port to everybody on front"]);
        assert_eq!(fixes(code, &page(r#"kind: "node-exporter""#, "")), ["Bind to mgmt"]);
        for clean in [r#"kind: "haproxy""#, r#"kind: "node-exporter", bind: on("mgmt")"#, r#"kind: "sshd""#, r#"kind: "varnish""#, r#"kind: "nginx""#] {
            check(code, &page(clean, ""), &[]);
        }
    }

    #[test]
    fn pages_on_the_host() {
        let code = "admin-page-exposed";
        let open = page(r#"kind: "haproxy""#, r#"(host: 8080, to: 80, address: "0.0.0.0"), (host: 8404, to: 8404, address: "0.0.0.0")"#);
        check(code, &open, &["port 8404 of the host at 0.0.0.0 shows the stats port of n/s to other machines"]);
        assert_eq!(fixes(code, &open), ["Forward on loopback only"]);
        check(code, &page(r#"kind: "haproxy""#, "(host: 8404, to: 8404)"), &[]);
    }
}
