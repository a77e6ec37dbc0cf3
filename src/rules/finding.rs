//! What a rule says: a finding, and what would mend it.

use crate::model::{Edit, Path, Subject};
use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The lab will not do what it is drawn to do, or it is open to those it must be closed to.
    Error,
    /// It works until something ordinary happens.
    Warning,
    /// It could be better.
    Advice,
}

impl Severity {
    /// All severities, the worst first.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Advice];

    /// The word that people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Advice => "advice",
        }
    }
}

/// Something that would clear a finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Fix {
    /// What its button says: a verb and what it falls on, as short as may be ("Bind to backend").
    pub title: String,
    /// What it does.
    pub edits: Vec<Edit>,
}

/// What a rule says about a thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The rule's code.
    pub rule: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in a sentence that names the things involved.
    pub message: String,
    /// The thing that it is about.
    pub subject: Subject,
    /// Where in the text of its subject it stands; empty for all of it.
    pub within: Path,
    /// Other things that take part in it.
    pub involved: Vec<Subject>,
    /// What would clear it, the best first, as far as its rule can see: ask [`Checker::vetted`](super::Checker::vetted)
    /// for those that do.
    pub fixes: Vec<Fix>,
    /// Why it is meant to be so, where the lab says that it is. Such a finding does not count.
    pub accepted: Option<String>,
}

impl Finding {
    /// Where the layout file says what it is about, given where the file says its subject.
    pub fn path(&self, subject: Path) -> Path {
        let mut path = subject;
        path.0.extend(self.within.0.iter().cloned());
        path
    }

    /// Whether it blocks a deployment of its lab: an error that is not accepted. Command line and window decide by this alone.
    pub fn blocks_deployment(&self) -> bool {
        self.severity == Severity::Error && self.accepted.is_none()
    }

    /// Whether it says what another one says, whatever fixes each offers.
    pub fn is_same(&self, other: &Self) -> bool {
        self.rule == other.rule && self.subject == other.subject && self.message == other.message
    }
}
