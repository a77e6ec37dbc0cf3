//! Who takes writes: two primaries of the same data, and applications whose writes go to read-only replicas.
//!
//! Both work by themselves, so no probe of one service finds them: this looks at all that was observed, in the simulator and on real
//! nodes alike, and only makes healths worse.

use super::serves;
use crate::{
    catalog::{Behaviour, Catalog, Entry},
    model::{Endpoint, Health, Observed, ObservedService, Power, ServiceRef, ServiceSpec, Upstream, Value},
};
use std::collections::BTreeMap;

/// Balancers and web servers that are followed one behind the other, at most.
const PASSES_MAX: usize = 4;

/// Marks what is not well although each service answers.
pub fn judge(observed: &mut Observed, catalog: &Catalog) {
    for (one, other) in second_primaries(observed) {
        for (at, other) in [(&one, &other), (&other, &one)] {
            worsen(observed, at, &format!("two primaries: {other} takes writes too, and their data differ"));
        }
    }
    let map = Map { observed, catalog };
    let writers = map.read_only_writers();
    if writers.is_empty() {
        return;
    }
    let flows: Vec<(usize, String)> = observed
        .flows
        .iter()
        .enumerate()
        .filter_map(|(place, flow)| {
            let reason = map.flow_gap(&flow.id.from, &flow.id.to, &writers)?;
            Some((place, reason))
        })
        .collect();
    for (at, replica) in &writers {
        worsen(observed, at, &format!("cannot write: {replica} is a read-only replica"));
    }
    for (place, reason) in flows {
        if let Some(flow) = observed.flows.get_mut(place).filter(|flow| flow.health == Health::Healthy) {
            flow.health = Health::Degraded;
            flow.reason = reason;
        }
    }
}

/// Promoted replicas whose old primary takes writes again, with those.
fn second_primaries(observed: &Observed) -> Vec<(ServiceRef, ServiceRef)> {
    let mut found = Vec::new();
    for (at, _, spec) in services(observed) {
        let Some(primary) = &spec.promoted_from else { continue };
        let is_primary = |at: &ServiceRef| {
            running(observed, at)
                .is_some_and(|(there, spec)| spec.replica_of.is_none() && matches!(there.health, Health::Healthy | Health::Degraded))
        };
        if is_primary(&at) && is_primary(primary) {
            found.push((at, primary.clone()));
        }
    }
    found
}

/// Makes a service that looks well degraded, and its node with it.
fn worsen(observed: &mut Observed, at: &ServiceRef, reason: &str) {
    let Some(node) = observed.nodes.get_mut(&at.node) else { return };
    let Some(service) = node.services.get_mut(&at.service).filter(|service| service.health == Health::Healthy) else { return };
    service.health = Health::Degraded;
    reason.clone_into(&mut service.reason);
    if node.health == Health::Healthy {
        node.health = Health::Degraded;
    }
}

fn services(observed: &Observed) -> impl Iterator<Item = (ServiceRef, &ObservedService, &ServiceSpec)> {
    observed.nodes.iter().flat_map(|(node, there)| {
        let at = move |name: &crate::model::ServiceName| ServiceRef { node: node.clone(), service: name.clone() };
        there.services.iter().filter_map(move |(name, service)| Some((at(name), service, service.spec.as_ref()?)))
    })
}

/// A service on a node that is on.
fn running<'a>(observed: &'a Observed, at: &ServiceRef) -> Option<(&'a ObservedService, &'a ServiceSpec)> {
    let node = observed.nodes.get(&at.node).filter(|node| node.power == Power::Running)?;
    let service = node.services.get(&at.service)?;
    Some((service, service.spec.as_ref()?))
}

/// What is observed, followed along the calls of services.
struct Map<'a> {
    observed: &'a Observed,
    catalog: &'a Catalog,
}

