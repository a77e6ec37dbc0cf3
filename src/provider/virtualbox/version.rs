//! VirtualBox's version, and what differs between versions.
//!
//! 6.1 to 7.2 are known. The options used are those of 6.1, which 7.2 still takes (seen with 7.2.22); an unknown newer version is
//! tried with a warning, because refusing it would break every user on the day of a release.

use std::fmt;

/// The oldest version that is worked with.
pub const OLDEST: Version = Version { major: 6, minor: 1, patch: 0 };
/// The newest version that is known.
pub const NEWEST_KNOWN: (u32, u32) = (7, 2);

/// Versions between those that are known which cannot be worked with: why, and what to do.
const UNUSABLE: [(Version, &str, &str); 1] = [(
    Version { major: 7, minor: 0, patch: 0 },
    "its showvminfo --machinereadable names no port forwards, so that nobody can tell which a machine has",
    "Install VirtualBox 7.0.2 or newer: 7.0.0 alone has that fault",
)];

/// A version of VirtualBox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 7 of 7.2.22.
    pub major: u32,
    /// 2 of 7.2.22.
    pub minor: u32,
    /// 22 of 7.2.22.
    pub patch: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// How well a version is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Too old to be worked with.
    TooOld,
    /// One that cannot be worked with: why, and what to do.
    Unusable(&'static str, &'static str),
    /// One of those that this was made for.
    Known,
    /// Newer than those: it may work.
    Newer,
}

impl Version {
    /// The version in what `VBoxManage --version` says: the last line that is one. A wrapper may warn before it.
    pub fn parse(text: &str) -> Option<Self> {
        text.lines().rev().find_map(|line| {
            let mut parts = line.trim().splitn(3, '.');
            let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u32>().ok();
            let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            Some(Self { major, minor, patch: digits(parts.next()?)? })
        })
    }

    /// How well it is known.
    pub fn known(self) -> Known {
        if self < OLDEST {
            Known::TooOld
        } else if let Some((_, why, next)) = UNUSABLE.iter().find(|(version, ..)| *version == self) {
            Known::Unusable(why, next)
        } else if (self.major, self.minor) > NEWEST_KNOWN {
            Known::Newer
        } else {
            Known::Known
        }
    }

    /// Whether macOS has host-only networks instead of host-only interfaces.
    pub fn has_host_only_networks(self) -> bool {
        self.major >= 7
    }

    /// What to do where the processor's virtualisation is taken by KVM. The advice turned round with 7.2.10 (VirtualBox issues
    /// 81, 188, 711 and 713).
    pub fn kvm_advice(self) -> &'static str {
        if self >= (Self { major: 7, minor: 2, patch: 10 }) {
            "VirtualBox 7.2.10 and newer want KVM to be absent or switched on at load: take kvm.enable_virt_at_load=0 off the kernel's \
             command line, or unload KVM with: sudo modprobe -r kvm_amd kvm_intel kvm"
        } else {
            "Linux 6.12 and newer hold the processor's virtualisation for KVM from the start: unload it with sudo modprobe -r kvm_amd \
             kvm_intel kvm, or add kvm.enable_virt_at_load=0 to the kernel's command line"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_in_every_form() {
        let version = |text| Version::parse(text).map(|version| version.to_string());
        assert_eq!(version("7.2.22_Debianr175245\n").as_deref(), Some("7.2.22"));
        assert_eq!(version("6.1.50r161033").as_deref(), Some("6.1.50"));
        assert_eq!(
            version("WARNING: The character device /dev/vboxdrv does not exist.\n\t Please 1.2\n7.1.4r165100\r\n").as_deref(),
            Some("7.1.4")
        );
        assert_eq!(version("7.3.0_BETA1r170000").as_deref(), Some("7.3.0"));
        assert_eq!(version("command not found"), None);
        assert_eq!(version(""), None);
    }

    #[test]
    fn what_is_known_has_two_ends() {
        let known = |text| Version::parse(text).unwrap().known();
        assert_eq!(known("6.0.24"), Known::TooOld);
        assert_eq!(known("6.1.0"), Known::Known);
        assert_eq!(known("7.2.22"), Known::Known);
        assert!(
            matches!(known("7.0.0_BETA1r151351"), Known::Unusable(why, next) if why.contains("port forwards") && next.contains("7.0.2"))
        );
        assert_eq!(known("7.0.2"), Known::Known);
        assert_eq!(known("7.3.0"), Known::Newer);
        assert_eq!(known("8.0.0"), Known::Newer);
    }

    #[test]
    fn advice_about_kvm_turns_round() {
        let advice = |text| Version::parse(text).unwrap().kvm_advice();
        assert_ne!(advice("7.2.8"), advice("7.2.10"));
    }
}
