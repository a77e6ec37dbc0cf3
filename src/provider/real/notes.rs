//! What is noted on machines of what was set up in them, so that whoever looks next knows it without asking inside.

use crate::{
    model::{
        AdapterSpec, MachineSpec, NetworkName, NetworkSpec, NodeName, Observed, ObservedNetwork, ObservedNode, ObservedService, Power,
        ServiceName, ServiceSpec, VipName, VipSpec,
    },
    provider::machines::{Below, Machine},
    provision::slug,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;

/// The note of a node that was configured: its specification.
pub const CONFIGURED: &str = "configured";
const SERVICE: &str = "service.";
const VIP: &str = "vip.";

/// A specification with the thing's name, which a key cannot hold. Who knows the name reads it as the specification alone.
#[derive(Serialize, Deserialize)]
struct Named<N, S> {
    name: N,
    #[serde(flatten)]
    spec: S,
}

/// A service's specification with its name, and whether its first start is still to be completed: what follows a start, such as accounts
/// of a database, would be missing where only its process runs.
#[derive(Serialize, Deserialize)]
struct NotedService<N, S> {
    name: N,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    start_pending: bool,
    #[serde(flatten)]
    spec: S,
}

/// Notes to write or to take away.
pub type Notes = BTreeMap<String, Option<String>>;

fn one(key: String, value: Option<String>) -> Notes {
    BTreeMap::from([(key, value)])
}

fn text(value: &impl Serialize) -> Option<String> {
    // Specifications have text keys and no numbers that JSON lacks.
    serde_json::to_string(value).ok()
}

/// That a node was configured so.
pub fn configured(spec: &MachineSpec) -> Notes {
    one(CONFIGURED.to_owned(), text(spec))
}

/// How a service was set up; `None`: it is gone.
pub fn service(name: &ServiceName, spec: Option<&ServiceSpec>) -> Notes {
    one(format!("{SERVICE}{}", slug(name)), spec.and_then(|spec| text(&NotedService { name, start_pending: false, spec })))
}

/// How a service was installed that is still to be started.
pub fn installed(name: &ServiceName, spec: &ServiceSpec) -> Notes {
    one(format!("{SERVICE}{}", slug(name)), text(&NotedService { name, start_pending: true, spec }))
}

/// How a VIP was set up; `None`: it is gone.
pub fn vip(name: &VipName, spec: Option<&VipSpec>) -> Notes {
    one(format!("{VIP}{}", slug(name)), spec.and_then(|spec| text(&Named { name, spec })))
}

fn all<N: DeserializeOwned + Ord, S: DeserializeOwned>(machine: &Machine, prefix: &str) -> BTreeMap<N, S> {
    let notes = machine.notes.iter().filter(|(key, _)| key.starts_with(prefix));
    // What another version wrote and this one cannot read is as if it were not there: it is set up anew.
    notes.filter_map(|(_, text)| serde_json::from_str::<Named<N, S>>(text).ok()).map(|one| (one.name, one.spec)).collect()
}

/// The services that were set up on a machine.
pub fn services(machine: &Machine) -> BTreeMap<ServiceName, ServiceSpec> {
    noted(machine).map(|noted| (noted.name, noted.spec)).collect()
}

/// Whether a service was installed and its start not completed since.
pub fn start_is_pending(machine: &Machine, name: &ServiceName) -> bool {
    noted(machine).any(|noted| noted.name == *name && noted.start_pending)
}

fn noted(machine: &Machine) -> impl Iterator<Item = NotedService<ServiceName, ServiceSpec>> + '_ {
    let notes = machine.notes.iter().filter(|(key, _)| key.starts_with(SERVICE));
    notes.filter_map(|(_, text)| serde_json::from_str(text).ok())
}

/// The VIPs that a machine takes part in.
pub fn vips(machine: &Machine) -> BTreeMap<VipName, VipSpec> {
    all(machine, VIP)
}

/// A machine as it is: its hardware as it was made, its names and addresses as it was configured.
pub fn machine_spec(machine: &Machine) -> (Option<MachineSpec>, bool) {
    let noted: Option<MachineSpec> = machine.notes.get(CONFIGURED).and_then(|text| serde_json::from_str(text).ok());
    let (Some(made), Some(noted)) = (&machine.spec, noted) else { return (machine.spec.clone(), false) };
    let adapters = made.adapters.iter().map(|adapter| {
        let inside = noted.adapters.iter().find(|known| known.mac == adapter.mac);
        AdapterSpec { address: inside.map_or(adapter.address, |known| known.address), ..adapter.clone() }
    });
    let MachineSpec { hostname, hosts, routes, pins, .. } = noted;
    (Some(MachineSpec { adapters: adapters.collect(), hostname, hosts, routes, pins, ..made.clone() }), true)
}

