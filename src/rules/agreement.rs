//! What must be the same at two services, as the catalog states it: among the members of a cluster, and at both ends of a
//! flow. Each rule about it has a code of its own; the catalog says which setting belongs to which.

use super::{Facts, Report, alike, offer};
use crate::catalog::{Agreement, ClusterSort, Entry, Mismatch, Partners, Setting, SettingType};
use crate::model::{ClusterName, Edit, Endpoint, Flow, SecretName, Service, ServiceRef, Subject, Value};
use std::collections::BTreeMap;
use std::fmt;

/// What a service has for a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Held<'a> {
    /// The secret that it names; `None`: the lab's own.
    Secret(Option<&'a SecretName>),
    /// A value, the catalog's default included.
    Value(Option<&'a Value>),
}

impl<'a> Held<'a> {
    fn of(entry: &'a Entry, service: &'a Service, setting: &Setting) -> Self {
        match setting.takes {
            SettingType::Secret => Self::Secret(service.secrets.get(&setting.name)),
            _ => Self::Value(entry.value(service, &setting.name)),
        }
    }

    /// Puts it in a service; a secret that is not named cannot be.
    fn put(self, service: &mut Service, setting: &str) {
        match self {
            Self::Secret(Some(secret)) => drop(service.secrets.insert(setting.to_owned(), secret.clone())),
            Self::Value(Some(value)) => drop(service.settings.insert(setting.to_owned(), value.clone())),
            Self::Secret(None) | Self::Value(None) => {}
        }
    }

    fn is_named(self) -> bool {
        !matches!(self, Self::Secret(None) | Self::Value(None))
    }
}

/// What is held for a setting, as a message says it.
struct Said<'a>(&'a str, Held<'a>);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (setting, Held::Secret(Some(secret))) => write!(f, "the {setting} {secret}"),
            (setting, Held::Value(Some(value))) => write!(f, "{setting} {value}"),
            (setting, Held::Secret(None) | Held::Value(None)) => write!(f, "no {setting}"),
        }
    }
}

/// Whether what a service has for a setting is wrong by itself, or is meant by a name that its kind does not have: that is the finding.
fn is_said_elsewhere(entry: &Entry, service: &Service, setting: &Setting) -> bool {
    let is_meant = |mismatch: Mismatch<'_>| match mismatch {
        Mismatch::Secret { nearest, .. } | Mismatch::Setting { nearest, .. } => nearest.as_ref() == Some(&setting.name),
        Mismatch::Value { setting: of, .. } => of.name == setting.name,
        Mismatch::Kind { .. } | Mismatch::Port { .. } => false,
    };
    match setting.takes {
        SettingType::Secret => !service.secrets.contains_key(&setting.name) && entry.unknown_secrets(service).any(is_meant),
        _ if entry.wrong_values(service).any(is_meant) => true,
        _ => !service.settings.contains_key(&setting.name) && entry.unknown_settings(service).any(is_meant),
    }
}

type Member<'a> = (&'a ServiceRef, &'a Service);

/// An agreement with the members that it holds for, each with what it has.
type Group<'a> = (&'a Agreement, Vec<(Member<'a>, Held<'a>)>);

/// Reports the members of a cluster that differ from the others in a setting which the reporting rule is about.
pub(super) fn in_cluster(facts: &Facts<'_>, name: &ClusterName, report: &mut Report) {
    let mut held: BTreeMap<(&str, Option<ClusterSort>), Group<'_>> = BTreeMap::new();
    for (at, service) in facts.members(name) {
        let Some(entry) = facts.entry(service) else { continue };
        for setting in &entry.settings {
            let Some(agreement) = setting.agrees.iter().find(|one| one.with == Partners::Cluster && one.rule == report.rule) else {
                continue;
            };
            let group = held.entry((&setting.name, entry.behaviour.cluster_sort())).or_insert_with(|| (agreement, Vec::new()));
            if !is_said_elsewhere(entry, service, setting) {
                group.1.push(((at, service), Held::of(entry, service, setting)));
            }
        }
    }
    for ((setting, _), (agreement, members)) in held {
        differing(name, setting, agreement, &members, report);
    }
}

