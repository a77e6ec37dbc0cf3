//! A single node: the programs that give a shell or a screen on it, and the logs of its set-up.

use super::{Result, Session};
use crate::{model::NodeName, provider::real::LOGS_FOLDER, provision::slug};
use std::time::SystemTime;

/// The log of a step on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepLog {
    /// The step.
    pub step: String,
    /// How long ago something was last logged when it was read, in seconds.
    pub age_secs: u64,
    /// Its output, without secrets.
    pub text: String,
}

impl Session {
    /// The program of this machine, with its arguments, that gives a shell on a node, or runs a command there.
    ///
    /// # Errors
    /// Where the provider fails, or the node does not run.
    pub fn shell(&self, node: &NodeName, command: &[String]) -> Result<Vec<String>> {
        self.handle()?.shell(node, command)
    }

    /// The program of this machine, with its arguments, that shows a node's screen.
    ///
    /// # Errors
    /// Where the provider fails, or the node does not run.
    pub fn console(&self, node: &NodeName) -> Result<Vec<String>> {
        self.handle()?.console(node)
    }

    /// The logs of the steps on a node, the oldest first; of a step that runs, what it has logged so far. No lock is waited for.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn step_logs(&self, node: &NodeName) -> Result<Vec<StepLog>> {
        let now = SystemTime::now();
        let files = self.folder.read_below(&[LOGS_FOLDER, &slug(node)])?;
        let logs = files.into_iter().map(|(name, written, bytes)| StepLog {
            step: name.trim_end_matches(".log").to_owned(),
            age_secs: now.duration_since(written).unwrap_or_default().as_secs(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
        });
        Ok(logs.collect())
    }
}
