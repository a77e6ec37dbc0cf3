//! Files that are to become disks, judged by their own bytes before VirtualBox reads them: a disk image can name other files of this
//! machine as its content (VMDK extents, backing files, parents), and VirtualBox would read those into the guest.
//!
//! Only images that hold all of their content themselves are accepted; what is not known is refused. Pure: reads through what it is
//! given, opens nothing.

pub(super) mod ova;
mod qcow2;
pub(super) mod source;
pub(super) mod stage;
mod vdi;
mod vhd;
mod vmdk;

use std::io::{Read, Seek, SeekFrom};

/// What a file is, by its bytes: names lie (Ubuntu's `.img` is qcow2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// VirtualBox's own.
    Vdi,
    /// VMware's, in one file.
    Vmdk,
    /// QEMU's.
    Qcow2,
    /// Microsoft's.
    Vhd,
    /// A disk without any format.
    Raw,
}

impl Format {
    /// How names of such files end.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Vdi => ".vdi",
            Self::Vmdk => ".vmdk",
            Self::Qcow2 => ".qcow2",
            Self::Vhd => ".vhd",
            Self::Raw => ".raw",
        }
    }
}

/// The most of a file that one look reads, in bytes: descriptors and tables of extensions are far smaller.
const LOOK_MAX: u64 = 1 << 20;
const SECTOR: u64 = 512;

/// Reads and seeks.
pub(super) trait Source: Read + Seek {}
impl<T: Read + Seek> Source for T {}

/// A part of a file: all of it, or a member of an archive.
pub(super) struct Section<'a> {
    source: &'a mut dyn Source,
    start: u64,
    length: u64,
}

impl<'a> Section<'a> {
    pub(super) fn new(source: &'a mut dyn Source, start: u64, length: u64) -> Self {
        Self { source, start, length }
    }

    /// So many bytes from a place on; refused where they are not all there.
    fn at(&mut self, offset: u64, count: u64) -> Result<Vec<u8>, String> {
        let is_inside = offset.checked_add(count).is_some_and(|end| end <= self.length);
        if !is_inside || count > LOOK_MAX {
            return Err("is damaged or cut off: its header points behind its end".to_owned());
        }
        let mut bytes = vec![0; usize::try_from(count).unwrap_or_default()];
        let begin = self.start.saturating_add(offset);
        let read = self.source.seek(SeekFrom::Start(begin)).and_then(|_| self.source.read_exact(&mut bytes));
        read.map_err(|error| format!("cannot be read: {error}"))?;
        Ok(bytes)
    }

    /// As many of so many bytes at the beginning as there are.
    fn head(&mut self, count: u64) -> Result<Vec<u8>, String> {
        self.at(0, count.min(self.length))
    }
}

/// A number of a header; 0 behind its end, which no check takes for good.
fn little(bytes: &[u8], at: usize, width: usize) -> u64 {
    let part = bytes.get(at..at + width).unwrap_or_default();
    part.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

fn big(bytes: &[u8], at: usize, width: usize) -> u64 {
    let part = bytes.get(at..at + width).unwrap_or_default();
    part.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// What a file that is no accepted disk may be, by how it begins.
const OTHERS: [(&[u8], &str); 13] = [
    (b"COWD", "is a VMDK of VMware ESX, whose parts lie in several files"),
    (b"QED\0", "is a QED image"),
    (b"vhdxfile", "is a VHDX image"),
    (b"WithoutFreeSpace", "is a Parallels image"),
    (b"WithouFreSpacExt", "is a Parallels image"),
    (b"\x1f\x8b", "is compressed with gzip: decompress it first"),
    (b"\xfd7zXZ\0", "is compressed with xz: decompress it first"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd: decompress it first"),
    (b"BZh", "is compressed with bzip2: decompress it first"),
    (b"PK\x03\x04", "is a zip archive: unpack it first"),
    (b"<?xml", "is a text"),
    (b"LUKS\xba\xbe", "is an encrypted volume"),
    (b"Conectix Virtual PC", "is a Virtual PC image of an old version"),
];

/// What a disk's file is.
///
/// # Errors
/// Why it is refused, to follow its name in a sentence.
pub(super) fn format_of(section: &mut Section<'_>) -> Result<Format, String> {
    if section.length == 0 {
        return Err("is empty".to_owned());
    }
    let head = section.head(4096)?;
    if let Some((_, why)) = OTHERS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Err((*why).to_owned());
    }
    if vmdk::is_descriptor(&head) {
        return Err(vmdk::of_descriptor(&head));
    }
    let tail = if section.length >= SECTOR { section.at(section.length - SECTOR, SECTOR)? } else { Vec::new() };
    if tail.starts_with(b"koly") {
        return Err("is an Apple disk image (DMG)".to_owned());
    }
    let is_vhd = head.starts_with(vhd::COOKIE) || tail.starts_with(vhd::COOKIE);
    let signs = [
        (head.starts_with(vmdk::MAGIC), Format::Vmdk),
        (head.starts_with(qcow2::MAGIC), Format::Qcow2),
        (little(&head, 64, 4) == vdi::SIGNATURE, Format::Vdi),
        (is_vhd, Format::Vhd),
    ];
    let found: Vec<Format> = signs.iter().filter(|(is_so, _)| *is_so).map(|(_, format)| *format).collect();
    match found.as_slice() {
        [] => raw(section, &head),
        [Format::Vmdk] => vmdk::check(section, &head).map(|()| Format::Vmdk),
        [Format::Qcow2] => qcow2::check(section, &head).map(|()| Format::Qcow2),
        [Format::Vdi] => vdi::check(&head).map(|()| Format::Vdi),
        [Format::Vhd] => vhd::check(section, &head, &tail).map(|()| Format::Vhd),
        [Format::Raw, ..] | [_, _, ..] => {
            Err("looks like several formats at once, so nobody can say what VirtualBox would read".to_owned())
        }
    }
}

/// A disk without a format has what firmware looks for: the signature of a boot sector or of a partition table.
fn raw(section: &Section<'_>, head: &[u8]) -> Result<Format, String> {
    let has_table = head.get(510..512) == Some(&[0x55, 0xaa]) || head.get(512..520) == Some(b"EFI PART");
    if section.length.is_multiple_of(SECTOR) && has_table {
        Ok(Format::Raw)
    } else {
        Err("is no disk image: it is in no known format, and has no boot sector or partition table".to_owned())
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