/// What is known without a look into any node.
pub fn seen(below: &Below, now_ms: u64) -> Observed {
    let nodes = below.machines.iter().map(|(name, machine)| (name.clone(), node(machine)));
    let network = |(name, spec): (&NetworkName, &NetworkSpec)| {
        let seen = ObservedNetwork { cut_off: below.cut_off.contains(name), ..ObservedNetwork::of(spec.clone()) };
        (name.clone(), seen)
    };
    Observed {
        at_ms: now_ms,
        networks: below.networks.iter().map(network).collect(),
        nodes: nodes.collect::<BTreeMap<NodeName, ObservedNode>>(),
        ..Observed::default()
    }
}

fn node(machine: &Machine) -> ObservedNode {
    let (spec, configured) = machine_spec(machine);
    let services = noted(machine).map(|NotedService { name, start_pending, spec }| {
        (name, ObservedService { spec: Some(spec), start_pending, ..ObservedService::default() })
    });
    let power = if machine.power == Power::Missing { Power::Stopped } else { machine.power };
    ObservedNode {
        power,
        is_booting: machine.is_booting,
        reason: machine.trouble.clone().unwrap_or_default(),
        spec,
        configured,
        links_up: machine.links_up.clone(),
        services: services.collect(),
        vips: vips(machine),
        snapshots: machine.snapshots.clone(),
        ..ObservedNode::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(hostname: &str, address: &str) -> MachineSpec {
        crate::testing::machine(
            hostname,
            vec![AdapterSpec {
                network: "lab".parse().unwrap(),
                mac: "02:00:00:00:00:01".parse().unwrap(),
                address: Some(address.parse().unwrap()),
                forwards: Vec::new(),
            }],
        )
    }

    #[test]
    fn names_survive_where_keys_cannot_hold_them() {
        let name: ServiceName = "Two words".parse().unwrap();
        let vip_spec = VipSpec {
            address: "10.0.0.9/24".parse().unwrap(),
            network: "lab".parse().unwrap(),
            id: 1,
            priority: 100,
            peers: Vec::new(),
            follows: Some(name.clone()),
            advertise_ms: 1000,
            preempt: false,
        };
        let notes = vip(&"VIP ö".parse().unwrap(), Some(&vip_spec));
        assert!(notes.keys().all(|key| key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c))), "{notes:?}");
        let machine = Machine { notes: notes.into_iter().filter_map(|(key, value)| Some((key, value?))).collect(), ..Machine::default() };
        assert_eq!(vips(&machine), BTreeMap::from([("VIP ö".parse().unwrap(), vip_spec)]));
        assert_eq!(service(&name, None).values().flatten().count(), 0);
        let spec: ServiceSpec = serde_json::from_value(serde_json::json!({
            "kind": "nginx", "listen": {}, "allow": null, "cluster": null, "replica_of": null, "upstreams": [], "settings": {}, "secrets": {}
        }))
        .unwrap();
        let noted = |notes: Notes| Machine {
            notes: notes.into_iter().filter_map(|(key, value)| Some((key, value?))).collect(),
            ..Machine::default()
        };
        let (begun, started) = (noted(installed(&name, &spec)), noted(service(&name, Some(&spec))));
        assert!(start_is_pending(&begun, &name) && !start_is_pending(&started, &name));
        assert_eq!(
            (services(&begun), services(&started)),
            (BTreeMap::from([(name.clone(), spec.clone())]), BTreeMap::from([(name, spec)]))
        );
    }

    #[test]
    fn a_node_is_as_it_was_configured_last() {
        let made = spec("old", "10.0.0.1/24");
        let mut machine = Machine { power: Power::Running, spec: Some(made.clone()), ..Machine::default() };
        assert_eq!(machine_spec(&machine), (Some(made.clone()), false));
        let then = spec("new", "10.0.0.2/24");
        machine.notes = configured(&then).into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        assert_eq!(machine_spec(&machine), (Some(then), true));
        machine.notes = BTreeMap::from([(CONFIGURED.to_owned(), "{ not ours".to_owned())]);
        assert_eq!(machine_spec(&machine), (Some(made), false));
    }
}
