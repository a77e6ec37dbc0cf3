//! A fake hypervisor: machines and networks of several owners.

use super::{Amount, guest::Guest};
use crate::{
    model::{Fault, MachineSpec, NetworkKind, NetworkName, NetworkSpec, NodeName, Power},
    plan::Action,
    provider::{
        Done, ProviderError, Retry,
        machines::{Below, Machine, Reach, Uplink},
    },
    provision::vip::VIPS_FOLDER,
};
use std::collections::BTreeMap;

/// The card of the uplink, its address, and who leads on.
const UPLINK: (&str, &str, &str) = ("02:aa:00:00:00:01", "10.98.0.2/24", "10.98.0.1");

/// A state that a machine can go back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    name: String,
    guest: Guest,
    notes: BTreeMap<String, String>,
    power: Power,
    at_ms: u64,
}

/// A machine as the hypervisor has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FakeMachine {
    /// `None` while it is being made.
    pub(crate) spec: Option<MachineSpec>,
    pub(crate) power: Power,
    pub(crate) links_up: Vec<bool>,
    pub(crate) notes: BTreeMap<String, String>,
    pub(crate) snapshots: Vec<Snapshot>,
    pub(crate) guest: Guest,
    /// It runs, and nothing gets through to it.
    pub(crate) is_unreachable: bool,
    /// How much longer each of its answers takes, in milliseconds.
    pub(crate) slow_ms: u64,
}

/// Everything on one host, by owner and name. A network without a specification is being made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) machines: BTreeMap<(String, NodeName), FakeMachine>,
    pub(crate) networks: BTreeMap<(String, NetworkName), Option<NetworkSpec>>,
    /// New nodes get packages only over an uplink.
    pub(crate) is_offline: bool,
    /// It can give nodes an uplink.
    pub(crate) gives_uplinks: bool,
    /// Its snapshots hold notes.
    pub(crate) snapshots_hold_notes: bool,
}

fn failed(what: &str, node: Option<&NodeName>, why: &str) -> ProviderError {
    let next = "Deploy again.".to_owned();
    ProviderError { what: what.to_owned(), node: node.cloned(), why: why.to_owned(), next, retry: Retry::Useless }
}

impl Host {
    /// What exists of an owner's.
    pub(super) fn below(&self, owner: &str) -> Below {
        let mut below = Below::default();
        for ((_, name), spec) in self.networks.iter().filter(|((of, _), _)| of == owner) {
            let unfinished = || NetworkSpec { kind: NetworkKind::Internal, subnet: None, dhcp: None, interface: None };
            if spec.is_none() {
                below.cut_off.insert(name.clone());
            }
            below.networks.insert(name.clone(), spec.clone().unwrap_or_else(unfinished));
        }
        for ((_, name), machine) in self.machines.iter().filter(|((of, _), _)| of == owner) {
            below.machines.insert(name.clone(), shown(machine));
        }
        below
    }

    fn there(&mut self, owner: &str, node: &NodeName) -> Result<&mut FakeMachine, ProviderError> {
        let found = self.machines.get_mut(&(owner.to_owned(), node.clone()));
        found.ok_or_else(|| failed("find a machine", Some(node), "there is no such machine"))
    }

