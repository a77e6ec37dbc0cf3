//! The machine that Sandtable runs on: files, locks, memory. All side effects that are not a provider's.
//!
//! Uses nothing of ours: it knows no lab, only names, bytes and folders.

pub mod machine;
pub mod state;
