//! Who reaches the selected node or service, evaluated for what the inspector shows and kept until something changes that it depends on:
//! the lab, what is observed of it, or what is shown.
//!
//! Only one port of one thing is evaluated, so that it stays quick in large labs.

use super::{Mode, State};
use crate::catalog::Catalog;
use crate::model::{Endpoint, NodeName, Observed, Subject};
use crate::plan::{Desired, LabId, desired};
use crate::reach::{Caller, Design, Explained, Outcome, Port, Seen, callers, ports};
use std::path::Path;

/// What an answer was evaluated with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Basis {
    /// The layout alone: everything runs as it is drawn.
    #[default]
    Layout,
    /// The observed state of the deployed lab.
    Observed,
}

/// The callers whose connections end alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// How they end.
    pub outcome: Outcome,
    /// Outside first, then nodes in the lab's order.
    pub callers: Vec<Caller>,
}

/// Who reaches a port of a node or a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The ports of what is selected.
    pub ports: Vec<Port>,
    /// The one that is evaluated.
    pub port: Option<Port>,
    /// The callers, those that are answered first.
    pub groups: Vec<Group>,
    /// Why nothing is evaluated, where what is selected cannot be planned.
    pub hindrance: Option<String>,
    /// Nodes that cannot be planned and so are no callers.
    pub left_out: Vec<NodeName>,
}

impl Answer {
    /// The callers in the order in which they are listed.
    pub fn callers(&self) -> impl Iterator<Item = &Caller> {
        self.groups.iter().flat_map(|group| &group.callers)
    }

    /// How a caller's connection goes.
    pub fn of(&self, from: &Endpoint) -> Option<&Explained> {
        self.callers().find(|caller| caller.from == *from).map(|caller| &caller.answer)
    }
}

/// The answer that is kept, with what it depends on.
#[derive(Debug, Clone, Default)]
pub struct Reached {
    /// The revision of the lab that the specifications are of.
    revision: Option<u64>,
    wanted: Desired,
    /// What happened last when the observation was looked at.
    shown: Option<u64>,
    seen: Option<Seen>,
    unknown: Vec<NodeName>,
    target: Option<Endpoint>,
    /// The port that was chosen.
    chosen: Option<Port>,
    /// The row that the pointer is on, for the frame in which it was told.
    hovered: Option<Endpoint>,
    /// The row that is unfolded.
    unfolded: Option<Endpoint>,
    answer: Answer,
    /// How often an answer was evaluated.
    #[cfg(test)]
    evaluated: usize,
}

impl Reached {
    /// The end whose callers are shown for a selection; `None`: it is neither a node nor a service.
    pub fn target(selected: Option<&Subject>) -> Option<Endpoint> {
        match selected? {
            Subject::Node(node) => Some(Endpoint::Node(node.clone())),
            Subject::Service(at) => Some(Endpoint::Service(at.clone())),
            _ => None,
        }
    }

    /// Brings the answer up to date with a state.
    pub fn update(&mut self, state: &State, target: &Endpoint) {
        let mut is_stale = self.follow_lab(state);
        is_stale |= self.follow_observation(state);
        if self.target.as_ref() != Some(target) {
            self.target = Some(target.clone());
            self.unfolded = None;
            is_stale = true;
        }
        if is_stale {
            self.evaluate(target);
        }
    }

    /// Takes over the lab's specifications where its meaning has changed.
    fn follow_lab(&mut self, state: &State) -> bool {
        let revision = state.revision();
        let is_same = self.revision.and_then(|known| state.touched_since(known)).is_some_and(|touched| !touched.meaning());
        self.revision = Some(revision);
        if is_same {
            return false;
        }
        let file = state.document.path.as_deref().unwrap_or(Path::new(""));
        // The identity decides names at the provider, and nothing about who reaches whom.
        self.wanted = desired(state.lab(), Catalog::embedded(), &LabId::of_file(file));
        self.shown = None;
        true
    }

    /// Takes over what is observed, where something has happened since; whether it differs.
    fn follow_observation(&mut self, state: &State) -> bool {
        if self.shown == Some(state.shown_revision()) {
            return false;
        }
        self.shown = Some(state.shown_revision());
        let observed = observed(state);
        let seen = observed.map(|observed| self.wanted.specs().seen(observed));
        self.unknown = observed.into_iter().flat_map(Observed::silent).cloned().collect();
        let differs = seen != self.seen;
        self.seen = seen;
        differs
    }

