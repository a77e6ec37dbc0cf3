//! Who holds a VIP: VRRP (RFC 3768 or RFC 5798) as keepalived does it, with unicast advertisements and a check script.
//!
//! Each node knows only what it hears. Nothing here looks at two nodes at once to decide who holds.

use super::{
    event::EventKind,
    observe::Verdict,
    table::{MachineId, ServiceId, VipId},
    time::{MS, SECOND, Tick},
    world::World,
};
use crate::{
    catalog::Behaviour,
    model::{Power, Subject, VipName, VipSpec},
    provision::vip::{CHECK_FALL, CHECK_RISE, VrrpVersion, beat_secs, vrrp_version},
};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// Time that keepalived takes to start.
const KEEPALIVED_START_US: u64 = 200 * MS;

/// A state of RFC 5798, section 6.4, and keepalived's own fault state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    /// keepalived does not run.
    Stopped,
    /// It listens.
    Backup,
    /// It holds the address.
    Master,
    /// Its check fails or its link is down: it neither holds nor stands for election.
    Fault,
}

/// The check of what a VIP follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Script {
    /// It has not run yet: the first answer decides.
    Unknown,
    /// Good, with so many bad answers in a row.
    Good(u8),
    /// Bad, with so many good answers in a row.
    Bad(u8),
}

/// A machine's part in the election of one VIP. A removed one keeps its row, without a specification.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct VipPart {
    pub(super) machine: MachineId,
    pub(super) name: VipName,
    pub(super) spec: Option<VipSpec>,
    pub(super) state: State,
    script: Script,
    /// Of the election's timers, and of the script's.
    pub(super) generation: u32,
    pub(super) script_generation: u32,
    /// When it last said to its network that the address is its own.
    pub(super) announced_us: u64,
    /// When it last took or left the address, by the world's clock.
    pub(super) since_ms: u64,
}

impl VipPart {
    fn advertise_us(&self) -> u64 {
        self.spec.as_ref().map_or(SECOND, |spec| u64::from(spec.advertise_ms.max(1)) * MS)
    }

    fn priority(&self) -> u8 {
        self.spec.as_ref().map_or(1, |spec| spec.priority)
    }

    /// Skew_Time. Version 2 has it in parts of a second, whatever the interval (RFC 3768, section 6.1); version 3 in parts of the
    /// interval (RFC 5798, section 6.1).
    fn skew_us(&self) -> u64 {
        let unit_us = match self.spec.as_ref().map(vrrp_version) {
            Some(VrrpVersion::Three) => self.advertise_us(),
            Some(VrrpVersion::Two) | None => SECOND,
        };
        (256 - u64::from(self.priority())) * unit_us / 256
    }

    /// Time between two runs of the check.
    pub(super) fn check_us(&self) -> u64 {
        self.spec.as_ref().map_or(SECOND, |spec| u64::from(beat_secs(spec)) * SECOND)
    }

    /// Master_Down_Interval, the same in both versions.
    pub(super) fn master_down_us(&self) -> u64 {
        3 * self.advertise_us() + self.skew_us()
    }

    fn preempts(&self) -> bool {
        self.spec.as_ref().is_some_and(|spec| spec.preempt)
    }
}

impl World {
    /// Whether a node has the address of a VIP now, rightly or not.
    pub(super) fn has_vip(&self, vip: VipId) -> bool {
        let part = &self.vips[vip];
        part.spec.is_some() && part.state == State::Master && self.machines[part.machine].power != Power::Stopped
    }

    /// Sets a VIP up on a machine, or anew; keepalived is started.
    pub(super) fn set_vip(&mut self, machine: MachineId, name: &VipName, spec: &VipSpec) -> bool {
        let known = self.vips.find(|part| part.machine == machine && part.name == *name);
        if known.is_some_and(|vip| self.vips[vip].spec.as_ref() == Some(spec)) {
            return false;
        }
        let vip = known.unwrap_or_else(|| {
            self.vips.push(VipPart {
                machine,
                name: name.clone(),
                spec: None,
                state: State::Stopped,
                script: Script::Unknown,
                generation: 0,
                script_generation: 0,
                announced_us: 0,
                since_ms: 0,
            })
        });
        self.vips[vip].spec = Some(spec.clone());
        // keepalived reloads: it keeps what it holds where only its peers or its priority change.
        if self.vips[vip].state == State::Stopped {
            self.start_keepalived(vip);
        } else {
            self.update_holders();
        }
        true
    }

