//! The seed of a machine that is made of a cloud image: a small disk that cloud-init reads at the first start (its data source
//! `NoCloud`). It has the machine's names, a user with our key, a host key that we know, and addresses by hardware address. Pure.

use crate::model::{AdapterSpec, Mac, MachineSpec};
use ipnet::Ipv4Net;
use std::{
    io::{Cursor, Write},
    net::Ipv4Addr,
};

/// The user that such a machine has; it may do everything by sudo.
pub(super) const USER: &str = "sandtable";
/// What the disk is called: cloud-init looks for this name.
const LABEL: [u8; 11] = *b"cidata     ";
/// Its size in bytes: the least that becomes a file system of twelve bits.
pub(super) const BYTES: usize = 1024 * 1024;

/// A pair of ssh keys as OpenSSH writes them.
#[derive(Clone)]
pub(super) struct Pair {
    pub(super) secret: String,
    pub(super) public: String,
}

impl Pair {
    /// A new pair.
    pub(super) fn new() -> Result<Self, String> {
        let mut seed = [0_u8; 32];
        getrandom::fill(&mut seed).map_err(|error| format!("this system gives no randomness: {error}"))?;
        let key = ssh_key::PrivateKey::from(ssh_key::private::Ed25519Keypair::from_seed(&seed));
        let in_words = |error: ssh_key::Error| format!("an ssh key cannot be written: {error}");
        let secret = key.to_openssh(ssh_key::LineEnding::LF).map_err(in_words)?.to_string();
        Ok(Self { secret, public: key.public_key().to_openssh().map_err(in_words)? })
    }
}

/// The public half of a private key as OpenSSH writes it.
pub(super) fn public_of(secret: &str) -> Result<String, String> {
    let key = ssh_key::PrivateKey::from_openssh(secret).map_err(|error| format!("the key cannot be read: {error}"))?;
    key.public_key().to_openssh().map_err(|error| format!("the key cannot be written: {error}"))
}

/// A network card as the machine is to set it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Card {
    pub(super) mac: Mac,
    /// `None`: from DHCP.
    pub(super) address: Option<Ipv4Net>,
    pub(super) routes: Vec<(Ipv4Net, Ipv4Addr)>,
}

/// The drawn cards of a machine.
pub(super) fn cards(spec: &MachineSpec) -> Vec<Card> {
    let card = |(slot, adapter): (usize, &AdapterSpec)| Card {
        mac: adapter.mac,
        address: adapter.address,
        routes: spec.routes_by(slot).map(|route| (route.to, route.through)).collect(),
    };
    spec.adapters.iter().enumerate().map(card).collect()
}

/// What is in a seed.
pub(super) struct Seed<'a> {
    /// What tells this machine from one that was made before: cloud-init starts anew when it changes.
    pub(super) instance: &'a str,
    pub(super) hostname: &'a str,
    /// The key that lets us in.
    pub(super) login: &'a str,
    pub(super) host_key: &'a Pair,
    pub(super) cards: &'a [Card],
}

impl Seed<'_> {
    /// The files: name and text.
    pub(super) fn files(&self) -> [(&'static str, String); 3] {
        [("user-data", self.user_data()), ("meta-data", self.meta_data()), ("network-config", self.network_config())]
    }

    fn user_data(&self) -> String {
        let Pair { secret, public } = self.host_key;
        format!(
            "#cloud-config\nhostname: {hostname}\nmanage_etc_hosts: false\nssh_pwauth: false\ndisable_root: true\nssh_deletekeys: true\n\
             users:\n  - name: {user}\n    gecos: \"Sandtable\"\n    shell: \"/bin/bash\"\n    lock_passwd: true\n    sudo: \"ALL=(ALL) NOPASSWD:ALL\"\n    \
             ssh_authorized_keys:\n      - {login}\n\
             ssh_keys:\n  ed25519_private: {secret}\n  ed25519_public: {public}\n\
             package_update: false\npackage_upgrade: false\n",
            hostname = quoted(self.hostname),
            user = quoted(USER),
            login = quoted(self.login),
            secret = quoted(secret),
            public = quoted(public),
        )
    }

    fn meta_data(&self) -> String {
        format!("instance-id: {}\nlocal-hostname: {}\n", quoted(self.instance), quoted(self.hostname))
    }

    fn network_config(&self) -> String {
        let mut text = "version: 2\nethernets:\n".to_owned();
        for (number, card) in self.cards.iter().enumerate() {
            text.push_str(&format!("  card{number}:\n    match: {{macaddress: {}}}\n    optional: true\n", quoted(&card.mac.to_string())));
            match card.address {
                Some(address) => text.push_str(&format!("    dhcp4: false\n    addresses: [{}]\n", quoted(&address.to_string()))),
                None => text.push_str("    dhcp4: true\n"),
            }
            if !card.routes.is_empty() {
                text.push_str("    routes:\n");
                for (to, through) in &card.routes {
                    text.push_str(&format!("      - {{to: {}, via: {}}}\n", quoted(&to.to_string()), quoted(&through.to_string())));
                }
            }
        }
        // YAML has no empty mapping without a word.
        if self.cards.is_empty() { "version: 2\nethernets: {}\n".to_owned() } else { text }
    }

    /// The disk, byte by byte.
    pub(super) fn disk(&self) -> std::io::Result<Vec<u8>> {
        let mut disk = Cursor::new(vec![0_u8; BYTES]);
        fatfs::format_volume(&mut disk, fatfs::FormatVolumeOptions::new().volume_label(LABEL))?;
        {
            let volume = fatfs::FileSystem::new(&mut disk, fatfs::FsOptions::new())?;
            for (name, text) in self.files() {
                let mut file = volume.root_dir().create_file(name)?;
                file.truncate()?;
                file.write_all(text.as_bytes())?;
                file.flush()?;
            }
            volume.unmount()?;
        }
        Ok(disk.into_inner())
    }
}

