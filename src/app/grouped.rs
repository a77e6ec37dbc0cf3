//! Findings that say the same about several things, as one entry of a list.

use crate::model::{Lab, Subject};
use crate::rules::{Finding, Severity};
use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use std::sync::Arc;

/// From so many findings on, those that say the same are one entry.
const GROUP_MIN: usize = 3;
/// Stands for words that differ.
const OTHER: &str = "…";

/// What the findings of a group have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    severity: Severity,
    rule: &'static str,
    is_accepted: bool,
    /// The message without names, addresses and numbers.
    kind: String,
}

/// An entry of the list of findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FindingEntry {
    /// One finding, by its place.
    One(usize),
    /// Several that say the same.
    Group(FindingGroup),
}

/// Findings that say the same about several things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingGroup {
    /// What they have in common.
    pub key: GroupKey,
    /// How many of what they are about: "40 nodes".
    pub subjects: String,
    /// What they say, with "…" for the words that differ.
    pub message: String,
    /// Their places.
    pub places: Vec<usize>,
}

impl FindingEntry {
    /// The places of its findings.
    pub fn places(&self) -> &[usize] {
        match self {
            Self::One(place) => std::slice::from_ref(place),
            Self::Group(group) => &group.places,
        }
    }
}

/// Groups the findings at these places. A group stands where its first finding stands.
pub fn grouped(lab: &Lab, findings: &[Arc<Finding>], places: &[usize]) -> Vec<FindingEntry> {
    let names = names(lab);
    // Each with where it stands among all.
    let mut groups: Vec<Vec<(usize, usize)>> = Vec::new();
    let mut numbers: HashMap<GroupKey, usize> = HashMap::default();
    for (at, &place) in places.iter().enumerate() {
        let Some(finding) = findings.get(place) else { continue };
        let kind = kind(&names, &finding.message);
        let key = GroupKey { severity: finding.severity, rule: finding.rule, is_accepted: finding.accepted.is_some(), kind };
        let number = *numbers.entry(key).or_insert(groups.len());
        match groups.get_mut(number) {
            Some(members) => members.push((at, place)),
            None => groups.push(vec![(at, place)]),
        }
    }
    let mut keys: Vec<(usize, GroupKey)> = numbers.into_iter().map(|(key, number)| (number, key)).collect();
    keys.sort_unstable_by_key(|(number, _)| *number);
    let mut entries: Vec<(usize, FindingEntry)> = Vec::new();
    for ((_, key), members) in keys.into_iter().zip(groups) {
        if members.len() < GROUP_MIN {
            entries.extend(members.into_iter().map(|(at, place)| (at, FindingEntry::One(place))));
            continue;
        }
        let first = members.first().map_or(0, |(at, _)| *at);
        let places: Vec<usize> = members.into_iter().map(|(_, place)| place).collect();
        let members: Vec<&Finding> = places.iter().filter_map(|place| findings.get(*place)).map(Arc::as_ref).collect();
        let (subjects, message) = (subjects(&members), common(&members, &key.kind));
        entries.push((first, FindingEntry::Group(FindingGroup { key, subjects, message, places })));
    }
    entries.sort_unstable_by_key(|(at, _)| *at);
    entries.into_iter().map(|(_, entry)| entry).collect()
}

/// The names in a lab.
fn names(lab: &Lab) -> HashSet<&str> {
    let nodes = lab.nodes.keys().map(|name| name.as_str());
    let services = lab.services().map(|(_, name, _)| name.as_str());
    let rest = lab.networks.keys().map(|name| name.as_str()).chain(lab.vips.keys().map(|name| name.as_str()));
    nodes.chain(services).chain(rest).chain(lab.sites.keys().map(|name| name.as_str())).collect()
}

/// A message without names, addresses and numbers. A list of them counts as one.
fn kind(names: &HashSet<&str>, message: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in message.split_whitespace() {
        let core = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_other = names.contains(core) || core.contains(|c: char| c.is_ascii_digit() || c == '/' || c == '.');
        let word = if is_other { OTHER } else { word };
        match words.as_slice() {
            [.., OTHER] if word == OTHER => continue,
            [.., OTHER, "and" | "or"] if word == OTHER => {
                words.pop();
                continue;
            }
            _ => words.push(word),
        }
    }
    words.join(" ")
}

