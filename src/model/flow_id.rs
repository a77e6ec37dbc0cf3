//! The identity of a flow: its two ends and the port that the file writes.

use super::{Edit, Endpoint, Flow, Lab};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    str::FromStr,
};

/// The identity of a flow. Two flows may have the same ends and differ in the port only; the rule `duplicate-flow` reports two
/// that have the same identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FlowId {
    /// Who opens the connection.
    pub from: Endpoint,
    /// Who answers.
    pub to: Endpoint,
    /// The port as written. `None`: left out, which is another identity than the number of the service's main port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

impl FlowId {
    /// Where it leads, with the port: `db/pg:5432`.
    pub fn target(&self) -> impl fmt::Display {
        fmt::from_fn(|f| {
            fmt::Display::fmt(&self.to, f)?;
            self.port.iter().try_for_each(|port| write!(f, ":{port}"))
        })
    }

    /// The same flow after another edit: an end of it may have a new name.
    #[must_use]
    pub fn renamed(mut self, edit: &Edit) -> Self {
        self.from.rename(edit);
        self.to.rename(edit);
        self
    }
}

impl From<&Flow> for FlowId {
    fn from(flow: &Flow) -> Self {
        Self { from: flow.from.clone(), to: flow.to.clone(), port: flow.port }
    }
}

impl PartialEq<FlowId> for Flow {
    fn eq(&self, id: &FlowId) -> bool {
        self.port == id.port && self.to == id.to && self.from == id.from
    }
}

impl Lab {
    /// The place of a flow in the list, from 0. Of several with this identity the last counts: it is the one to be changed or removed.
    pub fn flow_place(&self, id: &FlowId) -> Option<usize> {
        self.flows.iter().rposition(|flow| *flow == *id)
    }
}

/// Between the two ends.
const ARROW: &str = " -> ";

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{ARROW}{}", self.from, self.target())
    }
}

/// Why a text names no flow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlowIdError {
    /// It has another form.
    #[error("{0:?} names no flow; write FROM -> TO or FROM -> TO:PORT, such as web/app -> db/pg:5432")]
    Form(String),
    /// A name may contain an arrow, and a node may be called vip.
    #[error("{0:?} can be read as several flows; give the thing that it names a name without an arrow, other than vip")]
    Ambiguous(String),
}

/// Reads what [`fmt::Display`] writes, and nothing else: a text that is rewritten after a rename must not change otherwise.
impl FromStr for FlowId {
    type Err = FlowIdError;
    fn from_str(text: &str) -> Result<Self, FlowIdError> {
        let mut found = BTreeSet::new();
        for (at, _) in text.match_indices(ARROW) {
            let (Some(from), Some(to)) = (text.get(..at), text.get(at + ARROW.len()..)) else { continue };
            let Ok(from) = from.parse::<Endpoint>() else { continue };
            found.extend(targets(to).map(|(to, port)| Self { from: from.clone(), to, port }));
        }
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (Some(id), None) => Ok(id),
            (Some(_), Some(_)) => Err(FlowIdError::Ambiguous(text.to_owned())),
            (None, _) => Err(FlowIdError::Form(text.to_owned())),
        }
    }
}

/// The ends and ports that a text may mean: `vip:80` is a VIP, and a port of a node called vip.
fn targets(text: &str) -> impl Iterator<Item = (Endpoint, Option<u16>)> {
    let bare = text.parse::<Endpoint>().ok().map(|to| (to, None));
    let with_port = text.rsplit_once(':').and_then(|(to, port)| {
        let number = port.parse::<u16>().ok().filter(|number| *number > 0 && number.to_string() == port)?;
        Some((to.parse::<Endpoint>().ok()?, Some(number)))
    });
    bare.into_iter().chain(with_port)
}

/// What texts of the file mean that may name flows: each either the very identity, or the two ends alone where they have one
/// flow. Files from when ports were no part of the name have the ends alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlowNames {
    texts: BTreeMap<String, Named>,
    /// All flows with the same ends.
    groups: Vec<BTreeSet<FlowId>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    id: Option<FlowId>,
    /// The group of the flows with its ends.
    group: usize,
}

