//! What must lie in a node before it starts for the first time: an address for each adapter, by its hardware address. Pure.
//!
//! The files are those that a deployment writes later, so that it finds them as they should be; only the way out of a network that
//! leads out is known here alone, and lies beside them. An image without systemd-networkd comes up without addresses, and gets
//! them when the node is set up.

use crate::{
    model::{AdapterSpec, MachineSpec},
    provision::configure::networkd_file,
};
use std::net::Ipv4Addr;

/// A file or folder of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// A folder.
    Folder(String),
    /// A file with its text.
    File(String, String),
    /// Nothing is to be there.
    Absent(String),
}

/// What is to lie in a node; `gateway` says which address leads out of an adapter's network.
pub(super) fn items(spec: &MachineSpec, gateway: &dyn Fn(&AdapterSpec) -> Option<Ipv4Addr>) -> Vec<Item> {
    let has_other_way = spec.has_drawn_default();
    let mut items = Vec::new();
    for (slot, adapter) in spec.adapters.iter().enumerate() {
        let (path, text) = networkd_file(spec, slot, adapter);
        let (folder, beside) = (format!("{path}.d"), format!("{path}.d/gateway.conf"));
        items.push(Item::File(path, text));
        match gateway(adapter).filter(|_| adapter.address.is_some() && !has_other_way) {
            Some(gateway) => {
                items.push(Item::Folder(folder));
                items.push(Item::File(beside, format!("[Network]\nGateway={gateway}\n")));
            }
            None if adapter.address.is_some() => items.push(Item::Absent(beside)),
            None => {}
        }
    }
    items
}

/// What a changed machine must no longer have: the file of the first slot that is not drawn any more.
pub(super) fn leftovers(spec: &MachineSpec) -> Option<Item> {
    let slot = spec.adapters.len();
    let any = spec.adapters.first()?;
    Some(Item::Absent(networkd_file(spec, slot, any).0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Mac, RouteSpec};

    fn adapter(address: Option<&str>) -> AdapterSpec {
        let address = address.map(|address| address.parse().unwrap());
        AdapterSpec { network: "lab".parse().unwrap(), mac: Mac([2, 0, 0, 0, 0, 7]), address, forwards: Vec::new() }
    }

    fn machine(adapters: Vec<AdapterSpec>) -> MachineSpec {
        crate::testing::machine("n", adapters)
    }

    #[test]
    fn a_drawn_address_is_static_and_its_absence_is_dhcp() {
        let host = Ipv4Addr::new(192, 168, 50, 1);
        let fixed = items(&machine(vec![adapter(Some("192.168.50.10/24"))]), &|_| Some(host));
        let [Item::File(_, text), Item::Folder(_), Item::File(beside, gateway)] = fixed.as_slice() else { panic!("{fixed:?}") };
        assert!(
            text.contains("MACAddress=02:00:00:00:00:07\n") && text.contains("Address=192.168.50.10/24\n") && !text.contains("DHCP"),
            "{text}"
        );
        assert!(beside.ends_with(".network.d/gateway.conf") && gateway.contains("Gateway=192.168.50.1\n"), "{gateway}");
        let asked = items(&machine(vec![adapter(None)]), &|_| Some(host));
        let [Item::File(_, text)] = asked.as_slice() else { panic!("{asked:?}") };
        assert!(text.contains("DHCP=ipv4\n") && !text.contains("\nAddress"), "{text}");
    }

    #[test]
    fn a_drawn_way_out_is_the_only_one() {
        let routed = MachineSpec {
            routes: vec![RouteSpec {
                to: "0.0.0.0/0".parse().unwrap(),
                through: Ipv4Addr::new(192, 168, 50, 2),
                network: "lab".parse().unwrap(),
            }],
            ..machine(vec![adapter(Some("192.168.50.10/24"))])
        };
        let items = items(&routed, &|_| Some(Ipv4Addr::new(192, 168, 50, 1)));
        assert!(matches!(items.as_slice(), [Item::File(..), Item::Absent(_)]), "{items:?}");
    }
}
