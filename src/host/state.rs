//! The state folder: what is kept of deployed labs between calls of the program, one folder a lab.
//!
//! Only the user can read it (0700, 0600); a folder that others can change is refused. A process that changes a lab's folder holds
//! its lock; readers need none, because a file is replaced whole or only grows. Removing a lab's folder removes the files that
//! Sandtable wrote and no other.

use super::{
    durable,
    private::{check_private, make_folder, private},
};
use std::{
    fs::{self, File, TryLockError},
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
    /// The environment names a folder that depends on the current one.
    #[error(
        "{STATE_VARIABLE} is the relative path {}; another current folder would be another state: set it to an absolute path", .0.display()
    )]
    Relative(PathBuf),
    /// Others can change what is in it.
    #[error("{} {why}; {next}", path.display())]
    Unsafe {
        /// Which folder or file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// What to do.
        next: String,
    },
    /// The system refuses.
    #[error("cannot {what} {}: {why}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
}

pub(super) fn failed<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> StateError + 'a {
    move |why| StateError::Io { what, path: path.to_owned(), why }
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
    /// Where the platform names none, the environment's is relative, or others can change what is in it.
    pub fn of_user() -> Result<Self, StateError> {
        let root = match std::env::var_os(STATE_VARIABLE).filter(|root| !root.is_empty()).map(PathBuf::from) {
            Some(root) if root.is_relative() => return Err(StateError::Relative(root)),
            Some(root) => root,
            None => {
                let folders = directories::ProjectDirs::from("", "", "sandtable").ok_or(StateError::NoHome)?;
                folders.state_dir().unwrap_or_else(|| folders.data_local_dir()).join("labs")
            }
        };
        check_private(&root)?;
        Ok(Self::at(root))
    }

    /// The folder of one lab. The name must be a lab's identity, which callers check: letters, digits, dashes.
    pub fn lab(&self, name: &str) -> LabFolder {
        debug_assert!(is_plain(name), "{name:?}");
        LabFolder { path: self.root.join(name) }
    }

    /// The names of the labs that have a folder, sorted.
    ///
    /// # Errors
    /// Where the folder exists and cannot be read.
    pub fn labs(&self) -> Result<Vec<String>, StateError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("read", &self.root)(error)),
        };
        let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let mut names: Vec<String> =
            folders.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| is_plain(name)).collect();
        names.sort();
        Ok(names)
    }
}

/// Whether a name can be a lab's folder and nothing else.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-')
}

