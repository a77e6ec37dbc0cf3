//! Durable writes: what is written here survives a power cut once the call returns. The one home for it.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};
use tempfile::NamedTempFile;

/// Makes a temporary file in a folder.
///
/// # Errors
/// Where the system refuses.
pub(super) fn temporary(builder: &tempfile::Builder<'_, '_>, folder: &Path) -> io::Result<NamedTempFile> {
    builder.tempfile_in(folder).map_err(bare)
}

/// The system's own words: tempfile adds the path, which callers name already.
fn bare(error: io::Error) -> io::Error {
    let text = error.to_string();
    match text.split_once(" at path ") {
        Some((words, _)) => io::Error::new(error.kind(), words.to_owned()),
        None => error,
    }
}

/// Writes a temporary file whole and flushes it to the disk.
///
/// # Errors
/// Where the system refuses.
pub(super) fn fill(file: &mut NamedTempFile, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.as_file().sync_all()
}

/// Renames a temporary file to its target, and flushes the folder that holds both.
///
/// # Errors
/// Where the system refuses; the target is then untouched.
pub(super) fn put(file: NamedTempFile, target: &Path) -> io::Result<()> {
    file.persist(target).map_err(|error| error.error)?;
    flush_folder_of(target);
    Ok(())
}

/// Flushes the folder of a path: a name that was made, renamed or removed is on the disk when its folder is. Not every file
/// system can do this; where it cannot, a rename is still atomic.
pub(super) fn flush_folder_of(path: &Path) {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    #[cfg(unix)]
    if let Ok(folder) = File::open(folder) {
        let _best_effort = folder.sync_all();
    }
    #[cfg(not(unix))]
    let _: (&Path, Option<File>) = (folder, None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_its_cause_once() {
        let nowhere = tempfile::tempdir().unwrap().path().join("gone");
        let error = temporary(&tempfile::Builder::new(), &nowhere).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(!error.to_string().contains("at path"), "{error}");
    }
}
