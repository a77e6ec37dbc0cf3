//! A file that a document names, opened without leaving the document's folder: no absolute path, no `..`, no symbolic link on the way,
//! and nothing but an ordinary file. A device, a pipe or a socket is never opened, and no check can be outrun: each component is opened
//! relative to the one before.

use std::{
    fs::{self, File},
    io,
    path::{Component, Path, PathBuf},
};

/// Where a name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// To a place below the folder, by plain components only.
    Below(PathBuf),
    /// Out of the folder.
    Outside {
        /// The file that it leads to, without links; as written where it does not exist.
        file: PathBuf,
        /// How it leaves, to follow the name in a sentence: `is an absolute path`.
        how: String,
    },
}

/// Where a name leads, seen from a folder.
pub fn locate(folder: &Path, name: &str) -> Location {
    let joined = folder.join(name);
    let outside = |how: String| Location::Outside { file: joined.canonicalize().unwrap_or_else(|_| joined.clone()), how };
    let mut below = PathBuf::new();
    for component in Path::new(name).components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => {
                below.push(part);
                if fs::symlink_metadata(folder.join(&below)).is_ok_and(|about| about.file_type().is_symlink()) {
                    return outside(format!("goes through the symbolic link {}", below.display()));
                }
            }
            Component::ParentDir => return outside("leaves the layout's folder by ..".to_owned()),
            Component::RootDir | Component::Prefix(_) => return outside("is an absolute path".to_owned()),
        }
    }
    Location::Below(below)
}

/// A file that a document names, open.
#[derive(Debug)]
pub struct Named {
    /// Where it is, without links.
    pub path: PathBuf,
    /// It.
    pub file: File,
    /// How its name leaves the folder, to follow it in a sentence; `None`: it does not.
    pub leaves: Option<String>,
}

/// Opens an ordinary file that a document in a folder names, wherever that leads; who uses it looks at [`Named::leaves`].
///
/// # Errors
/// Where it does not exist, is not an ordinary file, or became something else meanwhile.
pub fn open_named(folder: &Path, name: &str) -> io::Result<Named> {
    match locate(folder, name) {
        Location::Below(below) => {
            let file = open_below(folder, &below)?;
            let path = folder.join(&below);
            Ok(Named { path: path.canonicalize().unwrap_or(path), file, leaves: None })
        }
        Location::Outside { file: path, how } => Ok(Named { file: open_canonical(&path)?, path, leaves: Some(how) }),
    }
}

/// Opens an ordinary file below a folder for reading.
///
/// # Errors
/// Where it does not exist, is not an ordinary file, or a component of the path is a link or no folder.
pub fn open_below(folder: &Path, below: &Path) -> io::Result<File> {
    let plain = below.components().all(|component| matches!(component, Component::Normal(_)));
    let (Some(name), true) = (below.file_name(), plain) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it names no file below the folder"));
    };
    let file = open_last(folder, below.parent().unwrap_or(Path::new("")), name)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(not_ordinary()) }
}

/// Opens an ordinary file by an absolute path in which nothing is a link, as `canonicalize` gives it.
///
/// # Errors
/// As [`open_below`].
pub fn open_canonical(path: &Path) -> io::Result<File> {
    let root: PathBuf = path.components().take_while(|part| matches!(part, Component::Prefix(_) | Component::RootDir)).collect();
    let below: PathBuf = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    open_below(&root, &below)
}

fn not_ordinary() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is not an ordinary file (a folder, a device, a pipe or a socket)")
}

#[cfg(unix)]
fn open_last(folder: &Path, parents: &Path, name: &std::ffi::OsStr) -> io::Result<File> {
    use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, statat};
    let into = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = rustix::fs::open(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }, into, Mode::empty())?;
    for part in parents {
        at = openat(&at, part, into | OFlags::NOFOLLOW, Mode::empty())?;
    }
    // Opening some devices does something, so the file is looked at before; what counts is the look after.
    match FileType::from_raw_mode(statat(&at, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode) {
        FileType::RegularFile => {}
        FileType::Symlink => return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a symbolic link")),
        _ => return Err(not_ordinary()),
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(File::from(openat(&at, name, flags, Mode::empty())?))
}

#[cfg(not(unix))]
fn open_last(folder: &Path, parents: &Path, name: &std::ffi::OsStr) -> io::Result<File> {
    let mut at = folder.to_owned();
    for part in parents.iter().chain([name]) {
        at.push(part);
        if fs::symlink_metadata(&at)?.file_type().is_symlink() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} is a symbolic link", at.display())));
        }
    }
    if fs::metadata(&at)?.is_file() { File::open(at) } else { Err(not_ordinary()) }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn outside(folder: &Path, name: &str) -> (PathBuf, String) {
        match locate(folder, name) {
            Location::Outside { file, how } => (file, how),
            Location::Below(below) => panic!("{name} is below: {below:?}"),
        }
    }

    #[test]
    fn names_stay_below_the_folder_or_are_said_to_leave_it() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path().canonicalize().unwrap();
        let folder = top.join("layout");
        fs::create_dir_all(folder.join("images")).unwrap();
        fs::write(top.join("secret"), "x").unwrap();
        fs::write(folder.join("images/a.vdi"), "x").unwrap();
        symlink("../../secret", folder.join("images/link.vdi")).unwrap();
        symlink("..", folder.join("up")).unwrap();
        assert_eq!(locate(&folder, "./images/a.vdi"), Location::Below("images/a.vdi".into()));
        assert_eq!(locate(&folder, "images/missing.vdi"), Location::Below("images/missing.vdi".into()));
        let secret = top.join("secret");
        for (name, how) in [
            (secret.to_str().unwrap(), "absolute"),
            ("../secret", "leaves"),
            ("images/../../secret", "leaves"),
            ("images/link.vdi", "link images/link.vdi"),
            ("up/secret", "link up"),
        ] {
            let (file, said) = outside(&folder, name);
            assert_eq!(file, secret, "{name}");
            assert!(said.contains(how), "{name}: {said}");
        }
    }

    #[test]
    fn only_an_ordinary_file_without_links_is_opened() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().canonicalize().unwrap();
        fs::create_dir(folder.join("real")).unwrap();
        fs::write(folder.join("real/a"), "x").unwrap();
        symlink("real", folder.join("alias")).unwrap();
        symlink("a", folder.join("real/link")).unwrap();
        let fifo = std::process::Command::new("mkfifo").arg(folder.join("real/fifo")).status().unwrap();
        assert!(fifo.success());
        let _socket = std::os::unix::net::UnixListener::bind(folder.join("real/socket")).unwrap();
        assert!(open_below(&folder, Path::new("real/a")).is_ok());
        assert!(open_canonical(&folder.join("real/a")).is_ok());
        for name in ["alias/a", "real/link", "real/fifo", "real/socket", "real", "../x", "", "real/missing"] {
            assert!(open_below(&folder, Path::new(name)).is_err(), "{name}");
        }
        assert!(open_canonical(&folder.join("alias/a")).is_err());
        assert_eq!(open_named(&folder, "alias/a").unwrap().leaves.unwrap(), "goes through the symbolic link alias");
        assert_eq!(open_named(&folder, "real/./a").unwrap().path, folder.join("real/a"));
        assert!(open_named(&folder, "real/fifo").is_err());
        let device = open_canonical(Path::new("/dev/null")).unwrap_err();
        assert!(device.to_string().contains("device"), "{device}");
    }
}
