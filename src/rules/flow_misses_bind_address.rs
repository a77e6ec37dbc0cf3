//! A flow arrives where its service does not listen.
//!
//! ## Why
//! A service answers only on the addresses and ports that it is bound to. Connections to any other are refused at once,
//! although both nodes are up and see each other.
//!
//! A port for administrators, such as a page of statistics, may be kept to its own node until a setting opens it. A
//! service bound to a network also answers on the VIPs of that network that its node holds.
//!
//! ## Example
//! `db1/db` is bound to `storage`, and `app1`, which is on `backend` only, has a flow to it.
//!
//! ## Do this instead
//! Bind the service to the network that the flow comes over, or put the sender on the network that it listens on; for a
//! wrong port, leave the flow's port out to use the service's main one. A flow to a port of a node needs a service there that opens it.

use super::agreement::answering;
use super::contract::{At, Listener, Source, TLS, Verdict};
use super::reached::Sort;
use super::{Facts, Report, Reported, exposure, offer};
use crate::model::{Bind, Edit, Endpoint, Flow, ListEdit, NetworkName, Purpose, Service, ServiceRef, Subject, Value};

/// How many services of a node are offered in the place of a port on which nothing listens.
const SERVICES_MAX: usize = 3;

pub(super) fn check(facts: &Facts<'_>, flow: &Flow, verdict: &Verdict<'_>, report: &mut Report) {
    match verdict.clone() {
        Verdict::Unheard(from, listener, vip) => {
            let at = listener.reference();
            let listens = match &listener.service.bind {
                Bind::On(network) => Some(network.to_string()),
                Bind::Address(address) => Some(address.to_string()),
                Bind::Loopback | Bind::Any => None,
            };
            let message = match (&listens, &vip) {
                (Some(listens), Some(vip)) => format!("{at} listens only on {listens}, not on {vip}"),
                (Some(listens), None) => format!("{at} listens only on {listens}, where {from} does not get"),
                (None, Some(vip)) => format!("{at} is bound to loopback (127.0.0.1), not to {vip}"),
                (None, None) => format!("{at} is bound to loopback (127.0.0.1), and {from} is not its node"),
            };
            let found = report.add(Subject::flow(flow), message).involving(Subject::Service(at));
            rebind(facts, found, flow, from, listener);
        }
        Verdict::OpensNothing(listener) => {
            let at = listener.reference();
            let message = format!("{at} opens no port, so {} cannot connect to it", flow.from);
            let found = report.add(Subject::flow(flow), message).involving(Subject::Service(at));
            lead_to_services(facts, found, flow, listener.at).fix("Remove the flow", offer::no_flow(facts, flow));
        }
        Verdict::NoPort(listener, port) => {
            let entry = facts.entry(listener.service);
            let ports: Vec<u16> = entry.into_iter().flat_map(|entry| entry.ports_of(listener.service)).map(|(_, number)| number).collect();
            let message = format!("{} does not listen on port {port}; it opens {}", listener.reference(), offer::row(&ports));
            let found = report.add(Subject::flow(flow), message).involving(Subject::Service(listener.reference()));
            // Where the holders of a VIP open different ports, no one port is right for all of them.
            let main_of = |service: &Service| facts.entry(service).and_then(|entry| entry.main_port(service));
            let is_shared = answering(facts, &flow.to).iter().all(|(_, service)| main_of(service) == ports.first().copied());
            if let (Some(main), Some(index), true) = (ports.first(), facts.place_of(flow), is_shared) {
                let to = Flow { port: None, ..flow.clone() };
                let leads_there = |other: &Flow| other.from == flow.from && other.to == flow.to && other.port.is_none_or(|port| port == *main);
                let is_drawn = facts.flows_of(listener.at.name).any(|(_, other)| leads_there(other));
                if is_drawn {
                    found.fix("Remove the flow", offer::no_flow(facts, flow));
                } else {
                    found.fix(format!("Use port {main}"), vec![Edit::Flow { index, change: ListEdit::Replace(to) }]);
                }
            }
        }
        Verdict::NothingOnPort(at, port) => {
            let found = report.add(Subject::flow(flow), format!("nothing on {} listens on port {port}", at.name));
            lead_to_services(facts, found.involving(Subject::Node(at.name.clone())), flow, at);
        }
        Verdict::Closed(listener, port, setting) => {
            let edits = offer::service(listener.at.name, listener.name, listener.service, |service| {
                service.settings.insert(setting.to_owned(), Value::Bool(true));
            });
            let at = listener.reference();
            let message = if setting == TLS {
                format!("{at} does not listen on port {port} while {setting} is off")
            } else {
                format!("{at} opens port {port} to its own node only")
            };
            report
                .add(Subject::flow(flow), message)
                .involving(Subject::Service(listener.reference()))
                .fix(format!("Turn {setting} on"), edits);
        }
        Verdict::Unreached(why) if why.sort == Sort::Bind => {
            report.add(Subject::flow(flow), why.message(flow)).involving_all(why.node.iter().cloned().map(Subject::Node));
        }
        _ => {}
    }
}

