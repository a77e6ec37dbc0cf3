//! What is shown on top of the plain drawing: findings, what is observed, what a plan would do, what stands out.
//!
//! [`Overlay`] is what a caller knows; [`States`] is the same by the scene's own numbers, so that drawing looks nothing up
//! by text.

use super::{highlight::is_link_lit, scene::Scene};
use crate::{
    model::{ClusterState, Fault, FlowId, Health, Lab, NodeName, Observed, Power, ServiceName, Subject, VipName},
    plan::{Change, Plan},
    probe,
    rules::{Finding, Severity},
};
use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

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
    /// What a fault would take with it: drawn with a dashed red line.
    pub at_risk: &'a [Subject],
    /// Where a fault would move VIPs to: drawn as a hollow token at each new holder.
    pub would_move: &'a [(VipName, Vec<NodeName>)],
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
    /// Nodes that would hold it after a fault that is being considered, by number.
    pub would: Vec<u32>,
    /// Where it was before it moved, and when it moved, in milliseconds of the observation's clock.
    pub moved: Option<(u32, u64)>,
}

/// How long a VIP's ghost stays where the VIP was, in milliseconds.
const GHOST_MS: u64 = 30_000;

/// What shows on a node's card and on its drops.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CardState {
    /// The card itself.
    pub node: State,
    /// Its services that have anything to show.
    pub services: BTreeMap<ServiceName, State>,
    /// Its adapters, by slot, that have anything to show: findings and links that are down.
    pub adapters: BTreeMap<usize, State>,
    /// The VIPs that it holds, by number.
    pub holds: BTreeSet<usize>,
}

/// What shows on a link within a cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkState {
    /// Whether it is lost: the cluster is not whole, and one of the two is down.
    pub lost: bool,
    /// Whether something else stands out.
    pub dimmed: bool,
}

/// A partition: packets that are dropped between two sets of nodes, by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The smaller set; for a cut in one direction, the senders.
    pub apart: Vec<u32>,
    /// The nodes that they are cut from; for a cut in one direction, the receivers.
    pub rest: Vec<u32>,
    /// Whether only packets from the first set to the second are dropped.
    pub one_way: bool,
}

/// The overlay by the scene's numbers. Everything that drawing asks beside the lab and the places is in here; drawing takes
/// one thing's state from one field, and [`States::changes`] compares those fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct States {
    /// What the drawing is for.
    pub mode: Mode,
    /// Of nodes, by number.
    pub nodes: Vec<CardState>,
    /// Of networks, by number.
    pub networks: Vec<State>,
    /// Of flows, by number.
    pub flows: Vec<State>,
    /// Of links within clusters, by number.
    pub links: Vec<LinkState>,
    /// Of VIPs, by number.
    pub vips: Vec<State>,
    /// Of the outside.
    pub outside: State,
    /// Of all notes.
    pub notes: State,
    /// Who has which VIP, by number.
    pub holders: Vec<Holders>,
    /// Partitions.
    pub cuts: Vec<Cut>,
}

/// What has to be drawn again after another overlay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Cards, by number.
    pub nodes: Vec<u32>,
    /// Flows, by number.
    pub flows: Vec<u32>,
    /// Cluster links, by number.
    pub links: Vec<u32>,
    /// Whether any rail, the outside or the notes are among it.
    pub rails: bool,
    /// Whether any token or partition is among it.
    pub tokens: bool,
    /// Whether any VIP is held elsewhere.
    pub moved: bool,
    /// Whether all of it is.
    pub everything: bool,
}

impl States {
    /// Puts an overlay in the scene's numbers. `before` is what was shown last: a VIP's ghost stands where it was then.
    pub fn new(scene: &Scene, lab: &Lab, overlay: &Overlay<'_>, before: &Self) -> Self {
        let mut states = Self {
            mode: overlay.mode,
            nodes: vec![CardState::default(); scene.nodes.len()],
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
            states.highlight(scene, lab, overlay.highlight);
        }
        for subject in overlay.at_risk {
            states.each(scene, lab, subject, Reach::Itself, |state| state.at_risk = true);
        }
        for (name, progress) in overlay.progress.into_iter().flatten() {
            if let Some(card) = scene.node_number(name).and_then(|node| states.nodes.get_mut(node as usize)) {
                card.node.progress = Some(*progress);
            }
        }
        let observed = overlay.observed.filter(|_| overlay.mode != Mode::Design);
        if let Some(observed) = observed {
            states.observe(scene, lab, observed);
        }
        states.hold(scene, lab, overlay, before);
        states.join(scene, lab, observed, overlay.highlight);
        states
    }

