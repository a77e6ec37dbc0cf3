//! Incus: a lab's machines as system containers, its networks as managed bridges, over the daemon's REST API.
//!
//! Everything made carries the lab's mark in `user.sandtable.*` keys; nothing without it is ever changed or removed. It knows
//! nothing of services: what happens inside a node is written once, above.

mod answers;
mod api;
mod capacity;
mod cluster;
mod doctor;
mod error;
mod events;
mod exec;
mod faults;
mod guest;
pub mod image;
mod images;
mod instances;
mod look;
mod names;
mod networks;
mod power;
mod reach;
mod remote;
mod snapshots;
mod subnets;
mod uplink;
mod wire;

pub use doctor::doctor;

use super::{
    Answer, Done, ProviderError, Retry,
    doctor::Check,
    machines::{Below, Machine, Machines, Reach, Uplink},
    preflight::Needs,
    settings::{self, Setting},
    transport::Transport,
};
use crate::{
    model::{Endpoint, Fault, Flow, NetworkName, NodeName},
    plan::{Action, LabId},
};
use api::Api;
use error::ApiError;
use ipnet::Ipv4Net;
use std::{
    collections::BTreeMap,
    net::SocketAddrV4,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::mpsc;

/// What is set of Incus.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The alias of an image to make all nodes of, instead of the drawn ones.
    pub image: Option<String>,
    /// The storage pool for nodes' disks, instead of the default profile's.
    pub pool: Option<String>,
    /// The socket of this machine's daemon, instead of the usual one.
    pub socket: Option<PathBuf>,
    /// The folder of the client's remotes, instead of the user's own.
    pub folder: Option<PathBuf>,
}

impl From<&settings::Settings> for Settings {
    fn from(all: &settings::Settings) -> Self {
        Self {
            image: all.text(Setting::IncusImage),
            pool: all.text(Setting::IncusPool),
            socket: all.path(Setting::IncusSocket),
            folder: all.path(Setting::IncusFolder),
        }
    }
}

impl Settings {
    /// The client's words, with the daemon and the remotes that are set.
    fn client(&self, words: &[&str]) -> Vec<String> {
        let set = [(Setting::IncusSocket, &self.socket), (Setting::IncusFolder, &self.folder)];
        let variables =
            set.into_iter().filter_map(|(setting, path)| Some(format!("{}={}", setting.spec().variable, path.as_ref()?.display())));
        let variables: Vec<String> = variables.collect();
        let env = (!variables.is_empty()).then(|| "env".to_owned());
        env.into_iter().chain(variables).chain(words.iter().map(|word| (*word).to_owned())).collect()
    }
}

/// The machines of one lab at one daemon.
pub struct IncusMachines {
    api: Arc<Api>,
    lab: LabId,
    name: String,
    settings: Settings,
    /// The daemon merges changes of one instance without a lock of its own, so ours take turns.
    turns: Mutex<BTreeMap<NodeName, Arc<tokio::sync::Mutex<()>>>>,
    /// Uplinks are made and taken away one after the other.
    uplinks: tokio::sync::Mutex<()>,
    /// The members of the daemon's cluster, once asked.
    members: tokio::sync::OnceCell<Vec<String>>,
    /// The subnets that networks really have: the drawing may leave them open.
    subnets: Mutex<BTreeMap<NetworkName, Ipv4Net>>,
    /// The snapshots as they were seen last.
    snapshots: Mutex<Option<look::Snapshots>>,
}

impl IncusMachines {
    /// The machines of a lab at the daemon of this machine, or at a remote that the Incus client knows. Nothing is asked yet.
    ///
    /// # Errors
    /// Where there is no such remote.
    pub fn open(remote: Option<&str>, lab: LabId, settings: Settings) -> Result<Self, ProviderError> {
        let address = remote::find(remote, &settings).map_err(|error| error.explain("finding the Incus daemon", None))?;
        let name = remote.map_or_else(|| "incus".to_owned(), |remote| format!("incus:{remote}"));
        Ok(Self {
            api: Arc::new(Api::new(address)),
            lab,
            name,
            settings,
            turns: Mutex::default(),
            uplinks: tokio::sync::Mutex::default(),
            members: tokio::sync::OnceCell::new(),
            subnets: Mutex::default(),
            snapshots: Mutex::default(),
        })
    }

    fn exec(&self, node: &NodeName) -> exec::Exec {
        exec::Exec { api: Arc::clone(&self.api), instance: names::instance(&self.lab, node), node: node.clone() }
    }

