//! A service gives a number to a port that its kind does not open.
//!
//! ## Why
//! The number goes to no port: the service listens on the usual one, and what is drawn to the other finds nothing.
//!
//! ## Example
//! ```ron
//! "web": (kind: "nginx", ports: {"htpp": 8088})
//! ```
//!
//! ## Do this instead
//! Use the name that the catalog has, here `http`; `port` alone is the number of the main port.

use super::{Facts, Report, exposure, offer};
use crate::catalog::Mismatch;
use crate::model::{Node, NodeName, Path, shortened};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in node.services.iter().filter(|(_, service)| service.port.is_some() || !service.ports.is_empty()) {
        let Some(entry) = facts.entry(service) else { continue };
        for mismatch in entry.unknown_ports(service) {
            let Mismatch::Port { name: port, nearest } = &mismatch else { continue };
            let within = port.map_or_else(|| Path::root().field("port"), |port| Path::root().field("ports").key(port));
            let mut found =
                report.add(exposure::subject(name, service_name), format!("{name}/{service_name} {mismatch}")).within(within);
            let Some(port) = port else {
                let edits = offer::service(name, service_name, service, |service| service.port = None);
                found.fix("Remove the port", edits);
                continue;
            };
            if service.ports.len() > offer::ENTRIES_MAX {
                continue;
            }
            if let Some(near) = nearest.as_ref().filter(|near| !service.ports.contains_key(*near)) {
                let edits = offer::service(name, service_name, service, |service| {
                    if let Some(number) = service.ports.remove(*port) {
                        service.ports.insert(near.clone(), number);
                    }
                });
                found = found.fix(format!("Rename it to {near}"), edits);
            }
            let edits = offer::service(name, service_name, service, |service| {
                service.ports.remove(*port);
            });
            found.fix(format!("Remove {}", shortened(port, offer::TITLE_CHARS_MAX)), edits);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_mistyped_port() {
        let code = "unknown-port";
        let lab = |service: &str| lab(&format!(r#"(name: "x", nodes: {{"n": (role: app, services: {{"s": ({service})}})}})"#));
        let mistyped = lab(r#"kind: "nginx", ports: {"htpp": 8088}"#);
        check(code, &mistyped, &[r#"n/s has the port "htpp", which its kind does not open; did you mean http?"#]);
        assert_eq!(fixes(code, &mistyped), ["Rename it to http", "Remove htpp"]);
        let none = lab(r#"kind: "gateway", port: 80"#);
        check(code, &none, &["n/s has a port, and its kind opens none"]);
        assert_eq!(fixes(code, &none), ["Remove the port"]);
        check(code, &lab(r#"kind: "nginx", port: 8080, ports: {"https": 8443}"#), &[]);
    }
}
