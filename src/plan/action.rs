//! What a step of a plan does: machines, networks, power, snapshots, and what is set up inside nodes.
//!
//! Data. It says what is to be so, whole, never how a provider does it; every action can be done twice.

use crate::model::{Kind, MachineSpec, NetworkName, NetworkSpec, NodeName, ServiceName, ServiceSpec, Subject, VipName, VipSpec};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt};

/// The name of a step: unique in its plan, the same for the same action on the same thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepId(pub String);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a step is to the thing it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It comes to be.
    Create,
    /// It becomes other.
    Update,
    /// It goes.
    Delete,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "a variant's comment speaks for its fields")]
pub enum Action {
    /// Make a network.
    CreateNetwork { network: NetworkName, spec: NetworkSpec },
    /// Make a network as this says.
    ChangeNetwork { network: NetworkName, spec: NetworkSpec },
    /// Remove a network.
    DeleteNetwork { network: NetworkName },
    /// Make a machine, off.
    CreateMachine { node: NodeName, spec: MachineSpec },
    /// Make a machine as this says: processors, memory, adapters. Its name, addresses and hosts are set by [`Action::Configure`].
    ChangeMachine { node: NodeName, spec: MachineSpec },
    /// Remove a machine with its disk and snapshots; one that runs has its plug pulled.
    DeleteMachine { node: NodeName },
    /// Turn a machine on and wait until it takes commands.
    PowerOn { node: NodeName },
    /// Shut a machine down, or pull its plug where it does not answer.
    PowerOff { node: NodeName },
    /// Set its host name, static addresses and `/etc/hosts`, and see that it has the packages of all that is drawn on it: these
    /// kinds of service, and VIPs where it holds any.
    Configure {
        node: NodeName,
        spec: MachineSpec,
        #[serde(default)]
        kinds: BTreeSet<Kind>,
        #[serde(default)]
        vips: BTreeSet<VipName>,
    },
    /// Keep a machine's state under a name.
    TakeSnapshot { node: NodeName, snapshot: String },
    /// Take a machine back to a state that was kept. It is off afterwards, or on as it was.
    RestoreSnapshot { node: NodeName, snapshot: String },
    /// Forget a state that was kept.
    DeleteSnapshot { node: NodeName, snapshot: String },
    /// Install and configure a service, not started.
    InstallService { node: NodeName, service: ServiceName, spec: ServiceSpec },
    /// Start a service, and wait until it is ready. `bootstrap`: it is the first of its cluster.
    StartService { node: NodeName, service: ServiceName, bootstrap: bool },
    /// Configure a service anew and restart it.
    ReconfigureService { node: NodeName, service: ServiceName, spec: ServiceSpec },
    /// Stop a service and remove it.
    RemoveService { node: NodeName, service: ServiceName },
    /// Let a node take part in the election of a VIP.
    SetVip { node: NodeName, vip: VipName, spec: VipSpec },
    /// Let a node no longer take part.
    RemoveVip { node: NodeName, vip: VipName },
}

impl Action {
    /// The node that it happens on; `None` for networks.
    pub fn node(&self) -> Option<&NodeName> {
        match self {
            Self::CreateNetwork { .. } | Self::ChangeNetwork { .. } | Self::DeleteNetwork { .. } => None,
            Self::CreateMachine { node, .. }
            | Self::ChangeMachine { node, .. }
            | Self::DeleteMachine { node }
            | Self::PowerOn { node }
            | Self::PowerOff { node }
            | Self::Configure { node, .. }
            | Self::TakeSnapshot { node, .. }
            | Self::RestoreSnapshot { node, .. }
            | Self::DeleteSnapshot { node, .. }
            | Self::InstallService { node, .. }
            | Self::StartService { node, .. }
            | Self::ReconfigureService { node, .. }
            | Self::RemoveService { node, .. }
            | Self::SetVip { node, .. }
            | Self::RemoveVip { node, .. } => Some(node),
        }
    }

    /// The machine that it specifies.
    pub fn machine_mut(&mut self) -> Option<&mut MachineSpec> {
        match self {
            Self::CreateMachine { spec, .. } | Self::ChangeMachine { spec, .. } | Self::Configure { spec, .. } => Some(spec),
            Self::CreateNetwork { .. }
            | Self::ChangeNetwork { .. }
            | Self::DeleteNetwork { .. }
            | Self::DeleteMachine { .. }
            | Self::PowerOn { .. }
            | Self::PowerOff { .. }
            | Self::TakeSnapshot { .. }
            | Self::RestoreSnapshot { .. }
            | Self::DeleteSnapshot { .. }
            | Self::InstallService { .. }
            | Self::StartService { .. }
            | Self::ReconfigureService { .. }
            | Self::RemoveService { .. }
            | Self::SetVip { .. }
            | Self::RemoveVip { .. } => None,
        }
    }

    /// The verb: the first part of its step's name.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::CreateNetwork { .. } => "create-network",
            Self::ChangeNetwork { .. } => "change-network",
            Self::DeleteNetwork { .. } => "delete-network",
            Self::CreateMachine { .. } => "create-machine",
            Self::ChangeMachine { .. } => "change-machine",
            Self::DeleteMachine { .. } => "delete-machine",
            Self::PowerOn { .. } => "power-on",
            Self::PowerOff { .. } => "power-off",
            Self::Configure { .. } => "configure",
            Self::TakeSnapshot { .. } => "snapshot",
            Self::RestoreSnapshot { .. } => "restore",
            Self::DeleteSnapshot { .. } => "delete-snapshot",
            Self::InstallService { .. } => "install",
            Self::StartService { .. } => "start",
            Self::ReconfigureService { .. } => "reconfigure",
            Self::RemoveService { .. } => "remove",
            Self::SetVip { .. } => "set-vip",
            Self::RemoveVip { .. } => "remove-vip",
        }
    }
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub id: StepId,
    /// What it does.
    pub action: Action,
    /// What that is to the thing it is about.
    pub change: Change,
    /// The thing it is about.
    pub subject: Subject,
    /// Why, in a sentence: what differs between the drawing and what is there.
    pub reason: String,
    /// The steps that must be done before it.
    pub after: Vec<StepId>,
}

/// What will be done, whole: it leaves no choice to whoever runs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The steps, each after all that it waits for.
    pub steps: Vec<Step>,
    /// The observation that it was made from, by its time in milliseconds of the lab's clock.
    pub observed_at_ms: u64,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}
