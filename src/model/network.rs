//! Networks: what kind of wire, which addresses, what for.

use super::{SiteName, is_default};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// How a network is joined to the host and to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkKind {
    /// Each node alone behind the host's address: out to the internet, in only through forwards.
    Nat,
    /// A shared network behind the host's address.
    NatNetwork,
    /// The host and the nodes, nobody else.
    HostOnly,
    /// The nodes among themselves.
    Internal,
    /// The nodes on the host's own network, seen by everybody there.
    Bridged,
}

impl NetworkKind {
    /// All kinds, in the order of the palette.
    pub const ALL: [Self; 5] = [Self::Nat, Self::NatNetwork, Self::HostOnly, Self::Internal, Self::Bridged];

    /// The word that people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Nat => "NAT",
            Self::NatNetwork => "NAT network",
            Self::HostOnly => "host-only",
            Self::Internal => "internal",
            Self::Bridged => "bridged",
        }
    }

    /// Whether nodes on it reach the internet.
    pub fn reaches_internet(self) -> bool {
        matches!(self, Self::Nat | Self::NatNetwork | Self::Bridged)
    }

    /// Whether the host reaches nodes on it by their address.
    pub fn host_reaches(self) -> bool {
        matches!(self, Self::HostOnly | Self::Bridged)
    }

    /// Whether two nodes on it reach each other. Behind [`NetworkKind::Nat`] each node is alone.
    pub fn joins_nodes(self) -> bool {
        !matches!(self, Self::Nat)
    }

    /// Whether a port of the host can be forwarded to a node on it.
    pub fn takes_forwards(self) -> bool {
        matches!(self, Self::Nat | Self::NatNetwork)
    }
}

/// What a network is for. Rules about exposure and management paths read it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Nothing in particular.
    #[default]
    General,
    /// Where requests from outside arrive.
    Frontend,
    /// Between applications and their data.
    Backend,
    /// ssh and monitoring.
    Management,
    /// Files and replication.
    Storage,
    /// Between sites.
    Wan,
}

impl Purpose {
    /// All purposes, in the order of the inspector's list.
    pub const ALL: [Self; 6] = [Self::General, Self::Frontend, Self::Backend, Self::Management, Self::Storage, Self::Wan];

    /// The word that people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Frontend => "frontend",
            Self::Backend => "backend",
            Self::Management => "management",
            Self::Storage => "storage",
            Self::Wan => "WAN",
        }
    }
}

/// Addresses that a network's DHCP server hands out, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DhcpRange {
    /// The first address.
    pub from: Ipv4Addr,
    /// The last address.
    pub to: Ipv4Addr,
}

impl DhcpRange {
    /// Whether the server may hand out this address.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        self.from <= address && address <= self.to
    }
}

/// A network. In a file it is written by its kind: `host_only(subnet: "192.168.56.0/24")`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "File", into = "File")]
pub struct Network {
    /// How it is joined to the world.
    pub kind: NetworkKind,
    /// Its addresses. `None` on a half-drawn network, and on NAT and bridged ones whose addresses others choose.
    pub subnet: Option<Ipv4Net>,
    /// What its own DHCP server hands out; `None`: no server, addresses are drawn.
    pub dhcp: Option<DhcpRange>,
    /// What it is for.
    pub purpose: Purpose,
    /// The site it lies in; `None`: all, or between sites.
    pub site: Option<SiteName>,
    /// The host's interface that a bridged network is joined to; `None`: the provider's first.
    pub interface: Option<String>,
}

/// The address that VirtualBox's NAT gives to every node's first adapter (manual, section 6.3.1: 10.0.2.0/24, guest .15).
pub const NAT_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);

impl Network {
    /// A new network of a kind, with nothing else said.
    pub fn new(kind: NetworkKind) -> Self {
        Self { kind, subnet: None, dhcp: None, purpose: Purpose::default(), site: None, interface: None }
    }

    /// A new network of a kind with a subnet.
    pub fn with_subnet(kind: NetworkKind, subnet: Ipv4Net) -> Self {
        Self { subnet: Some(subnet), ..Self::new(kind) }
    }

    /// Whether what is for others may pass it: nodes forward nothing from or to a management network.
    pub fn carries(&self) -> bool {
        self.kind.joins_nodes() && self.purpose != Purpose::Management
    }

    /// The address that the provider itself takes on it: the host's on host-only, the gateway's on NAT networks; by
    /// custom the subnet's first.
    pub fn provider_address(&self) -> Option<Ipv4Addr> {
        let subnet = self.subnet?;
        match self.kind {
            NetworkKind::HostOnly | NetworkKind::NatNetwork => subnet.hosts().next(),
            NetworkKind::Nat | NetworkKind::Internal | NetworkKind::Bridged => None,
        }
    }
}

/// A network as a file has it: a word for its kind, then fields that all kinds share, and one more for some.
macro_rules! forms {
    ($($kind:ident { $($extra:ident: $type:ty)? })+) => {
        #[derive(Clone, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        enum File {
            $($kind {
                #[serde(default, skip_serializing_if = "Option::is_none")]
                subnet: Option<Ipv4Net>,
                #[serde(default, skip_serializing_if = "Option::is_none")]
                dhcp: Option<DhcpRange>,
                #[serde(default, skip_serializing_if = "is_default")]
                purpose: Purpose,
                #[serde(default, skip_serializing_if = "Option::is_none")]
                site: Option<SiteName>,
                $(#[serde(default, skip_serializing_if = "Option::is_none")]
                $extra: Option<$type>,)?
            },)+
        }

        impl From<File> for Network {
            fn from(file: File) -> Self {
                match file {
                    $(File::$kind { subnet, dhcp, purpose, site, $($extra,)? } => {
                        Self { subnet, dhcp, purpose, site, $($extra,)? ..Self::new(NetworkKind::$kind) }
                    })+
                }
            }
        }

        impl From<Network> for File {
            fn from(network: Network) -> Self {
                let Network { kind, subnet, dhcp, purpose, site, .. } = network;
                match kind {
                    $(NetworkKind::$kind => Self::$kind { subnet, dhcp, purpose, site, $($extra: network.$extra,)? },)+
                }
            }
        }
    };
}

forms! {
    Nat {}
    NatNetwork {}
    HostOnly {}
    Internal {}
    Bridged { interface: String }
}
