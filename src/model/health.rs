//! How well things are: nodes, services, flows.

use serde::{Deserialize, Serialize};

/// How well something is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Does what it is for.
    Healthy,
    /// Nobody has asked, or the answer is too old.
    #[default]
    Unknown,
    /// Does part of it, or not always.
    Degraded,
    /// Does not.
    Down,
}

impl Health {
    /// The worse of two.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        self.max(other)
    }

    /// The word that people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unknown => "unknown",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }
}
