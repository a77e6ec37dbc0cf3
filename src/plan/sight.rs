//! Desired and observed side by side: what every stage looks at, and what they all must know of each node.

use super::specs::{Contract, Desired};
use crate::{
    catalog::Catalog,
    model::{
        AdapterSpec, ClusterName, Fault, Image, IndexMap, Lab, MachineSpec, NodeName, Observed, ObservedNode, ObservedService, Power,
        ServiceRef,
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// What happens to a node's machine as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stays as it is, or changes while it is on.
    #[default]
    Stays,
    /// It is turned off, changed and turned on.
    Bounced,
    /// It is made anew, and the old one goes with all that is on it.
    Replaced,
    /// It is made.
    Created,
}

impl Fate {
    /// Whether nothing is on the machine yet once it is made.
    pub(super) fn is_fresh(self) -> bool {
        matches!(self, Self::Replaced | Self::Created)
    }
}

/// Everything that a plan is made from.
pub(super) struct Sight<'a> {
    pub(super) lab: &'a Lab,
    pub(super) catalog: &'a Catalog,
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    pub(super) contract: Contract<'a>,
    pub(super) clusters: IndexMap<ClusterName, Vec<ServiceRef>>,
    fates: BTreeMap<&'a NodeName, Fate>,
    held_off: BTreeSet<&'a NodeName>,
    held_down: BTreeSet<&'a ServiceRef>,
}

impl<'a> Sight<'a> {
    pub(super) fn of(lab: &'a Lab, catalog: &'a Catalog, desired: &'a Desired, observed: &'a Observed) -> Self {
        let mut sight = Self {
            lab,
            catalog,
            desired,
            observed,
            contract: Contract::of(lab, catalog),
            clusters: Catalog::clusters(lab),
            fates: BTreeMap::new(),
            held_off: BTreeSet::new(),
            held_down: BTreeSet::new(),
        };
        for fault in &observed.faults {
            match &fault.fault {
                Fault::PowerOff(node) | Fault::Pause(node) => {
                    sight.held_off.insert(node);
                }
                Fault::Stop(at) | Fault::Kill(at) | Fault::Hang(at) => {
                    sight.held_down.insert(at);
                }
                // The rest leaves machines on and services started.
                _ => {}
            }
        }
        sight.fates = desired.machines.iter().map(|(name, spec)| (name, fate(spec, sight.node(name)))).collect();
        sight
    }

    /// A node as observed, if it exists.
    pub(super) fn node(&self, name: &str) -> Option<&'a ObservedNode> {
        self.observed.nodes.get(name).filter(|node| node.power != Power::Missing)
    }

    /// What happens to a drawn node's machine.
    pub(super) fn fate(&self, name: &NodeName) -> Fate {
        self.fates.get(name).copied().unwrap_or_default()
    }

    /// Whether a machine that is off or frozen is so because of a fault.
    pub(super) fn is_held_off(&self, name: &NodeName) -> bool {
        self.held_off.contains(name)
    }

    /// Whether a machine that stays as it is keeps to other versions of packages than are drawn.
    pub(super) fn repins(&self, name: &NodeName) -> bool {
        let there = self.node(name).filter(|_| !self.fate(name).is_fresh()).and_then(|node| node.spec.as_ref());
        matches!((there, self.desired.machines.get(name)), (Some(there), Some(drawn)) if there.pins != drawn.pins)
    }

    /// A service as observed on a machine that stays.
    pub(super) fn service(&self, at: &ServiceRef) -> Option<&'a ObservedService> {
        if self.fate(&at.node).is_fresh() {
            return None;
        }
        self.node(&at.node)?.services.get(&at.service).filter(|service| service.spec.is_some())
    }

    /// Whether a service runs now, well or badly. One that a fault holds down counts as running: `heal` starts it.
    pub(super) fn runs(&self, at: &ServiceRef) -> bool {
        let Some(service) = self.service(at) else { return false };
        if self.held_down.contains(at) || self.held_off.contains(&at.node) {
            return true;
        }
        if service.start_pending || self.node(&at.node).is_none_or(|node| node.power != Power::Running) {
            return false;
        }
        let opens_ports = service.spec.as_ref().is_some_and(|spec| spec.listen.values().any(|at| !at.is_empty()));
        if opens_ports {
            !service.listening.is_empty()
        } else {
            matches!(service.health, crate::model::Health::Healthy | crate::model::Health::Degraded)
        }
    }
}

