//! The state folder: what is kept of deployed labs between calls of the program, one folder a lab.
//!
//! Only the user can read it (0700, 0600). Whoever changes a lab's folder holds its lock; readers need none, because a file
//! is replaced whole or only grows. It never holds anything that belongs in a layout.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// The environment's name for another state folder: tests and portable set-ups.
pub const STATE_VARIABLE: &str = "SANDTABLE_STATE";

/// The most that is read of one file, in bytes: the largest simulated world is a tenth of it.
const FILE_BYTES_MAX: u64 = 1 << 30;
const LOCK_FILE: &str = "lock";
const LOCK_TRY_MS: u64 = 20;

/// Why the state folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The system names no home for it.
    #[error("this system names no folder for a program's state; set {STATE_VARIABLE} to one")]
    NoHome,
    /// Another process works on the lab.
    #[error("another sandtable is working on this lab; try again when it is done ({0})")]
    InUse(PathBuf),
    /// The system refuses.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

fn failed<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> StateError + 'a {
    move |source| StateError::Io { what, path: path.to_owned(), source }
}

/// How long to wait for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    No,
    /// At most this long.
    AtMost(Duration),
}

/// When and how a file last changed: two equal stamps mean the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    file: u64,
}

/// The folder of all labs.
#[derive(Debug, Clone)]
pub struct StateFolder {
    root: PathBuf,
}

impl StateFolder {
    /// The folder at a path; it need not exist yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder that the environment names, else the platform's.
    ///
    /// # Errors
    /// Where the platform names none.
    pub fn of_user() -> Result<Self, StateError> {
        if let Some(root) = std::env::var_os(STATE_VARIABLE).filter(|root| !root.is_empty()) {
            return Ok(Self::at(root));
        }
        let folders = directories::ProjectDirs::from("", "", "sandtable").ok_or(StateError::NoHome)?;
        Ok(Self::at(folders.state_dir().unwrap_or_else(|| folders.data_local_dir()).join("labs")))
    }

    /// The folder of one lab. The name must be plain: letters, digits, dashes.
    pub fn lab(&self, name: &str) -> LabFolder {
        debug_assert!(name.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-'), "{name:?}");
        LabFolder { path: self.root.join(name) }
    }

    /// The names of the labs that have a folder, sorted.
    pub fn labs(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let mut names: Vec<String> = folders.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }
}

/// The folder of one lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabFolder {
    path: PathBuf,
}

impl LabFolder {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is there.
    pub fn exists(&self) -> bool {
        self.path.is_dir()
    }

