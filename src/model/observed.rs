//! What is seen of a deployed lab, and the specifications that desired and observed are compared by.
//!
//! Every provider fills the same types; nothing here says how a fact was found. A fact that nobody has asked for is
//! `Unknown` or missing, never assumed.

use super::{
    ClusterName, Fault, FlowId, Forward, Health, Hosts, Image, Kind, Mac, NetworkKind, NetworkName, NodeName, PackageName, ServiceName,
    ServiceRef, Value, VersionPattern, VipName,
};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

/// Whether a machine is on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// There is no such machine.
    #[default]
    Missing,
    /// Off.
    Stopped,
    /// Frozen.
    Paused,
    /// On.
    Running,
}

impl Power {
    /// The word that people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Stopped => "stopped",
            Self::Paused => "paused",
            Self::Running => "running",
        }
    }
}

/// A network as a provider is to make it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// How it is joined to the world.
    pub kind: NetworkKind,
    /// Its addresses.
    pub subnet: Option<Ipv4Net>,
    /// What its DHCP server hands out; `None`: no server.
    pub dhcp: Option<(Ipv4Addr, Ipv4Addr)>,
    /// The host's interface that a bridged one is joined to.
    pub interface: Option<String>,
}

/// An adapter as a provider is to make it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AdapterSpec {
    /// The network it is plugged into.
    pub network: NetworkName,
    /// Its hardware address.
    pub mac: Mac,
    /// Its static address with the prefix length; `None`: from DHCP.
    pub address: Option<Ipv4Net>,
    /// Ports of the host that lead here.
    pub forwards: Vec<Forward>,
}

/// A subnet that a machine reaches through another node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RouteSpec {
    /// The subnet; 0.0.0.0/0 is the default route.
    pub to: Ipv4Net,
    /// The next hop: the other node's address.
    pub through: Ipv4Addr,
    /// The network that the next hop is on, which says by which adapter the route leaves.
    pub network: NetworkName,
}

impl RouteSpec {
    /// Whether it is the default route.
    pub fn is_default(&self) -> bool {
        self.to.prefix_len() == 0
    }
}

/// A machine as a provider is to make it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineSpec {
    /// What it is cloned from; `None`: the provider's own default.
    pub image: Option<Image>,
    /// Virtual processors.
    pub cpus: u16,
    /// Memory, in MiB.
    pub memory_mib: u32,
    /// Disk, in GiB.
    pub disk_gib: u32,
    /// Network cards in slot order.
    pub adapters: Vec<AdapterSpec>,
    /// The machine's own name.
    pub hostname: String,
    /// Names and addresses for its `/etc/hosts`, in order.
    pub hosts: Hosts,
    /// Subnets that it reaches through other nodes.
    #[serde(default)]
    pub routes: Vec<RouteSpec>,
    /// Versions that its packages must have, where it has them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pins: BTreeMap<PackageName, VersionPattern>,
}

impl MachineSpec {
    /// The address at which the machine dials another by its name: what its `/etc/hosts` has.
    pub fn resolve(&self, name: &str) -> Option<Ipv4Addr> {
        super::resolve_host(&self.hosts, name)
    }

    /// The slot of the adapter by which a route leaves: on the route's network, with a static address in the next hop's subnet, else one
    /// with an address from DHCP, whose subnet is known only when it has come. `None`: no adapter leads to the next hop.
    pub fn slot_of(&self, route: &RouteSpec) -> Option<usize> {
        let on_network = || self.adapters.iter().enumerate().filter(|(_, adapter)| adapter.network == route.network);
        let fixed = on_network().find(|(_, adapter)| adapter.address.is_some_and(|own| own.contains(&route.through)));
        fixed.or_else(|| on_network().find(|(_, adapter)| adapter.address.is_none())).map(|(slot, _)| slot)
    }

    /// The routes that leave by the adapter in a slot.
    pub fn routes_by(&self, slot: usize) -> impl Iterator<Item = &RouteSpec> {
        self.routes.iter().filter(move |route| self.slot_of(route) == Some(slot))
    }

    /// Whether its default route leads through another node.
    pub fn has_drawn_default(&self) -> bool {
        self.routes.iter().any(RouteSpec::is_default)
    }
}

/// A service as it is to be set up on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// The catalog's entry.
    pub kind: Kind,
    /// Addresses and ports that it listens on, by the catalog's port names. 0.0.0.0 is every address.
    pub listen: BTreeMap<String, Vec<std::net::SocketAddrV4>>,
    /// Who is let in, as subnets; `None`: everyone.
    pub allow: Option<BTreeSet<Ipv4Net>>,
    /// Its cluster and the other members' services.
    pub cluster: Option<(ClusterName, Vec<ServiceRef>)>,
    /// The service it copies from.
    pub replica_of: Option<ServiceRef>,
    /// The primary that it copied from until it was promoted; `None` where the layout itself says that it is none's replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted_from: Option<ServiceRef>,
    /// What it talks to, in the order of the flows: a balancer's backends, an application's database.
    pub upstreams: Vec<Upstream>,
    /// The other services that its configuration names, each once.
    #[serde(default)]
    pub peers: Vec<PeerSpec>,
    /// Further settings.
    pub settings: BTreeMap<String, Value>,
    /// Settings whose values are secrets: setting -> secret's name.
    pub secrets: BTreeMap<String, String>,
}

