//! Doing the actions of a plan: each takes plausible time, and can be done twice.
//!
//! An action begins at once and is over later: let the world run, and ask [`World::progress`].

use super::{
    event::EventKind,
    machine::{Card, Machine},
    network::Net,
    service::{Phase, Svc},
    table::{MachineId, ServiceId},
    time::{MS, SECOND, Tick},
    world::{SimError, World},
};
use crate::{
    catalog::Catalog,
    model::{MachineSpec, NetworkName, NetworkSpec, NodeName, Power, ServiceName, ServiceSpec, Subject},
    plan::Action,
};
use serde::{Deserialize, Serialize};

/// What doing an action comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionOutcome {
    /// Whether anything changes; `false`: all was as the action says already.
    pub changed: bool,
    /// How long it takes, in milliseconds of the world's clock, as far as the world knows beforehand.
    pub takes_ms: u64,
}

/// How far an action is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// All is as it says.
    Done,
    /// Not yet, and what it waits for.
    Working(String),
}

/// A failure that a test asks for: the next `times` actions with this verb on this thing fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptedFailure {
    /// The verb, as [`Action::verb`] writes it; empty: any.
    pub verb: String,
    /// The node or network, or `node/service`; empty: any.
    pub on: String,
    /// How often.
    pub times: u32,
}

/// The failures that are still to come.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Failures {
    scripted: Vec<ScriptedFailure>,
}

const NETWORK_US: u64 = 200 * MS;
const CREATE_US: u64 = 400 * MS;
const CHANGE_US: u64 = 300 * MS;
const DELETE_US: u64 = 500 * MS;
const CONFIGURE_US: u64 = 300 * MS;
const INSTALL_US: u64 = 1500 * MS;
const REMOVE_US: u64 = 700 * MS;
const VIP_US: u64 = 400 * MS;

/// What an action is about, as a scripted failure names it.
fn on(action: &Action) -> String {
    match action {
        Action::CreateNetwork { network, .. } | Action::ChangeNetwork { network, .. } | Action::DeleteNetwork { network } => {
            network.to_string()
        }
        Action::InstallService { node, service, .. }
        | Action::StartService { node, service, .. }
        | Action::ReconfigureService { node, service, .. }
        | Action::RemoveService { node, service } => format!("{node}/{service}"),
        other => other.node().map(ToString::to_string).unwrap_or_default(),
    }
}

impl World {
    /// Makes the next `count` actions fail, whatever they are.
    pub fn fail_next(&mut self, count: u32) {
        self.fail_on(vec![ScriptedFailure { verb: String::new(), on: String::new(), times: count }]);
    }

    /// Makes some of the coming actions fail.
    pub fn fail_on(&mut self, failures: Vec<ScriptedFailure>) {
        self.failures.scripted.extend(failures);
    }

    fn scripted_failure(&mut self, action: &Action) -> Option<SimError> {
        let (verb, on) = (action.verb(), on(action));
        let matches =
            |wanted: &ScriptedFailure| (wanted.verb.is_empty() || wanted.verb == verb) && (wanted.on.is_empty() || wanted.on == on);
        let found = self.failures.scripted.iter_mut().find(|failure| failure.times > 0 && matches(failure))?;
        found.times -= 1;
        self.failures.scripted.retain(|failure| failure.times > 0);
        Some(SimError::Scripted { verb, on })
    }

    /// Begins an action, with the kinds of service that Sandtable ships with.
    ///
    /// # Errors
    /// Where a thing that it needs is not there or not in the right state; then nothing has changed.
    pub fn act(&mut self, action: &Action) -> Result<ActionOutcome, SimError> {
        self.act_with(Catalog::embedded(), action)
    }

    /// Begins an action, with kinds of service from this catalog.
    ///
    /// # Errors
    /// Where a thing that it needs is not there or not in the right state; then nothing has changed.
    pub fn act_with(&mut self, catalog: &Catalog, action: &Action) -> Result<ActionOutcome, SimError> {
        let outcome = self.begin(catalog, action)?;
        self.rewire_changed();
        Ok(outcome)
    }

