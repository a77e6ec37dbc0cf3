//! What the daemon says of networks, instances and itself, as far as we read it. Pure.

use serde::Deserialize;
use std::collections::BTreeMap;

/// Configuration keys and values.
pub(super) type Config = BTreeMap<String, String>;
/// An instance's devices by name.
pub(super) type Devices = BTreeMap<String, Config>;

/// A network.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Network {
    pub(super) name: String,
    /// `bridge`, `macvlan`, `physical`, `loopback` …
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Whether the daemon made it.
    pub(super) managed: bool,
    /// `Created`, or how far it got: `Pending`, `Errored`, `Unavailable`, `Unknown`.
    pub(super) status: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) config: Config,
    /// Paths of what is plugged into it.
    #[serde(deserialize_with = "or_default")]
    pub(super) used_by: Vec<String>,
}

/// The addresses of an interface of the daemon's machine.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct NetworkState {
    #[serde(deserialize_with = "or_default")]
    pub(super) addresses: Vec<Address>,
}

/// An address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Address {
    /// `inet` or `inet6`.
    pub(super) family: String,
    pub(super) address: String,
    /// The prefix length, as text.
    pub(super) netmask: String,
}

/// An instance, with its state and snapshots where they were asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Instance {
    pub(super) name: String,
    /// `Running`, `Stopped`, `Frozen` …
    pub(super) status: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) config: Config,
    #[serde(deserialize_with = "or_default")]
    pub(super) devices: Devices,
    #[serde(deserialize_with = "or_default")]
    pub(super) snapshots: Vec<Snapshot>,
    #[serde(deserialize_with = "or_default")]
    pub(super) state: State,
}

/// A snapshot of an instance.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Snapshot {
    /// Its name, with the instance's name and a slash before it in some answers.
    pub(super) name: String,
    /// When it was made, in a form that sorts.
    pub(super) created_at: String,
}

impl Snapshot {
    /// Its own name.
    pub(super) fn own_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }
}

/// What an instance is doing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct State {
    #[serde(deserialize_with = "or_default")]
    pub(super) network: BTreeMap<String, Interface>,
}

/// An interface inside an instance.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Interface {
    #[serde(deserialize_with = "or_default")]
    pub(super) addresses: Vec<Address>,
    /// The other end of its cable, on the daemon's machine.
    pub(super) host_name: String,
    /// `up` or `down`.
    pub(super) state: String,
}

/// An alias of an image.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Alias {
    pub(super) name: String,
    pub(super) target: String,
    /// `container` or `virtual-machine`.
    #[serde(rename = "type")]
    pub(super) kind: String,
}

/// An image.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Image {
    pub(super) fingerprint: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) properties: Config,
}

/// A storage pool.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pool {
    pub(super) name: String,
    pub(super) driver: String,
    pub(super) status: String,
}

/// A profile.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Profile {
    #[serde(deserialize_with = "or_default")]
    pub(super) devices: Devices,
}

/// The daemon itself.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Server {
    #[serde(deserialize_with = "or_default")]
    pub(super) api_extensions: Vec<String>,
    /// `trusted` or `untrusted`.
    pub(super) auth: String,
    pub(super) environment: Environment,
}

/// Where the daemon runs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Environment {
    pub(super) server_version: String,
    pub(super) server_name: String,
    pub(super) server_clustered: bool,
    pub(super) server_pid: u32,
    pub(super) firewall: String,
    pub(super) kernel_version: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) architectures: Vec<String>,
}

/// A list or object that the daemon may leave out or answer with null.
fn or_default<'de, D: serde::Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}
