//! VirtualBox: machines and networks of one lab, made with VBoxManage on this machine or on another one.
//!
//! What it makes carries the lab's mark in extra data, and a UUID derived from lab and node; nothing else is ever changed or
//! removed, and the image's machine is never started, changed or deleted. Success is what is there afterwards, never an exit code
//! or a text. What the lab has is kept in VirtualBox itself: networks in its own extra data, machines in theirs.

mod below;
mod boot;
pub mod command;
mod contact;
pub mod doctor;
mod doors;
pub mod error;
mod files;
pub mod find;
mod growth;
mod image;
pub mod import;
mod inherited;
mod machines;
mod media;
pub mod names;
mod networks;
mod open;
pub mod parse;
mod power;
mod preflight;
pub mod ranges;
mod room;
mod seed;
mod shape;
mod sight;
pub mod version;

pub use command::{Place, Tally, VBoxManage};
pub use networks::Record;
pub use open::open_manage;
pub use shape::{Way, WayKind, Wire};

use super::{
    Answer, Done, ProviderError, Retry,
    doctor::Check,
    machines::{Below, Machine, Machines, Reach},
    preflight::Needs,
    settings::{Setting, Settings},
    ssh::SshTransport,
    transport::Transport,
};
use crate::{
    host::{
        ssh::{Become, LoginKey},
        state::LabFolder,
    },
    model::{Endpoint, Fault, Flow, MachineSpec, NodeName},
    plan::{Action, LabId},
    provision::firewall::Door,
};
use error::CallError;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddrV4},
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

/// Where a lab's own files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The folder of its layout: images that are files are named from there.
    pub layout: PathBuf,
    /// Its state folder: the key with which Sandtable gets into machines of such images is there.
    pub state: LabFolder,
}

/// How machines are reached and how long things may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The user that images have; others than root must be allowed `sudo` without a password.
    pub user: String,
    /// With what images let that user in.
    pub key: LoginKey,
    /// How long a machine may take until ssh answers. One that idles for a third of it is reset.
    pub boot_limit: Duration,
    /// How long a machine may take to shut down by itself before its plug is pulled.
    pub shutdown_limit: Duration,
    /// How long one ssh connection may take.
    pub connect_limit: Duration,
    /// Where the lab's own files are; without them no image can be a file.
    pub files: Option<Files>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            user: "root".into(),
            key: LoginKey::Agent,
            boot_limit: Duration::from_secs(450),
            shutdown_limit: Duration::from_secs(20),
            connect_limit: Duration::from_secs(20),
            files: None,
        }
    }
}

impl Options {
    /// As it is set; where nothing is: root, with the user's ed25519 key or agent.
    pub fn of(settings: &Settings) -> Self {
        let mut options = Self::default();
        if let Some(user) = settings.text(Setting::ImageUser) {
            options.user = user;
        }
        let usual = directories::BaseDirs::new().map(|dirs| dirs.home_dir().join(".ssh/id_ed25519")).filter(|path| path.is_file());
        if let Some(limit) = settings.limit(Setting::BootSeconds) {
            options.boot_limit = limit;
        }
        if let Some(file) = settings.path(Setting::ImageKey).or(usual) {
            options.key = LoginKey::File(file);
        }
        options
    }

    fn becomes(&self) -> Become {
        if self.user == "root" { Become::Nobody } else { Become::Root }
    }
}

/// One lab in VirtualBox.
pub struct VirtualBox {
    manage: VBoxManage,
    lab: LabId,
    options: Options,
    kept: Mutex<Kept>,
    // Images that were looked up; one looks them up for all who wait.
    images: tokio::sync::Mutex<BTreeMap<String, machines::Base>>,
    // What fresh clones of an image are like; one looks for all who wait.
    fresh: tokio::sync::Mutex<BTreeMap<String, machines::Fresh>>,
}

