//! `sandtable guard`, hidden: heals faults when their time is up.
//!
//! It is started by a process that injects a fault, one a lab, and ends when no fault is active.

use super::{Outcome, Result, Terminal};
use crate::session::{heal_expired, wall_clock};
use std::path::PathBuf;

/// What `guard` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The lab's state folder
    folder: PathBuf,
}

pub(super) fn run(args: Args, _: &mut Terminal) -> Result {
    // The timers of real nodes go by the wall clock, whatever the simulator's is set to.
    heal_expired(&args.folder, &wall_clock())?;
    Ok(Outcome::Good)
}