    /// Does an action below the guests, or as much of it as the connection lasts.
    pub(super) fn act(&mut self, owner: &str, action: &Action, amount: Amount, now_ms: u64) -> Result<Done, ProviderError> {
        let half = amount == Amount::Half;
        let network_key = |network: &NetworkName| (owner.to_owned(), network.clone());
        match action {
            Action::CreateNetwork { network, spec } | Action::ChangeNetwork { network, spec } => {
                let wanted = (!half).then(|| spec.clone());
                Ok(changed(self.networks.insert(network_key(network), wanted.clone()) != Some(wanted)))
            }
            Action::DeleteNetwork { network } => {
                let mut machines = self.machines.iter().filter(|((of, _), _)| of == owner).filter_map(|(_, machine)| machine.spec.as_ref());
                if machines.any(|spec| spec.adapters.iter().any(|adapter| adapter.network == *network)) {
                    return Err(failed("delete a network", None, "a machine uses it"));
                }
                Ok(if half { Done::Changed } else { changed(self.networks.remove(&network_key(network)).is_some()) })
            }
            Action::CreateMachine { node, spec } => self.create(owner, node, spec, half),
            Action::ChangeMachine { node, spec } => {
                let there = self.there(owner, node)?;
                if there.spec.as_ref() == Some(spec) || half {
                    return Ok(changed(half));
                }
                there.links_up = vec![true; spec.adapters.len()];
                there.spec = Some(spec.clone());
                Ok(Done::Changed)
            }
            Action::DeleteMachine { node } => {
                let key = (owner.to_owned(), node.clone());
                let Some(there) = self.machines.get_mut(&key) else { return Ok(Done::AlreadySo) };
                (there.power, there.guest.memory) = (Power::Stopped, Default::default());
                if !half {
                    self.machines.remove(&key);
                }
                Ok(Done::Changed)
            }
            Action::PowerOn { node } => {
                let there = self.there(owner, node)?;
                if there.spec.is_none() {
                    return Err(failed("power on", Some(node), "it is being made"));
                }
                Ok(changed(power_on(there)))
            }
            Action::PowerOff { node } => {
                let there = self.there(owner, node)?;
                there.guest.halt();
                Ok(changed(std::mem::replace(&mut there.power, Power::Stopped) != Power::Stopped))
            }
            Action::TakeSnapshot { node, snapshot } => {
                let there = self.there(owner, node)?;
                if there.snapshots.iter().any(|one| one.name == *snapshot) {
                    return Ok(Done::AlreadySo);
                }
                let (guest, notes, power) = (there.guest.clone(), there.notes.clone(), there.power);
                there.snapshots.push(Snapshot { name: snapshot.clone(), guest, notes, power, at_ms: now_ms });
                Ok(Done::Changed)
            }
            Action::RestoreSnapshot { node, snapshot } => {
                let holds_notes = self.snapshots_hold_notes;
                let there = self.there(owner, node)?;
                let Some(kept) = there.snapshots.iter().find(|one| one.name == *snapshot).cloned() else {
                    return Err(failed("restore", Some(node), "there is no such snapshot"));
                };
                restore(there, kept, holds_notes, now_ms);
                Ok(Done::Changed)
            }
            Action::DeleteSnapshot { node, snapshot } => {
                let there = self.there(owner, node)?;
                let before = there.snapshots.len();
                there.snapshots.retain(|one| one.name != *snapshot);
                Ok(changed(there.snapshots.len() != before))
            }
            other => panic!("{other:?} happens inside a node"),
        }
    }

    fn create(&mut self, owner: &str, node: &NodeName, spec: &MachineSpec, half: bool) -> Result<Done, ProviderError> {
        let has_network = |network: &NetworkName| matches!(self.networks.get(&(owner.to_owned(), network.clone())), Some(Some(_)));
        if let Some(missing) = spec.adapters.iter().find(|adapter| !has_network(&adapter.network)) {
            return Err(failed("make a machine", Some(node), &format!("the network {} is not there", missing.network)));
        }
        let key = (owner.to_owned(), node.clone());
        if self.machines.get(&key).is_some_and(|there| there.spec.is_some()) {
            return Ok(Done::AlreadySo);
        }
        let guest = Guest { source: self.is_offline.then(Default::default), is_container: false, ..Guest::default() };
        let links_up = vec![true; spec.adapters.len()];
        let spec = (!half).then(|| spec.clone());
        self.machines.insert(key, FakeMachine { spec, power: Power::Stopped, links_up, guest, ..FakeMachine::default() });
        Ok(Done::Changed)
    }

    pub(super) fn note(&mut self, owner: &str, node: &NodeName, notes: &BTreeMap<String, Option<String>>) -> Result<(), ProviderError> {
        let there = self.there(owner, node)?;
        for (key, value) in notes {
            match value {
                Some(value) => drop(there.notes.insert(key.clone(), value.clone())),
                None => drop(there.notes.remove(key)),
            }
        }
        Ok(())
    }

    pub(super) fn uplink(&mut self, owner: &str, node: &NodeName) -> Result<Option<Uplink>, ProviderError> {
        if !self.gives_uplinks {
            return Ok(None);
        }
        self.there(owner, node)?.guest.has_card = true;
        let (mac, address, gateway) = UPLINK;
        Ok(Some(Uplink { mac: mac.parse().unwrap(), address: address.parse().unwrap(), gateway: gateway.parse().unwrap() }))
    }

