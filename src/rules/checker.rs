//! Runs the rules: over a whole lab, or over what an edit has touched.

use super::facts::Index;
use super::rule::Report;
use super::{Check, Context, Facts, Finding, Fix, RULES, Rule, Severity};
use crate::catalog::Catalog;
use crate::model::{ClusterName, Lab, NetworkName, NodeName, Subject, Touched, VipName};
use std::collections::BTreeMap;

/// All findings of a lab, in the order that people read them: the worst first, then by rule, then by what they are about.
pub fn check(lab: &Lab, catalog: &Catalog, context: &Context) -> Vec<Finding> {
    Checker::new(lab, catalog, context).findings(lab)
}

/// Findings of a lab that is being edited: after each step only what it touched is looked at again.
#[derive(Debug, Clone)]
pub struct Checker {
    context: Context,
    index: Index,
    nodes: BTreeMap<NodeName, Vec<Finding>>,
    networks: BTreeMap<NetworkName, Vec<Finding>>,
    flows: BTreeMap<usize, Vec<Finding>>,
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
            flows: BTreeMap::new(),
            vips: BTreeMap::new(),
            clusters: BTreeMap::new(),
            lab: BTreeMap::new(),
        };
        checker.everything(lab, catalog);
        checker
    }

    /// Looks again at what a step has touched. `lab` is the lab after it.
    pub fn update(&mut self, lab: &Lab, catalog: &Catalog, touched: &Touched) {
        if !touched.meaning() {
            return;
        }
        let spread = self.index.update(lab, catalog, touched);
        if spread.everything {
            self.everything(lab, catalog);
            return;
        }
        let facts = Facts { lab, catalog, context: &self.context, index: &self.index };
        for name in touched.nodes.iter().chain(&spread.nodes) {
            set(&mut self.nodes, name, lab.nodes.get(name).map(|node| look(|rule, report| on_node(rule, &facts, name, node, report))));
        }
        for name in touched.networks.iter().chain(&spread.networks) {
            set(
                &mut self.networks,
                name,
                lab.networks.get(name).map(|network| look(|rule, report| on_network(rule, &facts, name, network, report))),
            );
        }
        for name in touched.vips.iter().chain(&spread.vips) {
            set(&mut self.vips, name, lab.vips.get(name).map(|vip| look(|rule, report| on_vip(rule, &facts, name, vip, report))));
        }
        for name in &spread.clusters {
            let there = facts.members(name).next().is_some();
            set(&mut self.clusters, name, there.then(|| look(|rule, report| on_cluster(rule, &facts, name, report))));
        }
        if spread.all_flows {
            self.flows.clear();
            for (index, flow) in lab.flows.iter().enumerate() {
                set(&mut self.flows, &index, Some(look(|rule, report| on_flow(rule, &facts, flow, report))));
            }
            if touched.flows || !touched.vips.is_empty() {
                // Rules about nodes read the flows and VIPs that name them.
                for (name, node) in &lab.nodes {
                    set(&mut self.nodes, name, Some(look(|rule, report| on_node(rule, &facts, name, node, report))));
                }
            }
            // How networks meet may have changed for any cluster.
            for (name, _) in facts.clusters() {
                set(&mut self.clusters, name, Some(look(|rule, report| on_cluster(rule, &facts, name, report))));
            }
        } else {
            for name in &touched.nodes {
                for (index, flow) in facts.flows_of(name) {
                    set(&mut self.flows, &index, Some(look(|rule, report| on_flow(rule, &facts, flow, report))));
                }
            }
        }
        for rule in RULES {
            if let Check::Lab(reads, _) = rule.check {
                let again = (reads.nodes && !touched.nodes.is_empty())
                    || (reads.networks && !touched.networks.is_empty())
                    || (reads.flows && touched.flows)
                    || (reads.vips && !touched.vips.is_empty());
                if again {
                    set(&mut self.lab, &rule.code, Some(run(rule, |report| on_lab(rule, &facts, report))));
                }
            }
        }
    }

    /// All findings, with what the lab accepts marked, and acceptances that match nothing reported.
    pub fn findings(&self, lab: &Lab) -> Vec<Finding> {
        let parts = self.nodes.values().chain(self.networks.values()).chain(self.flows.values()).chain(self.vips.values());
        let mut all: Vec<Finding> = parts.chain(self.clusters.values()).chain(self.lab.values()).flatten().cloned().collect();
        super::acceptance::mark(lab, &mut all);
        all.sort_by(|one, other| {
            (one.severity, one.rule, &one.subject, &one.message).cmp(&(other.severity, other.rule, &other.subject, &other.message))
        });
        all
    }

    /// The fixes of a finding that clear it and add no other error. Tries each on a copy of the lab.
    pub fn vetted(&self, lab: &Lab, catalog: &Catalog, finding: &Finding) -> Vec<Fix> {
        if finding.fixes.is_empty() {
            return Vec::new();
        }
        let errors = self.errors(lab);
        let is_good = |fix: &&Fix| {
            let mut after = lab.clone();
            let Ok(applied) = after.apply(&fix.edits) else { return false };
            let mut checker = self.clone();
            checker.update(&after, catalog, &applied.touched);
            let left = checker.findings(&after);
            let cleared = !left
                .iter()
                .any(|other| other.rule == finding.rule && other.subject == finding.subject && other.message == finding.message);
            cleared && checker.errors(&after) <= errors && no_new_error(&self.findings(lab), &left)
        };
        finding.fixes.iter().filter(is_good).cloned().collect()
    }

    fn errors(&self, lab: &Lab) -> usize {
        self.findings(lab).iter().filter(|finding| finding.severity == Severity::Error && finding.accepted.is_none()).count()
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
            set(&mut self.nodes, name, Some(look(|rule, report| on_node(rule, &facts, name, node, report))));
        }
        for (name, network) in &lab.networks {
            set(&mut self.networks, name, Some(look(|rule, report| on_network(rule, &facts, name, network, report))));
        }
        for (index, flow) in lab.flows.iter().enumerate() {
            set(&mut self.flows, &index, Some(look(|rule, report| on_flow(rule, &facts, flow, report))));
        }
        for (name, vip) in &lab.vips {
            set(&mut self.vips, name, Some(look(|rule, report| on_vip(rule, &facts, name, vip, report))));
        }
        for (name, _) in facts.clusters() {
            set(&mut self.clusters, name, Some(look(|rule, report| on_cluster(rule, &facts, name, report))));
        }
        for rule in RULES {
            if matches!(rule.check, Check::Lab(..)) {
                set(&mut self.lab, &rule.code, Some(run(rule, |report| on_lab(rule, &facts, report))));
            }
        }
    }
}

