//! A service lacks what it is of no use without.
//!
//! ## Why
//! Some kinds do nothing alone, and the catalog says what they need: an application its database, a login its directory, an
//! automount its file server, a cache or a balancer a server behind it, an arbitrator and a tunnel a member to work with.
//! Without it the service starts, looks healthy, and answers no request.
//!
//! A flow to a balancer, a forwarding or a tunnel counts: it may lead on to what is needed.
//!
//! ## Example
//! `app1/todo` reads and writes a database, and no flow leads from it to one.
//!
//! ## Do this instead
//! Draw the flow, or put the service in the cluster of its partners; remove it where it is not needed.

use super::agreement::answering;
use super::{Facts, Report, offer};
use crate::catalog::{Behaviour, Entry, Need, Through};
use crate::model::{Endpoint, Node, NodeName, Service, ServiceName, ServiceRef, Subject, nearest};

/// How many adapters of each network are looked at for a service that is meant.
const LOOKED_AT_MAX: usize = 64;

/// How many services are offered.
const OFFERED_MAX: usize = 2;

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        let Some(entry) = facts.entry(service).filter(|entry| !entry.needs.is_empty()) else { continue };
        let at = ServiceRef { node: name.clone(), service: service_name.clone() };
        let place = Place { facts, at: &at, node, service };
        for need in &entry.needs {
            // A service that works in clusters only, and is in none, is another finding; so is the end of a link's tunnel.
            let said_elsewhere = need.through.contains(&Through::Cluster)
                && (service.cluster.is_none() && entry.behaviour.needs_cluster() || is_end_of_link(facts, node, service_name));
            if said_elsewhere || need.through.iter().any(|through| place.has(need, *through)) {
                continue;
            }
            let mut found = report.add(Subject::Service(at.clone()), format!("{at} lacks {}: {}", need.what, need.otherwise));
            for (title, edits) in place.offers(entry, need) {
                found = found.fix(title, edits);
            }
        }
    }
}

/// Whether a service is what a link between sites crosses by, on a node of one of them.
fn is_end_of_link(facts: &Facts<'_>, node: &Node, service: &ServiceName) -> bool {
    let Some(site) = &node.site else { return false };
    facts.lab.links.iter().any(|link| link.tunnel.as_ref() == Some(service) && (link.between.0 == *site || link.between.1 == *site))
}

/// Whether a service may be what is needed, or lead on to it.
pub(super) fn fits(facts: &Facts<'_>, wanted: &[Behaviour], service: &Service) -> bool {
    // Of a kind that the catalog does not have nothing can be said.
    facts.behaviour(service).is_none_or(|behaviour| {
        let leads_on = matches!(behaviour, Behaviour::Balancer | Behaviour::PortForward | Behaviour::SshTunnel);
        wanted.is_empty() || wanted.contains(&behaviour) || leads_on
    })
}

struct Place<'a> {
    facts: &'a Facts<'a>,
    at: &'a ServiceRef,
    node: &'a Node,
    service: &'a Service,
}

impl Place<'_> {
    fn is_here(&self, end: &Endpoint) -> bool {
        match end {
            Endpoint::Service(at) => at == self.at,
            Endpoint::Node(node) => *node == self.at.node,
            Endpoint::Vip(_) | Endpoint::Outside => false,
        }
    }

    /// Whether what is needed is joined to the service in this way.
    fn has(&self, need: &Need, through: Through) -> bool {
        let facts = self.facts;
        let is_it = |end: &Endpoint| match end {
            Endpoint::Outside | Endpoint::Node(_) => true,
            Endpoint::Service(at) if at == self.at => false,
            Endpoint::Service(_) | Endpoint::Vip(_) => {
                let there = answering(facts, end);
                there.is_empty() || there.iter().any(|(_, service)| fits(facts, &need.from, service))
            }
        };
        match through {
            Through::FlowTo => facts.flows_of(&self.at.node).any(|(_, flow)| self.is_here(&flow.from) && is_it(&flow.to)),
            Through::FlowFrom => {
                let to_it = |end: &Endpoint| self.is_here(end) || answers_at(facts, end, self.at);
                facts.flows_of(&self.at.node).any(|(_, flow)| to_it(&flow.to) && is_it(&flow.from))
            }
            Through::Cluster => self.service.cluster.as_ref().is_some_and(|cluster| {
                let is_partner = |(at, service): (&ServiceRef, &Service)| at != self.at && fits(facts, &need.from, service);
                facts.is_large_cluster(cluster) || facts.members(cluster).any(is_partner)
            }),
        }
    }

    fn offers(&self, entry: &Entry, need: &Need) -> Vec<offer::Offer> {
        let mut offers = Vec::new();
        if need.through.contains(&Through::Cluster) {
            offers.extend(self.join(entry));
            return offers;
        }
        let candidates = if need.from.is_empty() { Vec::new() } else { self.near(&need.from) };
        for other in candidates {
            if need.through.contains(&Through::FlowTo) {
                offers.push((format!("Draw a flow to {other}"), offer::flow(self.facts, self.at, &other)));
            } else if need.through.contains(&Through::FlowFrom) {
                offers.push((format!("Draw a flow from {other}"), offer::flow(self.facts, &other, self.at)));
            }
        }
        offers
    }

    /// The first few services of these sorts on the networks of the node.
    fn near(&self, wanted: &[Behaviour]) -> Vec<ServiceRef> {
        let mut found: Vec<ServiceRef> = Vec::new();
        for network in self.node.adapters.iter().map(|adapter| &adapter.network).filter(|network| self.facts.joins(network)) {
            for (name, _) in self.facts.on_network(network).take(LOOKED_AT_MAX) {
                let services = self.facts.lab.nodes.get(name).into_iter().flat_map(|node| &node.services);
                let is_it = |service: &Service| self.facts.behaviour(service).is_some_and(|behaviour| wanted.contains(&behaviour));
                for (service, _) in services.filter(|(_, service)| is_it(service)) {
                    let at = ServiceRef { node: name.clone(), service: service.clone() };
                    if at != *self.at && !found.contains(&at) && found.len() < OFFERED_MAX {
                        found.push(at);
                    }
                }
            }
        }
        found
    }

    /// Joins the cluster of its sort that is called most alike, or the only one.
    fn join(&self, entry: &Entry) -> Option<offer::Offer> {
        let sort = entry.behaviour.cluster_sort()?;
        let is_joined = |members: &std::collections::BTreeSet<ServiceRef>| {
            let first = members.iter().find(|at| *at != self.at).and_then(|at| self.facts.lab.service(at));
            first.and_then(|service| self.facts.behaviour(service)?.cluster_sort()) == Some(sort)
        };
        let clusters: Vec<&str> =
            self.facts.clusters().filter(|(_, members)| is_joined(members)).map(|(name, _)| name.as_str()).take(LOOKED_AT_MAX).collect();
        let near = self.service.cluster.as_ref().and_then(|own| nearest(own, &mut clusters.iter().copied()));
        let name = near.or_else(|| clusters.first().filter(|_| clusters.len() == 1).map(|name| (*name).to_owned()))?;
        let cluster = name.parse().ok()?;
        let edits = offer::service(&self.at.node, &self.at.service, self.service, |service| service.cluster = Some(cluster));
        Some((format!("Put {} in {name}", self.at), edits))
    }
}

