//! Ports that a kind opens: for whom, and whether what passes them can be read.

use serde::{Deserialize, Serialize};

/// Whether what passes a port can be read on the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Secrecy {
    /// Yes.
    #[default]
    Clear,
    /// Only if the service's setting `tls` is true.
    Optional,
    /// No.
    Encrypted,
}

/// Whom a port is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Whoever uses the service.
    #[default]
    Clients,
    /// The other members of its cluster.
    Cluster,
    /// Administrators: statistics pages, consoles, ssh.
    Admin,
}

/// TCP or UDP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// A port that a kind opens. The first of an entry is its main one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Its name, as in a service's `ports`.
    pub name: String,
    /// Its usual number, 1 to 65535.
    pub port: u16,
    /// TCP or UDP.
    #[serde(default)]
    pub protocol: Protocol,
    /// Whom it is for.
    #[serde(default)]
    pub audience: Audience,
    /// Whether what passes it can be read.
    #[serde(default)]
    pub secrecy: Secrecy,
    /// The yes-or-no setting that makes it listen where the service does; until then it is open to the node itself.
    /// `None`: it always listens there.
    #[serde(default)]
    pub opened_by: Option<String>,
    /// Whether one listener of the node opens it for all services that need it (epmd, rpcbind).
    #[serde(default)]
    pub shared: bool,
}
