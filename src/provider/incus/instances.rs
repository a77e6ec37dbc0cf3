//! A lab's machines as the daemon's instances: what one is made of (pure), and making, changing and removing it.

use super::{
    IncusMachines,
    answers::{Config, Devices, Instance, Network},
    api::{encoded, nothing},
    error::ApiError,
    guest, names, networks, subnets,
};
use crate::{
    model::{AdapterSpec, MachineSpec, NetworkKind, NetworkName, NodeName},
    provider::{Done, ProviderError, Retry},
};
use hyper::Method;
use serde_json::{Value, json};
use std::{collections::BTreeMap, net::Ipv4Addr, time::Duration};

/// How long making an instance may take: the first of an image is unpacked.
const CREATE_TIMEOUT: Duration = Duration::from_secs(300);
/// How long other changes may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);
pub(super) const INSTANCES: &str = "/1.0/instances";

/// The networks that adapters are plugged into.
pub(super) type Wiring = BTreeMap<NetworkName, Wired>;

/// A network as an adapter needs to know it.
#[derive(Debug, Clone)]
pub(super) struct Wired {
    /// Its name at the daemon.
    pub(super) bridge: String,
    pub(super) kind: NetworkKind,
    /// The daemon's own address on it.
    pub(super) host: Option<Ipv4Addr>,
}

/// Whether an instance was just made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    New,
    Older,
}

/// The name of an adapter's device, and of its interface in the node.
pub(super) fn device(slot: usize) -> String {
    format!("eth{slot}")
}

/// What begins the names of a slot's port forwards.
pub(super) fn forwards_of(slot: usize) -> String {
    format!("forward-{slot}-")
}

