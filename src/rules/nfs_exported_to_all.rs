//! A file server exports its folders to every client.
//!
//! ## Why
//! NFS believes what the client says about who its user is. A client that may mount an export may read every file in it by
//! claiming the owner's number, and an export to `*` may be mounted by any host that reaches the server.
//!
//! ## Example
//! ```ron
//! "nfs": (kind: "nfs-server", settings: {"exports": ["/home"], "clients": ["*"]})
//! ```
//!
//! ## Do this instead
//! Leave `clients` and `allow` out: then exactly those may mount it that have a flow to it. Or name nodes or subnets.

use super::exposure::{self, Opening};
use super::{Facts, Report};
use crate::catalog::Behaviour;
use crate::model::{Edit, Ipv4Net, ListEdit, Node, NodeName, Service, Value};

/// The setting that lists who may mount.
const CLIENTS: &str = "clients";

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        if facts.behaviour(service) != Some(Behaviour::FileServer) {
            continue;
        }
        let subject = exposure::subject(name, service_name);
        let opening = exposure::opening(facts, name, node, service_name);
        let everybody = service.settings.get(CLIENTS).and_then(everybody_in);
        let (whom, closed) = match (opening, everybody) {
            (Some(Opening::Flow(index)), None) => {
                let edits = vec![Edit::Flow { index, change: ListEdit::Remove }];
                report.add(subject, format!("a flow leads from outside straight to {name}/{service_name}")).fix("Remove the flow", edits);
                continue;
            }
            (Some(Opening::List(whom, allow)), _) => (whom, Service { allow, ..service.clone() }),
            (_, Some(whom)) => (whom, service.clone()),
            (None, None) => continue,
        };
        let mut closed = closed;
        closed.settings.retain(|setting, value| setting != CLIENTS || everybody_in(value).is_none());
        report
            .add(subject, format!("{name}/{service_name} exports to {whom}"))
            .fix("Export to who has a flow", vec![exposure::put(name, service_name, closed)]);
    }
}

/// The entry of a list of clients that means everybody.
fn everybody_in(clients: &Value) -> Option<String> {
    let is_everybody = |client: &str| client == "*" || client.parse::<Ipv4Net>().is_ok_and(exposure::is_everywhere);
    match clients {
        Value::List(clients) => clients.iter().find(|client| is_everybody(client)).cloned(),
        Value::Text(client) if is_everybody(client) => Some(client.clone()),
        Value::Text(_) | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, codes, fixes, lab};

    fn server(service: &str, flows: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"lan": internal()}}, nodes: {{"nas": (role: storage, adapters: [(network: "lan")],
                services: {{"nfs": (kind: "nfs-server", bind: on("lan"), {service})}})}}, flows: [{flows}])"#
        ))
    }

    #[test]
    fn an_export_to_everybody() {
        let code = "nfs-exported-to-all";
        check(code, &server(r#"settings: {"clients": ["10.0.0.0/8", "*"]}"#, ""), &["nas/nfs exports to *"]);
        check(code, &server("allow: everyone", ""), &["nas/nfs exports to everyone"]);
        let both = server(r#"allow: everyone, settings: {"clients": ["*"]}"#, "");
        check(code, &both, &["nas/nfs exports to everyone"]);
        assert_eq!(fixes(code, &both), ["Export to who has a flow"]);
        assert!(!codes(&both).contains(&"data-service-open-to-all"));
        let outside = r#"(from: "outside", to: "nas/nfs")"#;
        check(code, &server("", outside), &["a flow leads from outside straight to nas/nfs"]);
        check(code, &server(r#"settings: {"clients": ["10.0.0.0/8"]}"#, ""), &[]);
        check(code, &server("", ""), &[]);
    }
}
