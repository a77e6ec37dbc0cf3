//! What things are called in VirtualBox: derived from the lab's identity, the same every time, and nobody else's.
//!
//! A machine's UUID is made of the lab and the node, so it is found again whatever it was renamed to, and cannot be made twice.
//! Names are plain ASCII: they become names of folders, and a remote machine may lack a UTF-8 locale.

use crate::plan::LabId;

/// The key of a machine's extra data that says whose it is.
pub const LAB_KEY: &str = "sandtable/lab";
/// How it was made: node, specification and way in. It comes last, so a machine that has it is whole.
pub const MADE_KEY: &str = "sandtable/made";
/// The host keys that it may show.
pub const HOST_KEYS_KEY: &str = "sandtable/host-keys";
/// Its disk has grown since its guest was last on: the guest's partition and file system have not yet.
pub const GROWN_KEY: &str = "sandtable/grown";
/// What comes before a note's key.
pub const NOTE_PREFIX: &str = "sandtable/note/";
/// The forward through which Sandtable gets in.
pub const WAY_RULE: &str = "sandtable-ssh";

/// 64 bits of a text: FNV-1a, mixed by `SplitMix64`'s finaliser.
fn hash(text: &str) -> u64 {
    let sum = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let sum = (sum ^ (sum >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let sum = (sum ^ (sum >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    sum ^ (sum >> 31)
}

/// The first half of the UUIDs of a lab's machines (RFC 9562, version 8: made by whoever uses it).
pub fn uuid_prefix(lab: &LabId) -> String {
    let bits = hash(lab.as_str());
    format!("{:08x}-{:04x}-8{:03x}-", bits >> 32, (bits >> 16) & 0xffff, bits & 0xfff)
}

/// The UUID of a node's machine.
pub fn uuid(lab: &LabId, node: &str) -> String {
    let bits = hash(&format!("{lab}\0{node}"));
    let variant = 0x8000 | ((bits >> 48) & 0x3fff);
    format!("{}{variant:04x}-{:012x}", uuid_prefix(lab), bits & 0xffff_ffff_ffff)
}

/// Whether a UUID is one that nodes of labs have. Other programs make random ones (version 4).
pub fn is_node(uuid: &str) -> bool {
    uuid.len() == 36 && uuid.as_bytes().get(14) == Some(&b'8')
}

/// The name of a node's machine: unique in VirtualBox, so that a user's own scripts never mean the wrong one.
pub fn machine(lab: &LabId, node: &str) -> String {
    format!("{}.{lab}", plain(node))
}

/// The node of a machine's name; `None` where it is not one of ours, or was renamed.
pub fn node_of<'a>(lab: &LabId, machine: &'a str) -> Option<&'a str> {
    machine.strip_suffix(lab.as_str())?.strip_suffix('.').filter(|node| !node.is_empty())
}

/// What the groups of all labs begin with.
pub const GROUPS: &str = "/sandtable/";

/// The group of machines that are images of ours.
pub const IMAGES: &str = "/sandtable/images";
/// The key of an image's extra data that says that it is ours and whole.
pub const IMAGE_KEY: &str = "sandtable/image";
/// What comes before the lab in the key by which a lab says that it uses an image.
pub const USES: &str = "sandtable/uses/";
/// Between an image's own name and what tells files apart.
const IMAGE_WORD: &str = ".image-";

/// The key by which a lab says that it uses an image.
pub fn uses_key(lab: &LabId) -> String {
    format!("{USES}{lab}")
}

/// The folder of an image in the folder of all machines.
pub fn image_folder(name: &str) -> String {
    format!("{IMAGES}/{name}")
}

/// What tells one text from another, in sixteen digits.
pub fn digest(text: &str) -> String {
    format!("{:016x}", hash(text))
}

/// The machine that a file becomes: the same file has the same, and one that has changed has another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageMachine {
    /// Its name.
    pub name: String,
    /// Its UUID; an appliance's is VirtualBox's to choose.
    pub uuid: String,
}

impl ImageMachine {
    /// The machine of a file; `identity` is what makes it another file.
    pub fn of(path: &std::path::Path, identity: &str) -> Self {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let digest = digest(identity);
        let (first, second) = (hash(&format!("image\0{identity}")), hash(&format!("{identity}\0image")));
        let (low, variant) = (second & 0xffff_ffff_ffff, 0x8000 | ((second >> 48) & 0x3fff));
        let uuid = format!("{:08x}-{:04x}-8{:03x}-{variant:04x}-{low:012x}", first >> 32, (first >> 16) & 0xffff, first & 0xfff);
        Self { name: format!("{}{IMAGE_WORD}{digest}", plain(&stem)), uuid }
    }

    /// Whether a machine's name is one that such a machine has.
    pub fn is_name(name: &str) -> bool {
        let digits = name.rsplit_once(IMAGE_WORD).map(|(_, digits)| digits);
        digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
    }
}

/// The group of a lab's machines.
pub fn group(lab: &LabId) -> String {
    format!("{GROUPS}{lab}")
}

/// What a lab's internal or NAT network is called.
pub fn network(lab: &LabId, network: &str) -> String {
    format!("{}.{lab}", plain(network))
}

/// What an internal network is called whose nodes were cut off from the others.
pub fn cut_off(network: &str) -> String {
    format!("{network}.cut")
}

/// The key of VirtualBox's own extra data that says what a lab's network is.
pub fn network_key(lab: &LabId, network: &str) -> String {
    format!("{}{}", network_keys(lab), plain(network))
}

/// What comes before it.
pub fn network_keys(lab: &LabId) -> String {
    format!("sandtable/{lab}/network/")
}

/// The key that says that Sandtable has made a host-only interface: the last lab that leaves it removes it.
pub fn interface_key(interface: &str) -> String {
    format!("sandtable/interface/{}", plain(interface))
}

/// A name of letters, digits, dots and dashes; where something had to go, a hash keeps names apart.
fn plain(name: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    if name.chars().all(is_plain) && !name.starts_with(['-', '.']) {
        return name.to_owned();
    }
    let stem: String = name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    format!("{}_{:08x}", stem.trim_start_matches(['-', '.']), hash(name) & 0xffff_ffff)
}

/// The port of the host at which to begin looking for one that leads into a node.
pub fn port(lab: &LabId, node: &str) -> u16 {
    let offset = hash(&format!("{lab}\0{node}\0port")) % u64::from(PORTS.1 - PORTS.0);
    PORTS.0 + u16::try_from(offset).unwrap_or_default()
}

/// Ports that lead into nodes: below what systems give out by themselves (Linux: from 32768 on).
pub const PORTS: (u16, u16) = (22_100, 32_000);

/// JSON in ASCII: everything else as `\u….`.
pub fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_ascii() {
            text.push(letter);
        } else {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, path::Path};

    fn lab(path: &str) -> LabId {
        LabId::of_file(Path::new(path))
    }

    #[test]
    fn identities_are_stable_well_formed_and_apart() {
        let (one, other) = (lab("/a/lab.ron"), lab("/b/lab.ron"));
        let id = uuid(&one, "db1");
        assert_eq!(id, uuid(&one, "db1"));
        assert!(id.starts_with(&uuid_prefix(&one)) && !id.starts_with(&uuid_prefix(&other)));
        assert_eq!(id.len(), 36);
        assert_eq!(
            (id.as_bytes()[14], id.as_bytes()[8], id.as_bytes()[13], id.as_bytes()[18], id.as_bytes()[23]),
            (b'8', b'-', b'-', b'-', b'-')
        );
        assert!(matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        let all: BTreeSet<String> = (0..10_000).map(|n| uuid(&one, &format!("n{n}"))).collect();
        assert_eq!(all.len(), 10_000);
    }

    #[test]
    fn an_image_is_known_by_its_file() {
        let path = Path::new("/images/debian 13.qcow2");
        let (one, other) = (ImageMachine::of(path, "a"), ImageMachine::of(path, "b"));
        assert_eq!(one, ImageMachine::of(path, "a"));
        assert!(one.name != other.name && one.uuid != other.uuid);
        assert!(ImageMachine::is_name(&one.name) && one.name.is_ascii() && !one.name.contains(' '), "{one:?}");
        assert!(!ImageMachine::is_name("debian.image-x") && !ImageMachine::is_name("debian"));
        assert_eq!((one.uuid.len(), one.uuid.as_bytes()[14]), (36, b'8'));
    }

    #[test]
    fn names_are_plain_and_apart() {
        let lab = lab("/a/lab.ron");
        assert_eq!(node_of(&lab, &machine(&lab, "db-1")), Some("db-1"));
        assert_eq!(node_of(&lab, "db-1.other"), None);
        assert_eq!(network(&lab, "back-end"), format!("back-end.{lab}"));
        let odd = network(&lab, "b\u{e4}ck end$(id)");
        assert!(odd.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)), "{odd}");
        assert_ne!(network(&lab, "a b"), network(&lab, "a_b"));
        assert_ne!(network(&lab, "a b"), network(&lab, "a  b"));
        assert!(!network(&lab, "-x").starts_with('-'));
        assert!((PORTS.0..PORTS.1).contains(&port(&lab, "db1")));
    }

    #[test]
    fn json_becomes_ascii_and_stays_the_same() {
        let text = "{\"a\":\"\u{e9} \u{1f600} \\\"\"}";
        let plain = ascii(text);
        assert!(plain.is_ascii());
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(text), value(&plain));
    }
}
