//! What workers do with files: read, write, keep against a crash, look. Each answers with an event and touches no state.

use super::{
    DiskChange, Event, FileUse, Permit, Preferences, Recovery, SaveError, Stamp,
    preferences::Wrong,
    save::{save_export, save_layout},
};
use crate::host::{
    autosave::{AutosaveSlot, Recoverable, recoverable},
    file::{Backup, Fingerprint, read_bounded, save_atomically},
    state::StateFolder,
};
use crate::layout;
use crate::model::Lab;
use crate::picture::Thumbnail;
use crate::session::{
    labs,
    settings::{Environment, Settings},
};
use anyhow::Context as _;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// The most that a file of preferences may be, in bytes.
const PREFERENCES_BYTES_MAX: u64 = 1024 * 1024;

/// Where the window keeps what is its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// Preferences.
    pub config: PathBuf,
    /// Autosaves.
    pub state: PathBuf,
}

impl Folders {
    /// The platform's folders; `None` where there is no home.
    pub fn of_platform() -> Option<Self> {
        let project = directories::ProjectDirs::from("", "", "sandtable")?;
        let state = project.state_dir().unwrap_or_else(|| project.data_local_dir());
        Some(Self { config: project.config_dir().to_owned(), state: state.join("autosave") })
    }

    /// All below one folder: for tests.
    pub fn below(folder: &Path) -> Self {
        Self { config: folder.join("config"), state: folder.join("autosave") }
    }

    fn preferences(&self) -> PathBuf {
        self.config.join("window.ron")
    }
}

/// A settings file of which something cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the settings file {} cannot be read: {why}", .path.display())]
pub struct Damaged {
    /// The file.
    path: PathBuf,
    /// What is wrong.
    why: String,
    /// Whether settings of providers are lost by it.
    pub hits_providers: bool,
}

/// Reads the preferences; the defaults where there are none, and for what is damaged.
fn read_preferences(folders: &Folders) -> (Preferences, Result<(), Damaged>) {
    let path = folders.preferences();
    let damaged = |why: String, hits_providers: bool| Err(Damaged { path: path.clone(), why, hits_providers });
    match read_bounded(&path, PREFERENCES_BYTES_MAX) {
        Ok(bytes) => {
            let (preferences, wrong) = Preferences::read(&String::from_utf8_lossy(&bytes));
            let hits_providers = wrong.iter().any(Wrong::hits_providers);
            let words: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            (preferences, if wrong.is_empty() { Ok(()) } else { damaged(words.join(", "), hits_providers) })
        }
        Err(_) if std::fs::symlink_metadata(&path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) => {
            (Preferences::default(), Ok(()))
        }
        Err(error) => (Preferences::default(), damaged(error.to_string(), true)),
    }
}

/// Reads the preferences. A file of which something cannot be read is set aside, and what became of it is told.
pub fn preferences(folders: &Folders) -> (Preferences, Option<String>) {
    let (preferences, read) = read_preferences(folders);
    let told = read.err().map(|damaged| {
        let aside = damaged.path.with_extension("ron.bad");
        match std::fs::rename(&damaged.path, &aside) {
            Ok(()) => {
                format!("Preferences that cannot be read have their defaults: {}. The file is kept as {}", damaged.why, aside.display())
            }
            Err(error) => format!("{damaged}. It could not be set aside: {error}"),
        }
    });
    (preferences, told)
}

/// What is set of providers, for programs without a window, and what of the settings file could not be read: that has its default. The
/// file stays as it is.
pub fn provider_settings() -> (Settings, Option<Damaged>) {
    let environment = Environment::of_process();
    let Some(folders) = Folders::of_platform() else { return (Preferences::default().provider_settings(environment), None) };
    let (preferences, read) = read_preferences(&folders);
    (preferences.provider_settings(environment), read.err())
}

