//! Runs the rules: over a whole lab, or over what an edit has touched.

use super::contract::Verdict;
use super::facts::Here;
use super::index::Index;
use super::order::Ordered;
use super::reached::{verdict, verdicts};
use super::rule::Report;
use super::vetter::Vetter;
use super::{Check, Context, Facts, Finding, Fix, RULES, Rule, Severity, acceptance};
use crate::catalog::Catalog;
use crate::model::{ClusterName, Edit, Flow, Lab, NetworkName, Node, NodeName, Subject, Touched, VipName};
use rustc_hash::FxHashMap as HashMap;
use std::{
    borrow::Borrow,
    hash::Hash,
    sync::{Arc, LazyLock},
};

/// All findings of a lab, in the order that people read them: the worst first, then by rule, then by what they are about.
pub fn check(lab: &Lab, catalog: &Catalog, context: &Context) -> Vec<Arc<Finding>> {
    Checker::new(lab, catalog, context).ordered.into_vec()
}

/// What was found about one thing. Findings are shared: lists of them, and a window that shows them, copy none.
type Found = Vec<Arc<Finding>>;

/// Findings of a lab that is being edited: after each step only what it touched is looked at again.
#[derive(Debug, Clone)]
pub struct Checker {
    context: Context,
    index: Index,
    nodes: HashMap<NodeName, Found>,
    networks: HashMap<NetworkName, Found>,
    /// By the flow's place.
    flows: Vec<Found>,
    vips: HashMap<VipName, Found>,
    clusters: HashMap<ClusterName, Found>,
    lab: HashMap<&'static str, Found>,
    ordered: Ordered,
}

impl Checker {
    /// Checks a whole lab.
    pub fn new(lab: &Lab, catalog: &Catalog, context: &Context) -> Self {
        let mut checker = Self {
            context: context.clone(),
            index: Index::build(lab, catalog),
            nodes: HashMap::default(),
            networks: HashMap::default(),
            flows: Vec::new(),
            vips: HashMap::default(),
            clusters: HashMap::default(),
            lab: HashMap::default(),
            ordered: Ordered::default(),
        };
        checker.everything(lab, catalog);
        checker
    }

    /// Looks again at what a step has touched. `lab` is the lab after it. Gives the findings that went and came.
    pub fn update(&mut self, lab: &Lab, catalog: &Catalog, touched: &Touched) -> Changed {
        if !touched.is_checked() {
            return Changed::default();
        }
        let mut spread = self.index.update(lab, catalog, touched);
        if spread.everything {
            let gone = std::mem::take(&mut self.ordered).into_vec();
            self.everything(lab, catalog);
            return Changed { gone, come: self.ordered.as_slice().to_vec() };
        }
        let mut traffic = Traffic::default();
        let facts = Facts { lab, catalog, context: &self.context, index: &self.index, here: None };
        for name in touched.nodes.union(&spread.nodes) {
            let found = lab.nodes.get(name).map(|node| look_at_node(&facts, name, node));
            traffic.set(&mut self.nodes, name, found.unwrap_or_default());
        }
        for name in touched.networks.union(&spread.networks) {
            let found =
                lab.networks.get(name).map(|network| look(&OF_NETWORKS, |rule, report| on_network(rule, &facts, name, network, report)));
            traffic.set(&mut self.networks, name, found.unwrap_or_default());
        }
        for name in touched.vips.union(&spread.vips) {
            let found = lab.vips.get(name).map(|vip| look(&OF_VIPS, |rule, report| on_vip(rule, &facts, name, vip, report)));
            traffic.set(&mut self.vips, name, found.unwrap_or_default());
        }
        for name in &spread.clusters {
            let there = facts.members(name).next().is_some();
            let found = if there { look(&OF_CLUSTERS, |rule, report| on_cluster(rule, &facts, name, report)) } else { Vec::new() };
            traffic.set(&mut self.clusters, name, found);
        }
        if let Some(moved) = spread.flows_moved {
            let end = (moved.at + moved.old).min(self.flows.len());
            traffic.gone.extend(self.flows.splice(moved.at.min(end)..end, std::iter::repeat_n(Vec::new(), moved.new)).flatten());
            if moved.old != moved.new {
                let stale = self.flows.iter().enumerate().filter(|(_, found)| found.iter().any(|finding| names_places(finding)));
                spread.flows.extend(stale.map(|(place, _)| place));
            }
        }
        let again: Vec<(usize, &Flow)> = spread.flows.iter().filter_map(|index| Some((*index, lab.flows.get(*index)?))).collect();
        let said = verdicts(&facts, &again.iter().map(|(_, flow)| *flow).collect::<Vec<_>>());
        for ((index, flow), verdict) in again.into_iter().zip(said) {
            let Some(there) = self.flows.get_mut(index) else { continue };
            let found = look(&OF_FLOWS, |rule, report| on_flow(rule, &facts, flow, &verdict, report));
            traffic.come.extend(found.iter().cloned());
            traffic.gone.extend(std::mem::replace(there, found));
        }
        for rule in RULES {
            if let Check::Lab(reads, _) = rule.check {
                let again = (reads.nodes && !touched.nodes.is_empty())
                    || (reads.networks && !touched.networks.is_empty())
                    || (reads.flows && touched.flows)
                    || (reads.vips && !touched.vips.is_empty())
                    || (reads.views && touched.views);
                if again {
                    traffic.set(&mut self.lab, &rule.code, run(rule, |report| on_lab(rule, &facts, report)));
                }
            }
        }
        if self.ordered.is_for(lab) {
            return self.ordered.follow(traffic.gone, traffic.come);
        }
        let gone = std::mem::take(&mut self.ordered).into_vec();
        self.put_in_order(lab);
        Changed { gone, come: self.ordered.as_slice().to_vec() }
    }

