//! The lab: what is drawn, as plain data, and what is observed of it.
//!
//! Pure. This layer reads no file, asks no clock, knows no window and no provider. It never judges a lab (that is
//! `rules`) beyond this: every reference names a thing that exists, and [`Lab::apply`] keeps it so.

mod canvas;
pub mod cascade;
mod edit;
mod event;
mod failover;
mod fault;
mod flow;
mod flow_id;
mod forecast;
mod health;
mod hosts;
mod name;
mod network;
mod node;
mod observed;
mod path;
mod pin;
mod refs;
mod rename;
mod service;
mod subject;
mod subject_names;
mod text;

pub use canvas::{Canvas, Note, Pos, View};
pub use edit::{Applied, Edit, EditError, ListEdit, Touched};
pub use event::{Event, EventKind};
pub use failover::{EntryOutage, FailoverRuler, MoveCause, RequestOutage};
pub use fault::{FAULT_SECS, Fault, FaultParseError, FaultSize, FaultTarget, FaultVerb, LOOKUP_PORTS, fault_secs};
pub use flow::{ADVERTISE_MS_DEFAULT, ADVERTISE_MS_MAX, Endpoint, Flow, Holder, Link, Site, Vip};
pub use flow_id::{FlowId, FlowNames};
pub use forecast::{ClusterForecast, EntryForecast, FlowForecast, Prediction, ServiceForecast, VipForecast};
/// A map in the author's order. Its keys are short names from a trusted file, so a quick hash does.
pub type IndexMap<K, V> = indexmap::IndexMap<K, V, rustc_hash::FxBuildHasher>;
pub use health::Health;
pub use hosts::{HostLists, Hosts, resolve_host};
pub use ipnet::Ipv4Net;
pub use name::{ClusterName, Kind, NAME_BYTES_MAX, NameError, NetworkName, NodeName, OUTSIDE, SecretName, ServiceName, SiteName, VipName};
pub use network::{DhcpRange, NAT_ADDRESS, Network, NetworkKind, Purpose};
pub use node::{Adapter, CPUS_DEFAULT, DISK_GIB_DEFAULT, Forward, MEMORY_MIB_DEFAULT, Mac, Node, Role};
pub use observed::{
    ActiveFault, AdapterSpec, Author, ClusterState, MachineSpec, NetworkSpec, Observed, ObservedCluster, ObservedFlow, ObservedNetwork,
    ObservedNode, ObservedService, ObservedVip, PeerSpec, Power, Relation, RouteSpec, ServiceSpec, Upstream, VipSpec,
};
pub use path::{Path, Segment};
pub use pin::{PackageName, VersionPattern};
pub(crate) use refs::nearest;
pub use refs::{Dangling, dangling};
pub use service::{Allow, Bind, Peer, Service, ServiceRef, Value};
pub use subject::{Places, Subject};
pub use subject_names::SubjectNames;
pub use text::{MESSAGE_CHARS_MAX, shortened};

use serde::{Deserialize, Serialize};

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The family of a Linux distribution: it decides packages, paths and the firewall's front end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Debian.
    #[default]
    Debian,
    /// Ubuntu.
    Ubuntu,
    /// Rocky Linux and its like.
    Rocky,
    /// Fedora.
    Fedora,
    /// Any other system: it gets its name and addresses, and no services.
    Other,
}

/// The processor that an image is made for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Arch {
    /// 64-bit Intel and AMD.
    #[default]
    #[serde(rename = "x86_64")]
    X86_64,
    /// 64-bit ARM.
    #[serde(rename = "aarch64")]
    Aarch64,
}

/// What a node is cloned from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// The machine or image of the provider; or a cloud image's file, relative to the layout ([`Image::file`]).
    pub name: String,
    /// The snapshot of it; `None`: as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// What runs in it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub family: Family,
    /// Which processor it needs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub arch: Arch,
    /// Copy the whole disk? The default is a linked clone, which shares the base's disk.
    #[serde(default, skip_serializing_if = "is_default")]
    pub full_clone: bool,
}

/// How names of images end that are files: disks, and an appliance.
const FILE_ENDINGS: [&str; 6] = [".vdi", ".vmdk", ".qcow2", ".img", ".raw", ".ova"];

impl Image {
    /// The file that it is, where its name ends like a disk's or an appliance's; a path that is relative to the layout.
    pub fn file(&self) -> Option<&str> {
        let lower = self.name.to_lowercase();
        FILE_ENDINGS.iter().any(|ending| lower.ends_with(ending)).then_some(self.name.as_str())
    }
}

