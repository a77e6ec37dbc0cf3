//! A path for administrators is answered for users too.
//!
//! ## Why
//! A reverse proxy that leads a path to the administrators' server shows that server's login to all that the proxy answers. What
//! is behind it (uploads, jobs, settings) can then be tried by any of them, as often as they like.
//!
//! Exposed means: the path is answered for everybody while outside reaches the service, or for a frontend or bridged network on
//! which it listens. Without that setting, only the management networks of its node are answered; on a node without one, no client is.
//!
//! ## Example
//! ```ron
//! "web": (kind: "nginx", settings: {"admin_path": "/office", "admin_to": "editor/php", "admin_from": ["*"]}),
//! ```
//!
//! ## Do this instead
//! Leave `admin_from` out, or list the subnets, addresses and nodes of administrators.

use super::{Facts, Report, exposure};
use crate::catalog::{Entry, Setting};
use crate::model::{Ipv4Net, Network, NetworkKind, NetworkName, Node, NodeName, Path, Purpose, Service, ServiceName, Subject, Value};
use std::net::Ipv4Addr;

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        let Some(entry) = facts.entry(service) else { continue };
        for setting in &entry.settings {
            let Some(path) = entry.guarded(service, setting).filter(|path| !path.is_empty()) else { continue };
            check_path(facts, (name, node), (service_name, service), (entry, setting), path, report);
        }
    }
}

fn check_path(
    facts: &Facts<'_>,
    (name, node): (&NodeName, &Node),
    (service_name, service): (&ServiceName, &Service),
    (entry, setting): (&Entry, &Setting),
    path: &str,
    report: &mut Report,
) {
    let Some(Value::List(clients)) = entry.value(service, &setting.name) else { return };
    let (mut shown, mut kept) = (None, Vec::new());
    for client in clients {
        match exposed(facts, (name, node), (service_name, service), client) {
            Some(found) => shown = shown.or(Some(found)),
            None => kept.push(client.clone()),
        }
    }
    let Some((who, network)) = shown else { return };
    let mut found = report
        .add(exposure::subject(name, service_name), format!("{name}/{service_name} answers {path} for {who}"))
        .within(Path::root().field("settings").key(&setting.name));
    if let Some(network) = network {
        found = found.involving(Subject::Network(network));
    }
    let mut closed = service.clone();
    let title = if kept.is_empty() {
        closed.settings.remove(&setting.name);
        "Answer the management network only".to_owned()
    } else {
        let title = format!("Answer only {}", kept.join(", "));
        closed.settings.insert(setting.name.clone(), Value::List(kept));
        title
    };
    found.fix(title, vec![exposure::put(name, service_name, closed)]);
}

/// Who is answered through this client of the list that is no administrator, and on which network.
fn exposed(
    facts: &Facts<'_>,
    (name, node): (&NodeName, &Node),
    (service_name, service): (&ServiceName, &Service),
    client: &str,
) -> Option<(String, Option<NetworkName>)> {
    let subnet = client.parse::<Ipv4Net>().or_else(|_| client.parse::<Ipv4Addr>().map(Ipv4Net::from)).ok();
    if client == "*" || subnet.is_some_and(exposure::is_everywhere) {
        let is_reached = exposure::opening(facts, name, node, service_name).is_some()
            || exposure::heard_on(facts, node, service).any(|(_, _, network)| is_for_users(network))
            || leads_here(facts, node, service);
        return is_reached.then(|| ("everybody".to_owned(), None));
    }
    let subnet = subnet?;
    let overlaps = |network: &Network| {
        network.subnet.is_some_and(|there| there.contains(&subnet.network()) || subnet.contains(&there.network()))
    };
    let (_, adapter, _) =
        exposure::heard_on(facts, node, service).find(|(_, _, network)| is_for_users(network) && overlaps(network))?;
    Some((format!("{client} on {}", adapter.network), Some(adapter.network.clone())))
}

fn is_for_users(network: &Network) -> bool {
    network.kind == NetworkKind::Bridged || network.purpose == Purpose::Frontend
}

/// Whether a port of the host that other machines reach leads to a service.
fn leads_here(facts: &Facts<'_>, node: &Node, service: &Service) -> bool {
    let mut forwards = node.adapters.iter().flat_map(|adapter| &adapter.forwards);
    forwards.any(|forward| exposure::is_public(forward.address) && exposure::opens_port(facts, service, forward.to))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    const CODE: &str = "admin-path-exposed";

    fn press(from: &str, bind: &str, flow: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{
                    "front": host_only(subnet: "192.168.57.0/24", purpose: frontend),
                    "back": internal(subnet: "192.168.58.0/24", purpose: backend),
                    "mgmt": host_only(subnet: "192.168.56.0/24", purpose: management)}},
                nodes: {{
                    "gate": (role: balancer,
                        adapters: [(network: "front", address: "192.168.57.2"), (network: "back", address: "192.168.58.2"), (network: "mgmt", address: "192.168.56.2")],
                        services: {{"web": (kind: "nginx"{bind}, settings: {{"admin_path": "/office", "admin_to": "editor/php"{from}}})}}),
                    "editor": (role: app, adapters: [(network: "back", address: "192.168.58.3")],
                        services: {{"php": (kind: "apache", settings: {{"authoritative": true}})}}),
                }}, flows: [(from: "gate/web", to: "editor/php"){flow}])"#
        ))
    }

    #[test]
    fn a_path_for_everybody() {
        let open = press(r#", "admin_from": ["*"]"#, "", r#", (from: "outside", to: "gate/web")"#);
        check(CODE, &open, &["gate/web answers /office for everybody"]);
        assert_eq!(fixes(CODE, &open), ["Answer the management network only"]);
        let inner = press(r#", "admin_from": ["*"]"#, r#", bind: on("back")"#, "");
        check(CODE, &inner, &[]);
        let flow = press(r#", "admin_from": ["0.0.0.0/0", "192.168.56.0/24"]"#, r#", bind: on("back")"#, r#", (from: "outside", to: "gate/web")"#);
        check(CODE, &flow, &["gate/web answers /office for everybody"]);
        assert_eq!(fixes(CODE, &flow), ["Answer only 192.168.56.0/24"]);
    }

    #[test]
    fn a_path_for_the_network_of_users() {
        for client in ["192.168.57.0/24", "192.168.57.77", "192.168.0.0/16"] {
            let from = format!(r#", "admin_from": ["{client}"]"#);
            check(CODE, &press(&from, "", ""), &[&format!("gate/web answers /office for {client} on front")]);
            check(CODE, &press(&from, r#", bind: on("mgmt")"#, ""), &[]);
        }
        let outside = r#", (from: "outside", to: "gate/web")"#;
        for clean in ["", r#", "admin_from": []"#, r#", "admin_from": ["192.168.56.0/24", "editor"]"#] {
            check(CODE, &press(clean, "", outside), &[]);
        }
        let none = press(r#", "admin_from": ["*"]"#, "", outside);
        let mut closed = none.clone();
        let web = closed.nodes["gate"].services["web"].clone();
        let mut settings = web.settings.clone();
        settings.insert("admin_path".into(), crate::model::Value::Text(String::new()));
        closed.nodes.get_mut("gate").unwrap().services.insert("web".parse().unwrap(), crate::model::Service { settings, ..web });
        check(CODE, &closed, &[]);
    }
}