/// What a lab's folder still holds after its removal: files that Sandtable did not write, so the folder stays with them.
pub type Foreign = Vec<PathBuf>;

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
        self.check()?;
        make_folder(&self.path)?;
        let mut file = temporary_beside(&path)?;
        durable::fill(&mut file, bytes).map_err(failed("write", &path))?;
        match file.persist_noclobber(&path) {
            Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(failed("keep", &path)(error.error)),
            _ => {
                durable::flush_folder_of(&path);
                Ok(path)
            }
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
        self.check()?;
        loop {
            make_folder(&self.path)?;
            is_ordinary(&path)?;
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

    /// A folder that is a link leads to files that are not Sandtable's.
    fn check(&self) -> Result<(), StateError> {
        match fs::symlink_metadata(&self.path) {
            Ok(found) if found.is_symlink() => Err(StateError::Unsafe {
                path: self.path.clone(),
                why: "is a symbolic link".into(),
                next: "move the folder that it leads to here, or remove the link".into(),
            }),
            _ => Ok(()),
        }
    }

    /// The content of a file; `None` where it does not exist.
    ///
    /// # Errors
    /// Where it is no ordinary file, larger than any of ours, or the system refuses.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        let path = self.path.join(name);
        self.check()?;
        if !is_ordinary(&path)? {
            return Ok(None);
        }
        let file = File::open(&path).map_err(failed("open", &path))?;
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed("read", &path))?;
        Ok(Some(bytes))
    }

    /// Whether it holds anything of this name.
    pub fn has(&self, name: &str) -> bool {
        fs::symlink_metadata(self.path.join(name)).is_ok()
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
        let mut file = temporary_beside(&path)?;
        durable::fill(&mut file, bytes).map_err(failed("write", &path))?;
        durable::put(file, &path).map_err(failed("replace", &path))
    }

    /// Sets a file aside under the first free name of `NAME.damaged`, `NAME.damaged-2`, …, and gives its new path.
    ///
    /// # Errors
    /// Where the system refuses; then it is where it was.
    pub fn set_aside(&self, name: &str) -> Result<PathBuf, StateError> {
        let path = self.folder.path.join(name);
        let names = std::iter::once(format!("{name}{DAMAGED}")).chain((2..).map(|count| format!("{name}{DAMAGED}-{count}")));
        let mut free = names.filter(|name| !self.folder.has(name));
        let aside = free.next().map_or_else(|| path.with_extension("damaged"), |name| self.folder.path.join(name));
        fs::rename(&path, &aside).map_err(failed("set aside", &path))?;
        durable::flush_folder_of(&aside);
        Ok(aside)
    }

    /// Begins a file in a folder of this one anew, to be written bit by bit while others read it; the folder is made where it is missing.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn begin_below(&self, folder: &[&str], name: &str) -> Result<File, StateError> {
        let mut path = self.folder.path.clone();
        path.extend(folder);
        make_folder(&path)?;
        path.push(name);
        private().create(true).truncate(true).write(true).open(&path).map_err(failed("open", &path))
    }

    /// Replaces a file in a folder of this one whole, as [`Locked::write`] does; the folder is made where it is missing.
    ///
    /// # Errors
    /// Where the system refuses; then the old content is still there.
    pub fn replace_below(&self, folder: &[&str], name: &str, bytes: &[u8]) -> Result<(), StateError> {
        let mut path = self.folder.path.clone();
        path.extend(folder);
        make_folder(&path)?;
        path.push(name);
        let mut file = temporary_beside(&path)?;
        durable::fill(&mut file, bytes).map_err(failed("write", &path))?;
        durable::put(file, &path).map_err(failed("replace", &path))
    }

    /// Opens a file that only grows.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn append(&self, name: &str) -> Result<AppendFile, StateError> {
        let path = self.folder.path.join(name);
        let file = private().create(true).append(true).open(&path).map_err(failed("open", &path))?;
        durable::flush_folder_of(&path);
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

    /// Removes a file of a folder of this one, or all of that folder; what is not there is removed already. A folder that is empty
    /// then goes too, and so does the one that it is in.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn remove_below(&self, folder: &[&str], name: Option<&str>) -> Result<(), StateError> {
        let mut path = self.folder.path.clone();
        path.extend(folder);
        let removed = match name {
            Some(name) => fs::remove_file(path.join(name)),
            None => fs::remove_dir_all(&path),
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &path)(error)),
            _ => {}
        }
        for above in path.ancestors().take(folder.len()) {
            // One that is not empty stays.
            if fs::remove_dir(above).is_err() && above.exists() {
                break;
            }
        }
        Ok(())
    }

    /// Removes what Sandtable wrote, then the lock and the folder; what is not `ours` stays, and the folder with it, and is
    /// given back. Links are removed and never followed.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn remove(self, ours: &dyn Fn(&str) -> bool) -> Result<Foreign, StateError> {
        let path = self.folder.path.clone();
        let mut foreign = Vec::new();
        for entry in fs::read_dir(&path).map_err(failed("read", &path))?.flatten().filter(|entry| entry.file_name() != LOCK_FILE) {
            let found = entry.path();
            if !entry.file_name().to_str().is_some_and(|name| ours(name) || is_temporary(name)) {
                foreign.push(found);
                continue;
            }
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let removed = if is_folder { fs::remove_dir_all(&found) } else { fs::remove_file(&found) };
            removed.map_err(failed("remove", &found))?;
        }
        foreign.sort();
        // Windows removes no folder while a file in it is open.
        drop(self);
        fs::remove_file(path.join(LOCK_FILE)).map_err(failed("remove", &path))?;
        if foreign.is_empty() {
            fs::remove_dir(&path).map_err(failed("remove", &path))?;
            durable::flush_folder_of(&path);
        }
        Ok(foreign)
    }
}

/// What a file that is damaged and set aside has behind its name.
pub const DAMAGED: &str = ".damaged";

/// A temporary file that a process left behind which was killed while it wrote.
fn is_temporary(name: &str) -> bool {
    name.starts_with(TEMPORARY)
}