    fn evaluate(&mut self, target: &Endpoint) {
        #[cfg(test)]
        {
            self.evaluated += 1;
        }
        let wanted = &self.wanted;
        let design = Design::of(wanted.specs(), Catalog::embedded());
        let mut answer = Answer { ports: ports(&design, target), ..Answer::default() };
        answer.left_out = wanted
            .unplannable
            .iter()
            .filter_map(|one| if let Subject::Node(node) = &one.subject { Some(node.clone()) } else { None })
            .collect();
        answer.hindrance = hindrance(wanted, target);
        answer.port = self.chosen.clone().filter(|port| answer.ports.contains(port)).or_else(|| answer.ports.first().cloned());
        if let (Some(port), None) = (&answer.port, &answer.hindrance) {
            let found = match &self.seen {
                Some(seen) => callers(&design, seen, port),
                None => callers(&design, &design.state, port),
            };
            match found {
                Ok(found) => answer.groups = grouped(found),
                Err(error) => answer.hindrance = Some(error.to_string()),
            }
        }
        if self.unfolded.as_ref().is_some_and(|from| answer.of(from).is_none()) {
            self.unfolded = None;
        }
        self.answer = answer;
    }

    /// The answer.
    pub fn answer(&self) -> &Answer {
        &self.answer
    }

    /// What it was evaluated with.
    pub fn basis(&self) -> Basis {
        if self.seen.is_some() { Basis::Observed } else { Basis::Layout }
    }

    /// Nodes whose state is not known, so that the answer may be wrong about them.
    pub fn unknown(&self) -> &[NodeName] {
        &self.unknown
    }

    /// Evaluates another port.
    pub fn choose(&mut self, port: &Port) {
        if self.answer.port.as_ref() != Some(port) {
            self.chosen = Some(port.clone());
            self.unfolded = None;
            if let Some(target) = self.target.clone() {
                self.evaluate(&target);
            }
        }
    }

    /// The row that is unfolded.
    pub fn unfolded(&self) -> Option<&Endpoint> {
        self.unfolded.as_ref()
    }

    /// Unfolds a row, or folds it again.
    pub fn toggle(&mut self, from: &Endpoint) {
        self.unfolded = if self.unfolded.as_ref() == Some(from) { None } else { Some(from.clone()) };
    }

    /// The pointer is on a row, or on none.
    pub fn hover(&mut self, from: Option<Endpoint>) {
        self.hovered = from;
    }

    /// The connection whose path is to be shown: that of the row under the pointer, else of the unfolded one.
    pub fn shown_path(&self) -> Option<&Explained> {
        self.hovered.as_ref().or(self.unfolded.as_ref()).and_then(|from| self.answer.of(from))
    }
}

/// What is observed of the lab, in the mode that shows it.
fn observed(state: &State) -> Option<&Observed> {
    state.run.observed.as_ref().filter(|observed| state.mode == Mode::Run && !observed.is_empty())
}

/// Why connections to what is selected cannot be evaluated: it cannot be planned.
fn hindrance(wanted: &Desired, target: &Endpoint) -> Option<String> {
    let (subject, is_planned) = match target {
        Endpoint::Node(node) => (Subject::Node(node.clone()), wanted.machines.contains_key(node)),
        Endpoint::Service(at) => (Subject::Service(at.clone()), wanted.services.contains_key(at)),
        Endpoint::Vip(_) | Endpoint::Outside => return None,
    };
    if is_planned {
        return None;
    }
    let why = wanted.unplannable.iter().find(|one| one.subject == subject).map(|one| one.why.clone());
    Some(why.unwrap_or_else(|| format!("{target} cannot be planned; see the findings.")))
}

