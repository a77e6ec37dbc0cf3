//! VDI: a difference names its parent by UUID, and VirtualBox takes the disk that it knows by that.

use super::little;

/// At byte 64; the text before it may be any.
pub(super) const SIGNATURE: u64 = 0xbeda_107f;

pub(super) fn check(head: &[u8]) -> Result<(), String> {
    if head.len() < 512 {
        return Err("is damaged or cut off: it ends within its header".to_owned());
    }
    let version = little(head, 68, 4);
    if version != 0x0001_0001 {
        return Err(format!("is a VDI of an unknown version ({}.{})", version >> 16, version & 0xffff));
    }
    match little(head, 76, 4) {
        1 | 2 => {}
        3 | 4 => return Err("is a difference to another disk".to_owned()),
        other => return Err(format!("is a VDI of an unknown kind ({other})")),
    }
    // The UUIDs of the parent and of its last change.
    if head.get(424..456).is_none_or(|parent| parent.iter().any(|byte| *byte != 0)) {
        return Err("is a difference to another disk".to_owned());
    }
    Ok(())
}
