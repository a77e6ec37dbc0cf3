//! What the failover ruler is told of a world: faults, VIPs that move, and the ends of requests.

use super::{
    request::Request,
    table::{MachineId, VipId},
    world::World,
};
use crate::{
    activity::{Ended, Moment, Ruler},
    model::{FailoverRuler, MoveCause, NodeName, RequestOutage, VipName},
};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// The ruler, and what a world has to remember for it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct RulerState {
    #[serde(default)]
    ruler: Ruler,
    #[serde(default)]
    holder: Option<(VipName, NodeName)>,
    /// The address of the VIP that moved last, and the machine that took it.
    #[serde(default)]
    took: Option<(Ipv4Addr, MachineId)>,
}

impl World {
    /// The last move of a VIP; `None`: none moved yet.
    pub fn failover(&self) -> Option<FailoverRuler> {
        self.ruler.ruler.failover(self.clock.now_us, &|| self.load.open_gaps(self.clock.now_us))
    }

    /// What became of requests since the last fault; `None`: nothing was broken yet.
    pub fn outage(&self) -> Option<RequestOutage> {
        self.ruler.ruler.outage(self.clock.now_us, &|| self.load.open_gaps(self.clock.now_us))
    }

    fn moment(&self) -> Moment {
        Moment { us: self.clock.now_us, shown_ms: self.now_ms() }
    }

    /// Whether a machine is the one that took the VIP that moved last, which has this address.
    pub(super) fn took_vip(&self, machine: MachineId, address: Ipv4Addr) -> bool {
        self.ruler.took == Some((address, machine))
    }

    /// Something was broken or healed: what moves now moves because of it.
    pub(super) fn mark_fault(&mut self, cause: MoveCause) {
        let (now, load) = (self.moment(), &self.load);
        self.ruler.ruler.mark(cause, now, &|| load.open_gaps(now.us));
    }

    /// A node noticed that a VIP must move.
    pub(super) fn mark_detected(&mut self, vip: VipId) {
        let now = self.moment();
        self.ruler.ruler.noticed(&self.vips[vip].name, now);
    }

    /// A node took a VIP.
    pub(super) fn mark_elected(&mut self, vip: VipId) {
        let now = self.moment();
        let part = &self.vips[vip];
        let (name, to) = (part.name.clone(), self.machines[part.machine].name.clone());
        let from = self.ruler.holder.take().filter(|(known, _)| *known == name).map(|(_, node)| node);
        self.ruler.holder = Some((name.clone(), to.clone()));
        // A first election is no failover.
        if from.as_ref().is_none_or(|from| *from == to) {
            return;
        }
        self.ruler.took = part.spec.as_ref().map(|spec| (spec.address.addr(), part.machine));
        self.ruler.ruler.taken(&name, from, &to, now);
    }

    /// A request has ended, and with it a gap of its entry.
    pub(super) fn mark_request(&mut self, request: &Request, is_good: bool, gap_us: u64) {
        let now = self.moment();
        if !self.ruler.ruler.counts(now.us) {
            return;
        }
        let Some(entry) = self.load.entry_id(request.entry).cloned() else { return };
        let ended = Ended { began_us: request.started_us, is_good, gap_us, by_new_holder: request.by_new_holder };
        let load = &self.load;
        self.ruler.ruler.ended(&entry, &ended, now, &|| load.open_gaps(now.us));
    }
}
