//! Services: what runs on a node, where it listens, and who may connect.

use super::node::as_text;
use super::{ClusterName, Kind, NetworkName, NodeName, SecretName, ServiceName, is_default};
use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{
    collections::BTreeMap,
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// Where a service listens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bind {
    /// On every address of the node (0.0.0.0).
    #[default]
    Any,
    /// On 127.0.0.1 only.
    Loopback,
    /// On the node's address in this network.
    On(NetworkName),
    /// On this very address.
    Address(Ipv4Addr),
}

impl Bind {
    /// Whether it is an address that this adapter of its node has, as it is drawn.
    pub fn is_on(&self, adapter: &super::Adapter) -> bool {
        match self {
            Self::Any => true,
            Self::Loopback => false,
            Self::On(network) => adapter.network == *network,
            Self::Address(address) => address.is_unspecified() || adapter.address == Some(*address),
        }
    }
}

/// Who may connect to a service: what the node's firewall lets in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Allow {
    /// Whoever has a flow to it, and the members of its cluster: nothing is open that the drawing does not show.
    #[default]
    Drawn,
    /// Everyone who can reach it.
    Everyone,
    /// These, and the members of its cluster.
    Only(Vec<Peer>),
}

/// One who may connect. In a file: `"app1"`, `"network:backend"`, `"10.0.0.0/8"` or `"outside"`; a node whose name reads
/// as an address is written `"node:10.0.0.1"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// A node, by name.
    Node(NodeName),
    /// All of a network.
    Network(NetworkName),
    /// An address (as a /32) or a subnet.
    Subnet(Ipv4Net),
    /// Everybody beyond the lab.
    Outside,
}

impl FromStr for Peer {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == super::OUTSIDE {
            return Ok(Self::Outside);
        }
        if let Some(network) = text.strip_prefix("network:") {
            return network.parse().map(Self::Network).map_err(|error| error.to_string());
        }
        if let Some(node) = text.strip_prefix("node:") {
            return node.parse().map(Self::Node).map_err(|error: super::NameError| error.to_string());
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Subnet(address.into()));
        }
        if text.parse::<Ipv6Addr>().is_ok() || text.parse::<Ipv6Net>().is_ok() {
            return Err(format!("{text:?} is an IPv6 address; Sandtable supports IPv4 only"));
        }
        if text.contains('/') {
            return text.parse().map(Self::Subnet).map_err(|_| format!("{text:?} is not a subnet; write it as 192.168.56.0/24"));
        }
        text.parse().map(Self::Node).map_err(|error: super::NameError| error.to_string())
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) if node.parse::<Ipv4Addr>().is_ok() => write!(f, "node:{node}"),
            Self::Node(node) => f.write_str(node),
            Self::Network(network) => write!(f, "network:{network}"),
            Self::Subnet(subnet) if subnet.prefix_len() == 32 => write!(f, "{}", subnet.addr()),
            Self::Subnet(subnet) => write!(f, "{subnet}"),
            Self::Outside => f.write_str(super::OUTSIDE),
        }
    }
}

as_text!(Peer);

/// The value of a service's setting.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
    /// Several texts.
    List(Vec<String>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
            Self::List(values) => f.write_str(&values.join(", ")),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => serializer.serialize_i64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::List(values) => values.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false, a whole number, a text or a list of texts")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(Value::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Number(value))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
                i64::try_from(value).map(Value::Number).map_err(|_| E::custom(format!("{value} is too large a number")))
            }
            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(Value::Text(value.to_owned()))
            }
            fn visit_string<E>(self, value: String) -> Result<Value, E> {
                Ok(Value::Text(value))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = seq.next_element::<String>()? {
                    values.push(value);
                }
                Ok(Value::List(values))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A service on a node: what the catalog calls a kind, with what is particular here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The catalog's entry.
    pub kind: Kind,
    /// Where it listens.
    #[serde(default, skip_serializing_if = "is_default")]
    pub bind: Bind,
    /// Its main port, 1 to 65535; `None`: the catalog's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Its further ports by the catalog's names, where they differ from the catalog's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<String, u16>,
    /// Who may connect.
    #[serde(default, skip_serializing_if = "is_default")]
    pub allow: Allow,
    /// The group it works in: its Galera cluster, its mesh, its sync partners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterName>,
    /// The service it copies from: a replica's primary, a docroot's authoritative server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica_of: Option<ServiceRef>,
    /// What else the catalog lets one set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, Value>,
    /// Settings whose values are made at deployment: setting -> secret. Services that name one secret share it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretName>,
}

impl Service {
    /// A service of a kind, all as the catalog says.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            bind: Bind::default(),
            port: None,
            ports: BTreeMap::new(),
            allow: Allow::default(),
            cluster: None,
            replica_of: None,
            settings: BTreeMap::new(),
            secrets: BTreeMap::new(),
        }
    }
}

/// A service by its node and name. In a file: `"db1/galera"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceRef {
    /// The node.
    pub node: NodeName,
    /// The service on it.
    pub service: ServiceName,
}

impl FromStr for ServiceRef {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (node, service) =
            text.split_once('/').ok_or_else(|| format!("{text:?} is not a service; write NODE/SERVICE, such as db1/galera"))?;
        let node = node.parse().map_err(|error| format!("node {node:?}: {error}"))?;
        let service = service.parse().map_err(|error| format!("service {service:?}: {error}"))?;
        Ok(Self { node, service })
    }
}

impl fmt::Display for ServiceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.node, self.service)
    }
}

as_text!(ServiceRef);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_connect_is_read_as_it_was_written() {
        let node = |name: &str| Peer::Node(name.parse().unwrap());
        for (peer, text) in [
            (node("app1"), "app1"),
            (node("10.0.0.1"), "node:10.0.0.1"),
            (Peer::Subnet("10.0.0.1/32".parse().unwrap()), "10.0.0.1"),
            (Peer::Subnet("10.0.0.0/8".parse().unwrap()), "10.0.0.0/8"),
            (Peer::Network("lan".parse().unwrap()), "network:lan"),
            (Peer::Outside, "outside"),
        ] {
            assert_eq!((peer.to_string().as_str(), text.parse()), (text, Ok(peer)));
        }
        assert_eq!("node:app1".parse(), Ok(node("app1")));
        for wrong in ["node:", "node:a/b", "10.0.0.0/33", "a/b"] {
            assert!(wrong.parse::<Peer>().is_err(), "{wrong}");
        }
    }
}
