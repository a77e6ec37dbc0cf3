//! What must be done inside a node, as scripts: from specifications, recipes and secrets to text for a POSIX shell.
//!
//! Pure. It never runs a script, makes a secret or knows which provider the node is on. Every value of a layout is quoted for
//! the language in which it lands, or refused.

pub mod observe;

use crate::model::{Family, MachineSpec, NodeName};

/// A script for a node's root shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// What it does, in a few words.
    pub title: String,
    /// The text, for `sh -s`.
    pub text: String,
    /// How long it may take, in seconds.
    pub timeout_secs: u32,
}

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
