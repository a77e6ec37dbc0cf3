//! Files: read with a bound, and saved so that a crash leaves the old one or the new one and never half of one.
//!
//! Knows nothing of layouts: it moves bytes.

use super::durable;
use std::{
    ffi::OsString,
    fmt,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    str::FromStr,
};

/// Why a file could not be read or saved.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is not there.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// It is a folder.
    #[error("{} is a folder, not a file", .0.display())]
    Folder(PathBuf),
    /// It is a device, a pipe or a socket: reading it could take for ever.
    #[error("{} is not an ordinary file", .0.display())]
    NotOrdinary(PathBuf),
    /// It is larger than what was asked for can be.
    #[error("{} has {} MiB; at most {} MiB are read", path.display(), bytes.div_ceil(MIB), bytes_max / MIB)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The bound.
        bytes_max: u64,
    },
    /// It may not be changed.
    #[error("{} is read-only; save under another name, or allow writing to it", .0.display())]
    ReadOnly(PathBuf),
    /// It exists, and nothing allows replacing it.
    #[error("{} exists", .0.display())]
    Exists(PathBuf),
    /// It is a link to something that does not exist: a new file would appear elsewhere than was named.
    #[error("{} is a link to {}, which does not exist; remove the link, or name another file", link.display(), target.display())]
    LinkToNothing {
        /// The link.
        link: PathBuf,
        /// What it leads to.
        target: PathBuf,
    },
    /// It does not hold what it held when it was read.
    #[error("{} has changed on disk since it was read", .0.display())]
    Changed(PathBuf),
    /// The system refused.
    #[error("cannot {doing} {}: {cause}", path.display())]
    System {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        cause: Cause,
    },
}

const MIB: u64 = 1024 * 1024;

/// What the system says, once. Libraries wrap an error in others that repeat its text, so only the innermost is kept, and
/// it is no `source` of the error that shows it.
#[derive(Debug)]
pub struct Cause(String);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        let mut innermost: &dyn std::error::Error = &error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Self(innermost.to_string())
    }
}

pub(super) fn system(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |error| match error.kind() {
        io::ErrorKind::NotFound if doing == "read" => FileError::Missing(path.to_owned()),
        _ => FileError::System { doing, path: path.to_owned(), cause: error.into() },
    }
}

/// What a file holds, in a few bytes. It tells accidental changes apart, not malicious ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    bytes: u64,
    hash: u64,
}

impl Fingerprint {
    /// Of these bytes: their number and an FNV-1a hash, the same in every version of the program.
    pub fn of(content: &[u8]) -> Self {
        let hash = content.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
        Self { bytes: content.len() as u64, hash }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:016x}", self.bytes, self.hash)
    }
}

impl FromStr for Fingerprint {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (bytes, hash) = text.split_once('-').ok_or(())?;
        Ok(Self { bytes: bytes.parse().map_err(drop)?, hash: u64::from_str_radix(hash, 16).map_err(drop)? })
    }
}

/// Which file saving may replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// None: there must be no file of that name, also at the moment at which it appears.
    Never,
    /// One that holds this, as it did when it was read or when the user was asked.
    Unchanged(Fingerprint),
    /// Any: the file belongs to the program, or the user has said so.
    Always,
}

/// Reads an ordinary file of at most this many bytes. A larger one is refused unread.
///
/// # Errors
/// Where it is missing, not an ordinary file, too large, or the system refuses.
pub fn read_bounded(path: &Path, bytes_max: u64) -> Result<Vec<u8>, FileError> {
    let about = fs::metadata(path).map_err(system("read", path))?;
    if about.is_dir() {
        return Err(FileError::Folder(path.to_owned()));
    }
    if !about.is_file() {
        return Err(FileError::NotOrdinary(path.to_owned()));
    }
    let too_large = |bytes| FileError::TooLarge { path: path.to_owned(), bytes, bytes_max };
    if about.len() > bytes_max {
        return Err(too_large(about.len()));
    }
    let file = File::open(path).map_err(system("read", path))?;
    let mut bytes = Vec::with_capacity(usize::try_from(about.len()).unwrap_or(0));
    // It may have grown since it was looked at.
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(system("read", path))?;
    let read = bytes.len() as u64;
    if read > bytes_max { Err(too_large(read)) } else { Ok(bytes) }
}

/// The name of the last good copy that [`save_atomically`] keeps beside a file: `lab.ron~`.
pub fn backup_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("~");
    PathBuf::from(name)
}

/// Whether saving keeps what was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backup {
    /// As [`backup_of`] the file.
    Keep,
    /// No.
    None,
}

