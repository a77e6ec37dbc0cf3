//! What is deployed and what is seen of it: provider, plan, progress, observations, events, load.

use super::job::{JobKind, Observation};
use crate::activity::{Author, Event, Fact, Forecast, Operation, Sample, Viewer, between};
use crate::catalog::Catalog;
use crate::model::{ActiveFault, FailoverRuler, Fault, NodeName, Observed, Power, RequestOutage, ServiceRef, Subject};
use crate::plan::{Plan, StepId, promotable};
use crate::session::{ProviderId, StepLog};
use crate::sim::{EntryLoad, LoadSecond};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Events that are kept; the oldest go first.
pub const EVENTS_MAX: usize = 2000;
/// How long a sample of the load is, in milliseconds.
pub const SAMPLE_MS: u64 = 1000;
/// Samples of the load that are kept.
pub const SAMPLES_MAX: usize = 600;

/// The simulator's name among the providers.
pub const SIM: &str = "sim";

/// A provider to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderChoice {
    /// Its name, as `--on` takes it.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Why it cannot be used here; `None`: it can.
    pub hindrance: Option<String>,
    /// Whether it makes images of its own.
    pub makes_images: bool,
}

/// Requests from outside during one stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LoadSample {
    /// When the stretch ended, in milliseconds of the lab's clock.
    pub at_ms: u64,
    /// How long the stretch is, in milliseconds.
    pub span_ms: u64,
    /// Requests that were answered well.
    pub good: u32,
    /// Requests that were not.
    pub failed: u32,
}

impl LoadSample {
    /// What became of the requests of a second; its stretch ends with it.
    pub fn of(second: &LoadSecond) -> Self {
        Self { at_ms: second.at_ms + SAMPLE_MS, span_ms: second.span_ms, good: second.ok, failed: second.failed }
    }

    /// So many requests of the stretch as a rate, in requests a second.
    pub fn per_sec(&self, requests: u32) -> u32 {
        let rate = u64::from(requests) * 1000 / self.span_ms.max(1);
        u32::try_from(rate).unwrap_or(u32::MAX)
    }
}

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// It runs.
    Running,
    /// It is done.
    Done,
    /// It failed, and why.
    Failed(String),
    /// It was not tried, because another failed or the user stopped.
    Skipped,
}

/// A job that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Which.
    pub kind: JobKind,
    /// Steps done.
    pub done: usize,
    /// Steps in all; 0: unknown.
    pub total: usize,
    /// Whether it was asked to stop.
    pub stopping: bool,
}

/// A fault that is about to be injected: what is chosen, before anything is broken.
#[derive(Debug, Clone, PartialEq)]
pub struct Considered {
    /// The fault, with its size.
    pub fault: Fault,
    /// How long it is to last, in seconds; `None`: as the provider does by itself.
    pub lasts_secs: Option<u32>,
}

/// A fault whose control the pointer rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Previewed {
    /// The fault.
    pub fault: Fault,
    /// What it would do; `None`: that is being worked out.
    pub prediction: Option<Forecast>,
}

/// A fault, and what it was to do.
#[derive(Debug, Clone, PartialEq)]
pub struct LastFault {
    /// The fault.
    pub fault: Fault,
    /// When it was injected, in milliseconds of the lab's clock.
    pub since_ms: u64,
    /// How long requests were to fail, in milliseconds.
    pub predicted_ms: Option<u64>,
}

/// An operation of this window on the lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningOperation {
    /// Which.
    pub operation: Operation,
    /// When it ended, in milliseconds since 1970, and how.
    pub ended: Option<(u64, Result<(), String>)>,
}