    /// Takes a machine out of a VIP's election.
    pub(super) fn remove_vip(&mut self, machine: MachineId, name: &VipName) -> bool {
        let Some(vip) = self.vips.find(|part| part.machine == machine && part.name == *name && part.spec.is_some()) else { return false };
        self.stop_keepalived(vip);
        self.vips[vip].spec = None;
        true
    }

    pub(super) fn vips_on(&self, machine: MachineId) -> Vec<VipId> {
        self.vips.iter().filter(|(_, part)| part.machine == machine && part.spec.is_some()).map(|(id, _)| id).collect()
    }

    pub(super) fn start_keepalived(&mut self, vip: VipId) {
        let part = &mut self.vips[vip];
        part.state = State::Fault;
        part.script = Script::Unknown;
        part.generation += 1;
        part.script_generation += 1;
        let generation = part.script_generation;
        self.plan(KEEPALIVED_START_US, Tick::TrackScript(vip, generation));
    }

    /// keepalived is stopped in order: a holder says that it leaves.
    pub(super) fn stop_keepalived(&mut self, vip: VipId) {
        if self.vips[vip].state == State::Master {
            self.leave_vip(vip, "keepalived stops");
        }
        self.vips_die(vip);
    }

    /// keepalived is gone with its machine.
    pub(super) fn vips_die(&mut self, vip: VipId) {
        let part = &mut self.vips[vip];
        part.state = State::Stopped;
        part.generation += 1;
        part.script_generation += 1;
        self.update_holders();
    }

    fn vip_link_is_up(&self, vip: VipId) -> bool {
        let part = &self.vips[vip];
        let Some(network) = part.spec.as_ref().and_then(|spec| self.network_named(&spec.network).ok()) else { return false };
        self.machines[part.machine].cards.iter().any(|card| card.network == network && card.connected)
    }

    /// The machine's own address in the VIP's network.
    fn vip_source(&self, vip: VipId) -> Option<Ipv4Addr> {
        let part = &self.vips[vip];
        let network = self.network_named(&part.spec.as_ref()?.network).ok()?;
        let card = self.machines[part.machine].cards.iter().find(|card| card.network == network)?;
        card.address.map(|net| net.addr())
    }

    /// The service that must be well where the VIP is.
    pub(super) fn followed(&self, vip: VipId) -> Option<ServiceId> {
        let part = &self.vips[vip];
        let name = part.spec.as_ref()?.follows.as_ref()?;
        self.machines[part.machine].services.iter().copied().find(|service| self.services[*service].name == *name)
    }

    /// What the check script would say now: it runs the service's own health script, and only "down" is a failure. Without a weight that
    /// puts the instance into the state fault (keepalived.conf(5), vrrp_script).
    pub(super) fn vip_check_is_good(&self, vip: VipId) -> bool {
        let follows = self.vips[vip].spec.as_ref().is_some_and(|spec| spec.follows.is_some());
        match self.followed(vip) {
            // A web server's script asks the server itself, and not those behind it.
            Some(service) if self.services[service].behaviour == Behaviour::Web => self.works(service).is_ok(),
            Some(service) => !matches!(self.judge(service), Verdict::Bad(_)),
            None => !follows,
        }
    }