    /// What differs from another overlay of the same scene. Naming every field here is what makes a new one impossible to
    /// forget.
    pub fn changes(&self, before: &Self) -> Changes {
        let Self { mode, nodes, networks, flows, links, vips, holders, cuts, outside, notes } = self;
        Changes {
            nodes: different(nodes, &before.nodes),
            flows: different(flows, &before.flows),
            links: different(links, &before.links),
            rails: *networks != before.networks || *outside != before.outside || *notes != before.notes,
            tokens: *vips != before.vips || *holders != before.holders || *cuts != before.cuts,
            moved: *holders != before.holders,
            everything: *mode != before.mode,
        }
    }

    fn observe(&mut self, scene: &Scene, lab: &Lab, observed: &Observed) {
        for (item, card) in scene.nodes.iter().zip(&mut self.nodes) {
            let Some(seen) = observed.nodes.get(&item.name) else {
                card.node.health = Some(Health::Unknown);
                continue;
            };
            card.node.health = Some(match seen.power {
                Power::Running => seen.health,
                Power::Missing => Health::Unknown,
                Power::Stopped if seen.is_booting => Health::Unknown,
                Power::Stopped | Power::Paused => Health::Down,
            });
            for (name, service) in &seen.services {
                let health = if seen.power == Power::Running || seen.is_booting { service.health } else { Health::Down };
                card.services.entry(name.clone()).or_default().health = Some(health);
            }
            for (slot, _) in seen.links_up.iter().enumerate().filter(|(_, up)| !**up) {
                card.adapters.entry(slot).or_default().health = Some(Health::Down);
            }
        }
        let seen: HashMap<_, _> = observed.flows.iter().map(|flow| (&flow.id, flow.health)).collect();
        for (state, flow) in self.flows.iter_mut().zip(&lab.flows) {
            let stopped = probe::stopped_sender(&flow.from, observed).is_some();
            let health = seen.get(&FlowId::from(flow)).copied().filter(|_| !stopped);
            state.health = Some(health.unwrap_or_default());
        }
        self.cuts = observed.faults.iter().filter_map(|active| cut(scene, &active.fault)).collect();
    }

    /// What shows between the members of clusters, by what shows on the members.
    fn join(&mut self, scene: &Scene, lab: &Lab, observed: Option<&Observed>, highlight: &[Subject]) {
        let broken: HashSet<&str> = observed
            .into_iter()
            .flat_map(|observed| &observed.clusters)
            .filter(|(_, cluster)| cluster.state != ClusterState::Whole)
            .map(|(name, _)| name.as_str())
            .collect();
        let of = |link: &super::LinkItem| {
            let ends = [self.node(link.nodes.0), self.node(link.nodes.1)];
            let down = ends.iter().any(|state| state.health == Some(Health::Down));
            LinkState { lost: down && broken.contains(link.cluster.as_str()), dimmed: !is_link_lit(scene, lab, highlight, link) }
        };
        self.links = scene.links.iter().map(of).collect();
    }

    fn hold(&mut self, scene: &Scene, lab: &Lab, overlay: &Overlay<'_>, before: &Self) {
        for (number, (name, vip)) in lab.vips.iter().enumerate() {
            let seen =
                overlay.observed.filter(|_| overlay.mode != Mode::Design).and_then(|observed| Some((observed, observed.vips.get(name)?)));
            let drawn = || vip.first_holder().and_then(|holder| scene.node_number(&holder.node)).into_iter().collect();
            let numbers = |names: &[NodeName]| names.iter().filter_map(|node| scene.node_number(node)).collect::<Vec<u32>>();
            let would = overlay.would_move.iter().find(|(vip, _)| vip == name).map(|(_, nodes)| numbers(nodes)).unwrap_or_default();
            let mut holders = match seen {
                Some((_, seen)) => Holders { nodes: numbers(&seen.holders), observed: true, would, moved: None },
                None => Holders { nodes: drawn(), observed: false, would, moved: None },
            };
            holders.would.retain(|node| !holders.nodes.contains(node));
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
            let held = holders.observed || overlay.mode != Mode::Run;
            for node in holders.nodes.iter().filter(|_| held) {
                if let Some(card) = self.nodes.get_mut(*node as usize) {
                    card.holds.insert(number);
                }
            }
            self.holders.push(holders);
        }
    }

