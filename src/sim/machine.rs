//! Machines: power, boot, freezing, adapters.

use super::{
    event::EventKind,
    service::Phase,
    strain::Strain,
    table::{MachineId, Named, NetworkId, ServiceId},
    time::{MS, SECOND, Tick},
    world::World,
};
use crate::model::{Ipv4Net, MachineSpec, NodeName, Power, ServiceName, ServiceSpec, Subject, VipName, VipSpec};
use crate::reach::Link;
use serde::{Deserialize, Serialize};

/// The part of a boot that does not depend on the number of processors. With one processor a boot takes about 2.7 s, as
/// the first of the testbed's nodes; with two or more about 1.9 s, as its others.
const BOOT_BASE_US: u64 = 1_100 * MS;
const BOOT_WORK_US: u64 = 1_600 * MS;
/// A clean shutdown (0.92 s on the testbed).
pub(super) const SHUTDOWN_US: u64 = 900 * MS;
/// Time between two reports of a node's agent.
pub(super) const PROBE_US: u64 = SECOND;

/// An adapter as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Card {
    pub(super) network: NetworkId,
    pub(super) address: Option<Ipv4Net>,
    /// Whether its cable is in.
    pub(super) connected: bool,
    pub(super) loss_percent: u8,
    pub(super) delay_us: u64,
    /// Since when packets that leave wait that long.
    #[serde(default)]
    pub(super) delayed_since_us: u64,
}

impl Card {
    pub(super) fn link(&self) -> Link {
        Link { connected: self.connected, loss_percent: self.loss_percent, delay_us: self.delay_us }
    }

    pub(super) fn set_link(&mut self, link: Link) {
        Link { connected: self.connected, loss_percent: self.loss_percent, delay_us: self.delay_us } = link;
    }
}

/// What a snapshot keeps of a machine: its hardware, and what is on its disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) name: String,
    pub(super) spec: MachineSpec,
    pub(super) configured: bool,
    pub(super) addresses: Vec<Option<Ipv4Net>>,
    /// What is installed, and whether it starts when the machine boots.
    pub(super) services: Vec<(ServiceName, ServiceSpec, bool)>,
    pub(super) vips: Vec<(VipName, VipSpec)>,
}

/// One machine. A removed one keeps its row, without a specification.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Machine {
    pub(super) name: NodeName,
    pub(super) spec: Option<MachineSpec>,
    pub(super) power: Power,
    pub(super) booted: bool,
    pub(super) configured: bool,
    pub(super) cards: Vec<Card>,
    pub(super) services: Vec<ServiceId>,
    pub(super) snapshots: Vec<Kept>,
    pub(super) generation: u32,
    pub(super) paused_us: u64,
    /// What was due while it was frozen, and how long after the freeze began.
    pub(super) frozen: Vec<(u64, Tick)>,
    pub(super) seen_us: u64,
    /// Whether there is no room left on its disk.
    #[serde(default)]
    pub(super) disk_full: bool,
    /// What faults take from it.
    #[serde(default)]
    pub(super) strain: Strain,
}

impl Named for Machine {
    fn name(&self) -> &str {
        self.name.as_str()
    }
}

impl Machine {
    /// Why nothing on it answers while it does not run.
    pub(super) fn power_reason(&self) -> String {
        format!("its machine is {}", self.power.title())
    }

    pub(super) fn new(name: NodeName) -> Self {
        Self {
            name,
            spec: None,
            power: Power::Missing,
            booted: false,
            configured: false,
            cards: Vec::new(),
            services: Vec::new(),
            snapshots: Vec::new(),
            generation: 0,
            paused_us: 0,
            frozen: Vec::new(),
            seen_us: 0,
            disk_full: false,
            strain: Strain::default(),
        }
    }

    /// Whether it runs programs and answers packets.
    pub(super) fn is_alive(&self) -> bool {
        self.power == Power::Running && self.booted
    }

    /// Puts a tick aside if the machine is frozen; whether it did.
    pub(super) fn freeze(&mut self, now_us: u64, tick: Tick) -> bool {
        if self.power != Power::Paused {
            return false;
        }
        self.frozen.push((now_us - self.paused_us, tick));
        true
    }
}