/// What another service is to the one whose configuration names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// Another member of its cluster.
    Member,
    /// What it copies from.
    Primary,
    /// What copies from it.
    Replica,
    /// A setting names it.
    Named,
}

/// Another service as a service's configuration must know it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PeerSpec {
    /// Which.
    pub at: ServiceRef,
    /// What it is to this one.
    pub relation: Relation,
    /// Its entry in the catalog.
    pub kind: Kind,
    /// The address and the main port at which this one reaches it; port 0 for a kind without ports.
    pub address: std::net::SocketAddrV4,
    /// Subnets that lie behind it on its own site: what a tunnel to it leads to.
    #[serde(default)]
    pub behind: Vec<Ipv4Net>,
    /// Its settings, the catalog's defaults filled in: what must be the same at both ends (time-outs of a cluster, who has the say).
    #[serde(default)]
    pub settings: BTreeMap<String, Value>,
    /// Its settings whose values are secrets: setting -> secret's name.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
}

impl PeerSpec {
    /// Where it is reached, for people: the address, and the port of a kind that has one.
    pub fn place(&self) -> String {
        match self.address.port() {
            0 => self.address.ip().to_string(),
            _ => self.address.to_string(),
        }
    }
}

/// Something that a service talks to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Upstream {
    /// What the flow leads to.
    pub to: String,
    /// The address and port that are dialled.
    pub at: std::net::SocketAddrV4,
    /// What answers there, as the catalog calls it; `None`: a port of a node on which nothing is drawn.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// Whether it wants TLS.
    #[serde(default)]
    pub is_encrypted: bool,
    /// The path that tells how well it is, where it has one.
    #[serde(default)]
    pub health_path: Option<String>,
}

impl Upstream {
    /// Something of which no more is known than where it is.
    pub fn new(to: String, at: std::net::SocketAddrV4) -> Self {
        Self { to, at, kind: None, is_encrypted: false, health_path: None }
    }
}

/// A VIP as it is to be set up on one of its holders.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VipSpec {
    /// The address with the network's prefix length.
    pub address: Ipv4Net,
    /// The network.
    pub network: NetworkName,
    /// VRRP's virtual router id.
    pub id: u8,
    /// This holder's priority.
    pub priority: u8,
    /// The other holders' addresses: advertisements are sent to them alone.
    pub peers: Vec<Ipv4Addr>,
    /// The service that must be well here.
    pub follows: Option<ServiceName>,
    /// Time between two advertisements, in milliseconds.
    pub advertise_ms: u32,
    /// Whether a better holder takes it back.
    pub preempt: bool,
}

/// A service as seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedService {
    /// How it was set up; `None`: it is not there.
    pub spec: Option<ServiceSpec>,
    /// Whether it was installed and its start not completed since: what follows a start may be missing although it runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub start_pending: bool,
    /// How well it is.
    pub health: Health,
    /// Why, in a few words, where it is not well.
    pub reason: String,
    /// Addresses and ports that it really listens on.
    pub listening: Vec<std::net::SocketAddrV4>,
    /// When its health last changed, in milliseconds of [`Observed::at_ms`]'s clock.
    pub since_ms: u64,
    /// What else it says of itself, such as `cluster-size`: `4`.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
}

/// A node as seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedNode {
    /// Whether it is on.
    pub power: Power,
    /// Whether it is being started, or was turned on lately and takes no commands yet: what is set up on it is neither broken nor
    /// missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_booting: bool,
    /// How it was made; `None`: it is not there.
    pub spec: Option<MachineSpec>,
    /// Whether its name, addresses and hosts were set as the specification says.
    pub configured: bool,
    /// Which of its adapters have their link, in slot order.
    pub links_up: Vec<bool>,
    /// How well it is: the worst of its services, or down.
    pub health: Health,
    /// Why, in a few words, where it is the node itself that is not well: its disk is full, its clock is off, its hypervisor cannot
    /// read its settings.
    #[serde(default)]
    pub reason: String,
    /// What runs on it.
    pub services: BTreeMap<ServiceName, ObservedService>,
    /// How its VIPs were set up.
    pub vips: BTreeMap<VipName, VipSpec>,
    /// Its snapshots, oldest first.
    pub snapshots: Vec<String>,
    /// When it was last heard of, in milliseconds of [`Observed::at_ms`]'s clock.
    pub seen_ms: u64,
}

impl ObservedNode {
    /// The word for whether it is on that people read.
    pub fn power_title(&self) -> &'static str {
        if self.is_booting { "booting" } else { self.power.title() }
    }
}

