//! VMDK: a sparse file with its descriptor inside, or a descriptor alone, a text that names any files as the disk's content.

use super::{SECTOR, Section, little};

pub(super) const MAGIC: &[u8] = b"KDMV";
/// Where a stream's header says that its directory is told by another header at the end.
const AT_END: u64 = u64::MAX;
/// Keys of a descriptor that name nothing outside of it; besides those of the disk database, `ddb.…`.
const PLAIN_KEYS: [&str; 4] = ["version", "encoding", "CID", "isNativeSnapshot"];

/// Whether a file is a descriptor alone. VirtualBox wants its first line as VMware writes it; here its first words are enough.
pub(super) fn is_descriptor(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head.get(..64).unwrap_or(head)).to_lowercase();
    text.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}' || letter == '#').starts_with("disk desc")
}

/// Why a descriptor alone is refused, with the files that it names.
pub(super) fn of_descriptor(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head);
    let names: Vec<String> = text.lines().filter_map(extent).map(|extent| format!("{:?}", extent.file)).take(4).collect();
    let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
    format!("is a VMDK descriptor: a text that names other files of this machine as the disk's content{names}")
}

struct Extent<'a> {
    kind: &'a str,
    file: &'a str,
}

/// A line that says where a part of the disk is: `RW 4192256 SPARSE "disk.vmdk"`.
fn extent(line: &str) -> Option<Extent<'_>> {
    let mut words = line.trim().splitn(4, char::is_whitespace);
    let access = words.next()?;
    if !["rw", "rdonly", "noaccess"].contains(&access.to_lowercase().as_str()) {
        return None;
    }
    let (_sectors, kind, rest) = (words.next()?, words.next()?, words.next().unwrap_or_default());
    Some(Extent { kind, file: rest.split('"').nth(1).unwrap_or(rest) })
}

/// Accepts a sparse file whose descriptor says that all of it is in this file.
pub(super) fn check(section: &mut Section<'_>, head: &[u8]) -> Result<(), String> {
    let at = header(head)?;
    check_descriptor(&descriptor(section, at)?)?;
    // The header at the end of a stream is the one that counts there, and it too says where the descriptor is.
    if little(head, 56, 8) == AT_END {
        let end = section.length.checked_sub(2 * SECTOR).ok_or("is damaged or cut off: it has no header at its end")?;
        let foot = section.at(end, SECTOR)?;
        if !foot.starts_with(MAGIC) || header(&foot)? != at {
            return Err("is damaged: the headers at its beginning and at its end differ".to_owned());
        }
    }
    Ok(())
}

/// Where the descriptor is, in bytes: place and length.
fn header(bytes: &[u8]) -> Result<(u64, u64), String> {
    let version = little(bytes, 4, 4);
    if !(1..=3).contains(&version) {
        return Err(format!("is a VMDK of an unknown version ({version})"));
    }
    let (offset, sectors) = (little(bytes, 28, 8), little(bytes, 36, 8));
    if offset == 0 || sectors == 0 {
        return Err("is one part of a VMDK whose descriptor is another file".to_owned());
    }
    let place = offset.checked_mul(SECTOR).zip(sectors.checked_mul(SECTOR));
    place.ok_or_else(|| "is damaged: its header points behind its end".to_owned())
}

fn descriptor(section: &mut Section<'_>, (offset, length): (u64, u64)) -> Result<String, String> {
    let bytes = section.at(offset, length)?;
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    if bytes.get(text.len()..).is_some_and(|rest| rest.iter().any(|byte| *byte != 0)) {
        return Err("is damaged: something follows the end of its descriptor".to_owned());
    }
    String::from_utf8(text.to_vec()).map_err(|_| "is damaged: its descriptor is no text".to_owned())
}

fn check_descriptor(text: &str) -> Result<(), String> {
    let (mut extents, mut is_of_one_file, mut has_parent_id) = (0, false, false);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(extent) = extent(line) {
            let is_plain = !extent.file.is_empty() && !extent.file.contains(['/', '\\', ':']) && extent.file != "..";
            if extent.kind != "SPARSE" || !is_plain {
                return Err(format!("is a VMDK that names another file as the disk's content: {line}"));
            }
            extents += 1;
            continue;
        }
        let (key, value) = line.split_once('=').ok_or_else(|| format!("has a line in its descriptor that is not known: {line}"))?;
        let (key, value) = (key.trim(), value.trim().trim_matches('"'));
        match key {
            "createType" if ["monolithicSparse", "streamOptimized"].contains(&value) => is_of_one_file = true,
            "createType" => return Err(format!("is a VMDK of the kind {value}, which lies in several files")),
            "parentCID" if value.eq_ignore_ascii_case("ffffffff") => has_parent_id = true,
            "parentCID" | "parentFileNameHint" => return Err(format!("is a difference to another disk ({key} {value})")),
            _ if PLAIN_KEYS.contains(&key) || key.starts_with("ddb.") => {}
            _ => return Err(format!("has something in its descriptor that is not known: {key}")),
        }
    }
    match (extents, is_of_one_file, has_parent_id) {
        (1, true, true) => Ok(()),
        (1, true, false) => Err("is a VMDK whose descriptor does not say whether it has a parent".to_owned()),
        (1, false, _) => Err("is a VMDK whose descriptor does not say of what kind it is".to_owned()),
        (count, ..) => Err(format!("is a VMDK of {count} parts; only one that lies in a single file is accepted")),
    }
}
