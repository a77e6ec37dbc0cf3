//! Faults: what each does to the world, and what exactly undoes it.
//!
//! What lies on links is worked out anew from the list of faults that last, so healing one never undoes another. What
//! was done to a service or a machine is undone only where no other fault still holds it.

use super::{
    event::EventKind,
    service::Phase,
    table::{ClusterId, MachineId, ServiceId},
    time::{MS, SECOND, Tick},
    world::{SimError, World},
};
use crate::{
    catalog::Catalog,
    model::{ActiveFault, Author, Fault, MoveCause, NetworkName, NodeName, Power, ServiceRef},
    reach::Link,
};
use serde::{Deserialize, Serialize};

/// Time after [`World::heal_all`] in which clusters may come back by themselves, before one that stopped is recovered.
const RECOVER_US: u64 = 15 * SECOND;
/// Time between stop and start of a restart.
const RESTART_US: u64 = 200 * MS;

/// A fault that lasts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct InForce {
    pub(super) id: u64,
    pub(super) fault: Fault,
    since_ms: u64,
    #[serde(default)]
    until_ms: Option<u64>,
    #[serde(default)]
    by: Author,
}

/// The faults that last, and the number of the next one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Faults {
    pub(super) in_force: Vec<InForce>,
    count: u64,
    /// When the last was injected, in microseconds: what was found before says nothing of the time since.
    #[serde(default)]
    pub(super) injected_us: Option<u64>,
    /// Whether packets that leave some adapter wait.
    #[serde(default)]
    pub(super) delays: bool,
    /// Whether adapters and packets are as faults on links have made them.
    #[serde(default = "unknown")]
    on_links: bool,
}

/// A world that was saved without saying so may have faults on its links.
fn unknown() -> bool {
    true
}

impl World {
    /// Breaks something, now. The number that comes back heals it; a fault that is over at once (`restart`) has one too,
    /// and need not be healed.
    ///
    /// # Errors
    /// Where it falls on something that is not there, or that it cannot fall on; then nothing has changed.
    pub fn inject(&mut self, fault: &Fault) -> Result<u64, SimError> {
        self.check_fault(fault)?;
        self.faults.count += 1;
        self.faults.injected_us = Some(self.clock.now_us);
        let id = self.faults.count;
        self.tell(crate::fault::told_about(fault), EventKind::Injected, fault.to_string());
        self.mark_fault(MoveCause::Fault);
        if !fault.is_over_at_once() {
            self.faults.in_force.push(InForce { id, fault: fault.clone(), since_ms: self.now_ms(), until_ms: None, by: Author::Unknown });
        }
        match fault {
            Fault::Stop(at) => self.with_service(at, |world, service| world.stop_service(service, "by a fault")),
            Fault::Kill(at) => self.with_service(at, Self::kill_service),
            Fault::Hang(at) => self.with_service(at, Self::hang_service),
            Fault::Restart(at) => self.with_service(at, Self::restart_service),
            Fault::Cookie(at) => self.with_service(at, |world, service| world.services[service].wrong_cookie = true),
            Fault::PowerOff(node) => self.with_machine(node, |world, machine| {
                if world.machines[machine].power != Power::Stopped {
                    world.powered_off(machine);
                }
            }),
            Fault::Pause(node) => self.with_machine(node, Self::pause),
            Fault::LinkDown(..) | Fault::OneWay(..) | Fault::Cut(..) | Fault::Loss(..) | Fault::Delay(..) => self.apply_link_faults(),
            Fault::Block(at) => self.with_service(at, |world, service| world.services[service].blocked = true),
            Fault::Expire(at) => self.with_service(at, |world, service| world.services[service].expired = true),
            Fault::FillDisk(node) => self.with_machine(node, |world, machine| world.machines[machine].disk_full = true),
            Fault::FillMemory(node) | Fault::HogCpu(node) | Fault::Skew(node, _) | Fault::NoDns(node) => {
                self.with_machine(node, Self::apply_strain);
            }
        }
        Ok(id)
    }

