//! What the catalog says of two services: what they must have in common, what one needs of the other, and how one copies from
//! the other.

use super::{Behaviour, Entry};
use crate::model::Kind;
use serde::{Deserialize, Serialize};

/// With whom a setting must be the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Partners {
    /// The members of its cluster whose kinds have the setting.
    Cluster,
    /// The services that behave so and that its flows lead to.
    FlowsTo(Vec<Behaviour>),
}

/// That a setting must have one value at two services. Of a secret, both must name the same one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// With whom.
    pub with: Partners,
    /// What the partner calls it; `None`: the same.
    #[serde(default)]
    pub theirs: Option<String>,
    /// What happens where the two differ, to stand after a colon.
    pub otherwise: String,
    /// The code of the rule that reports it.
    #[serde(default = "agreement_rule")]
    pub rule: String,
}

fn agreement_rule() -> String {
    "settings-disagree".to_owned()
}

/// How a service is joined to what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Through {
    /// By a flow that it opens.
    FlowTo,
    /// By a flow that leads to it.
    FlowFrom,
    /// By its cluster.
    Cluster,
}

/// What the configuration of a service takes from the flows that begin at it or, where it passes requests on, at its node: the servers of
/// a balancer, the database of an application. The rest of those flows are paths through firewalls, and nothing more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calls {
    /// Whatever they lead to.
    #[default]
    All,
    /// Services that behave so, at a port for clients.
    Behaviours(Vec<Behaviour>),
    /// Services of these kinds, at a port for clients.
    Kinds(Vec<Kind>),
}

impl Calls {
    /// Whether a service of a kind is one of those.
    pub fn takes(&self, kind: &Kind, entry: &Entry) -> bool {
        match self {
            Self::All => true,
            Self::Behaviours(behaviours) => behaviours.contains(&entry.behaviour),
            Self::Kinds(kinds) => kinds.contains(kind),
        }
    }
}

/// Something without which a kind of service does nothing useful.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// What people call it, with its article: "a database".
    pub what: String,
    /// What it may be; empty: any service.
    #[serde(default)]
    pub from: Vec<Behaviour>,
    /// How the two may be joined; one of these is enough.
    pub through: Vec<Through>,
    /// Whether the service writes to it, so that what refuses writes is not enough.
    #[serde(default)]
    pub writes: bool,
    /// What happens without it, to stand after a colon.
    pub otherwise: String,
}

/// How a service that names another in `replica_of` gets its copy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Copying {
    /// Not at all: the kind knows no replication.
    #[default]
    Never,
    /// By its own protocol.
    Itself,
    /// By a file sync beside each of the two.
    Files,
}

/// How a replica becomes the primary.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promoting {
    /// The kind has no replicas.
    #[default]
    NoReplicas,
    /// By the recipe's script `promote`.
    ByScript,
    /// Not by Sandtable: why, and what to do instead.
    Not(String),
}

/// What a service that a setting names is for, as far as a flow has to lead there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carries {
    /// No flow has to lead there.
    #[default]
    Nothing,
    /// Requests of administrators: a flow leads to the service, and it is the one with authority.
    ToIt,
    /// Copies: a flow leads to some service of its node.
    ToItsNode,
}
