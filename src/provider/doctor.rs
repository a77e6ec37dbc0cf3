//! Whether a provider can work on this machine: what was looked at, how it came out, and what to do. Data only.

use serde::Serialize;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// All is well.
    Good,
    /// It may do, or part of it does.
    Doubtful,
    /// Nothing will work before this is mended.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What.
    pub title: &'static str,
    /// How it came out.
    pub state: State,
    /// What was found, in a sentence.
    pub found: String,
    /// What to do: a sentence with a command to copy; empty where there is nothing to do.
    pub next: String,
}

impl Check {
    /// All is well.
    pub fn good(title: &'static str, found: impl Into<String>) -> Self {
        Self { title, state: State::Good, found: found.into(), next: String::new() }
    }

    /// It may do.
    pub fn doubtful(title: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self { title, state: State::Doubtful, found: found.into(), next: next.into() }
    }

    /// Nothing will work before this is mended.
    pub fn bad(title: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self { title, state: State::Bad, found: found.into(), next: next.into() }
    }
}

/// Whether a provider can work: nothing of it is bad.
pub fn is_ready(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.state != State::Bad)
}
