//! Heals faults when their time is up, even if the process that injected them has ended: one watchdog a lab, until no fault is active.

use super::{FaultSelection, ProviderSelection, Result, Session, SessionError, WallClock};
use crate::{
    deploy::Deployed,
    host::{guard::LOCK_FILE, state::StateFolder},
    plan::LabId,
    provider::{real::journal::Faults, settings::Settings},
};
use std::{fs::File, path::Path, sync::Arc, time::Duration};

/// Time between two reads of the journal of faults.
const EVERY: Duration = Duration::from_secs(1);
/// How much later than its own end a fault is healed from outside, in milliseconds: nodes with a timer of their own come first.
const DELAY_MS: u64 = 1500;
/// How long it waits after a heal that failed.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// How often it tries before it gives up.
const TRIES_MAX: u32 = 60;

/// Heals the faults of the lab with this state folder as their times end, and returns when none is active.
///
/// # Errors
/// Where the folder is no lab's, or its state cannot be read.
pub fn heal_expired(folder: &Path, clock: &WallClock, settings: &Arc<Settings>) -> Result<()> {
    let not_a_lab = |why: String| SessionError::UnknownTarget(format!("{}: {why}", folder.display()));
    let (Some(name), Some(root)) = (folder.file_name().and_then(|name| name.to_str()), folder.parent()) else {
        return Err(SessionError::UnknownTarget("say which lab's state folder".to_owned()));
    };
    let id = LabId::try_from(name.to_owned()).map_err(|why| not_a_lab(why.to_string()))?;
    let state = StateFolder::at(root);
    let folder = state.lab(name);
    if Deployed::read(&folder, &id)?.is_none() {
        return Ok(());
    }
    let lock = File::create(folder.path().join(LOCK_FILE))?;
    if lock.try_lock().is_err() {
        // Another watchdog watches this lab.
        return Ok(());
    }
    let mut failures = 0;
    while failures < TRIES_MAX {
        let faults = Faults::read(&folder)?;
        if faults.entries.is_empty() {
            break;
        }
        let due = faults.entries.iter().rev().find(|entry| clock() >= entry.until_wall_ms.saturating_add(DELAY_MS));
        let Some(due) = due else {
            std::thread::sleep(EVERY);
            continue;
        };
        if Deployed::read(&folder, &id)?.is_none() {
            break;
        }
        let session = Session::open_by_id(&state, name, ProviderSelection::Deployed, clock.clone(), Arc::clone(settings))?;
        match session.handle()?.heal(FaultSelection::One(due.id)) {
            Ok(_) => failures = 0,
            Err(SessionError::Provider(error)) => {
                tracing::warn!("{error}");
                failures += 1;
                std::thread::sleep(RETRY_AFTER);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
