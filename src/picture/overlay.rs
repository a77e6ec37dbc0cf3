//! What is shown on top of the plain drawing: findings, what is observed, what a plan would do, what stands out.
//!
//! [`Overlay`] is what a caller knows; [`States`] is the same by the scene's own numbers, so that drawing looks nothing up
//! by text.

use super::scene::Scene;
use crate::{
    model::{ClusterState, Health, Lab, NodeName, Observed, Power, ServiceName, Subject},
    plan::{Change, Plan},
    rules::{Finding, Severity},
};
use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use std::{collections::BTreeMap, sync::Arc};

/// What the drawing is for right now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// It is being drawn: findings show.
    #[default]
    Design,
    /// It runs: health shows.
    Run,
    /// It is shown to others.
    Present,
}

/// How far a node's deployment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Steps done.
    pub done: usize,
    /// Steps in all.
    pub of: usize,
    /// Whether one of them failed.
    pub failed: bool,
}

/// What a caller wants shown on the drawing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Overlay<'a> {
    /// What the drawing is for.
    pub mode: Mode,
    /// What the rules found. Accepted ones do not show.
    pub findings: &'a [Arc<Finding>],
    /// What is seen of the running lab.
    pub observed: Option<&'a Observed>,
    /// What would be done.
    pub plan: Option<&'a Plan>,
    /// How far that is.
    pub progress: Option<&'a BTreeMap<NodeName, Progress>>,
    /// What stands out; the rest is dimmed. Empty: nothing is dimmed.
    pub highlight: &'a [Subject],
    /// What a fault would take with it.
    pub at_risk: &'a [Subject],
}

/// The findings on one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Badge {
    /// The worst of them.
    pub severity: Severity,
    /// How many.
    pub count: usize,
}

impl Badge {
    fn add(into: &mut Option<Self>, severity: Severity) {
        let badge = into.get_or_insert(Self { severity, count: 0 });
        badge.severity = badge.severity.min(severity);
        badge.count += 1;
    }
}

/// What shows on one thing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct State {
    /// Findings about it and, on a node, about what is on it.
    pub badge: Option<Badge>,
    /// How well it is; `None` where nothing is observed.
    pub health: Option<Health>,
    /// What the plan does to it.
    pub change: Option<Change>,
    /// Whether something else stands out.
    pub dimmed: bool,
    /// Whether a fault that is being considered would take it.
    pub at_risk: bool,
    /// How far its deployment is.
    pub progress: Option<Progress>,
}

/// Who has a VIP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holders {
    /// Nodes by number.
    pub nodes: Vec<u32>,
    /// Whether that was observed; else it is the drawing's first holder.
    pub observed: bool,
    /// Where it was before it moved, and when it moved, in milliseconds of the observation's clock.
    pub moved: Option<(u32, u64)>,
}

/// How long a VIP's ghost stays where the VIP was, in milliseconds.
const GHOST_MS: u64 = 30_000;

/// The overlay by the scene's numbers.
#[derive(Debug, Clone, Default)]
pub struct States {
    /// What the drawing is for.
    pub mode: Mode,
    /// Of nodes, by number.
    pub nodes: Vec<State>,
    /// Of services that have anything to show.
    pub services: HashMap<(u32, ServiceName), State>,
    /// Of adapters by node and slot that have anything to show: findings and links that are down.
    pub adapters: HashMap<(u32, usize), State>,
    /// Of networks, by number.
    pub networks: Vec<State>,
    /// Of flows, by number.
    pub flows: Vec<State>,
    /// Of VIPs, by number.
    pub vips: Vec<State>,
    /// Who has which VIP, by number.
    pub holders: Vec<Holders>,
    /// Clusters that are not whole.
    pub broken_clusters: HashSet<String>,
}

