//! A port of the host leads to a port of the node on which nothing listens.
//!
//! ## Why
//! A forwarded packet arrives at the node's address on that very network (VirtualBox manual, Network Address Translation).
//! A service on another port, or one that is bound to another network, never sees it. That the node can also be reached by
//! a host-only address does not make the forward work.
//!
//! A node without services is not drawn yet and is left alone.
//!
//! ## Example
//! Port 8090 of the host is forwarded to 8800 of `kiosk`, while its nginx opens 80; or to 80, while nginx is bound to `lab`.
//!
//! ## Do this instead
//! Forward to the port that a service opens there, or bind the service so that it listens there.

use super::{Facts, Report, exposure, offer};
use crate::catalog::{Behaviour, Protocol};
use crate::model::{Adapter, Bind, Forward, NAT_ADDRESS, Node, NodeName, Service, ServiceName, Subject};

/// A service, with a port that it opens beyond its own node.
struct Opened<'n> {
    name: &'n ServiceName,
    service: &'n Service,
    port: u16,
}

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    if node.services.is_empty() || node.adapters.iter().all(|adapter| adapter.forwards.is_empty()) {
        return;
    }
    if opens_unknown(facts, node) {
        return;
    }
    let opened = opened(facts, node);
    let led: Vec<u16> = led(facts, node);
    for (slot, adapter) in node.adapters.iter().enumerate() {
        let takes = facts.network(&adapter.network).is_some_and(|network| network.kind.takes_forwards());
        for forward in adapter.forwards.iter().filter(|_| takes) {
            let at_port = || opened.iter().filter(|opened| opened.port == forward.to);
            // A port at which data is handed out must not be forwarded at all: that is what is said of it.
            let is_answered = |opened: &Opened<'_>| listens_at(opened.service, adapter) || exposure::hands_out_data(facts, opened.service);
            if led.contains(&forward.to) || at_port().any(is_answered) {
                continue;
            }
            let head = format!("host port {} leads to port {} of {name} on {}", forward.host, forward.to, adapter.network);
            let elsewhere = at_port().next();
            let message = match elsewhere {
                Some(opened) => format!("{head}, where {} does not listen: it is {}", opened.name, bound(opened.service)),
                None => {
                    let mut ports: Vec<u16> = opened.iter().map(|opened| opened.port).chain(led.iter().copied()).collect();
                    let mut seen = std::collections::BTreeSet::new();
                    ports.retain(|port| seen.insert(*port));
                    format!("{head}, where nothing listens; {name} opens {}", if ports.is_empty() { "no port".to_owned() } else { offer::row(ports) })
                }
            };
            let mut found = report.add(Subject::Adapter(name.clone(), slot, adapter.network.clone()), message);
            if let Some(opened) = elsewhere {
                let edits = offer::service(name, opened.name, opened.service, |service| service.bind = Bind::Any);
                found = found.fix(format!("Bind {} to every address", opened.name), edits);
            } else if elsewhere.is_none()
                && let Some(port) = meant(&opened, &led, adapter, forward)
            {
                let to = Forward { to: port, ..*forward };
                found = found.fix(format!("Forward to {port}"), offer::forward(name, node, slot, forward, Some(to)));
            }
            found.fix("Remove the forward", offer::forward(name, node, slot, forward, None));
        }
    }
}

/// Whether a node may open ports that the catalog cannot tell: those of an unknown kind, and those at the far end of a tunnel.
pub(super) fn opens_unknown(facts: &Facts<'_>, node: &Node) -> bool {
    let is_open = |service: &Service| facts.behaviour(service).is_none_or(|behaviour| behaviour == Behaviour::SshTunnel);
    node.services.values().any(is_open)
}

/// The TCP ports that the services of a node open beyond the node itself.
fn opened<'n>(facts: &Facts<'_>, node: &'n Node) -> Vec<Opened<'n>> {
    let mut opened = Vec::new();
    for (name, service) in &node.services {
        let Some(entry) = facts.entry(service) else { continue };
        let is_open = |port: &crate::catalog::Port| {
            let is_on = port.opened_by.as_ref().is_none_or(|setting| entry.is_on(service, setting));
            port.protocol == Protocol::Tcp && is_on && entry.opens(service, port)
        };
        opened.extend(entry.ports_of(service).filter(|(port, _)| is_open(port)).map(|(_, port)| Opened { name, service, port }));
    }
    opened
}