impl FlowNames {
    /// Looks texts up in a lab. Texts without the form of a flow's name are left out.
    pub fn of<'a>(lab: &Lab, texts: impl Iterator<Item = &'a str>) -> Self {
        let texts = texts.filter(|text| text.contains(ARROW));
        let wanted: Vec<(&str, FlowId)> = texts.filter_map(|text| Some((text, text.parse().ok()?))).collect();
        if wanted.is_empty() {
            return Self::default();
        }
        let mut by_ends: HashMap<(&Endpoint, &Endpoint), usize> = HashMap::new();
        for (_, id) in &wanted {
            let next = by_ends.len();
            by_ends.entry((&id.from, &id.to)).or_insert(next);
        }
        let mut groups = vec![BTreeSet::new(); by_ends.len()];
        for flow in &lab.flows {
            let group = by_ends.get(&(&flow.from, &flow.to)).and_then(|group| groups.get_mut(*group));
            if let Some(group) = group {
                group.insert(FlowId::from(flow));
            }
        }
        let named = |(text, id): &(&str, FlowId)| {
            let group = *by_ends.get(&(&id.from, &id.to))?;
            let flows = groups.get(group)?;
            let only = flows.first().filter(|_| flows.len() == 1 && id.port.is_none());
            Some(((*text).to_owned(), Named { id: flows.get(id).or(only).cloned(), group }))
        };
        Self { texts: wanted.iter().filter_map(named).collect(), groups }
    }

    /// The flow that a text names; `None` where it names none, or may name several.
    pub fn get(&self, text: &str) -> Option<&FlowId> {
        self.texts.get(text)?.id.as_ref()
    }

    /// The flows between the ends that a text names, where there are several.
    pub fn several(&self, text: &str) -> Option<&BTreeSet<FlowId>> {
        self.groups.get(self.texts.get(text)?.group).filter(|flows| flows.len() > 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Acceptance, ListEdit, View};

    fn id(text: &str) -> FlowId {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    /// A lab of flows between things that it need not have, with one acceptance and one view that name a flow.
    fn lab(flows: &[&str], named: &str) -> Lab {
        let mut lab = Lab::new("x");
        let flow = |text: &&str| {
            let id = id(text);
            Flow { port: id.port, ..Flow::new(id.from, id.to) }
        };
        lab.flows = flows.iter().map(flow).collect();
        lab.accepted = vec![Acceptance { rule: "a-rule".into(), on: named.into(), because: "meant".into(), says: None }];
        lab.views = vec![View { highlight: vec!["db".into(), named.into()], ..View::default() }];
        lab
    }

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for text in
            ["outside -> lb/haproxy", "outside -> lb/haproxy:8404", "a -> vip:v", "a -> vip:v:3306", "a b -> c:65535", "vip:v -> outside"]
        {
            assert_eq!(id(text).to_string(), text);
        }
        assert_eq!(id("a -> b:80").target().to_string(), "b:80");
        for text in ["", "a", "a -> ", "a->b", "a -> b:0", "a -> b:080", "a -> b:+80", "a -> b:65536", "a -> b:http", "a/b/c -> d"] {
            assert_eq!(text.parse::<FlowId>(), Err(FlowIdError::Form(text.into())));
        }
        for text in ["a -> b -> c", "a -> vip:80"] {
            assert_eq!(text.parse::<FlowId>(), Err(FlowIdError::Ambiguous(text.into())));
        }
    }

    #[test]
    fn it_is_one_object_in_json_and_the_port_may_be_left_out() {
        let json = serde_json::to_string(&id("a -> b/c:80")).unwrap();
        assert_eq!(json, r#"{"from":"a","to":"b/c","port":80}"#);
        assert_eq!(serde_json::from_str::<FlowId>(&json).unwrap(), id("a -> b/c:80"));
        assert_eq!(serde_json::from_str::<FlowId>(r#"{"from":"a","to":"b/c"}"#).unwrap(), id("a -> b/c"));
    }

    fn meant(flows: &[&str], text: &str) -> Option<String> {
        FlowNames::of(&lab(flows, text), std::iter::once(text)).get(text).map(ToString::to_string)
    }

    #[test]
    fn two_ends_name_a_flow_where_they_have_one() {
        assert_eq!(meant(&["a -> b:80"], "a -> b").as_deref(), Some("a -> b:80"));
        assert_eq!(meant(&["a -> b:80", "a -> b:80"], "a -> b").as_deref(), Some("a -> b:80"));
        assert_eq!(meant(&["a -> b:80", "a -> b:81"], "a -> b"), None);
        assert_eq!(meant(&["a -> b:80", "a -> b"], "a -> b").as_deref(), Some("a -> b"), "this is its very name");
        assert_eq!(meant(&["a -> b:80", "a -> b"], "a -> b:80").as_deref(), Some("a -> b:80"));
        assert_eq!(meant(&["a -> b"], "a -> b:80"), None);
        assert_eq!(meant(&["a -> b"], "b -> a"), None);
    }

    fn check(flows: &[&str], (at, to): (usize, &str), named: &str, then: &str) {
        let mut lab = lab(flows, named);
        for end in ["a", "b", "c"] {
            lab.nodes.insert(end.parse().unwrap(), crate::model::Node::new(crate::model::Role::App));
        }
        let before = lab.clone();
        let FlowId { from, to, port } = id(to);
        let edit = Edit::Flow { index: at, change: ListEdit::Replace(Flow { port, ..Flow::new(from, to) }) };
        let applied = lab.apply(std::slice::from_ref(&edit)).unwrap();
        let after = lab.clone();
        assert_eq!((lab.accepted[0].on.as_str(), lab.views[0].highlight[1].as_str()), (then, then), "{flows:?} {edit:?}");
        let undone = lab.apply(&applied.inverse).unwrap();
        assert_eq!(lab, before, "{flows:?} {edit:?} undone");
        lab.apply(&undone.inverse).unwrap();
        assert_eq!(lab, after, "{flows:?} {edit:?} done again");
    }

    #[test]
    fn names_follow_a_flow_that_gets_another_port_or_end() {
        check(&["a -> b:80"], (0, "a -> b:81"), "a -> b:80", "a -> b:81");
        check(&["a -> b", "a -> b:80"], (1, "a -> b:81"), "a -> b:80", "a -> b:81");
        check(&["a -> b", "a -> b:80"], (1, "a -> b:81"), "a -> b", "a -> b");
        check(&["a -> b", "a -> b:80"], (0, "a -> c"), "a -> b", "a -> c");
        check(&["a -> b:80"], (0, "a -> b"), "a -> b", "a -> b");
        check(&["a -> b:80"], (0, "a -> b:81"), "a -> b", "a -> b:81");
        // Of two with one identity, one keeps the name.
        check(&["a -> b:80", "a -> b:80"], (1, "a -> b:81"), "a -> b:80", "a -> b:80");
        // Names of nothing begin to name the flow, and do so no longer when that is undone.
        check(&["a -> c:80"], (0, "a -> b:80"), "a -> b:80", "a -> b:80");
        check(&["a -> c:80"], (0, "a -> b:80"), "a -> b", "a -> b");
        check(&["a -> b:80", "a -> b:81"], (1, "a -> b"), "a -> b", "a -> b");
    }
}
