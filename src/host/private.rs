//! What is for the user alone: how its files are opened, its folders made, and which folders are refused.

use super::{
    durable,
    state::{STATE_VARIABLE, StateError, failed},
};
use std::{
    fs::{self, OpenOptions},
    path::Path,
};

/// Opens files that only the user can read.
#[cfg(unix)]
pub(super) fn private() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(not(unix))]
pub(super) fn private() -> OpenOptions {
    OpenOptions::new()
}

/// Makes a folder that only the user can read, and those above it that are missing, on the disk when this returns.
pub(super) fn make_folder(path: &Path) -> Result<(), StateError> {
    if path.is_dir() {
        return Ok(());
    }
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()).collect();
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(failed("make", path))?;
    missing.into_iter().for_each(durable::flush_folder_of);
    Ok(())
}

/// Refuses a root that others can replace or write to, as ssh does with its folder: it holds keys, and what it says is removed.
#[cfg(unix)]
pub(super) fn check_private(root: &Path) -> Result<(), StateError> {
    use std::os::unix::fs::MetadataExt;
    let Ok(found) = fs::symlink_metadata(root) else { return Ok(()) };
    let refuse = |why: String, next: String| Err(StateError::Unsafe { path: root.to_owned(), why, next });
    let us = rustix::process::geteuid();
    if found.is_symlink() {
        return refuse("is a symbolic link".into(), format!("set {STATE_VARIABLE} to the folder that it leads to"));
    }
    if !found.is_dir() {
        return refuse("is not a folder".into(), format!("set {STATE_VARIABLE} to one, or move the file away"));
    }
    if found.uid() != us.as_raw() && !us.is_root() {
        return refuse("belongs to another user".into(), format!("set {STATE_VARIABLE} to a folder of your own"));
    }
    if found.mode() & 0o022 != 0 {
        return refuse(
            format!("can be written to by other users (mode {:03o})", found.mode() & 0o777),
            format!("take that away: chmod go-w {}", root.display()),
        );
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn check_private(_root: &Path) -> Result<(), StateError> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_root_that_others_can_change_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let says = |path: &Path| check_private(path).map_err(|error| error.to_string());
        assert_eq!(says(root.path()), Ok(()));
        assert_eq!(says(&root.path().join("not yet there")), Ok(()));
        let link = root.path().join("link");
        std::os::unix::fs::symlink(root.path(), &link).unwrap();
        assert!(says(&link).unwrap_err().contains("is a symbolic link"));
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(says(root.path()).unwrap_err().contains("chmod go-w"));
    }
}