/// How temporary files begin.
const TEMPORARY: &str = ".tmp";

fn temporary_beside(path: &Path) -> Result<tempfile::NamedTempFile, StateError> {
    let folder = path.parent().unwrap_or(path);
    durable::temporary(tempfile::Builder::new().prefix(TEMPORARY), folder).map_err(failed("write beside", path))
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
    /// Adds lines, each with its line feed, and waits until the disk has them.
    ///
    /// # Errors
    /// Where the system refuses, such as on a full disk.
    pub fn lines(&mut self, text: &[u8]) -> Result<(), StateError> {
        self.file.write_all(text).map_err(failed("write", &self.path))?;
        self.file.sync_data().map_err(failed("write", &self.path))
    }
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

/// Whether there is an ordinary file; `false`: there is nothing. To be asked before it is opened: a pipe in its place would be
/// waited for without end.
fn is_ordinary(path: &Path) -> Result<bool, StateError> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(true),
        Ok(found) => {
            let why = if found.is_dir() { "it is a folder" } else { "it is not an ordinary file" };
            Err(failed("read", path)(io::Error::other(why)))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed("open", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    #[test]
    fn a_pipe_in_place_of_the_lock_is_an_error_and_waits_for_nothing() {
        let (_root, lab) = folder();
        drop(lab.lock(Wait::No).unwrap());
        let lock = lab.path().join(LOCK_FILE);
        fs::remove_file(&lock).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&lock).status().unwrap().success());
        assert!(lab.lock(Wait::No).unwrap_err().to_string().contains("not an ordinary file"));
    }

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
        locked.append("journal.jsonl").unwrap().lines(b"one\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |name: &str| fs::metadata(lab.path().join(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!([mode(""), mode("world.json"), mode("journal.jsonl"), mode("lock")], [0o700, 0o600, 0o600, 0o600]);
        }
        drop(locked);
        assert_eq!(StateFolder::at(root.path()).labs().unwrap(), ["lab-1"]);
        let ours = |name: &str| matches!(name, "world.json" | "journal.jsonl");
        assert_eq!(lab.lock(Wait::No).unwrap().remove(&ours).unwrap(), Foreign::new());
        assert_eq!(StateFolder::at(root.path()).labs().unwrap(), Vec::<String>::new());
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
        locked.append("log").unwrap().lines(b"one\n").unwrap();
        locked.append("log").unwrap().lines(b"two\n").unwrap();
        assert_eq!(lab.read("log").unwrap().unwrap(), b"one\ntwo\n");
    }

    #[test]
    fn only_what_is_ours_is_removed() {
        let (_root, lab) = folder();
        let locked = lab.lock(Wait::No).unwrap();
        locked.write("a", b"ours").unwrap();
        fs::write(lab.path().join("thesis.txt"), "not ours").unwrap();
        fs::write(lab.path().join(".tmpKilled"), "half").unwrap();
        let foreign = locked.remove(&|name| name == "a").unwrap();
        assert_eq!(foreign, [lab.path().join("thesis.txt")]);
        let left: Vec<_> = fs::read_dir(lab.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["thesis.txt"]);
    }

    #[test]
    fn a_damaged_file_is_set_aside_under_a_name_of_its_own() {
        let (_root, lab) = folder();
        let locked = lab.lock(Wait::No).unwrap();
        for name in ["a.damaged", "a.damaged-2", "a.damaged-3"] {
            locked.write("a", b"bad").unwrap();
            assert_eq!(locked.set_aside("a").unwrap(), lab.path().join(name));
        }
        assert_eq!(lab.read("a").unwrap(), None);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_what_is_no_file_are_refused() {
        let (root, lab) = folder();
        let elsewhere = root.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, lab.path()).unwrap();
        assert!(lab.lock(Wait::No).unwrap_err().to_string().contains("is a symbolic link"));
        assert!(lab.read("a").unwrap_err().to_string().contains("is a symbolic link"));
        let other = StateFolder::at(root.path()).lab("lab-2");
        drop(other.lock(Wait::No).unwrap());
        fs::create_dir(other.path().join("a")).unwrap();
        assert!(other.read("a").unwrap_err().to_string().contains("it is a folder"));
    }
}
