//! What must be done inside a node, as scripts: from specifications, recipes and secrets to text for a POSIX shell.
//!
//! Pure. It never runs a script, makes a secret or knows which provider the node is on. Every value of a layout is quoted for
//! the language in which it lands, or refused.

mod bare;
pub mod clock;
pub mod configure;
pub mod firewall;
pub mod inject;
pub mod needs;
pub mod observe;
pub mod quote;
pub mod recover;
pub mod render;
pub mod scene;
pub mod script;
pub mod service;
pub mod uplink;
pub mod vip;

pub use script::{Ending, Said, Script, ending, prelude};

use crate::model::{Family, MachineSpec, NodeName};
use std::net::Ipv4Addr;

/// The node that scripts are made for.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Its name.
    pub node: &'a NodeName,
    /// How it was made.
    pub machine: &'a MachineSpec,
    /// What runs on it, as it said itself.
    pub family: Family,
}

impl Place<'_> {
    /// The node's own drawn addresses, in slot order.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.machine.adapters.iter().filter_map(|adapter| adapter.address).map(|net| net.addr())
    }
}

/// Why there is no script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct ProvisionError {
    /// What is wrong.
    pub why: String,
    /// What to do about it: a sentence.
    pub next: String,
}

impl ProvisionError {
    /// A kind that can be drawn and not be set up.
    pub(crate) fn no_recipe(kind: &str) -> Self {
        Self {
            why: format!("the catalog knows no way to set up {kind} on a real node"),
            next: "Deploy the lab on the simulator, or take the service off the drawing.".into(),
        }
    }

    /// Something that a kind's recipe cannot do with these values.
    pub(crate) fn recipe(kind: &str, why: String) -> Self {
        Self {
            why: format!("{kind}: {why}"),
            next: "Change the setting or name that cannot be written there, or mend the catalog's recipe.".into(),
        }
    }
}

/// A name that is safe as part of a file's or unit's name: the name itself where it is made of lower-case letters, digits and
/// dashes, else such letters of it and a hash. Two names never get the same.
pub fn slug(name: &str) -> String {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.chars().all(good) && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.len() <= 40 && !name.contains("--") {
        return name.to_owned();
    }
    // FNV-1a, 64 bits: the double dash before it keeps it apart from names that need no hash.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let letters: String = name.to_lowercase().chars().filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit()).take(20).collect();
    format!("{}--{hash:016x}", if letters.is_empty() { "x" } else { &letters })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_safe_and_differ() {
        assert_eq!(slug("todo"), "todo");
        assert_eq!(slug("db-2"), "db-2");
        let odd = ["$(reboot)", "-rf", "a b", "a  b", "A", "ö", "..", "a--0000000000000000"];
        let slugs: std::collections::BTreeSet<String> = odd.iter().map(|name| slug(name)).collect();
        assert_eq!(slugs.len(), odd.len());
        for slug in slugs {
            assert!(slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') && !slug.starts_with('-'), "{slug}");
        }
    }
}
