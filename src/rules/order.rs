//! All findings of a lab in the order that people read them, with what the lab accepts marked: kept from step to step.
//!
//! It judges nothing: it is given what the rules have found. A list that followed any number of steps is equal to one
//! made anew (a property test says so).

use super::{Changed, Finding, Severity, acceptance};
use crate::model::{Acceptance, FlowNames, Lab, MESSAGE_CHARS_MAX, Subject, shortened};
use rustc_hash::FxHashMap as HashMap;
use std::{cmp::Ordering, collections::BTreeSet, sync::Arc};

/// The list.
#[derive(Debug, Clone, Default)]
pub(super) struct Ordered {
    all: Vec<Arc<Finding>>,
    /// The acceptances that were marked.
    accepted: Vec<Acceptance>,
    /// What their texts mean that name flows.
    flow_names: FlowNames,
    /// Places of the acceptances, by rule and then by what they are about.
    by_rule: HashMap<String, HashMap<String, Vec<usize>>>,
    /// How many findings each of them matches.
    matched: Vec<usize>,
}

impl Ordered {
    /// Puts findings in order, marks those that the lab accepts, and adds what is to be said of the acceptances themselves.
    pub(super) fn new(lab: &Lab, findings: impl Iterator<Item = Arc<Finding>>) -> Self {
        let mut by_rule: HashMap<String, HashMap<String, Vec<usize>>> = HashMap::default();
        let flow_names = flow_names(lab);
        for (place, acceptance) in lab.accepted.iter().enumerate() {
            let on = flow_names.get(&acceptance.on).map_or_else(|| acceptance.on.clone(), ToString::to_string);
            by_rule.entry(acceptance.rule.clone()).or_default().entry(on).or_default().push(place);
        }
        let matched = vec![0; lab.accepted.len()];
        let mut ordered = Self { all: Vec::new(), accepted: lab.accepted.clone(), flow_names, by_rule, matched };
        ordered.all = findings.map(|finding| ordered.marked(finding)).collect();
        let said = |(index, (acceptance, matched)): (usize, (&Acceptance, &usize))| {
            acceptance::said(index, acceptance, *matched, &ordered.flow_names).map(Arc::new)
        };
        ordered.all.extend(lab.accepted.iter().zip(&ordered.matched).enumerate().filter_map(said));
        ordered.all = in_order(ordered.all);
        ordered
    }

    /// The findings, the worst first, then by rule, then by what they are about.
    pub(super) fn as_slice(&self) -> &[Arc<Finding>] {
        &self.all
    }

    /// As [`Ordered::as_slice`], for a list that is not needed any more.
    pub(super) fn into_vec(self) -> Vec<Arc<Finding>> {
        self.all
    }

    /// Whether it was made for what the lab accepts now. Where not, it must be made anew.
    pub(super) fn is_for(&self, lab: &Lab) -> bool {
        self.accepted == lab.accepted && self.flow_names == flow_names(lab)
    }

    /// Follows a step that took some findings away and brought others. Gives what that did to the list.
    pub(super) fn follow(&mut self, gone: Vec<Arc<Finding>>, come: Vec<Arc<Finding>>) -> Changed {
        let before = self.matched.clone();
        for finding in &gone {
            for place in self.accepting(finding) {
                if let Some(matched) = self.matched.get_mut(place) {
                    *matched = matched.saturating_sub(1);
                }
            }
        }
        let mut gone = gone;
        let mut come: Vec<Arc<Finding>> = come.into_iter().map(|finding| self.marked(finding)).collect();
        for (index, (acceptance, (before, after))) in self.accepted.iter().zip(before.iter().zip(&self.matched)).enumerate() {
            if (*before == 0) == (*after == 0) {
                continue;
            }
            let said = |matched: usize| acceptance::said(index, acceptance, matched, &self.flow_names).map(Arc::new);
            gone.extend(said(*before));
            come.extend(said(*after));
        }
        come.sort_unstable_by(|one, other| compare(one, other));
        let gone = self.exchange(&gone, &come);
        Changed { gone, come }
    }

    /// The acceptance at a place, with what the findings say that it matches.
    pub(super) fn accepted_at(&self, place: usize) -> Option<(&Acceptance, Vec<String>)> {
        let acceptance = self.accepted.get(place)?;
        let found = self.all.iter().filter(|finding| self.accepting(finding).contains(&place));
        Some((acceptance, found.map(|finding| finding.message.clone()).collect()))
    }

    /// Whether the lab accepts a finding.
    pub(super) fn accepts(&self, finding: &Finding) -> bool {
        !self.accepting(finding).is_empty()
    }