/// Everything about the lab that runs.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// The providers of this machine.
    pub providers: Vec<ProviderChoice>,
    /// The chosen one's name.
    pub provider: String,
    /// The provider that the lab was last seen deployed on; no other can be chosen for it.
    pub deployed_on: Option<String>,
    /// What has to be done; `None`: nobody asked, or the lab has changed since.
    pub plan: Option<Plan>,
    /// How far its steps are.
    pub steps: BTreeMap<StepId, StepState>,
    /// The job that runs.
    pub job: Option<Progress>,
    /// What is seen.
    pub observed: Option<Observed>,
    /// When it was, in milliseconds since 1970.
    pub observed_wall_ms: u64,
    /// Why the lab cannot be observed now; what is shown of it is stale.
    pub stale: Option<String>,
    /// What was observed before it became stale.
    pub(super) observed_before: Option<Observed>,
    /// What this window does with the lab as a whole, until that is observed.
    pub operation: Option<RunningOperation>,
    /// What happened, the oldest first.
    pub events: VecDeque<Event>,
    /// How many events, the latest, count their times by the clock of the present deployment.
    pub(super) of_this_clock: usize,
    /// Requests from outside, the oldest first.
    pub load: VecDeque<LoadSample>,
    /// The same by the flow that they came in by, in the layout's order.
    pub entries: Vec<EntryLoad>,
    /// The last fault that was injected since the lab is observed.
    pub last_fault: Option<LastFault>,
    /// What became of requests since the last fault.
    pub outage: Option<RequestOutage>,
    /// The last move of a VIP, as the provider measured it.
    pub measured: Option<FailoverRuler>,
    /// The fault that is about to be injected.
    pub considered: Option<Considered>,
    /// What it would do.
    pub prediction: Option<Forecast>,
    /// The fault whose control the pointer rests on.
    pub previewed: Option<Previewed>,
    /// Faults that this window is healing or has healed, by number.
    pub healing: BTreeSet<u64>,
    /// The process of this window: who injected a fault is told by it.
    pub process: u32,
    /// What was logged of the set-up of the node that was asked about, the oldest step first.
    pub logs: Option<(NodeName, Vec<StepLog>)>,
    /// What the program says of itself, the oldest first.
    pub log: VecDeque<String>,
}

impl Run {
    /// Takes in what the simulator says of a fault.
    pub fn predicted(&mut self, prediction: Forecast) {
        if let Some(previewed) = self.previewed.as_mut().filter(|previewed| previewed.fault == prediction.fault) {
            previewed.prediction = Some(prediction.clone());
        }
        // What was only rested on does not replace what the chosen or just injected fault would do.
        let wanted = match &self.considered {
            Some(considered) => considered.fault == prediction.fault,
            None => self.prediction.is_none(),
        };
        if wanted {
            self.prediction = Some(prediction);
        }
    }

    /// What is shown on the canvas: of the fault that the pointer rests on, else of the chosen one.
    pub fn shown_prediction(&self) -> Option<&Forecast> {
        let previewed = self.previewed.as_ref().and_then(|previewed| previewed.prediction.as_ref());
        let fault = self.considered.as_ref().map(|considered| &considered.fault);
        previewed.or_else(|| self.prediction.as_ref().filter(|prediction| Some(&prediction.fault) == fault))
    }

    /// Whether anything of the lab exists.
    pub fn is_deployed(&self) -> bool {
        self.observed.as_ref().is_some_and(|observed| !observed.is_empty())
    }

    /// The replicas of a service, or of all services of a node, that can be promoted.
    pub fn replicas_on(&self, subject: &Subject) -> Vec<ServiceRef> {
        let here = |at: &ServiceRef| match subject {
            Subject::Service(one) => one == at,
            Subject::Node(node) => *node == at.node,
            _ => false,
        };
        let all = self.observed.iter().flat_map(|observed| promotable(Catalog::embedded(), observed));
        all.map(|(at, _)| at).filter(here).collect()
    }

    /// Whether a service was promoted.
    pub fn is_promoted(&self, at: &ServiceRef) -> bool {
        let there = self.observed.as_ref().and_then(|observed| observed.nodes.get(&at.node)?.services.get(&at.service));
        there.and_then(|service| service.spec.as_ref()).is_some_and(|spec| spec.promoted_from.is_some())
    }

    /// Whether a deployment of this window has begun and is not complete.
    pub fn is_interrupted(&self) -> bool {
        self.job.is_none() && self.plan.is_some() && !self.steps.is_empty()
    }

    /// Faults that last.
    pub fn faults(&self) -> &[ActiveFault] {
        self.observed.as_ref().map_or(&[], |observed| &observed.faults)
    }

