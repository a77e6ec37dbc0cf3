//! How this machine, standing for everybody outside of a lab, reaches a node, and a node it. Pure.

use super::{instances, subnets};
use crate::{
    model::{AdapterSpec, Endpoint, Flow, MachineSpec, NetworkKind, NetworkName, NodeName, ServiceSpec},
    provider::{machines::Below, real::notes},
};
use ipnet::Ipv4Net;
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4},
};

/// The port at which a node reaches somebody outside: nobody listens there, and a refusal is an answer too.
const OUTSIDE_PORT: u16 = 9;

/// Where this machine reaches the end of a flow: a port forward, or an address on a network that the host is on.
pub(super) fn from_outside(flow: &Flow, below: &Below) -> Option<SocketAddrV4> {
    match &flow.to {
        Endpoint::Outside => None,
        Endpoint::Node(node) => at_node(below, node, flow.port?, &[]),
        Endpoint::Service(at) => {
            let spec = notes::services(below.machines.get(&at.node)?).remove(&at.service);
            let listening = spec.as_ref().map(|spec| listening(spec, flow.port)).unwrap_or_default();
            let port = flow.port.or_else(|| listening.first().map(|at| at.port()))?;
            at_node(below, &at.node, port, &listening)
        }
        Endpoint::Vip(vip) => {
            let (machine, vip) = below.machines.values().find_map(|machine| Some((machine, notes::vips(machine).remove(vip)?)))?;
            let followed = vip.follows.as_ref().and_then(|follows| notes::services(machine).remove(follows));
            let port = flow.port.or_else(|| followed.and_then(|spec| listening(&spec, None).first().map(|at| at.port())))?;
            let has_host = below.networks.get(&vip.network).is_some_and(|network| is_beside_host(network.kind));
            has_host.then(|| SocketAddrV4::new(vip.address.addr(), port))
        }
    }
}

/// The address at which a node reaches somebody outside: the host's, on the first of its networks that has one.
pub(super) fn to_outside(from: &Endpoint, below: &Below, subnets: &BTreeMap<NetworkName, Ipv4Net>) -> Option<SocketAddrV4> {
    let spec = below.machines.get(from.node()?)?.spec.as_ref()?;
    let host = |adapter: &AdapterSpec| {
        let network = below.networks.get(&adapter.network)?;
        let known = network.subnet.or_else(|| subnets.get(&adapter.network).copied());
        match network.kind {
            NetworkKind::Nat | NetworkKind::NatNetwork | NetworkKind::HostOnly => {
                known.map(|subnet| subnets::first_address(subnet.trunc())).or_else(|| instances::host_beside(adapter))
            }
            NetworkKind::Internal | NetworkKind::Bridged => None,
        }
    };
    // What leads out by itself comes before what only leads to the host.
    let leads_out = |adapter: &&AdapterSpec| {
        below.networks.get(&adapter.network).is_some_and(|network| matches!(network.kind, NetworkKind::Nat | NetworkKind::NatNetwork))
    };
    let first = spec.adapters.iter().filter(leads_out).chain(&spec.adapters).find_map(host)?;
    Some(SocketAddrV4::new(first, OUTSIDE_PORT))
}

fn at_node(below: &Below, node: &NodeName, port: u16, listening: &[SocketAddrV4]) -> Option<SocketAddrV4> {
    let spec: &MachineSpec = below.machines.get(node)?.spec.as_ref()?;
    let forward = spec.adapters.iter().flat_map(|adapter| &adapter.forwards).find(|forward| forward.to == port);
    if let Some(forward) = forward {
        let address = if forward.address.is_unspecified() { Ipv4Addr::LOCALHOST } else { forward.address };
        return Some(SocketAddrV4::new(address, forward.host));
    }
    let listens = |address: &Ipv4Addr| {
        let mut at = listening.iter().filter(|at| at.port() == port);
        listening.is_empty() || at.any(|at| at.ip().is_unspecified() || at.ip() == address)
    };
    let beside = |adapter: &&AdapterSpec| below.networks.get(&adapter.network).is_some_and(|network| is_beside_host(network.kind));
    let mut addresses = spec.adapters.iter().filter(beside).filter_map(|adapter| adapter.address).map(|address| address.addr());
    addresses.find(listens).map(|address| SocketAddrV4::new(address, port))
}

/// Whether the host is on such a network as one among others.
fn is_beside_host(kind: NetworkKind) -> bool {
    matches!(kind, NetworkKind::HostOnly | NetworkKind::Bridged)
}

