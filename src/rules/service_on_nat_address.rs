//! A service listens on its node's NAT address only.
//!
//! ## Why
//! Behind NAT each node is alone, and each has the same address (10.0.2.15 on VirtualBox). No other node reaches a
//! service there; only a port of the host that is forwarded does.
//!
//! Where the adapter forwards a port of the host to the service, that is what it is for, and nothing is said.
//!
//! ## Example
//! ```ron
//! "app1": (role: app, adapters: [(network: "internet"), (network: "lab")],
//!     services: {"web": (kind: "nginx", bind: on("internet"))})
//! ```
//! where `internet` is `nat()`.
//!
//! ## Do this instead
//! Bind it to a network that joins nodes, `bind: on("lab")`, or forward a port of the host to it.

use super::{Facts, Report, exposure};
use crate::model::{Bind, NAT_ADDRESS, NetworkKind, NetworkName, Node, NodeName, Service, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        let Some(nat) = nat_of(facts, node, service) else { continue };
        let forwards = node.adapters.iter().flat_map(|adapter| &adapter.forwards);
        let mut forwarded = forwards.filter(|forward| exposure::opens_port(facts, service, forward.to));
        if facts.entry(service).is_none_or(|entry| entry.ports.is_empty()) || forwarded.next().is_some() {
            continue;
        }
        let mut found = report
            .add(
                exposure::subject(name, service_name),
                format!("{name}/{service_name} listens on {nat} (NAT) only, where no other node reaches it"),
            )
            .involving(Subject::Network(nat.clone()));
        for (title, edits) in exposure::bindings(facts, name, node, service_name) {
            found = found.fix(title, edits);
        }
    }
}

/// The NAT network that a service is bound to.
fn nat_of<'n>(facts: &Facts<'n>, node: &'n Node, service: &Service) -> Option<&'n NetworkName> {
    let is_bound = |network: &NetworkName, address: Option<std::net::Ipv4Addr>| match &service.bind {
        Bind::On(bound) => bound == network,
        Bind::Address(bound) => Some(*bound) == address || (address.is_none() && *bound == NAT_ADDRESS),
        Bind::Any | Bind::Loopback => false,
    };
    let mut nats = exposure::adapters(facts, node).filter(|(_, _, network)| network.kind == NetworkKind::Nat);
    nats.find(|(_, adapter, _)| is_bound(&adapter.network, adapter.address)).map(|(_, adapter, _)| &adapter.network)
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn web(bind: &str, forwards: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"internet": nat(), "lab": host_only(subnet: "192.168.56.0/24")}}, nodes: {{
                "app1": (role: app, adapters: [(network: "internet", forwards: [{forwards}]), (network: "lab", address: "192.168.56.10")],
                    services: {{"web": (kind: "nginx", bind: {bind})}})}})"#
        ))
    }

    #[test]
    fn a_service_that_nobody_reaches() {
        let code = "service-on-nat-address";
        for bind in [r#"on("internet")"#, r#"address("10.0.2.15")"#] {
            check(code, &web(bind, ""), &["app1/web listens on internet (NAT) only, where no other node reaches it"]);
            assert_eq!(fixes(code, &web(bind, "")), ["Bind to lab"]);
        }
        check(code, &web(r#"on("internet")"#, "(host: 8080, to: 80)"), &[]);
        for bind in ["any", r#"on("lab")"#, "loopback", r#"address("192.168.56.10")"#] {
            check(code, &web(bind, ""), &[]);
        }
    }
}
