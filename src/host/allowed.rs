//! Files outside of a layout's folder that the user has allowed this layout to read: once each, by path and content.
//!
//! The list lies beside the labs' state folders and never in a layout, so no layout can allow itself anything. It only grows.

use super::state::StateError;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

const FILE: &str = "allowed-files.jsonl";

/// One permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Permission {
    lab: String,
    path: PathBuf,
    sha256: String,
}

/// The list of permissions.
#[derive(Debug, Clone)]
pub struct Allowed {
    file: PathBuf,
}

impl Allowed {
    /// The list beside a lab's state folder.
    pub fn beside(lab_folder: &Path) -> Self {
        Self { file: lab_folder.parent().unwrap_or(lab_folder).join(FILE) }
    }

    fn failed(&self, what: &'static str) -> impl FnOnce(io::Error) -> StateError {
        let path = self.file.clone();
        move |why| StateError::Io { what, path, why }
    }

    /// Whether a lab may read a file with this content.
    ///
    /// # Errors
    /// Where the list is there and cannot be read.
    pub fn has(&self, lab: &str, path: &Path, sha256: &str) -> Result<bool, StateError> {
        let text = match fs::read_to_string(&self.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other.map_err(self.failed("read"))?,
        };
        // A line that cannot be read allows nothing.
        let permissions = text.lines().filter_map(|line| serde_json::from_str::<Permission>(line).ok());
        Ok(permissions.into_iter().any(|one| one.lab == lab && one.path == path && one.sha256 == sha256))
    }

    /// Allows a lab to read a file with this content.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn add(&self, lab: &str, path: &Path, sha256: &str) -> Result<(), StateError> {
        if self.has(lab, path, sha256)? {
            return Ok(());
        }
        let folder = self.file.parent().unwrap_or(Path::new("."));
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let permission = Permission { lab: lab.to_owned(), path: path.to_owned(), sha256: sha256.to_owned() };
        let write = || -> io::Result<()> {
            let mut maker = fs::DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700);
            maker.recursive(true).create(folder)?;
            // One write: two that come at once leave two whole lines. A line that was cut off ends here.
            options.open(&self.file)?.write_all(format!("\n{}\n", serde_json::to_string(&permission)?).as_bytes())
        };
        write().map_err(self.failed("write"))
    }
}

/// The SHA-256 of all that a reader gives, in hexadecimal.
///
/// # Errors
/// Where it cannot be read.
pub fn sha256(reader: &mut impl Read) -> io::Result<String> {
    let mut sum = Sha256::new();
    let mut piece = vec![0; 1 << 18];
    loop {
        match reader.read(&mut piece)? {
            0 => return Ok(hexadecimal(&sum.finalize())),
            count => sum.update(piece.get(..count).unwrap_or_default()),
        }
    }
}

/// Bytes in hexadecimal.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_allowed_to_one_lab_with_one_content() {
        let top = tempfile::tempdir().unwrap();
        let allowed = Allowed::beside(&top.path().join("labs/lab-1"));
        let (path, sum) = (Path::new("/data/a b.vdi"), sha256(&mut b"abc".as_slice()).unwrap());
        assert_eq!(sum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(!allowed.has("lab-1", path, &sum).unwrap());
        allowed.add("lab-1", path, &sum).unwrap();
        allowed.add("lab-1", path, &sum).unwrap();
        allowed.add("lab-2", Path::new("/other"), &sum).unwrap();
        assert!(allowed.has("lab-1", path, &sum).unwrap() && allowed.has("lab-2", Path::new("/other"), &sum).unwrap());
        for (lab, path, sum) in [("lab-2", path, sum.as_str()), ("lab-1", Path::new("/other"), &sum), ("lab-1", path, "00")] {
            assert!(!allowed.has(lab, path, sum).unwrap());
        }
        // A line that was cut off spoils no other.
        let file = top.path().join("labs").join(FILE);
        fs::write(&file, format!("{}{{\"lab\": \"la", fs::read_to_string(&file).unwrap())).unwrap();
        allowed.add("lab-3", path, &sum).unwrap();
        assert!(allowed.has("lab-1", path, &sum).unwrap() && allowed.has("lab-3", path, &sum).unwrap());
    }
}