    /// Breaks something for so many milliseconds; then it heals by itself.
    ///
    /// # Errors
    /// As [`World::inject`].
    pub fn inject_for(&mut self, fault: &Fault, lasts_ms: u64) -> Result<u64, SimError> {
        let id = self.inject(fault)?;
        let until_ms = self.now_ms().saturating_add(lasts_ms);
        self.faults.in_force.iter_mut().filter(|fault| fault.id == id).for_each(|fault| fault.until_ms = Some(until_ms));
        self.plan(lasts_ms.saturating_mul(MS), Tick::TimeIsUp(id));
        Ok(id)
    }

    /// Records who injected a fault.
    pub fn sign(&mut self, id: u64, by: Author) {
        self.faults.in_force.iter_mut().filter(|fault| fault.id == id).for_each(|fault| fault.by = by);
    }

    /// A fault has lasted as long as it may. One that is healed already is no matter.
    pub(super) fn time_is_up(&mut self, id: u64) {
        if self.faults.in_force.iter().any(|fault| fault.id == id) {
            // It was just found, so it can be healed.
            let _healed = self.heal(id);
        }
    }

    /// Heals one fault. A service that a fault stopped is started, a machine turned on or let run, a link as it was.
    ///
    /// # Errors
    /// Where no such fault lasts.
    pub fn heal(&mut self, id: u64) -> Result<(), SimError> {
        let Some(place) = self.faults.in_force.iter().position(|fault| fault.id == id) else {
            return Err(SimError::unknown("fault", id.to_string()));
        };
        let fault = self.faults.in_force.remove(place).fault;
        self.tell(crate::fault::told_about(&fault), EventKind::Healed, fault.to_string());
        self.mark_fault(MoveCause::Heal);
        match &fault {
            Fault::Stop(at) | Fault::Kill(at) => self.with_service(at, Self::start_healed),
            Fault::Hang(at) => self.with_service(at, |world, service| {
                if !world.is_held(|other| matches!(other, Fault::Hang(at) if *at == world.reference(service))) {
                    world.services[service].hung = false;
                }
            }),
            Fault::Cookie(at) => self.with_service(at, |world, service| {
                let held = world.is_held(|other| matches!(other, Fault::Cookie(at) if *at == world.reference(service)));
                world.services[service].wrong_cookie = held;
            }),
            Fault::PowerOff(node) => self.with_machine(node, |world, machine| {
                let held = world.is_held(|other| matches!(other, Fault::PowerOff(node) if *node == world.machines[machine].name));
                if !held && world.machines[machine].power == Power::Stopped {
                    world.power_on(machine);
                }
            }),
            Fault::Pause(node) => self.with_machine(node, |world, machine| {
                let held = world.is_held(|other| matches!(other, Fault::Pause(node) if *node == world.machines[machine].name));
                if !held {
                    world.resume(machine);
                }
            }),
            Fault::Block(at) => self.with_service(at, |world, service| {
                world.services[service].blocked =
                    world.is_held(|other| matches!(other, Fault::Block(at) if *at == world.reference(service)));
            }),
            Fault::Expire(at) => self.with_service(at, |world, service| {
                world.services[service].expired =
                    world.is_held(|other| matches!(other, Fault::Expire(at) if *at == world.reference(service)));
            }),
            Fault::FillDisk(node) => self.with_machine(node, |world, machine| {
                let held = world.is_held(|other| matches!(other, Fault::FillDisk(node) if *node == world.machines[machine].name));
                world.machines[machine].disk_full = held;
            }),
            Fault::FillMemory(node) | Fault::HogCpu(node) | Fault::Skew(node, _) | Fault::NoDns(node) => {
                self.with_machine(node, Self::apply_strain);
            }
            Fault::Restart(_) => {}
            Fault::LinkDown(..) | Fault::OneWay(..) | Fault::Cut(..) | Fault::Loss(..) | Fault::Delay(..) => self.apply_link_faults(),
        }
        Ok(())
    }

    /// Heals every fault, the last first. A cluster that is still stopped fifteen seconds later is recovered as by
    /// [`World::recover_cluster`], because none does that by itself.
    pub fn heal_all(&mut self) {
        while let Some(last) = self.faults.in_force.last() {
            let id = last.id;
            if self.heal(id).is_err() {
                break;
            }
        }
        let clusters: Vec<ClusterId> = self.clusters.ids().collect();
        for cluster in clusters {
            self.plan(RECOVER_US, Tick::RecoverIfStopped(cluster));
        }
    }