    /// Whether what is kept for the next step is what a new checker of the same lab would keep: for tests.
    #[doc(hidden)]
    pub fn is_as_new(&self, new: &Self) -> bool {
        self.index == new.index
    }

    /// All findings in the order that people read them, with what the lab accepts marked, and acceptances that match
    /// nothing reported.
    pub fn findings(&self) -> &[Arc<Finding>] {
        self.ordered.as_slice()
    }

    /// Whether the lab accepts a finding.
    pub(super) fn accepts(&self, finding: &Finding) -> bool {
        self.ordered.accepts(finding)
    }

    fn put_in_order(&mut self, lab: &Lab) {
        let parts = self.nodes.values().chain(self.networks.values()).chain(&self.flows).chain(self.vips.values());
        let all = parts.chain(self.clusters.values()).chain(self.lab.values()).flatten();
        self.ordered = Ordered::new(lab, all.cloned());
    }

    /// The fixes of a finding that clear it and add no other error. For many findings of one lab, keep a [`Vetter`].
    pub fn vetted(&self, lab: &Lab, catalog: &Catalog, finding: &Finding) -> Vec<Fix> {
        if finding.fixes.is_empty() {
            return Vec::new();
        }
        Vetter::new(self, lab).vetted(catalog, finding)
    }

    /// The fixes of a finding as its rule offers them now. A fix may take the next free address or name, which an edit
    /// elsewhere can have taken since the finding was made.
    pub(super) fn fixes_now(&self, lab: &Lab, catalog: &Catalog, finding: &Finding) -> Vec<Fix> {
        let Some(rule) = super::rule(finding.rule) else { return Vec::new() };
        // The judge of acceptances is no look at the lab.
        match (&finding.subject, finding.rule) {
            (_, acceptance::UNUSED) => return finding.fixes.clone(),
            (Subject::Acceptance(place), acceptance::WITHOUT_WORDS) => {
                let there = self.ordered.accepted_at(*place);
                return there.map(|(acceptance, says)| acceptance::recording(*place, acceptance, says)).unwrap_or_default();
            }
            _ => {}
        }
        let facts = Facts { lab, catalog, context: &self.context, index: &self.index, here: None };
        let again = |look: &mut dyn FnMut(&mut Report)| run(rule, look);
        let found = match rule.check {
            Check::Node(_) => key_of(&self.nodes, finding)
                .and_then(|name| Some((name, lab.nodes.get(name)?)))
                .map(|(name, node)| again(&mut |report| on_node(rule, &facts, name, node, report))),
            Check::Network(_) => key_of(&self.networks, finding)
                .and_then(|name| Some((name, lab.networks.get(name)?)))
                .map(|(name, network)| again(&mut |report| on_network(rule, &facts, name, network, report))),
            Check::Vip(_) => key_of(&self.vips, finding)
                .and_then(|name| Some((name, lab.vips.get(name)?)))
                .map(|(name, vip)| again(&mut |report| on_vip(rule, &facts, name, vip, report))),
            Check::Cluster(_) => key_of(&self.clusters, finding).map(|name| again(&mut |report| on_cluster(rule, &facts, name, report))),
            Check::Between(..) if key_of(&self.clusters, finding).is_some() => {
                key_of(&self.clusters, finding).map(|name| again(&mut |report| on_cluster(rule, &facts, name, report)))
            }
            Check::Flow(_) | Check::Between(..) => {
                let place = self.flows.iter().position(|there| there.iter().any(|other| other.is_same(finding)));
                place.and_then(|place| lab.flows.get(place)).map(|flow| {
                    let verdict = verdict(&facts, flow);
                    again(&mut |report| on_flow(rule, &facts, flow, &verdict, report))
                })
            }
            Check::Lab(..) => Some(again(&mut |report| on_lab(rule, &facts, report))),
        };
        let same = found.into_iter().flatten().find(|other| other.is_same(finding));
        same.map(|same| same.fixes.clone()).unwrap_or_default()
    }