/// What need not be asked again.
#[derive(Default)]
struct Kept {
    // VirtualBox's own extra data.
    global: Option<BTreeMap<String, String>>,
    // Machines' extra data, by UUID.
    noted: BTreeMap<String, sight::Noted>,
    ports: BTreeSet<u16>,
    transports: BTreeMap<NodeName, Arc<SshTransport>>,
    folder: Option<String>,
    // The host's addresses on host-only interfaces and networks, by their names.
    hosts: BTreeMap<String, Ipv4Addr>,
    // How each node is reached, and whether it is set up; `None`: nobody has looked yet.
    ways: Option<BTreeMap<NodeName, (WayKind, SetUp)>>,
    // Nodes as they were seen when all was looked at, until somebody wants to get in.
    looked: BTreeMap<NodeName, (std::time::Instant, sight::Seen)>,
    // The UUIDs of nodes whose machines have others than their names give: what was renamed, and what cannot be read.
    strays: BTreeMap<NodeName, String>,
    // All machines and all disks, as `list` told them when all was looked at.
    listed: Option<(String, String)>,
}

/// Whether a node has its names and addresses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SetUp {
    Yes,
    No,
}

impl VirtualBox {
    /// A lab at a VirtualBox.
    pub fn new(manage: VBoxManage, lab: LabId, options: Options) -> Self {
        Self { manage, lab, options, kept: Mutex::default(), images: Default::default(), fresh: Default::default() }
    }