    /// The places of the acceptances that match a finding, as [`Acceptance::accepts`] says, in the lab's order.
    fn accepting(&self, finding: &Finding) -> Vec<usize> {
        let Some(by_subject) = self.by_rule.get(finding.rule) else { return Vec::new() };
        let written = finding.subject.to_string();
        let bare = finding.subject.bare_name().filter(|bare| *bare != written);
        let names = [Some(written.as_str()), bare];
        let mut places: Vec<usize> = names.into_iter().flatten().filter_map(|name| by_subject.get(name)).flatten().copied().collect();
        places.retain(|place| self.accepted.get(*place).is_some_and(|acceptance| acceptance.accepts_words(&finding.message)));
        places.sort_unstable();
        places
    }

    /// Marks a finding that the lab accepts, and counts it for its acceptances.
    fn marked(&mut self, mut finding: Arc<Finding>) -> Arc<Finding> {
        for place in self.accepting(&finding) {
            if let (Some(acceptance), Some(matched)) = (self.accepted.get(place), self.matched.get_mut(place)) {
                *matched += 1;
                if finding.accepted.is_none() {
                    let because = shortened(&acceptance.because, MESSAGE_CHARS_MAX).into_owned();
                    Arc::make_mut(&mut finding).accepted = Some(because);
                }
            }
        }
        finding
    }

    /// Takes findings out and puts others, which are in order, in. Gives those taken out, as they stood in the list.
    fn exchange(&mut self, gone: &[Arc<Finding>], come: &[Arc<Finding>]) -> Vec<Arc<Finding>> {
        let old = std::mem::take(&mut self.all);
        let place_of = |finding: &Finding, before: fn(Ordering) -> bool| old.partition_point(|there| before(compare(there, finding)));
        let mut out: BTreeSet<usize> = BTreeSet::new();
        for finding in gone {
            let same = (place_of(finding, Ordering::is_lt)..)
                .take_while(|place| old.get(*place).is_some_and(|there| compare(there, finding).is_eq()));
            // Several may say the very same; each is taken once.
            let first = same.into_iter().find(|place| !out.contains(place));
            out.extend(first);
        }
        let places: Vec<usize> = come.iter().map(|finding| place_of(finding, Ordering::is_le)).collect();
        let mut come = places.into_iter().zip(come).peekable();
        let mut all = Vec::with_capacity((old.len() + come.len()).saturating_sub(out.len()));
        let mut out = out.into_iter().peekable();
        let mut taken = Vec::with_capacity(out.len());
        for (place, finding) in old.into_iter().enumerate() {
            while let Some((_, new)) = come.next_if(|(before, _)| *before <= place) {
                all.push(Arc::clone(new));
            }
            if out.next_if_eq(&place).is_some() {
                taken.push(finding);
            } else {
                all.push(finding);
            }
        }
        all.extend(come.map(|(_, new)| Arc::clone(new)));
        self.all = all;
        taken
    }
}

/// What the acceptances of a lab mean that name flows.
fn flow_names(lab: &Lab) -> FlowNames {
    FlowNames::of(lab, lab.accepted.iter().map(|acceptance| acceptance.on.as_str()))
}

/// Findings of one rule, each with the beginning of its subject.
type Group = Vec<(u64, Arc<Finding>)>;