    /// The faults that last, oldest first.
    pub fn active_faults(&self) -> Vec<ActiveFault> {
        let seen = |fault: &InForce| ActiveFault {
            id: fault.id,
            fault: fault.fault.clone(),
            since_ms: fault.since_ms,
            until_ms: fault.until_ms,
            by: fault.by,
        };
        self.faults.in_force.iter().map(seen).collect()
    }

    /// A killed service is up again: its fault is over.
    pub(super) fn forget_kill(&mut self, service: ServiceId) {
        if self.faults.in_force.is_empty() {
            return;
        }
        let at = self.reference(service);
        self.faults.in_force.retain(|fault| fault.fault != Fault::Kill(at.clone()));
    }

    fn is_held(&self, by: impl Fn(&Fault) -> bool) -> bool {
        self.faults.in_force.iter().any(|fault| by(&fault.fault))
    }

    fn check_fault(&self, fault: &Fault) -> Result<(), SimError> {
        match fault {
            Fault::Stop(at) | Fault::Restart(at) | Fault::Block(at) | Fault::Expire(at) | Fault::Cookie(at) => {
                self.check_service(at, fault).map(drop)
            }
            Fault::FillDisk(node) | Fault::Skew(node, _) | Fault::NoDns(node) => self.machine_named(node).map(drop),
            Fault::Kill(at) | Fault::Hang(at) => {
                let service = self.check_service(at, fault)?;
                let runs = matches!(self.services[service].phase, Phase::Starting | Phase::Running);
                if runs { Ok(()) } else { Err(SimError::refused(at.to_string(), "it does not run; start it first")) }
            }
            Fault::PowerOff(node) | Fault::Pause(node) | Fault::FillMemory(node) | Fault::HogCpu(node) => {
                let machine = self.machine_named(node)?;
                let is_off = matches!(self.machines[machine].power, Power::Stopped | Power::Missing);
                if is_off { Err(SimError::refused(node.as_str(), "it is off; power it on first")) } else { Ok(()) }
            }
            Fault::LinkDown(node, network) | Fault::Loss(node, network, _) | Fault::Delay(node, network, _) => {
                self.check_card(node, network)
            }
            Fault::OneWay(from, to) => self.machine_named(from).and(self.machine_named(to)).map(drop),
            Fault::Cut(one, other) => one.iter().chain(other).try_for_each(|node| self.machine_named(node).map(drop)),
        }
    }

    fn check_service(&self, at: &ServiceRef, fault: &Fault) -> Result<ServiceId, SimError> {
        let service = self.service_named(&at.node, &at.service)?;
        let known = self.services[service].spec.as_ref().and_then(|spec| Some((Catalog::embedded().get(&spec.kind)?, spec)));
        match known.and_then(|(entry, spec)| entry.set_up_withstands(fault, spec)) {
            Some(why) => Err(SimError::refused(at.to_string(), why)),
            None => Ok(service),
        }
    }

    fn check_card(&self, node: &NodeName, network: &NetworkName) -> Result<(), SimError> {
        let machine = self.machine_named(node)?;
        let network_id = self.network_named(network)?;
        if self.machines[machine].cards.iter().any(|card| card.network == network_id) {
            Ok(())
        } else {
            Err(SimError::refused(node.as_str(), format!("it has no adapter on {network}")))
        }
    }

    fn with_service(&mut self, at: &ServiceRef, act: impl FnOnce(&mut Self, ServiceId)) {
        if let Some(service) = self.service_at(at) {
            act(self, service);
        }
    }

    fn with_machine(&mut self, node: &NodeName, act: impl FnOnce(&mut Self, MachineId)) {
        if let Ok(machine) = self.machine_named(node) {
            act(self, machine);
        }
    }

    fn hang_service(&mut self, service: ServiceId) {
        if self.services[service].phase == Phase::Running {
            self.services[service].hung = true;
            let text = format!("{} hangs", self.services[service].name);
            self.tell(self.subject(service), EventKind::Died, text);
        }
    }

    fn restart_service(&mut self, service: ServiceId) {
        self.stop_service(service, "it is restarted");
        let generation = self.services[service].generation;
        self.plan(RESTART_US, Tick::StartAgain(service, generation));
    }