    pub(super) fn everything(&mut self, mut change: impl FnMut(&mut State)) {
        let lists = [&mut self.networks, &mut self.flows, &mut self.vips];
        self.nodes.iter_mut().map(|card| &mut card.node).chain(lists.into_iter().flatten()).for_each(&mut change);
        change(&mut self.outside);
        change(&mut self.notes);
    }

    /// Changes the states of what a subject means.
    pub(super) fn each(&mut self, scene: &Scene, lab: &Lab, subject: &Subject, reach: Reach, mut change: impl FnMut(&mut State)) {
        let node_too = |states: &mut Self, name: &NodeName, also: &mut dyn FnMut(&mut State)| {
            if let Some(card) = states.card_mut(scene, name) {
                also(&mut card.node);
            }
        };

        match subject {
            Subject::Node(name) => node_too(self, name, &mut change),
            Subject::Service(at) => {
                if let Some(card) = self.card_mut(scene, &at.node) {
                    change(card.services.entry(at.service.clone()).or_default());
                }
                if reach != Reach::Itself {
                    node_too(self, &at.node, &mut change);
                }
            }
            Subject::Adapter(name, slot, _) => {
                if let Some(card) = self.card_mut(scene, name) {
                    change(card.adapters.entry(*slot).or_default());
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
            Subject::Flow(id) => {
                if let Some(state) = lab.flow_place(id).and_then(|flow| self.flows.get_mut(flow)) {
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
                    if reach != Reach::Owner
                        && let Some(card) = self.card_mut(scene, name)
                    {
                        change(card.services.entry(service_name.clone()).or_default());
                        change(&mut card.node);
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
            Subject::Outside => change(&mut self.outside),
            Subject::Site(_) | Subject::Lab | Subject::Link(..) | Subject::Acceptance(_) | Subject::Note(_) => {}
        }
    }

    fn card_mut(&mut self, scene: &Scene, name: &NodeName) -> Option<&mut CardState> {
        scene.node_number(name).and_then(|node| self.nodes.get_mut(node as usize))
    }

    /// The state of a service; neutral where nothing is known.
    pub fn service(&self, node: u32, name: &ServiceName) -> State {
        self.nodes.get(node as usize).and_then(|card| card.services.get(name)).copied().unwrap_or_default()
    }

    /// The state of an adapter; neutral where nothing is known.
    pub fn adapter(&self, node: u32, slot: usize) -> State {
        self.nodes.get(node as usize).and_then(|card| card.adapters.get(&slot)).copied().unwrap_or_default()
    }

    /// The state of a node; neutral where nothing is known.
    pub fn node(&self, node: u32) -> State {
        self.nodes.get(node as usize).map(|card| card.node).unwrap_or_default()
    }

    /// Whether a node holds a VIP.
    pub fn holds(&self, node: u32, vip: usize) -> bool {
        self.nodes.get(node as usize).is_some_and(|card| card.holds.contains(&vip))
    }

    /// Whether a VIP's token stands where nothing was observed of it, in a drawing that shows what runs.
    pub fn is_unseen(&self, vip: u32) -> bool {
        self.mode == Mode::Run && self.holders.get(vip as usize).is_none_or(|holders| !holders.observed)
    }
}

/// The places at which two lists differ.
fn different<T: PartialEq + Default>(now: &[T], before: &[T]) -> Vec<u32> {
    let neutral = T::default();
    let same = |place: usize| now.get(place).unwrap_or(&neutral) == before.get(place).unwrap_or(&neutral);
    (0..now.len().max(before.len())).filter(|place| !same(*place)).filter_map(|place| u32::try_from(place).ok()).collect()
}

/// The partition that a fault makes between drawn nodes.
fn cut(scene: &Scene, fault: &Fault) -> Option<Cut> {
    let numbers = |names: &[NodeName]| names.iter().filter_map(|name| scene.node_number(name)).collect::<Vec<u32>>();
    let (apart, rest, one_way) = match fault {
        Fault::OneWay(from, to) => (numbers(std::slice::from_ref(from)), numbers(std::slice::from_ref(to)), true),
        Fault::Cut(one, other) => {
            let (one, other) = (numbers(one), numbers(other));
            if one.len() <= other.len() { (one, other, false) } else { (other, one, false) }
        }
        _ => return None,
    };
    (!apart.is_empty() && !rest.is_empty()).then_some(Cut { apart, rest, one_way })
}

/// How far a subject's state reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The thing alone.
    Itself,
    /// The thing and the node that it is on.
    Owner,
    /// The thing, its node and all that is in it.
    Whole,
}