impl States {
    /// Puts an overlay in the scene's numbers. `before` is what was shown last: a VIP's ghost stands where it was then.
    pub fn new(scene: &Scene, lab: &Lab, overlay: &Overlay<'_>, before: &Self) -> Self {
        let mut states = Self {
            mode: overlay.mode,
            nodes: vec![State::default(); scene.nodes.len()],
            networks: vec![State::default(); scene.networks.len()],
            flows: vec![State::default(); lab.flows.len()],
            vips: vec![State::default(); lab.vips.len()],
            ..Self::default()
        };
        for finding in overlay.findings.iter().filter(|finding| finding.accepted.is_none()) {
            states.each(scene, lab, &finding.subject, Reach::Owner, |state| Badge::add(&mut state.badge, finding.severity));
        }
        for step in overlay.plan.map_or(&[][..], |plan| &plan.steps) {
            states.each(scene, lab, &step.subject, Reach::Owner, |state| {
                // A node that is created and then configured is still a created one; one of whose services changes is changed.
                state.change = match (state.change, step.change) {
                    (None, change) => Some(change),
                    (Some(there), _) => Some(there),
                };
            });
        }
        if !overlay.highlight.is_empty() {
            states.everything(|state| state.dimmed = true);
            for subject in overlay.highlight {
                states.each(scene, lab, subject, Reach::Whole, |state| state.dimmed = false);
            }
        }
        for subject in overlay.at_risk {
            states.each(scene, lab, subject, Reach::Itself, |state| state.at_risk = true);
        }
        for (name, progress) in overlay.progress.into_iter().flatten() {
            if let Some(state) = scene.node_number(name).and_then(|node| states.nodes.get_mut(node as usize)) {
                state.progress = Some(*progress);
            }
        }
        if let Some(observed) = overlay.observed.filter(|_| overlay.mode != Mode::Design) {
            states.observe(scene, lab, observed);
        }
        states.hold(scene, lab, overlay, before);
        states
    }

    fn observe(&mut self, scene: &Scene, lab: &Lab, observed: &Observed) {
        for (node, item) in (0_u32..).zip(&scene.nodes) {
            let Some(state) = self.nodes.get_mut(node as usize) else { continue };
            let Some(seen) = observed.nodes.get(&item.name) else {
                state.health = Some(Health::Unknown);
                continue;
            };
            state.health = Some(match seen.power {
                Power::Running => seen.health,
                Power::Missing => Health::Unknown,
                Power::Stopped | Power::Paused => Health::Down,
            });
            for (name, service) in &seen.services {
                let health = if seen.power == Power::Running { service.health } else { Health::Down };
                self.services.entry((node, name.clone())).or_default().health = Some(health);
            }
            for (slot, _) in seen.links_up.iter().enumerate().filter(|(_, up)| !**up) {
                self.adapters.entry((node, slot)).or_default().health = Some(Health::Down);
            }
        }
        let seen: HashMap<_, _> = observed.flows.iter().map(|flow| ((&flow.from, &flow.to), flow.health)).collect();
        for (state, flow) in self.flows.iter_mut().zip(&lab.flows) {
            state.health = Some(seen.get(&(&flow.from, &flow.to)).copied().unwrap_or_default());
        }
        self.broken_clusters = observed
            .clusters
            .iter()
            .filter(|(_, cluster)| cluster.state != ClusterState::Whole)
            .map(|(name, _)| name.to_string())
            .collect();
    }

    fn hold(&mut self, scene: &Scene, lab: &Lab, overlay: &Overlay<'_>, before: &Self) {
        for (number, (name, vip)) in lab.vips.iter().enumerate() {
            let seen =
                overlay.observed.filter(|_| overlay.mode != Mode::Design).and_then(|observed| Some((observed, observed.vips.get(name)?)));
            let drawn = || vip.first_holder().and_then(|holder| scene.node_number(&holder.node)).into_iter().collect();
            let mut holders = match seen {
                Some((_, seen)) => {
                    Holders { nodes: seen.holders.iter().filter_map(|node| scene.node_number(node)).collect(), observed: true, moved: None }
                }
                None => Holders { nodes: drawn(), observed: false, moved: None },
            };
            if let (Some((observed, seen)), Some(last)) = (seen, before.holders.get(number).filter(|last| last.observed)) {
                let fresh = observed.at_ms.saturating_sub(seen.since_ms) < GHOST_MS;
                let from = match (last.nodes.as_slice(), last.moved) {
                    (nodes, _) if !nodes.is_empty() && *nodes != holders.nodes => nodes.first().map(|from| (*from, seen.since_ms)),
                    (_, moved) => moved,
                };
                holders.moved = from.filter(|(from, _)| fresh && !holders.nodes.contains(from));
            }
            if let (Some(state), true) = (self.vips.get_mut(number), holders.observed) {
                state.health = Some(if holders.nodes.len() == 1 { Health::Healthy } else { Health::Down });
            }
            self.holders.push(holders);
        }
    }

