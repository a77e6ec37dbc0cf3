//! What is remembered of a deployed lab beside its provider's own state: its layout file, where it runs, and since when.
//!
//! A record that cannot be read never counts as "nothing is deployed": machines may run that nothing else knows of.

use super::journal::Journal;
use crate::{
    host::state::{LabFolder, Locked, StateError},
    model::Lab,
    plan::LabId,
    provider::{id::ProviderId, sim::WORLD_FILE},
};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The record's file in a lab's state folder.
pub const DEPLOYED_FILE: &str = "lab.json";
/// The layout as it was last deployed, for work on a lab whose layout file is gone or cannot be read.
const LAYOUT_FILE: &str = "layout.ron";
/// Files of a state folder that are there only once something was deployed.
pub(super) const TRACES: [&str; 4] = [WORLD_FILE, "secrets.json", "faults.json", "since"];
/// How many identities of one path are tried: each further one needs a lab that was deployed from that path and moved away.
pub(super) const IDENTITIES_MAX: u32 = 64;

/// Why it is not known what is deployed.
#[derive(Debug, thiserror::Error)]
pub enum DeployedError {
    /// The state folder cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The record cannot be read, or does not belong to its folder.
    #[error(
        "cannot read what is deployed: {} {why}. Nothing was changed; the lab {id} may still run. Look at the file, or rebuild it from \
         the machines that carry the lab's ownership tags: sandtable labs --rebuild LAYOUT --lab {id} --on PROVIDER; or give the state \
         up: sandtable forget --lab {id}", file.display()
    )]
    Damaged {
        /// The record's file.
        file: PathBuf,
        /// The lab's identity.
        id: LabId,
        /// What is wrong with it.
        why: String,
    },
    /// A file is missing without which nothing is known of what was made.
    #[error(
        "cannot read what is deployed: {} is missing, although the lab {id} was deployed. Nothing was changed. Put the file back, or give \
         the simulated lab up and deploy it again: sandtable forget --lab {id}", file.display()
    )]
    Lost {
        /// The file.
        file: PathBuf,
        /// The lab's identity.
        id: LabId,
    },
    /// No lab of that name has a state folder.
    #[error("no deployed lab has the identity {name:?}; {hint}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What to do.
        hint: String,
    },
    /// A layout cannot be attached to a lab.
    #[error("{0}")]
    Attach(String),
}

/// Which lab a state folder belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// The layout file, by its canonical path.
    pub file: PathBuf,
    /// The lab's name when it was last deployed.
    pub name: String,
    /// The provider that it runs on.
    pub on: ProviderId,
    /// When it was first deployed, in milliseconds since 1970, where that is known.
    pub since_ms: Option<u64>,
    /// Whether the file was moved since: then the lab's identity is not that of the file's path.
    pub attached: bool,
}

/// The record as it is on the disk.
#[derive(Serialize, Deserialize)]
struct Record {
    file: String,
    /// The path's bytes, where it is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file_bytes: Option<Vec<u8>>,
    name: String,
    on: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    attached: bool,
}

impl Deployed {
    /// What a folder says; `None` where nothing is deployed there.
    ///
    /// # Errors
    /// Where the record cannot be read, is missing beside other state, or is not of this folder; where a simulated lab's world is
    /// missing.
    pub fn read(folder: &LabFolder, id: &LabId) -> Result<Option<Self>, DeployedError> {
        let damaged = |why: String| DeployedError::Damaged { file: folder.path().join(DEPLOYED_FILE), id: id.clone(), why };
        let bytes = match folder.read(DEPLOYED_FILE) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                let Some(trace) = TRACES.iter().find(|name| folder.has(name)) else { return Ok(None) };
                return Err(damaged(format!("is missing, and {trace} is there")));
            }
            Err(error @ StateError::Unsafe { .. }) => return Err(error.into()),
            Err(error) => return Err(damaged(format!("is unreadable ({error})"))),
        };
        let record: Record = serde_json::from_slice(&bytes).map_err(|error| damaged(format!("is damaged ({error})")))?;
        let on = record.on.parse().map_err(|_| damaged(format!("names the provider {:?}, which this version does not know", record.on)))?;
        let (since_ms, attached) = (record.since_ms, record.attached);
        let deployed = Self { file: path_of(&record), name: record.name, on, since_ms, attached };
        let is_ours = attached || (0..IDENTITIES_MAX).any(|nth| LabId::nth_of_file(&deployed.file, nth) == *id);
        if !is_ours || deployed.file.is_relative() {
            return Err(damaged(format!("says that the folder is of {:?}, which has another identity", deployed.file)));
        }
        // Machines are at their hypervisor; a simulated lab is nowhere else.
        if deployed.on == ProviderId::Sim && !folder.has(WORLD_FILE) && Journal::made_something(folder) {
            return Err(DeployedError::Lost { file: folder.path().join(WORLD_FILE), id: id.clone() });
        }
        Ok(Some(deployed))
    }

    /// Writes it, before anything is made.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn write(&self, folder: &Locked) -> Result<(), StateError> {
        let text = self.file.to_str();
        let record = Record {
            file: self.file.to_string_lossy().into_owned(),
            file_bytes: text.is_none().then(|| self.file.as_os_str().as_encoded_bytes().to_vec()),
            name: self.name.clone(),
            on: self.on.to_string(),
            since_ms: self.since_ms,
            attached: self.attached,
        };
        let mut bytes = serde_json::to_vec(&record).map_err(|error| StateError::Io {
            what: "write",
            path: folder.folder().path().join(DEPLOYED_FILE),
            why: error.into(),
        })?;
        bytes.push(b'\n');
        folder.write(DEPLOYED_FILE, &bytes)
    }
}

