//! Two services of a node open the same port on the same address.
//!
//! ## Why
//! Only the one that starts first gets it; the other does not start: "address already in use". Which one that is may
//! change with every start.
//!
//! ## Example
//! `web` (nginx) and `php` (Apache) on one node both open port 80 on every address.
//!
//! ## Do this instead
//! Give one of them another port, bind them to different networks, or move one to another node.

use super::{Facts, Report, offer};
use crate::catalog::{Audience, Port, Protocol};
use crate::model::{Bind, Node, NodeName, Service, ServiceName, ServiceRef, Subject};
use rustc_hash::FxHashSet as HashSet;

struct Taken<'a> {
    name: &'a ServiceName,
    service: &'a Service,
    port: &'a Port,
    number: u16,
}

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    if node.services.len() < 2 {
        return;
    }
    let mut taken: Vec<Taken<'_>> = Vec::new();
    let mut used: HashSet<u16> = HashSet::default();
    for (service_name, service) in &node.services {
        let Some(entry) = facts.entry(service) else { continue };
        let opens: Vec<Taken<'_>> = entry
            .ports_of(service)
            .filter(|(port, _)| entry.opens(service, port))
            .map(|(port, number)| Taken { name: service_name, service, port, number })
            .collect();
        let clash = opens.iter().find_map(|new| Some((new, taken.iter().find(|old| collide(node, old, new))?)));
        if let Some((new, old)) = clash {
            let at = ServiceRef { node: name.clone(), service: service_name.clone() };
            let found = report
                .add(Subject::Service(at.clone()), format!("{at} opens port {}, which {} on {name} has already", new.number, old.name))
                .involving(Subject::Service(ServiceRef { node: name.clone(), service: old.name.clone() }));
            let is_main = entry.ports.first().is_some_and(|main| main.name == new.port.name);
            // The members of a cluster call all others at one port: another for one parts it from the rest.
            let is_called = |taken: &Taken<'_>| taken.port.audience == Audience::Cluster && taken.service.cluster.is_some();
            if let Some(free) = free_port(new.number, &used, &opens).filter(|_| !is_called(new)) {
                let edits = offer::service(name, service_name, service, |service| {
                    if is_main {
                        service.port = Some(free);
                    } else {
                        service.ports.insert(new.port.name.clone(), free);
                    }
                });
                found.fix(format!("Use port {free} for {service_name}"), edits);
            }
        }
        used.extend(opens.iter().map(|taken| taken.number));
        taken.extend(opens);
    }
}

fn free_port(number: u16, used: &HashSet<u16>, own: &[Taken<'_>]) -> Option<u16> {
    let first = match number {
        80 => 8080,
        443 => 8443,
        low if low < 1024 => low + 8000,
        high => high.checked_add(1)?,
    };
    let is_free = |port: &u16| !used.contains(port) && !own.iter().any(|own| own.number == *port);
    (first..=u16::MAX).take(offer::PORTS_TRIED_MAX).find(is_free)
}

fn collide(node: &Node, one: &Taken<'_>, other: &Taken<'_>) -> bool {
    let udp = |taken: &Taken<'_>| taken.port.protocol == Protocol::Udp;
    let shared = one.port.shared && other.port.shared && one.port.name == other.port.name;
    one.number == other.number && udp(one) == udp(other) && !shared && overlap(node, &one.service.bind, &other.service.bind)
}

/// Whether two bind addresses of a node have an address in common.
fn overlap(node: &Node, one: &Bind, other: &Bind) -> bool {
    match (one, other) {
        (Bind::Any, _) | (_, Bind::Any) | (Bind::Loopback, Bind::Loopback) => true,
        (Bind::On(one), Bind::On(other)) => one == other,
        (Bind::Address(one), Bind::Address(other)) => one == other || one.is_unspecified() || other.is_unspecified(),
        (Bind::On(network), Bind::Address(address)) | (Bind::Address(address), Bind::On(network)) => {
            address.is_unspecified() || node.address_on(network) == Some(*address)
        }
        (Bind::Loopback, Bind::Address(address)) | (Bind::Address(address), Bind::Loopback) => address.is_loopback() || address.is_unspecified(),
        (Bind::Loopback, Bind::On(_)) | (Bind::On(_), Bind::Loopback) => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn both(one: &str, other: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24"), "back": internal(subnet: "10.2.0.0/24")}}, nodes: {{
                "n": (role: app, adapters: [(network: "lan", address: "10.1.0.10"), (network: "back", address: "10.2.0.10")],
                    services: {{"one": ({one}), "other": ({other})}}),
            }})"#
        ))
    }

    #[test]
    fn two_web_servers() {
        let clash = both(r#"kind: "nginx""#, r#"kind: "apache""#);
        check("port-taken-twice", &clash, &["n/other opens port 80, which one on n has already"]);
        assert_eq!(fixes("port-taken-twice", &clash), ["Use port 8080 for other"]);
        check("port-taken-twice", &both(r#"kind: "nginx""#, r#"kind: "apache", port: 8080"#), &[]);
        check("port-taken-twice", &both(r#"kind: "nginx", bind: on("lan")"#, r#"kind: "apache", bind: on("back")"#), &[]);
        let address = both(r#"kind: "nginx", bind: on("lan")"#, r#"kind: "apache", bind: address("10.1.0.10")"#);
        check("port-taken-twice", &address, &["n/other opens port 80, which one on n has already"]);
    }

    #[test]
    fn ports_that_are_closed_or_shared() {
        check("port-taken-twice", &both(r#"kind: "nginx""#, r#"kind: "nginx", port: 8080"#), &[]);
        let tls = both(r#"kind: "nginx", settings: {"tls": true}"#, r#"kind: "nginx", port: 8080, settings: {"tls": true}"#);
        check("port-taken-twice", &tls, &["n/other opens port 443, which one on n has already"]);
        assert_eq!(fixes("port-taken-twice", &tls), ["Use port 8443 for other"]);
        check("port-taken-twice", &both(r#"kind: "beam""#, r#"kind: "beam", port: 4371"#), &[]);
        check("port-taken-twice", &both(r#"kind: "galera""#, r#"kind: "garbd""#), &["n/other opens port 4567, which one on n has already"]);
    }
}