    fn everything(&mut self, lab: &Lab, catalog: &Catalog) {
        let facts = Facts { lab, catalog, context: &self.context, index: &self.index, here: None };
        self.nodes.clear();
        self.networks.clear();
        self.flows.clear();
        self.vips.clear();
        self.clusters.clear();
        self.lab.clear();
        for (name, node) in &lab.nodes {
            keep(&mut self.nodes, name, look_at_node(&facts, name, node));
        }
        for (name, network) in &lab.networks {
            keep(&mut self.networks, name, look(&OF_NETWORKS, |rule, report| on_network(rule, &facts, name, network, report)));
        }
        let said = verdicts(&facts, &lab.flows.iter().collect::<Vec<_>>());
        self.flows.extend(
            lab.flows.iter().zip(said).map(|(flow, verdict)| look(&OF_FLOWS, |rule, report| on_flow(rule, &facts, flow, &verdict, report))),
        );
        for (name, vip) in &lab.vips {
            keep(&mut self.vips, name, look(&OF_VIPS, |rule, report| on_vip(rule, &facts, name, vip, report)));
        }
        for (name, _) in facts.clusters() {
            keep(&mut self.clusters, name, look(&OF_CLUSTERS, |rule, report| on_cluster(rule, &facts, name, report)));
        }
        for rule in RULES {
            if matches!(rule.check, Check::Lab(..)) {
                keep(&mut self.lab, &rule.code, run(rule, |report| on_lab(rule, &facts, report)));
            }
        }
        self.put_in_order(lab);
    }
}

/// What a step did to the findings. A finding that stayed as it was, on a thing that was looked at again, is in both.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changed {
    /// Findings before the step.
    pub gone: Vec<Arc<Finding>>,
    /// Findings after it.
    pub come: Vec<Arc<Finding>>,
}

/// The findings that a step takes away and brings, as the rules gave them.
#[derive(Default)]
struct Traffic {
    gone: Found,
    come: Found,
}

impl Traffic {
    fn set<K: Eq + Hash + Clone>(&mut self, map: &mut HashMap<K, Found>, key: &K, found: Found) {
        self.come.extend(found.iter().cloned());
        self.gone.extend(keep(map, key, found));
    }
}

/// The thing whose findings have this one. Most are about the thing itself, so that is looked at first.
fn key_of<'a, K: Eq + Hash + Borrow<str>>(map: &'a HashMap<K, Found>, finding: &Finding) -> Option<&'a K> {
    let has = |found: &Found| found.iter().any(|other| other.is_same(finding));
    let own = finding.subject.first_name().and_then(|name| map.get_key_value(name)).filter(|(_, found)| has(found));
    own.or_else(|| map.iter().find(|(_, found)| has(found))).map(|(key, _)| key)
}