/// Writes the preferences.
///
/// # Errors
/// Where the folder cannot be made or written.
pub fn keep_preferences(folders: &Folders, preferences: &Preferences) -> anyhow::Result<()> {
    std::fs::create_dir_all(&folders.config).with_context(|| format!("{} cannot be made", folders.config.display()))?;
    Ok(save_atomically(&folders.preferences(), preferences.write().as_bytes(), Backup::None)?)
}

/// What became of a file since it looked like this; `None`: nothing. A file that was written again with the same content
/// has not changed.
pub fn look(path: &Path, stamp: &Stamp) -> Option<DiskChange> {
    let modified = std::fs::metadata(path).and_then(|data| data.modified()).ok();
    if modified.is_some() && modified == stamp.modified {
        return None;
    }
    let bytes = match read_bounded(path, layout::BYTES_MAX as u64) {
        Ok(bytes) => bytes,
        Err(error) => return Some(DiskChange::Gone(error.to_string())),
    };
    let content = Fingerprint::of(&bytes);
    if content == stamp.content {
        return None;
    }
    Some(match layout::read_bytes(&bytes) {
        Ok(_) => DiskChange::Written(content),
        Err(problems) => DiskChange::Unreadable(content, problems.first().map(ToString::to_string).unwrap_or_default()),
    })
}

/// Entries of a folder that our own file chooser shows.
const LISTED_MAX: usize = 2000;

/// What is in a folder; an empty path is the user's own.
pub fn list(folder: &Path) -> super::Listing {
    let home = || directories::UserDirs::new().map(|dirs| dirs.document_dir().unwrap_or_else(|| dirs.home_dir()).to_owned());
    let folder = if folder.as_os_str().is_empty() { home().unwrap_or_else(|| PathBuf::from("/")) } else { folder.to_owned() };
    let mut listing = super::Listing { folder, ..super::Listing::default() };
    match std::fs::read_dir(&listing.folder) {
        Ok(entries) => {
            for entry in entries.flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.starts_with('.') {
                    continue;
                }
                let list = if entry.path().is_dir() { &mut listing.folders } else { &mut listing.files };
                list.push(name);
            }
            for list in [&mut listing.folders, &mut listing.files] {
                list.sort_by_cached_key(|name| (name.to_lowercase(), name.clone()));
                listing.more += list.len().saturating_sub(LISTED_MAX);
                list.truncate(LISTED_MAX);
            }
        }
        Err(error) => listing.problem = format!("This folder cannot be listed: {error}"),
    }
    listing
}

/// Where a file's lab is deployed, as `--on` takes it. What cannot be read is said where the lab is looked at.
fn deployed_on(state: &StateFolder, path: &Path) -> Option<String> {
    let located = labs::locate(state, &path.canonicalize().ok()?).ok()?;
    located.deployed.map(|deployed| deployed.on.to_string())
}

/// Creates a folder, and lists it; where it cannot be created, the one around it, with the reason.
pub fn create_folder(folder: &Path) -> super::Listing {
    match std::fs::create_dir(folder) {
        Ok(()) => list(folder),
        Err(error) => {
            let mut listing = list(folder.parent().unwrap_or(folder));
            listing.problem = format!("{} cannot be created: {error}", folder.display());
            listing
        }
    }
}

/// Reads a lab.
pub fn read(path: PathBuf) -> Event {
    // A name on the command line is relative to a folder that the file chooser and the next start do not know.
    let path = std::path::absolute(&path).unwrap_or(path);
    match read_lab(&path) {
        Ok((lab, stamp)) => {
            let on = StateFolder::of_user().ok().and_then(|state| deployed_on(&state, &path));
            Event::Read { path, lab: Box::new(lab), stamp, on }
        }
        Err(error) => Event::NotRead { why: super::in_words(&error), path },
    }
}