    /// As [`World::act_with`], for one of several actions that begin at the same moment: [`World::began`] follows the last.
    ///
    /// # Errors
    /// As those of [`World::act_with`].
    pub fn begin(&mut self, catalog: &Catalog, action: &Action) -> Result<ActionOutcome, SimError> {
        if let Some(failure) = self.scripted_failure(action) {
            return Err(failure);
        }
        let takes_us = match action {
            Action::CreateNetwork { network, spec } => self.set_network(network, spec, Missing::Make),
            Action::ChangeNetwork { network, spec } => self.set_network(network, spec, Missing::Refuse),
            Action::DeleteNetwork { network } => self.delete_network(network),
            Action::CreateMachine { node, spec } => self.create_machine(node, spec),
            Action::ChangeMachine { node, spec } => self.change_machine(node, spec),
            Action::DeleteMachine { node } => Ok(self.delete_machine(node)),
            Action::PowerOn { node } => self.act_power_on(node),
            Action::PowerOff { node } => self.act_power_off(node),
            Action::Configure { node, spec, .. } => self.configure(node, spec),
            Action::TakeSnapshot { node, snapshot } => self.take_snapshot(node, snapshot),
            Action::RestoreSnapshot { node, snapshot } => self.restore_snapshot(catalog, node, snapshot),
            Action::DeleteSnapshot { node, snapshot } => self.delete_snapshot(node, snapshot),
            Action::InstallService { node, service, spec } => self.install(catalog, node, service, spec),
            Action::StartService { node, service, bootstrap } => self.start(node, service, if *bootstrap { First::Yes } else { First::No }),
            Action::ReconfigureService { node, service, spec } => self.reconfigure(catalog, node, service, spec),
            Action::RemoveService { node, service } => self.remove_service(node, service),
            Action::SetVip { node, vip, spec } => {
                let machine = self.running(node)?;
                Ok(self.set_vip(machine, vip, spec).then_some(VIP_US))
            }
            Action::RemoveVip { node, vip } => {
                let removed = self.machine_named(node).is_ok_and(|machine| self.remove_vip(machine, vip));
                Ok(removed.then_some(VIP_US))
            }
        }?;
        Ok(ActionOutcome { changed: takes_us.is_some(), takes_ms: takes_us.map_or(0, |us| us.div_ceil(MS)) })
    }

    /// Works out what the actions that were begun have changed for all services together.
    pub fn began(&mut self) {
        self.rewire_changed();
    }

    /// How far an action is that was begun: what it is to bring about is so, or is still to come.
    pub fn progress(&self, action: &Action) -> Progress {
        let working = |what: &str| Progress::Working(what.to_owned());
        match action {
            Action::PowerOn { node } => match self.machine_named(node) {
                Ok(machine) if self.machines[machine].is_alive() => Progress::Done,
                _ => working("boots"),
            },
            Action::PowerOff { node } => match self.machine_named(node) {
                Ok(machine) if self.machines[machine].power == Power::Running => working("shuts down"),
                _ => Progress::Done,
            },
            Action::StartService { node, service, .. } | Action::ReconfigureService { node, service, .. } => {
                let Ok(service) = self.service_named(node, service) else { return working("is not installed") };
                match self.unready(service) {
                    None => Progress::Done,
                    Some(why) => Progress::Working(why.text()),
                }
            }
            _ => Progress::Done,
        }
    }

    /// Does an action and lets the world run until it is over.
    ///
    /// # Errors
    /// As [`World::act`]; and where it is not over after `timeout_ms`, saying what it waits for.
    pub fn perform(&mut self, action: &Action, timeout_ms: u64) -> Result<ActionOutcome, SimError> {
        let began_ms = self.now_ms();
        let outcome = self.act(action)?;
        self.run_for(outcome.takes_ms);
        while let Progress::Working(what) = self.progress(action) {
            if self.now_ms() - began_ms >= timeout_ms {
                return Err(SimError::refused(on(action), format!("not ready after {} s: {what}", timeout_ms / 1000)));
            }
            self.run_for(100);
        }
        Ok(ActionOutcome { takes_ms: self.now_ms() - began_ms, ..outcome })
    }

