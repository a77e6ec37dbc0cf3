//! This machine: files, state folders, locks. All side effects, and nothing of ours: no lab, no layout.

pub mod autosave;
pub mod file;
