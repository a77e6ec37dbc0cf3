//! The log of a step: everything that its scripts said, kept in the lab's state folder and replaced when the step runs again.
//!
//! A secret that a program prints is struck out.

use super::core::Core;
use crate::model::NodeName;
use std::{fs::File, io::Write, sync::Arc};

/// The folder of logs in a lab's state folder.
pub const LOGS_FOLDER: &str = "logs";
/// The most that is kept of one step, in bytes.
const LOG_BYTES_MAX: usize = 2 * 1024 * 1024;
/// A shorter secret would strike out half of the text.
const SECRET_BYTES_MIN: usize = 8;

/// A log in the making. Each line is written at once: it can be read while the step runs, and is there where the step is given up.
pub(super) struct StepLog {
    core: Arc<Core>,
    node: NodeName,
    name: String,
    /// `None`: it cannot be written.
    file: Option<File>,
    bytes: usize,
    secrets: Vec<String>,
}

impl StepLog {
    /// A log of a step on a node, in place of the last one. The name is plain: letters, digits and dashes.
    pub(super) fn new(core: Arc<Core>, node: NodeName, name: String, secrets: Vec<String>) -> Self {
        let lines = secrets.iter().flat_map(|secret| secret.lines());
        let secrets = lines.filter(|line| line.len() >= SECRET_BYTES_MIN).map(str::to_owned).collect();
        let folder = crate::provision::slug(&node);
        let file = core.locked(|locked| locked.begin_below(&[LOGS_FOLDER, &folder], &format!("{name}.log")));
        let file = file.inspect_err(|error| tracing::warn!("the log of {name} on {node} is lost: {error}")).ok();
        Self { core, node, name, file, bytes: 0, secrets }
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
        let Some(file) = self.file.as_mut().filter(|_| self.bytes + line.len() < LOG_BYTES_MAX) else { return };
        self.bytes += line.len() + 1;
        if let Err(error) = file.write_all(format!("{line}\n").as_bytes()) {
            tracing::warn!("the rest of the log of {} on {} is lost: {error}", self.name, self.node);
            self.file = None;
        }
    }

    /// Where it stands.
    pub(super) fn path(&self) -> String {
        let node = crate::provision::slug(&self.node);
        self.core.folder.path().join(LOGS_FOLDER).join(node).join(format!("{}.log", self.name)).display().to_string()
    }
}