    fn set_network(&mut self, name: &NetworkName, spec: &NetworkSpec, missing: Missing) -> Result<Option<u64>, SimError> {
        let known = self.networks.named(name.as_str());
        let there = known.filter(|id| self.networks[*id].spec.is_some());
        if there.is_none() && missing == Missing::Refuse {
            return Err(SimError::unknown("network", name.as_str()));
        }
        if there.is_some_and(|id| self.networks[id].spec.as_ref() == Some(spec)) {
            return Ok(None);
        }
        let id = match known {
            Some(id) => {
                self.networks[id].spec = Some(spec.clone());
                id
            }
            None => self.networks.push_named(Net { name: name.clone(), spec: Some(spec.clone()) }),
        };
        self.update_network(id);
        self.update_holders();
        Ok(Some(NETWORK_US))
    }

    fn delete_network(&mut self, name: &NetworkName) -> Result<Option<u64>, SimError> {
        let Ok(network) = self.network_named(name) else { return Ok(None) };
        if let Some((_, user)) =
            self.machines.iter().find(|(_, row)| row.spec.is_some() && row.cards.iter().any(|card| card.network == network))
        {
            return Err(SimError::refused(
                name.as_str(),
                format!("{} is still plugged into it; remove that machine or its adapter first", user.name),
            ));
        }
        self.networks[network].spec = None;
        self.update_network(network);
        self.forget_void_faults();
        Ok(Some(NETWORK_US))
    }

    pub(super) fn cards(&self, spec: &MachineSpec) -> Result<Vec<Card>, SimError> {
        let card = |network| Card { network, address: None, connected: true, loss_percent: 0, delay_us: 0, delayed_since_us: 0 };
        spec.adapters.iter().map(|adapter| self.network_named(&adapter.network).map(card)).collect()
    }

    fn create_machine(&mut self, node: &NodeName, spec: &MachineSpec) -> Result<Option<u64>, SimError> {
        let known = self.machines.named(node.as_str());
        if known.is_some_and(|id| self.machines[id].spec.is_some()) {
            return self.change_machine(node, spec);
        }
        let cards = self.cards(spec)?;
        let id = known.unwrap_or_else(|| self.machines.push_named(Machine::new(node.clone())));
        let row = &mut self.machines[id];
        *row = Machine { services: std::mem::take(&mut row.services), generation: row.generation + 1, ..Machine::new(node.clone()) };
        row.spec = Some(spec.clone());
        row.power = Power::Stopped;
        row.cards = cards;
        self.update_owner(id);
        self.apply_link_faults();
        self.tell(Subject::Node(node.clone()), EventKind::Machine, "was made");
        let full_clone = spec.image.as_ref().is_some_and(|image| image.full_clone);
        Ok(Some(if full_clone { CREATE_US + u64::from(spec.disk_gib) * SECOND } else { CREATE_US }))
    }

