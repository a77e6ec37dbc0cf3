//! One node stands alone before or behind others that stand in for each other.
//!
//! ## Why
//! A lab that runs two of something says that one may fail. Whatever all requests then still pass through, or all of the
//! two depend on, takes the whole lab with it.
//!
//! It is said of two things only, and only where others are redundant, because a lab that makes no such claim owes
//! nothing: of a balancer, or of a web server that passes on to services of one name, that alone leads to two or more
//! nodes; and of a database without replica or cluster on which two or more nodes depend that one node leads to. A node
//! that shares a VIP with another is not alone. Caches are left out: what they hold can be made again; so are flows
//! marked optional.
//!
//! ## Example
//! `lb` alone spreads requests over `app1` and `app2`.
//!
//! ## Do this instead
//! Add a second node like it, with a VIP that both may hold; for a database, a replica or a cluster. Where it is meant,
//! as in a lab that is about something else, accept the finding.

use super::balancer_single_backend::backends;
use super::{Facts, Report, offer};
use crate::catalog::Behaviour;
use crate::model::{Endpoint, Node, NodeName, Service, ServiceRef, Subject};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        let at = || ServiceRef { node: name.clone(), service: service_name.clone() };
        let (verb, others) = match facts.behaviour(service) {
            Some(Behaviour::Balancer) => ("is the only way to", led_to_alone(facts, name, &backends(facts, name, &at()))),
            // What a node asks by itself does not pass its web server.
            Some(Behaviour::Web) => ("is the only way to", led_to_alone(facts, name, &alike(own_backends(facts, name, &at())))),
            Some(Behaviour::Database) => ("alone serves", served_alone(facts, name, &at(), service)),
            _ => continue,
        };
        if others.len() < 2 || facts.vips_of(name).any(|(_, vip)| vip.holders.len() > 1) {
            continue;
        }
        let mut found = report.add(Subject::Service(at()), format!("{} {verb} {}", at(), offer::row(&others)));
        for other in others {
            found = found.involving(Subject::Node(other.clone()));
        }
    }
}

/// What the flows of a service itself lead to.
fn own_backends<'a>(facts: &Facts<'a>, node: &NodeName, at: &ServiceRef) -> BTreeSet<&'a Endpoint> {
    let is_own = |end: &Endpoint| matches!(end, Endpoint::Service(from) if from == at);
    facts.flows_of(node).filter(|(_, flow)| is_own(&flow.from)).map(|(_, flow)| &flow.to).collect()
}

/// The largest group of services of one name: they stand in for each other, where a web server leads to several things.
fn alike(ends: BTreeSet<&Endpoint>) -> BTreeSet<&Endpoint> {
    let mut groups: BTreeMap<&str, BTreeSet<&Endpoint>> = BTreeMap::new();
    for end in ends {
        if let Endpoint::Service(at) = end {
            groups.entry(&at.service).or_default().insert(end);
        }
    }
    groups.into_values().max_by_key(BTreeSet::len).unwrap_or_default()
}

/// Of how many ends a second way is looked for: one that leads to so many leads to the others too.
const ENDS_MAX: usize = 64;

/// The nodes that the ends of a node's flows are on, if nothing else leads to all of them too.
fn led_to_alone<'a>(facts: &Facts<'a>, name: &NodeName, ends: &BTreeSet<&'a Endpoint>) -> BTreeSet<&'a NodeName> {
    let nodes: BTreeSet<&NodeName> = ends.iter().filter_map(|end| end.node()).filter(|node| *node != name).collect();
    if nodes.len() < 2 {
        return nodes;
    }
    // A second way leads to every one of them: those that lead to the first, less those that miss another.
    let leading_to = |end: &Endpoint| -> BTreeSet<&NodeName> {
        let flows = end.node().into_iter().flat_map(|node| facts.flows_of(node)).filter(|(_, flow)| flow.to == *end);
        flows.filter_map(|(_, flow)| flow.from.node()).filter(|rival| *rival != name).collect()
    };
    let mut rivals: Option<BTreeSet<&NodeName>> = None;
    for end in ends.iter().filter(|end| end.node().is_some()).take(ENDS_MAX) {
        let there = leading_to(end);
        let left = rivals.map_or_else(|| there.clone(), |rivals| rivals.intersection(&there).copied().collect());
        if left.is_empty() {
            return nodes;
        }
        rivals = Some(left);
    }
    let leads_to = |rival: &NodeName, end: &Endpoint| facts.flows_of(rival).any(|(_, flow)| flow.from.node() == Some(rival) && flow.to == *end);
    let vips = ends.iter().filter(|end| end.node().is_none()).take(ENDS_MAX);
    let rivals = rivals.unwrap_or_default();
    if rivals.iter().any(|rival| vips.clone().all(|end| leads_to(rival, end))) { BTreeSet::new() } else { nodes }
}

