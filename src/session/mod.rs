//! One set of use cases for the window and the command line: open a lab, observe it, plan, deploy, destroy, inject, heal, snapshot,
//! restore, recover, promote, and the programs that show a node.
//!
//! Each returns data, reports [`Progress`] through a [`Monitor`], which also cancels it, and blocks until it is done. It knows no
//! terminal and no window, and words nothing for them except its errors.

mod cluster;
mod deploy;
mod error;
mod faults;
mod handle;
mod image;
mod nodes;
mod open;
mod operation;
mod prepared;
mod progress;
mod providers;
mod snapshots;
mod watchdog;

pub use crate::deploy::{Deployed, DeployedError, Ending, Event as RunEvent, Failure as StepFailure, JournalError, PREFLIGHT, labs};
pub use crate::provider::{
    Done, FaultDuration, FaultSelection, InjectOptions, REAL_FAULT_SECS, Traffic,
    doctor::{Check, State as CheckState, is_ready},
    id::ProviderId,
    settings,
    sim::WallClock,
};
pub use cluster::{Promoted, Recovered};
pub use deploy::{Extent, ProposedPlan};
pub use error::SessionError;
pub use faults::recorded_faults;
pub use handle::LabHandle;
pub use image::{Image, Packages};
pub use nodes::StepLog;
pub use open::{ProviderSelection, Rebuilt, Session, wall_clock};
pub use prepared::{Finished, Prepared};
pub use progress::{Cancel, Monitor, Observations, Progress};
pub use providers::{checks, hindrance, import_machines};
pub use snapshots::{Restored, SnapshotTask, Snapshots};
pub use watchdog::heal_expired;

/// What a use case gives.
pub type SessionResult<T> = std::result::Result<T, SessionError>;
use SessionResult as Result;

#[cfg(test)]
mod tests;
