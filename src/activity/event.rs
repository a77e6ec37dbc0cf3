//! The types of the stream: an event, who caused it, and what happened.

use crate::model::{
    self, ClusterName, ClusterState, Fault, FlowId, Health, NetworkName, NodeName, Observed, RequestOutage, ServiceRef, VipName,
};
use serde::Serialize;
use std::{collections::BTreeSet, net::Ipv4Addr};

/// Who caused an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The process that shows the event: this window, or this command.
    Viewer,
    /// Another window.
    AnotherWindow,
    /// The command line.
    CommandLine,
    /// Another process; which kind is not known.
    AnotherProcess,
    /// The timer of a fault.
    Timer,
    /// The lab itself.
    Lab,
    /// Not recorded: by a version that did not say.
    Unknown,
}

/// Who watches: whose own acts are its own.
#[derive(Debug, Clone, Copy)]
pub struct Viewer<'a> {
    /// Its process.
    pub process: u32,
    /// Faults that it heals or has healed.
    pub healing: &'a BTreeSet<u64>,
    /// What it does with the lab at the moment.
    pub operation: Option<Operation>,
}

impl Viewer<'_> {
    /// Who injected a fault.
    pub fn injector(&self, by: model::Author) -> Author {
        match by {
            model::Author::Window { process } if process == self.process => Author::Viewer,
            model::Author::Window { .. } => Author::AnotherWindow,
            model::Author::CommandLine => Author::CommandLine,
            model::Author::Unknown => Author::Unknown,
        }
    }
}

/// What a process does with a lab as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Deploying the drawing.
    Deploy,
    /// Undoing a deployment.
    Undo,
    /// Removing the lab.
    Destroy,
    /// Promoting a replica.
    Promote,
    /// Recovering a cluster.
    Recover,
    /// Taking a snapshot.
    Snapshot,
    /// Restoring a snapshot.
    Restore,
}

/// An observation and its time.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// When it was made, in milliseconds since 1970.
    pub wall_ms: u64,
    /// What was observed.
    pub observed: &'a Observed,
    /// What was measured of requests since the last fault.
    pub outage: Option<&'a RequestOutage>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// When, in milliseconds of the lab's clock ([`Observed::at_ms`]).
    pub lab_ms: u64,
    /// Who caused it.
    pub author: Author,
    /// What happened.
    pub fact: Fact,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// A fault was injected.
    Injected(Fault),
    /// A fault was healed.
    Healed(Fault),
    /// What a fault broke has recovered by itself: a killed service was restarted.
    Recovered(Fault),
    /// An operation on the lab was begun.
    OperationStarted(Operation),
    /// An operation on the lab has ended; why, if it failed.
    OperationEnded(Operation, Result<(), String>),
    /// A network was created.
    NetworkCreated(NetworkName),
    /// A network was removed.
    NetworkRemoved(NetworkName),
    /// A node was created, and is off.
    NodeCreated(NodeName),
    /// A node was removed.
    NodeRemoved(NodeName),
    /// A node is booting.
    NodeBooting(NodeName),
    /// A node runs.
    NodeRunning(NodeName),
    /// A node is paused.
    NodePaused(NodeName),
    /// A node was turned off.
    NodeOff(NodeName),
    /// The link of an adapter went up or down; the network, or the adapter's slot.
    Link {
        /// The node.
        node: NodeName,
        /// The network, or the number of the adapter if that is not known.
        to: String,
        /// Whether it is up now.
        is_up: bool,
    },
    /// The node itself is not well, and why; or no longer.
    NodeState {
        /// The node.
        node: NodeName,
        /// How it is.
        health: Health,
        /// Why; empty if it is well.
        reason: String,
        /// What it was before.
        before: String,
    },
    /// A service changed its health.
    Service {
        /// The service.
        at: ServiceRef,
        /// How it is.
        health: Health,
        /// Why.
        reason: String,
    },
    /// A replica was promoted.
    Promoted(ServiceRef),
    /// A node gave up a VIP.
    VipLeft(VipName, Address, NodeName),
    /// A node took a VIP.
    VipTaken(VipName, Address, NodeName),
    /// Not exactly one node holds a VIP, but so many.
    VipAlarm(VipName, Address, usize),
    /// A cluster changed its state.
    Cluster {
        /// The cluster.
        name: ClusterName,
        /// Its state.
        state: ClusterState,
        /// Members that work together.
        working: usize,
        /// All members.
        size: usize,
    },
    /// A flow changed its health.
    Flow {
        /// The flow.
        id: FlowId,
        /// How it is.
        health: Health,
        /// Why.
        reason: String,
    },
    /// After a fault, requests from outside are all answered again.
    Answered,
}

/// The address of a VIP, if it is known.
pub type Address = Option<Ipv4Addr>;

impl Event {
    /// Whether somebody did it to the lab: times are counted from the last such event.
    pub fn is_act(&self) -> bool {
        match self.fact {
            Fact::Injected(_) | Fact::Healed(_) | Fact::Recovered(_) | Fact::OperationStarted(_) => true,
            Fact::OperationEnded(..)
            | Fact::NetworkCreated(_)
            | Fact::NetworkRemoved(_)
            | Fact::NodeCreated(_)
            | Fact::NodeRemoved(_)
            | Fact::NodeBooting(_)
            | Fact::NodeRunning(_)
            | Fact::NodePaused(_)
            | Fact::NodeOff(_)
            | Fact::Link { .. }
            | Fact::NodeState { .. }
            | Fact::Service { .. }
            | Fact::Promoted(_)
            | Fact::VipLeft(..)
            | Fact::VipTaken(..)
            | Fact::VipAlarm(..)
            | Fact::Cluster { .. }
            | Fact::Flow { .. }
            | Fact::Answered => false,
        }
    }
}
