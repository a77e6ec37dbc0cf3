//! The copy of an image's file that VirtualBox is given: made from the file that was opened, in the lab's private folder, and judged as
//! it lies there. What happens to the original meanwhile changes nothing.

use super::{Format, Section, format_of};
use crate::host::allowed::hexadecimal;
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

/// How names of such copies begin.
const PREFIX: &str = "image-";
const PIECE: usize = 1 << 18;

/// A copy that goes when it is no longer needed.
pub(in super::super) struct Staged {
    /// The copy.
    pub(in super::super) file: tempfile::NamedTempFile,
    /// What it is.
    pub(in super::super) format: Format,
    /// The sum of the whole file that it was copied from.
    pub(in super::super) sha256: String,
}

/// Why there is no copy.
#[derive(Debug)]
pub(in super::super) enum StageError {
    /// The file is refused; to follow its name in a sentence.
    Refused(String),
    /// It cannot be copied.
    System(io::Error),
}

impl From<io::Error> for StageError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// Copies a part of a file (all of it, or an appliance's disk) and judges the copy.
pub(in super::super) fn stage(file: &mut File, part: (u64, u64), folder: &Path) -> Result<Staged, StageError> {
    let (start, length) = part;
    // Refused before it is copied where it can be; what counts is the look at the copy.
    let format = format_of(&mut Section::new(file, start, length)).map_err(StageError::Refused)?;
    remove_left(folder);
    let mut copy = tempfile::Builder::new().prefix(PREFIX).suffix(format.ending()).tempfile_in(folder)?;
    let sha256 = transfer(file, part, copy.as_file_mut())?;
    let format = format_of(&mut Section::new(copy.as_file_mut(), 0, length)).map_err(StageError::Refused)?;
    Ok(Staged { file: copy, format, sha256 })
}

/// A process that was killed leaves its copy; whoever has the lab to himself removes it.
fn remove_left(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_copy = entry.file_name().to_string_lossy().starts_with(PREFIX) && entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_copy {
            let _stays = std::fs::remove_file(entry.path());
        }
    }
}

/// Copies a part, and sums up the whole. Blocks of zeros become holes.
fn transfer(from: &mut File, (start, length): (u64, u64), to: &mut File) -> io::Result<String> {
    from.seek(SeekFrom::Start(0))?;
    let (mut sum, mut piece, mut at) = (Sha256::new(), vec![0; PIECE], 0_u64);
    let end = start.saturating_add(length);
    loop {
        let count = from.read(&mut piece)?;
        let read = piece.get(..count).unwrap_or_default();
        if read.is_empty() {
            break;
        }
        sum.update(read);
        let after = at + count as u64;
        let (first, last) = (at.clamp(start, end), after.clamp(start, end));
        let bytes = |place: u64| usize::try_from(place - at).unwrap_or(usize::MAX);
        let wanted = read.get(bytes(first)..bytes(last)).unwrap_or_default();
        if wanted.iter().any(|byte| *byte != 0) {
            to.seek(SeekFrom::Start(first - start))?;
            to.write_all(wanted)?;
        }
        at = after;
    }
    if at < end {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter while it was copied"));
    }
    to.set_len(length)?;
    to.flush()?;
    Ok(hexadecimal(&sum.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_the_part_that_was_asked_for_and_the_sum_is_the_wholes() {
        let top = tempfile::tempdir().unwrap();
        let mut raw = vec![0_u8; 3 * PIECE];
        raw[510..512].copy_from_slice(&[0x55, 0xaa]);
        raw[2 * PIECE + 5] = 7;
        let whole = [b"head".repeat(128), raw.clone(), b"tail".to_vec()].concat();
        let path = top.path().join("a");
        std::fs::write(&path, &whole).unwrap();
        std::fs::write(top.path().join("image-left.vdi"), "of a process that was killed").unwrap();
        let mut file = File::open(&path).unwrap();
        let staged = stage(&mut file, (512, raw.len() as u64), top.path()).unwrap();
        assert_eq!(std::fs::read(staged.file.path()).unwrap(), raw);
        assert_eq!((staged.format, staged.sha256), (Format::Raw, hexadecimal(&Sha256::digest(&whole))));
        assert!(!top.path().join("image-left.vdi").exists());
        let name = staged.file.path().to_owned();
        drop(staged.file);
        assert!(!name.exists());
        assert!(matches!(stage(&mut file, (0, 100), top.path()), Err(StageError::Refused(_))));
        assert!(matches!(stage(&mut file, (512, u64::MAX), top.path()), Err(StageError::Refused(_))));
    }
}