fn grouped(found: Vec<Caller>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for caller in found {
        match groups.iter_mut().find(|group| group.outcome == caller.answer.outcome) {
            Some(group) => group.callers.push(caller),
            None => groups.push(Group { outcome: caller.answer.outcome, callers: vec![caller] }),
        }
    }
    groups.sort_by_key(|group| group.outcome);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Command, Document, EditCommand, ModeCommand, Preferences, SelectCommand};
    use crate::model::{Edit, Health, ObservedNode, ObservedService, Pos, Power};
    use crate::plan::fixture::mini_cloud;

    fn end(text: &str) -> Endpoint {
        text.parse().unwrap()
    }

    fn state() -> State {
        let mut state = State::new(Preferences::default(), Vec::new());
        state.replace(mini_cloud(), Document::default());
        state
    }

    fn outcome(reached: &Reached, from: &str) -> Outcome {
        reached.answer().of(&end(from)).unwrap().outcome
    }

    #[test]
    fn a_service_is_reached_by_those_that_it_allows_and_the_first_failure_is_named() {
        let state = state();
        let mut reached = Reached::default();
        reached.update(&state, &end("db1/galera"));
        assert_eq!(reached.basis(), Basis::Layout);
        let answer = reached.answer();
        assert_eq!(answer.port.as_ref().map(|port| port.number), Some(3306));
        assert_eq!(answer.callers().count(), state.lab().nodes.len(), "outside, and each node but its own");
        assert_eq!(outcome(&reached, "app1"), Outcome::Answered);
        assert_ne!(outcome(&reached, "outside"), Outcome::Answered);
        let answers = answer.groups.iter().map(|group| group.outcome).collect::<Vec<_>>();
        assert!(answers.is_sorted() && answers.first() == Some(&Outcome::Answered), "{answers:?}");
        for caller in answer.callers() {
            let is_explained = caller.answer.why.is_some() || caller.answer.reaches;
            assert!(is_explained, "{caller:?}");
        }
    }

    #[test]
    fn a_node_has_the_ports_of_its_services_and_another_one_is_chosen() {
        let state = state();
        let mut reached = Reached::default();
        reached.update(&state, &end("db1"));
        let ports = reached.answer().ports.clone();
        assert!(ports.len() >= 2 && ports.iter().any(|port| port.number == 4567), "{ports:?}");
        let group = ports.iter().find(|port| port.number == 4567).unwrap();
        reached.choose(group);
        assert_eq!(reached.answer().port.as_ref(), Some(group));
        let before = reached.evaluated;
        reached.update(&state, &end("db1"));
        assert_eq!((reached.answer().port.as_ref(), reached.evaluated), (Some(group), before));
    }

    #[test]
    fn it_is_evaluated_again_only_where_something_changes_that_it_depends_on() {
        let mut state = state();
        let mut reached = Reached::default();
        reached.update(&state, &end("db1/galera"));
        assert_eq!(reached.evaluated, 1);
        for _ in 0..3 {
            reached.update(&state, &end("db1/galera"));
        }
        state.apply(Command::Select(SelectCommand::Select(vec![Subject::Node("app1".parse().unwrap())])));
        let moved = Edit::PlaceNode { name: "app1".parse().unwrap(), at: None, to: Some(Pos(4, 4)) };
        state.apply(Command::edit("Move", vec![moved]));
        reached.update(&state, &end("db1/galera"));
        assert_eq!(reached.evaluated, 1, "a node that is moved reaches what it reached");
        let removed = crate::app::ops::remove(state.lab(), &[Subject::Node("app1".parse().unwrap())]);
        state.apply(Command::Edit(EditCommand::Act(removed)));
        reached.update(&state, &end("db1/galera"));
        assert_eq!(reached.evaluated, 2);
        assert!(reached.answer().of(&end("app1")).is_none());
    }

    #[test]
    fn in_run_the_observed_state_counts() {
        let mut state = state();
        let mut observed = Observed { at_ms: 1, ..Observed::default() };
        for (name, node) in &state.lab().nodes {
            let service = |_: &crate::model::ServiceName| ObservedService { health: Health::Healthy, ..ObservedService::default() };
            let services = node.services.keys().map(|service_name| (service_name.clone(), service(service_name))).collect();
            let there = ObservedNode { power: Power::Running, health: Health::Healthy, services, ..ObservedNode::default() };
            observed.nodes.insert(name.clone(), there);
        }
        state.run.observed = Some(observed.clone());
        let mut reached = Reached::default();
        reached.update(&state, &end("db1/galera"));
        assert_eq!(reached.basis(), Basis::Layout, "in Design it is the layout alone");
        state.apply(Command::Mode(ModeCommand::Run));
        reached.update(&state, &end("db1/galera"));
        assert_eq!((reached.basis(), outcome(&reached, "app1")), (Basis::Observed, Outcome::Answered));
        let before = reached.evaluated;

        // Time goes on, and nothing else happens.
        state.run.observed = Some(Observed { at_ms: 2, ..observed.clone() });
        state.shown_revision += 1;
        reached.update(&state, &end("db1/galera"));
        assert_eq!(reached.evaluated, before);

        let stopped = observed.nodes.get_mut("db1").unwrap();
        stopped.services.get_mut("galera").unwrap().health = Health::Down;
        observed.nodes.get_mut("app2").unwrap().health = Health::Unknown;
        state.run.observed = Some(observed);
        state.shown_revision += 1;
        reached.update(&state, &end("db1/galera"));
        assert_eq!(outcome(&reached, "app1"), Outcome::Refused);
        assert_eq!(reached.answer().of(&end("app1")).unwrap().why.as_ref().map(|why| why.code), Some("stopped"));
        assert_eq!(reached.unknown().iter().map(NodeName::as_str).collect::<Vec<_>>(), ["app2"]);
    }

    #[test]
    fn the_row_under_the_pointer_comes_before_the_unfolded_one() {
        let state = state();
        let mut reached = Reached::default();
        reached.update(&state, &end("db1/galera"));
        assert_eq!(reached.shown_path(), None);
        reached.toggle(&end("app1"));
        assert_eq!(reached.shown_path().map(|path| path.from.as_str()), Some("app1"));
        reached.hover(Some(end("outside")));
        assert_eq!(reached.shown_path().map(|path| path.from.as_str()), Some("outside"));
        reached.hover(None);
        reached.toggle(&end("app1"));
        assert_eq!(reached.shown_path(), None);
    }
}
