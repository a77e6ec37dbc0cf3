//! Appliances: a tar archive with a description and disks. Only the disk is taken; the machine around it is ours, because the description
//! can ask for folders, devices and files of this machine.

use super::{SECTOR, Section, big};

const MEMBERS_MAX: usize = 64;
const DESCRIPTION_BYTES_MAX: u64 = 1 << 20;

/// What an appliance has for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Appliance {
    /// Where its disk is in the file: first byte and length.
    pub(in super::super) disk: (u64, u64),
    /// Whether its firmware is EFI.
    pub(in super::super) is_efi: bool,
}

struct Member {
    name: String,
    at: u64,
    length: u64,
}

/// Reads an appliance.
///
/// # Errors
/// Why it is refused, to follow its name in a sentence.
pub(in super::super) fn appliance(section: &mut Section<'_>) -> Result<Appliance, String> {
    let members = members(section)?;
    let ends = |member: &Member, endings: &[&str]| endings.iter().any(|ending| member.name.to_lowercase().ends_with(ending));
    let descriptions: Vec<&Member> = members.iter().filter(|member| ends(member, &[".ovf"])).collect();
    let [description] = descriptions.as_slice() else {
        return Err(format!("has {} descriptions (.ovf) in it; an appliance has one", descriptions.len()));
    };
    if description.length > DESCRIPTION_BYTES_MAX {
        return Err("has a description that is too long".to_owned());
    }
    let text = String::from_utf8_lossy(&section.at(description.at, description.length)?).to_lowercase();
    let is_efi = text.contains("<firmware type=\"efi") || (text.contains("key=\"firmware\"") && text.contains("value=\"efi\""));
    let disks: Vec<&Member> = members.iter().filter(|member| !ends(member, &[".ovf", ".mf", ".cert", ".nvram"])).collect();
    match disks.as_slice() {
        [disk] => Ok(Appliance { disk: (disk.at, disk.length), is_efi }),
        several => {
            let names: Vec<&str> = several.iter().map(|disk| disk.name.as_str()).collect();
            Err(format!("has {} disks ({}); an image has one", several.len(), names.join(", ")))
        }
    }
}

fn members(section: &mut Section<'_>) -> Result<Vec<Member>, String> {
    let (mut all, mut at): (Vec<Member>, u64) = (Vec::new(), 0);
    // Two empty blocks end an archive; the end of the file does so too.
    while at.checked_add(SECTOR).is_some_and(|end| end <= section.length) {
        let block = section.at(at, SECTOR)?;
        if block.iter().all(|byte| *byte == 0) {
            break;
        }
        let (name, length) = member(&block)?;
        let begin = at + SECTOR;
        let end = begin.checked_add(length).filter(|end| *end <= section.length);
        let end = end.ok_or_else(|| format!("is cut off: {name} goes on behind its end"))?;
        if all.iter().any(|other| other.name.eq_ignore_ascii_case(&name)) {
            return Err(format!("has two members of the name {name}"));
        }
        all.push(Member { name, at: begin, length });
        if all.len() > MEMBERS_MAX {
            return Err(format!("has more than {MEMBERS_MAX} members"));
        }
        at = end.checked_next_multiple_of(SECTOR).ok_or("is damaged: a member has no length that can be")?;
    }
    if all.is_empty() { Err("is no appliance: it is no tar archive, or an empty one".to_owned()) } else { Ok(all) }
}

/// A member's name and length. Links, folders and devices have no place in an appliance, nor have names that lead out of it.
fn member(block: &[u8]) -> Result<(String, u64), String> {
    let sum = block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u64::from(*byte) }).sum::<u64>();
    if block.get(257..262) != Some(b"ustar") || octal(block.get(148..156).unwrap_or_default()) != Some(sum) {
        return Err("is no appliance: it is no tar archive".to_owned());
    }
    let field = block.get(..100).unwrap_or_default();
    let name = String::from_utf8_lossy(field.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned();
    let is_plain = !name.is_empty() && !name.contains(['/', '\\', ':']) && !name.starts_with('.') && !name.chars().any(char::is_control);
    let has_prefix = block.get(257..263) == Some(b"ustar\0") && block.get(345).is_some_and(|byte| *byte != 0);
    if !is_plain || has_prefix {
        return Err(format!("has a member whose name is no plain file name: {name:?}"));
    }
    let kind = block.get(156).copied().unwrap_or_default();
    if kind != b'0' && kind != 0 {
        return Err(format!("has a member that is no ordinary file: {name:?} ({:?})", char::from(kind)));
    }
    let size = block.get(124..136).unwrap_or_default();
    // Sizes from 8 GiB on are written as a binary number.
    let length = if size.first() == Some(&0x80) { Some(big(size, 4, 8)) } else { octal(size) };
    Ok((name, length.ok_or("is damaged: a member has no length that can be read")?))
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}
