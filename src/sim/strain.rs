//! What a node runs short of, or has wrong: processors, memory, its clock, lookups of names.
//!
//! Each is worked out from the faults that last, so healing one never undoes another.

use super::{
    event::EventKind,
    table::{MachineId, ServiceId},
    world::World,
};
use crate::{
    catalog::Catalog,
    model::{Fault, Subject},
    provision::{
        inject::{MEMORY_FREE_PERCENT, MEMORY_PERCENT},
        scene::CERTIFICATE_EARLIER_DAYS,
    },
};
use serde::{Deserialize, Serialize};

const DAY_SECS: i64 = 24 * 3600;

/// What faults take from a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Strain {
    /// Busy loops on each of its processors.
    pub(super) hogs: u64,
    /// What fills its memory, in MiB; 0: nothing does.
    filler_mib: u64,
    /// What is left of its memory beside that, in MiB.
    free_mib: u64,
    /// By how much its clock is off, in seconds.
    skew_secs: i64,
    /// Whether what it asks name servers is dropped.
    pub(super) no_lookups: bool,
}

impl Strain {
    /// What the work of a service takes on its node, as a multiple: a busy loop and a service that wants the same processor get half of
    /// it each (Linux, sched-design-CFS: tasks of one weight get one share).
    pub(super) fn work_factor(self) -> u64 {
        1 + self.hogs
    }

    /// Whether its clock shows a time at which certificates of the lab were not valid yet.
    pub(super) fn is_before_certificates(self) -> bool {
        self.skew_secs < -(DAY_SECS * i64::try_from(CERTIFICATE_EARLIER_DAYS).unwrap_or(i64::MAX / DAY_SECS))
    }
}

impl World {
    /// Works a node's strain out from the faults that last.
    pub(super) fn apply_strain(&mut self, machine: MachineId) {
        let before = self.machines[machine].strain;
        let name = &self.machines[machine].name;
        let mut strain = Strain::default();
        let mut fills = false;
        for fault in &self.faults.in_force {
            match &fault.fault {
                Fault::HogCpu(node) if node == name => strain.hogs += 1,
                Fault::FillMemory(node) if node == name => fills = true,
                Fault::Skew(node, secs) if node == name => strain.skew_secs += secs,
                Fault::NoDns(node) if node == name => strain.no_lookups = true,
                _ => {}
            }
        }
        if fills && before.filler_mib > 0 {
            (strain.filler_mib, strain.free_mib) = (before.filler_mib, before.free_mib);
        } else if fills {
            let all_mib = self.machines[machine].spec.as_ref().map_or(0, |spec| u64::from(spec.memory_mib));
            let available_mib = all_mib.saturating_sub(self.memory_used_mib(machine));
            strain.filler_mib = (available_mib * (100 - MEMORY_FREE_PERCENT) / 100).min(all_mib * MEMORY_PERCENT / 100);
            strain.free_mib = available_mib - strain.filler_mib;
        }
        self.machines[machine].strain = strain;
        self.owners.ways.forget();
    }

    /// What the services that run on a node work in, in MiB, as the catalog has it.
    fn memory_used_mib(&self, machine: MachineId) -> u64 {
        let running = self.machines[machine].services.iter().filter(|service| self.services[**service].holds_memory());
        running.map(|service| self.memory_of(*service)).sum()
    }

    fn memory_of(&self, service: ServiceId) -> u64 {
        let kind = self.services[service].spec.as_ref().and_then(|spec| Catalog::embedded().get(&spec.kind));
        kind.map_or(0, |entry| u64::from(entry.memory_mib))
    }

    /// A service takes memory on a node that has little left. If that does not suffice, the kernel ends the largest process (Linux,
    /// oom_badness): what fills the memory, as a rule.
    pub(super) fn take_memory(&mut self, service: ServiceId) {
        let machine = self.services[service].machine;
        let Strain { filler_mib, free_mib, .. } = self.machines[machine].strain;
        if filler_mib == 0 {
            return;
        }
        let wanted_mib = self.memory_of(service);
        if wanted_mib <= free_mib {
            self.machines[machine].strain.free_mib -= wanted_mib;
            return;
        }
        let others = self.machines[machine].services.iter().copied();
        let others = others.filter(|other| *other != service && self.services[*other].holds_memory());
        let largest = others.map(|other| (self.memory_of(other), other)).max();
        let name = self.machines[machine].name.clone();
        match largest.filter(|(mib, _)| *mib > filler_mib) {
            Some((mib, victim)) => {
                self.tell(Subject::Node(name), EventKind::Died, "no memory is left: the kernel ends the largest process");
                self.machines[machine].strain.free_mib = (free_mib + mib).saturating_sub(wanted_mib);
                self.kill_service(victim);
            }
            None => {
                self.tell(Subject::Node(name.clone()), EventKind::Healed, "no memory is left: the kernel ends what fills it");
                self.faults.in_force.retain(|fault| fault.fault != Fault::FillMemory(name.clone()));
                self.apply_strain(machine);
            }
        }
    }

    /// A machine has lost its power: processes that faults started there are gone.
    pub(super) fn forget_strain(&mut self, machine: MachineId) {
        if self.faults.in_force.is_empty() {
            return;
        }
        let name = self.machines[machine].name.clone();
        let is_process = |fault: &Fault| matches!(fault, Fault::HogCpu(node) | Fault::FillMemory(node) if *node == name);
        self.faults.in_force.retain(|fault| !is_process(&fault.fault));
        self.apply_strain(machine);
    }

    /// Why nothing may come of a fault, where that needs words.
    pub(super) fn why_harmless(fault: &Fault) -> Option<&'static str> {
        match fault {
            Fault::NoDns(_) => Some("Nodes know each other's names from /etc/hosts and ask no name server for them."),
            Fault::FillMemory(_) => Some(
                "Services that run keep the memory that they have. If none is left, the kernel ends the largest process: the one that fills it.",
            ),
            Fault::HogCpu(_) => {
                Some("Services share the processors with the load: their work takes twice as long, which no user notices here.")
            }
            Fault::Skew(..) => Some(
                "Connections that stand are not checked again, and certificates of the lab hold from days before they were made: only \
                 logins from a node whose clock is farther behind fail.",
            ),
            _ => None,
        }
    }
}
