//! What workers do with files: read, write, keep against a crash, look. Each answers with an event and touches no state.

use super::{Event, Preferences, Recovery, Stamp};
use crate::layout;
use crate::model::Lab;
use anyhow::Context as _;
use std::{
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

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

/// Reads the preferences; the defaults where there are none.
pub fn preferences(folders: &Folders) -> Preferences {
    Preferences::read(&std::fs::read_to_string(folders.preferences()).unwrap_or_default())
}

/// Writes the preferences.
///
/// # Errors
/// Where the folder cannot be made or written.
pub fn keep_preferences(folders: &Folders, preferences: &Preferences) -> anyhow::Result<()> {
    write_whole(&folders.preferences(), preferences.write().as_bytes())
}

/// How a file looks now; `None`: it is not there.
pub fn stamp(path: &Path) -> Option<Stamp> {
    let data = std::fs::metadata(path).ok()?;
    Some(Stamp { modified: data.modified().ok()?, bytes: data.len() })
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
            for entry in entries.flatten().take(LISTED_MAX) {
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.starts_with('.') {
                    continue;
                }
                if entry.path().is_dir() {
                    listing.folders.push(name);
                } else if Path::new(&name).extension().is_some_and(|ending| ending == "ron") {
                    listing.files.push(name);
                }
            }
            listing.folders.sort();
            listing.files.sort();
        }
        Err(error) => listing.problem = format!("This folder cannot be listed: {error}"),
    }
    listing
}

/// Reads a lab.
pub fn read(path: PathBuf) -> Event {
    match read_lab(&path) {
        Ok((lab, stamp)) => Event::Read { path, lab: Box::new(lab), stamp },
        Err(error) => Event::NotRead { why: format!("{error:#}"), path },
    }
}

fn read_lab(path: &Path) -> anyhow::Result<(Lab, Stamp)> {
    let name = || path.display().to_string();
    let file = std::fs::File::open(path).with_context(|| format!("{} cannot be opened", name()))?;
    anyhow::ensure!(file.metadata().is_ok_and(|data| data.is_file()), "{} is no file", name());
    let mut bytes = Vec::new();
    // One byte more than is allowed, so that a larger file is refused without being read.
    file.take(layout::BYTES_MAX as u64 + 1).read_to_end(&mut bytes).with_context(|| format!("{} cannot be read", name()))?;
    let lab = layout::read_bytes(&bytes).map_err(|problems| {
        let first = problems.first().map(ToString::to_string).unwrap_or_default();
        let more = match problems.len() {
            0 | 1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        anyhow::anyhow!("{}: {first}{more}", name())
    })?;
    Ok((lab, stamp(path).with_context(|| format!("{} is gone", name()))?))
}

/// Writes a lab, whole or not at all; the file as it was stays beside it, with `.bak` behind its name.
pub fn write(path: PathBuf, lab: &Lab, state_id: u64) -> Event {
    let previous = std::fs::read_to_string(&path).unwrap_or_default();
    let text = if previous.is_empty() { layout::write(lab) } else { layout::rewrite(lab, &previous) };
    let written = keep_last(&path, &previous, &text).and_then(|()| write_whole(&path, text.as_bytes()));
    match written.and_then(|()| stamp(&path).context("it is gone again")) {
        Ok(stamp) => Event::Written { path, stamp, state_id },
        Err(error) => Event::NotWritten { why: format!("{error:#}"), path },
    }
}

fn keep_last(path: &Path, previous: &str, text: &str) -> anyhow::Result<()> {
    if previous.is_empty() || previous == text {
        return Ok(());
    }
    let mut name = path.file_name().context("this is no file name")?.to_owned();
    name.push(".bak");
    write_whole(&path.with_file_name(name), previous.as_bytes())
}

/// Writes a file whole or not at all: a temporary file beside it, synced, renamed.
pub fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(|| format!("{} cannot be written to", folder.display()))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).with_context(|| format!("{} cannot be replaced", path.display()))?;
    Ok(())
}