fn fate(spec: &MachineSpec, node: Option<&ObservedNode>) -> Fate {
    let Some(there) = node.and_then(|node| node.spec.as_ref()) else { return Fate::Created };
    if !replacements(spec, there).is_empty() {
        Fate::Replaced
    } else if cold_changes(spec, there).is_empty() || node.is_some_and(|node| node.power == Power::Stopped) {
        Fate::Stays
    } else {
        Fate::Bounced
    }
}

/// What differs so that only a new machine will do.
pub(super) fn replacements(drawn: &MachineSpec, there: &MachineSpec) -> Vec<String> {
    let title = |image: &Option<Image>| match image {
        None => "the provider's own image".to_owned(),
        Some(Image { name, snapshot: None, .. }) => name.clone(),
        Some(Image { name, snapshot: Some(snapshot), .. }) => format!("{name} at {snapshot}"),
    };
    let mut reasons = Vec::new();
    if drawn.image != there.image {
        let (now, wanted) = (title(&there.image), title(&drawn.image));
        let wanted = if now == wanted { format!("{wanted} with other properties") } else { wanted };
        reasons.push(format!("is a clone of {now}, the layout says {wanted}"));
    }
    reasons
}

/// Why a disk that is to be smaller than it is stays as it is; a machine that is made anew has a new one.
pub(super) fn shrinking(drawn: &MachineSpec, there: &MachineSpec) -> Option<String> {
    (drawn.disk_gib < there.disk_gib && replacements(drawn, there).is_empty()).then(|| {
        format!(
            "It has a disk of {} GiB, the layout says {} GiB, and a disk cannot shrink. Write disk: {}, or delete the node, deploy, and add \
             it again with a new disk",
            there.disk_gib, drawn.disk_gib, there.disk_gib
        )
    })
}

/// What differs and can be changed only while the machine is off.
pub(super) fn cold_changes(drawn: &MachineSpec, there: &MachineSpec) -> Vec<String> {
    let mut reasons = Vec::new();
    if drawn.cpus != there.cpus {
        reasons.push(format!("has {} processors, the layout says {}", there.cpus, drawn.cpus));
    }
    if drawn.memory_mib != there.memory_mib {
        reasons.push(format!("has {} MiB, the layout says {} MiB", there.memory_mib, drawn.memory_mib));
    }
    if drawn.disk_gib > there.disk_gib {
        let there =
            if there.disk_gib == 0 { "no disk, or one below 1 GiB".to_owned() } else { format!("a disk of {} GiB", there.disk_gib) };
        reasons.push(format!("has {there}, the layout says {} GiB", drawn.disk_gib));
    }
    let plugged = |adapter: &AdapterSpec| format!("{} ({})", adapter.network, adapter.mac);
    let slots = drawn.adapters.len().max(there.adapters.len());
    for index in 0..slots {
        // People count adapters from 1, as VirtualBox does.
        let slot = index + 1;
        match (there.adapters.get(index), drawn.adapters.get(index)) {
            (Some(there), Some(drawn)) if (&there.network, there.mac) != (&drawn.network, drawn.mac) => {
                reasons.push(format!("has adapter {slot} on {}, the layout says {}", plugged(there), plugged(drawn)));
            }
            (None, Some(drawn)) => reasons.push(format!("lacks adapter {slot} on {}", drawn.network)),
            (Some(there), None) => reasons.push(format!("has adapter {slot} on {}, which is not drawn", there.network)),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
    reasons
}

/// What differs and can be changed while the machine is on.
pub(super) fn warm_changes(drawn: &MachineSpec, there: &MachineSpec) -> Vec<String> {
    let pairs = drawn.adapters.iter().zip(&there.adapters).enumerate();
    pairs
        .filter(|(_, (drawn, there))| drawn.forwards != there.forwards)
        .map(|(index, (_, there))| {
            let slot = index + 1;
            format!("forwards {} of the host's ports through adapter {slot}, the layout says others", there.forwards.len())
        })
        .collect()
}

/// One sentence of what differs about a thing.
pub(super) fn because(name: impl std::fmt::Display, reasons: &[String]) -> String {
    format!("{name} {}.", reasons.join("; it "))
}