/// What messages have in common; `kind` where their words do not pair up.
fn common(members: &[&Finding], kind: &str) -> String {
    let Some((first, others)) = members.split_first() else { return kind.to_owned() };
    let mut common: Vec<&str> = first.message.split_whitespace().collect();
    for other in others {
        let words: Vec<&str> = other.message.split_whitespace().collect();
        if words.len() != common.len() {
            return kind.to_owned();
        }
        for (one, word) in common.iter_mut().zip(words) {
            if *one != word {
                *one = OTHER;
            }
        }
    }
    common.dedup_by(|one, other| *one == OTHER && *other == OTHER);
    common.join(" ")
}

/// How many things findings are about: "40 nodes".
fn subjects(members: &[&Finding]) -> String {
    let count = members.len();
    let word = |subject: &Subject| match subject {
        Subject::Node(_) => "nodes",
        Subject::Network(_) => "networks",
        Subject::Adapter(..) => "adapters",
        Subject::Service(_) => "services",
        Subject::Flow(..) => "flows",
        Subject::Vip(_) => "VIPs",
        Subject::Site(_) => "sites",
        Subject::Cluster(_) => "clusters",
        Subject::Link(..) => "links",
        Subject::Note(_) => "notes",
        Subject::Acceptance(_) => "acceptances",
        Subject::Lab | Subject::Outside => "findings",
    };
    let mut words = members.iter().map(|finding| word(&finding.subject));
    let first = words.next().unwrap_or("findings");
    let same = words.all(|other| other == first);
    format!("{count} {}", if same { first } else { "findings" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Node, Path, Role};

    fn finding(rule: &'static str, node: &str, message: &str) -> Arc<Finding> {
        Arc::new(Finding {
            rule,
            severity: Severity::Warning,
            message: message.into(),
            subject: Subject::Node(node.parse().unwrap()),
            within: Path::default(),
            involved: Vec::new(),
            fixes: Vec::new(),
            accepted: None,
        })
    }

    fn lab(names: &[&str]) -> Lab {
        let mut lab = Lab::new("x");
        lab.nodes.extend(names.iter().map(|name| (name.parse().unwrap(), Node::new(Role::Worker))));
        lab
    }

    fn all(lab: &Lab, findings: &[Arc<Finding>]) -> Vec<FindingEntry> {
        grouped(lab, findings, &(0..findings.len()).collect::<Vec<_>>())
    }

    #[test]
    fn findings_that_say_the_same_are_one_entry_where_the_first_stands() {
        let lab = lab(&["web", "db", "mail"]);
        let mut findings = vec![finding("other", "web", "web is alone.")];
        findings.extend(["web", "db", "mail"].map(|node| finding("ssh", node, &format!("{node} has no way in: add ssh."))));
        findings.insert(2, finding("other", "db", "db is alone."));
        let entries = all(&lab, &findings);
        let [FindingEntry::One(0), FindingEntry::Group(group), FindingEntry::One(2)] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!((group.subjects.as_str(), group.message.as_str()), ("3 nodes", "… has no way in: add ssh."));
        assert_eq!(group.places, [1, 3, 4]);
    }

    #[test]
    fn messages_of_another_kind_stay_apart_and_lists_of_any_length_are_alike() {
        let lab = lab(&["web", "db", "mail"]);
        let alike = ["web, db and mail share 10.1.0.4.", "web and db share 10.1.0.5.", "web, mail and db share 10.1.0.6."];
        let mut findings: Vec<_> = alike.map(|message| finding("share", "web", message)).into();
        findings.push(finding("share", "web", "web shares nothing."));
        let entries = all(&lab, &findings);
        let [FindingEntry::Group(group), FindingEntry::One(3)] = entries.as_slice() else { panic!("{entries:?}") };
        assert_eq!(group.message, "… share …");
    }

    #[test]
    fn accepted_findings_and_other_severities_are_groups_of_their_own() {
        let lab = lab(&["a1", "a2", "a3"]);
        let mut findings: Vec<_> = ["a1", "a2", "a3", "a1", "a2", "a3"].map(|node| finding("ssh", node, &format!("{node} is open"))).into();
        for finding in findings.iter_mut().skip(3) {
            *finding = Arc::new(Finding { accepted: Some("meant".into()), ..Finding::clone(finding) });
        }
        let places: Vec<Vec<usize>> = all(&lab, &findings).iter().map(|entry| entry.places().to_vec()).collect();
        assert_eq!(places, [[0, 1, 2], [3, 4, 5]]);
    }
}
