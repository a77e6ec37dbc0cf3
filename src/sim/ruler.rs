//! The failover ruler: how long it took from a fault until the VIP was elsewhere and requests were answered again.

use super::{
    request::Request,
    table::{MachineId, VipId},
    world::World,
};
use crate::model::{FlowId, NodeName, VipName};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Good,
    Failed,
}

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

/// What became of the requests of one entry while a VIP moved.
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

/// The last move of a VIP, measured. All times are in milliseconds of the world's clock.
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

/// What the ruler is made from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct RulerState {
    fault_us: u64,
    fault_ms: u64,
    #[serde(default)]
    cause: MoveCause,
    detected: Option<(VipName, u64)>,
    failed: u64,
    ended: u64,
    settled_us: Option<u64>,
    last: Option<FailoverRuler>,
    holder: Option<(VipName, NodeName)>,
    /// The address of the VIP that moved last, and the machine that took it.
    #[serde(default)]
    took: Option<(Ipv4Addr, MachineId)>,
}

/// How long after the first good request those that were under way before are still counted.
const SETTLE_US: u64 = 4 * super::time::SECOND;

impl World {
    /// The last move of a VIP; `None`: none moved yet.
    pub fn failover(&self) -> Option<FailoverRuler> {
        let last = self.ruler.last.as_ref()?;
        if last.fault_at_ms != self.ruler.fault_ms {
            return Some(last.clone());
        }
        let open_since_us = if self.ruler.settled_us.is_none() { Some(self.ruler.fault_us) } else { None };
        Some(FailoverRuler { entries: self.entry_outages(open_since_us), ..last.clone() })
    }

    /// Whether a machine is the one that took the VIP that moved last, which has this address.
    pub(super) fn took_vip(&self, machine: MachineId, address: Ipv4Addr) -> bool {
        self.ruler.took == Some((address, machine))
    }

    /// Something was broken or healed: what moves now moves because of it.
    pub(super) fn mark_fault(&mut self, cause: MoveCause) {
        self.ruler.last = self.failover();
        self.forget_outages();
        self.ruler.cause = cause;
        self.ruler.fault_us = self.clock.now_us;
        self.ruler.fault_ms = self.now_ms();
        self.ruler.detected = None;
        self.ruler.failed = 0;
        self.ruler.ended = 0;
        self.ruler.settled_us = None;
    }

    /// Somebody noticed that a VIP must move.
    pub(super) fn mark_detected(&mut self, vip: VipId) {
        let name = self.vips[vip].name.clone();
        if self.ruler.detected.as_ref().is_none_or(|(known, _)| *known != name) {
            self.ruler.detected = Some((name, self.now_ms()));
        }
    }

    /// A node took a VIP.
    pub(super) fn mark_elected(&mut self, vip: VipId) {
        let (name, now_ms) = (self.vips[vip].name.clone(), self.now_ms());
        let to = self.machines[self.vips[vip].machine].name.clone();
        let from = self.ruler.holder.take().filter(|(known, _)| *known == name).map(|(_, node)| node);
        self.ruler.holder = Some((name.clone(), to.clone()));
        // A first election is no failover.
        let Some(from) = from.filter(|from| *from != to) else { return };
        let part = &self.vips[vip];
        self.ruler.took = part.spec.as_ref().map(|spec| (spec.address.addr(), part.machine));
        let detected = self.ruler.detected.take().filter(|(known, _)| *known == name);
        self.ruler.last = Some(FailoverRuler {
            vip: name,
            from: Some(from),
            to,
            cause: self.ruler.cause,
            fault_at_ms: self.ruler.fault_ms,
            detected_at_ms: detected.map_or(now_ms, |(_, at_ms)| at_ms),
            elected_at_ms: now_ms,
            first_good_at_ms: None,
            failed_requests: self.ruler.failed,
            requests: self.ruler.ended,
            entries: Vec::new(),
        });
    }

    /// A request has ended, and with it a gap of its entry.
    pub(super) fn mark_request(&mut self, request: &Request, outcome: Outcome, gap_us: u64) {
        let started_us = request.started_us;
        if started_us < self.ruler.fault_us || self.ruler.settled_us.is_some_and(|settled_us| started_us > settled_us) {
            return;
        }
        if self.ruler.settled_us.is_some_and(|settled_us| self.clock.now_us > settled_us + SETTLE_US) {
            return;
        }
        self.ruler.ended += 1;
        self.ruler.failed += u64::from(outcome == Outcome::Failed);
        self.note_outage(request.entry, outcome, gap_us.min(self.clock.now_us - self.ruler.fault_us));
        let (failed, ended, now_ms) = (self.ruler.failed, self.ruler.ended, self.now_ms());
        let fault_ms = self.ruler.fault_ms;
        let Some(last) = self.ruler.last.as_mut().filter(|last| last.fault_at_ms == fault_ms) else { return };
        last.failed_requests = failed;
        last.requests = ended;
        if outcome == Outcome::Good && last.first_good_at_ms.is_none() && request.by_new_holder {
            last.first_good_at_ms = Some(now_ms);
            self.ruler.settled_us = Some(self.clock.now_us);
            self.keep_open_gaps(self.ruler.fault_us);
        }
    }
}