/// Whether no error is there that was not there before, whatever the others do.
fn no_new_error(before: &[Finding], after: &[Finding]) -> bool {
    let is_error = |finding: &&Finding| finding.severity == Severity::Error && finding.accepted.is_none();
    let same = |one: &Finding, other: &Finding| one.rule == other.rule && one.subject == other.subject;
    after.iter().filter(is_error).all(|new| before.iter().filter(is_error).any(|old| same(old, new)) || is_renumbered(before, new))
}

/// An adapter's finding may move to another slot when one before it goes.
fn is_renumbered(before: &[Finding], new: &Finding) -> bool {
    let Subject::Adapter(node, ..) = &new.subject else { return false };
    before.iter().any(|old| old.rule == new.rule && matches!(&old.subject, Subject::Adapter(other, ..) if other == node))
}

/// Keeps findings only where there are any: most things have none.
fn set<K: Ord + Clone>(map: &mut BTreeMap<K, Vec<Finding>>, key: &K, findings: Option<Vec<Finding>>) {
    match findings {
        Some(findings) if !findings.is_empty() => {
            map.insert(key.clone(), findings);
        }
        _ => {
            map.remove(key);
        }
    }
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

fn on_flow(rule: &Rule, facts: &Facts<'_>, flow: &crate::model::Flow, report: &mut Report) {
    if let Check::Flow(check) = rule.check {
        check(facts, flow, report);
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