    /// Waits for this node's turn to be changed.
    async fn turn(&self, node: &NodeName) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = Arc::clone(self.turns.lock().unwrap_or_else(PoisonError::into_inner).entry(node.clone()).or_default());
        turn.lock_owned().await
    }

    /// Reads something that may not exist.
    async fn find<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ApiError> {
        let Some(found) = self.api.find(path).await? else { return Ok(None) };
        serde_json::from_value(found.value).map(Some).map_err(|error| ApiError::Garbled(format!("{path}: {error}")))
    }

    /// Refuses to touch what is not this lab's.
    fn must_be_ours(&self, config: &answers::Config, kind: &str, name: &str, what: &str) -> Result<(), ProviderError> {
        if names::is_ours(config, &self.lab) {
            return Ok(());
        }
        Err(ProviderError {
            what: what.to_owned(),
            node: None,
            why: format!("the {kind} {name} exists and is not this lab's; it was not touched"),
            next: format!("Rename or remove that {kind}; `incus config show {name}` or `incus network show {name}` says what it is"),
            retry: Retry::Useless,
        })
    }

    fn remember_subnet(&self, name: &NetworkName, subnet: Option<Ipv4Net>) {
        let mut subnets = self.subnets.lock().unwrap_or_else(PoisonError::into_inner);
        match subnet {
            Some(subnet) => subnets.insert(name.clone(), subnet),
            None => subnets.remove(name),
        };
    }

    /// The daemon's own client is what people know, and it handles terminals.
    async fn client_name(&self, node: &NodeName, what: &str) -> Result<String, ProviderError> {
        let there = self.instance_there(node, what).await?;
        Ok(match self.name.split_once(':') {
            Some((_, remote)) => format!("{remote}:{}", there.name),
            None => there.name,
        })
    }

    async fn client_shell(&self, node: &NodeName, command: &[String]) -> Result<Vec<String>, ProviderError> {
        let instance = self.client_name(node, "opening a shell").await?;
        if !command.is_empty() {
            let words = self.settings.client(&["incus", "exec", &instance, "--"]);
            return Ok(words.into_iter().chain(command.iter().cloned()).collect());
        }
        let shell = "exec $(command -v bash || command -v sh) -l";
        Ok(self.settings.client(&["incus", "exec", &instance, "--", "sh", "-c", shell]))
    }

    async fn do_action(&self, action: &Action, says: &(dyn Fn(&str) + Send + Sync)) -> Result<Done, ProviderError> {
        match action {
            Action::CreateNetwork { network, spec } => self.create_network(network, spec, says).await,
            Action::ChangeNetwork { network, spec } => self.change_network(network, spec).await,
            Action::DeleteNetwork { network } => self.delete_network(network).await,
            Action::CreateMachine { node, spec } => self.create_machine(node, spec, says).await,
            Action::ChangeMachine { node, spec } => self.change_machine(node, spec).await,
            Action::DeleteMachine { node } => self.delete_machine(node).await,
            Action::PowerOn { node } => self.power_on(node, says).await,
            Action::PowerOff { node } => self.power_off(node).await,
            Action::TakeSnapshot { node, snapshot } => self.take_snapshot(node, snapshot).await,
            Action::RestoreSnapshot { node, snapshot } => self.restore_snapshot(node, snapshot).await,
            Action::DeleteSnapshot { node, snapshot } => self.delete_snapshot(node, snapshot).await,
            Action::Configure { .. }
            | Action::InstallService { .. }
            | Action::StartService { .. }
            | Action::ReconfigureService { .. }
            | Action::RemoveService { .. }
            | Action::SetVip { .. }
            | Action::RemoveVip { .. } => Err(ProviderError {
                what: format!("the step {}", action.verb()),
                node: action.node().cloned(),
                why: "it happens inside a node, and not at the hypervisor".into(),
                next: "This is a mistake in Sandtable; please report it".into(),
                retry: Retry::Useless,
            }),
        }
    }
}

impl Machines for IncusMachines {
    fn name(&self) -> &str {
        &self.name
    }

    fn look(&self) -> Answer<'_, Below> {
        Box::pin(self.look_below())
    }

    fn machine<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Option<Machine>> {
        Box::pin(self.look_at(node))
    }

    fn act<'a>(&'a self, action: &'a Action, says: &'a (dyn Fn(&str) + Send + Sync)) -> Answer<'a, Done> {
        Box::pin(self.do_action(action, says))
    }

    fn transport<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Arc<dyn Transport>> {
        Box::pin(async move { Ok(Arc::new(self.exec(node)) as Arc<dyn Transport>) })
    }

    fn shell<'a>(&'a self, node: &'a NodeName, command: &'a [String]) -> Answer<'a, Vec<String>> {
        Box::pin(self.client_shell(node, command))
    }

    fn console<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            let instance = self.client_name(node, "opening the console").await?;
            Ok(self.settings.client(&["incus", "console", &instance]))
        })
    }

    fn preflight<'a>(&'a self, needs: &'a Needs) -> Answer<'a, Vec<Check>> {
        Box::pin(self.check_capacity(needs))
    }

    fn note<'a>(&'a self, node: &'a NodeName, notes: &'a BTreeMap<String, Option<String>>) -> Answer<'a, ()> {
        Box::pin(async move {
            let what = format!("noting what is set up on {node}");
            let _one_at_a_time = self.turn(node).await;
            // Whose it is is asked before anything is written.
            self.instance_there(node, &what).await?;
            let pairs = notes.iter().map(|(key, value)| (format!("{}{key}", names::NOTE), value.clone().unwrap_or_default()));
            self.patch(node, &pairs.collect(), &what).await
        })
    }

    fn follow<'a>(&'a self, nodes: &'a [NodeName], changes: mpsc::Sender<NodeName>) -> Answer<'a, ()> {
        Box::pin(self.follow_nodes(nodes, changes))
    }

    fn uplink<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Option<Uplink>> {
        Box::pin(async move { self.open_uplink(node).await.map(Some) })
    }

    fn remove_uplink<'a>(&'a self, node: &'a NodeName) -> Answer<'a, Done> {
        Box::pin(self.close_uplink(node))
    }

    fn break_below<'a>(&'a self, fault: &'a Fault) -> Answer<'a, Reach> {
        Box::pin(self.break_it(fault))
    }

    fn mend_below<'a>(&'a self, fault: &'a Fault) -> Answer<'a, ()> {
        Box::pin(self.mend_it(fault))
    }

    fn outside<'a>(&'a self, flow: &'a Flow, below: &'a Below) -> Option<SocketAddrV4> {
        // The ports of another machine's loopback are none of ours.
        if self.api.is_local() { reach::from_outside(flow, below) } else { None }
    }

    fn beyond<'a>(&'a self, from: &'a Endpoint, below: &'a Below) -> Option<SocketAddrV4> {
        let subnets = self.subnets.lock().unwrap_or_else(PoisonError::into_inner);
        reach::to_outside(from, below, &subnets)
    }
}