impl<'a> Map<'a> {
    fn entry(&self, spec: &ServiceSpec) -> Option<&'a Entry> {
        self.catalog.get(&spec.kind)
    }

    /// Applications that write and come to read-only databases alone, each with one of those.
    fn read_only_writers(&self) -> BTreeMap<ServiceRef, ServiceRef> {
        let mut writers = BTreeMap::new();
        for (at, _, spec) in services(self.observed) {
            let Some(entry) = self.entry(spec) else { continue };
            for need in entry.needs.iter().filter(|need| need.writes) {
                let mut stores = Vec::new();
                let is_store = |behaviour: Behaviour| need.from.contains(&behaviour);
                spec.upstreams.iter().for_each(|upstream| self.behind(upstream, &is_store, PASSES_MAX, &mut stores));
                let is_read_only = |store: &ServiceRef| running(self.observed, store).is_some_and(|(_, spec)| self.refuses_writes(spec));
                if let Some(first) = stores.first().filter(|_| stores.iter().all(is_read_only)) {
                    writers.insert(at.clone(), first.clone());
                }
            }
        }
        writers
    }

    fn refuses_writes(&self, spec: &ServiceSpec) -> bool {
        let is_set = spec.settings.get("read_only") == Some(&Value::Bool(true));
        self.entry(spec).is_some_and(|entry| entry.behaviour == Behaviour::Database) && (spec.replica_of.is_some() || is_set)
    }

    /// Why a flow that works carries no write: it leads a writer to its database, or users to such writers alone.
    fn flow_gap(&self, from: &Endpoint, to: &Endpoint, writers: &BTreeMap<ServiceRef, ServiceRef>) -> Option<String> {
        match from {
            Endpoint::Service(from) => {
                let replica = writers.get(from)?;
                let mut there = Vec::new();
                self.end(to, None, &|behaviour| behaviour == Behaviour::Database, PASSES_MAX, &mut there);
                there.contains(replica).then(|| format!("{replica} is a read-only replica"))
            }
            Endpoint::Outside => {
                let mut apps = Vec::new();
                self.end(to, None, &|behaviour| behaviour == Behaviour::App, PASSES_MAX, &mut apps);
                let first = apps.first().filter(|_| apps.iter().all(|app| writers.contains_key(app)))?;
                Some(format!("{first} cannot write: {} is a read-only replica", writers.get(first)?))
            }
            Endpoint::Node(_) | Endpoint::Vip(_) => None,
        }
    }

    /// The services of a sort that an upstream leads to now, through what passes requests on.
    fn behind(&self, upstream: &Upstream, wanted: &dyn Fn(Behaviour) -> bool, passes: usize, found: &mut Vec<ServiceRef>) {
        if let Ok(end) = upstream.to.parse::<Endpoint>() {
            self.end(&end, Some(upstream.at.port()), wanted, passes, found);
        }
    }

    fn end(&self, end: &Endpoint, port: Option<u16>, wanted: &dyn Fn(Behaviour) -> bool, passes: usize, found: &mut Vec<ServiceRef>) {
        match end {
            Endpoint::Service(at) => self.service(at, wanted, passes, found),
            Endpoint::Vip(name) => {
                for node in self.observed.vips.get(name).iter().flat_map(|vip| &vip.holders) {
                    let part = self.observed.nodes.get(node).and_then(|node| node.vips.get(name));
                    if let Some(service) = part.and_then(|part| part.follows.clone()) {
                        self.service(&ServiceRef { node: node.clone(), service }, wanted, passes, found);
                    }
                }
            }
            Endpoint::Node(node) => {
                let Some(there) = self.observed.nodes.get(node) else { return };
                for (name, service) in &there.services {
                    let opens = |spec: &ServiceSpec| spec.listen.values().flatten().any(|at| Some(at.port()) == port);
                    if service.spec.as_ref().is_some_and(opens) {
                        self.service(&ServiceRef { node: node.clone(), service: name.clone() }, wanted, passes, found);
                    }
                }
            }
            Endpoint::Outside => {}
        }
    }

    fn service(&self, at: &ServiceRef, wanted: &dyn Fn(Behaviour) -> bool, passes: usize, found: &mut Vec<ServiceRef>) {
        let Some((_, spec)) = running(self.observed, at).filter(|(there, _)| serves(there.health)) else { return };
        let Some(entry) = self.entry(spec) else { return };
        if wanted(entry.behaviour) {
            found.push(at.clone());
        } else if passes > 0
            && matches!(entry.behaviour, Behaviour::Balancer | Behaviour::Web | Behaviour::PortForward | Behaviour::SshTunnel)
        {
            spec.upstreams.iter().for_each(|upstream| self.behind(upstream, wanted, passes - 1, found));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> ServiceRef {
        text.parse().unwrap()
    }

    /// An application behind a balancer, a primary and its replica, and a VIP over both.
    fn mill() -> Observed {
        let text = r#"(sandtable: 1, name: "x", networks: {"lan": internal(subnet: "10.1.0.0/24")}, nodes: {
            "lb": (role: balancer, adapters: [(network: "lan", address: "10.1.0.9")], services: {"proxy": (kind: "haproxy")}),
            "app": (role: app, adapters: [(network: "lan", address: "10.1.0.10")], services: {"todo": (kind: "todo")}),
            "db1": (role: database, adapters: [(network: "lan", address: "10.1.0.11")], services: {"db": (kind: "mariadb", bind: on("lan"))}),
            "db2": (role: database, adapters: [(network: "lan", address: "10.1.0.12")], services: {"db": (kind: "mariadb", bind: on("lan"), replica_of: "db1/db")}),
        }, vips: {"store": (address: "10.1.0.30", network: "lan", id: 51, follows: "db", holders: [(node: "db1", priority: 110), (node: "db2", priority: 100)])},
        flows: [(from: "outside", to: "lb/proxy"), (from: "lb/proxy", to: "app/todo"), (from: "app/todo", to: "vip:store")])"#;
        let lab = crate::layout::read(text).unwrap();
        let mut seen = crate::probe::fixture::set_up(&lab);
        seen.nodes.values_mut().for_each(|node| node.health = Health::Healthy);
        let flow = |flow: &crate::model::Flow| crate::model::ObservedFlow {
            id: flow.into(),
            health: Health::Healthy,
            forward: true,
            backward: true,
            latency_ms: None,
            reason: String::new(),
        };
        seen.flows = lab.flows.iter().map(flow).collect();
        hold(&mut seen, "db1");
        seen
    }

    fn hold(seen: &mut Observed, node: &str) {
        let vip = crate::model::ObservedVip { holders: vec![node.parse().unwrap()], ..Default::default() };
        seen.vips.insert("store".parse().unwrap(), vip);
    }

    fn judged(mut seen: Observed) -> (Vec<(Health, String)>, Health) {
        judge(&mut seen, Catalog::embedded());
        let flows = seen.flows.iter().map(|flow| (flow.health, flow.reason.clone())).collect();
        (flows, seen.nodes.values().map(|node| node.health).fold(Health::Healthy, Health::worse))
    }

    #[test]
    fn writes_that_come_to_a_replica_make_the_flow_and_the_entry_degraded() {
        let good = (Health::Healthy, String::new());
        assert_eq!(judged(mill()), (vec![good.clone(); 3], Health::Healthy));
        let mut seen = mill();
        hold(&mut seen, "db2");
        let entry = (Health::Degraded, "app/todo cannot write: db2/db is a read-only replica".to_owned());
        let flow = (Health::Degraded, "db2/db is a read-only replica".to_owned());
        assert_eq!(judged(seen.clone()), (vec![entry, good.clone(), flow], Health::Degraded));
        // Promoted, with the old primary gone.
        let spec = seen.nodes.get_mut("db2").unwrap().services.get_mut("db").unwrap().spec.as_mut().unwrap();
        (spec.replica_of, spec.promoted_from) = (None, Some(at("db1/db")));
        seen.nodes.get_mut("db1").unwrap().power = Power::Stopped;
        assert_eq!(judged(seen).0, vec![good; 3]);
    }

    #[test]
    fn an_old_primary_that_comes_back_is_a_second_one() {
        let mut seen = mill();
        let spec = seen.nodes.get_mut("db2").unwrap().services.get_mut("db").unwrap().spec.as_mut().unwrap();
        (spec.replica_of, spec.promoted_from) = (None, Some(at("db1/db")));
        let mut down = seen.clone();
        judge(&mut seen, Catalog::embedded());
        for (node, other) in [("db1", "db2/db"), ("db2", "db1/db")] {
            let service = &seen.nodes[node].services["db"];
            assert_eq!((service.health, service.reason.contains(other)), (Health::Degraded, true), "{service:?}");
        }
        down.nodes.get_mut("db1").unwrap().services.get_mut("db").unwrap().health = Health::Down;
        judge(&mut down, Catalog::embedded());
        assert_eq!(down.nodes["db2"].services["db"].health, Health::Healthy);
    }
}
