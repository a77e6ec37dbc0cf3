//! The way into a node: run a command, stream its lines, put a file. Everything inside a node goes through it, so it is
//! written once for every provider.

use super::Answer;
use std::time::Duration;
use tokio::sync::mpsc;

/// The most that is kept of a command's output, in bytes; what comes after is dropped and said ([`Output::is_cut`]).
pub const OUTPUT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A command for a node. Arguments are a list: no shell reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// What it reads.
    pub stdin: Vec<u8>,
    /// How long it may take; then it is killed.
    pub timeout: Duration,
}

impl Command {
    /// A shell that reads a script: what nearly everything inside a node is.
    pub fn script(text: impl Into<Vec<u8>>, timeout: Duration) -> Self {
        Self { argv: ["sh", "-s"].map(str::to_owned).to_vec(), stdin: text.into(), timeout }
    }
}

/// What a command came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Its exit code; 128 and the signal where it was killed.
    pub code: i32,
    /// What it wrote.
    pub stdout: Vec<u8>,
    /// What it complained of.
    pub stderr: Vec<u8>,
    /// Whether part of either was dropped.
    pub is_cut: bool,
}

/// A line of a command that runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// On its output.
    Out(String),
    /// On its error output.
    Err(String),
}

/// The way into one node.
pub trait Transport: Send + Sync {
    /// Runs a command to its end. An exit code other than 0 is an answer and no error.
    fn run(&self, command: Command) -> Answer<'_, Output>;

    /// Runs a command and hands on its lines while it runs; ends with its exit code, or when nobody takes lines any more: then
    /// it is killed. `command.timeout` is the longest silence.
    fn stream(&self, command: Command, lines: mpsc::Sender<Line>) -> Answer<'_, i32>;

    /// Writes a file, whole or not at all: for what is too large for a script. `mode` as in chmod(2).
    fn put<'a>(&'a self, path: &'a str, mode: u32, bytes: &'a [u8]) -> Answer<'a, ()>;
}