    /// Writes a file that is made once and never changed. Needs no lock: whoever is first has written it, and others leave it. Gives
    /// its path.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn once(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, StateError> {
        let path = self.path.join(name);
        make_folder(&self.path)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.path).map_err(failed("write beside", &path))?;
        file.write_all(bytes).map_err(failed("write", &path))?;
        file.as_file().sync_all().map_err(failed("write", &path))?;
        match file.persist_noclobber(&path) {
            Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(failed("keep", &path)(error.error)),
            _ => Ok(path),
        }
    }

    /// Locks it for this process, making it where it is missing.
    ///
    /// # Errors
    /// Where another process has it for longer than the wait, or the system refuses.
    pub fn lock(&self, wait: Wait) -> Result<Locked, StateError> {
        let until = match wait {
            Wait::No => Duration::ZERO,
            Wait::AtMost(longest) => longest,
        };
        let path = self.path.join(LOCK_FILE);
        let mut waited = Duration::ZERO;
        loop {
            make_folder(&self.path)?;
            let file = private().create(true).truncate(false).write(true).open(&path).map_err(failed("open", &path))?;
            let locked = match file.try_lock() {
                Ok(()) => true,
                Err(TryLockError::WouldBlock) => false,
                Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
            };
            // Whoever had it may have removed the folder between our opening and our locking.
            if locked && file_number(&file.metadata().ok()) == file_number(&fs::metadata(&path).ok()) {
                return Ok(Locked { folder: self.clone(), file });
            }
            if waited >= until {
                return Err(StateError::InUse(self.path.clone()));
            }
            std::thread::sleep(Duration::from_millis(LOCK_TRY_MS));
            waited += Duration::from_millis(LOCK_TRY_MS);
        }
    }

    /// The content of a file; `None` where it does not exist.
    ///
    /// # Errors
    /// Where the system refuses, or the file is larger than any of ours.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        let path = self.path.join(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("open", &path)(error)),
        };
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed("read", &path))?;
        Ok(Some(bytes))
    }

    /// The files of a folder below it, by name, with their contents and when they were written: the oldest first. A folder that
    /// is not there holds nothing.
    ///
    /// # Errors
    /// Where the system refuses, or a file is larger than any of ours.
    pub fn read_below(&self, folder: &[&str]) -> Result<Vec<(String, SystemTime, Vec<u8>)>, StateError> {
        let mut path = self.path.clone();
        path.extend(folder);
        let mut files = Vec::new();
        for entry in fs::read_dir(&path).into_iter().flatten().flatten() {
            let path = entry.path();
            let file = File::open(&path).map_err(failed("open", &path))?;
            let about = file.metadata().map_err(failed("read", &path))?;
            if !about.is_file() {
                continue;
            }
            let mut bytes = Vec::new();
            file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed("read", &path))?;
            let written = about.modified().map_err(failed("read", &path))?;
            files.push((entry.file_name().to_string_lossy().into_owned(), written, bytes));
        }
        files.sort_by(|one, other| (one.1, &one.0).cmp(&(other.1, &other.0)));
        Ok(files)
    }

    /// The stamp of a file; `None` where it does not exist.
    pub fn stamp(&self, name: &str) -> Option<Stamp> {
        let found = fs::metadata(self.path.join(name)).ok()?;
        Some(Stamp { modified: found.modified().ok(), bytes: found.len(), file: file_number(&Some(found)) })
    }
}

/// A lab's folder, locked for this process until it is dropped.
#[derive(Debug)]
pub struct Locked {
    folder: LabFolder,
    file: File,
}

impl Locked {
    /// The folder.
    pub fn folder(&self) -> &LabFolder {
        &self.folder
    }

    /// Replaces a file whole: readers see the old content or the new, never a part.
    ///
    /// # Errors
    /// Where the system refuses; then the old content is still there.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        let path = self.folder.path.join(name);
        let mut file = tempfile::NamedTempFile::new_in(&self.folder.path).map_err(failed("write beside", &path))?;
        file.write_all(bytes).map_err(failed("write", &path))?;
        file.as_file().sync_all().map_err(failed("write", &path))?;
        file.persist(&path).map_err(|error| failed("replace", &path)(error.error))?;
        Ok(())
    }

    /// Replaces a file in a folder of this one, made where it is missing. Both names must be plain; what readers see may be a part.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn write_below(&self, folder: &[&str], name: &str, bytes: &[u8]) -> Result<(), StateError> {
        let mut path = self.folder.path.clone();
        path.extend(folder);
        make_folder(&path)?;
        path.push(name);
        let mut file = private().create(true).truncate(true).write(true).open(&path).map_err(failed("open", &path))?;
        file.write_all(bytes).map_err(failed("write", &path))
    }

    /// Opens a file that only grows.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn append(&self, name: &str) -> Result<AppendFile, StateError> {
        let path = self.folder.path.join(name);
        let file = private().create(true).append(true).open(&path).map_err(failed("open", &path))?;
        Ok(AppendFile { path, file })
    }

    /// Removes a file; one that is not there is removed already.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn remove_file(&self, name: &str) -> Result<(), StateError> {
        let path = self.folder.path.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    /// Removes the folder with all that is in it, and the lock.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn remove(self) -> Result<(), StateError> {
        let path = self.folder.path.clone();
        for entry in fs::read_dir(&path).map_err(failed("read", &path))?.flatten().filter(|entry| entry.file_name() != LOCK_FILE) {
            let found = entry.path();
            let removed = if found.is_dir() { fs::remove_dir_all(&found) } else { fs::remove_file(&found) };
            removed.map_err(failed("remove", &found))?;
        }
        // Windows removes no folder while a file in it is open.
        drop(self);
        fs::remove_dir_all(&path).map_err(failed("remove", &path))
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing would not do: a child that another thread is just starting holds a copy until it runs its own program.
        let _closed_anyway = self.file.unlock();
    }
}