    /// keepalived runs its check, or sees for the first time that it needs none.
    pub(super) fn track_script(&mut self, vip: VipId) {
        let good = self.vip_check_is_good(vip);
        let before = self.vips[vip].script;
        let after = match (before, good) {
            (Script::Unknown, true) => Script::Good(0),
            (Script::Unknown, false) => Script::Bad(0),
            (Script::Good(_), true) => Script::Good(0),
            (Script::Good(bad), false) if bad + 1 < CHECK_FALL => Script::Good(bad + 1),
            (Script::Good(_), false) => Script::Bad(0),
            (Script::Bad(_), false) => Script::Bad(0),
            (Script::Bad(good), true) if good + 1 < CHECK_RISE => Script::Bad(good + 1),
            (Script::Bad(_), true) => Script::Good(0),
        };
        self.vips[vip].script = after;
        if matches!((before, after), (Script::Good(_), Script::Bad(_))) {
            let leaves = if self.vips[vip].state == State::Master { ", leaves the VIP" } else { "" };
            self.tell_vip(vip, EventKind::Check, &format!("check of what {} follows fails{leaves}", self.vips[vip].name));
        }
        self.weigh_vip(vip);
        let generation = self.vips[vip].script_generation;
        if self.followed(vip).is_some() {
            let every = self.vips[vip].check_us();
            self.plan(every, Tick::TrackScript(vip, generation));
        }
    }

    /// Goes into or out of the fault state, as link and check say.
    pub(super) fn weigh_vip(&mut self, vip: VipId) {
        let part = &self.vips[vip];
        if part.spec.is_none() || part.state == State::Stopped || !self.machines[part.machine].is_alive() {
            return;
        }
        let able = self.vip_link_is_up(vip) && matches!(part.script, Script::Good(_));
        match (part.state, able) {
            (State::Fault, true) => self.become_backup(vip),
            (State::Backup, false) => {
                self.vips[vip].state = State::Fault;
                self.vips[vip].generation += 1;
            }
            (State::Master, false) => {
                self.mark_detected(vip);
                self.leave_vip(vip, if self.vip_link_is_up(vip) { "its check fails" } else { "its link is down" });
                self.vips[vip].state = State::Fault;
            }
            _ => {}
        }
    }

    /// Gives the address up and says so, with a priority of 0: the others need not wait.
    fn leave_vip(&mut self, vip: VipId, why: &str) {
        self.advertise(vip, 0);
        self.vips[vip].state = State::Backup;
        self.vips[vip].generation += 1;
        self.update_holders();
        self.tell_vip(vip, EventKind::LeftVip, &format!("leaves {}: {why}", self.vips[vip].name));
    }

    fn become_backup(&mut self, vip: VipId) {
        self.vips[vip].state = State::Backup;
        let wait_us = self.vips[vip].master_down_us();
        self.arm_master_down(vip, wait_us);
    }

    fn arm_master_down(&mut self, vip: VipId, wait_us: u64) {
        self.vips[vip].generation += 1;
        let generation = self.vips[vip].generation;
        self.plan(wait_us, Tick::MasterDown(vip, generation));
    }

    /// Nobody was heard for too long: takes the address.
    pub(super) fn master_down(&mut self, vip: VipId) {
        if self.vips[vip].state != State::Backup {
            return;
        }
        self.mark_detected(vip);
        let part = &mut self.vips[vip];
        part.state = State::Master;
        part.generation += 1;
        part.announced_us = self.clock.now_us;
        let address = part.spec.as_ref().map(|spec| spec.address.addr().to_string()).unwrap_or_default();
        self.update_holders();
        self.tell_vip(vip, EventKind::TookVip, &format!("takes {address}"));
        self.mark_elected(vip);
        self.send_advertisement(vip);
    }

    /// A holder says that it is there, and when it will say so again.
    pub(super) fn send_advertisement(&mut self, vip: VipId) {
        if self.vips[vip].state != State::Master {
            return;
        }
        let priority = self.vips[vip].priority();
        self.advertise(vip, priority);
        let (wait_us, generation) = (self.vips[vip].advertise_us(), self.vips[vip].generation);
        self.plan(wait_us, Tick::Advertise(vip, generation));
    }