/// The nodes that depend on a database and that something leads to as on one another's stand-ins.
fn served_alone<'a>(facts: &Facts<'a>, name: &'a NodeName, at: &ServiceRef, service: &Service) -> BTreeSet<&'a NodeName> {
    let has_copy = service.cluster.is_some() || service.replica_of.is_some() || facts.replicas_of(at).next().is_some();
    if has_copy {
        return BTreeSet::new();
    }
    let is_needed = |end: &Endpoint| matches!(end, Endpoint::Service(to) if to == at);
    let users: BTreeSet<&Endpoint> = facts.flows_of(name).filter(|(_, flow)| !flow.optional && is_needed(&flow.to)).map(|(_, flow)| &flow.from).collect();
    let user_nodes: BTreeSet<&NodeName> = users.iter().filter_map(|user| user.node()).filter(|node| *node != name).collect();
    // The first two of those that each front leads to: one of them is another than a given one, if any is.
    let mut led_to: BTreeMap<&NodeName, Vec<&NodeName>> = BTreeMap::new();
    let mut together: BTreeSet<&NodeName> = BTreeSet::new();
    for user in &users {
        let Some(node) = user.node().filter(|node| *node != name) else { continue };
        let leads_here = |end: &Endpoint| end == *user || matches!((user, end), (Endpoint::Node(user), Endpoint::Service(to)) if *user == to.node);
        let mut fronts = facts.flows_of(node).filter(|(_, flow)| leads_here(&flow.to)).filter_map(|(_, flow)| flow.from.node());
        let leads_to_another = fronts.any(|front| {
            let there = led_to.entry(front).or_insert_with(|| {
                let flows = facts.flows_of(front).filter(|(_, flow)| flow.from.node() == Some(front));
                let mut first_two: Vec<&NodeName> = Vec::new();
                for to in flows.filter_map(|(_, flow)| flow.to.node()).filter(|to| user_nodes.contains(to)) {
                    if first_two.len() < 2 && !first_two.contains(&to) {
                        first_two.push(to);
                    }
                }
                first_two
            });
            there.iter().any(|to| *to != node)
        });
        if leads_to_another {
            together.insert(node);
        }
    }
    together
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, lab};

    fn tiers(extra: &str, flows: &str, vips: &str) -> crate::model::Lab {
        let node = |name: &str, host: u8, role: &str, service: &str| {
            format!(r#""{name}": (role: {role}, adapters: [(network: "lan", address: "192.168.56.{host}")], services: {{{service}}}),"#)
        };
        let nodes = [
            node("lb1", 11, "balancer", r#""web": (kind: "haproxy")"#),
            node("lb2", 12, "balancer", r#""web": (kind: "haproxy")"#),
            node("app1", 13, "app", r#""todo": (kind: "todo")"#),
            node("app2", 14, "app", r#""todo": (kind: "todo")"#),
            node("db1", 15, "database", r#""db": (kind: "mariadb", bind: on("lan"))"#),
            node("db2", 16, "database", extra),
        ];
        lab(&format!(
            r#"(name: "x", networks: {{"lan": host_only(subnet: "192.168.56.0/24")}}, nodes: {{{}}}, vips: {{{vips}}}, flows: [
                (from: "outside", to: "lb1/web"), {flows}
            ])"#,
            nodes.concat()
        ))
    }

    const SPREAD: &str = r#"(from: "lb1/web", to: "app1/todo"), (from: "lb1/web", to: "app2/todo"),"#;

    #[test]
    fn one_balancer_before_two() {
        check("single-point-of-failure", &tiers("", SPREAD, ""), &["lb1/web is the only way to app1 and app2"]);
        let vip = r#""v": (address: "192.168.56.30", network: "lan", id: 51, follows: "web", holders: [(node: "lb1", priority: 110), (node: "lb2", priority: 100)])"#;
        check("single-point-of-failure", &tiers("", SPREAD, vip), &[]);
        let second = r#"(from: "outside", to: "lb2/web"), (from: "lb2/web", to: "app1/todo"), (from: "lb2/web", to: "app2/todo"),"#;
        check("single-point-of-failure", &tiers("", &format!("{SPREAD}{second}"), ""), &[]);
        check("single-point-of-failure", &tiers("", r#"(from: "lb1/web", to: "app1/todo")"#, ""), &[]);
    }

    #[test]
    fn a_web_server_that_leads_to_different_things() {
        let web = |second: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lan": host_only(subnet: "192.168.56.0/24")}}, nodes: {{
                    "web1": (role: app, adapters: [(network: "lan", address: "192.168.56.10")], services: {{"web": (kind: "nginx")}}),
                    "app1": (role: app, adapters: [(network: "lan", address: "192.168.56.11")], services: {{"php": (kind: "apache")}}),
                    "app2": (role: app, adapters: [(network: "lan", address: "192.168.56.12")], services: {{"php": (kind: "apache"), "ssh": (kind: "sshd")}}),
                }}, flows: [(from: "web1/web", to: "app1/php"), (from: "web1/web", to: "app2/{second}")])"#
            ))
        };
        check("single-point-of-failure", &web("php"), &["web1/web is the only way to app1 and app2"]);
        check("single-point-of-failure", &web("ssh"), &[]);
    }

    #[test]
    fn one_database_behind_two() {
        let second = r#"(from: "outside", to: "lb2/web"), (from: "lb2/web", to: "app1/todo"), (from: "lb2/web", to: "app2/todo"),"#;
        let data = r#"(from: "app1/todo", to: "db1/db"), (from: "app2/todo", to: "db1/db"),"#;
        let alone = tiers("", &format!("{SPREAD}{second}{data}"), "");
        check("single-point-of-failure", &alone, &["db1/db alone serves app1 and app2"]);
        let replica = r#""db": (kind: "mariadb", bind: on("lan"), replica_of: "db1/db")"#;
        check("single-point-of-failure", &tiers(replica, &format!("{SPREAD}{second}{data}"), ""), &[]);
        check("single-point-of-failure", &tiers("", data, ""), &[]);
    }
}
