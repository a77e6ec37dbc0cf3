//! The groups of the palette.

use serde::{Deserialize, Serialize};

/// Where the palette shows a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Web and balancing.
    Web,
    /// Databases and caches.
    Data,
    /// Files and accounts.
    Files,
    /// Routing, names and tunnels.
    Network,
    /// Clusters and watching them.
    Cluster,
    /// What every node has.
    Base,
}

impl Group {
    /// All groups, in the order of the palette.
    pub const ALL: [Self; 6] = [Self::Web, Self::Data, Self::Files, Self::Network, Self::Cluster, Self::Base];

    /// The heading that people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Web => "Web",
            Self::Data => "Data",
            Self::Files => "Files and accounts",
            Self::Network => "Network",
            Self::Cluster => "Cluster and watching",
            Self::Base => "Base",
        }
    }
}
