//! What is broken, on disk: written before anything is, so that whoever comes after a crash can mend it.

use super::core::{Core, keeps_faults};
use crate::{
    host::state::{LabFolder, Locked, StateError},
    model::{ActiveFault, Author, Fault},
    provider::{ProviderError, Retry},
};
use serde::{Deserialize, Serialize};

/// The file in the lab's state folder.
pub const FAULTS_FILE: &str = "faults.json";

/// Where a fault was done, and so where it is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Where {
    /// Below the guests or inside: nobody knows yet.
    Unknown,
    /// Below.
    Below,
    /// Inside.
    Inside,
}

/// A fault that lasts, or may.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number in this lab.
    pub id: u64,
    /// The fault.
    pub fault: Fault,
    /// When it was injected, in milliseconds of the lab's clock.
    pub since_ms: u64,
    /// When it heals by itself, in milliseconds since 1970.
    pub until_wall_ms: u64,
    /// Who injected it.
    #[serde(default)]
    pub by: Author,
    /// Where it is undone.
    pub at: Where,
}

impl Entry {
    /// The fault as it is shown, at a moment of the lab's clock and of the wall's.
    pub fn shown(&self, now_ms: u64, wall_ms: u64) -> ActiveFault {
        // To the second: the two clocks are not read at one moment, and what is at rest must not look as if it changed.
        let until_ms = now_ms.saturating_add(self.until_wall_ms.saturating_sub(wall_ms)).saturating_add(500) / 1000 * 1000;
        ActiveFault { id: self.id, fault: self.fault.clone(), since_ms: self.since_ms, until_ms: Some(until_ms), by: self.by }
    }
}

/// The journal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Faults {
    /// The number of the last fault.
    #[serde(default)]
    pub count: u64,
    /// Those that last, oldest first.
    #[serde(default)]
    pub entries: Vec<Entry>,
}

impl Faults {
    /// What a lab's folder says is broken.
    ///
    /// # Errors
    /// Where it cannot be read: then what is broken is not known, and must not be taken for nothing.
    pub fn read(folder: &LabFolder) -> Result<Self, ProviderError> {
        let path = folder.path().join(FAULTS_FILE);
        let unreadable = |why: String| ProviderError {
            what: "read which faults are active".into(),
            node: None,
            why: format!("{}: {why}", path.display()),
            next:
                "Look at the file, or put it back. Where that cannot be done, wait until the faults inside nodes have ended by their own \
                   timers and heal what is paused, off or unplugged with the hypervisor's own tools; then write {} into the file."
                    .into(),
            retry: Retry::Useless,
        };
        match folder.read(FAULTS_FILE).map_err(|error| unreadable(error.to_string()))? {
            None if keeps_faults(folder) => Err(unreadable("it is missing, although the lab was deployed".into())),
            None => Ok(Self::default()),
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string())),
        }
    }

    /// The faults as they are shown, at a moment of the lab's clock and of the wall's.
    pub fn active(&self, now_ms: u64, wall_ms: u64) -> Vec<ActiveFault> {
        self.entries.iter().map(|entry| entry.shown(now_ms, wall_ms)).collect()
    }
}

/// Writes a journal without faults where there is none, before a lab's first step: from then on one that is missing is lost.
///
/// # Errors
/// Where the disk refuses.
pub(super) fn begin(locked: &Locked) -> Result<(), StateError> {
    if locked.folder().has(FAULTS_FILE) { Ok(()) } else { locked.write(FAULTS_FILE, b"{}\n") }
}

/// Changes the journal under the folder's lock.
///
/// # Errors
/// Where another holds the lock for too long, or the disk refuses.
pub fn change<R>(core: &Core, change: impl FnOnce(&mut Faults) -> R) -> Result<R, ProviderError> {
    core.locked(|locked| {
        let mut faults = match Faults::read(locked.folder()) {
            Ok(faults) => faults,
            Err(error) => return Ok(Err(error)),
        };
        let before = faults.clone();
        let result = change(&mut faults);
        if faults != before {
            let bytes = serde_json::to_vec_pretty(&faults).map_err(|error| StateError::Io {
                what: "write",
                path: FAULTS_FILE.into(),
                why: error.into(),
            })?;
            locked.write(FAULTS_FILE, &bytes)?;
        }
        Ok(Ok(result))
    })?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::state::{StateFolder, Wait};

    #[test]
    fn what_is_written_is_read_and_garbage_is_never_nothing() {
        let root = tempfile::tempdir().unwrap();
        let folder = StateFolder::at(root.path()).lab("lab-1");
        assert_eq!(Faults::read(&folder).unwrap(), Faults::default());
        let entry = Entry {
            id: 3,
            fault: "cut a,b c".parse().unwrap(),
            since_ms: 5,
            until_wall_ms: 9000,
            by: Author::CommandLine,
            at: Where::Inside,
        };
        let faults = Faults { count: 3, entries: vec![entry] };
        let locked = folder.lock(Wait::No).unwrap();
        locked.write(FAULTS_FILE, &serde_json::to_vec(&faults).unwrap()).unwrap();
        assert_eq!(Faults::read(&folder).unwrap(), faults);
        assert_eq!(faults.active(2, 4)[0].fault.to_string(), "cut a,b c");
        assert_eq!(faults.active(2000, 4000)[0].until_ms, Some(7000), "five seconds are left");
        locked.write(FAULTS_FILE, b"{ not ours").unwrap();
        assert!(Faults::read(&folder).unwrap_err().to_string().contains(FAULTS_FILE));
    }
}
