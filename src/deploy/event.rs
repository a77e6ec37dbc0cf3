//! What a run says while it goes on.

use crate::{
    model::{NodeName, Subject},
    plan::StepId,
    probe::Settling,
    provider::doctor::Check,
};

/// Why a step failed for good, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The step.
    pub step: StepId,
    /// What was tried.
    pub what: String,
    /// The node, if it was on one.
    pub node: Option<NodeName>,
    /// What went wrong.
    pub why: String,
    /// What to do next: a sentence.
    pub next: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// All of the plan is done.
    Done,
    /// A step failed for good; those that were under way were let end, no other was begun.
    Failed(Vec<Failure>),
    /// It was told to stop; those under way were let end.
    Stopped,
    /// It was told to undo, and what it had begun is undone.
    Undone,
}

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Something that the plan needs is there only in part; it may do.
    Doubted(Check),
    /// A step was begun.
    StepStarted {
        /// The step.
        step: StepId,
        /// What it is about.
        subject: Subject,
        /// How often it was begun in this run, from 1.
        attempt: u32,
    },
    /// A step says what it is at.
    StepProgress {
        /// The step.
        step: StepId,
        /// What it is at, in a few words.
        says: String,
    },
    /// A step is done.
    StepDone {
        /// The step.
        step: StepId,
        /// Whether it found something to do.
        done: crate::provider::Done,
    },
    /// A step failed and will be tried again.
    Retrying {
        /// The step.
        step: StepId,
        /// What went wrong.
        why: String,
        /// When it is tried again, in milliseconds from now.
        in_ms: u64,
    },
    /// A step failed for good.
    StepFailed(Failure),
    /// What was begun is being undone.
    Undoing {
        /// How many steps that takes.
        steps: usize,
    },
    /// All steps are done, and the lab comes up.
    Settling(Settling),
    /// The run is over.
    Finished(Ending),
}