/// Where a service listens, on the port that is asked for; the main one is the first of its kind's ports.
fn listening(spec: &ServiceSpec, port: Option<u16>) -> Vec<SocketAddrV4> {
    let all = || spec.listen.values().flatten().copied();
    if let Some(port) = port {
        return all().filter(|at| at.port() == port).collect();
    }
    let entry = crate::catalog::Catalog::embedded().get(spec.kind.as_str());
    let first = entry.and_then(|entry| entry.ports.iter().find_map(|port| spec.listen.get(&port.name)));
    first.cloned().unwrap_or_else(|| all().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Forward, Mac, NetworkSpec, VipSpec},
        provider::machines::Machine,
    };

    fn below() -> Below {
        let network =
            |kind, subnet: Option<&str>| NetworkSpec { kind, subnet: subnet.map(|net| net.parse().unwrap()), dhcp: None, interface: None };
        let adapter = |network: &str, address: Option<&str>, forwards| AdapterSpec {
            network: network.parse().unwrap(),
            mac: Mac([2, 0, 0, 0, 0, 1]),
            address: address.map(|address| address.parse().unwrap()),
            forwards,
        };
        let machine = |adapters| Machine { spec: Some(crate::testing::machine("n", adapters)), ..Machine::default() };
        let forward = Forward { host: 8080, to: 80, address: Ipv4Addr::LOCALHOST };
        Below {
            networks: [
                ("internet", network(NetworkKind::Nat, None)),
                ("front", network(NetworkKind::HostOnly, Some("192.168.50.0/24"))),
                ("back", network(NetworkKind::Internal, Some("192.168.60.0/24"))),
            ]
            .map(|(name, spec)| (name.parse().unwrap(), spec))
            .into(),
            machines: [
                ("lb", machine(vec![adapter("internet", None, vec![forward]), adapter("front", Some("192.168.50.10/24"), vec![])])),
                ("db", machine(vec![adapter("back", Some("192.168.60.10/24"), vec![])])),
            ]
            .map(|(name, machine)| (name.parse().unwrap(), machine))
            .into(),
            ..Below::default()
        }
    }

    fn outside(to: &str, port: u16) -> Option<String> {
        let flow = Flow { port: Some(port), ..Flow::new(Endpoint::Outside, Endpoint::Node(to.parse().unwrap())) };
        from_outside(&flow, &below()).map(|at| at.to_string())
    }

    #[test]
    fn a_forward_comes_first_then_an_address_beside_the_host() {
        assert_eq!(outside("lb", 80).as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(outside("lb", 443).as_deref(), Some("192.168.50.10:443"));
        assert_eq!(outside("db", 3306), None, "an internal network leads nowhere");
        assert_eq!(outside("nobody", 80), None);
    }

    #[test]
    fn a_service_and_a_vip_are_reached_at_the_port_that_was_set_up() {
        let mut below = below();
        let lb = below.machines.get_mut("lb").unwrap();
        let spec =
            ServiceSpec { listen: [("http".to_owned(), vec!["0.0.0.0:80".parse().unwrap()])].into(), ..crate::testing::service("nginx") };
        let vip = VipSpec {
            address: "192.168.50.30/24".parse().unwrap(),
            network: "front".parse().unwrap(),
            id: 1,
            priority: 100,
            peers: vec![],
            follows: Some("web".parse().unwrap()),
            advertise_ms: 1000,
            preempt: false,
        };
        let noted =
            notes::service(&"web".parse().unwrap(), Some(&spec)).into_iter().chain(notes::vip(&"front-vip".parse().unwrap(), Some(&vip)));
        lb.notes = noted.filter_map(|(key, value)| Some((key, value?))).collect();
        let at = |to: Endpoint| from_outside(&Flow::new(Endpoint::Outside, to), &below).map(|at| at.to_string());
        assert_eq!(at("lb/web".parse().unwrap()).as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(at(Endpoint::Vip("front-vip".parse().unwrap())).as_deref(), Some("192.168.50.30:80"));
        assert_eq!(at("db/web".parse().unwrap()), None);
    }

    #[test]
    fn a_node_reaches_the_host_where_it_has_an_address() {
        let subnets = BTreeMap::from([("internet".parse().unwrap(), "10.200.7.0/24".parse().unwrap())]);
        let node = |name: &str| Endpoint::Node(name.parse().unwrap());
        assert_eq!(to_outside(&node("lb"), &below(), &subnets).unwrap().to_string(), "10.200.7.1:9");
        assert_eq!(to_outside(&node("lb"), &below(), &BTreeMap::new()).unwrap().to_string(), "192.168.50.1:9");
        assert_eq!(to_outside(&node("db"), &below(), &subnets), None);
    }
}
