//! What a fault did to requests from outside, and how a VIP moved, measured.

use super::{FlowId, NodeName, VipName};
use serde::{Deserialize, Serialize};

/// What made a VIP move.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoveCause {
    /// Something broke: a failover.
    #[default]
    Fault,
    /// Something was healed: the holders are elected again.
    Heal,
}

/// What became of the requests of one entry since a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryOutage {
    /// The flow that they came in by.
    pub id: FlowId,
    /// Requests since the fault that ended.
    pub requests: u64,
    /// Those of them that failed.
    pub failed_requests: u64,
    /// The longest time without a good answer since the fault, in milliseconds; one that is not over counts so far.
    pub longest_gap_ms: u64,
}

/// The last move of a VIP, measured. All times are in milliseconds of the lab's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailoverRuler {
    /// The VIP.
    pub vip: VipName,
    /// Who held it before; `None`: nobody.
    pub from: Option<NodeName>,
    /// Who took it.
    pub to: NodeName,
    /// What made it move.
    #[serde(default)]
    pub cause: MoveCause,
    /// The last fault before the move, or the last heal.
    pub fault_at_ms: u64,
    /// When it was noticed: the old holder's check failed, or nobody heard of it for too long.
    pub detected_at_ms: u64,
    /// When the new holder took the address.
    pub elected_at_ms: u64,
    /// When the first request was answered well through the new holder; `None`: not yet, or there is no load.
    pub first_good_at_ms: Option<u64>,
    /// Requests since the fault that failed, until the first good one through the new holder and those that were under
    /// way with it.
    pub failed_requests: u64,
    /// Requests since the fault that ended, until the same moment.
    pub requests: u64,
    /// The same by entry, in the contract's order: one may be out while others go on.
    #[serde(default)]
    pub entries: Vec<EntryOutage>,
}

/// What became of requests from outside since the last fault, whether a VIP moved or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestOutage {
    /// When the fault was injected, in milliseconds of the lab's clock.
    pub fault_at_ms: u64,
    /// Requests since then that ended, until all are answered again.
    pub requests: u64,
    /// Those of them that failed.
    pub failed_requests: u64,
    /// How long after the fault every entry that failed was answered again, in milliseconds; `None`: not yet, or none failed.
    pub answered_after_ms: Option<u64>,
    /// The same by entry, in the contract's order.
    pub entries: Vec<EntryOutage>,
}
