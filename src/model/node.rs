//! Nodes and their adapters.

use super::IndexMap;
use super::{Image, NetworkName, NodeName, Service, ServiceName, SiteName};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, net::Ipv4Addr, str::FromStr};

/// What a node is for. Rules about roles and the picture's icons read it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Serves requests.
    #[default]
    App,
    /// Keeps data.
    Database,
    /// Spreads requests over others.
    Balancer,
    /// Collects metrics and logs.
    Monitor,
    /// The one way in for ssh.
    Bastion,
    /// Routes between networks or sites.
    Gateway,
    /// Votes without keeping data.
    Arbitrator,
    /// Keeps accounts and names.
    Directory,
    /// Keeps files for others.
    Storage,
    /// Keeps copies in memory.
    Cache,
    /// Computes.
    Worker,
}

impl Role {
    /// All roles, in the order of the palette.
    pub const ALL: [Self; 11] = [
        Self::Balancer,
        Self::App,
        Self::Database,
        Self::Monitor,
        Self::Bastion,
        Self::Gateway,
        Self::Arbitrator,
        Self::Directory,
        Self::Storage,
        Self::Cache,
        Self::Worker,
    ];

    /// The word that people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Database => "database",
            Self::Balancer => "balancer",
            Self::Monitor => "monitor",
            Self::Bastion => "bastion",
            Self::Gateway => "gateway",
            Self::Arbitrator => "arbitrator",
            Self::Directory => "directory",
            Self::Storage => "storage",
            Self::Cache => "cache",
            Self::Worker => "worker",
        }
    }

    /// The stem of a new node's name: `db` gives `db1`, `db2` and so on.
    pub fn name_stem(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Database => "db",
            Self::Balancer => "lb",
            Self::Monitor => "mon",
            Self::Bastion => "bastion",
            Self::Gateway => "gw",
            Self::Arbitrator => "arb",
            Self::Directory => "dir",
            Self::Storage => "nas",
            Self::Cache => "cache",
            Self::Worker => "node",
        }
    }
}

/// A hardware (MAC) address. In a file: `"08:00:27:00:00:15"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Whether an adapter can have it: not all zero, and not a group address (IEEE 802: the lowest bit of the first byte).
    pub fn usable(self) -> bool {
        self.0 != [0; 6] && self.0[0] & 1 == 0
    }
}

impl FromStr for Mac {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a hardware address; write six pairs of hexadecimal digits, such as 08:00:27:00:00:15");
        let mut bytes = [0; 6];
        let mut parts = text.split([':', '-']);
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2 && part.chars().all(|c| c.is_ascii_hexdigit())).ok_or_else(wrong)?;
            *byte = u8::from_str_radix(part, 16).map_err(|_| wrong())?;
        }
        if parts.next().is_some() { Err(wrong()) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}
pub(super) use as_text;

as_text!(Mac);

/// A port of the host that leads to a port of a node, through a NAT adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forward {
    /// Port on the host, 1 to 65535.
    pub host: u16,
    /// Port on the node, 1 to 65535.
    pub to: u16,
    /// The host's address that listens. The default is loopback, so that only this machine gets in.
    #[serde(default = "loopback", skip_serializing_if = "is_loopback")]
    pub address: Ipv4Addr,
}

fn loopback() -> Ipv4Addr {
    Ipv4Addr::LOCALHOST
}

fn is_loopback(address: &Ipv4Addr) -> bool {
    *address == Ipv4Addr::LOCALHOST
}

/// A network card of a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adapter {
    /// The network it is plugged into.
    pub network: NetworkName,
    /// Its address; `None`: from DHCP, or not yet drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Ipv4Addr>,
    /// Its hardware address; `None`: chosen at deployment, stable for the lab.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// Ports of the host that lead here (NAT only).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forwards: Vec<Forward>,
}

impl Adapter {
    /// An adapter on a network, its address not yet drawn.
    pub fn on(network: NetworkName) -> Self {
        Self { network, address: None, mac: None, forwards: Vec::new() }
    }
}

/// Processors of a node where nothing is said.
pub const CPUS_DEFAULT: u16 = 1;
/// Memory of a node where nothing is said, in MiB.
pub const MEMORY_MIB_DEFAULT: u32 = 1024;
/// Disk of a node where nothing is said, in GiB.
pub const DISK_GIB_DEFAULT: u32 = 10;

/// A node: one machine of the lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// What it is for.
    pub role: Role,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteName>,
    /// What it is cloned from; `None`: the lab's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// Virtual processors.
    #[serde(default = "cpus_default", skip_serializing_if = "is_cpus_default")]
    pub cpus: u16,
    /// Memory, in MiB.
    #[serde(default = "memory_default", skip_serializing_if = "is_memory_default")]
    pub memory: u32,
    /// Disk, in GiB.
    #[serde(default = "disk_default", skip_serializing_if = "is_disk_default")]
    pub disk: u32,
    /// Nodes that must be up before this one is started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<NodeName>,
    /// Its network cards, in slot order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adapters: Vec<Adapter>,
    /// What runs on it.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub services: IndexMap<ServiceName, Service>,
}

fn cpus_default() -> u16 {
    CPUS_DEFAULT
}
fn is_cpus_default(cpus: &u16) -> bool {
    *cpus == CPUS_DEFAULT
}
fn memory_default() -> u32 {
    MEMORY_MIB_DEFAULT
}
fn is_memory_default(memory: &u32) -> bool {
    *memory == MEMORY_MIB_DEFAULT
}
fn disk_default() -> u32 {
    DISK_GIB_DEFAULT
}
fn is_disk_default(disk: &u32) -> bool {
    *disk == DISK_GIB_DEFAULT
}

impl Node {
    /// A node of a role with nothing on it.
    pub fn new(role: Role) -> Self {
        Self {
            role,
            site: None,
            image: None,
            cpus: CPUS_DEFAULT,
            memory: MEMORY_MIB_DEFAULT,
            disk: DISK_GIB_DEFAULT,
            after: Vec::new(),
            adapters: Vec::new(),
            services: IndexMap::default(),
        }
    }

    /// The first adapter on a network.
    pub fn adapter_on(&self, network: &str) -> Option<&Adapter> {
        self.adapters.iter().find(|adapter| adapter.network == *network)
    }

    /// Its drawn address in a network.
    pub fn address_on(&self, network: &str) -> Option<Ipv4Addr> {
        self.adapters.iter().filter(|adapter| adapter.network == *network).find_map(|adapter| adapter.address)
    }

    /// All drawn addresses, in slot order.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.adapters.iter().filter_map(|adapter| adapter.address)
    }
}