    fn advertise(&mut self, vip: VipId, priority: u8) {
        let Some(source) = self.vip_source(vip) else { return };
        let (from, name) = (self.vips[vip].machine, self.vips[vip].name.clone());
        let peers = self.vips[vip].spec.as_ref().map(|spec| spec.peers.clone()).unwrap_or_default();
        for peer in peers {
            // Only a packet that really gets there is heard; an answer is not needed.
            let Ok(route) = self.route(from, peer) else { continue };
            if !route.forward || self.rng.percent(route.loss_percent) {
                continue;
            }
            if let Some(at) = self.vips.find(|part| Some(part.machine) == route.machine && part.name == name && part.spec.is_some()) {
                self.plan(route.there_us, Tick::Heard { at, from: source, priority });
            }
        }
    }

    /// RFC 5798, section 6.4.2 and 6.4.3: an advertisement arrives.
    pub(super) fn heard(&mut self, vip: VipId, from: Ipv4Addr, priority: u8) {
        if !self.machines[self.vips[vip].machine].is_alive() {
            return;
        }
        let (ours, skew_us, down_us) = (self.vips[vip].priority(), self.vips[vip].skew_us(), self.vips[vip].master_down_us());
        match self.vips[vip].state {
            State::Backup if priority == 0 => self.arm_master_down(vip, skew_us),
            State::Backup if !self.vips[vip].preempts() || priority >= ours => self.arm_master_down(vip, down_us),
            State::Master => {
                let source = self.vip_source(vip);
                if priority > ours || (priority == ours && Some(from) > source) {
                    self.vips[vip].state = State::Backup;
                    self.arm_master_down(vip, down_us);
                    self.update_holders();
                    self.tell_vip(vip, EventKind::LeftVip, &format!("leaves {}: another holds it", self.vips[vip].name));
                } else {
                    // keepalived answers a weaker holder at once, and tells the network again whose address it is.
                    self.vips[vip].announced_us = self.clock.now_us;
                    self.update_holders();
                    if priority > 0 {
                        self.advertise(vip, ours);
                    }
                }
            }
            _ => {}
        }
    }

    fn tell_vip(&mut self, vip: VipId, kind: EventKind, text: &str) {
        if matches!(kind, EventKind::TookVip | EventKind::LeftVip) {
            self.vips[vip].since_ms = self.now_ms();
        }
        let node = self.machines[self.vips[vip].machine].name.clone();
        let subject = if kind == EventKind::Check { Subject::Node(node) } else { Subject::Vip(self.vips[vip].name.clone()) };
        let text = match &subject {
            Subject::Vip(_) => format!("{} {text}", self.machines[self.vips[vip].machine].name),
            _ => text.to_owned(),
        };
        self.tell(subject, kind, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::table::Id;

    fn part(priority: u8, advertise_ms: u32) -> VipPart {
        let spec = VipSpec {
            address: "10.0.0.30/24".parse().unwrap(),
            network: "net".parse().unwrap(),
            id: 1,
            priority,
            peers: Vec::new(),
            follows: None,
            advertise_ms,
            preempt: false,
        };
        VipPart {
            machine: MachineId::new(0),
            name: "vip".parse().unwrap(),
            spec: Some(spec),
            state: State::Backup,
            script: Script::Unknown,
            generation: 0,
            script_generation: 0,
            announced_us: 0,
            since_ms: 0,
        }
    }

    #[test]
    fn timers_are_those_of_the_rfc() {
        for (priority, advertise_ms, skew_us, down_us) in [
            // RFC 3768, section 6.1: Skew_Time = (256 - Priority) / 256 seconds.
            (100, 1000, 609_375, 3_609_375),
            (254, 1000, 7_812, 3_007_812),
            (10, 20_000, 960_937, 60_960_937),
            // RFC 5798, section 6.1: Skew_Time = ((256 - priority) * Master_Adver_Interval) / 256.
            (1, 100, 99_609, 399_609),
            (10, 20_500, 19_699_218, 81_199_218),
        ] {
            let part = part(priority, advertise_ms);
            assert_eq!((part.skew_us(), part.master_down_us()), (skew_us, down_us), "{priority} {advertise_ms}");
        }
    }
}