    /// The lab's clock, in milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.observed.as_ref().map_or(0, |observed| observed.at_ms)
    }

    /// Why a fault cannot be injected now, and what to do first; `None`: it can.
    pub fn hindrance(&self, fault: &Fault) -> Option<String> {
        if !self.is_deployed() {
            return Some("Deploy the lab first: what runs can be broken".to_owned());
        }
        if let Some(job) = &self.job {
            return Some(format!("Wait until this is done: {}", job.kind.title()));
        }
        let observed = self.observed.as_ref()?;
        for name in fault.nodes() {
            match observed.nodes.get(name).map_or(Power::Missing, |node| node.power) {
                Power::Running => {}
                Power::Missing => return Some(format!("{name} does not exist yet: plan and deploy it first")),
                Power::Stopped => return Some(format!("{name} is off: power it on, or heal what turned it off")),
                Power::Paused => return Some(format!("{name} is frozen: heal what froze it")),
            }
        }
        let missing = fault.service().filter(|at| {
            observed.nodes.get(&at.node).and_then(|node| node.services.get(&at.service)).is_none_or(|service| service.spec.is_none())
        });
        missing.map(|at| format!("{} is not set up on {} yet: plan and deploy it first", at.service, at.node))
    }

    /// The chosen provider.
    pub fn chosen(&self) -> Option<&ProviderChoice> {
        self.providers.iter().find(|choice| choice.name == self.provider)
    }

    /// Has the provider that the lab is deployed on among the choices, also one that this machine does not list.
    pub(super) fn list_deployed(&mut self) {
        let Some(on) = self.deployed_on.as_ref().filter(|on| !self.providers.iter().any(|choice| choice.name == **on)) else { return };
        let title = on.parse::<ProviderId>().map_or_else(|_| on.clone(), |on| on.title());
        self.providers.push(ProviderChoice { name: on.clone(), title, hindrance: None, makes_images: false });
    }

    /// Whether the chosen provider can be asked for an image.
    pub fn makes_images(&self) -> bool {
        self.chosen().is_some_and(|choice| choice.makes_images && choice.hindrance.is_none())
    }

    /// A new observation of the lab: what is different becomes events.
    pub fn observe(&mut self, sight: &Observation) {
        let Observation { wall_ms, load, .. } = sight;
        self.stale = None;
        if let Some(before) = self.observed_before.take() {
            self.observed = Some(before);
        }
        let mut observed = sight.observed.clone();
        let (before_ms, was_deployed) = (self.now_ms(), self.is_deployed());
        let is_removed = was_deployed && observed.is_empty();
        if is_removed {
            // Nothing has a clock any more: what was removed is listed after what happened before.
            observed.at_ms = before_ms.max(observed.at_ms) + wall_ms.saturating_sub(self.observed_wall_ms);
        } else if was_deployed && observed.at_ms + SAMPLE_MS < before_ms {
            self.forget_load();
            self.of_this_clock = 0;
        }
        let observed = &observed;
        // While a job runs, requests are not measured.
        let outage = sight.outage.as_ref().or(self.outage.as_ref());
        let mut events = Vec::new();
        // The first observation tells what is so, not what happened.
        if let Some(before) = &self.observed {
            let old = Sample { wall_ms: self.observed_wall_ms, observed: before, outage: self.outage.as_ref() };
            events = between(old, Sample { wall_ms: *wall_ms, observed, outage }, self.viewer());
            let known = |id: u64| before.faults.iter().any(|fault| fault.id == id);
            if let Some(ActiveFault { fault, since_ms, .. }) = observed.faults.iter().rev().find(|fault| !known(fault.id)) {
                let predicted_ms = self.prediction.as_ref().filter(|it| it.fault == *fault).and_then(|it| it.outage.ms());
                self.last_fault = Some(LastFault { fault: fault.clone(), since_ms: *since_ms, predicted_ms });
            }
        }
        self.outage = outage.cloned();
        self.load.extend(load.iter().copied());
        while self.load.len() > SAMPLES_MAX {
            self.load.pop_front();
        }
        if let Some(RunningOperation { operation, ended: Some((at_ms, result)) }) = self.operation.take_if(|it| it.ended.is_some()) {
            let fact = Fact::OperationEnded(operation, result);
            events.push(Event { at_ms, lab_ms: observed.at_ms, author: Author::Viewer, fact });
        }
        events.into_iter().for_each(|event| self.say(event));
        self.observed = Some(sight.observed.clone());
        self.observed_wall_ms = *wall_ms;
        if is_removed {
            self.forget_load();
            self.of_this_clock = 0;
        }
    }

    /// What was measured of a deployment that is gone says nothing about the next one.
    fn forget_load(&mut self) {
        self.load.clear();
        self.entries.clear();
        (self.outage, self.measured, self.last_fault) = (None, None, None);
    }

    /// The lab cannot be observed: what was observed last stays in sight, without a word on how well it is.
    pub(super) fn not_observed(&mut self, why: String) {
        if self.stale.as_ref() == Some(&why) {
            return;
        }
        if self.observed_before.is_none()
            && let Some(observed) = self.observed.take()
        {
            self.observed = Some(observed.clone().without_health(&format!("not observed: {why}")));
            self.observed_before = Some(observed);
        }
        self.note(why.clone());
        self.stale = Some(why);
    }

    /// This window, as the author of events.
    pub fn viewer(&self) -> Viewer<'_> {
        Viewer { process: self.process, healing: &self.healing, operation: self.operation.as_ref().map(|it| it.operation) }
    }

    /// An operation of this window has begun.
    pub(super) fn operation_started(&mut self, wall_ms: u64, operation: Operation) {
        self.operation = Some(RunningOperation { operation, ended: None });
        // Where nothing is deployed, the lab's clock does not go yet.
        let age_ms = if self.is_deployed() { wall_ms.saturating_sub(self.observed_wall_ms) } else { 0 };
        let (lab_ms, fact) = (self.now_ms() + age_ms, Fact::OperationStarted(operation));
        self.say(Event { at_ms: wall_ms, lab_ms, author: Author::Viewer, fact });
    }

    /// The operation of this window has ended. What it did last is not observed yet, and comes before it.
    pub(super) fn operation_ended(&mut self, wall_ms: u64, result: Result<(), String>) {
        if let Some(running) = &mut self.operation {
            running.ended = Some((wall_ms, result));
        }
    }

    /// Adds an event, in the order of time.
    pub fn say(&mut self, event: Event) {
        // What is learnt late stands where it happened.
        let earlier = self.events.len().saturating_sub(self.of_this_clock);
        let after = |other: &Event| other.lab_ms <= event.lab_ms;
        let at = self.events.iter().skip(earlier).rposition(after).map_or(earlier, |last| earlier + last + 1);
        self.events.insert(at, event);
        self.of_this_clock += 1;
        while self.events.len() > EVENTS_MAX {
            self.events.pop_front();
        }
    }

    /// Adds a line to the log.
    pub fn note(&mut self, line: impl Into<String>) {
        self.log.push_back(line.into());
        while self.log.len() > EVENTS_MAX {
            self.log.pop_front();
        }
    }

    /// Forgets the lab that ran: another one is open.
    pub fn clear(&mut self) {
        *self = Self {
            providers: std::mem::take(&mut self.providers),
            provider: std::mem::take(&mut self.provider),
            process: self.process,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::Outage;

    #[test]
    fn what_is_rested_on_is_shown_and_never_replaces_what_is_chosen() {
        let fault = |text: &str| text.parse::<Fault>().unwrap();
        let says = |text: &str| Forecast {
            fault: fault(text),
            lines: Vec::new(),
            holders: Vec::new(),
            outage: Outage::None,
            requests: String::new(),
            because: None,
        };
        let shown = |run: &Run| run.shown_prediction().map(|prediction| prediction.fault.to_string());
        let mut run = Run { considered: Some(Considered { fault: fault("stop a/x"), lasts_secs: None }), ..Run::default() };
        assert_eq!(shown(&run), None);
        run.predicted(says("stop a/x"));
        assert_eq!(shown(&run).as_deref(), Some("stop a/x"));
        run.previewed = Some(Previewed { fault: fault("stop b/x"), prediction: None });
        assert_eq!(shown(&run).as_deref(), Some("stop a/x"), "until the other is worked out");
        run.predicted(says("stop b/x"));
        assert_eq!(shown(&run).as_deref(), Some("stop b/x"));
        run.previewed = None;
        // One that comes late, when the pointer has left.
        run.predicted(says("stop b/x"));
        assert_eq!(shown(&run).as_deref(), Some("stop a/x"));
        run.considered = None;
        assert_eq!(shown(&run), None);
    }

    #[test]
    fn a_new_fault_is_the_last_one_and_its_end_an_event() {
        let fault = ActiveFault {
            id: 3,
            fault: "stop db1/galera".parse().unwrap(),
            since_ms: 40,
            until_ms: None,
            by: crate::model::Author::Unknown,
        };
        let broken = Observed { at_ms: 50, faults: vec![fault], ..Observed::default() };
        let sight = |at_ms, observed: &Observed, outage: Option<RequestOutage>| Observation {
            wall_ms: 1000 + at_ms,
            observed: Observed { at_ms, ..observed.clone() },
            outage,
            ..Observation::default()
        };
        let outage = |answered_after_ms| {
            Some(RequestOutage { fault_at_ms: 65, requests: 8, failed_requests: 4, answered_after_ms, entries: Vec::new() })
        };
        let mut run = Run::default();
        run.observe(&sight(50, &broken, None));
        assert!(run.last_fault.is_none() && run.events.is_empty(), "it was there before");
        run.observe(&sight(60, &Observed::default(), None));
        run.observe(&sight(70, &broken, outage(None)));
        assert_eq!(run.last_fault.as_ref().map(|last| last.since_ms), Some(40));
        // An observation while a job runs measures nothing, and changes nothing.
        for (at_ms, outage) in [(2000, outage(Some(900))), (2001, None), (2002, outage(Some(900)))] {
            run.observe(&sight(at_ms, &broken, outage));
        }
        let answered: Vec<_> = run.events.iter().filter(|event| event.fact == Fact::Answered).collect();
        assert_eq!(answered.iter().map(|event| (event.lab_ms, event.at_ms)).collect::<Vec<_>>(), [(965, 1965)]);
    }
}