/// Whether a VIP may lead to a service.
fn answers_at(facts: &Facts<'_>, end: &Endpoint, at: &ServiceRef) -> bool {
    matches!(end, Endpoint::Vip(_)) && answering(facts, end).iter().any(|(there, _)| there == at)
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    const CODE: &str = "missing-dependency";

    fn desk(service: &str, others: &str, flows: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                "desk": (role: worker, adapters: [(network: "lan", address: "10.1.0.10")], services: {{"s": ({service})}}),
                "other": (role: storage, adapters: [(network: "lan", address: "10.1.0.11")], services: {{{others}}}),
            }}, flows: [{flows}])"#
        ))
    }

    #[test]
    fn a_flow_that_is_needed() {
        let to = r#"(from: "desk/s", to: "other/o")"#;
        for (kind, other, said) in [
            ("ldap-login", "openldap", "desk/s lacks a directory: no directory account can log in"),
            ("automount", "nfs-server", "desk/s lacks a file server: nothing can be mounted"),
            ("todo", "mariadb", "desk/s lacks a database: it can neither read nor write"),
        ] {
            let with = |flows: &str| desk(&format!(r#"kind: "{kind}""#), &format!(r#""o": (kind: "{other}"), "time": (kind: "chrony")"#), flows);
            check(CODE, &with(""), &[said]);
            assert_eq!(fixes(CODE, &with("")), ["Draw a flow to other/o"], "{kind}");
            check(CODE, &with(to), &[]);
            check(CODE, &with(r#"(from: "desk", to: "other")"#), &[]);
            check(CODE, &with(r#"(from: "desk/s", to: "other/time")"#), &[said]);
        }
        let web = r#""o": (kind: "nginx")"#;
        check(CODE, &desk(r#"kind: "varnish""#, web, ""), &["desk/s lacks a server to ask: it answers every request with 503"]);
        check(CODE, &desk(r#"kind: "varnish""#, web, to), &[]);
        check(CODE, &desk(r#"kind: "haproxy""#, web, ""), &["desk/s lacks a server to spread requests over: it answers every request with 503"]);
    }

    #[test]
    fn metrics_are_fetched() {
        let eye = r#""eye": (kind: "prometheus")"#;
        check(CODE, &desk(r#"kind: "node-exporter""#, eye, ""), &["desk/s lacks a monitor: no monitor collects its metrics"]);
        assert_eq!(fixes(CODE, &desk(r#"kind: "node-exporter""#, eye, "")), ["Draw a flow from other/eye"]);
        check(CODE, &desk(r#"kind: "node-exporter""#, eye, r#"(from: "other/eye", to: "desk/s")"#), &[]);
    }

    #[test]
    fn members_that_are_needed() {
        let vote = |other: &str| desk(r#"kind: "garbd", cluster: "grove""#, other, "");
        check(CODE, &vote(""), &["desk/s lacks a Galera member to vote with: an arbitrator ends when it finds no member"]);
        check(CODE, &vote(r#""o": (kind: "garbd", cluster: "grove")"#), &[
            "desk/s lacks a Galera member to vote with: an arbitrator ends when it finds no member",
            "other/o lacks a Galera member to vote with: an arbitrator ends when it finds no member",
        ]);
        check(CODE, &vote(r#""o": (kind: "galera", cluster: "grove")"#), &[]);
        let bees = |cluster: &str| desk(r#"kind: "beam", cluster: "hives""#, &format!(r#""o": (kind: "beam", cluster: "{cluster}"), "p": (kind: "beam", cluster: "hive")"#), "");
        check(CODE, &bees("hives"), &["other/p lacks another node of its mesh: it is a mesh of one"]);
        check(CODE, &bees("hive"), &["desk/s lacks another node of its mesh: it is a mesh of one"]);
        assert_eq!(fixes(CODE, &bees("hive")), ["Put desk/s in hive"]);
        check(CODE, &desk(r#"kind: "wireguard""#, "", ""), &["desk/s lacks a peer: a tunnel with one end carries nothing"]);
    }
}