/// Offers to lead a flow to the first services of a node that open a port.
fn lead_to_services<'r>(facts: &Facts<'_>, mut found: Reported<'r>, flow: &Flow, at: At<'_>) -> Reported<'r> {
    let Some(index) = facts.place_of(flow) else { return found };
    let listening = at.node.services.iter().filter(|(_, service)| facts.entry(service).is_some_and(|entry| entry.main_port(service).is_some()));
    for (name, _) in listening.take(SERVICES_MAX) {
        let to = ServiceRef { node: at.name.clone(), service: name.clone() };
        let title = format!("Lead it to {to}");
        let to = Flow { port: None, to: Endpoint::Service(to), ..flow.clone() };
        found = found.fix(title, vec![Edit::Flow { index, change: ListEdit::Replace(to) }]);
    }
    found
}

fn rebind(facts: &Facts<'_>, mut found: Reported<'_>, flow: &Flow, from: Source<'_>, listener: Listener<'_>) {
    let node = listener.at.node;
    let arrives = |network: &&NetworkName| match (&flow.to, from) {
        (Endpoint::Vip(vip), _) => facts.lab.vips.get(vip).is_some_and(|vip| vip.network == **network),
        (_, Source::Outside) => facts.network(network).is_some_and(|wire| wire.kind.host_reaches()),
        (_, Source::Node(from)) => {
            facts.joins(network) && from.node.adapters.iter().any(|adapter| facts.joins(&adapter.network) && facts.networks_meet(&adapter.network, network))
        }
    };
    // Who keeps a service on the management network means it: the sender belongs there.
    let is_managed = matches!(&listener.service.bind, Bind::On(network) if facts.network(network).is_some_and(|wire| wire.purpose == Purpose::Management));
    if let Some(network) = node.adapters.iter().map(|adapter| &adapter.network).find(arrives).filter(|_| !is_managed) {
        let (title, edits) = offer::bind(listener.at.name, listener.name, listener.service, network);
        found = found.fix(title, edits);
    }
    if let (Source::Node(from), Bind::On(network)) = (from, &listener.service.bind)
        && facts.joins(network)
    {
        let (title, edits) = offer::adapter(facts, from.name, from.node, network);
        found = found.fix(title, edits);
    }
    if matches!(from, Source::Outside) && exposure::hands_out_data(facts, listener.service) {
        // Data is never opened to everybody.
        found.fix("Remove the flow", offer::no_flow(facts, flow));
    } else if matches!(from, Source::Outside) {
        let edits = offer::service(listener.at.name, listener.name, listener.service, |service| service.bind = Bind::Any);
        found.fix(format!("Bind {} to every address", listener.name), edits);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_service_without_a_port() {
        let code = "flow-misses-bind-address";
        let led = |flow: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                    "app": (role: app, adapters: [(network: "lan", address: "10.1.0.10")]),
                    "gw": (role: gateway, adapters: [(network: "lan", address: "10.1.0.11")], services: {{"router": (kind: "gateway"), "web": (kind: "nginx")}}),
                }}, flows: [{flow}])"#
            ))
        };
        let plain = led(r#"(from: "app", to: "gw/router")"#);
        check(code, &plain, &["gw/router opens no port, so app cannot connect to it"]);
        assert_eq!(fixes(code, &plain), ["Lead it to gw/web", "Remove the flow"]);
        check(code, &led(r#"(from: "app", to: "gw/router", port: 80)"#), &["gw/router opens no port, so app cannot connect to it"]);
        check(code, &led(r#"(from: "app", to: "gw/web"), (from: "app", to: "gw")"#), &[]);
    }

    fn bound(bind: &str, flow: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{
                "backend": internal(subnet: "10.1.0.0/24"), "storage": internal(subnet: "10.2.0.0/24"), "lab": host_only(subnet: "192.168.56.0/24"),
            }}, nodes: {{
                "app1": (role: app, adapters: [(network: "backend", address: "10.1.0.10")]),
                "db1": (role: database, adapters: [(network: "backend", address: "10.1.0.11"), (network: "storage", address: "10.2.0.11"), (network: "lab", address: "192.168.56.11")],
                    services: {{"db": (kind: "mariadb", bind: {bind})}}),
            }}, vips: {{"v": (address: "10.1.0.30", network: "backend", id: 51, holders: [(node: "db1", priority: 100)], follows: "db")}}, flows: [{flow}])"#
        ))
    }

    #[test]
    fn a_main_port_that_is_closed_to_others() {
        let clock = |settings: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                    "a": (role: app, adapters: [(network: "lan", address: "10.1.0.10")]),
                    "b": (role: app, adapters: [(network: "lan", address: "10.1.0.11")], services: {{"ntp": (kind: "chrony", settings: {{{settings}}})}}),
                }}, flows: [(from: "a", to: "b/ntp")])"#
            ))
        };
        check("flow-misses-bind-address", &clock(""), &["b/ntp opens port 123 to its own node only"]);
        assert_eq!(fixes("flow-misses-bind-address", &clock("")), ["Turn server on"]);
        check("flow-misses-bind-address", &clock(r#""server": true"#), &[]);
    }

    #[test]
    fn no_fix_makes_a_flow_that_is_drawn_already() {
        let twice = bound("any", r#"(from: "app1", to: "db1/db", port: 9999), (from: "app1", to: "db1/db")"#);
        assert_eq!(fixes("flow-misses-bind-address", &twice), ["Remove the flow"]);
    }

    #[test]
    fn a_service_that_listens_elsewhere() {
        let flow = r#"(from: "app1", to: "db1/db")"#;
        let elsewhere = bound(r#"on("storage")"#, flow);
        check("flow-misses-bind-address", &elsewhere, &["db1/db listens only on storage, where app1 does not get"]);
        assert_eq!(fixes("flow-misses-bind-address", &elsewhere), ["Bind db to backend", "Put app1 on storage with 10.2.0.10"]);
        check("flow-misses-bind-address", &bound("loopback", flow), &["db1/db is bound to loopback (127.0.0.1), and app1 is not its node"]);
        check("flow-misses-bind-address", &bound(r#"address("10.2.0.11")"#, flow), &["db1/db listens only on 10.2.0.11, where app1 does not get"]);
        for good in [r#"on("backend")"#, "any", r#"address("10.1.0.11")"#] {
            check("flow-misses-bind-address", &bound(good, flow), &[]);
        }
        check("flow-misses-bind-address", &bound("loopback", r#"(from: "db1", to: "db1/db")"#), &[]);
    }

    #[test]
    fn from_outside_and_to_a_vip() {
        let outside = r#"(from: "outside", to: "db1/db")"#;
        check("flow-misses-bind-address", &bound(r#"on("storage")"#, outside), &["db1/db listens only on storage, where outside does not get"]);
        check("flow-misses-bind-address", &bound(r#"on("lab")"#, outside), &[]);
        let vip = r#"(from: "app1", to: "vip:v")"#;
        check("flow-misses-bind-address", &bound(r#"on("storage")"#, vip), &["db1/db listens only on storage, not on v"]);
        // The plan has a service with an address of its own listen on the VIPs that follow it, too.
        check("flow-misses-bind-address", &bound(r#"address("10.1.0.11")"#, vip), &[]);
        check("flow-misses-bind-address", &bound(r#"on("backend")"#, vip), &[]);
    }

    #[test]
    fn a_port_that_is_not_opened() {
        let wrong = bound("any", r#"(from: "app1", to: "db1/db", port: 5432)"#);
        check("flow-misses-bind-address", &wrong, &["db1/db does not listen on port 5432; it opens 3306"]);
        assert_eq!(fixes("flow-misses-bind-address", &wrong), ["Use port 3306"]);
        check("flow-misses-bind-address", &bound("any", r#"(from: "app1", to: "db1/db", port: 3306)"#), &[]);
    }

    #[test]
    fn a_port_of_a_node_on_which_nothing_listens() {
        let wrong = bound("any", r#"(from: "app1", to: "db1", port: 5432)"#);
        check("flow-misses-bind-address", &wrong, &["nothing on db1 listens on port 5432"]);
        assert_eq!(fixes("flow-misses-bind-address", &wrong), ["Lead it to db1/db"]);
        check("flow-misses-bind-address", &bound("any", r#"(from: "app1", to: "db1", port: 3306)"#), &[]);
        check("flow-misses-bind-address", &bound("any", r#"(from: "app1", to: "db1")"#), &[]);
        check("flow-misses-bind-address", &bound("loopback", r#"(from: "app1", to: "db1", port: 3306)"#), &["db1/db is bound to loopback (127.0.0.1), and app1 is not its node"]);
        let ssh = bound("any", r#"(from: "app1", to: "db1", port: 22)"#);
        check("flow-misses-bind-address", &ssh, &["nothing on db1 listens on port 22"]);
        let image = crate::model::Image {
            name: "tiny".to_owned(),
            snapshot: None,
            family: crate::model::Family::Other,
            arch: Default::default(),
            full_clone: false,
        };
        let own = crate::model::Lab { image: Some(image), ..ssh };
        check("flow-misses-bind-address", &own, &[]);
    }

    #[test]
    fn a_port_for_tls_only() {
        let web = |settings: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lab": host_only(subnet: "192.168.56.0/24")}}, nodes: {{
                    "web1": (role: app, adapters: [(network: "lab", address: "192.168.56.10")], services: {{"web": (kind: "nginx", settings: {{{settings}}})}}),
                }}, flows: [(from: "outside", to: "web1/web", port: 443)])"#
            ))
        };
        check("flow-misses-bind-address", &web(""), &["web1/web does not listen on port 443 while tls is off"]);
        assert_eq!(fixes("flow-misses-bind-address", &web("")), ["Turn tls on"]);
        check("flow-misses-bind-address", &web(r#""tls": true"#), &[]);
    }

    #[test]
    fn a_port_that_a_setting_opens() {
        let stats = |settings: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lab": host_only(subnet: "192.168.56.0/24")}}, nodes: {{
                    "lb": (role: balancer, adapters: [(network: "lab", address: "192.168.56.10")], services: {{"haproxy": (kind: "haproxy", settings: {{{settings}}})}}),
                }}, flows: [(from: "outside", to: "lb/haproxy", port: 8404)])"#
            ))
        };
        check("flow-misses-bind-address", &stats(""), &["lb/haproxy opens port 8404 to its own node only"]);
        check("flow-misses-bind-address", &stats(r#""stats_public": true"#), &[]);
    }
}
