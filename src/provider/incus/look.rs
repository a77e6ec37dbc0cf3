//! What exists of a lab at the daemon: two questions for all of it.

use super::{
    IncusMachines,
    answers::{Instance, Network, Snapshot},
    instances::{INSTANCES, device, spec_of},
    names, networks, uplink,
};
use crate::{
    model::{NetworkName, NodeName, Power},
    plan::LabId,
    provider::{
        ProviderError,
        machines::{Below, Machine},
    },
};
use ipnet::Ipv4Net;
use std::{
    collections::BTreeMap,
    sync::{MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// When the snapshots of all instances were asked for, and which they were.
pub(super) type Snapshots = (Instant, BTreeMap<String, Vec<Snapshot>>);
/// How old they may be: others make them seldom, and what we make ourselves is asked for at once.
const SNAPSHOTS_AGE_MAX: Duration = Duration::from_secs(30);

impl IncusMachines {
    pub(super) async fn look_below(&self) -> Result<Below, ProviderError> {
        // Snapshots come only with all that the daemon knows of an instance's state, which costs it five times as much.
        let kept = self.kept_snapshots().clone().filter(|(at, _)| at.elapsed() < SNAPSHOTS_AGE_MAX);
        let instances = format!("{INSTANCES}?recursion={}", if kept.is_some() { 1 } else { 2 });
        let (networks, instances) =
            tokio::join!(self.api.read::<Vec<Network>>("/1.0/networks?recursion=1"), self.api.read::<Vec<Instance>>(&instances));
        let explain = |error: super::error::ApiError| error.explain(format!("looking at what Incus has at {}", self.api.place()), None);
        let (networks, mut instances) = (networks.map_err(explain)?, instances.map_err(explain)?);
        match kept {
            Some((_, kept)) => {
                for instance in &mut instances {
                    instance.snapshots = kept.get(&instance.name).cloned().unwrap_or_default();
                }
            }
            None => {
                let all = instances.iter().map(|instance| (instance.name.clone(), instance.snapshots.clone())).collect();
                *self.kept_snapshots() = Some((Instant::now(), all));
            }
        }
        let is_up: &dyn Fn(&str) -> bool = if self.api.is_local() { &is_up_here } else { &|_| true };
        let (mut below, subnets) = seen(&self.lab, &networks, &instances, is_up);
        for network in networks.iter().filter(|network| names::is_ours(&network.config, &self.lab)) {
            if let Some(name) = drawn_name(network)
                && self.is_cut_off(network).await.map_err(explain)?
            {
                below.cut_off.insert(name);
            }
        }
        *self.subnets.lock().unwrap_or_else(PoisonError::into_inner) = subnets;
        Ok(below)
    }

    /// One machine without its snapshots. To look at all of them has the daemon ask into each node.
    pub(super) async fn look_at(&self, node: &NodeName) -> Result<Option<Machine>, ProviderError> {
        let there = self.instance(node, &format!("looking at the machine of {node}")).await?;
        let is_up: &(dyn Fn(&str) -> bool + Sync) = if self.api.is_local() { &is_up_here } else { &|_| true };
        Ok(there.map(|there| machine(&there, is_up)))
    }
}

impl IncusMachines {
    /// The snapshots of all instances, where they were asked for.
    pub(super) fn kept_snapshots(&self) -> MutexGuard<'_, Option<Snapshots>> {
        self.snapshots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an interface of this machine is up; one that is out of sight is taken for it.
fn is_up_here(interface: &str) -> bool {
    const UP: u32 = 1;
    if !interface.bytes().all(|letter| letter.is_ascii_alphanumeric()) {
        return true;
    }
    let Ok(flags) = std::fs::read_to_string(format!("/sys/class/net/{interface}/flags")) else { return true };
    u32::from_str_radix(flags.trim().trim_start_matches("0x"), 16).map_or(true, |flags| flags & UP != 0)
}

/// What of all this belongs to a lab, and the subnets that its networks have. `is_up` says so of the outer end of a cable.
fn seen(
    lab: &LabId,
    networks: &[Network],
    instances: &[Instance],
    is_up: &dyn Fn(&str) -> bool,
) -> (Below, BTreeMap<NetworkName, Ipv4Net>) {
    let mut below = Below::default();
    let mut subnets = BTreeMap::new();
    for network in networks.iter().filter(|network| names::is_ours(&network.config, lab)) {
        let (Some(name), Some(spec)) = (drawn_name(network), networks::observed(network)) else { continue };
        if networks::has_host(spec.kind)
            && let Some(subnet) = networks::subnet_of(network)
        {
            subnets.insert(name.clone(), subnet);
        }
        below.networks.insert(name, spec);
    }
    for instance in instances.iter().filter(|instance| names::is_ours(&instance.config, lab)) {
        let Some(name) = instance.config.get(names::NODE).and_then(|name| name.parse::<NodeName>().ok()) else { continue };
        below.machines.insert(name, machine(instance, is_up));
    }
    (below, subnets)
}

/// The name by which a network of this lab is drawn.
fn drawn_name(network: &Network) -> Option<NetworkName> {
    network.config.get(names::NETWORK)?.parse().ok()
}

fn machine(instance: &Instance, is_up: &dyn Fn(&str) -> bool) -> Machine {
    let spec = spec_of(instance);
    let slots = spec.as_ref().map_or(0, |spec| spec.adapters.len());
    let mut snapshots: Vec<(&str, &str)> =
        instance.snapshots.iter().map(|snapshot| (snapshot.created_at.as_str(), snapshot.own_name())).collect();
    snapshots.sort_unstable();
    let notes = instance.config.iter().filter_map(|(key, value)| {
        let key = key.strip_prefix(names::NOTE)?;
        // An empty value is one that was taken away.
        if value.is_empty() { None } else { Some((key.to_owned(), value.clone())) }
    });
    Machine {
        power: power(&instance.status),
        links_up: (0..slots).map(|slot| is_linked(instance, slot, is_up)).collect(),
        spec,
        snapshots: snapshots.into_iter().map(|(_, name)| name.to_owned()).collect(),
        notes: notes.collect(),
        has_uplink: uplink::of(instance).is_some(),
        ..Machine::default()
    }
}

/// The power of an instance by its status; one on its way somewhere is on.
pub(super) fn power(status: &str) -> Power {
    match status {
        "Stopped" | "Error" => Power::Stopped,
        "Frozen" => Power::Paused,
        _ => Power::Running,
    }
}

fn is_linked(instance: &Instance, slot: usize, is_up: &dyn Fn(&str) -> bool) -> bool {
    let name = device(slot);
    let is_pulled = instance.config.get(&format!("{}{name}", names::PULLED)).is_some_and(|noted| !noted.is_empty());
    let is_plugged = instance.devices.get(&name).is_some_and(|device| device.get("type").is_some_and(|kind| kind == "nic"));
    let other_end = instance.config.get(&format!("volatile.{name}.host_name"));
    !is_pulled && is_plugged && (instance.status == "Stopped" || other_end.is_none_or(|other_end| is_up(other_end)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// An answer of Incus 6.0.4 to `GET /1.0/instances?recursion=2`, with this lab's and another's, shortened.
    const INSTANCES: &str = include_str!("testdata/instances.json");
    const NETWORKS: &str = include_str!("testdata/networks.json");

    #[test]
    fn only_what_carries_the_mark_is_seen() {
        let lab = LabId::of_file(Path::new("/labs/mini-cloud.ron"));
        let text = |json: &str| json.replace("LAB", lab.as_str());
        let networks: Vec<Network> = serde_json::from_str(&text(NETWORKS)).unwrap();
        let instances: Vec<Instance> = serde_json::from_str(&text(INSTANCES)).unwrap();
        let (below, subnets) = seen(&lab, &networks, &instances, &|interface| interface != "veth0down");
        assert_eq!(below.networks.keys().map(NetworkName::as_str).collect::<Vec<_>>(), ["frontend", "internet"]);
        assert_eq!(below.machines.keys().map(NodeName::as_str).collect::<Vec<_>>(), ["db1", "lb"]);
        let internet: NetworkName = "internet".parse().unwrap();
        assert_eq!(below.networks[&internet].subnet, None, "as drawn");
        assert_eq!(subnets[&internet].to_string(), "10.207.42.0/24", "as chosen");
        let lb = &below.machines["lb"];
        assert_eq!((lb.power, lb.links_up.as_slice()), (Power::Running, &[true, false, false][..]));
        assert_eq!(lb.notes, BTreeMap::from([("configured".to_owned(), "{}".to_owned())]));
        let db1 = &below.machines["db1"];
        assert_eq!((db1.power, db1.spec.is_none()), (Power::Stopped, true), "it was not finished");
        assert_eq!(db1.snapshots, ["first", "second"]);
    }
}
