//! What happened, as people read it.

use crate::model::Subject;
use serde::{Deserialize, Serialize};
use std::net::SocketAddrV4;

/// What sort of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A fault was injected.
    Injected,
    /// A fault was healed.
    Healed,
    /// A machine was made, changed, removed, turned on or off.
    Machine,
    /// A service runs.
    Started,
    /// A service was stopped in good order.
    Stopped,
    /// A service died or no longer answers.
    Died,
    /// A node's check of what its VIP follows failed, or passed again.
    Check,
    /// A node took a VIP.
    TookVip,
    /// A node gave a VIP up.
    LeftVip,
    /// A member joined its cluster.
    Joined,
    /// A member left its cluster, or was left out.
    Left,
    /// A member copies the whole state.
    StateTransfer,
    /// A part of a cluster may no longer work.
    NonPrimary,
    /// A part of a cluster may work again.
    Primary,
    /// No part of a cluster may work.
    QuorumLost,
    /// A balancer leaves a server out.
    ServerDown,
    /// A balancer uses a server again.
    ServerUp,
    /// The first request since a fault that was answered well.
    FirstGood,
    /// The first request since all was well that was not.
    FirstFailed,
    /// Two nodes see each other, or no longer.
    Mesh,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, in milliseconds of the world's clock.
    pub at_ms: u64,
    /// To what.
    pub subject: Subject,
    /// Of which sort.
    pub kind: EventKind,
    /// In words, without the subject's name: "check of galera fails, leaves the VIP".
    pub text: String,
}

/// Why something does not work. Small, so that a request can carry it without a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The machine is off, frozen or booting.
    MachineOff,
    /// There is no way to the address.
    NoRoute,
    /// Somebody drops the packets.
    Dropped,
    /// The node's firewall does not let the caller in.
    NotAllowed,
    /// Nothing listens there.
    Refused,
    /// The service is not running.
    NotRunning,
    /// It is starting.
    Starting,
    /// It holds its sockets and answers nothing.
    Hung,
    /// No answer came in time.
    Timeout,
    /// The connection broke.
    Lost,
    /// Its part of the cluster has no quorum.
    NonPrimary,
    /// It copies the whole state.
    Transferring,
    /// It waits until its cluster agrees on who is in it.
    Stalled,
    /// It is a replica: it takes no writes.
    ReadOnly,
    /// The balancer has no server left.
    NoServer,
    /// What it needs does not answer.
    Needs,
    /// Its copy is behind: the primary does not answer.
    Behind,
    /// Cookies differ.
    Cookie,
    /// One speaks TLS, the other does not.
    Tls,
    /// One calls nodes by long names, the other by short ones.
    Names,
    /// Not all members see each other.
    Split,
    /// There is no such thing.
    Missing,
}

impl Cause {
    /// The words for it.
    pub fn text(self) -> &'static str {
        match self {
            Self::MachineOff => "machine is off",
            Self::NoRoute => "no route",
            Self::Dropped => "packets are dropped",
            Self::NotAllowed => "not allowed in",
            Self::Refused => "connection refused",
            Self::NotRunning => "not running",
            Self::Starting => "starting",
            Self::Hung => "hangs",
            Self::Timeout => "no answer in time",
            Self::Lost => "connection lost",
            Self::NonPrimary => "non-primary: no quorum",
            Self::Transferring => "copies the state",
            Self::Stalled => "waits for its cluster",
            Self::ReadOnly => "read-only replica",
            Self::NoServer => "no server is up",
            Self::Needs => "what it needs does not answer",
            Self::Behind => "replication is broken",
            Self::Cookie => "another cookie",
            Self::Tls => "TLS on one side only",
            Self::Names => "long and short names do not mix",
            Self::Split => "does not see all members",
            Self::Missing => "not there",
        }
    }
}

/// A cause and the address that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Why {
    pub(super) cause: Cause,
    pub(super) at: Option<SocketAddrV4>,
}

impl Why {
    pub(super) fn text(self) -> String {
        match self.at {
            Some(at) => format!("{at}: {}", self.cause.text()),
            None => self.cause.text().to_owned(),
        }
    }
}

impl From<Cause> for Why {
    fn from(cause: Cause) -> Self {
        Self { cause, at: None }
    }
}
