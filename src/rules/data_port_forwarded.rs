//! A port of the host, or of a gateway, leads to a service that holds data.
//!
//! ## Why
//! A forward makes a hole in the wall that NAT is: any client that reaches the host's port talks to the database as if it stood
//! beside it. Bound to loopback on the host it is still open to every program and every user of that machine. A service
//! of a gateway that forwards ports makes the same hole.
//!
//! ## Example
//! ```ron
//! "db1": (role: database, adapters: [(network: "internet", forwards: [(host: 13306, to: 3306)])])
//! ```
//! on a node whose MariaDB listens on 3306.
//!
//! ## Do this instead
//! Remove the forward. To look at the data, use `ssh -L` through the bastion, or a shell on the node.

use super::{Facts, Report, exposure};
use crate::model::{Node, NodeName, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        if !exposure::hands_out_data(facts, service) {
            continue;
        }
        for (slot, adapter) in node.adapters.iter().enumerate() {
            let leads_here = |port: u16| exposure::opens_port(facts, service, port);
            let Some(forward) = adapter.forwards.iter().find(|forward| leads_here(forward.to)) else { continue };
            let message = format!("port {} of the host leads to {name}/{service_name} (port {})", forward.host, forward.to);
            report
                .add(exposure::subject(name, service_name), message)
                .involving(Subject::Adapter(name.clone(), slot, adapter.network.clone()))
                .fix("Remove the forward", vec![exposure::without_forwards(name, slot, adapter, leads_here)]);
        }
        for rule in facts.port_rules_to(&exposure::at(name, service_name)) {
            let message = format!("port {} of {} leads to {name}/{service_name}", rule.port, rule.node);
            report.add(exposure::subject(name, service_name), message).involving(Subject::Node(rule.node.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn forwarding(to: u16, service: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"internet": nat()}}, nodes: {{
                "n": (role: database, adapters: [(network: "internet", forwards: [(host: 10022, to: 22), (host: 13306, to: {to})])],
                      services: {{"s": ({service})}})}})"#
        ))
    }

    #[test]
    fn a_forward_to_a_database() {
        let message = ["port 13306 of the host leads to n/s (port 3306)"];
        check("data-port-forwarded", &forwarding(3306, r#"kind: "mariadb""#), &message);
        assert_eq!(fixes("data-port-forwarded", &forwarding(3306, r#"kind: "mariadb""#)), ["Remove the forward"]);
        check("data-port-forwarded", &forwarding(3307, r#"kind: "mariadb", port: 3307"#), &["port 13306 of the host leads to n/s (port 3307)"]);
        check("data-port-forwarded", &forwarding(3307, r#"kind: "mariadb""#), &[]);
        check("data-port-forwarded", &forwarding(3306, r#"kind: "nginx", port: 3306"#), &[]);
        check("data-port-forwarded", &forwarding(3306, r#"kind: "of-another-catalog""#), &[]);
    }

    #[test]
    fn a_forward_by_a_gateway() {
        let leading = |to: &str| {
            lab(&format!(
                r#"(name: "x", nodes: {{"gw": (role: gateway, services: {{"forward": (kind: "port-forward", settings: {{"rules": ["8080:{to}"]}})}}),
                    "n": (role: database, services: {{"db": (kind: "mariadb"), "web": (kind: "nginx")}})}})"#
            ))
        };
        check("data-port-forwarded", &leading("n/db"), &["port 8080 of gw leads to n/db"]);
        check("data-port-forwarded", &leading("n/web"), &[]);
    }
}