/// An instance's settings: what of the machine's specification is not a device.
fn settings(spec: &MachineSpec) -> Config {
    let pairs = [
        ("limits.cpu", spec.cpus.to_string()),
        ("limits.memory", format!("{}MiB", spec.memory_mib)),
        // Units with PrivateUsers= or ProtectProc= mount /proc anew, which a node may only with this.
        ("security.nesting", "true".into()),
        // A file server in the node finds files by their handles (nfs-ganesha). What else this lets through needs capabilities
        // that an unprivileged node has not.
        ("security.syscalls.deny_default", "false".into()),
        (names::HOSTNAME, spec.hostname.clone()),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// An instance's devices: its disk, its adapters in slot order, its port forwards, and the devices that tunnels and encrypted
/// folders need.
fn devices(spec: &MachineSpec, pool: &str, wiring: &Wiring) -> Result<Devices, NetworkName> {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Config>();
    let mut devices = Devices::new();
    let size = format!("{}GiB", spec.disk_gib);
    devices.insert("root".into(), map(&[("type", "disk"), ("path", "/"), ("pool", pool), ("size", &size)]));
    // On the machine these belong to root alone, and root in the node is somebody else.
    for (name, path) in [("tun", "/dev/net/tun"), ("fuse", "/dev/fuse")] {
        let wanted = [("type", "unix-char"), ("source", path), ("path", path), ("mode", "0666"), ("required", "false")];
        devices.insert(name.into(), map(&wanted));
    }
    for (slot, adapter) in spec.adapters.iter().enumerate() {
        let wired = wiring.get(&adapter.network).ok_or_else(|| adapter.network.clone())?;
        let (name, mac) = (device(slot), adapter.mac.to_string());
        let mut nic = map(&[("type", "nic"), ("network", &wired.bridge), ("name", &name), ("hwaddr", &mac)]);
        if wired.kind == NetworkKind::Nat {
            // Behind NAT each node is alone, as it is with VirtualBox.
            nic.insert("security.port_isolation".into(), "true".into());
        }
        devices.insert(name, nic);
        devices.extend(forwards(slot, adapter));
    }
    Ok(devices)
}

/// The port forwards of an adapter. The daemon's helper connects from within the node, so an address that DHCP will give need
/// not be known.
pub(super) fn forwards(slot: usize, adapter: &AdapterSpec) -> Devices {
    let inner = adapter.address.map_or(Ipv4Addr::LOCALHOST, |address| address.addr());
    let device = |forward: &crate::model::Forward| {
        let pairs = [
            ("type", "proxy".to_owned()),
            ("bind", "host".to_owned()),
            ("listen", format!("tcp:{}:{}", forward.address, forward.host)),
            ("connect", format!("tcp:{inner}:{}", forward.to)),
        ];
        let name = format!("{}{}", forwards_of(slot), forward.host);
        (name, pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    };
    adapter.forwards.iter().map(device).collect()
}

impl IncusMachines {
    pub(super) async fn create_machine(
        &self,
        node: &NodeName,
        spec: &MachineSpec,
        says: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<Done, ProviderError> {
        let what = format!("making the machine of {node}");
        let name = names::instance(&self.lab, node);
        let _one_at_a_time = self.turn(node).await;
        let mut there = self.instance(node, &what).await?;
        if let Some(there) = &there
            && there.config.contains_key(names::SPEC)
        {
            return self.update_machine(node, spec, there).await;
        }
        if there.as_ref().is_some_and(|there| there.status == "Stopped") {
            // A daemon that ended meanwhile leaves a record without a disk, or with half of one (Incus 6.0.4). Nothing must be
            // written into it first: where there is no disk that makes a folder which the daemon cannot remove any more.
            says(&format!("making {name} was cut off; it is made again"));
            let removed = self.api.run(Method::DELETE, &format!("{INSTANCES}/{name}"), nothing(), TIMEOUT).await;
            removed.map_err(|error| error.explain(what.clone(), Some(node)))?;
            there = None;
        }
        let wiring = self.wiring(spec, node, &what).await?;
        let mut config = settings(spec);
        config.insert(names::LAB.into(), self.lab.to_string());
        config.insert(names::NODE.into(), node.to_string());
        if there.is_none() {
            let image = self.image_for(spec, node, says).await?;
            let pool = self.pool(node).await?;
            let body = json!({
                "name": name,
                "type": "container",
                "description": format!("Sandtable: {node} of {}", self.lab),
                "source": { "type": "image", "fingerprint": image },
                "profiles": [],
                "config": config,
                "devices": devices(spec, &pool, &wiring).map_err(|network| unplugged(&what, node, &network))?,
            });
            says(&format!("{name} is {node}"));
            let path = match self.member_for(&what, node).await? {
                Some(member) => format!("{INSTANCES}?target={}", encoded(&member)),
                None => INSTANCES.to_owned(),
            };
            let made = self.api.run(Method::POST, &path, body, CREATE_TIMEOUT).await;
            made.map_err(|error| {
                let has_no_pool = error.says("storage pool not found");
                let error = error.explain(what.clone(), Some(node));
                let why = if has_no_pool { format!("there is no storage pool {pool}") } else { error.why };
                ProviderError { why, ..error }
            })?;
        }
        self.write_guest_files(&name, spec, &wiring, Age::New).await.map_err(|error| error.explain(what.clone(), Some(node)))?;
        // Whoever finds no specification knows that it was not finished, and finishes it.
        self.patch(node, &BTreeMap::from([(names::SPEC.to_owned(), spec_text(spec))]), &what).await?;
        Ok(Done::Changed)
    }

    pub(super) async fn change_machine(&self, node: &NodeName, spec: &MachineSpec) -> Result<Done, ProviderError> {
        let what = format!("changing the machine of {node}");
        let turn = self.turn(node).await;
        match self.instance(node, &what).await? {
            Some(there) => self.update_machine(node, spec, &there).await,
            None => {
                drop(turn);
                self.create_machine(node, spec, &|_| ()).await
            }
        }
    }

    async fn update_machine(&self, node: &NodeName, spec: &MachineSpec, there: &Instance) -> Result<Done, ProviderError> {
        let what = format!("changing the machine of {node}");
        if there.config.get(names::SPEC).is_some_and(|made| *made == spec_text(spec)) {
            return Ok(Done::AlreadySo);
        }
        let wiring = self.wiring(spec, node, &what).await?;
        let path = format!("{INSTANCES}/{}", there.name);
        let found = self.api.find(&path).await.map_err(|error| error.explain(what.clone(), Some(node)))?;
        let Some(found) = found else { return Err(gone(&what, node)) };
        let mut body = found.value;
        let pool = there.devices.get("root").and_then(|root| root.get("pool")).cloned();
        let pool = match pool {
            Some(pool) => pool,
            None => self.pool(node).await?,
        };
        let devices = devices(spec, &pool, &wiring).map_err(|network| unplugged(&what, node, &network))?;
        let mut config = there.config.clone();
        config.extend(settings(spec));
        config.insert(names::SPEC.into(), spec_text(spec));
        // The drawing says how all cables are; `heal` finds nothing left to mend.
        config.retain(|key, _| !key.starts_with(names::PULLED));
        if let Some(map) = body.as_object_mut() {
            map.insert("config".into(), json!(config));
            map.insert("devices".into(), json!(devices));
        }
        let changed = self.api.run_if(Method::PUT, &path, body, found.etag, TIMEOUT).await;
        changed.map_err(|error| error.explain(what.clone(), Some(node)))?;
        let made = spec_of(there);
        if made.is_none_or(|made| made.adapters != spec.adapters) {
            self.write_guest_files(&there.name, spec, &wiring, Age::Older).await.map_err(|error| error.explain(what, Some(node)))?;
        }
        Ok(Done::Changed)
    }

    pub(super) async fn delete_machine(&self, node: &NodeName) -> Result<Done, ProviderError> {
        let what = format!("removing the machine of {node}");
        let _one_at_a_time = self.turn(node).await;
        let Some(there) = self.instance(node, &what).await? else { return Ok(Done::AlreadySo) };
        if there.status != "Stopped" {
            self.set_state(&there.name, "stop", super::power::Force::Yes).await.map_err(|error| error.explain(what.clone(), Some(node)))?;
        }
        let removed = self.api.run(Method::DELETE, &format!("{INSTANCES}/{}", there.name), nothing(), TIMEOUT).await;
        // Its snapshots went with it.
        *self.kept_snapshots() = None;
        match removed {
            Ok(_) => {
                if super::uplink::of(&there).is_some() {
                    self.drop_uplink_network().await?;
                }
                Ok(Done::Changed)
            }
            Err(error) if error.is_missing() => Ok(Done::AlreadySo),
            Err(error) => Err(error.explain(what, Some(node))),
        }
    }

    /// The instance of a node; `None` where there is none. One of its name that is not this lab's is an error.
    pub(super) async fn instance(&self, node: &NodeName, what: &str) -> Result<Option<Instance>, ProviderError> {
        let name = names::instance(&self.lab, node);
        let found: Option<Instance> = self.find(&format!("{INSTANCES}/{name}")).await.map_err(|error| error.explain(what, Some(node)))?;
        if let Some(found) = &found {
            self.must_be_ours(&found.config, "instance", &name, what)?;
        }
        Ok(found)
    }

    /// The instance of a node, which must be there.
    pub(super) async fn instance_there(&self, node: &NodeName, what: &str) -> Result<Instance, ProviderError> {
        self.instance(node, what).await?.ok_or_else(|| gone(what, node))
    }

    /// Changes settings of a node's instance and leaves the others. An empty value takes one away.
    pub(super) async fn patch(&self, node: &NodeName, config: &Config, what: &str) -> Result<(), ProviderError> {
        let path = format!("{INSTANCES}/{}", names::instance(&self.lab, node));
        let changed = self.api.run(Method::PATCH, &path, json!({ "config": config }), TIMEOUT).await;
        changed.map(|_| ()).map_err(|error| error.explain(what, Some(node)))
    }

    /// How the networks of a machine are at the daemon.
    async fn wiring(&self, spec: &MachineSpec, node: &NodeName, what: &str) -> Result<Wiring, ProviderError> {
        let mut wiring = Wiring::new();
        if spec.adapters.is_empty() {
            return Ok(wiring);
        }
        let all: Vec<Network> = self.api.read("/1.0/networks?recursion=1").await.map_err(|error| error.explain(what, Some(node)))?;
        for network in all.iter().filter(|network| names::is_ours(&network.config, &self.lab)) {
            let Some(name) = network.config.get(names::NETWORK).and_then(|name| name.parse().ok()) else { continue };
            let Some(made) = networks::observed(network) else { continue };
            let host = networks::host_address(made.kind, networks::subnet_of(network));
            wiring.insert(name, Wired { bridge: network.name.clone(), kind: made.kind, host });
        }
        for adapter in &spec.adapters {
            let Some(wired) = wiring.get(&adapter.network) else { return Err(unplugged(what, node, &adapter.network)) };
            if let (Some(own), Some(host)) = (adapter.address, wired.host)
                && own.addr() == host
            {
                return Err(ProviderError {
                    what: what.to_owned(),
                    node: Some(node.clone()),
                    why: format!("{host} on {} is the daemon's own address, for it is the first of the subnet", adapter.network),
                    next: "Give the node another address".into(),
                    retry: Retry::Useless,
                });
            }
        }
        Ok(wiring)
    }

    /// Writes the addresses into the instance, whether it runs or not.
    async fn write_guest_files(&self, name: &str, spec: &MachineSpec, wiring: &Wiring, age: Age) -> Result<(), ApiError> {
        let gateway = |adapter: &AdapterSpec| {
            let wired = wiring.get(&adapter.network)?;
            let leads_out = matches!(wired.kind, NetworkKind::Nat | NetworkKind::NatNetwork);
            if leads_out { wired.host } else { None }
        };
        let items = guest::items(spec, &gateway).into_iter().chain(guest::leftovers(spec));
        // In a new instance there is nothing to remove.
        for item in items.filter(|item| age == Age::Older || !matches!(item, guest::Item::Absent(_))) {
            self.put_item(name, item).await?;
        }
        Ok(())
    }

    async fn put_item(&self, name: &str, item: guest::Item) -> Result<(), ApiError> {
        let files = |path: &str| format!("{INSTANCES}/{name}/files?path={}", encoded(path));
        match item {
            guest::Item::File(path, text) => push(&self.api, name, &path, 0o644, text.into_bytes()).await,
            guest::Item::Folder(path) => {
                let headers = vec![("X-Incus-type", "directory".to_owned()), ("X-Incus-mode", "0755".to_owned())];
                self.api.upload(&files(&path), headers, Vec::new()).await
            }
            guest::Item::Absent(path) => {
                // What is not there is as it should be; the daemon says so in several ways.
                if let Err(error) = self.api.run(Method::DELETE, &files(&path), nothing(), TIMEOUT).await {
                    tracing::debug!(%error, "removing {path}");
                }
                Ok(())
            }
        }
    }

    /// Where nodes' disks go: what the environment says, what the default profile uses, or the first pool.
    async fn pool(&self, node: &NodeName) -> Result<String, ProviderError> {
        if let Some(pool) = &self.settings.pool {
            return Ok(pool.clone());
        }
        let what = "finding a storage pool";
        let explain = |error: ApiError| error.explain(what, Some(node));
        let profile: Option<super::answers::Profile> = self.find("/1.0/profiles/default").await.map_err(explain)?;
        let root =
            profile.and_then(|profile| profile.devices.into_values().find(|device| device.get("path").is_some_and(|path| path == "/")));
        if let Some(pool) = root.and_then(|root| root.get("pool").cloned()) {
            return Ok(pool);
        }
        let pools: Vec<super::answers::Pool> = self.api.read("/1.0/storage-pools?recursion=1").await.map_err(explain)?;
        pools.into_iter().map(|pool| pool.name).min().ok_or_else(|| ProviderError {
            what: what.to_owned(),
            node: Some(node.clone()),
            why: "Incus has no storage pool".into(),
            next: "Make one: incus storage create default btrfs size=20GiB".into(),
            retry: Retry::Useless,
        })
    }
}

/// Writes a file into an instance, as root's. Without this content type the file arrives empty (Incus 6.0.4).
pub(super) async fn push(api: &super::api::Api, name: &str, path: &str, mode: u32, bytes: Vec<u8>) -> Result<(), ApiError> {
    let headers = vec![
        ("Content-Type", "application/octet-stream".to_owned()),
        ("X-Incus-type", "file".to_owned()),
        ("X-Incus-write", "overwrite".to_owned()),
        ("X-Incus-uid", "0".to_owned()),
        ("X-Incus-gid", "0".to_owned()),
        ("X-Incus-mode", format!("{mode:04o}")),
    ];
    api.upload(&format!("{INSTANCES}/{name}/files?path={}", encoded(path)), headers, bytes).await
}

/// How an instance was made.
pub(super) fn spec_of(instance: &Instance) -> Option<MachineSpec> {
    serde_json::from_str(instance.config.get(names::SPEC)?).ok()
}

fn spec_text(spec: &MachineSpec) -> String {
    serde_json::to_string(spec).unwrap_or_default()
}

pub(super) fn gone(what: &str, node: &NodeName) -> ProviderError {
    ProviderError {
        what: what.to_owned(),
        node: Some(node.clone()),
        why: "there is no such machine".into(),
        next: "`sandtable deploy` makes it".into(),
        retry: Retry::Useless,
    }
}

fn unplugged(what: &str, node: &NodeName, network: &NetworkName) -> ProviderError {
    ProviderError {
        what: what.to_owned(),
        node: Some(node.clone()),
        why: format!("the network {network} is not there"),
        next: "`sandtable deploy` makes it".into(),
        retry: Retry::Useless,
    }
}

/// A state that is asked of an instance.
pub(super) fn state_body(action: &str, force: super::power::Force, timeout: Duration) -> Value {
    json!({ "action": action, "force": force == super::power::Force::Yes, "timeout": timeout.as_secs() })
}

/// The daemon's address on a subnet that a machine's adapter is on.
pub(super) fn host_beside(adapter: &AdapterSpec) -> Option<Ipv4Addr> {
    adapter.address.map(|address| subnets::first_address(address.trunc()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Forward, Mac};

    fn spec() -> MachineSpec {
        let adapter = |network: &str, last: u8, address: Option<&str>, forwards| AdapterSpec {
            network: network.parse().unwrap(),
            mac: Mac([2, 0, 0, 0, 0, last]),
            address: address.map(|address| address.parse().unwrap()),
            forwards,
        };
        let forward = Forward { host: 8080, to: 80, address: Ipv4Addr::LOCALHOST };
        MachineSpec {
            cpus: 2,
            memory_mib: 512,
            ..crate::testing::machine(
                "lb",
                vec![adapter("internet", 1, None, vec![forward]), adapter("lab", 2, Some("192.168.50.10/24"), vec![])],
            )
        }
    }

    fn wiring() -> Wiring {
        let wired = |bridge: &str, kind| Wired { bridge: bridge.into(), kind, host: None };
        [("internet", wired("st1", NetworkKind::Nat)), ("lab", wired("st2", NetworkKind::HostOnly))]
            .map(|(name, wired)| (name.parse().unwrap(), wired))
            .into()
    }

    #[test]
    fn adapters_come_in_slot_order_with_their_own_addresses() {
        let devices = devices(&spec(), "default", &wiring()).unwrap();
        let nic = |name: &str, key: &str| devices[name].get(key).map(String::as_str);
        assert_eq!((nic("eth0", "network"), nic("eth0", "hwaddr")), (Some("st1"), Some("02:00:00:00:00:01")));
        assert_eq!((nic("eth1", "network"), nic("eth1", "hwaddr")), (Some("st2"), Some("02:00:00:00:00:02")));
        assert_eq!((nic("eth0", "security.port_isolation"), nic("eth1", "security.port_isolation")), (Some("true"), None));
        assert_eq!(nic("forward-0-8080", "listen"), Some("tcp:127.0.0.1:8080"));
        assert_eq!(nic("forward-0-8080", "connect"), Some("tcp:127.0.0.1:80"));
        assert_eq!(nic("root", "size"), Some("4GiB"));
        assert_eq!(nic("tun", "mode"), Some("0666"));
    }

    #[test]
    fn an_adapter_needs_its_network() {
        assert_eq!(devices(&spec(), "default", &Wiring::new()).unwrap_err().as_str(), "internet");
    }

    #[test]
    fn sizes_are_limits() {
        let settings = settings(&spec());
        assert_eq!((settings["limits.cpu"].as_str(), settings["limits.memory"].as_str()), ("2", "512MiB"));
        assert_eq!(settings[names::HOSTNAME], "lb");
    }
}
