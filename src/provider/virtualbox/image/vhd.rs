//! VHD: a footer at the end, for all but fixed disks a copy of it at the beginning and a second header, which may name a parent.

use super::{SECTOR, Section, big};

pub(super) const COOKIE: &[u8] = b"conectix";
const FIXED: u64 = 2;
const DYNAMIC: u64 = 3;

pub(super) fn check(section: &mut Section<'_>, head: &[u8], tail: &[u8]) -> Result<(), String> {
    if !tail.starts_with(COOKIE) {
        return Err("is damaged or cut off: it is a VHD without its end".to_owned());
    }
    match big(tail, 60, 4) {
        FIXED if !head.starts_with(COOKIE) => Ok(()),
        FIXED => Err("is damaged: the headers at its beginning and at its end differ".to_owned()),
        DYNAMIC => {
            // Readers take the one or the other.
            if head.get(..512) != Some(tail) {
                return Err("is damaged: the headers at its beginning and at its end differ".to_owned());
            }
            second_header(&section.at(big(tail, 16, 8), 2 * SECTOR)?)
        }
        4 => Err("is a difference to another disk".to_owned()),
        other => Err(format!("is a VHD of an unknown kind ({other})")),
    }
}

/// The parent's UUID, time and name, and the places that lead to it: all empty.
fn second_header(bytes: &[u8]) -> Result<(), String> {
    if !bytes.starts_with(b"cxsparse") {
        return Err("is damaged: its second header is missing".to_owned());
    }
    if bytes.get(40..768).is_none_or(|parent| parent.iter().any(|byte| *byte != 0)) {
        return Err("is a difference to another disk, which it names".to_owned());
    }
    Ok(())
}