/// A text as YAML reads it back, whatever is in it: between double quotes, in plain ASCII (YAML 1.1, section 5.6).
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            '\n' => quoted.push_str("\\n"),
            ' '..='~' => quoted.push(letter),
            _ => match u32::from(letter) {
                code @ 0..=0xff => quoted.push_str(&format!("\\x{code:02x}")),
                code @ 0x100..=0xffff => quoted.push_str(&format!("\\u{code:04x}")),
                code => quoted.push_str(&format!("\\U{code:08x}")),
            },
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Read;

    fn card(mac: u8, address: Option<&str>) -> Card {
        let routes = address.map(|_| ("10.9.0.0/24".parse().unwrap(), "10.1.0.1".parse().unwrap())).into_iter().collect();
        Card { mac: Mac([2, 0, 0, 0, 0, mac]), address: address.map(|text| text.parse().unwrap()), routes }
    }

    #[test]
    fn the_disk_has_the_files_and_the_name() {
        let host_key = Pair::new().unwrap();
        let cards = [card(1, Some("10.1.0.11/24")), card(2, None)];
        let seed = Seed { instance: "i-1", hostname: "n1", login: "ssh-ed25519 AAAA", host_key: &host_key, cards: &cards };
        let disk = seed.disk().unwrap();
        assert_eq!(disk.len(), BYTES);
        let volume = fatfs::FileSystem::new(Cursor::new(disk), fatfs::FsOptions::new()).unwrap();
        assert_eq!(volume.volume_label().trim(), "cidata");
        let read = |name: &str| {
            let mut text = String::new();
            volume.root_dir().open_file(name).unwrap().read_to_string(&mut text).unwrap();
            text
        };
        for (name, text) in seed.files() {
            assert_eq!(read(name), text);
        }
        assert!(read("user-data").starts_with("#cloud-config\n") && read("user-data").contains("\\n-----END OPENSSH PRIVATE KEY-----\\n"));
        let network = read("network-config");
        assert!(
            network.contains("match: {macaddress: \"02:00:00:00:00:01\"}") && network.contains("addresses: [\"10.1.0.11/24\"]"),
            "{network}"
        );
        assert!(network.contains("- {to: \"10.9.0.0/24\", via: \"10.1.0.1\"}") && network.contains("dhcp4: true"), "{network}");
        assert_eq!(public_of(&host_key.secret).unwrap(), host_key.public);
    }

    /// What a reader of YAML makes of a text between double quotes.
    fn read_back(quoted: &str) -> String {
        let mut letters = quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap().chars();
        let mut text = String::new();
        while let Some(letter) = letters.next() {
            assert_ne!(letter, '"');
            text.push(match letter {
                '\\' => match letters.next().unwrap() {
                    'n' => '\n',
                    'x' => code_of(&mut letters, 2),
                    'u' => code_of(&mut letters, 4),
                    'U' => code_of(&mut letters, 8),
                    other => other,
                },
                other => other,
            });
        }
        text
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in any::<String>()) {
            let quoted = quoted(&text);
            prop_assert!(quoted.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{quoted}");
            prop_assert_eq!(read_back(&quoted), text);
        }

        #[test]
        fn a_name_adds_no_line(name in any::<String>()) {
            let host_key = Pair { secret: name.clone(), public: name.clone() };
            let plain = Pair { secret: "x".into(), public: "x".into() };
            let lines = |name: &str, host_key: &Pair| {
                let seed = Seed { instance: name, hostname: name, login: name, host_key, cards: &[] };
                seed.files().map(|(_, text)| text.lines().count())
            };
            prop_assert_eq!(lines(&name, &host_key), lines("x", &plain));
        }
    }

    fn code_of(letters: &mut std::str::Chars<'_>, digits: usize) -> char {
        let digits: String = letters.by_ref().take(digits).collect();
        char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap()
    }
}
