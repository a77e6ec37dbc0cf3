//! What must lie in a node before it starts for the first time: an address for each adapter, by its hardware address. Pure.
//!
//! systemd-networkd reads it. What a deployment sets up later comes before it, for networkd takes the first file that fits.

use crate::model::{AdapterSpec, MachineSpec};
use std::{fmt::Write as _, net::Ipv4Addr};

/// Where the files go.
pub(super) const FOLDER: &str = "/etc/systemd/network";

/// A file's name by the adapter's slot.
pub(super) fn file_name(slot: usize) -> String {
    format!("70-sandtable-slot{slot}.network")
}

/// A file for each adapter; `gateway` says which address leads out of a slot's network.
pub(super) fn files(spec: &MachineSpec, gateway: &dyn Fn(&AdapterSpec) -> Option<Ipv4Addr>) -> Vec<(String, String)> {
    let file = |(slot, adapter): (usize, &AdapterSpec)| (format!("{FOLDER}/{}", file_name(slot)), text(adapter, gateway(adapter)));
    spec.adapters.iter().enumerate().map(file).collect()
}

fn text(adapter: &AdapterSpec, gateway: Option<Ipv4Addr>) -> String {
    // A pulled cable must not take the addresses with it: a machine keeps what it was told.
    let mut text = format!(
        "[Match]\nMACAddress={}\n\n[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nConfigureWithoutCarrier=yes\nIgnoreCarrierLoss=yes\n",
        adapter.mac
    );
    match adapter.address {
        // Writing to a String cannot fail.
        Some(address) => {
            let _infallible = writeln!(text, "Address={address}");
            if let Some(gateway) = gateway {
                let _infallible = writeln!(text, "Gateway={gateway}");
            }
        }
        None => text.push_str("DHCP=ipv4\n"),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;

    #[test]
    fn a_drawn_address_is_static_and_its_absence_is_dhcp() {
        let adapter = |address: Option<&str>| AdapterSpec {
            network: "lab".parse().unwrap(),
            mac: Mac([2, 0, 0, 0, 0, 7]),
            address: address.map(|address| address.parse().unwrap()),
            forwards: Vec::new(),
        };
        let fixed = text(&adapter(Some("192.168.50.10/24")), Some(Ipv4Addr::new(192, 168, 50, 1)));
        assert!(fixed.contains("MACAddress=02:00:00:00:00:07\n"), "{fixed}");
        assert!(fixed.contains("Address=192.168.50.10/24\nGateway=192.168.50.1\n") && !fixed.contains("DHCP"), "{fixed}");
        let inner = text(&adapter(Some("192.168.60.10/24")), None);
        assert!(!inner.contains("Gateway"), "{inner}");
        let asked = text(&adapter(None), Some(Ipv4Addr::new(192, 168, 50, 1)));
        assert!(asked.contains("DHCP=ipv4\n") && !asked.contains("\nAddress"), "{asked}");
    }
}
