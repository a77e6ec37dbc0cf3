//! qcow2: may have a backing file, and may keep its data in another file.

use super::{Section, big};

pub(super) const MAGIC: &[u8] = b"QFI\xfb";
/// Features without which an image cannot be read and that name no file: it was not closed, other compression, smaller clusters.
const HARMLESS: u64 = 1 | 1 << 3 | 1 << 4;
const DATA_FILE: u64 = 1 << 2;
const DATA_FILE_NAME: u64 = 0x4441_5441;
const BACKING_FORMAT: u64 = 0xe279_2aca;
const EXTENSIONS_MAX: usize = 64;

pub(super) fn check(section: &mut Section<'_>, head: &[u8]) -> Result<(), String> {
    if head.len() < 72 {
        return Err("is damaged or cut off: it ends within its header".to_owned());
    }
    let version = big(head, 4, 4);
    if !(2..=3).contains(&version) {
        return Err(format!("is a qcow image of version {version}; 2 and 3 are accepted"));
    }
    if big(head, 8, 8) != 0 || big(head, 16, 4) != 0 {
        let (offset, length) = (big(head, 8, 8), big(head, 16, 4).min(1023));
        let name = section.at(offset, length).map(|name| format!(" ({:?})", String::from_utf8_lossy(&name))).unwrap_or_default();
        return Err(format!("has a backing file{name}: what is not in it is read from there"));
    }
    if big(head, 32, 4) != 0 {
        return Err("is encrypted".to_owned());
    }
    if version == 2 {
        return extensions(section, 72);
    }
    let features = big(head, 72, 8);
    if features & DATA_FILE != 0 {
        return Err("keeps its data in another file".to_owned());
    }
    if features & !HARMLESS != 0 {
        return Err(format!("needs features that are not known ({features:#x}), or is marked as damaged"));
    }
    let length = big(head, 100, 4);
    if !(104..=4096).contains(&length) {
        return Err("is damaged: its header has no length that can be".to_owned());
    }
    extensions(section, length)
}

/// What follows the header: type, length, bytes up to a multiple of eight; type 0 ends it.
fn extensions(section: &mut Section<'_>, mut at: u64) -> Result<(), String> {
    for _ in 0..EXTENSIONS_MAX {
        let head = section.at(at, 8)?;
        let (kind, length) = (big(&head, 0, 4), big(&head, 4, 4));
        match kind {
            0 => return Ok(()),
            DATA_FILE_NAME => return Err("keeps its data in another file".to_owned()),
            BACKING_FORMAT => return Err("has a backing file".to_owned()),
            _ => at = at.saturating_add(8 + length.next_multiple_of(8)),
        }
    }
    Err("is damaged: its header does not end".to_owned())
}