fn differing(name: &ClusterName, setting: &str, agreement: &Agreement, members: &[(Member<'_>, Held<'_>)], report: &mut Report) {
    let pairs: Vec<(usize, Held<'_>)> = members.iter().enumerate().map(|(place, (_, held))| (place, *held)).collect();
    let Some((common, others)) = alike::minority(&pairs) else { return };
    // Each fix may change the whole cluster: of a large one only the first finding has it.
    let offers = if members.len() > offer::ENTRIES_MAX { 1 } else { others.len() };
    for (count, (place, own)) in others.into_iter().enumerate() {
        let Some(((at, _), _)) = members.get(place) else { continue };
        let message = format!("{at} has {}, others of {name} have {}: {}", Said(setting, own), Said(setting, common), agreement.otherwise);
        let mut found = report.add(Subject::Service((*at).clone()), message).involving(Subject::Cluster(name.clone()));
        if count >= offers {
            continue;
        }
        // Protection that some have is the better choice, whatever most have; then what most have.
        let safest = [own, common].into_iter().filter(|held| matches!(held, Held::Value(Some(Value::Bool(true)))));
        let mut offered: Vec<Held<'_>> = Vec::new();
        for wanted in safest.chain([common, own]).filter(|held| held.is_named()) {
            let is_good = wanted == common || !common.is_named() || matches!(wanted, Held::Value(Some(Value::Bool(true))));
            if !is_good || offered.contains(&wanted) {
                continue;
            }
            offered.push(wanted);
            let edits = members
                .iter()
                .filter(|(_, held)| *held != wanted)
                .flat_map(|((at, service), _)| offer::service(&at.node, &at.service, service, |service| wanted.put(service, setting)));
            found = found.fix(format!("Use {} in all of {name}", Said(setting, wanted)), edits.collect());
        }
    }
}

/// The services that answer at the end of a flow: the one that it names, or those that a VIP may lead to.
pub(super) fn answering<'a>(facts: &Facts<'a>, end: &'a Endpoint) -> Vec<(ServiceRef, &'a Service)> {
    match end {
        Endpoint::Service(at) => facts.lab.service(at).map(|service| (at.clone(), service)).into_iter().collect(),
        Endpoint::Vip(vip) => {
            let Some((vip, follows)) = facts.lab.vips.get(vip).and_then(|vip| Some((vip, vip.follows.as_ref()?))) else {
                return Vec::new();
            };
            let at = |node: &crate::model::NodeName| ServiceRef { node: node.clone(), service: follows.clone() };
            vip.holders.iter().map(|holder| at(&holder.node)).filter_map(|at| facts.lab.service(&at).map(|service| (at, service))).collect()
        }
        Endpoint::Node(_) | Endpoint::Outside => Vec::new(),
    }
}

/// Reports where the service that opens a flow differs from one that answers it in a setting which the reporting rule is about.
pub(super) fn along_flow(facts: &Facts<'_>, flow: &Flow, report: &mut Report) {
    let Endpoint::Service(from_at) = &flow.from else { return };
    let Some(from) = facts.lab.service(from_at) else { return };
    let Some(entry) = facts.entry(from) else { return };
    let rule = report.rule;
    for setting in entry.settings.iter().filter(|setting| !setting.agrees.is_empty()) {
        for agreement in setting.agrees.iter().filter(|agreement| agreement.rule == rule) {
            let Partners::FlowsTo(wanted) = &agreement.with else { continue };
            if is_said_elsewhere(entry, from, setting) {
                continue;
            }
            let own = Held::of(entry, from, setting);
            let differs = answering(facts, &flow.to).into_iter().find_map(|(at, service)| {
                let there = facts.entry(service).filter(|entry| wanted.contains(&entry.behaviour))?;
                let theirs = there.setting(agreement.theirs.as_ref().unwrap_or(&setting.name))?;
                // Members of one cluster are compared with all of it.
                let is_compared = from.cluster.is_none() || from.cluster != service.cluster;
                let held = Held::of(there, service, theirs);
                let is_said = is_said_elsewhere(there, service, theirs);
                (is_compared && held != own && !is_said).then_some((at, service, theirs, held))
            });
            let Some((at, service, theirs, held)) = differs else { continue };
            let message =
                format!("{from_at} has {}, {at} has {}: {}", Said(&setting.name, own), Said(&theirs.name, held), agreement.otherwise);
            let mut found = report
                .add(Subject::flow(flow), message)
                .involving(Subject::Service(from_at.clone()))
                .involving(Subject::Service(at.clone()));
            let sides = [(from_at, from, &setting.name, held), (&at, service, &theirs.name, own)];
            // Protection that one side has is the better choice.
            let off =
                |(_, _, _, wanted): &(&ServiceRef, &Service, &String, Held<'_>)| matches!(wanted, Held::Value(Some(Value::Bool(false))));
            for (at, service, setting, wanted) in sides.into_iter().filter(|side| !off(side) && side.3.is_named()) {
                let (whom, edits) = changed_everywhere(facts, at, service, setting, wanted);
                found = found.fix(format!("Use {} in {whom}", Said(setting, wanted)), edits);
            }
        }
    }
}

/// The edits that give a service a value, and those members of its cluster that must have the same.
fn changed_everywhere(facts: &Facts<'_>, at: &ServiceRef, service: &Service, setting: &str, wanted: Held<'_>) -> (String, Vec<Edit>) {
    let of = |at: &ServiceRef, service: &Service| offer::service(&at.node, &at.service, service, |service| wanted.put(service, setting));
    let is_shared = |service: &Service| {
        let setting = facts.entry(service).and_then(|entry| entry.setting(setting));
        setting.is_some_and(|setting| setting.agrees.iter().any(|agreement| agreement.with == Partners::Cluster))
    };
    match &service.cluster {
        Some(cluster) if is_shared(service) => {
            let members = facts.members(cluster).take(offer::ENTRIES_MAX).filter(|(_, service)| is_shared(service));
            (format!("all of {cluster}"), members.flat_map(|(at, service)| of(at, service)).collect())
        }
        _ => (at.to_string(), of(at, service)),
    }
}
