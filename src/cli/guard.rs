//! `sandtable guard`, hidden: heals faults when their time is up.
//!
//! It is started by a process that injects a fault, one a lab, and ends when no fault is active.

use super::{Outcome, Result, Terminal};
use crate::session::{heal_expired, wall_clock};
use std::{path::PathBuf, sync::Arc};

/// What `guard` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The lab's state folder
    folder: PathBuf,
}

pub(super) fn run(args: Args, _: &mut Terminal) -> Result {
    // Faults are healed even if the settings file is damaged.
    let settings = Arc::new(crate::app::files::provider_settings().0);
    // The timers of real nodes go by the wall clock, whatever the simulator's is set to.
    heal_expired(&args.folder, &wall_clock(), &settings)?;
    Ok(Outcome::Good)
}