/// Saves a file whole: a temporary one in the same folder, flushed to the disk and renamed. A link stays a link and what
/// it leads to is replaced; permissions stay. Where the file already holds these bytes nothing is written.
///
/// # Errors
/// Where the folder is missing, the file is a folder or read-only, or the system refuses; the old file is then untouched.
pub fn save_atomically(path: &Path, bytes: &[u8], backup: Backup) -> Result<(), FileError> {
    save_guarded(path, bytes, backup, Replace::Always)
}

/// Saves a file as [`save_atomically`] does, but replaces only what it may.
///
/// # Errors
/// As there, and where a file is in the way that may not be replaced; it is then untouched.
pub fn save_guarded(path: &Path, bytes: &[u8], backup: Backup, replace: Replace) -> Result<(), FileError> {
    let target = follow_links(path)?;
    let before = match fs::metadata(&target) {
        Ok(about) if about.is_dir() => return Err(FileError::Folder(target)),
        Ok(about) if !about.is_file() => return Err(FileError::NotOrdinary(target)),
        Ok(about) if about.permissions().readonly() => return Err(FileError::ReadOnly(target)),
        Ok(about) => Some(about),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(system("look at", &target)(error)),
    };
    if before.as_ref().is_some_and(|about| about.len() == bytes.len() as u64) && fs::read(&target).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    match &before {
        Some(_) if replace == Replace::Never => return Err(FileError::Exists(target)),
        None if replace == Replace::Never && target != path => return Err(FileError::LinkToNothing { link: path.to_owned(), target }),
        _ => {}
    }
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut temporary = new_temporary(folder, &target)?;
    if let Some(about) = &before {
        temporary.as_file().set_permissions(about.permissions()).map_err(system("set the permissions of", &target))?;
    }
    durable::fill(&mut temporary, bytes).map_err(system("write to the folder of", &target))?;
    // As late as possible: another program may have written meanwhile.
    if let Replace::Unchanged(expected) = replace
        && !holds(&target, expected)?
    {
        return Err(FileError::Changed(target));
    }
    if before.is_some() && backup == Backup::Keep {
        keep_copy(&target, folder)?;
    }
    if replace == Replace::Never {
        temporary.persist_noclobber(&target).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => FileError::Exists(target.clone()),
            _ => system("create", &target)(error.error),
        })?;
        durable::flush_folder_of(&target);
    } else {
        durable::put(temporary, &target).map_err(system("replace", &target))?;
    }
    Ok(())
}

/// Whether a file still holds what is expected. One that was removed holds nothing that could be lost.
fn holds(target: &Path, expected: Fingerprint) -> Result<bool, FileError> {
    match fs::metadata(target) {
        Ok(about) if about.len() != expected.bytes => Ok(false),
        Ok(_) => Ok(Fingerprint::of(&fs::read(target).map_err(system("read", target))?) == expected),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(system("look at", target)(error)),
    }
}

fn new_temporary(folder: &Path, target: &Path) -> Result<tempfile::NamedTempFile, FileError> {
    let mut prefix = OsString::from(".");
    prefix.push(target.file_name().unwrap_or_default());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".tmp");
    // A new file gets what the user's mask leaves, as any program's new file does.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    durable::temporary(&builder, folder).map_err(system("write to the folder of", target))
}

/// Where a path really leads. A link that leads to nothing yet is followed as well.
fn follow_links(path: &Path) -> Result<PathBuf, FileError> {
    let mut target = path.to_owned();
    for _ in 0..16 {
        match fs::read_link(&target) {
            Ok(next) => target = target.parent().map_or_else(|| next.clone(), |folder| folder.join(&next)),
            // Not a link, or not there: this is it.
            Err(_) => return Ok(target),
        }
    }
    Err(system("follow the links of", path)(io::Error::other("they go round in a circle")))
}