    fn start_healed(&mut self, service: ServiceId) {
        let at = self.reference(service);
        let held = self.is_held(|other| matches!(other, Fault::Stop(other) if *other == at));
        if !held && self.services[service].enabled {
            // On a machine that is off or boots, whatever is enabled starts with the machine.
            self.start_again(service);
        }
    }

    /// Whether a fault holds a service down, so that a boot does not start it.
    pub(super) fn is_stopped_by_fault(&self, service: ServiceId) -> bool {
        if self.faults.in_force.is_empty() {
            return false;
        }
        let at = self.reference(service);
        self.is_held(|other| matches!(other, Fault::Stop(other) if *other == at))
    }

    /// A process is gone: what froze it is over.
    pub(super) fn forget_hang(&mut self, service: ServiceId) {
        if self.faults.in_force.is_empty() {
            return;
        }
        let at = self.reference(service);
        self.faults.in_force.retain(|fault| fault.fault != Fault::Hang(at.clone()));
    }

    /// A machine has lost its power: what froze it is over.
    pub(super) fn forget_pause(&mut self, machine: MachineId) {
        let pause = Fault::Pause(self.machines[machine].name.clone());
        self.faults.in_force.retain(|fault| fault.fault != pause);
    }

    /// Something was removed: faults that fell on it are over.
    pub(super) fn forget_void_faults(&mut self) {
        let mut in_force = std::mem::take(&mut self.faults.in_force);
        in_force.retain(|fault| !matches!(self.check_fault(&fault.fault), Err(SimError::Unknown { .. })));
        self.faults.in_force = in_force;
        self.apply_link_faults();
    }

    /// Works out each adapter's cable, loss and delay, and who drops whose packets, from the faults that last.
    pub(super) fn apply_link_faults(&mut self) {
        let on_links =
            |fault: &Fault| matches!(fault, Fault::LinkDown(..) | Fault::OneWay(..) | Fault::Cut(..) | Fault::Loss(..) | Fault::Delay(..));
        let any = self.faults.in_force.iter().any(|fault| on_links(&fault.fault));
        if !any && !std::mem::replace(&mut self.faults.on_links, any) {
            return;
        }
        self.faults.on_links = any;
        self.faults.delays = self.is_held(|fault| matches!(fault, Fault::Delay(..)));
        let mut delays_us = Vec::new();
        for machine in self.machines.rows_mut() {
            for card in &mut machine.cards {
                delays_us.push(card.delay_us);
                card.set_link(Link::GOOD);
            }
        }
        let mut dropped = Vec::new();
        for fault in self.faults.in_force.clone() {
            match &fault.fault {
                on_link @ (Fault::LinkDown(node, network) | Fault::Loss(node, network, _) | Fault::Delay(node, network, _)) => {
                    self.each_card(node, network, |card| {
                        let mut link = card.link();
                        link.suffer(on_link);
                        card.set_link(link);
                    });
                }
                Fault::OneWay(from, to) => dropped.extend(self.pair(from, to)),
                Fault::Cut(one, other) => {
                    for (from, to) in one.iter().flat_map(|from| other.iter().map(move |to| (from, to))) {
                        dropped.extend(self.pair(from, to));
                        dropped.extend(self.pair(to, from));
                    }
                }
                _ => {}
            }
        }
        let now_us = self.clock.now_us;
        let cards = self.machines.rows_mut().flat_map(|machine| &mut machine.cards);
        for (card, _) in cards.zip(delays_us).filter(|(card, before_us)| card.delay_us != *before_us) {
            card.delayed_since_us = now_us;
        }
        dropped.sort_unstable();
        dropped.dedup();
        self.owners.dropped = dropped;
        self.links_changed();
    }

    fn pair(&self, from: &NodeName, to: &NodeName) -> Option<(MachineId, MachineId)> {
        self.machine_named(from).ok().zip(self.machine_named(to).ok())
    }

    fn each_card(&mut self, node: &NodeName, network: &NetworkName, change: impl Fn(&mut super::machine::Card)) {
        let (Ok(machine), Ok(network)) = (self.machine_named(node), self.network_named(network)) else { return };
        self.machines[machine].cards.iter_mut().filter(|card| card.network == network).for_each(change);
    }
}