/// A network as seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedNetwork {
    /// How it was made.
    pub spec: NetworkSpec,
    /// Whether its making was cut off, so that nothing can be plugged into it.
    #[serde(default)]
    pub cut_off: bool,
}

impl ObservedNetwork {
    /// One that was made so.
    pub fn of(spec: NetworkSpec) -> Self {
        Self { spec, cut_off: false }
    }
}

/// A VIP as seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedVip {
    /// Its address.
    pub address: Option<Ipv4Addr>,
    /// The nodes that have the address now, the one that took it last first: others on its network send to that one. None or several are
    /// alarms.
    pub holders: Vec<NodeName>,
    /// When the holders last changed, in milliseconds of [`Observed::at_ms`]'s clock.
    pub since_ms: u64,
    /// Why it is not held by exactly one candidate, as far as is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A flow as observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObservedFlow {
    /// Which flow.
    #[serde(flatten)]
    pub id: FlowId,
    /// How well it is.
    pub health: Health,
    /// Whether packets arrive.
    pub forward: bool,
    /// Whether answers come back.
    pub backward: bool,
    /// How long an answer takes, in milliseconds; `None`: none came.
    pub latency_ms: Option<f32>,
    /// Why, in a few words, where it is not well.
    pub reason: String,
}

/// Whether a cluster can work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterState {
    /// All members together.
    Whole,
    /// Some are missing, and what is left may work on.
    #[default]
    Partial,
    /// No part may work: quorum is lost, or nothing runs.
    Stopped,
    /// More than one part works: their data will differ.
    Split,
}

/// A cluster as seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedCluster {
    /// Whether it can work.
    pub state: ClusterState,
    /// The parts that see each other, the one that works first; members are `node/service`.
    pub parts: Vec<Vec<ServiceRef>>,
    /// How many members the drawing has.
    pub size: usize,
    /// Members of a mesh that both run and do not see each other, even where both belong to one part through others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apart: Vec<(ServiceRef, ServiceRef)>,
}

/// A fault that lasts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActiveFault {
    /// Its number in this lab, from 1, never used again.
    pub id: u64,
    /// The fault.
    pub fault: Fault,
    /// When it was injected, in milliseconds of [`Observed::at_ms`]'s clock.
    pub since_ms: u64,
    /// When it heals by itself, on the same clock; `None`: it lasts until it is healed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// Who injected it.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub by: Author,
}

/// Who injected a fault.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// Not recorded: by a version that did not say.
    #[default]
    Unknown,
    /// The command line.
    CommandLine,
    /// A window.
    Window {
        /// The process that the window belongs to.
        process: u32,
    },
}

/// Everything seen of one lab at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The provider's clock, in milliseconds since the lab was first deployed.
    pub at_ms: u64,
    /// Networks that exist.
    pub networks: BTreeMap<NetworkName, ObservedNetwork>,
    /// Nodes that exist, and drawn ones that do not ([`Power::Missing`]) where the provider was asked about them.
    pub nodes: BTreeMap<NodeName, ObservedNode>,
    /// VIPs.
    pub vips: BTreeMap<VipName, ObservedVip>,
    /// Flows, in the drawing's order.
    pub flows: Vec<ObservedFlow>,
    /// Clusters.
    pub clusters: BTreeMap<ClusterName, ObservedCluster>,
    /// Faults that last.
    pub faults: Vec<ActiveFault>,
}

impl Observed {
    /// The specifications of its machines, in order.
    pub fn machines_mut(&mut self) -> impl Iterator<Item = &mut MachineSpec> {
        self.nodes.values_mut().filter_map(|node| node.spec.as_mut())
    }

    /// The same without what changes at each observation although nothing happened: the clock, when nodes were last heard
    /// of, and how long answers took. Two observations without clocks that are equal show the same.
    #[must_use]
    pub fn without_clocks(mut self) -> Self {
        self.at_ms = 0;
        self.nodes.values_mut().for_each(|node| node.seen_ms = 0);
        for flow in &mut self.flows {
            flow.latency_ms = flow.latency_ms.map(|_| 0.0);
        }
        self
    }

    /// The same with the health of everything unknown, and why: it cannot be observed any more.
    #[must_use]
    pub fn without_health(mut self, why: &str) -> Self {
        for node in self.nodes.values_mut() {
            (node.health, node.reason) = (Health::Unknown, why.to_owned());
            for service in node.services.values_mut() {
                (service.health, service.reason) = (Health::Unknown, why.to_owned());
            }
        }
        for flow in &mut self.flows {
            (flow.health, flow.latency_ms, flow.reason) = (Health::Unknown, None, why.to_owned());
        }
        self
    }

    /// Nodes that run and whose state is not known: they did not report lately.
    pub fn silent(&self) -> impl Iterator<Item = &NodeName> {
        let silent = self.nodes.iter().filter(|(_, node)| node.power == Power::Running && node.health == Health::Unknown);
        silent.map(|(name, _)| name)
    }

    /// Whether nothing of the lab exists.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty() && self.nodes.values().all(|node| node.power == Power::Missing)
    }
}
