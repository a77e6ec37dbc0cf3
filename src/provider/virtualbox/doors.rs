//! The ways in that ssh needs through a node's own firewall. Pure.
//!
//! What comes through a forward comes from NAT's gateway; what comes by an address comes from the host's own address on that
//! network. Only a node that this machine does not reach at all lets its neighbours in, because one of them is the way to it.

use super::{
    names,
    shape::{Way, WayKind, Wire},
};
use crate::{
    model::{Ipv4Net, MachineSpec, NetworkName},
    provision::firewall::Door,
};
use std::{collections::BTreeMap, net::Ipv4Addr};

/// The port of ssh.
const SSH: u16 = 22;

/// The doors of a node. `host` says which address the host has on a host-only interface; where it does not, the host has the
/// network's first.
pub(super) fn doors(spec: &MachineSpec, wires: &BTreeMap<NetworkName, Wire>, host: &dyn Fn(&str) -> Option<Ipv4Addr>) -> Vec<Door> {
    let way = Way::of(spec, wires, names::PORTS.0);
    let (mut doors, mut neighbours, mut is_reached) = (Vec::new(), Vec::new(), way.kind == WayKind::Drawn);
    for adapter in &spec.adapters {
        let (Some(wire), Some(address)) = (wires.get(&adapter.network), adapter.address) else { continue };
        match wire {
            Wire::HostOnlyInterface(name) | Wire::HostOnlyNetwork(name) => {
                doors.extend(host(name).or_else(|| address.hosts().next()).map(alone));
                is_reached = true;
            }
            // Which address this machine has there, its own network says.
            Wire::Bridged(_) => {
                doors.push(address.trunc());
                is_reached = true;
            }
            Wire::Internal(_) | Wire::NatNetwork(_) => neighbours.push(address.trunc()),
            Wire::Nat(_) => {}
        }
    }
    let drawn = usize::try_from(way.slot).ok().and_then(|slot| spec.adapters.get(slot.checked_sub(1)?));
    let subnet = drawn.and_then(|adapter| if let Wire::Nat(subnet) = wires.get(&adapter.network)? { *subnet } else { None });
    doors.extend(gateway(way.slot, subnet).map(alone));
    if !is_reached {
        doors.append(&mut neighbours);
    }
    doors.sort();
    doors.dedup();
    doors.into_iter().map(|from| Door { from, port: SSH }).collect()
}

fn alone(address: Ipv4Addr) -> Ipv4Net {
    address.into()
}

/// The address that NAT's gateway has for the adapter in a slot: the second of its subnet, which is 10.0.2.0/24 for the first
/// slot, 10.0.3.0/24 for the second and so on where nothing else is set (manual, section 6.3).
fn gateway(slot: u32, subnet: Option<Ipv4Net>) -> Option<Ipv4Addr> {
    match subnet {
        Some(subnet) => subnet.hosts().nth(1),
        None => Some(Ipv4Addr::new(10, 0, u8::try_from(slot.checked_add(1)?).ok()?, 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AdapterSpec, Mac};

    fn opened(adapters: &[(&str, Option<&str>)]) -> Vec<String> {
        let wires: BTreeMap<NetworkName, Wire> = [
            ("internet", Wire::Nat(None)),
            ("other", Wire::Nat("10.9.0.0/24".parse().ok())),
            ("lab", Wire::HostOnlyInterface("vboxnet0".into())),
            ("odd", Wire::HostOnlyInterface("vboxnet1".into())),
            ("wire", Wire::Internal("wire".into())),
            ("house", Wire::Bridged("eth0".into())),
        ]
        .map(|(name, wire)| (name.parse().unwrap(), wire))
        .into();
        let adapter = |(network, address): &(&str, Option<&str>)| AdapterSpec {
            network: network.parse().unwrap(),
            mac: Mac([2, 0, 0, 0, 0, 1]),
            address: address.map(|address| address.parse().unwrap()),
            forwards: Vec::new(),
        };
        let spec = crate::testing::machine("n", adapters.iter().map(adapter).collect());
        let host = |name: &str| (name == "vboxnet1").then_some(Ipv4Addr::new(192, 168, 57, 254));
        doors(&spec, &wires, &host).into_iter().map(|door| door.from.to_string()).collect()
    }

    #[test]
    fn only_the_host_comes_in_where_it_can() {
        assert_eq!(opened(&[("internet", None), ("lab", Some("192.168.56.10/24"))]), ["10.0.2.2/32", "192.168.56.1/32"]);
        assert_eq!(opened(&[("other", None)]), ["10.9.0.2/32"]);
        assert_eq!(opened(&[("odd", Some("192.168.57.10/24"))]), ["10.0.3.2/32", "192.168.57.254/32"], "the uplink is in the second slot");
        assert_eq!(opened(&[("wire", Some("10.1.0.5/24")), ("lab", Some("192.168.56.10/24"))]), ["10.0.4.2/32", "192.168.56.1/32"]);
        assert_eq!(opened(&[("house", Some("192.168.1.9/24"))]), ["10.0.3.2/32", "192.168.1.0/24"]);
    }

    #[test]
    fn a_node_that_is_reached_through_others_lets_its_neighbours_in() {
        assert_eq!(opened(&[("wire", Some("10.1.0.5/24"))]), ["10.0.3.2/32", "10.1.0.0/24"]);
        assert_eq!(opened(&[("internet", None), ("wire", Some("10.1.0.5/24"))]), ["10.0.2.2/32"]);
    }
}