    fn change_machine(&mut self, node: &NodeName, spec: &MachineSpec) -> Result<Option<u64>, SimError> {
        let id = self.machine_named(node)?;
        let row = &self.machines[id];
        let Some(before) = row.spec.clone() else { return Err(SimError::unknown("machine", node.as_str())) };
        if before == *spec {
            return Ok(None);
        }
        let wires = |spec: &MachineSpec| spec.adapters.iter().map(|adapter| (adapter.network.clone(), adapter.mac)).collect::<Vec<_>>();
        let size = |spec: &MachineSpec| (spec.image.clone(), spec.cpus, spec.memory_mib, spec.disk_gib);
        let same_wires = wires(&before) == wires(spec);
        let same_hardware = same_wires && size(&before) == size(spec);
        if !same_hardware && row.power != Power::Stopped {
            return Err(SimError::refused(node.as_str(), "it is on; power it off before its processors, memory or adapters are changed"));
        }
        let cards = self.cards(spec)?;
        let row = &mut self.machines[id];
        // The addresses are on the machine's disk: more memory does not lose them, another adapter does not have them.
        if !same_wires {
            row.cards = cards;
        }
        let inside = |spec: &MachineSpec| {
            let addresses: Vec<_> = spec.adapters.iter().map(|adapter| adapter.address).collect();
            (spec.hostname.clone(), spec.hosts.clone(), spec.routes.clone(), spec.pins.clone(), addresses)
        };
        row.configured &= same_wires && inside(&before) == inside(spec);
        row.spec = Some(spec.clone());
        self.update_owner(id);
        self.apply_link_faults();
        Ok(Some(CHANGE_US))
    }

    fn delete_machine(&mut self, node: &NodeName) -> Option<u64> {
        let id = self.machine_named(node).ok()?;
        self.pull_plug(id);
        for service in self.machines[id].services.clone() {
            self.forget_service(service);
        }
        for vip in self.vips_on(id) {
            self.vips[vip].spec = None;
        }
        let row = &mut self.machines[id];
        row.spec = None;
        row.power = Power::Missing;
        row.configured = false;
        row.cards.clear();
        row.snapshots.clear();
        self.update_owner(id);
        self.update_holders();
        self.forget_void_faults();
        self.tell(Subject::Node(node.clone()), EventKind::Machine, "was removed");
        Some(DELETE_US)
    }

    fn act_power_on(&mut self, node: &NodeName) -> Result<Option<u64>, SimError> {
        let id = self.machine_named(node)?;
        match self.machines[id].power {
            Power::Running => Ok(None),
            Power::Paused => Err(SimError::refused(node.as_str(), "it is paused; heal that first")),
            Power::Stopped | Power::Missing => Ok(Some(self.power_on(id))),
        }
    }

    fn act_power_off(&mut self, node: &NodeName) -> Result<Option<u64>, SimError> {
        let id = self.machine_named(node)?;
        match self.machines[id].power {
            Power::Running if self.machines[id].booted => Ok(Some(self.shut_down(id))),
            Power::Running | Power::Paused => {
                self.powered_off(id);
                Ok(Some(super::machine::SHUTDOWN_US))
            }
            Power::Stopped | Power::Missing => Ok(None),
        }
    }

    fn running(&self, node: &NodeName) -> Result<MachineId, SimError> {
        let id = self.machine_named(node)?;
        if self.machines[id].is_alive() { Ok(id) } else { Err(SimError::refused(node.as_str(), "it takes no commands; power it on first")) }
    }

    fn configure(&mut self, node: &NodeName, spec: &MachineSpec) -> Result<Option<u64>, SimError> {
        let id = self.running(node)?;
        let row = &self.machines[id];
        let Some(mut now) = row.spec.clone() else { return Err(SimError::unknown("machine", node.as_str())) };
        now.hostname.clone_from(&spec.hostname);
        now.hosts.clone_from(&spec.hosts);
        now.routes.clone_from(&spec.routes);
        // Packages have no versions here: what is pinned is only remembered.
        now.pins.clone_from(&spec.pins);
        for (adapter, wanted) in now.adapters.iter_mut().zip(&spec.adapters) {
            if adapter.network == wanted.network {
                adapter.address = wanted.address;
                adapter.forwards.clone_from(&wanted.forwards);
            }
        }
        if row.configured && row.spec.as_ref() == Some(&now) {
            return Ok(None);
        }
        let networks: Vec<_> = row.cards.iter().map(|card| card.network).collect();
        let leased: Vec<_> = networks.iter().map(|network| self.leased(id, *network)).collect();
        let row = &mut self.machines[id];
        for ((card, adapter), leased) in row.cards.iter_mut().zip(&now.adapters).zip(leased) {
            card.address = adapter.address.or(leased);
        }
        row.spec = Some(now);
        row.configured = true;
        self.update_owner(id);
        Ok(Some(CONFIGURE_US))
    }

