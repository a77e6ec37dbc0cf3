//! The log of a step: everything that its scripts said, kept in the lab's state folder and replaced when the step runs again.
//!
//! A secret that a program prints is struck out.

use super::core::Core;
use crate::model::NodeName;
use std::sync::Arc;

/// The folder of logs in a lab's state folder.
pub const LOGS_FOLDER: &str = "logs";
/// The most that is kept of one step, in bytes.
const LOG_BYTES_MAX: usize = 2 * 1024 * 1024;
/// A shorter secret would strike out half of the text.
const SECRET_BYTES_MIN: usize = 8;

/// A log in the making. It is written when it is dropped: also where a step is given up.
pub(super) struct StepLog {
    core: Arc<Core>,
    node: NodeName,
    name: String,
    text: String,
    secrets: Vec<String>,
}

impl StepLog {
    /// A log of a step on a node. The name is plain: letters, digits and dashes.
    pub(super) fn new(core: Arc<Core>, node: NodeName, name: String, secrets: Vec<String>) -> Self {
        let lines = secrets.iter().flat_map(|secret| secret.lines());
        let secrets = lines.filter(|line| line.len() >= SECRET_BYTES_MIN).map(str::to_owned).collect();
        Self { core, node, name, text: String::new(), secrets }
    }

    /// A line without secrets.
    pub(super) fn clean(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for secret in &self.secrets {
            if line.contains(secret.as_str()) {
                line = line.replace(secret.as_str(), "********");
            }
        }
        line
    }

    /// Adds a line.
    pub(super) fn line(&mut self, line: &str) {
        if self.text.len() + line.len() < LOG_BYTES_MAX {
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    /// Where it will stand.
    pub(super) fn path(&self) -> String {
        let node = crate::provision::slug(&self.node);
        self.core.folder.path().join(LOGS_FOLDER).join(node).join(format!("{}.log", self.name)).display().to_string()
    }
}

impl Drop for StepLog {
    fn drop(&mut self) {
        let node = crate::provision::slug(&self.node);
        let written =
            self.core.locked(|locked| locked.write_below(&[LOGS_FOLDER, &node], &format!("{}.log", self.name), self.text.as_bytes()));
        if let Err(error) = written {
            tracing::warn!("the log of {} on {} is lost: {error}", self.name, self.node);
        }
    }
}
