//! How what is made for a lab is named and marked at the daemon. Pure.
//!
//! A mark says whose something is; a name only has to be unique. Nothing without this lab's mark is ever touched.

use crate::{model::NodeName, plan::LabId};
use std::collections::BTreeMap;

/// Which lab it belongs to.
pub(super) const LAB: &str = "user.sandtable.lab";
/// Which node it is.
pub(super) const NODE: &str = "user.sandtable.node";
/// Which network it is.
pub(super) const NETWORK: &str = "user.sandtable.network";
/// How it was made: the specification as JSON.
pub(super) const SPEC: &str = "user.sandtable.spec";
/// The node's host name, for the image's templates.
pub(super) const HOSTNAME: &str = "user.sandtable.hostname";
/// What begins the name of a note.
pub(super) const NOTE: &str = "user.sandtable.note.";
/// What begins the name of a slot whose cable is pulled; the value is what was taken away for it, as JSON.
pub(super) const PULLED: &str = "user.sandtable.pulled.";

/// The longest part of a node's name in its instance's.
const SLUG_BYTES_MAX: usize = 40;

/// The name of a node's instance: readable, unique for this lab and node, and what Incus takes for a name (letters, digits and
/// dashes, at most 63, a letter first).
pub(super) fn instance(lab: &LabId, node: &NodeName) -> String {
    let mut slug = String::new();
    for letter in node.as_str().chars() {
        let letter = if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
        if slug.len() < SLUG_BYTES_MAX && !(letter == '-' && (slug.is_empty() || slug.ends_with('-'))) {
            slug.push(letter);
        }
    }
    let slug = slug.trim_end_matches('-');
    let first = if slug.starts_with(|letter: char| letter.is_ascii_lowercase()) { "" } else { "n" };
    format!("{first}{slug}-{}", mark(lab, "node", node.as_str()))
}

/// The name of a network's bridge: an interface's name has at most 15 letters.
pub(super) fn bridge(lab: &LabId, network: &str) -> String {
    format!("st{}", mark(lab, "network", network))
}

/// The name of the bridge that leads to packages while nodes are set up: no drawn network has an empty name.
pub(super) fn uplink(lab: &LabId) -> String {
    bridge(lab, "")
}

/// The alias of the image that is made for one lab.
pub(super) fn image(lab: &LabId) -> String {
    format!("sandtable-{lab}")
}

/// 40 bits of a hash of what something is, as ten hexadecimal digits.
fn mark(lab: &LabId, what: &str, name: &str) -> String {
    format!("{:010x}", hash(&[lab.as_str(), what, name]) >> 24)
}

/// FNV-1a (64 bits) over texts with a zero byte between them, mixed so that near texts are far apart.
pub(super) fn hash(texts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for text in texts {
        for byte in text.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// Whether a configuration carries a lab's mark.
pub(super) fn is_ours(config: &BTreeMap<String, String>, lab: &LabId) -> bool {
    config.get(LAB).is_some_and(|mark| mark == lab.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn is_instance_name(name: &str) -> bool {
        name.len() <= 63
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && !name.ends_with('-')
            && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
    }

    #[test]
    fn names_are_what_incus_takes_and_differ_between_labs_and_nodes() {
        let (one, other) = (LabId::of_file(Path::new("/a/lab.ron")), LabId::of_file(Path::new("/b/lab.ron")));
        let mut seen = std::collections::BTreeSet::new();
        for lab in [&one, &other] {
            for node in ["db1", "DB1.example", "1st", "a_b", "ünïcode", &"x".repeat(63)] {
                let node: NodeName = node.parse().unwrap();
                let name = instance(lab, &node);
                assert!(is_instance_name(&name), "{name}");
                assert!(seen.insert(name), "{node} twice");
            }
            let bridge = bridge(lab, "a network with a long name");
            assert!(bridge.len() <= 15 && seen.insert(bridge.clone()), "{bridge}");
        }
        assert!(instance(&one, &"db1".parse().unwrap()).starts_with("db1-"));
    }

    #[test]
    fn only_the_whole_mark_counts() {
        let lab = LabId::of_file(Path::new("/a/lab.ron"));
        let config = |value: &str| BTreeMap::from([(LAB.to_owned(), value.to_owned())]);
        assert!(is_ours(&config(lab.as_str()), &lab));
        assert!(!is_ours(&config("lab"), &lab));
        assert!(!is_ours(&BTreeMap::new(), &lab));
    }
}