impl World {
    /// How long a machine takes from power to the first command.
    pub(super) fn boot_us(&mut self, machine: MachineId) -> u64 {
        let cpus = self.machines[machine].spec.as_ref().map_or(1, |spec| spec.cpus.clamp(1, 2));
        self.rng.around(BOOT_BASE_US + BOOT_WORK_US / u64::from(cpus))
    }

    /// Turns a machine on; what is enabled on it starts when it has booted.
    pub(super) fn power_on(&mut self, machine: MachineId) -> u64 {
        let boot_us = self.boot_us(machine);
        let row = &mut self.machines[machine];
        row.power = Power::Running;
        row.booted = false;
        row.generation += 1;
        let (generation, name) = (row.generation, row.name.clone());
        self.plan(boot_us, Tick::Booted(machine, generation));
        self.tell(Subject::Node(name), EventKind::Machine, "powered on");
        boot_us
    }

    pub(super) fn booted(&mut self, machine: MachineId) {
        let row = &mut self.machines[machine];
        row.booted = true;
        row.seen_us = self.clock.now_us;
        let (name, services) = (row.name.clone(), row.services.clone());
        self.tell(Subject::Node(name), EventKind::Machine, "has booted");
        self.start_enabled(services);
        for vip in self.vips_on(machine) {
            self.start_keepalived(vip);
        }
        // Not all agents report at the same moment.
        let offset_us = self.rng.below(PROBE_US);
        self.plan(offset_us, Tick::Probe(machine));
    }

    fn start_enabled(&mut self, services: Vec<ServiceId>) {
        for service in services {
            let row = &self.services[service];
            if row.is_enabled() && row.phase == Phase::Stopped && !self.is_stopped_by_fault(service) {
                self.begin_start(service);
            }
        }
    }

    /// Stops everything in order, then turns the machine off.
    pub(super) fn shut_down(&mut self, machine: MachineId) -> u64 {
        for service in self.machines[machine].services.clone() {
            self.stop_service(service, "the machine shuts down");
        }
        for vip in self.vips_on(machine) {
            self.stop_keepalived(vip);
        }
        let generation = self.machines[machine].generation;
        self.plan(SHUTDOWN_US, Tick::PoweredOff(machine, generation));
        SHUTDOWN_US
    }

    pub(super) fn powered_off(&mut self, machine: MachineId) {
        self.pull_plug(machine);
        let name = self.machines[machine].name.clone();
        self.tell(Subject::Node(name), EventKind::Machine, "powered off");
    }

    /// Everything on the machine is gone at once; nobody says good-bye.
    pub(super) fn pull_plug(&mut self, machine: MachineId) {
        for service in self.machines[machine].services.clone() {
            self.member_gone(service);
            self.forget_hang(service);
            self.services[service].die();
        }
        for vip in self.vips_on(machine) {
            self.vips_die(vip);
        }
        let row = &mut self.machines[machine];
        row.power = Power::Stopped;
        row.booted = false;
        row.generation += 1;
        row.frozen.clear();
        self.forget_pause(machine);
        self.forget_strain(machine);
    }

    /// Freezes a machine: its programs and its clock stand still.
    pub(super) fn pause(&mut self, machine: MachineId) {
        let row = &mut self.machines[machine];
        if row.power == Power::Running {
            row.power = Power::Paused;
            row.paused_us = self.clock.now_us;
            let name = row.name.clone();
            self.tell(Subject::Node(name), EventKind::Machine, "is frozen");
        }
    }

    /// Links or nodes came or went: whoever watches its own link sees it at once.
    pub(super) fn links_changed(&mut self) {
        let vips: Vec<_> = self.vips.ids().collect();
        for vip in vips {
            self.weigh_vip(vip);
        }
    }

    /// Lets a frozen machine go on where it stood: what was due then is due as much later.
    pub(super) fn resume(&mut self, machine: MachineId) {
        let row = &mut self.machines[machine];
        if row.power != Power::Paused {
            return;
        }
        row.power = Power::Running;
        let stood_us = self.clock.now_us - row.paused_us;
        let (name, frozen) = (row.name.clone(), std::mem::take(&mut row.frozen));
        for (after_us, tick) in frozen {
            self.plan(after_us, tick);
        }
        self.members_stood_still(machine, stood_us);
        self.tell(Subject::Node(name), EventKind::Machine, "goes on");
        // A stop that was healed while the machine could not be told.
        self.start_enabled(self.machines[machine].services.clone());
        self.links_changed();
    }
}
