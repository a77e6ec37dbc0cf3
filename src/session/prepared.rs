//! A plan of a locked lab, before it is run: the user can look at it, confirm it or drop it.

use super::{Extent, Monitor, Result, operation::Operation, progress::call};
use crate::{
    deploy::Ending,
    model::{Health, Observed},
    plan::{Change, Plan},
    probe,
};

/// What a prepared plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    Deploy(Extent),
    Undo,
    Destroy,
    Snapshot,
    Restore,
}

/// A plan that is about to be run.
pub struct Prepared<'a> {
    operation: Operation<'a>,
    plan: Plan,
    goal: Goal,
}

/// How a plan ended.
#[derive(Debug)]
pub struct Finished {
    /// How the run ended.
    pub ending: Ending,
    /// What is there now; nothing if machines were made and not started.
    pub observed: Observed,
    /// Whether nothing of the lab is left.
    pub is_gone: bool,
}

impl<'a> Prepared<'a> {
    pub(super) fn new(operation: Operation<'a>, plan: Plan, goal: Goal) -> Self {
        Self { operation, plan, goal }
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The observation that it was made from.
    pub fn observed(&self) -> &Observed {
        &self.operation.observed
    }

    /// Whether it deletes something that was not asked for. Undoing a deployment that failed deletes what was asked for; undoing one
    /// that is complete removes a lab that works.
    pub fn deletes_unasked(&self) -> bool {
        let is_asked = self.goal == Goal::Undo && !self.operation.journal.is_settled();
        !is_asked && self.plan.steps.iter().any(|step| step.change == Change::Delete)
    }

    /// Drops it. A lab that was never deployed leaves no state folder.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn abandon(self, monitor: &mut Monitor<'_>) -> Result<()> {
        if self.operation.session.is_deployed() { Ok(()) } else { self.operation.forget(monitor) }
    }

    /// Runs it, and waits until the lab is healthy if that can be expected.
    ///
    /// # Errors
    /// Where the provider or the disk fails. Steps that fail are an [`Ending`].
    pub fn run(self, monitor: &mut Monitor<'_>) -> Result<Finished> {
        let Self { mut operation, plan, goal } = self;
        let is_new = !operation.session.is_deployed();
        if matches!(goal, Goal::Deploy(_) | Goal::Undo) || (goal == Goal::Destroy && is_new) {
            // If this is interrupted, the next call must find what is left.
            operation.record()?;
        }
        let (ending, has_begun) = operation.run(&plan, monitor)?;
        let observed = after(&operation, &plan, goal, &ending, monitor)?;
        let is_gone = match goal {
            Goal::Destroy => ending == Ending::Done && observed.is_empty(),
            Goal::Undo => observed.is_empty(),
            // The preflight comes before the first step: a lab that was never made stays so.
            Goal::Deploy(_) => matches!(ending, Ending::Failed(_)) && !has_begun && is_new,
            Goal::Snapshot | Goal::Restore => false,
        };
        if is_gone {
            operation.forget(monitor)?;
        }
        Ok(Finished { ending, observed, is_gone })
    }
}

/// What is there after a run.
fn after(operation: &Operation<'_>, plan: &Plan, goal: Goal, ending: &Ending, monitor: &mut Monitor<'_>) -> Result<Observed> {
    let lab = &operation.session.lab;
    if matches!(goal, Goal::Deploy(_)) {
        call(operation.provider.watch(&lab.flows))?;
    }
    let is_done = matches!(ending, Ending::Done | Ending::Undone);
    match goal {
        // Nodes that are off do not become healthy, and each step has checked its own result.
        Goal::Deploy(Extent::Off) => Ok(Observed::default()),
        Goal::Deploy(Extent::Full) | Goal::Undo if is_done => operation.settle(plan, monitor),
        Goal::Restore if is_done && probe::health(lab, &operation.observed) == Health::Healthy => operation.settle(plan, monitor),
        Goal::Deploy(_) | Goal::Undo | Goal::Destroy | Goal::Snapshot | Goal::Restore => operation.observe(),
    }
}
