//! Flows, VIPs, sites and links: who talks to whom, and over what.

use super::node::as_text;
use super::{FlowId, NetworkName, NodeName, OUTSIDE, ServiceName, ServiceRef, SiteName, VipName, is_default};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, net::Ipv4Addr, str::FromStr};

/// One end of a flow. In a file: `"outside"`, `"app1"`, `"db1/galera"` or `"vip:database"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// Everybody beyond the lab: the host, the internet.
    Outside,
    /// A node, whatever runs on it.
    Node(NodeName),
    /// A service.
    Service(ServiceRef),
    /// A virtual IP, wherever it is held.
    Vip(VipName),
}

impl Endpoint {
    /// The node it names, if it names one.
    pub fn node(&self) -> Option<&NodeName> {
        match self {
            Self::Node(node) => Some(node),
            Self::Service(service) => Some(&service.node),
            Self::Outside | Self::Vip(_) => None,
        }
    }
}

impl FromStr for Endpoint {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == OUTSIDE {
            Ok(Self::Outside)
        } else if let Some(vip) = text.strip_prefix("vip:") {
            vip.parse().map(Self::Vip).map_err(|error| error.to_string())
        } else if text.contains('/') {
            text.parse().map(Self::Service)
        } else {
            text.parse().map(Self::Node).map_err(|error: super::NameError| error.to_string())
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside => f.write_str(OUTSIDE),
            Self::Node(node) => f.write_str(node),
            Self::Service(service) => fmt::Display::fmt(service, f),
            Self::Vip(vip) => write!(f, "vip:{vip}"),
        }
    }
}

as_text!(Endpoint);

/// Something that must be able to talk to something else: the topology contract.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// Who opens the connection.
    pub from: Endpoint,
    /// Who answers.
    pub to: Endpoint,
    /// The port it is opened to, 1 to 65535; `None`: the service's main port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Must nobody be able to read it on the way?
    #[serde(default, skip_serializing_if = "is_default")]
    pub encrypted: bool,
    /// May the lab be healthy without it?
    #[serde(default, skip_serializing_if = "is_default")]
    pub optional: bool,
}

impl Flow {
    /// A flow with nothing else said.
    pub fn new(from: Endpoint, to: Endpoint) -> Self {
        Self { from, to, port: None, encrypted: false, optional: false }
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&FlowId::from(self), f)
    }
}

/// A node that may hold a VIP.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// The node.
    pub node: NodeName,
    /// Its VRRP priority, 1 to 254; the highest that is able holds (RFC 5798, section 5.2.4; 255 is the address's owner).
    pub priority: u8,
}

/// How often a VIP's holder says that it is there, in milliseconds (RFC 5798: one second).
pub const ADVERTISE_MS_DEFAULT: u32 = 1000;

/// The longest time between two advertisements, in milliseconds: 12 bits of hundredths of a second (RFC 5798, section 5.2.7).
pub const ADVERTISE_MS_MAX: u32 = 40_950;

/// A virtual IP: an address that moves between nodes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vip {
    /// The address.
    pub address: Ipv4Addr,
    /// The network it lies in.
    pub network: NetworkName,
    /// VRRP's virtual router id, 1 to 255, unique on a network.
    pub id: u8,
    /// Who may hold it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<Holder>,
    /// The service, by its name on every holder, that must be well where the VIP is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<ServiceName>,
    /// Time between two advertisements, in milliseconds, at most [`ADVERTISE_MS_MAX`]. What it follows is checked as often, but not more than once a second.
    #[serde(default = "advertise_default", skip_serializing_if = "is_advertise_default")]
    pub advertise_ms: u32,
    /// Does a better holder take it back as soon as it can? The default, no, moves it only when it must.
    #[serde(default, skip_serializing_if = "is_default")]
    pub preempt: bool,
}

fn advertise_default() -> u32 {
    ADVERTISE_MS_DEFAULT
}

fn is_advertise_default(advertise_ms: &u32) -> bool {
    *advertise_ms == ADVERTISE_MS_DEFAULT
}

impl Vip {
    /// The holder that wins an election among all: the highest priority, then the first drawn.
    pub fn first_holder(&self) -> Option<&Holder> {
        self.holders.iter().rev().max_by_key(|holder| holder.priority)
    }
}

/// A place: nodes and networks name it; its gateways are its ways out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// What people read on the frame; empty: the site's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// The nodes that join it to other sites.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<NodeName>,
}

/// A wide-area link between two sites.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The two sites.
    pub between: (SiteName, SiteName),
    /// The network that both sites' gateways are on.
    pub network: NetworkName,
    /// The service, by its name on a gateway of each side, that encrypts what crosses; `None`: in clear text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<ServiceName>,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} - {}", self.between.0, self.between.1)
    }
}