/// A file that only grows, line by line, each on the disk before the next.
#[derive(Debug)]
pub struct AppendFile {
    path: PathBuf,
    file: File,
}

impl AppendFile {
    /// Adds a line and waits until the disk has it.
    ///
    /// # Errors
    /// Where the system refuses, such as on a full disk.
    pub fn line(&mut self, text: &str) -> Result<(), StateError> {
        let line = format!("{text}\n");
        self.file.write_all(line.as_bytes()).map_err(failed("write", &self.path))?;
        self.file.sync_data().map_err(failed("write", &self.path))
    }
}

#[cfg(unix)]
fn private() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(not(unix))]
fn private() -> OpenOptions {
    OpenOptions::new()
}

#[cfg(unix)]
fn file_number(found: &Option<fs::Metadata>) -> u64 {
    use std::os::unix::fs::MetadataExt;
    found.as_ref().map_or(0, MetadataExt::ino)
}

#[cfg(not(unix))]
fn file_number(found: &Option<fs::Metadata>) -> u64 {
    u64::from(found.is_some())
}

fn make_folder(path: &Path) -> Result<(), StateError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(failed("make", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, LabFolder) {
        let root = tempfile::tempdir().unwrap();
        let lab = StateFolder::at(root.path()).lab("lab-1");
        (root, lab)
    }

    #[test]
    fn one_process_at_a_time_and_everything_private() {
        let (root, lab) = folder();
        assert!(!lab.exists());
        let locked = lab.lock(Wait::No).unwrap();
        assert!(matches!(lab.lock(Wait::No), Err(StateError::InUse(_))));
        locked.write("world.json", b"{}").unwrap();
        locked.append("journal.jsonl").unwrap().line("one").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |name: &str| fs::metadata(lab.path().join(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!([mode(""), mode("world.json"), mode("journal.jsonl"), mode("lock")], [0o700, 0o600, 0o600, 0o600]);
        }
        drop(locked);
        assert_eq!(StateFolder::at(root.path()).labs(), ["lab-1"]);
        lab.lock(Wait::No).unwrap().remove().unwrap();
        assert_eq!(StateFolder::at(root.path()).labs(), Vec::<String>::new());
        assert!(lab.lock(Wait::No).is_ok(), "it can be made again");
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_that_a_child_has_a_copy_of_is_given_back() {
        let (_root, lab) = folder();
        let locked = lab.lock(Wait::No).unwrap();
        // A copy as a child has it between its start and its own program.
        let copy = locked.file.try_clone().unwrap();
        drop(locked);
        assert!(lab.lock(Wait::No).is_ok());
        drop(copy);
    }

    #[test]
    fn a_file_is_replaced_whole_and_its_stamp_moves() {
        let (_root, lab) = folder();
        assert_eq!((lab.read("a").unwrap(), lab.stamp("a")), (None, None));
        let locked = lab.lock(Wait::No).unwrap();
        locked.write("a", b"one").unwrap();
        let before = lab.stamp("a");
        locked.write("a", b"two").unwrap();
        assert_eq!(lab.read("a").unwrap().unwrap(), b"two");
        assert_ne!(lab.stamp("a"), before, "the same length and perhaps the same millisecond, and yet another");
        locked.remove_file("a").unwrap();
        locked.remove_file("a").unwrap();
        assert_eq!(lab.read("a").unwrap(), None);
    }

    #[test]
    fn a_file_that_grows_keeps_what_it_has() {
        let (_root, lab) = folder();
        let locked = lab.lock(Wait::No).unwrap();
        locked.append("log").unwrap().line("one").unwrap();
        locked.append("log").unwrap().line("two").unwrap();
        assert_eq!(lab.read("log").unwrap().unwrap(), b"one\ntwo\n");
    }
}
