//! Runs the rules: over a whole lab, or over what an edit has touched.

use super::contract::{Verdict, judge};
use super::index::Index;
use super::rule::Report;
use super::vetter::Vetter;
use super::{Check, Context, Facts, Finding, Fix, RULES, Rule, Severity};
use crate::catalog::Catalog;
use crate::model::{ClusterName, Lab, NetworkName, NodeName, Touched, VipName};
use std::collections::BTreeMap;

/// All findings of a lab, in the order that people read them: the worst first, then by rule, then by what they are about.
pub fn check(lab: &Lab, catalog: &Catalog, context: &Context) -> Vec<Finding> {
    Checker::new(lab, catalog, context).into_findings(lab)
}

/// Findings of a lab that is being edited: after each step only what it touched is looked at again.
#[derive(Debug, Clone)]
pub struct Checker {
    context: Context,
    index: Index,
    nodes: BTreeMap<NodeName, Vec<Finding>>,
    networks: BTreeMap<NetworkName, Vec<Finding>>,
    /// By the flow's place.
    flows: Vec<Vec<Finding>>,
    vips: BTreeMap<VipName, Vec<Finding>>,
    clusters: BTreeMap<ClusterName, Vec<Finding>>,
    lab: BTreeMap<&'static str, Vec<Finding>>,
}

impl Checker {
    /// Checks a whole lab.
    pub fn new(lab: &Lab, catalog: &Catalog, context: &Context) -> Self {
        let mut checker = Self {
            context: context.clone(),
            index: Index::build(lab, catalog),
            nodes: BTreeMap::new(),
            networks: BTreeMap::new(),
            flows: Vec::new(),
            vips: BTreeMap::new(),
            clusters: BTreeMap::new(),
            lab: BTreeMap::new(),
        };
        checker.everything(lab, catalog);
        checker
    }

    /// Looks again at what a step has touched. `lab` is the lab after it. Gives the findings that went and came.
    pub fn update(&mut self, lab: &Lab, catalog: &Catalog, touched: &Touched) -> Changed {
        let mut changed = Changed::default();
        if !touched.meaning() {
            return changed;
        }
        let spread = self.index.update(lab, catalog, touched);
        if spread.everything {
            changed.gone = self.unmarked().cloned().collect();
            self.everything(lab, catalog);
            changed.come = self.unmarked().cloned().collect();
            return changed;
        }
        let facts = Facts { lab, catalog, context: &self.context, index: &self.index };
        for name in touched.nodes.union(&spread.nodes) {
            let found = lab.nodes.get(name).map(|node| look(|rule, report| on_node(rule, &facts, name, node, report)));
            changed.note(set(&mut self.nodes, name, found.unwrap_or_default()), self.nodes.get(name));
        }
        for name in touched.networks.union(&spread.networks) {
            let found = lab.networks.get(name).map(|network| look(|rule, report| on_network(rule, &facts, name, network, report)));
            changed.note(set(&mut self.networks, name, found.unwrap_or_default()), self.networks.get(name));
        }
        for name in touched.vips.union(&spread.vips) {
            let found = lab.vips.get(name).map(|vip| look(|rule, report| on_vip(rule, &facts, name, vip, report)));
            changed.note(set(&mut self.vips, name, found.unwrap_or_default()), self.vips.get(name));
        }
        for name in &spread.clusters {
            let there = facts.members(name).next().is_some();
            let found = if there { look(|rule, report| on_cluster(rule, &facts, name, report)) } else { Vec::new() };
            changed.note(set(&mut self.clusters, name, found), self.clusters.get(name));
        }
        if let Some(moved) = spread.flows_moved {
            let end = (moved.at + moved.old).min(self.flows.len());
            changed.gone.extend(self.flows.splice(moved.at.min(end)..end, std::iter::repeat_n(Vec::new(), moved.new)).flatten());
        }
        for index in spread.flows {
            let (Some(flow), Some(there)) = (lab.flows.get(index), self.flows.get_mut(index)) else { continue };
            let verdict = judge(&facts, flow);
            let found = look(|rule, report| on_flow(rule, &facts, flow, &verdict, report));
            changed.note(std::mem::replace(there, found), Some(there));
        }
        for rule in RULES {
            if let Check::Lab(reads, _) = rule.check {
                let again = (reads.nodes && !touched.nodes.is_empty())
                    || (reads.networks && !touched.networks.is_empty())
                    || (reads.flows && touched.flows)
                    || (reads.vips && !touched.vips.is_empty());
                if again {
                    let found = run(rule, |report| on_lab(rule, &facts, report));
                    changed.note(set(&mut self.lab, &rule.code, found), self.lab.get(rule.code));
                }
            }
        }
        changed
    }

    /// Whether what is kept for the next step is what a new checker of the same lab would keep: for tests.
    #[doc(hidden)]
    pub fn is_as_new(&self, new: &Self) -> bool {
        self.index == new.index
    }

    /// All findings as the rules gave them, in no order that people read.
    fn unmarked(&self) -> impl Iterator<Item = &Finding> {
        let parts = self.nodes.values().chain(self.networks.values()).chain(&self.flows).chain(self.vips.values());
        parts.chain(self.clusters.values()).chain(self.lab.values()).flatten()
    }

    /// All findings, with what the lab accepts marked, and acceptances that match nothing reported.
    pub fn findings(&self, lab: &Lab) -> Vec<Finding> {
        in_order(lab, self.unmarked().cloned().collect())
    }

