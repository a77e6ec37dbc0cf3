//! What is remembered of a deployed lab beside its provider's own state: which file it is, and where it runs.

use crate::host::state::{LabFolder, Locked, StateError};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The file of this in a lab's state folder.
const DEPLOYED_FILE: &str = "lab.json";

/// Which lab a state folder belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// The layout file, by its canonical path.
    pub file: PathBuf,
    /// The lab's name when it was last deployed.
    pub name: String,
    /// The provider that it runs on, as `--on` takes it.
    pub on: String,
}

impl Deployed {
    /// What a folder says; `None` where no lab is deployed there, or it was left by something that is not ours.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn read(folder: &LabFolder) -> Result<Option<Self>, StateError> {
        Ok(folder.read(DEPLOYED_FILE)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Writes it, before anything is made.
    ///
    /// # Errors
    /// Where the disk refuses.
    pub fn write(&self, folder: &Locked) -> Result<(), StateError> {
        let mut text = serde_json::json!({ "file": self.file.to_string_lossy(), "name": self.name, "on": self.on }).to_string();
        text.push('\n');
        folder.write(DEPLOYED_FILE, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::state::{StateFolder, Wait};

    #[test]
    fn a_folder_says_whose_it_is() {
        let root = tempfile::tempdir().unwrap();
        let folder = StateFolder::at(root.path()).lab("lab");
        assert_eq!(Deployed::read(&folder).unwrap(), None);
        let deployed = Deployed { file: "/labs/a.ron".into(), name: "A".into(), on: "sim".into() };
        let locked = folder.lock(Wait::No).unwrap();
        deployed.write(&locked).unwrap();
        assert_eq!(Deployed::read(&folder).unwrap(), Some(deployed));
        locked.write(DEPLOYED_FILE, b"{ not ours").unwrap();
        assert_eq!(Deployed::read(&folder).unwrap(), None);
    }
}