#[cfg(unix)]
fn path_of(record: &Record) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    match &record.file_bytes {
        Some(bytes) => std::ffi::OsString::from_vec(bytes.clone()).into(),
        None => PathBuf::from(&record.file),
    }
}

#[cfg(not(unix))]
fn path_of(record: &Record) -> PathBuf {
    PathBuf::from(&record.file)
}

/// Keeps the layout as it is deployed.
///
/// # Errors
/// Where the disk refuses.
pub fn keep_layout(folder: &Locked, lab: &Lab) -> Result<(), StateError> {
    folder.write(LAYOUT_FILE, crate::layout::write(lab).as_bytes())
}

/// The layout as it was last deployed; `None` where none was kept or what is there cannot be read.
pub fn kept_layout(folder: &LabFolder) -> Option<Lab> {
    let bytes = folder.read(LAYOUT_FILE).ok().flatten()?;
    crate::layout::read_bytes(&bytes).ok()
}

/// Whether a name in a lab's state folder is that of something which Sandtable writes there.
pub fn is_ours(name: &str) -> bool {
    const OURS: [&str; 12] = [
        DEPLOYED_FILE,
        LAYOUT_FILE,
        super::JOURNAL_FILE,
        crate::host::guard::LOCK_FILE,
        WORLD_FILE,
        crate::provider::real::LOGS_FOLDER,
        "faults.json",
        "flows.json",
        "login-key",
        "secrets.json",
        "since",
        "snapshots",
    ];
    OURS.iter().any(|ours| name == *ours || name.strip_prefix(ours).is_some_and(|rest| rest.starts_with(crate::host::state::DAMAGED)))
}

