//! `sandtable guard`, hidden: mends what was broken when its time is up, whatever has become of who broke it.
//!
//! It is started by whoever breaks something, one a lab, and ends when nothing is left.

use super::place::{provider_failed, wait};
use super::{Failure, Outcome, Result, Terminal};
use crate::deploy::Deployed;
use crate::host::guard::LOCK_FILE;
use crate::host::state::StateFolder;
use crate::plan::LabId;
use crate::provider::{
    Which,
    on::Lot,
    real::journal::Faults,
};
use std::{
    fs::File,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Time between two looks at the journal.
const EVERY: Duration = Duration::from_secs(1);
/// How much later than its own end a fault is healed from outside, in milliseconds: nodes with a timer of their own come first.
const LATER_MS: u64 = 1500;
/// How long it waits after a heal that failed.
const AGAIN: Duration = Duration::from_secs(10);
/// How often it tries before it gives up what cannot be mended.
const TRIES_MAX: u32 = 60;

/// What `guard` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The lab's state folder
    folder: PathBuf,
}

pub(super) fn run(args: Args, _: &mut Terminal) -> Result {
    let name = args.folder.file_name().and_then(|name| name.to_str()).ok_or_else(|| Failure::input("say which lab's state folder"))?;
    let root = args.folder.parent().ok_or_else(|| Failure::input("say which lab's state folder"))?;
    let id = LabId::try_from(name.to_owned()).map_err(|why| Failure::input(format!("{}: {why}", args.folder.display())))?;
    let folder = StateFolder::at(root).lab(name);
    if Deployed::read(&folder, &id)?.is_none() {
        return Ok(Outcome::Good);
    }
    let lock = File::create(folder.path().join(LOCK_FILE))?;
    if lock.try_lock().is_err() {
        // There is one already.
        return Ok(Outcome::Good);
    }
    let clock = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    };
    let mut failures = 0;
    while failures < TRIES_MAX {
        let faults = Faults::read(&folder).map_err(provider_failed)?;
        if faults.entries.is_empty() {
            break;
        }
        let due = faults.entries.iter().rev().find(|entry| clock() >= entry.until_wall_ms.saturating_add(LATER_MS));
        let Some(due) = due else {
            std::thread::sleep(EVERY);
            continue;
        };
        let Some(Deployed { file, name, on, .. }) = Deployed::read(&folder, &id)? else { break };
        let lot = Lot { id: id.clone(), name, file, folder: folder.clone(), clock: Arc::new(clock) };
        let provider = on.looking(lot).map_err(provider_failed)?;
        match wait(provider.heal(Which::One(due.id)))? {
            Ok(_) => failures = 0,
            Err(error) => {
                tracing::warn!("{error}");
                failures += 1;
                std::thread::sleep(AGAIN);
            }
        }
    }
    Ok(Outcome::Good)
}
