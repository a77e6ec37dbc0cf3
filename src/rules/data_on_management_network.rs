//! Data is handed out on the management network, although there is another.
//!
//! ## Why
//! A management network is for administrators and for watching. Traffic of applications on it makes both slow when they are
//! needed most, and every administrator can read along.
//!
//! ## Example
//! `db1/db` is bound to `management`; `db1` and its clients are on `backend` as well.
//!
//! ## Do this instead
//! Bind the service to the network of its clients.

use super::{Facts, Report, exposure};
use crate::model::{Bind, Node, NodeName, Purpose, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        let Bind::On(network) = &service.bind else { continue };
        let is_management = facts.network(network).is_some_and(|network| network.purpose == Purpose::Management);
        if !is_management || !exposure::hands_out_data(facts, service) {
            continue;
        }
        let is_other = |network: &&crate::model::NetworkName| facts.network(network).is_some_and(|network| network.purpose != Purpose::Management);
        let others: Vec<_> = exposure::inner_networks(facts, node).into_iter().filter(is_other).collect();
        if others.is_empty() {
            continue;
        }
        let message = format!("{name}/{service_name} hands out data on {network}, which is for administrators");
        let mut found = report.add(exposure::subject(name, service_name), message).involving(Subject::Network(network.clone()));
        for (title, edits) in exposure::bindings(facts, name, node, service_name).into_iter().take(others.len()) {
            found = found.fix(title, edits);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn data_beside_the_administrators() {
        let code = "data-on-management-network";
        let desk = |bind: &str, more: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"rear": internal(subnet: "10.1.0.0/24", purpose: backend), "control": host_only(subnet: "192.168.56.0/24", purpose: management)}}, nodes: {{
                    "db1": (role: database, adapters: [(network: "control", address: "192.168.56.10"), {more}], services: {{"db": (kind: "mariadb", bind: on("{bind}"))}}),
                }})"#
            ))
        };
        let rear = r#"(network: "rear", address: "10.1.0.10")"#;
        check(code, &desk("control", rear), &["db1/db hands out data on control, which is for administrators"]);
        assert_eq!(fixes(code, &desk("control", rear)), ["Bind to rear"]);
        check(code, &desk("rear", rear), &[]);
        check(code, &desk("control", ""), &[]);
    }
}