/// Gives the file its second name. The copy appears whole or not at all, and never without its predecessor.
fn keep_copy(target: &Path, folder: &Path) -> Result<(), FileError> {
    let backup = backup_of(target);
    let temporary = new_temporary(folder, &backup)?.into_temp_path();
    let linked = fs::remove_file(&temporary).and_then(|()| fs::hard_link(target, &temporary));
    if linked.is_err() {
        // Not every file system has hard links.
        fs::copy(target, &temporary).map_err(system("keep a copy of", target))?;
    }
    temporary.persist(&backup).map_err(|error| system("keep a copy of", target)(error.error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn saving_replaces_and_keeps_the_last_copy() {
        let folder = folder();
        let path = folder.path().join("lab.ron");
        save_atomically(&path, b"one", Backup::Keep).unwrap();
        assert_eq!(names(folder.path()), ["lab.ron"], "nothing to keep yet");
        save_atomically(&path, b"two", Backup::Keep).unwrap();
        save_atomically(&path, b"two", Backup::Keep).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read(backup_of(&path)).unwrap(), b"one", "saving the same again does not lose the copy");
        save_atomically(&path, b"three", Backup::Keep).unwrap();
        assert_eq!(fs::read(backup_of(&path)).unwrap(), b"two");
        save_atomically(&path, b"four", Backup::None).unwrap();
        assert_eq!(fs::read(backup_of(&path)).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["lab.ron", "lab.ron~"], "no temporary file stays");
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = folder();
        let (real, link) = (folder.path().join("real.ron"), folder.path().join("link.ron"));
        symlink("real.ron", &link).unwrap();
        save_atomically(&link, b"one", Backup::Keep).unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"one", "a link to nothing yet");
        symlink("other.ron", folder.path().join("new.ron")).unwrap();
        let refused = save_guarded(&folder.path().join("new.ron"), b"one", Backup::Keep, Replace::Never).unwrap_err();
        assert!(matches!(refused, FileError::LinkToNothing { .. }) && !folder.path().join("other.ron").exists(), "{refused}");
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        save_atomically(&link, b"two", Backup::Keep).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"two");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        symlink("circle", folder.path().join("circle")).unwrap();
        assert!(save_atomically(&folder.path().join("circle"), b"x", Backup::Keep).unwrap_err().to_string().contains("circle"));
    }

    #[test]
    fn what_cannot_be_saved_is_left_alone() {
        let folder = folder();
        let path = folder.path().join("lab.ron");
        fs::write(&path, "one").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        assert!(matches!(save_atomically(&path, b"two", Backup::Keep), Err(FileError::ReadOnly(_))));
        assert!(matches!(save_atomically(folder.path(), b"two", Backup::Keep), Err(FileError::Folder(_))));
        assert!(matches!(save_atomically(&folder.path().join("no/lab.ron"), b"two", Backup::Keep), Err(FileError::System { .. })));
        assert_eq!(names(folder.path()), ["lab.ron"]);
        assert_eq!(fs::read(&path).unwrap(), b"one");
    }

    #[test]
    fn only_what_may_be_replaced_is_replaced() {
        let folder = folder();
        let path = folder.path().join("lab.ron");
        let save = |bytes: &[u8], replace| save_guarded(&path, bytes, Backup::None, replace);
        save(b"one", Replace::Never).unwrap();
        assert!(matches!(save(b"two", Replace::Never), Err(FileError::Exists(_))));
        assert!(matches!(save(b"two", Replace::Unchanged(Fingerprint::of(b"six"))), Err(FileError::Changed(_))));
        assert_eq!(fs::read(&path).unwrap(), b"one");
        save(b"two", Replace::Unchanged(Fingerprint::of(b"one"))).unwrap();
        fs::remove_file(&path).unwrap();
        save(b"three", Replace::Unchanged(Fingerprint::of(b"two"))).unwrap();
        save(b"four", Replace::Always).unwrap();
        assert_eq!((fs::read(&path).unwrap().as_slice(), names(folder.path())), (b"four".as_slice(), vec!["lab.ron".to_owned()]));
    }

    #[test]
    fn fingerprints_tell_contents_apart_and_read_back() {
        let prints: Vec<Fingerprint> = [&b""[..], b"a", b"b", b"ab"].map(Fingerprint::of).into();
        for (nth, print) in prints.iter().enumerate() {
            assert_eq!(print.to_string().parse(), Ok(*print));
            assert_eq!(prints.iter().position(|other| other == print), Some(nth));
        }
        assert_eq!(("".parse::<Fingerprint>(), "1-z".parse::<Fingerprint>()), (Err(()), Err(())));
    }

    #[test]
    fn an_error_says_its_cause_once() {
        let wrapped = io::Error::new(io::ErrorKind::StorageFull, io::Error::from_raw_os_error(28));
        let error = anyhow::Error::from(system("write to the folder of", Path::new("/x/lab.ron"))(wrapped));
        let text = format!("{error:#}");
        assert_eq!(text.matches("space left").count(), 1, "{text}");
        let full = tempfile::tempdir().unwrap();
        let missing = save_atomically(&full.path().join("no/lab.ron"), b"x", Backup::None).unwrap_err();
        assert_eq!(format!("{:#}", anyhow::Error::from(missing)).matches("os error").count(), 1);
    }

    #[test]
    fn reading_is_bounded() {
        let folder = folder();
        let path = folder.path().join("lab.ron");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read_bounded(&path, 5).unwrap(), b"12345");
        assert!(matches!(read_bounded(&path, 4), Err(FileError::TooLarge { bytes: 5, .. })));
        assert!(matches!(read_bounded(folder.path(), 5), Err(FileError::Folder(_))));
        assert!(matches!(read_bounded(&folder.path().join("none"), 5), Err(FileError::Missing(_))));
        #[cfg(unix)]
        assert!(matches!(read_bounded(Path::new("/dev/zero"), 5), Err(FileError::NotOrdinary(_))));
    }
}
