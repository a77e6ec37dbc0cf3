//! What happened in a lab that runs, as people read it.
//!
//! Every provider tells the same sorts of things; nothing here says how one was noticed.

use super::Subject;
use serde::{Deserialize, Serialize};

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
    /// A replica was promoted, or copies from another primary.
    Promoted,
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
    /// When, in milliseconds of [`super::Observed::at_ms`]'s clock.
    pub at_ms: u64,
    /// To what.
    pub subject: Subject,
    /// Of which sort.
    pub kind: EventKind,
    /// In words, without the subject's name: "check of galera fails, leaves the VIP".
    pub text: String,
}
