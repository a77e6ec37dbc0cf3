//! Of several servers for the same requests, only some use the session store.
//!
//! ## Why
//! Who is sent to another server with the next request must find the same session there. A server that does not lead to the
//! store keeps its own, and logs people out. Servers of a kind that can keep sessions in a store have a setting for the
//! store's password.
//!
//! ## Example
//! `gate/web` spreads requests over `app1/php` and `app2/php`; `app1/php` leads to `session1/redis`, `app2/php` does not.
//!
//! ## Do this instead
//! Draw a flow to the store from each of them.

use super::balancer_single_backend::backends;
use super::{Facts, Report, offer};
use crate::catalog::{Behaviour, Partners};
use crate::model::{Endpoint, Node, NodeName, Service, ServiceRef, Subject};

/// How many servers behind one are looked at.
const SERVERS_MAX: usize = 64;

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        if !matches!(facts.behaviour(service), Some(Behaviour::Web | Behaviour::Balancer)) {
            continue;
        }
        let at = ServiceRef { node: name.clone(), service: service_name.clone() };
        let servers = backends(facts, name, &at).into_iter().take(SERVERS_MAX).filter_map(|end| match end {
            Endpoint::Service(server) => facts.lab.service(server).filter(|service| keeps_sessions(facts, service)).map(|_| server),
            _ => None,
        });
        let stores: Vec<(&ServiceRef, Option<&ServiceRef>)> = servers.map(|server| (server, store_of(facts, server))).collect();
        let Some(store) = stores.iter().find_map(|(_, store)| *store) else { continue };
        let without: Vec<&ServiceRef> = stores.iter().filter(|(_, store)| store.is_none()).map(|(server, _)| *server).collect();
        if without.is_empty() {
            continue;
        }
        let verb = if without.len() == 1 { "keeps sessions of its own" } else { "keep sessions of their own" };
        let mut found = report.add(
            Subject::Service(at.clone()),
            format!("{} {verb}, others behind {at} use {store}: who is sent to another server is logged out", offer::row(&without)),
        );
        let mut edits = Vec::new();
        for server in &without {
            found = found.involving(Subject::Service((*server).clone()));
            // Each is put where the first goes, before the one that was drawn last.
            edits.extend(offer::flow(facts, server, store));
        }
        found.fix(format!("Draw flows to {store}"), edits);
    }
}

fn keeps_sessions(facts: &Facts<'_>, service: &Service) -> bool {
    let to_cache = |with: &Partners| matches!(with, Partners::FlowsTo(wanted) if wanted.contains(&Behaviour::Cache));
    facts.entry(service).is_some_and(|entry| entry.settings.iter().flat_map(|setting| &setting.agrees).any(|agreement| to_cache(&agreement.with)))
}

/// The store that a server leads to.
fn store_of<'a>(facts: &Facts<'a>, server: &ServiceRef) -> Option<&'a ServiceRef> {
    facts.flows_of(&server.node).filter(|(_, flow)| matches!(&flow.from, Endpoint::Service(from) if from == server)).find_map(|(_, flow)| {
        let Endpoint::Service(to) = &flow.to else { return None };
        facts.lab.service(to).filter(|service| facts.behaviour(service) == Some(Behaviour::Cache)).map(|_| to)
    })
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn some_servers_use_the_store() {
        let code = "sessions-not-shared";
        let press = |flows: &str| {
            lab(&format!(
                r#"(name: "x", nodes: {{
                    "gate": (role: balancer, services: {{"web": (kind: "nginx")}}),
                    "a": (role: app, services: {{"php": (kind: "apache")}}),
                    "b": (role: app, services: {{"php": (kind: "apache")}}),
                    "c": (role: app, services: {{"php": (kind: "apache")}}),
                    "store": (role: cache, services: {{"redis": (kind: "redis")}}),
                }}, flows: [(from: "gate/web", to: "a/php"), (from: "gate/web", to: "b/php"), (from: "gate/web", to: "c/php"), {flows}])"#
            ))
        };
        let one = press(r#"(from: "a/php", to: "store/redis")"#);
        check(code, &one, &["b/php and c/php keep sessions of their own, others behind gate/web use store/redis: who is sent to another server is logged out"]);
        assert_eq!(fixes(code, &one), ["Draw flows to store/redis"]);
        check(code, &press(""), &[]);
        check(code, &press(r#"(from: "a/php", to: "store/redis"), (from: "b/php", to: "store/redis"), (from: "c/php", to: "store/redis")"#), &[]);
    }
}
