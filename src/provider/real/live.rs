//! What lives on beside the steps: watching nodes, breaking and mending them. The seam between who sets nodes up
//! (`act`) and who looks at them.

use crate::{
    model::{ActiveFault, Fault, Flow, NodeName, Observed, Prediction},
    provider::{Answer, FaultSelection, InjectOptions, Traffic, machines::Below},
};
use std::sync::Arc;

/// Who looks into the nodes of one lab, and breaks them. All of it is called on the provider's own runtime, so it may spawn
/// there; what it spawns ends when it is dropped.
pub trait Live: Send + Sync {
    /// Fills in what only a look into the nodes tells: health, reasons, sockets, holders of VIPs, flows, clusters and faults.
    /// `seen` already has the clock, networks, and nodes with power, links, snapshots and the specifications of machines,
    /// services and VIPs. What it does not know stays `Unknown`. It must answer within two seconds, also where a node hangs.
    fn see(&self, below: Arc<Below>, seen: Observed) -> Answer<'_, Observed>;

    /// Says which flows are to be tried; [`Observed::flows`] has them in this order.
    fn watch<'a>(&'a self, flows: &'a [Flow]) -> Answer<'a, ()>;

    /// Something was set up, started or removed on a node just now: what was seen of it before is old.
    fn touched(&self, node: &NodeName);

    /// Breaks something, and gives the fault's number.
    fn inject<'a>(&'a self, fault: &'a Fault, options: InjectOptions) -> Answer<'a, u64>;

    /// Mends what was broken, and says what that was.
    fn heal(&self, which: FaultSelection) -> Answer<'_, Vec<ActiveFault>>;

    /// What a fault would take with it; `None` where that cannot be told.
    fn predict<'a>(&'a self, fault: &'a Fault, lasts_ms: Option<u64>) -> Answer<'a, Option<Prediction>>;

    /// The requests from outside.
    fn traffic(&self) -> Answer<'_, Traffic>;

    /// Sends so many requests a second from outside; 0: none.
    fn set_load(&self, per_sec: u32) -> Answer<'_, ()>;
}
