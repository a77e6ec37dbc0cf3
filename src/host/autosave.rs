//! What the user has not saved yet, kept beside the work so that a kill or a crash loses no more than a few seconds.
//!
//! A folder holds slots, one for each open lab: `autosave-N.ron`, and a lock that its owner holds while it lives. A text
//! whose lock is free was left behind. Which folder that is, and how often to write, is the caller's business.

use super::file::{Backup, FileError, Fingerprint, read_bounded, save_atomically, system};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// What stands before the name of the original, in the first line of a slot.
const HEADER: &str = "// autosaved from: ";
/// What stands before the fingerprint of what the original held, in the second line of a slot that has one.
const BASE: &str = "// changes to: ";
const SLOTS_MAX: u32 = 1000;
const BYTES_MAX: u64 = 128 * 1024 * 1024;

/// A slot that this process owns.
#[derive(Debug)]
pub struct AutosaveSlot {
    text: PathBuf,
    // Locked as long as it is open.
    _lock: File,
}

/// The lock of a slot, if nobody holds it.
fn take_lock(text: &Path) -> Result<Option<File>, FileError> {
    let path = text.with_extension("lock");
    let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(system("open", &path))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(system("lock", &path)(error)),
    }
}

impl AutosaveSlot {
    /// Takes a free slot of a folder, which is made where it is missing.
    ///
    /// # Errors
    /// Where the folder cannot be made or written to.
    pub fn open(folder: &Path) -> Result<Self, FileError> {
        fs::create_dir_all(folder).map_err(system("make", folder))?;
        for number in 0..SLOTS_MAX {
            let text = folder.join(format!("autosave-{number}.ron"));
            // What was left behind stays until its user has decided.
            if let Some(lock) = take_lock(&text)?
                && !text.exists()
            {
                return Ok(Self { text, _lock: lock });
            }
        }
        Err(system("find room in", folder)(std::io::Error::other(format!("all {SLOTS_MAX} slots are taken"))))
    }

    /// Keeps a text; `original` is the file that it would be saved to, if it has one yet, and `base` what that file held
    /// when the changes began.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn keep(&self, original: Option<&Path>, base: Option<Fingerprint>, text: &str) -> Result<(), FileError> {
        let original = original.map(|path| path.to_string_lossy().replace('\n', " ")).unwrap_or_default();
        let base = base.map(|base| format!("{BASE}{base}\n")).unwrap_or_default();
        save_atomically(&self.text, format!("{HEADER}{original}\n{base}{text}").as_bytes(), Backup::None)
    }

    /// Forgets the text: it is saved, or not wanted.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn clear(&self) -> Result<(), FileError> {
        remove(&self.text)
    }
}

fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(system("remove", path)(error)),
        _ => Ok(()),
    }
}

/// A text that a process left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recoverable {
    /// The file that it would have been saved to.
    pub original: Option<PathBuf>,
    /// What that file held when the changes began; `None`: not known.
    pub base: Option<Fingerprint>,
    /// The text.
    pub text: String,
    /// When it was kept.
    pub kept: SystemTime,
    slot: PathBuf,
}

impl Recoverable {
    /// The file that holds it.
    pub fn slot(&self) -> &Path {
        &self.slot
    }

    /// Forgets it.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn discard(&self) -> Result<(), FileError> {
        remove(&self.slot)
    }
}

/// What was left behind in a folder, the latest first. What cannot be read is left out, and left alone.
pub fn recoverable(folder: &Path) -> Vec<Recoverable> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let slots = paths.filter(|path| path.extension().is_some_and(|ending| ending == "ron"));
    let mut found: Vec<Recoverable> = slots.filter_map(left_behind).collect();
    found.sort_by(|one, other| other.kept.cmp(&one.kept).then_with(|| one.slot.cmp(&other.slot)));
    found
}

fn left_behind(slot: PathBuf) -> Option<Recoverable> {
    let _lock = take_lock(&slot).ok()??;
    let kept = fs::metadata(&slot).ok()?.modified().ok()?;
    let text = String::from_utf8(read_bounded(&slot, BYTES_MAX).ok()?).ok()?;
    let (original, text) = text.strip_prefix(HEADER)?.split_once('\n')?;
    let original = if original.is_empty() { None } else { Some(PathBuf::from(original)) };
    let (base, text) = match text.strip_prefix(BASE).and_then(|rest| rest.split_once('\n')) {
        Some((base, text)) => (base.parse().ok(), text),
        None => (None, text),
    };
    Some(Recoverable { original, base, text: text.to_owned(), kept, slot })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_process_left_is_found_and_a_living_ones_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("autosave");
        let (dead, alive) = (AutosaveSlot::open(&folder).unwrap(), AutosaveSlot::open(&folder).unwrap());
        let base = Some(Fingerprint::of(b"one"));
        dead.keep(Some(Path::new("/labs/a.ron")), None, "one\ntwo").unwrap();
        dead.keep(Some(Path::new("/labs/a.ron")), base, "one\nthree").unwrap();
        alive.keep(None, None, "mine").unwrap();
        assert_eq!(recoverable(&folder), []);
        // A killed process closes its files and does nothing else.
        drop(dead);
        let found = recoverable(&folder);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].original.as_deref(), found[0].text.as_str()), (Some(Path::new("/labs/a.ron")), "one\nthree"));
        assert_eq!(found[0].base, base);
        let next = AutosaveSlot::open(&folder).unwrap();
        next.keep(None, None, "next").unwrap();
        drop(next);
        assert_eq!(recoverable(&folder).len(), 2, "a new slot does not overwrite what was left");
        for left in recoverable(&folder) {
            left.discard().unwrap();
        }
        assert_eq!(recoverable(&folder), []);
        alive.clear().unwrap();
        alive.clear().unwrap();
        drop(alive);
        assert_eq!(recoverable(&folder), []);
    }

    #[test]
    fn rubbish_in_the_folder_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let rubbish = folder.path().join("autosave-0.ron");
        fs::write(&rubbish, b"\xff").unwrap();
        assert_eq!(recoverable(folder.path()), []);
        AutosaveSlot::open(folder.path()).unwrap().keep(None, None, "x").unwrap();
        assert_eq!(fs::read(&rubbish).unwrap(), b"\xff");
        assert_eq!(recoverable(&folder.path().join("missing")), []);
    }
}
