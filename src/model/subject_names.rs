//! The things of a lab by the texts that mean them: what a highlight, a fault or a command line names.

use super::{FlowNames, Lab, Subject};
use std::collections::{HashMap, HashSet};

/// The things of a lab by their texts.
#[derive(Debug, Default)]
pub struct SubjectNames {
    exactly: HashMap<String, Subject>,
    by_bare_name: HashMap<String, Subject>,
    flows: FlowNames,
}

impl SubjectNames {
    /// The names of a lab; among the texts may be flows by their ends.
    pub fn of<'a>(lab: &Lab, texts: impl Iterator<Item = &'a str>) -> Self {
        let mut known = HashSet::new();
        let clusters = lab.services().filter_map(|(_, _, service)| service.cluster.as_ref()).filter(|cluster| known.insert(*cluster));
        let clusters: Vec<Subject> = clusters.cloned().map(Subject::Cluster).collect();
        let mut names = Self { flows: FlowNames::of(lab, texts), ..Self::default() };
        for subject in Subject::all(lab).into_iter().chain(clusters) {
            if let Some(bare) = subject.bare_name() {
                names.by_bare_name.entry(bare.to_owned()).or_insert_with(|| subject.clone());
            }
            names.exactly.entry(subject.to_string()).or_insert(subject);
        }
        names
    }

    /// The thing that a text means. To look up several, keep the names.
    pub fn find(lab: &Lab, text: &str) -> Option<Subject> {
        Self::of(lab, std::iter::once(text)).get(text)
    }

    /// The thing that a text means: as [`Subject`] writes it, a flow by its ends, or by its bare name.
    pub fn get(&self, text: &str) -> Option<Subject> {
        let exactly = || self.exactly.get(text).cloned();
        let by_ends = || self.flows.get(text).cloned().map(Subject::Flow);
        exactly().or_else(by_ends).or_else(|| self.by_bare_name.get(text).cloned())
    }

    /// Every text that means something, in no order.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.exactly.keys().chain(self.by_bare_name.keys()).map(String::as_str)
    }
}