/// Puts many findings in the order of [`compare`]: first by rule, which most share with many others, then by a number that
/// stands for the beginning of the subject, so that few are compared letter by letter.
fn in_order(all: Vec<Arc<Finding>>) -> Vec<Arc<Finding>> {
    let mut by_rule: HashMap<(Severity, &'static str), Group> = HashMap::default();
    let count = all.len();
    for finding in all {
        by_rule.entry((finding.severity, finding.rule)).or_default().push((beginning(&finding.subject), finding));
    }
    let mut groups: Vec<_> = by_rule.into_iter().collect();
    for (_, group) in &mut groups {
        group.sort_unstable_by(|(one_begins, one), (other_begins, other)| one_begins.cmp(other_begins).then_with(|| compare(one, other)));
    }
    groups.sort_unstable_by_key(|(key, _)| *key);
    let mut sorted = Vec::with_capacity(count);
    sorted.extend(groups.into_iter().flat_map(|(_, group)| group).map(|(_, finding)| finding));
    sorted
}

/// A number that grows in the order of subjects, as far as one can: its sort, then the first letters of its first name.
fn beginning(subject: &Subject) -> u64 {
    let (sort, name): (u8, &str) = match subject {
        Subject::Lab => (0, ""),
        Subject::Site(name) => (1, name),
        Subject::Network(name) => (2, name),
        Subject::Node(name) => (3, name),
        Subject::Adapter(name, ..) => (4, name),
        Subject::Service(at) => (5, &at.node),
        Subject::Flow(..) => (6, ""),
        Subject::Vip(name) => (7, name),
        Subject::Cluster(name) => (8, name),
        Subject::Link(name, _) => (9, name),
        Subject::Acceptance(_) => (10, ""),
        Subject::Note(_) => (11, ""),
        Subject::Outside => (12, ""),
    };
    let letters = name.bytes().chain(std::iter::repeat(0)).take(7);
    letters.fold(u64::from(sort), |number, letter| number << 8 | u64::from(letter))
}

/// As people read them. Findings that say the same are in the order of what else they involve, so that the order does not
/// depend on which was found first.
fn compare(one: &Finding, other: &Finding) -> Ordering {
    one.severity
        .cmp(&other.severity)
        .then_with(|| if std::ptr::eq(one.rule, other.rule) { Ordering::Equal } else { one.rule.cmp(other.rule) })
        .then_with(|| one.subject.cmp(&other.subject))
        .then_with(|| one.message.cmp(&other.message))
        .then_with(|| one.involved.cmp(&other.involved))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Path;

    fn finding(rule: &'static str, severity: Severity, subject: Subject, message: &str) -> Arc<Finding> {
        let message = message.to_owned();
        Arc::new(Finding {
            rule,
            severity,
            message,
            subject,
            within: Path::root(),
            involved: Vec::new(),
            fixes: Vec::new(),
            accepted: None,
        })
    }

    fn some() -> Vec<Arc<Finding>> {
        let node = |name: &str| Subject::Node(name.parse().unwrap());
        let mut all = Vec::new();
        for name in ["n1", "n1-10", "n1-1", "a-long-name-2", "a-long-name-1", "ö", "zz"] {
            let subjects = [
                node(name),
                Subject::Network(name.parse().unwrap()),
                Subject::Adapter(name.parse().unwrap(), 1, "lan".parse().unwrap()),
                Subject::Adapter(name.parse().unwrap(), 0, "lan".parse().unwrap()),
                Subject::Service(format!("{name}/b").parse().unwrap()),
                Subject::Service(format!("{name}/a").parse().unwrap()),
                Subject::Flow(format!("{name} -> outside").parse().unwrap()),
                Subject::Vip(name.parse().unwrap()),
                Subject::Cluster(name.parse().unwrap()),
                Subject::Site(name.parse().unwrap()),
                Subject::Link(name.parse().unwrap(), "b".parse().unwrap()),
            ];
            all.extend(subjects.into_iter().map(|subject| finding("one-rule", Severity::Warning, subject, "x")));
            all.push(finding("one-rule", Severity::Warning, node(name), "w"));
            all.push(finding("another-rule", Severity::Advice, node(name), "x"));
            all.push(finding("a-third", Severity::Warning, node(name), "x"));
        }
        all.push(finding("one-rule", Severity::Warning, Subject::Lab, "x"));
        all.push(finding("one-rule", Severity::Warning, Subject::Acceptance(3), "x"));
        all
    }

    #[test]
    fn sorting_many_is_sorting_by_pairs() {
        let mut expected = some();
        expected.sort_by(|one, other| compare(one, other));
        assert_eq!(in_order(some()), expected);
    }

    #[test]
    fn what_goes_and_comes_leaves_the_list_as_if_it_were_new() {
        let mut lab = Lab::new("x");
        let acceptance =
            |rule: &str, on: &str| Acceptance { rule: rule.into(), on: on.into(), because: "meant".into(), says: Some("x".into()) };
        lab.accepted = vec![acceptance("a-third", "n1"), acceptance("a-third", "nobody")];
        let all = some();
        let (mut stays, goes): (Vec<_>, Vec<_>) = all.iter().cloned().enumerate().partition(|(place, _)| place % 3 > 0);
        let mut ordered = Ordered::new(&lab, all.iter().cloned());
        let new = vec![
            finding("one-rule", Severity::Error, Subject::Lab, "new"),
            finding("a-third", Severity::Warning, "nobody".parse().map(Subject::Node).unwrap(), "x"),
        ];
        let changed = ordered.follow(goes.into_iter().map(|(_, finding)| finding).collect(), new.clone());
        stays.extend(new.into_iter().enumerate());
        let anew = Ordered::new(&lab, stays.into_iter().map(|(_, finding)| finding));
        assert_eq!((ordered.as_slice(), &ordered.matched), (anew.as_slice(), &anew.matched));
        assert!(changed.gone.iter().any(|gone| gone.rule == "unused-acceptance"), "the second acceptance has a finding now");
        assert_eq!(changed.come.len(), 2);
    }
}