/// Whether two paths lead to one file.
pub(super) fn is_same_file(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::state::{StateFolder, Wait};

    fn bench() -> (tempfile::TempDir, LabId, LabFolder, Deployed) {
        let root = tempfile::tempdir().unwrap();
        let deployed = Deployed { file: "/labs/a.ron".into(), name: "A".into(), on: ProviderId::Sim, since_ms: Some(5), attached: false };
        let id = LabId::of_file(&deployed.file);
        let folder = StateFolder::at(root.path()).lab(id.as_str());
        (root, id, folder, deployed)
    }

    #[test]
    fn a_folder_says_whose_it_is() {
        let (_root, id, folder, deployed) = bench();
        assert_eq!(Deployed::read(&folder, &id).unwrap(), None);
        let locked = folder.lock(Wait::No).unwrap();
        assert_eq!(Deployed::read(&folder, &id).unwrap(), None, "a lock alone is no deployment");
        Journal::open(&locked).unwrap();
        deployed.write(&locked).unwrap();
        assert_eq!(Deployed::read(&folder, &id).unwrap(), Some(deployed));
        let older = br#"{"file":"/labs/a.ron","name":"A","on":"sim"}"#;
        locked.write(DEPLOYED_FILE, older).unwrap();
        assert_eq!(Deployed::read(&folder, &id).unwrap().unwrap().since_ms, None, "an earlier version's record");
    }

    #[test]
    fn what_cannot_be_read_is_never_nothing() {
        let (_root, id, folder, deployed) = bench();
        let locked = folder.lock(Wait::No).unwrap();
        deployed.write(&locked).unwrap();
        let good = folder.read(DEPLOYED_FILE).unwrap().unwrap();
        let mut bad: Vec<Vec<u8>> = (0..good.len() - 1).map(|length| good[..length].to_vec()).collect();
        bad.extend([b"{ not ours".to_vec(), b"[]".to_vec(), b"{}".to_vec(), vec![0; 40], vec![b'['; 5000]]);
        bad.push(br#"{"file":"/labs/b.ron","name":"A","on":"sim"}"#.to_vec());
        bad.push(br#"{"file":"/labs/a.ron","name":"A","on":"aws"}"#.to_vec());
        bad.push(br#"{"file":"/labs/a.ron","name":5,"on":"sim"}"#.to_vec());
        for bytes in bad {
            locked.write(DEPLOYED_FILE, &bytes).unwrap();
            let error = Deployed::read(&folder, &id).unwrap_err().to_string();
            for part in ["lab.json", id.as_str(), "--rebuild", "sandtable forget"] {
                assert!(error.contains(part), "{error}");
            }
        }
        locked.remove_file(DEPLOYED_FILE).unwrap();
        std::fs::create_dir(folder.path().join(DEPLOYED_FILE)).unwrap();
        assert!(Deployed::read(&folder, &id).unwrap_err().to_string().contains("folder"));
        std::fs::remove_dir(folder.path().join(DEPLOYED_FILE)).unwrap();
        locked.write("secrets.json", b"{}").unwrap();
        assert!(Deployed::read(&folder, &id).unwrap_err().to_string().contains("is missing, and secrets.json is there"));
    }

    #[test]
    fn a_world_that_is_missing_is_lost_once_something_was_made() {
        use super::super::journal::{JOURNAL_FILE, Record};
        let (_root, id, folder, deployed) = bench();
        let locked = folder.lock(Wait::No).unwrap();
        deployed.write(&locked).unwrap();
        let read = || Deployed::read(&folder, &id);
        let lost = || read().unwrap_err().to_string();
        assert!(lost().contains("sim.json is missing") && lost().contains("sandtable forget"), "no journal says that nothing was made");
        let mut journal = Journal::open(&locked).unwrap();
        assert_eq!(read().unwrap().as_ref(), Some(&deployed), "a deployment that ended before its first step");
        journal.write(Record::Run { before: Box::default(), doubted: Vec::new() }).unwrap();
        let action = crate::plan::Action::PowerOn { node: "a".parse().unwrap() };
        let step = crate::plan::step_id(&action);
        journal.write(Record::Begin { step: step.clone(), action: Box::new(action) }).unwrap();
        assert!(read().is_ok(), "what was begun and not ended may never have been there");
        journal.write(Record::End { step }).unwrap();
        assert!(matches!(read(), Err(DeployedError::Lost { .. })));
        locked.write(WORLD_FILE, b"{}").unwrap();
        assert!(read().is_ok());
        locked.remove_file(WORLD_FILE).unwrap();
        locked.write(JOURNAL_FILE, b"{ not ours\n").unwrap();
        assert!(matches!(read(), Err(DeployedError::Lost { .. })), "a journal that cannot be read does not say that nothing was made");
        Deployed { on: "incus".parse().unwrap(), ..deployed }.write(&locked).unwrap();
        assert!(read().is_ok(), "machines are known to their hypervisor");
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_no_text_is_kept() {
        use std::os::unix::ffi::OsStrExt;
        let (root, _, _, deployed) = bench();
        let file = Path::new("/labs").join(std::ffi::OsStr::from_bytes(b"a\xff.ron"));
        let id = LabId::of_file(&file);
        let folder = StateFolder::at(root.path()).lab(id.as_str());
        let deployed = Deployed { file, ..deployed };
        let locked = folder.lock(Wait::No).unwrap();
        Journal::open(&locked).unwrap();
        deployed.write(&locked).unwrap();
        assert_eq!(Deployed::read(&folder, &id).unwrap(), Some(deployed));
    }

    #[test]
    fn the_layout_is_kept_as_it_was_deployed() {
        let (_root, _, folder, _) = bench();
        assert_eq!(kept_layout(&folder), None);
        let lab = Lab::new("A");
        keep_layout(&folder.lock(Wait::No).unwrap(), &lab).unwrap();
        assert_eq!(kept_layout(&folder), Some(lab));
    }

    #[test]
    fn files_of_ours_are_known_also_when_they_are_set_aside() {
        for name in ["lab.json", "journal.jsonl.damaged", "journal.jsonl.damaged-2", "logs", "snapshots"] {
            assert!(is_ours(name), "{name}");
        }
        for name in ["thesis.txt", "lab.json~", "damaged", "logs2"] {
            assert!(!is_ours(name), "{name}");
        }
    }
}