    /// The VBoxManage that it uses.
    pub fn manage(&self) -> &VBoxManage {
        &self.manage
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn uuid(&self, node: &str) -> String {
        let stray = self.kept().strays.get(node).cloned();
        stray.unwrap_or_else(|| names::uuid(&self.lab, node))
    }

    fn failed(&self, what: impl Into<String>, node: Option<&NodeName>, error: &CallError) -> ProviderError {
        error.explain(what, node, self.manage.version())
    }

    /// Forgets how nodes are reached: addresses, keys or adapters have changed.
    fn forget_ways(&self) {
        let mut kept = self.kept();
        kept.transports.clear();
        kept.looked.clear();
    }
}

fn cannot(what: impl Into<String>, node: Option<&NodeName>, why: impl Into<String>, next: impl Into<String>) -> ProviderError {
    ProviderError { what: what.into(), node: node.cloned(), why: why.into(), next: next.into(), retry: Retry::Useless }
}

/// Something to wait for together with others.
type Waits<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Waits for all, side by side; answers in their order.
async fn all<T>(mut futures: Vec<Waits<'_, T>>) -> Vec<T> {
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        let mut is_waiting = false;
        for (future, slot) in futures.iter_mut().zip(&mut done).filter(|(_, slot)| slot.is_none()) {
            match future.as_mut().poll(context) {
                Poll::Ready(value) => *slot = Some(value),
                Poll::Pending => is_waiting = true,
            }
        }
        if is_waiting { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    done.into_iter().flatten().collect()
}

impl Machines for VirtualBox {
    fn name(&self) -> &str {
        "virtualbox"
    }

    fn look(&self) -> Answer<'_, Below> {
        Box::pin(async { self.look_at_all().await.map_err(|error| self.failed("look at VirtualBox", None, &error)) })
    }

    fn machine<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Option<Machine>> {
        Box::pin(async move { self.look_at(node).await.map_err(|error| self.failed(format!("look at {node}"), Some(node), &error)) })
    }

    fn act<'a>(&'a self, action: &'a Action, says: &'a (dyn Fn(&str) + Send + Sync)) -> Answer<'a, Done> {
        Box::pin(async move {
            match action {
                Action::CreateNetwork { network, spec } | Action::ChangeNetwork { network, spec } => {
                    self.make_network(network, spec, says).await
                }
                Action::DeleteNetwork { network } => self.delete_network(network).await,
                Action::CreateMachine { node, spec } => self.create(node, spec, says).await,
                Action::ChangeMachine { node, spec } => self.change(node, spec, says).await,
                Action::DeleteMachine { node } => self.delete(node, says).await,
                Action::PowerOn { node } => self.power_on(node, says).await,
                Action::PowerOff { node } => self.power_off(node, says).await,
                Action::TakeSnapshot { node, snapshot } => self.take_snapshot(node, snapshot).await,
                Action::RestoreSnapshot { node, snapshot } => self.restore_snapshot(node, snapshot).await,
                Action::DeleteSnapshot { node, snapshot } => self.delete_snapshot(node, snapshot).await,
                Action::Configure { node, .. }
                | Action::InstallService { node, .. }
                | Action::StartService { node, .. }
                | Action::ReconfigureService { node, .. }
                | Action::RemoveService { node, .. }
                | Action::SetVip { node, .. }
                | Action::RemoveVip { node, .. } => Err(cannot(
                    action.verb(),
                    Some(node),
                    "this happens inside the node",
                    "This is a mistake in Sandtable; please report it",
                )),
            }
        })
    }

    fn transport<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Arc<dyn Transport>> {
        Box::pin(async move { self.way_in(node).await.map(|way| way as Arc<dyn Transport>) })
    }

    fn shell<'a>(&'a self, node: &'a NodeName, command: &'a [String]) -> Answer<'a, Vec<String>> {
        Box::pin(async move { self.way_in(node).await?.shell(command).await })
    }

    fn console<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Vec<String>> {
        Box::pin(self.screen(node))
    }

    fn note<'a>(&'a self, node: &'a NodeName, notes: &'a BTreeMap<String, Option<String>>) -> Answer<'a, ()> {
        Box::pin(async move {
            self.write_notes(node, notes).await.map_err(|error| self.failed(format!("note something on {node}"), Some(node), &error))
        })
    }

    fn preflight<'a>(&'a self, needs: &'a Needs) -> Answer<'a, Vec<Check>> {
        Box::pin(VirtualBox::preflight(self, needs))
    }

    fn provisioned(&self) -> Answer<'_, Done> {
        Box::pin(self.close_uplinks())
    }

    fn break_below<'a>(&'a self, fault: &'a Fault) -> Answer<'a, Reach> {
        Box::pin(self.break_it(fault))
    }

    fn mend_below<'a>(&'a self, fault: &'a Fault) -> Answer<'a, ()> {
        Box::pin(self.mend_it(fault))
    }

    fn doors(&self, spec: &MachineSpec) -> Vec<Door> {
        let (wires, hosts) = {
            let kept = self.kept();
            let records = kept.global.as_ref().map(|extra| networks::records(&self.lab, extra)).unwrap_or_default();
            (records.into_iter().map(|(name, record)| (name, record.wire)).collect(), kept.hosts.clone())
        };
        doors::doors(spec, &wires, &|name| hosts.get(name).copied())
    }

    fn outside<'a>(&'a self, flow: &'a Flow, below: &'a Below) -> Option<SocketAddrV4> {
        // The forwards and host-only networks of another machine lead nowhere from here.
        matches!(self.manage.place(), Place::Here(_)).then(|| contact::outside(flow, below)).flatten()
    }

    fn beyond<'a>(&'a self, from: &'a Endpoint, below: &'a Below) -> Option<SocketAddrV4> {
        // NAT leads out, and nothing out there is ours to be asked: VirtualBox's own gateway answers no TCP.
        let _ = (from, below);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_waited_for_side_by_side() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let first: Waits<'_, u32> = Box::pin(async { receiver.await.unwrap() });
        let second: Waits<'_, u32> = Box::pin(async {
            sender.send(1).unwrap();
            2
        });
        assert_eq!(runtime.block_on(all(vec![first, second])), [1, 2]);
        assert_eq!(runtime.block_on(all::<u32>(Vec::new())), [0; 0]);
    }
}