/// The ports that a node leads on to services of others.
pub(super) fn led(facts: &Facts<'_>, node: &Node) -> Vec<u16> {
    node.services.values().flat_map(|service| facts.catalog.forward_rules(service)).map(|rule| rule.port).collect()
}

/// Whether a service is heard on an adapter that ports of the host are forwarded to: behind NAT it has the address that NAT gives.
fn listens_at(service: &Service, adapter: &Adapter) -> bool {
    service.bind.is_on(adapter) || service.bind == Bind::Address(NAT_ADDRESS)
}

fn bound(service: &Service) -> String {
    match &service.bind {
        Bind::Any => "open".to_owned(),
        Bind::Loopback => "bound to loopback (127.0.0.1)".to_owned(),
        Bind::On(network) => format!("bound to {network}"),
        Bind::Address(address) => format!("bound to {address}"),
    }
}

/// The port that was probably meant: the only one that is led on and not forwarded yet, else the first that is open there and is
/// for clients.
fn meant(opened: &[Opened<'_>], led: &[u16], adapter: &Adapter, wrong: &Forward) -> Option<u16> {
    let is_free = |port: &u16| !adapter.forwards.iter().any(|forward| forward.to == *port && forward != wrong);
    let open = opened.iter().filter(|opened| listens_at(opened.service, adapter)).map(|opened| opened.port);
    led.iter().copied().find(is_free).or_else(|| open.into_iter().find(is_free))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    const CODE: &str = "forward-to-closed-port";

    fn kiosk(to: u16, services: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"internet": nat(), "lab": host_only(subnet: "192.168.56.0/24")}}, nodes: {{
                "kiosk": (role: app, adapters: [(network: "internet", forwards: [(host: 8090, to: {to})]), (network: "lab", address: "192.168.56.10")], services: {{{services}}}),
                "hall": (role: app, adapters: [(network: "lab", address: "192.168.56.11")], services: {{"ssh": (kind: "sshd")}}),
            }})"#
        ))
    }

    #[test]
    fn nothing_listens_where_a_forward_leads() {
        let open = r#""web": (kind: "nginx")"#;
        check(CODE, &kiosk(80, open), &[]);
        check(CODE, &kiosk(8800, open), &["host port 8090 leads to port 8800 of kiosk on internet, where nothing listens; kiosk opens 80"]);
        assert_eq!(fixes(CODE, &kiosk(8800, open)), ["Forward to 80", "Remove the forward"]);
        // nginx opens 443 with TLS only.
        check(CODE, &kiosk(443, open), &["host port 8090 leads to port 443 of kiosk on internet, where nothing listens; kiosk opens 80"]);
        let bound = r#""web": (kind: "nginx", bind: on("lab"))"#;
        check(CODE, &kiosk(80, bound), &["host port 8090 leads to port 80 of kiosk on internet, where web does not listen: it is bound to lab"]);
        assert_eq!(fixes(CODE, &kiosk(80, bound)), ["Bind web to every address", "Remove the forward"]);
        check(CODE, &kiosk(80, ""), &[]);
        check(CODE, &kiosk(80, r#""x": (kind: "of-another-catalog")"#), &[]);
    }

    #[test]
    fn ports_that_are_led_on() {
        let lead = |rule: &str| format!(r#""lead": (kind: "port-forward", settings: {{"rules": ["{rule}"]}})"#);
        check(CODE, &kiosk(2205, &lead("2205:hall/ssh")), &[]);
        let other = kiosk(2205, &lead("22205:hall/ssh"));
        check(CODE, &other, &["host port 8090 leads to port 2205 of kiosk on internet, where nothing listens; kiosk opens 22205"]);
        assert_eq!(fixes(CODE, &other), ["Forward to 22205", "Remove the forward"]);
    }
}
