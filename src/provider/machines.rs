//! What makes machines and networks: Incus, VirtualBox. The seam below [`super::real`], which does the rest alike for all.

use super::{Answer, Done, doctor::Check, preflight::Needs, transport::Transport};
pub use crate::provision::uplink::Uplink;
use crate::{
    model::{Endpoint, Fault, Flow, MachineSpec, NetworkName, NetworkSpec, NodeName, Power},
    plan::Action,
    provision::firewall::Door,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddrV4,
    sync::Arc,
};
use tokio::sync::mpsc;

/// A machine as the hypervisor has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Whether it is on.
    pub power: Power,
    /// How it was made.
    pub spec: Option<MachineSpec>,
    /// Which of its adapters have their link, in slot order.
    pub links_up: Vec<bool>,
    /// Its snapshots, oldest first.
    pub snapshots: Vec<String>,
    /// What was noted on it ([`Machines::note`]).
    pub notes: BTreeMap<String, String>,
    /// What keeps it from being used, in a few words: its settings cannot be read. What is left of it may hold data.
    pub trouble: Option<String>,
    /// Whether it is being started, or was turned on so lately that it may not answer yet.
    pub is_booting: bool,
    /// Whether it has an adapter that is there only to set it up ([`Machines::remove_uplink`] takes it away).
    pub has_uplink: bool,
}

/// What exists of one lab below its guests: only what carries this lab's mark.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Below {
    /// Networks.
    pub networks: BTreeMap<NetworkName, NetworkSpec>,
    /// Those of them whose making was cut off: they carry the mark and nothing else.
    pub cut_off: BTreeSet<NetworkName>,
    /// Machines.
    pub machines: BTreeMap<NodeName, Machine>,
}

/// Whether something below the guest can be broken there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It can, and was.
    Below,
    /// It cannot: it is done inside the node.
    Inside,
}

/// What makes the machines and networks of one lab. It knows nothing of services.
pub trait Machines: Send + Sync {
    /// The provider's name, as `--on` takes it.
    fn name(&self) -> &str;

    /// What exists.
    fn look(&self) -> Answer<'_, Below>;

    /// One machine, where it exists. Its snapshots may be left out: whoever sets up a node has no use for them, and asks often.
    fn machine<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Option<Machine>> {
        Box::pin(async move { Ok(self.look().await?.machines.remove(node)) })
    }

    /// Does an action about networks, machines, power or snapshots; never called with one that happens inside a node. Doing it
    /// twice is doing it once. After [`Action::PowerOn`] the machine takes commands by its transport.
    fn act<'a>(&'a self, action: &'a Action, says: &'a (dyn Fn(&str) + Send + Sync)) -> Answer<'a, Done>;

    /// The way into a running node. Cheap to ask for: what can be kept is kept.
    fn transport<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Arc<dyn Transport>>;

    /// As [`super::Provider::shell`].
    fn shell<'a>(&'a self, node: &'a NodeName, command: &'a [String]) -> Answer<'a, Vec<String>>;

    /// The program on this machine, and its arguments, that shows a person a running node's screen.
    fn console<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Vec<String>>;

    /// Notes something on a machine, for whoever looks next; `None` takes it away. Keys are lower-case letters, digits, dots and
    /// dashes. Works whether the machine is on or off.
    fn note<'a>(&'a self, node: &'a NodeName, notes: &'a BTreeMap<String, Option<String>>) -> Answer<'a, ()>;

    /// Tells which of these nodes have been turned on or off, frozen, thawed or changed, as it happens, until nobody listens. Ends at
    /// once where the hypervisor does not tell; then only looking helps.
    fn follow<'a>(&'a self, _nodes: &'a [NodeName], _changes: mpsc::Sender<NodeName>) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    /// What a plan needs of the machine that its nodes would run on, and whether that is there. Nothing is made before, and nothing is
    /// changed.
    fn preflight<'a>(&'a self, _needs: &'a Needs) -> Answer<'a, Vec<Check>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Plugs an adapter that leads out into a running node, for its packages; `None`: there is none to be had but what it has
    /// already. Doing it twice is doing it once.
    fn uplink<'a>(&'a self, _node: &'a NodeName) -> Answer<'a, Option<Uplink>> {
        Box::pin(async { Ok(None) })
    }

    /// Takes a node's uplink away. Gives whether there was one. Doing it twice is doing it once.
    fn remove_uplink<'a>(&'a self, _node: &'a NodeName) -> Answer<'a, Done> {
        Box::pin(async { Ok(Done::AlreadySo) })
    }

    /// What was there only to set nodes up goes, an uplink for packages: called once everything is done inside them. Gives whether
    /// there was such a thing. Doing it twice is doing it once.
    fn provisioned(&self) -> Answer<'_, Done> {
        Box::pin(async { Ok(Done::AlreadySo) })
    }

    /// Breaks something below the guest, or says that it must be done inside.
    fn break_below<'a>(&'a self, fault: &'a Fault) -> Answer<'a, Reach>;

    /// Mends what [`Machines::break_below`] broke. Tolerates that it never was, or only half.
    fn mend_below<'a>(&'a self, fault: &'a Fault) -> Answer<'a, ()>;

    /// The ways in that the transport needs through a node's firewall; none where it does not come by the network.
    fn doors(&self, _spec: &MachineSpec) -> Vec<Door> {
        Vec::new()
    }

    /// Where this machine, as somebody outside of the lab, reaches the end of a flow; `None` where it does not.
    fn outside<'a>(&'a self, flow: &'a Flow, below: &'a Below) -> Option<SocketAddrV4>;

    /// The address at which a node of the lab reaches somebody outside, to try flows that lead out; `None` where there is none.
    fn beyond<'a>(&'a self, from: &'a Endpoint, below: &'a Below) -> Option<SocketAddrV4>;
}