/// The autosave of a file: the same for the same file, another for each lab that was never saved in this process.
fn autosave_path(folders: &Folders, path: Option<&Path>) -> PathBuf {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let name = match path {
        Some(path) => {
            let mut hasher = DefaultHasher::new();
            path.hash(&mut hasher);
            format!("{:016x}.ron", hasher.finish())
        }
        None => format!("unsaved-{}.ron", std::process::id()),
    };
    folders.state.join(name)
}

/// Keeps a copy of a lab against a crash. Its first line names the file that it belongs to.
///
/// # Errors
/// Where the folder cannot be made or written.
pub fn autosave(folders: &Folders, path: Option<&Path>, lab: &Lab) -> anyhow::Result<()> {
    let owner = std::process::id();
    let header = format!("//sandtable-autosave {owner} {}\n", path.map(|path| path.display().to_string()).unwrap_or_default());
    let text = header + &layout::write(lab);
    write_whole(&autosave_path(folders, path), text.as_bytes())
}

/// The copy is not needed any more.
pub fn drop_autosave(folders: &Folders, path: Option<&Path>) {
    // It may never have been made.
    let _ = std::fs::remove_file(autosave_path(folders, path));
}

/// Removes a copy that a run left behind.
pub fn drop_recovery(autosave: &Path) {
    let _ = std::fs::remove_file(autosave);
}

/// The labs that runs left behind which did not end well, the latest first. Those of a run that still goes on are its own.
pub fn recoveries(folders: &Folders) -> Vec<Recovery> {
    let Ok(entries) = std::fs::read_dir(&folders.state) else { return Vec::new() };
    let mut found: Vec<Recovery> = entries.flatten().filter_map(|entry| recovery(entry.path())).collect();
    found.sort_by_key(|recovery| std::cmp::Reverse(recovery.kept));
    found
}

fn recovery(autosave: PathBuf) -> Option<Recovery> {
    let kept = stamp(&autosave)?.modified;
    let text = std::fs::read_to_string(&autosave).ok()?;
    let (header, rest) = text.split_once('\n')?;
    let mut words = header.strip_prefix("//sandtable-autosave ")?.splitn(2, ' ');
    let owner: u32 = words.next()?.parse().ok()?;
    if owner == std::process::id() || is_running(owner) {
        return None;
    }
    let path = words.next().filter(|path| !path.is_empty()).map(PathBuf::from);
    Some(Recovery { lab: layout::read(rest).ok()?, path, kept, autosave })
}

/// Whether a process goes on. Where the system has no `/proc`, none is taken to: a lab is rather offered twice than lost.
fn is_running(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/comm")).is_ok_and(|name| name.trim().starts_with("sandtable"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_lab_reads_back_and_the_last_good_copy_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ron");
        for name in ["first", "second"] {
            assert!(matches!(write(path.clone(), &Lab::new(name), 7), Event::Written { state_id: 7, .. }));
        }
        let Event::Read { lab, .. } = read(path) else { panic!("not read") };
        assert_eq!(lab.name, "second");
        let Event::Read { lab, .. } = read(folder.path().join("a.ron.bak")) else { panic!("not read") };
        assert_eq!(lab.name, "first");
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let garbage = folder.path().join("garbage.ron");
        std::fs::write(&garbage, "not a lab").unwrap();
        for (path, why) in
            [(folder.path().to_owned(), "is no file"), (folder.path().join("gone.ron"), "cannot be opened"), (garbage, "garbage.ron: ")]
        {
            let Event::NotRead { why: said, .. } = read(path) else { panic!("read") };
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn an_autosave_of_this_run_is_not_offered_and_one_of_a_dead_run_is() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::below(folder.path());
        autosave(&folders, Some(Path::new("/x/shop.ron")), &Lab::new("shop")).unwrap();
        assert!(recoveries(&folders).is_empty());
        let file = autosave_path(&folders, Some(Path::new("/x/shop.ron")));
        let text = std::fs::read_to_string(&file).unwrap().replacen(&std::process::id().to_string(), &u32::MAX.to_string(), 1);
        std::fs::write(&file, text).unwrap();
        let found = recoveries(&folders);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].lab.name.as_str(), found[0].path.as_deref()), ("shop", Some(Path::new("/x/shop.ron"))));
        drop_recovery(&found[0].autosave);
        assert!(recoveries(&folders).is_empty());
    }
}