    pub(super) fn remove_uplink(&mut self, owner: &str, node: &NodeName) -> Result<Done, ProviderError> {
        Ok(changed(std::mem::take(&mut self.there(owner, node)?.guest.has_card)))
    }

    pub(super) fn break_below(&mut self, owner: &str, fault: &Fault) -> Result<Reach, ProviderError> {
        match fault {
            Fault::PowerOff(node) => {
                let there = self.there(owner, node)?;
                there.power = Power::Stopped;
                there.guest.halt();
            }
            Fault::Pause(node) => self.there(owner, node)?.power = Power::Paused,
            Fault::LinkDown(node, network) => set_links(self.there(owner, node)?, network, false),
            _ => return Ok(Reach::Inside),
        }
        Ok(Reach::Below)
    }

    pub(super) fn mend_below(&mut self, owner: &str, fault: &Fault) -> Result<(), ProviderError> {
        let node = fault.nodes().first().map(|node| (*node).clone());
        let Some(there) = node.and_then(|node| self.machines.get_mut(&(owner.to_owned(), node))) else { return Ok(()) };
        match fault {
            Fault::PowerOff(_) => drop(power_on(there)),
            Fault::Pause(_) if there.power == Power::Paused => there.power = Power::Running,
            Fault::LinkDown(_, network) => set_links(there, network, true),
            _ => {}
        }
        Ok(())
    }

    /// Gives each VIP without a holder to the first candidate whose keepalived runs.
    pub(super) fn elect(&mut self, owner: &str) {
        let mut candidates: BTreeMap<String, Vec<NodeName>> = BTreeMap::new();
        for ((_, node), machine) in self.machines.iter().filter(|((of, _), machine)| of == owner && machine.power == Power::Running) {
            let runs = machine.guest.memory.active.contains("keepalived.service");
            let files =
                machine.guest.disk.files.iter().filter(|(path, _)| runs && path.starts_with(VIPS_FOLDER) && path.ends_with("/address"));
            for (_, address) in files {
                candidates.entry(address.trim().to_owned()).or_default().push(node.clone());
            }
        }
        for (address, nodes) in candidates {
            let holds =
                |node: &NodeName| self.machines.get(&(owner.to_owned(), node.clone())).unwrap().guest.memory.addresses.contains(&address);
            if !nodes.iter().any(holds) {
                let first = self.machines.get_mut(&(owner.to_owned(), nodes[0].clone())).unwrap();
                first.guest.memory.addresses.insert(address);
            }
        }
    }
}

fn changed(is: bool) -> Done {
    if is { Done::Changed } else { Done::AlreadySo }
}

fn shown(machine: &FakeMachine) -> Machine {
    Machine {
        power: machine.power,
        spec: machine.spec.clone(),
        links_up: machine.links_up.clone(),
        snapshots: machine.snapshots.iter().map(|one| one.name.clone()).collect(),
        notes: machine.notes.clone(),
        trouble: None,
        is_booting: false,
        has_uplink: machine.guest.has_card,
    }
}

fn power_on(there: &mut FakeMachine) -> bool {
    let was = std::mem::replace(&mut there.power, Power::Running);
    if was == Power::Stopped {
        there.guest.boot();
    }
    was != Power::Running
}

fn set_links(there: &mut FakeMachine, network: &NetworkName, is_up: bool) {
    let slots = there.spec.iter().flat_map(|spec| &spec.adapters).enumerate();
    let slots: Vec<usize> = slots.filter(|(_, adapter)| adapter.network == *network).map(|(slot, _)| slot).collect();
    slots.into_iter().for_each(|slot| there.links_up[slot] = is_up);
}

/// A machine that was on when the snapshot was taken and is on now gets its memory back, with the clock of that moment.
fn restore(there: &mut FakeMachine, kept: Snapshot, holds_notes: bool, now_ms: u64) {
    if holds_notes {
        there.notes = kept.notes;
    }
    let clock_ahead_ms = there.guest.clock_ahead_ms;
    there.guest = kept.guest;
    match (kept.power, there.power) {
        (Power::Running, Power::Running) => there.guest.clock_ahead_ms -= i64::try_from(now_ms - kept.at_ms).unwrap(),
        (_, power) => {
            there.guest.clock_ahead_ms = clock_ahead_ms;
            there.guest.halt();
            if power == Power::Running {
                there.guest.boot();
            }
        }
    }
}