/// The machine that a lab is meant for. Where a lab says nothing, rules about capacity ask the machine they run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Memory, in MiB.
    pub memory: u32,
    /// Processors.
    pub cpus: u16,
}

/// One finding that is meant to be so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// The rule's code.
    pub rule: String,
    /// What the finding is about, as [`Subject`] writes it, or its bare name.
    pub on: String,
    /// Why it is meant.
    pub because: String,
    /// What the finding said when it was accepted: where it says something else now, it counts again. `None`: whatever it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
}

/// The document: one lab.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lab {
    /// What people call it.
    pub name: String,
    /// What it shows, in a sentence or two.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// What nodes are cloned from, where they say nothing themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// The machine it is meant for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Host>,
    /// Versions that packages must have, on each node that has them. Nothing is updated behind the drawing's back anyway; this
    /// says which version is installed, and keeps it where somebody updates by hand.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub pins: IndexMap<PackageName, VersionPattern>,
    /// Places.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub sites: IndexMap<SiteName, Site>,
    /// Wires.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub networks: IndexMap<NetworkName, Network>,
    /// Machines.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub nodes: IndexMap<NodeName, Node>,
    /// Who must be able to talk to whom.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flows: Vec<Flow>,
    /// Addresses that move.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub vips: IndexMap<VipName, Vip>,
    /// What joins the sites.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// Findings that are meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Acceptance>,
    /// Texts on the canvas.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// What a presentation walks through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<View>,
    /// What is drawn where.
    #[serde(default, skip_serializing_if = "is_default")]
    pub canvas: Canvas,
}

impl Lab {
    /// An empty lab.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// A service by its reference.
    pub fn service(&self, at: &ServiceRef) -> Option<&Service> {
        self.nodes.get(&at.node)?.services.get(&at.service)
    }

    /// All services with the nodes that they are on, in the lab's order.
    pub fn services(&self) -> impl Iterator<Item = (&NodeName, &ServiceName, &Service)> {
        self.nodes.iter().flat_map(|(node_name, node)| node.services.iter().map(move |(name, service)| (node_name, name, service)))
    }

    /// The image of a node: its own, else the lab's.
    pub fn image_of<'a>(&'a self, node: &'a Node) -> Option<&'a Image> {
        node.image.as_ref().or(self.image.as_ref())
    }

    /// The addresses at which a bound service listens; empty where the drawing does not say yet.
    pub fn listening(&self, node: &Node, service: &Service) -> Vec<std::net::Ipv4Addr> {
        match &service.bind {
            Bind::Any => vec![std::net::Ipv4Addr::UNSPECIFIED],
            Bind::Loopback => vec![std::net::Ipv4Addr::LOCALHOST],
            Bind::On(network) => node.address_on(network).into_iter().collect(),
            Bind::Address(address) => vec![*address],
        }
    }

    /// The first name with this stem that nothing of the same sort has: `db` gives `db1`, or `db2` where `db1` exists.
    pub fn free_name(stem: &str, taken: impl Fn(&str) -> bool) -> String {
        (1_u64..).map(|n| format!("{stem}{n}")).find(|name| !taken(name)).unwrap_or_else(|| stem.to_owned())
    }

    /// The next address of a network that no adapter, VIP, DHCP range, forward or the provider itself has; `None`
    /// where the network has no subnet or it is full.
    pub fn free_address(&self, network: &str) -> Option<std::net::Ipv4Addr> {
        let wire = self.networks.get(network)?;
        let subnet = wire.subnet?;
        let mut taken: std::collections::HashSet<std::net::Ipv4Addr> = self
            .nodes
            .values()
            .flat_map(|node| node.adapters.iter())
            .filter(|adapter| adapter.network == *network)
            .filter_map(|adapter| adapter.address)
            .collect();
        taken.extend(self.vips.values().filter(|vip| vip.network == *network).map(|vip| vip.address));
        taken.extend(wire.provider_address());
        let free = |address: &std::net::Ipv4Addr| !taken.contains(address) && !wire.dhcp.is_some_and(|range| range.contains(*address));
        // People leave the first few addresses to routers: begin at .10 where the subnet is large enough.
        let from_ten = subnet.hosts().skip(9).find(free);
        from_ten.or_else(|| subnet.hosts().find(free))
    }
}
