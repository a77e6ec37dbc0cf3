//! Versions of packages that are pinned: what a package manager reads as names and patterns, and no shell as anything else.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// The longest name of a package or pattern of a version, in bytes.
const BYTES_MAX: usize = 128;

/// The name of a package of the node's distribution: `mariadb-server`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName(String);

/// Which versions of a package will do, with `*` for any text: `1:10.11.*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionPattern(String);

impl FromStr for PackageName {
    type Err = String;
    /// # Errors
    /// Where no package of Debian's (Debian Policy, 5.6.1) or of an rpm distribution can be called so.
    fn from_str(text: &str) -> Result<Self, String> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.' | '_');
        let begins_well = text.starts_with(|letter: char| letter.is_ascii_alphanumeric());
        if begins_well && text.len() <= BYTES_MAX && text.chars().all(fits) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("{text:?} is not the name of a package; names have letters, digits and + - . _ only, such as mariadb-server"))
    }
}

impl FromStr for VersionPattern {
    type Err = String;
    /// # Errors
    /// Where no version (Debian Policy, 5.6.12; rpm) can be like this.
    fn from_str(text: &str) -> Result<Self, String> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.' | '_' | '~' | ':' | '^' | '*');
        let begins_well = text.starts_with(|letter: char| letter.is_ascii_alphanumeric());
        if begins_well && text.len() <= BYTES_MAX && text.chars().all(fits) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("{text:?} is not a version; write it as the package manager does, with * for any text, such as 1:10.11.*"))
    }
}

macro_rules! texts {
    ($($name:ident),+) => {$(
        impl $name {
            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )+};
}
texts!(PackageName, VersionPattern);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_package_manager_takes_is_taken() {
        for name in ["nginx", "libstdc++6", "mariadb-server-10.11", "0ad", "NetworkManager", "python3.11"] {
            assert_eq!(name.parse::<PackageName>().unwrap().as_str(), name);
        }
        for version in ["1:10.11.*", "2.4.57-2+deb12u1", "1.22.1~rc1-9", "9*", "5.14.0-427.el9_4"] {
            assert_eq!(version.parse::<VersionPattern>().unwrap().as_str(), version);
        }
    }

    #[test]
    fn what_a_shell_could_read_is_refused() {
        for text in ["", " ", "-y", "--force", "*", "a b", "a;reboot", "$(reboot)", "a\nb", "a'b", "ä", &"x".repeat(BYTES_MAX + 1)] {
            assert!(text.parse::<PackageName>().is_err(), "{text:?}");
            assert!(text.parse::<VersionPattern>().is_err(), "{text:?}");
        }
        assert!("a=1".parse::<PackageName>().unwrap_err().contains("such as mariadb-server"));
        assert!("[0-9]*".parse::<VersionPattern>().is_err(), "sets are not patterns here");
    }
}