    /// As [`Checker::findings`], for a lab that is checked once.
    fn into_findings(self, lab: &Lab) -> Vec<Finding> {
        let parts = self.nodes.into_values().chain(self.networks.into_values()).chain(self.flows).chain(self.vips.into_values());
        in_order(lab, parts.chain(self.clusters.into_values()).chain(self.lab.into_values()).flatten().collect())
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
        let facts = Facts { lab, catalog, context: &self.context, index: &self.index };
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
            Check::Flow(_) => {
                let place = self.flows.iter().position(|there| there.iter().any(|other| other.is_same(finding)));
                place.and_then(|place| lab.flows.get(place)).map(|flow| {
                    let verdict = judge(&facts, flow);
                    again(&mut |report| on_flow(rule, &facts, flow, &verdict, report))
                })
            }
            Check::Lab(..) => Some(again(&mut |report| on_lab(rule, &facts, report))),
        };
        let same = found.into_iter().flatten().find(|other| other.is_same(finding));
        // The judge of acceptances is no look at the lab: its fix is always fresh.
        same.map_or_else(|| if finding.rule == super::acceptance::UNUSED { finding.fixes.clone() } else { Vec::new() }, |same| same.fixes)
    }

    fn everything(&mut self, lab: &Lab, catalog: &Catalog) {
        let facts = Facts { lab, catalog, context: &self.context, index: &self.index };
        self.nodes.clear();
        self.networks.clear();
        self.flows.clear();
        self.vips.clear();
        self.clusters.clear();
        self.lab.clear();
        for (name, node) in &lab.nodes {
            set(&mut self.nodes, name, look(|rule, report| on_node(rule, &facts, name, node, report)));
        }
        for (name, network) in &lab.networks {
            set(&mut self.networks, name, look(|rule, report| on_network(rule, &facts, name, network, report)));
        }
        self.flows.extend(lab.flows.iter().map(|flow| {
            let verdict = judge(&facts, flow);
            look(|rule, report| on_flow(rule, &facts, flow, &verdict, report))
        }));
        for (name, vip) in &lab.vips {
            set(&mut self.vips, name, look(|rule, report| on_vip(rule, &facts, name, vip, report)));
        }
        for (name, _) in facts.clusters() {
            set(&mut self.clusters, name, look(|rule, report| on_cluster(rule, &facts, name, report)));
        }
        for rule in RULES {
            if matches!(rule.check, Check::Lab(..)) {
                set(&mut self.lab, &rule.code, run(rule, |report| on_lab(rule, &facts, report)));
            }
        }
    }
}

/// What a step did to the findings. A finding that stayed as it was, on a thing that was looked at again, is in both.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changed {
    /// Findings before the step.
    pub gone: Vec<Finding>,
    /// Findings after it.
    pub come: Vec<Finding>,
}

impl Changed {
    fn note(&mut self, gone: Vec<Finding>, come: Option<&Vec<Finding>>) {
        self.gone.extend(gone);
        self.come.extend(come.into_iter().flatten().cloned());
    }
}

/// Findings as people read them.
fn in_order(lab: &Lab, mut all: Vec<Finding>) -> Vec<Finding> {
    super::acceptance::mark(lab, &mut all);
    all.sort_by(|one, other| {
        (one.severity, one.rule, &one.subject, &one.message).cmp(&(other.severity, other.rule, &other.subject, &other.message))
    });
    all
}

/// The thing whose findings have this one.
fn key_of<'a, K>(map: &'a BTreeMap<K, Vec<Finding>>, finding: &Finding) -> Option<&'a K> {
    map.iter().find(|(_, there)| there.iter().any(|other| other.is_same(finding))).map(|(key, _)| key)
}

/// Keeps findings only where there are any: most things have none. Gives what was there.
fn set<K: Ord + Clone>(map: &mut BTreeMap<K, Vec<Finding>>, key: &K, findings: Vec<Finding>) -> Vec<Finding> {
    let old = if findings.is_empty() { map.remove(key) } else { map.insert(key.clone(), findings) };
    old.unwrap_or_default()
}

/// Runs every rule that has something to say about one thing.
fn look(mut one: impl FnMut(&Rule, &mut Report)) -> Vec<Finding> {
    let mut report = Report { rule: "", severity: Severity::Advice, findings: Vec::new() };
    for rule in RULES {
        report.rule = rule.code;
        report.severity = rule.severity;
        one(rule, &mut report);
    }
    report.findings
}

fn run(rule: &Rule, one: impl FnOnce(&mut Report)) -> Vec<Finding> {
    let mut report = Report { rule: rule.code, severity: rule.severity, findings: Vec::new() };
    one(&mut report);
    report.findings
}

fn on_node(rule: &Rule, facts: &Facts<'_>, name: &NodeName, node: &crate::model::Node, report: &mut Report) {
    if let Check::Node(check) = rule.check {
        check(facts, name, node, report);
    }
}

fn on_network(rule: &Rule, facts: &Facts<'_>, name: &NetworkName, network: &crate::model::Network, report: &mut Report) {
    if let Check::Network(check) = rule.check {
        check(facts, name, network, report);
    }
}

fn on_flow(rule: &Rule, facts: &Facts<'_>, flow: &crate::model::Flow, verdict: &Verdict<'_>, report: &mut Report) {
    if let Check::Flow(check) = rule.check {
        check(facts, flow, verdict, report);
    }
}

fn on_vip(rule: &Rule, facts: &Facts<'_>, name: &VipName, vip: &crate::model::Vip, report: &mut Report) {
    if let Check::Vip(check) = rule.check {
        check(facts, name, vip, report);
    }
}

fn on_cluster(rule: &Rule, facts: &Facts<'_>, name: &ClusterName, report: &mut Report) {
    if let Check::Cluster(check) = rule.check {
        check(facts, name, report);
    }
}

fn on_lab(rule: &Rule, facts: &Facts<'_>, report: &mut Report) {
    if let Check::Lab(_, check) = rule.check {
        check(facts, report);
    }
}
