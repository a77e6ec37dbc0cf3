//! What the steps of a run that are under way are doing, for a terminal: a step that takes its time is named, says what it is at, and
//! nothing is silent for more than a few seconds. Time is an argument.

use crate::session::RunEvent as Event;
use rustc_hash::FxHashMap;
use std::{collections::BTreeMap, time::Duration};

/// How long a step may take before it is named; most are done sooner.
const NAMED_AFTER: Duration = Duration::from_secs(1);
/// The least time between two lines about one step.
const BETWEEN: Duration = Duration::from_secs(2);
/// How long nothing may be said.
const SILENT_MAX: Duration = Duration::from_secs(5);
/// How many steps are named where nothing else is said.
const NAMED_MAX: usize = 3;

/// A step under way.
#[derive(Debug)]
struct RunningStep {
    step: String,
    since: Duration,
    said_at: Option<Duration>,
    says: String,
    is_new: bool,
}

impl RunningStep {
    /// When a line about it is due; `None`: not before it says something new.
    fn due_at(&self) -> Option<Duration> {
        match self.said_at {
            None => Some(self.since + NAMED_AFTER),
            Some(said_at) => self.is_new.then(|| said_at + BETWEEN),
        }
    }
}

/// The steps under way. Times count from the start of the run.
#[derive(Debug, Default)]
pub(super) struct Running {
    /// In the order in which they began. Thousands are under way at a time in a large lab, so none is searched for.
    running: BTreeMap<usize, RunningStep>,
    places: FxHashMap<String, usize>,
    begun: usize,
    said_at: Duration,
    /// No line is due before this.
    quiet_until: Duration,
}

impl Running {
    /// Takes what happened.
    pub(super) fn take(&mut self, event: &Event, at: Duration) {
        match event {
            Event::StepStarted { step, .. } => {
                self.ended(&step.0);
                let running = RunningStep { step: step.0.clone(), since: at, said_at: None, says: String::new(), is_new: false };
                self.quiet_until = self.quiet_until.min(running.due_at().unwrap_or(Duration::MAX));
                self.running.insert(self.begun, running);
                self.places.insert(step.0.clone(), self.begun);
                self.begun += 1;
            }
            Event::StepProgress { step, says } => {
                if let Some(running) = self.places.get(&step.0).and_then(|place| self.running.get_mut(place)) {
                    running.is_new = running.says != *says;
                    running.says.clone_from(says);
                    self.quiet_until = self.quiet_until.min(running.due_at().unwrap_or(Duration::MAX));
                }
            }
            Event::StepDone { step, .. } | Event::Retrying { step, .. } => {
                self.ended(&step.0);
                self.spoke(at);
            }
            Event::StepFailed(failure) => {
                self.ended(&failure.step.0);
                self.spoke(at);
            }
            Event::Doubted(_) | Event::Undoing { .. } => self.spoke(at),
            Event::Settling(_) | Event::Finished(_) => {}
        }
    }

    fn ended(&mut self, step: &str) {
        if let Some(place) = self.places.remove(step) {
            self.running.remove(&place);
        }
    }

    /// Something else was said.
    fn spoke(&mut self, at: Duration) {
        self.said_at = at;
    }

    /// The lines that are due: a step and what it is at.
    pub(super) fn due(&mut self, at: Duration) -> Vec<(String, String)> {
        if at < self.quiet_until {
            return Vec::new();
        }
        let mut lines = Vec::new();
        for running in self.running.values_mut() {
            if running.due_at().is_some_and(|due_at| at >= due_at) {
                running.said_at = Some(at);
                running.is_new = false;
                let says = if running.says.is_empty() { "has begun" } else { &running.says };
                lines.push((running.step.clone(), says.to_owned()));
            }
        }
        if lines.is_empty() && !self.running.is_empty() && at.saturating_sub(self.said_at) >= SILENT_MAX {
            lines.extend(self.running.values().take(NAMED_MAX).map(|running| {
                let secs = at.saturating_sub(running.since).as_secs();
                let says = if running.says.is_empty() { String::new() } else { format!(": {}", running.says) };
                (running.step.clone(), format!("still under way after {secs} s{says}"))
            }));
            let more = self.running.len().saturating_sub(NAMED_MAX);
            if more > 0 {
                lines.push((format!("{more} more"), "under way".to_owned()));
            }
        }
        if !lines.is_empty() {
            self.spoke(at);
        }
        let next = self.running.values().filter_map(RunningStep::due_at).min();
        self.quiet_until = next.unwrap_or(Duration::MAX).min(self.said_at + SILENT_MAX);
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Subject, plan::StepId, session::Done};

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn started(step: &str) -> Event {
        Event::StepStarted { step: StepId(step.into()), subject: Subject::Node("db1".parse().unwrap()), attempt: 1 }
    }

    fn progress(step: &str, says: &str) -> Event {
        Event::StepProgress { step: StepId(step.into()), says: says.into() }
    }

    #[test]
    fn a_quick_step_is_not_named() {
        let mut all = Running::default();
        all.take(&started("create-network:lab"), secs(0));
        assert_eq!(all.due(Duration::from_millis(900)), []);
        all.take(&Event::StepDone { step: StepId("create-network:lab".into()), done: Done::Changed }, secs(1));
        assert_eq!((all.due(secs(2)), all.due(secs(60))), (Vec::new(), Vec::new()), "nothing is under way");
    }

    #[test]
    fn a_boot_is_never_silent_for_long() {
        let mut all = Running::default();
        all.take(&started("power-on:db1"), secs(0));
        all.take(&progress("power-on:db1", "starting it"), secs(0));
        let (mut last, mut silent) = (0, 0);
        for at in 1..600 {
            if at == 20 {
                all.take(&progress("power-on:db1", "waiting until it answers"), secs(at));
            }
            if !all.due(secs(at)).is_empty() {
                silent = silent.max(at - last);
                last = at;
            }
        }
        assert!(silent <= 5, "{silent}");
        assert_eq!(all.due(secs(700)), [("power-on:db1".to_owned(), "still under way after 700 s: waiting until it answers".to_owned())]);
    }

    #[test]
    fn many_lines_of_one_step_become_few() {
        let mut all = Running::default();
        all.take(&started("install:db1/sql"), secs(0));
        let mut lines = 0;
        for tenth in 0..100 {
            let at = Duration::from_millis(tenth * 100);
            all.take(&progress("install:db1/sql", &format!("line {tenth}")), at);
            lines += all.due(at).len();
        }
        assert!((3..=6).contains(&lines), "{lines}");
    }

    #[test]
    fn many_steps_are_counted() {
        let mut all = Running::default();
        (0..5).for_each(|number| all.take(&started(&format!("power-on:n{number}")), secs(0)));
        assert_eq!(all.due(secs(1)).len(), 5, "each is named once");
        assert_eq!(all.due(secs(6)).last().unwrap().0, "2 more");
    }
}
