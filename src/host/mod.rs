//! This machine: files, state folders, locks, memory, programs, ssh. All side effects that are not a provider's, and nothing of ours: no lab,
//! no layout.

pub mod allowed;
pub mod autosave;
mod durable;
pub mod file;
pub mod folder;
pub mod guard;
pub mod locale;
pub mod machine;
mod private;
pub mod process;
pub mod ssh;
pub mod state;
pub mod terminal;
