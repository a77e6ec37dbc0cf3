//! Names of things in a lab: small, shared, checked when they are made.
//!
//! A name here is what a layout file may call a thing. Whether a node's name also makes a good host name is a rule's
//! business (`invalid-node-name`), because a half-drawn lab must be representable.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
    str::FromStr,
    sync::Arc,
};

/// The longest name, in bytes: one DNS label (RFC 1035, section 2.3.4).
pub const NAME_BYTES_MAX: usize = 63;

/// The word for everybody beyond the lab; no thing may be called so.
pub const OUTSIDE: &str = "outside";

/// Why a text cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing, or only blanks.
    #[error("a name may not be empty")]
    Empty,
    /// More than [`NAME_BYTES_MAX`] bytes.
    #[error("a name has at most {NAME_BYTES_MAX} bytes, this one has {0}")]
    TooLong(usize),
    /// A character that the file's references need for themselves, or one that cannot be seen.
    #[error("a name may not contain {0:?}")]
    Character(char),
    /// Blanks at either end.
    #[error("a name may not begin or end with a blank")]
    Blank,
    /// The reserved word.
    #[error("\"{OUTSIDE}\" is the word for everybody beyond the lab; choose another name")]
    Reserved,
}

fn check(text: &str) -> Result<(), NameError> {
    if text.trim().is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong(text.len()));
    }
    if let Some(bad) = text.chars().find(|c| c.is_control() || matches!(c, '/' | ':' | ',' | '@' | '#' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')) {
        return Err(NameError::Character(bad));
    }
    if text.trim() != text {
        return Err(NameError::Blank);
    }
    if text == OUTSIDE {
        return Err(NameError::Reserved);
    }
    Ok(())
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Eq)]
        pub struct $name(Arc<str>);

        // Copies of a lab share their names: most that are equal are the very same, and need not be read.
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.cmp(&other.0) }
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.hash(state);
            }
        }

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The name as text that copies share.
            pub fn shared(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                check(text)?;
                Ok(Self(text.into()))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = NameError;
            fn try_from(text: &str) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
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
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                &*self.0 == *other
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

names! {
    /// A node, and its host name once deployed.
    NodeName,
    /// A network.
    NetworkName,
    /// A service, unique within its node.
    ServiceName,
    /// A virtual IP.
    VipName,
    /// A site.
    SiteName,
    /// A group of services that work as one: a Galera cluster, a BEAM mesh, partners of a file sync.
    ClusterName,
    /// An entry of the catalog, such as `nginx`.
    Kind,
    /// A secret that is made when the lab is deployed and that no file holds.
    SecretName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad_names() {
        for good in ["db1", "app-node-01", "ö", "two words", "a.example.org"] {
            assert!(good.parse::<NodeName>().is_ok(), "{good:?}");
        }
        for (bad, why) in [
            ("", NameError::Empty),
            ("  ", NameError::Empty),
            ("a/b", NameError::Character('/')),
            ("a:b", NameError::Character(':')),
            ("a\nb", NameError::Character('\n')),
            ("a\u{202e}b", NameError::Character('\u{202e}')),
            (" a", NameError::Blank),
            ("outside", NameError::Reserved),
        ] {
            assert_eq!(bad.parse::<NodeName>().unwrap_err(), why, "{bad:?}");
        }
        assert_eq!("x".repeat(64).parse::<NodeName>().unwrap_err(), NameError::TooLong(64));
    }
}
