//! The seam to what deploys: jobs as data, what they report, and the trait that does them.
//!
//! The window's state knows nothing of providers beyond this file.

use super::{LoadSample, ProviderChoice, StepState};
use crate::activity::{Forecast, Operation};
use crate::model::{ClusterName, FailoverRuler, Fault, Lab, NodeName, Observed, RequestOutage, ServiceRef};
use crate::plan::{OldPrimary, Plan, StepId};
use crate::session::{Cancel, StepLog, settings::Settings};

/// Something to do with a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The provider, as `--on` takes it.
    pub provider: String,
    /// The file that the lab belongs to, which is what it is known by; `None`: it was never saved.
    pub file: Option<std::path::PathBuf>,
    /// The lab as it is drawn.
    pub lab: Lab,
    /// What.
    pub task: Task,
}

/// What a job does.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// Work out what has to be done.
    Plan,
    /// Do it: exactly this plan.
    Deploy(Plan),
    /// Undo what the last deployment has begun.
    UndoDeployment,
    /// Remove all of it.
    Destroy,
    /// Inject a fault, for so many seconds where they are said.
    Inject(Fault, Option<u32>),
    /// Mend one fault.
    Heal(u64),
    /// Mend all.
    HealAll,
    /// Bring back a cluster that has stopped as a whole.
    Recover(ClusterName),
    /// Make a replica the primary.
    Promote(ServiceRef, OldPrimary),
    /// Keep a node as it is.
    TakeSnapshot(NodeName),
    /// Take a node back to a snapshot.
    Restore(NodeName, String),
    /// Open a shell on a node, in the user's terminal.
    Shell(NodeName),
    /// Show a node's screen.
    Console(NodeName),
    /// Make an image that has what the lab needs.
    MakeImage,
    /// Read the machines that VirtualBox has into a new lab.
    Import,
    /// Say what a fault would do that is healed after so many seconds; `None`: that is not healed.
    Predict(Fault, Option<u32>),
    /// Bring what was logged of a node's set-up.
    ReadLogs(NodeName),
}

/// Which job runs, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// Working out what has to be done.
    Plan,
    /// Doing it.
    Deploy,
    /// Undoing it.
    Undo,
    /// Removing it.
    Destroy,
    /// Breaking.
    Inject,
    /// Mending.
    Heal,
    /// Bringing back a cluster.
    Recover,
    /// Making a replica the primary.
    Promote,
    /// Keeping a node as it is.
    TakeSnapshot,
    /// Taking a node back.
    Restore,
    /// Opening a shell.
    Shell,
    /// Opening a console.
    Console,
    /// Making an image.
    MakeImage,
    /// Reading machines.
    Import,
    /// Asking the simulator.
    Predict,
    /// Reading logs.
    ReadLogs,
}

impl JobKind {
    /// What people read while it runs.
    pub fn title(self) -> &'static str {
        match self {
            Self::Plan => "Planning",
            Self::Deploy => "Deploying",
            Self::Undo => "Undoing the deployment",
            Self::Destroy => "Destroying",
            Self::Inject => "Breaking",
            Self::Heal => "Healing",
            Self::Recover => "Recovering",
            Self::Promote => "Promoting",
            Self::TakeSnapshot => "Taking a snapshot",
            Self::Restore => "Restoring",
            Self::Shell => "Opening a shell",
            Self::Console => "Opening the console",
            Self::MakeImage => "Making an image",
            Self::Import => "Reading the machines",
            Self::Predict => "Predicting",
            Self::ReadLogs => "Reading logs",
        }
    }
}

impl JobKind {
    /// What it does with the lab as a whole, if it does; a fault is told by itself.
    pub fn operation(self) -> Option<Operation> {
        match self {
            Self::Deploy => Some(Operation::Deploy),
            Self::Undo => Some(Operation::Undo),
            Self::Destroy => Some(Operation::Destroy),
            Self::Promote => Some(Operation::Promote),
            Self::Recover => Some(Operation::Recover),
            Self::TakeSnapshot => Some(Operation::Snapshot),
            Self::Restore => Some(Operation::Restore),
            Self::Plan
            | Self::Inject
            | Self::Heal
            | Self::Shell
            | Self::Console
            | Self::MakeImage
            | Self::Import
            | Self::Predict
            | Self::ReadLogs => None,
        }
    }
}

