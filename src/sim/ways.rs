//! What calls came to: kept for as long as nothing happens that could change it.
//!
//! Most ticks only ask: requests, checks, probes and advertisements find the same ways again and again. Every other tick and every change
//! from outside forgets all that is kept, and so do the indexes of addresses when they change. Debug builds work each answer out again
//! and compare, so that each test of the simulator is one of this as well.

use super::{
    network::{Attempt, Caller},
    table::MachineId,
};
use rustc_hash::FxHashMap;
use std::{
    net::SocketAddrV4,
    sync::{Mutex, PoisonError},
};

/// A call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Call {
    /// To an address and port.
    To(Caller, SocketAddrV4),
    /// From outside to a port of a machine, by its way in.
    In(MachineId, u16),
}

/// The calls whose answers are kept.
#[derive(Debug, Default)]
pub(super) struct Ways {
    is_kept: bool,
    known: Mutex<FxHashMap<Call, Attempt>>,
}

// A copy goes its own way.
impl Clone for Ways {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Ways {
    /// From now on answers are kept: what happens next changes nothing that they depend on.
    pub(super) fn keep(&mut self) {
        self.is_kept = true;
    }

    /// From now on none is.
    pub(super) fn drop_all(&mut self) {
        self.is_kept = false;
        self.forget();
    }

    /// Something has changed that answers depend on.
    pub(super) fn forget(&mut self) {
        self.known.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The answer to a call, worked out where it is not kept.
    pub(super) fn answer(&self, call: Call, work_out: impl Fn() -> Attempt) -> Attempt {
        if !self.is_kept {
            return work_out();
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = *known.entry(call).or_insert_with(&work_out);
        debug_assert_eq!(answer, work_out(), "{call:?} was kept although something has changed");
        answer
    }
}