/// Reads a lab for its picture, and lays it out.
pub fn preview(path: PathBuf) -> Event {
    let drawn = read_lab(&path).map(|(lab, _)| Arc::new(Thumbnail::new(&lab))).map_err(|error| super::in_words(&error));
    Event::Previewed(path, drawn)
}

fn read_lab(path: &Path) -> anyhow::Result<(Lab, Stamp)> {
    let name = || path.display().to_string();
    let bytes = read_bounded(path, layout::BYTES_MAX as u64)?;
    let lab = layout::read_bytes(&bytes).map_err(|problems| {
        let first = problems.first().map(ToString::to_string).unwrap_or_default();
        let more = match problems.len() {
            0 | 1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        anyhow::anyhow!("{}: {first}{more}", name())
    })?;
    Ok((lab, Stamp::of(path, &bytes)))
}

/// Writes a lab where the permit covers what is there.
pub fn write(path: PathBuf, lab: &Lab, state_id: u64, permit: Permit, what: FileUse) -> Event {
    match save_layout(&path, lab, permit) {
        Ok(stamp) => Event::Written { path, stamp, state_id },
        Err(SaveError::Exists { content, .. }) => Event::Exists { what, path, content },
        Err(SaveError::Changed(_)) => match permit {
            // It was written while the user was being asked about it.
            Permit::Unchanged(content) => match look(&path, &Stamp { modified: None, content }) {
                Some(change) => Event::NotSaved(path, change),
                None => Event::NotWritten { path, why: "it is being written by another program; try again".to_owned() },
            },
            _ => Event::NotWritten { path, why: "it is being written by another program; try again".to_owned() },
        },
        Err(error) => Event::NotWritten { why: error.to_string(), path },
    }
}

/// Writes an export where the permit covers what is there.
pub fn write_export(path: PathBuf, bytes: &[u8], permit: Permit, what: FileUse) -> Event {
    match save_export(&path, bytes, permit) {
        Ok(()) => Event::Exported(path),
        Err(SaveError::Exists { content, .. }) => Event::Exists { what, path, content },
        Err(error) => Event::Failed(format!("Not exported: {error}")),
    }
}

/// What keeps the open lab against a crash, and the labs that were left behind.
#[derive(Debug)]
pub struct Keeper {
    folder: PathBuf,
    /// Taken with the first copy that is kept.
    slot: Option<AutosaveSlot>,
    left_behind: Vec<Recoverable>,
}

impl Keeper {
    /// A keeper in the user's folder.
    pub fn new(folders: &Folders) -> Self {
        Self { folder: folders.state.clone(), slot: None, left_behind: Vec::new() }
    }

    /// Keeps a copy of a lab.
    ///
    /// # Errors
    /// Where the folder cannot be made or written.
    pub fn keep(&mut self, path: Option<&Path>, base: Option<Fingerprint>, lab: &Lab) -> anyhow::Result<()> {
        let slot = match self.slot.take() {
            Some(slot) => slot,
            None => AutosaveSlot::open(&self.folder)?,
        };
        Ok(self.slot.insert(slot).keep(path, base, &layout::write(lab))?)
    }

    /// The copy is not needed any more.
    pub fn clear(&self) {
        if let Some(slot) = &self.slot {
            // What cannot be removed is offered once more, which loses nothing.
            let _ = slot.clear();
        }
    }

    /// The labs that runs left behind which did not end well, the latest first. Those of a run that goes on are its own.
    pub fn recoveries(&mut self) -> Vec<Recovery> {
        self.left_behind = recoverable(&self.folder);
        let recovery = |left: &Recoverable| {
            let lab = layout::read(&left.text).ok()?;
            // Where the file is still what the changes were made to, it looks to the next save as it does now.
            let stamp = left.base.map(|content| {
                let now =
                    left.original.as_deref().and_then(|path| Some(Stamp::of(path, &read_bounded(path, layout::BYTES_MAX as u64).ok()?)));
                now.filter(|now| now.content == content).unwrap_or(Stamp { modified: None, content })
            });
            Some(Recovery { lab, path: left.original.clone(), stamp, kept: left.kept, autosave: left.slot().to_owned() })
        };
        self.left_behind.iter().filter_map(recovery).collect()
    }

    /// Removes a copy that a run left behind.
    pub fn discard(&mut self, autosave: &Path) {
        for left in self.left_behind.extract_if(.., |left| left.slot() == autosave) {
            // As above.
            let _ = left.discard();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_settings_file_is_set_aside_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::below(folder.path());
        assert_eq!(preferences(&folders), (Preferences::default(), None), "no file is no damage");
        std::fs::create_dir_all(&folders.config).unwrap();
        let (file, text) = (folders.preferences(), "(theme: dark, palette_open: 3)");
        std::fs::write(&file, text).unwrap();
        assert!(read_preferences(&folders).1.unwrap_err().to_string().contains("window.ron cannot be read: palette_open"));
        let (read, told) = preferences(&folders);
        assert_eq!(read.theme, crate::look::Preference::Dark);
        assert!(told.is_some_and(|told| told.contains("palette_open") && told.contains("window.ron.bad")));
        assert_eq!(std::fs::read_to_string(file.with_extension("ron.bad")).unwrap(), text);
        assert!(!file.exists());
        keep_preferences(&folders, &read).unwrap();
        assert_eq!(preferences(&folders), (read, None));
        // A folder in its place is kept, too.
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        std::fs::remove_file(file.with_extension("ron.bad")).unwrap();
        assert!(preferences(&folders).1.is_some() && file.with_extension("ron.bad").is_dir());
    }

    #[test]
    fn a_deployed_lab_is_read_with_its_provider() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::at(folder.path().join("state"));
        let path = folder.path().join("a.ron");
        write(path.clone(), &Lab::new("a"), 1, Permit::New, FileUse::Save);
        assert_eq!(deployed_on(&state, &path), None);
        let file = path.canonicalize().unwrap();
        let locked = labs::locate(&state, &file).unwrap().folder.lock(crate::host::state::Wait::No).unwrap();
        let on = crate::session::ProviderId::Incus(None);
        crate::session::Deployed { file, name: "a".into(), on, since_ms: None, attached: false }.write(&locked).unwrap();
        assert_eq!(deployed_on(&state, &path).as_deref(), Some("incus"));
    }

    #[test]
    fn a_written_lab_reads_back_and_the_last_good_copy_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ron");
        for name in ["first", "second"] {
            assert!(matches!(
                write(path.clone(), &Lab::new(name), 7, Permit::Confirmed, FileUse::Save),
                Event::Written { state_id: 7, .. }
            ));
        }
        let Event::Read { lab, .. } = read(path) else { panic!("not read") };
        assert_eq!(lab.name, "second");
        let Event::Read { lab, .. } = read(folder.path().join("a.ron~")) else { panic!("not read") };
        assert_eq!(lab.name, "first");
    }

    #[test]
    fn a_preview_is_the_lab_of_a_file_or_why_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let (path, garbage) = (folder.path().join("a.ron"), folder.path().join("garbage.ron"));
        std::fs::write(&path, layout::write(&Lab::new("a"))).unwrap();
        std::fs::write(&garbage, "not a lab").unwrap();
        let Event::Previewed(of, Ok(drawn)) = preview(path.clone()) else { panic!("not read") };
        assert_eq!((of, drawn.lab().name.as_str()), (path, "a"));
        let Event::Previewed(_, Err(why)) = preview(garbage) else { panic!("read") };
        assert!(why.contains("garbage.ron: "), "{why}");
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let garbage = folder.path().join("garbage.ron");
        std::fs::write(&garbage, "not a lab").unwrap();
        for (path, why) in
            [(folder.path().to_owned(), "is a folder"), (folder.path().join("gone.ron"), "does not exist"), (garbage, "garbage.ron: ")]
        {
            let Event::NotRead { why: said, .. } = read(path) else { panic!("read") };
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn what_could_not_be_read_back_is_not_written_and_comments_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ron");
        let mut lab = Lab::new("shop");
        std::fs::write(&path, format!("// Ours since spring.\n{}", layout::write(&lab))).unwrap();
        lab.about = "changed".into();
        assert!(matches!(write(path.clone(), &lab, 1, Permit::Confirmed, FileUse::Save), Event::Written { .. }));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("// Ours since spring.") && text.contains("changed"), "{text}");
        let node = crate::model::Node { disk: 0, ..crate::model::Node::new(crate::model::Role::Database) };
        lab.nodes.insert("db1".parse().unwrap(), node);
        let Event::NotWritten { why, .. } = write(path.clone(), &lab, 2, Permit::Confirmed, FileUse::Save) else { panic!("written") };
        assert!(why.contains("disk is in GiB"), "{why}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn what_became_of_the_open_file_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ron");
        std::fs::write(&path, layout::write(&Lab::new("a"))).unwrap();
        let Event::Read { stamp, .. } = read(path.clone()) else { panic!("not read") };
        // Looked at as if it had been written again, since a test is faster than the clock of a file system.
        let stamp = Stamp { modified: None, ..stamp };
        assert_eq!(look(&path, &stamp), None, "the same content is no change");
        std::fs::write(&path, layout::write(&Lab::new("b"))).unwrap();
        assert!(matches!(look(&path, &stamp), Some(DiskChange::Written(_))));
        std::fs::write(&path, "garbage").unwrap();
        assert!(matches!(look(&path, &stamp), Some(DiskChange::Unreadable(..))));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(look(&path, &stamp), Some(DiskChange::Gone(_))));
    }

    #[test]
    fn a_folder_is_created_listed_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let labs = folder.path().join("labs");
        assert_eq!((create_folder(&labs).folder, create_folder(&labs).problem.is_empty()), (labs.clone(), false));
        std::fs::write(labs.join("b.ron"), "").unwrap();
        std::fs::write(labs.join("A.svg"), "").unwrap();
        assert_eq!(list(&labs).files, ["A.svg", "b.ron"]);
    }

    #[test]
    fn a_recovered_lab_knows_whether_its_file_is_still_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (folders, path) = (Folders::below(folder.path()), folder.path().join("a.ron"));
        std::fs::write(&path, "old").unwrap();
        let base = Fingerprint::of(b"old");
        let mut dead = Keeper::new(&folders);
        dead.keep(Some(&path), Some(base), &Lab::new("changed")).unwrap();
        drop(dead);
        let stamp = |keeper: &mut Keeper| keeper.recoveries().first().and_then(|it| it.stamp).unwrap();
        let mut keeper = Keeper::new(&folders);
        assert_eq!(look(&path, &stamp(&mut keeper)), None);
        std::fs::write(&path, "other").unwrap();
        let stamp = stamp(&mut keeper);
        assert_eq!((stamp.content, look(&path, &stamp).is_some()), (base, true));
    }

    #[test]
    fn a_lab_of_this_run_is_not_offered_and_one_of_a_dead_run_is() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::below(folder.path());
        let mut dead = Keeper::new(&folders);
        dead.keep(Some(Path::new("/x/shop.ron")), None, &Lab::new("shop")).unwrap();
        let mut next = Keeper::new(&folders);
        assert!(next.recoveries().is_empty(), "its owner lives");
        drop(dead);
        let found = next.recoveries();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].lab.name.as_str(), found[0].path.as_deref()), ("shop", Some(Path::new("/x/shop.ron"))));
        next.keep(None, None, &Lab::new("other")).unwrap();
        next.discard(&found[0].autosave);
        next.clear();
        drop(next);
        assert!(Keeper::new(&folders).recoveries().is_empty());
    }
}