impl Task {
    /// Which job it is.
    pub fn kind(&self) -> JobKind {
        match self {
            Self::Plan => JobKind::Plan,
            Self::Deploy(_) => JobKind::Deploy,
            Self::UndoDeployment => JobKind::Undo,
            Self::Destroy => JobKind::Destroy,
            Self::Inject(..) => JobKind::Inject,
            Self::Heal(_) | Self::HealAll => JobKind::Heal,
            Self::Recover(_) => JobKind::Recover,
            Self::Promote(..) => JobKind::Promote,
            Self::TakeSnapshot(_) => JobKind::TakeSnapshot,
            Self::Restore(..) => JobKind::Restore,
            Self::Shell(_) => JobKind::Shell,
            Self::Console(_) => JobKind::Console,
            Self::MakeImage => JobKind::MakeImage,
            Self::Import => JobKind::Import,
            Self::Predict(..) => JobKind::Predict,
            Self::ReadLogs(_) => JobKind::ReadLogs,
        }
    }
}

/// What a job reports.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// The plan is worked out.
    Planned(Plan),
    /// A step went on.
    Step(StepId, StepState),
    /// The simulator's answer.
    Predicted(Forecast),
    /// What was logged of a node's set-up, the oldest step first.
    Logs(NodeName, Vec<StepLog>),
    /// A line for the log.
    Log(String),
    /// A lab of machines that exist, and what could not be known of them.
    Imported(Box<Lab>, Vec<String>),
    /// An operation on the lab begins, at a time in milliseconds since 1970.
    OperationStarted(u64, Operation),
    /// The operation has ended, and how.
    OperationEnded(u64, Result<(), String>),
    /// A look at the lab between two steps.
    Seen(Box<Observation>),
}

/// An observation of a lab, with its requests since the last one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observation {
    /// When it was made, in milliseconds since 1970.
    pub wall_ms: u64,
    /// What is there and how it is.
    pub observed: Observed,
    /// Requests from outside since the last look.
    pub load: Vec<LoadSample>,
    /// Requests by the flow that they came in by, since the load began.
    pub entries: Vec<crate::sim::EntryLoad>,
    /// The last move of a VIP, as the provider measured it.
    pub failover: Option<FailoverRuler>,
    /// What became of requests since the last fault; `None`: nothing was broken yet, or it was not measured.
    pub outage: Option<RequestOutage>,
    /// Whether nothing of the lab is kept any more: it was never deployed, or was destroyed.
    pub is_gone: bool,
}

/// Reads the logs of a node's steps, on any thread: it needs no provider and waits for no job.
pub type ReadLogs = std::sync::Arc<dyn Fn(&Job, &NodeName) -> anyhow::Result<Vec<StepLog>> + Send + Sync>;

/// What does jobs: the providers behind one door. It may block; a worker thread owns it.
pub trait Engine: Send {
    /// The providers of this machine, usable ones first.
    fn providers(&mut self) -> Vec<ProviderChoice>;

    /// Does a job.
    ///
    /// # Errors
    /// What failed, on which node, and what to do next.
    fn work(&mut self, job: &Job, cancel: &Cancel, report: &mut dyn FnMut(Report)) -> anyhow::Result<()>;

    /// Observes a lab.
    ///
    /// # Errors
    /// Where the provider cannot be asked.
    fn look(&mut self, provider: &str, file: &std::path::Path, lab: &Lab) -> anyhow::Result<Observation>;

    /// What reads logs while a job runs.
    fn log_reader(&self) -> ReadLogs;

    /// Opens providers with these settings from now on.
    fn use_settings(&mut self, settings: Settings);

    /// Nobody looks any more: whatever was kept up for looking ends.
    fn look_away(&mut self);
}