    fn install(&mut self, catalog: &Catalog, node: &NodeName, name: &ServiceName, spec: &ServiceSpec) -> Result<Option<u64>, SimError> {
        let machine = self.running(node)?;
        let service = self.service_row(machine, name);
        if self.services[service].spec.as_ref() == Some(spec) {
            return Ok(None);
        }
        self.set_up(catalog, service, spec);
        Ok(Some(self.rng.around(INSTALL_US)))
    }

    /// The row of a service on a machine; a new one where it has none.
    pub(super) fn service_row(&mut self, machine: MachineId, name: &ServiceName) -> ServiceId {
        let known = self.machines[machine].services.iter().copied().find(|service| self.services[*service].name == *name);
        known.unwrap_or_else(|| {
            let service = self.services.push(Svc::new(machine, name.clone()));
            self.machines[machine].services.push(service);
            service
        })
    }

    pub(super) fn set_up(&mut self, catalog: &Catalog, service: ServiceId, spec: &ServiceSpec) {
        self.services[service].set_up(spec.clone(), catalog.get(&spec.kind));
        self.enroll(service);
        self.update_service(catalog, service);
        self.wiring_changed(service);
    }

    fn start(&mut self, node: &NodeName, name: &ServiceName, first: First) -> Result<Option<u64>, SimError> {
        self.running(node)?;
        let service = self.service_named(node, name)?;
        self.services[service].enabled = true;
        if first == First::Yes {
            self.ask_bootstrap(service);
        }
        if self.services[service].phase == Phase::Running {
            return Ok(None);
        }
        Ok(Some(self.begin_start(service)))
    }

    fn reconfigure(&mut self, catalog: &Catalog, node: &NodeName, name: &ServiceName, spec: &ServiceSpec) -> Result<Option<u64>, SimError> {
        self.running(node)?;
        let service = self.service_named(node, name)?;
        if self.services[service].spec.as_ref() == Some(spec) {
            return Ok(None);
        }
        let was_running = self.services[service].phase != Phase::Stopped;
        let is_confirmed = |now: &ServiceSpec| ServiceSpec { promoted_from: None, ..now.clone() } == *spec;
        if self.services[service].spec.as_ref().is_some_and(is_confirmed) {
            // The layout draws it as what it was promoted to: no file changes, so it is not restarted.
            self.set_up(catalog, service, spec);
            return Ok(Some(CONFIGURE_US));
        }
        self.stop_service(service, "it is configured anew");
        self.set_up(catalog, service, spec);
        if !was_running {
            return Ok(Some(CONFIGURE_US));
        }
        let generation = self.services[service].generation;
        self.plan(CONFIGURE_US, Tick::StartAgain(service, generation));
        Ok(Some(CONFIGURE_US + self.services[service].start_us))
    }

    pub(super) fn forget_service(&mut self, service: ServiceId) {
        self.wiring_changed(service);
        self.expel(service);
        let (machine, name, generation) =
            (self.services[service].machine, self.services[service].name.clone(), self.services[service].generation);
        self.services[service] = Svc { generation: generation + 1, ..Svc::new(machine, name) };
        self.update_service(Catalog::embedded(), service);
    }

    fn remove_service(&mut self, node: &NodeName, name: &ServiceName) -> Result<Option<u64>, SimError> {
        let Ok(service) = self.service_named(node, name) else { return Ok(None) };
        self.stop_service(service, "it is removed");
        self.forget_service(service);
        self.forget_void_faults();
        Ok(Some(REMOVE_US))
    }
}

/// What to do where a network is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Make,
    Refuse,
}

/// Whether a service is the first of its cluster.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    Yes,
    No,
}
