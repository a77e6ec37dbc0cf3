//! Virtual time and what is still to happen in it.
//!
//! Time moves only when the world is told to run. Two things due at the same moment happen in the order in which they
//! were planned.

use super::table::{ClusterId, MachineId, RequestId, ServiceId, VipId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{cmp::Reverse, collections::BinaryHeap, net::Ipv4Addr};

/// Microseconds in a millisecond.
pub(super) const MS: u64 = 1000;
/// Microseconds in a second.
pub(super) const SECOND: u64 = 1_000_000;

/// Something that happens at a moment. Those with a generation are void once their thing has moved on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Tick {
    /// A machine has booted.
    Booted(MachineId, u32),
    /// A machine has shut down.
    PoweredOff(MachineId, u32),
    /// A service is ready.
    Ready(ServiceId, u32),
    /// systemd starts a service that died.
    Revive(ServiceId, u32),
    /// A service that was stopped for a restart is started again.
    StartAgain(ServiceId, u32),
    /// A node's agent reports on its services.
    Probe(MachineId),
    /// The flows of the contract are tried.
    ProbeFlows,
    /// keepalived's own timer of advertisements.
    Advertise(VipId, u32),
    /// Nothing was heard of the holder for too long.
    MasterDown(VipId, u32),
    /// keepalived runs its check.
    TrackScript(VipId, u32),
    /// An advertisement arrives.
    Heard { at: VipId, from: Ipv4Addr, priority: u8 },
    /// A cluster's members look for each other.
    Membership(ClusterId),
    /// A member has the whole state.
    Transferred(ServiceId, u32),
    /// Whoever pressed "heal all" brings back a cluster that cannot by itself.
    RecoverIfStopped(ClusterId),
    /// A fault has lasted as long as it may.
    TimeIsUp(u64),
    /// A replica has become a primary, or copies from another one.
    Promoted(ServiceId, u32),
    /// A balancer checks one of its servers.
    Check(ServiceId, u32, u32),
    /// BEAM nodes look for each other.
    Mesh,
    /// A request comes in from outside.
    Arrival(u32),
    /// A request goes on after a wait.
    Resume(RequestId, u32),
}

impl Tick {
    /// Whether it starts, stops, breaks and heals nothing: who reaches whom is as before, but for VIPs that move.
    pub(super) fn only_asks(self) -> bool {
        match self {
            Self::Probe(_)
            | Self::ProbeFlows
            | Self::Advertise(..)
            | Self::MasterDown(..)
            | Self::TrackScript(..)
            | Self::Heard { .. }
            | Self::Check(..)
            | Self::Arrival(_)
            | Self::Resume(..) => true,
            Self::Booted(..)
            | Self::PoweredOff(..)
            | Self::Ready(..)
            | Self::Revive(..)
            | Self::StartAgain(..)
            | Self::Membership(_)
            | Self::Transferred(..)
            | Self::RecoverIfStopped(_)
            | Self::TimeIsUp(_)
            | Self::Promoted(..)
            | Self::Mesh => false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Due {
    at_us: u64,
    number: u64,
    tick: Tick,
}

/// What is still to happen, soonest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    due: BinaryHeap<Reverse<Due>>,
    planned: u64,
}

impl Queue {
    pub(super) fn push(&mut self, at_us: u64, tick: Tick) {
        self.due.push(Reverse(Due { at_us, number: self.planned, tick }));
        self.planned += 1;
    }

    /// Takes the next thing that is due at `until_us` or before.
    pub(super) fn pop_until(&mut self, until_us: u64) -> Option<(u64, Tick)> {
        let next = self.due.peek().filter(|next| next.0.at_us <= until_us)?.0;
        self.due.pop();
        Some((next.at_us, next.tick))
    }

    /// When everything planned is due, in no particular order, in microseconds.
    pub(super) fn times_us(&self) -> impl Iterator<Item = u64> {
        self.due.iter().map(|due| due.0.at_us)
    }

    /// Everything planned, in no particular order.
    pub(super) fn ticks(&self) -> impl Iterator<Item = Tick> {
        self.due.iter().map(|due| due.0.tick)
    }
}

// In order and not as the heap lies in memory: the same world gives the same bytes.
impl Serialize for Queue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut due: Vec<Due> = self.due.iter().map(|due| due.0).collect();
        due.sort_unstable();
        (self.planned, due).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Queue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (planned, due) = <(u64, Vec<Due>)>::deserialize(deserializer)?;
        Ok(Self { due: due.into_iter().map(Reverse).collect(), planned })
    }
}

/// The world's clock. `now_us` is the time that has been simulated; `skipped_us` the quiet time that was left out, so
/// that nothing planned must be moved when time is skipped.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Clock {
    pub(super) now_us: u64,
    pub(super) skipped_us: u64,
}

impl Clock {
    /// What the clock shows, in milliseconds since the world began.
    pub(super) fn shown_ms(&self) -> u64 {
        (self.now_us + self.skipped_us) / MS
    }

    /// What the clock showed when this much had been simulated; exact for moments after the last skip.
    pub(super) fn shown_at_ms(&self, at_us: u64) -> u64 {
        (at_us + self.skipped_us) / MS
    }

    /// How much must be simulated until the clock shows this.
    pub(super) fn simulated_us(&self, shown_ms: u64) -> u64 {
        (shown_ms.saturating_mul(MS)).saturating_sub(self.skipped_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soonest_first_and_ties_in_the_order_planned() {
        let mut queue = Queue::default();
        queue.push(20, Tick::Mesh);
        queue.push(10, Tick::ProbeFlows);
        queue.push(10, Tick::Mesh);
        let saved = serde_json::to_string(&queue).unwrap();
        let mut again: Queue = serde_json::from_str(&saved).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), saved);
        for queue in [&mut queue, &mut again] {
            assert_eq!(queue.pop_until(15), Some((10, Tick::ProbeFlows)));
            assert_eq!(queue.pop_until(15), Some((10, Tick::Mesh)));
            assert_eq!(queue.pop_until(15), None);
            assert_eq!(queue.pop_until(20), Some((20, Tick::Mesh)));
        }
    }

    #[test]
    fn skipped_time_is_shown_and_not_simulated() {
        let clock = Clock { now_us: 5 * SECOND, skipped_us: 60 * SECOND };
        assert_eq!(clock.shown_ms(), 65_000);
        assert_eq!(clock.simulated_us(66_000), 6 * SECOND);
    }
}