/// Keeps findings only where there are any: most things have none. Gives what was there.
fn keep<K: Eq + Hash + Clone>(map: &mut HashMap<K, Found>, key: &K, found: Found) -> Found {
    let old = if found.is_empty() { map.remove(key) } else { map.insert(key.clone(), found) };
    old.unwrap_or_default()
}

/// Rules about one sort of thing: a large lab has many things, and most rules are about another sort.
type Rules = LazyLock<Vec<&'static Rule>>;

static OF_NODES: Rules = LazyLock::new(|| rules_of(|check| matches!(check, Check::Node(_))));
static OF_NETWORKS: Rules = LazyLock::new(|| rules_of(|check| matches!(check, Check::Network(_))));
static OF_FLOWS: Rules = LazyLock::new(|| rules_of(|check| matches!(check, Check::Flow(_) | Check::Between(..))));
static OF_VIPS: Rules = LazyLock::new(|| rules_of(|check| matches!(check, Check::Vip(_))));
static OF_CLUSTERS: Rules = LazyLock::new(|| rules_of(|check| matches!(check, Check::Cluster(_) | Check::Between(..))));

fn rules_of(sort: impl Fn(&Check) -> bool) -> Vec<&'static Rule> {
    RULES.iter().filter(|rule| sort(&rule.check)).collect()
}

/// Runs every rule about one sort of thing.
fn look(rules: &[&'static Rule], mut one: impl FnMut(&Rule, &mut Report)) -> Found {
    let mut report = Report { rule: "", severity: Severity::Advice, findings: Vec::new() };
    for rule in rules {
        report.rule = rule.code;
        report.severity = rule.severity;
        one(rule, &mut report);
    }
    shared(report)
}

fn look_at_node(facts: &Facts<'_>, name: &NodeName, node: &Node) -> Found {
    let here = Here::of(facts, node);
    let facts = Facts { here: here.as_ref(), ..*facts };
    look(&OF_NODES, |rule, report| on_node(rule, &facts, name, node, report))
}

fn run(rule: &Rule, one: impl FnOnce(&mut Report)) -> Found {
    let mut report = Report { rule: rule.code, severity: rule.severity, findings: Vec::new() };
    one(&mut report);
    shared(report)
}

fn shared(report: Report) -> Found {
    report.findings.into_iter().map(Arc::new).collect()
}

fn on_node(rule: &Rule, facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    if let Check::Node(check) = rule.check {
        check(facts, name, node, report);
    }
}

fn on_network(rule: &Rule, facts: &Facts<'_>, name: &NetworkName, network: &crate::model::Network, report: &mut Report) {
    if let Check::Network(check) = rule.check {
        check(facts, name, network, report);
    }
}

/// Whether a finding or its fixes name flows by their places, which move when a flow before them comes or goes.
fn names_places(finding: &Finding) -> bool {
    finding.fixes.iter().flat_map(|fix| &fix.edits).any(|edit| matches!(edit, Edit::Flow { .. }))
}

fn on_flow(rule: &Rule, facts: &Facts<'_>, flow: &Flow, verdict: &Verdict<'_>, report: &mut Report) {
    match rule.check {
        Check::Flow(check) => check(facts, flow, verdict, report),
        Check::Between(_, check) => check(facts, flow, report),
        _ => {}
    }
}

fn on_vip(rule: &Rule, facts: &Facts<'_>, name: &VipName, vip: &crate::model::Vip, report: &mut Report) {
    if let Check::Vip(check) = rule.check {
        check(facts, name, vip, report);
    }
}

fn on_cluster(rule: &Rule, facts: &Facts<'_>, name: &ClusterName, report: &mut Report) {
    if let Check::Cluster(check) | Check::Between(check, _) = rule.check {
        check(facts, name, report);
    }
}

fn on_lab(rule: &Rule, facts: &Facts<'_>, report: &mut Report) {
    if let Check::Lab(_, check) = rule.check {
        check(facts, report);
    }
}
