//! The events between two observations.

use super::{Author, Event, Fact, Operation, Sample, Viewer};
use crate::model::{ActiveFault, Fault, FlowId, Health, NodeName, ObservedFlow, ObservedNode, Power, ServiceRef};
use std::collections::{HashMap, HashSet};

/// How much later than its timer says a fault may be observed as healed, in milliseconds.
const TIMER_MS: u64 = 1500;

/// What changed between two observations, in the order of time; of one moment: faults, networks, nodes, services, VIPs, clusters, flows.
pub fn between(before: Sample<'_>, after: Sample<'_>, viewer: Viewer<'_>) -> Vec<Event> {
    let mut changes = Changes { before, after, viewer, events: Vec::new() };
    changes.faults();
    changes.networks();
    changes.nodes();
    changes.conditions();
    changes.vips();
    changes.clusters();
    changes.flows();
    changes.outage();
    changes.events.sort_by_key(|event| event.lab_ms);
    changes.events
}

struct Changes<'a> {
    before: Sample<'a>,
    after: Sample<'a>,
    viewer: Viewer<'a>,
    events: Vec<Event>,
}

impl Changes<'_> {
    /// An event at a moment of the lab's clock.
    fn add(&mut self, lab_ms: u64, author: Author, fact: Fact) {
        self.events.push(Event { at_ms: self.wall_ms(lab_ms), lab_ms, author, fact });
    }

    /// What the lab does by itself, at the moment of the later observation.
    fn add_now(&mut self, fact: Fact) {
        self.add(self.after.observed.at_ms, Author::Lab, fact);
    }

    /// A moment of the lab's clock, in milliseconds since 1970. The clock of a simulated lab is moved on by what is done to it, so that the
    /// nearer observation counts.
    fn wall_ms(&self, lab_ms: u64) -> u64 {
        let (before, after) = (self.before, self.after);
        if lab_ms <= before.observed.at_ms && before.observed.at_ms <= after.observed.at_ms {
            return before.wall_ms.saturating_sub(before.observed.at_ms - lab_ms);
        }
        let at_ms = after.wall_ms.saturating_sub(after.observed.at_ms.saturating_sub(lab_ms));
        at_ms.max(before.wall_ms.min(after.wall_ms))
    }

    /// The moment at which a state began, no earlier than it was observed otherwise.
    fn since(&self, since_ms: u64) -> u64 {
        since_ms.max(self.before.observed.at_ms).min(self.after.observed.at_ms)
    }

    /// Who creates and removes things: they never do it by themselves.
    fn maker(&self) -> Author {
        if self.viewer.operation.is_some() { Author::Viewer } else { Author::AnotherProcess }
    }

    fn faults(&mut self) {
        let (before, after) = (self.before.observed, self.after.observed);
        let missing_in = |all: &[ActiveFault], fault: &ActiveFault| !all.iter().any(|other| other.id == fault.id);
        for fault in after.faults.iter().filter(|fault| missing_in(&before.faults, fault)) {
            self.add(fault.since_ms, self.viewer.injector(fault.by), Fact::Injected(fault.fault.clone()));
        }
        for fault in before.faults.iter().filter(|fault| missing_in(&after.faults, fault)) {
            let one = fault.fault.clone();
            // A timer ends a fault at its moment; it is observed a little later.
            let expired = fault.until_ms.filter(|until_ms| *until_ms <= after.at_ms + TIMER_MS);
            match expired {
                _ if self.viewer.healing.contains(&fault.id) || self.viewer.operation == Some(Operation::Destroy) => {
                    self.add(after.at_ms, Author::Viewer, Fact::Healed(one));
                }
                Some(until_ms) => self.add(until_ms.clamp(before.at_ms.min(after.at_ms), after.at_ms), Author::Timer, Fact::Healed(one)),
                None if matches!(one, Fault::Kill(_)) => self.add(after.at_ms, Author::Lab, Fact::Recovered(one)),
                None => self.add(after.at_ms, Author::AnotherProcess, Fact::Healed(one)),
            }
        }
    }

    fn networks(&mut self) {
        let (before, after) = (self.before.observed, self.after.observed);
        for name in after.networks.keys().filter(|name| !before.networks.contains_key(*name)) {
            self.add(after.at_ms, self.maker(), Fact::NetworkCreated(name.clone()));
        }
        for name in before.networks.keys().filter(|name| !after.networks.contains_key(*name)) {
            self.add(after.at_ms, self.maker(), Fact::NetworkRemoved(name.clone()));
        }
    }

    fn nodes(&mut self) {
        let (before, after) = (self.before.observed, self.after.observed);
        for (name, node) in &after.nodes {
            let old = before.nodes.get(name);
            self.power(name, old, node);
            self.services(name, old, node);
        }
        for name in before.nodes.keys().filter(|name| !after.nodes.contains_key(*name)) {
            self.add(after.at_ms, self.maker(), Fact::NodeRemoved(name.clone()));
        }
    }

    fn power(&mut self, name: &NodeName, old: Option<&ObservedNode>, node: &ObservedNode) {
        let was = old.map_or(Power::Missing, |old| old.power);
        if node.power == was && (!node.is_booting || old.is_some_and(|old| old.is_booting)) {
            return;
        }
        let (at_ms, name) = (self.after.observed.at_ms, name.clone());
        match node.power {
            Power::Running | Power::Stopped if node.is_booting => self.add_now(Fact::NodeBooting(name)),
            Power::Running => self.add_now(Fact::NodeRunning(name)),
            Power::Paused => self.add_now(Fact::NodePaused(name)),
            Power::Stopped if was == Power::Missing => self.add(at_ms, self.maker(), Fact::NodeCreated(name)),
            Power::Stopped => self.add_now(Fact::NodeOff(name)),
            Power::Missing => self.add(at_ms, self.maker(), Fact::NodeRemoved(name)),
        }
    }

    fn services(&mut self, node_name: &NodeName, old: Option<&ObservedNode>, node: &ObservedNode) {
        for (name, service) in &node.services {
            let Some(spec) = &service.spec else { continue };
            let old = old.and_then(|old| old.services.get(name));
            let at = ServiceRef { node: node_name.clone(), service: name.clone() };
            let was_replica = old.and_then(|old| old.spec.as_ref()).is_some_and(|spec| spec.promoted_from.is_none());
            if was_replica && spec.promoted_from.is_some() {
                self.add(self.after.observed.at_ms, self.maker(), Fact::Promoted(at.clone()));
            }
            if service.health != old.map_or(Health::Unknown, |old| old.health) {
                let fact = Fact::Service { at, health: service.health, reason: service.reason.clone() };
                self.add(self.since(service.since_ms), Author::Lab, fact);
            }
        }
    }

    /// What changed of nodes that ran before and still run: their links, and what is wrong with the node itself.
    fn conditions(&mut self) {
        let (before, after) = (self.before.observed, self.after.observed);
        for (name, node) in &after.nodes {
            let Some(old) = before.nodes.get(name) else { continue };
            if old.power != Power::Running || node.power != Power::Running {
                continue;
            }
            let links = old.links_up.iter().zip(&node.links_up).enumerate();
            for (slot, (_, is_up)) in links.filter(|(_, (was_up, is_up))| was_up != is_up) {
                let adapter = node.spec.as_ref().and_then(|spec| spec.adapters.get(slot));
                let to = adapter.map_or_else(|| format!("adapter {}", slot + 1), |adapter| adapter.network.to_string());
                self.add_now(Fact::Link { node: name.clone(), to, is_up: *is_up });
            }
            if node.reason != old.reason {
                let (reason, before) = (node.reason.clone(), old.reason.clone());
                self.add_now(Fact::NodeState { node: name.clone(), health: node.health, reason, before });
            }
        }
    }

    fn vips(&mut self) {
        let (before, after) = (self.before.observed, self.after.observed);
        for (name, vip) in &after.vips {
            let was: &[NodeName] = before.vips.get(name).map_or(&[], |old| &old.holders);
            // Which of several took it last may change as they announce it.
            if vip.holders.len() == was.len() && was.iter().all(|node| vip.holders.contains(node)) {
                continue;
            }
            let at_ms = self.since(vip.since_ms);
            for lost in was.iter().filter(|node| !vip.holders.contains(node)) {
                self.add(at_ms, Author::Lab, Fact::VipLeft(name.clone(), vip.address, lost.clone()));
            }
            for new in vip.holders.iter().filter(|node| !was.contains(node)) {
                self.add(at_ms, Author::Lab, Fact::VipTaken(name.clone(), vip.address, new.clone()));
            }
            if vip.holders.len() != 1 {
                self.add(at_ms, Author::Lab, Fact::VipAlarm(name.clone(), vip.address, vip.holders.len()));
            }
        }
    }

    fn clusters(&mut self) {
        for (name, cluster) in &self.after.observed.clusters {
            if self.before.observed.clusters.get(name).map(|old| old.state) != Some(cluster.state) {
                let working = cluster.parts.first().map_or(0, Vec::len);
                self.add_now(Fact::Cluster { name: name.clone(), state: cluster.state, working, size: cluster.size });
            }
        }
    }

    /// Requests are answered again, where they were not in the observation before.
    fn outage(&mut self) {
        let Some((outage, after_ms)) = self.after.outage.and_then(|outage| Some((outage, outage.answered_after_ms?))) else { return };
        let is_new = match self.before.outage {
            Some(before) => before.fault_at_ms != outage.fault_at_ms || before.answered_after_ms.is_none(),
            // It was not measured: what is older than the observation before may have been known to it.
            None => outage.fault_at_ms >= self.before.observed.at_ms,
        };
        if is_new {
            self.add(outage.fault_at_ms + after_ms, Author::Lab, Fact::Answered);
        }
    }

    fn flows(&mut self) {
        // A layout may have a flow twice: the first counts.
        let old_flows: HashMap<&FlowId, &ObservedFlow> = self.before.observed.flows.iter().rev().map(|old| (&old.id, old)).collect();
        let mut known = HashSet::new();
        for flow in self.after.observed.flows.iter().filter(|flow| known.insert(&flow.id)) {
            let old = old_flows.get(&flow.id);
            let was = old.map_or(Health::Unknown, |old| old.health);
            if flow.health == was || flow.health == Health::Unknown || (old.is_none() && flow.health != Health::Down) {
                continue;
            }
            self.add_now(Fact::Flow { id: flow.id.clone(), health: flow.health, reason: flow.reason.clone() });
        }
    }
}

#[cfg(test)]
mod tests;