    fn everything(&mut self, mut change: impl FnMut(&mut State)) {
        let lists = [&mut self.nodes, &mut self.networks, &mut self.flows, &mut self.vips];
        lists.into_iter().flatten().for_each(&mut change);
    }

    /// Changes the states of what a subject means.
    fn each(&mut self, scene: &Scene, lab: &Lab, subject: &Subject, reach: Reach, mut change: impl FnMut(&mut State)) {
        let node_too = |states: &mut Self, name: &NodeName, also: &mut dyn FnMut(&mut State)| {
            if let Some(state) = scene.node_number(name).and_then(|node| states.nodes.get_mut(node as usize)) {
                also(state);
            }
        };
        match subject {
            Subject::Node(name) => node_too(self, name, &mut change),
            Subject::Service(at) => {
                if let Some(node) = scene.node_number(&at.node) {
                    change(self.services.entry((node, at.service.clone())).or_default());
                }
                if reach != Reach::Itself {
                    node_too(self, &at.node, &mut change);
                }
            }
            Subject::Adapter(name, slot, _) => {
                if let Some(node) = scene.node_number(name) {
                    change(self.adapters.entry((node, *slot)).or_default());
                }
                if reach != Reach::Itself {
                    node_too(self, name, &mut change);
                }
            }
            Subject::Network(name) => {
                if let Some(state) = scene.network_number(name).and_then(|network| self.networks.get_mut(network as usize)) {
                    change(state);
                }
            }
            Subject::Flow(from, to) => {
                let same = lab.flows.iter().position(|flow| flow.from == *from && flow.to == *to);
                if let Some(state) = same.and_then(|flow| self.flows.get_mut(flow)) {
                    change(state);
                }
            }
            Subject::Vip(name) => {
                if let Some(state) = lab.vips.get_index_of(name).and_then(|vip| self.vips.get_mut(vip)) {
                    change(state);
                }
            }
            Subject::Cluster(cluster) => {
                for (name, service_name, _) in lab.services().filter(|(_, _, service)| service.cluster.as_ref() == Some(cluster)) {
                    if let Some(node) = scene.node_number(name).filter(|_| reach != Reach::Owner) {
                        change(self.services.entry((node, service_name.clone())).or_default());
                        node_too(self, name, &mut change);
                    }
                }
            }
            Subject::Site(site) if reach == Reach::Whole => {
                for (name, _) in lab.nodes.iter().filter(|(_, node)| node.site.as_ref() == Some(site)) {
                    node_too(self, name, &mut change);
                }
                for (name, _) in lab.networks.iter().filter(|(_, network)| network.site.as_ref() == Some(site)) {
                    if let Some(state) = scene.network_number(name).and_then(|network| self.networks.get_mut(network as usize)) {
                        change(state);
                    }
                }
            }
            Subject::Site(_) | Subject::Lab | Subject::Link(..) | Subject::Acceptance(_) | Subject::Note(_) => {}
        }
    }

    /// The state of a service; neutral where nothing is known.
    pub fn service(&self, node: u32, name: &ServiceName) -> State {
        self.services.get(&(node, name.clone())).copied().unwrap_or_default()
    }

    /// The state of an adapter; neutral where nothing is known.
    pub fn adapter(&self, node: u32, slot: usize) -> State {
        self.adapters.get(&(node, slot)).copied().unwrap_or_default()
    }

    /// The state of a node; neutral where nothing is known.
    pub fn node(&self, node: u32) -> State {
        self.nodes.get(node as usize).copied().unwrap_or_default()
    }
}

/// How far a subject's state reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// The thing alone.
    Itself,
    /// The thing and the node that it is on.
    Owner,
    /// The thing, its node and all that is in it.
    Whole,
}
