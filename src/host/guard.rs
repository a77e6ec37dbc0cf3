//! The guard: a small process of our own that outlives whoever broke something, and mends it when its time is up.
//!
//! One a lab, known by a lock that it holds; it ends when nothing is left to be mended. Here it is only started: what it does is
//! the command line's hidden `guard`.

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// The command of the program that is a guard.
pub const COMMAND: &str = "guard";
/// The lock that a guard holds, in the lab's state folder.
pub const LOCK_FILE: &str = "guard.lock";

/// Starts a guard for a lab's state folder. Where one is there already, the new one ends by itself. That it cannot be started is
/// no reason to break nothing: nodes have timers of their own, and the journal says what to mend.
pub fn start(folder: &Path) {
    let Ok(program) = std::env::current_exe() else { return };
    // A test or another program that uses this library has no such command.
    if program.file_stem().is_none_or(|name| name != "sandtable") {
        return;
    }
    let mut command = Command::new(program);
    command.arg(COMMAND).arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    if let Err(error) = command.spawn() {
        tracing::warn!("no guard could be started: {error}");
    }
}
