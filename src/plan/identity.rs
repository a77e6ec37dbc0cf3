//! Which lab is which: the identity under which a lab is deployed, and what is derived from it.
//!
//! A lab is known by the canonical path of its layout file, not by its name: renaming a lab must not orphan what runs,
//! and two copies of one layout side by side must not mix. A deployed lab keeps its identity: after its file was moved, its
//! state folder says so once the file is attached at its new path. Pure: callers find the path.

use crate::model::Mac;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The identity of a deployed lab: lower-case letters, digits and dashes, at most [`LAB_ID_BYTES_MAX`] bytes. It names
/// the lab's state folder and marks what providers make for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LabId(String);

/// The longest identity, in bytes: short enough to be part of a machine's name everywhere.
pub const LAB_ID_BYTES_MAX: usize = 41;

const STEM_BYTES_MAX: usize = 24;

impl LabId {
    /// The identity of the lab that a file holds: the file's stem for people, and 64 bits of a hash over its whole path.
    pub fn of_file(canonical: &std::path::Path) -> Self {
        Self::nth_of_file(canonical, 0)
    }

    /// Further identities of the lab that a file holds, for a path whose first one is still that of a lab which was deployed from
    /// there and has moved away. The 0th is [`LabId::of_file`].
    pub fn nth_of_file(canonical: &std::path::Path, nth: u32) -> Self {
        let path = canonical.as_os_str().as_encoded_bytes().iter().copied();
        let salt = (nth > 0).then(|| [0].into_iter().chain(nth.to_be_bytes()));
        let hash = mixed(fnv1a(path.chain(salt.into_iter().flatten())));
        let stem = canonical.file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).unwrap_or_default();
        let mut slug = String::new();
        for letter in stem.chars() {
            let letter = if letter.is_ascii_alphanumeric() { letter } else { '-' };
            if slug.len() < STEM_BYTES_MAX && !(letter == '-' && (slug.is_empty() || slug.ends_with('-'))) {
                slug.push(letter);
            }
        }
        let slug = slug.trim_end_matches('-');
        let slug = if slug.is_empty() { "lab" } else { slug };
        Self(format!("{slug}-{hash:016x}"))
    }

    /// The identity as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LabId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for LabId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let good = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-';
        if !text.is_empty() && text.len() <= LAB_ID_BYTES_MAX && text.bytes().all(good) && !text.starts_with('-') {
            Ok(Self(text))
        } else {
            Err(format!("{text:?} is not the identity of a lab"))
        }
    }
}

impl From<LabId> for String {
    fn from(id: LabId) -> Self {
        id.0
    }
}

/// The hardware address of an adapter that the drawing gives none: FNV-1a (64 bits) over identity, node and slot with a
/// zero byte between them, mixed by `SplitMix64`'s finaliser; its low 48 bits with the bit of locally administered
/// addresses set and that of group addresses clear (IEEE 802, clause 8). The same for the same three, always.
pub fn hardware_address(lab: &LabId, node: &str, slot: usize) -> Mac {
    let slot = slot.to_string();
    let text = lab.0.bytes().chain([0]).chain(node.bytes()).chain([0]).chain(slot.bytes());
    let [_, _, a, b, c, d, e, f] = mixed(fnv1a(text)).to_be_bytes();
    Mac([a & 0xfc | 0x02, b, c, d, e, f])
}

fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, path::Path};

    #[test]
    fn an_identity_is_the_files_and_readable() {
        let one = LabId::of_file(Path::new("/labs/a/Mini Cloud!.ron"));
        let other = LabId::of_file(Path::new("/labs/b/Mini Cloud!.ron"));
        assert!(one.as_str().starts_with("mini-cloud-"), "{one}");
        assert_ne!(one, other);
        assert_eq!(one, LabId::of_file(Path::new("/labs/a/Mini Cloud!.ron")));
        assert!(LabId::of_file(Path::new("/labs/…/ÖÄÜ.ron")).as_str().starts_with("lab-"));
        assert_eq!(one, LabId::nth_of_file(Path::new("/labs/a/Mini Cloud!.ron"), 0));
        assert_ne!(one, LabId::nth_of_file(Path::new("/labs/a/Mini Cloud!.ron"), 1));
        let long = LabId::of_file(Path::new(&format!("/{}.ron", "x".repeat(300))));
        assert_eq!(LabId::try_from(long.as_str().to_owned()).unwrap(), long);
        for bad in ["", "../etc", "-a", "A"] {
            assert!(LabId::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn hardware_addresses_are_stable_usable_and_differ() {
        let lab = LabId::of_file(Path::new("/labs/a.ron"));
        let mut seen = BTreeSet::new();
        for node in 0..2000 {
            for slot in 0..3 {
                let mac = hardware_address(&lab, &format!("node{node}"), slot);
                assert!(mac.usable() && mac.0[0] & 2 == 2, "{mac}");
                assert!(seen.insert(mac), "{mac} twice");
            }
        }
        assert_eq!(hardware_address(&lab, "db1", 0), hardware_address(&lab, "db1", 0));
        assert_ne!(hardware_address(&lab, "db1", 0), hardware_address(&LabId::of_file(Path::new("/labs/b.ron")), "db1", 0));
    }
}
