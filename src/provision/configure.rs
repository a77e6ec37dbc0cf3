//! The node itself: its name, the names of others, addresses and routes, the base of its firewall.
//!
//! Addresses belong to network cards by their hardware address, whatever the kernel calls them. What sets up the network differs
//! between images, so the script carries a writing for each that the family has and the node takes its own.

use super::{Place, Script, firewall, scene::interface_token, script::Draft};
use crate::model::{AdapterSpec, Family, MachineSpec, RouteSpec};

/// How long packages, files and addresses may take, in seconds.
const CONFIGURE_SECS: u32 = 1200;

/// What is known beside the specification.
#[derive(Debug, Clone, Copy, Default)]
pub struct Around<'a> {
    /// The ways in that the provider needs.
    pub doors: &'a [firewall::Door],
    /// The packages of all that is drawn on it.
    pub packages: &'a [String],
}

/// Sets up the node as its specification says.
pub fn configure(place: Place<'_>, around: Around<'_>) -> Script {
    if place.family == Family::Other {
        return super::bare::configure(place);
    }
    let mut draft = Draft::new();
    draft.lines("uplink_down");
    draft.call("pinned", place.machine.pins.iter().flat_map(|(name, version)| [name.as_str(), version.as_str()]));
    draft.call("packages", around.packages);
    draft.lines(CLOUD_INIT);
    draft.call("named", [place.machine.hostname.as_str()]);
    draft.call_with("hosts", [place.machine.hostname.as_str()], &hosts(place));
    draft.lines("keeps=\nmanager=$(network_manager)\nstage=\"writing the addresses\"\ncase $manager in");
    match place.family {
        Family::Debian => {
            networkd(place, &mut draft);
            ifupdown(place, &mut draft);
        }
        Family::Ubuntu => {
            netplan(place, &mut draft);
            networkd(place, &mut draft);
        }
        Family::Rocky | Family::Fedora => {
            network_manager(place, &mut draft);
            networkd(place, &mut draft);
        }
        // It has a way of its own, above.
        Family::Other => {}
    }
    draft.lines("*) fail \"this image sets up its network with $manager, which is not known on its distribution\" ;;\nesac");
    for (token, address) in place.machine.adapters.iter().filter_map(|adapter| Some((interface_token(adapter.mac), adapter.address?))) {
        draft.call("addressed", [token, address.to_string()]);
    }
    // One firewall speaks, and nothing is updated behind the drawing's back.
    draft.lines("quietly_off firewalld.service ufw.service nftables.service apt-daily.timer apt-daily-upgrade.timer dnf-makecache.timer");
    draft.call_with("put", [&format!("{}/00-base.nft", firewall::FOLDER), "0600", "root:root", "nothing"], &firewall::base(around.doors));
    draft.call_with("put", ["/etc/systemd/system/sandtable-firewall.service", "0644", "root:root", "nothing"], firewall::UNIT);
    draft.lines("firewall\nunits_enable sandtable-firewall.service");
    draft.finish("configure", CONFIGURE_SECS)
}

/// cloud-init would write names and addresses of its own at the next start.
const CLOUD_INIT: &str = "\
if [ -d /etc/cloud/cloud.cfg.d ]; then
    printf 'preserve_hostname: true\\nmanage_etc_hosts: false\\nnetwork: {config: disabled}\\n' >\"$work/cloud\"
    place \"$work/cloud\" /etc/cloud/cloud.cfg.d/99-sandtable.cfg 0644 root:root nothing
fi
";

pub(super) fn hosts(place: Place<'_>) -> String {
    let machine = place.machine;
    let mut text = String::new();
    if !machine.hosts.iter().any(|(_, name)| **name == *machine.hostname) {
        text.push_str(&format!("127.0.1.1 {}\n", machine.hostname));
    }
    for (address, name) in machine.hosts.iter() {
        text.push_str(&format!("{address} {name}\n"));
    }
    text
}

/// systemd-networkd's file for an adapter: its path and text. Providers that can write into a machine before it first starts
/// write the same, so that it comes up with its addresses.
pub fn networkd_file(machine: &MachineSpec, slot: usize, adapter: &AdapterSpec) -> (String, String) {
    let mut text = format!("[Match]\nMACAddress={}\n\n[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nLLMNR=no\n", adapter.mac);
    // A card without its cable keeps its addresses, as the kernel has it: that is what breaks when a link does.
    text.push_str("ConfigureWithoutCarrier=yes\nIgnoreCarrierLoss=yes\n");
    match adapter.address {
        Some(address) => text.push_str(&format!("Address={address}\n")),
        None => text.push_str("DHCP=ipv4\n\n[DHCPv4]\nUseHostname=no\n"),
    }
    for RouteSpec { to, through, .. } in machine.routes_by(slot) {
        text.push_str(&format!("\n[Route]\nDestination={to}\nGateway={through}\n"));
    }
    (format!("/etc/systemd/network/05-sandtable-{slot}.network"), text)
}

fn networkd(place: Place<'_>, draft: &mut Draft) {
    draft.lines("networkd)");
    for (slot, adapter) in place.machine.adapters.iter().enumerate() {
        let (path, text) = networkd_file(place.machine, slot, adapter);
        draft.call_with("network_file", [path.as_str(), "0644"], &text);
    }
    draft.lines(
        "only '/etc/systemd/network/05-sandtable-*.network'
    systemctl is-active --quiet systemd-networkd || { systemctl enable --now --quiet systemd-networkd; rm -f \"$work/network-changed\"; }
    [ ! -e \"$work/network-changed\" ] || networkctl reload || systemctl restart systemd-networkd
    ;;",
    );
}

fn netplan(place: Place<'_>, draft: &mut Draft) {
    draft.lines("netplan)");
    let mut text = "network:\n  version: 2\n  ethernets:\n".to_owned();
    for (slot, adapter) in place.machine.adapters.iter().enumerate() {
        text.push_str(&format!("    sandtable{slot}:\n      match: {{macaddress: \"{}\"}}\n      link-local: []\n", adapter.mac));
        match adapter.address {
            Some(address) => text.push_str(&format!("      dhcp4: false\n      addresses: [\"{address}\"]\n")),
            None => text.push_str("      dhcp4: true\n"),
        }
        let routes: Vec<_> = place.machine.routes_by(slot).collect();
        if !routes.is_empty() {
            text.push_str("      routes:\n");
            for RouteSpec { to, through, .. } in routes {
                text.push_str(&format!("        - {{to: \"{to}\", via: \"{through}\"}}\n"));
            }
        }
    }
    draft.call_with("network_file", ["/etc/netplan/99-sandtable.yaml", "0600"], &text);
    draft.lines("[ ! -e \"$work/network-changed\" ] || netplan apply\n;;");
}

fn ifupdown(place: Place<'_>, draft: &mut Draft) {
    draft.lines("ifupdown)");
    let mut text = String::new();
    for (slot, adapter) in place.machine.adapters.iter().enumerate() {
        let token = interface_token(adapter.mac);
        text.push_str(&format!("auto {token}\n"));
        match adapter.address {
            Some(address) => text.push_str(&format!("iface {token} inet static\n    address {address}\n")),
            None => text.push_str(&format!("iface {token} inet dhcp\n")),
        }
        for RouteSpec { to, through, .. } in place.machine.routes_by(slot) {
            text.push_str(&format!("    up ip route replace {to} via {through} dev {token}\n"));
        }
    }
    draft.call_with("network_file", ["/etc/network/interfaces.d/sandtable", "0644"], &text);
    draft.lines("[ ! -e \"$work/network-changed\" ] || systemctl restart networking\n;;");
}

fn network_manager(place: Place<'_>, draft: &mut Draft) {
    draft.lines("networkmanager)");
    for (slot, adapter) in place.machine.adapters.iter().enumerate() {
        let mut text = format!(
            "[connection]\nid=sandtable-{slot}\ntype=ethernet\nautoconnect=true\nautoconnect-priority=100\n\n[ethernet]\nmac-address={}\n\n[ipv6]\nmethod=disabled\n\n[ipv4]\n",
            adapter.mac
        );
        match adapter.address {
            Some(address) => text.push_str(&format!("method=manual\naddress1={address}\n")),
            None => text.push_str("method=auto\n"),
        }
        for (number, RouteSpec { to, through, .. }) in place.machine.routes_by(slot).enumerate() {
            text.push_str(&format!("route{}={to},{through}\n", number + 1));
        }
        let path = format!("/etc/NetworkManager/system-connections/sandtable-{slot}.nmconnection");
        draft.call_with("network_file", [path.as_str(), "0600"], &text);
    }
    draft.lines(
        "only '/etc/NetworkManager/system-connections/sandtable-*.nmconnection'
    if [ -e \"$work/network-changed\" ]; then
        nmcli connection reload
        for kept in $keeps; do kept=${kept##*/}; nmcli connection up \"${kept%.nmconnection}\"; done
    fi
    ;;",
    );
}

#[cfg(test)]
mod tests {
    use crate::{
        model::{AdapterSpec, Family, Mac, MachineSpec, RouteSpec},
        provision::Place,
    };
    use base64::Engine;

    /// What each network manager gets for a node with a static and a leased address: a route stands once, beside the adapter on its
    /// network.
    #[test]
    fn a_route_is_written_to_the_adapter_on_its_network() {
        let adapter = |last, network: &str, address: Option<&str>| AdapterSpec {
            network: network.parse().unwrap(),
            mac: Mac([2, 0, 0, 0, 0, last]),
            address: address.map(|address| address.parse().unwrap()),
            forwards: Vec::new(),
        };
        let route = |to: &str, through: &str, network: &str| RouteSpec {
            to: to.parse().unwrap(),
            through: through.parse().unwrap(),
            network: network.parse().unwrap(),
        };
        let machine = MachineSpec {
            routes: vec![route("10.2.0.0/24", "10.1.0.1", "lab"), route("10.3.0.0/24", "192.168.58.1", "front")],
            ..crate::testing::machine("n1", vec![adapter(1, "lab", Some("10.1.0.5/24")), adapter(2, "front", None)])
        };
        let text_of = |family| {
            let place = Place { node: &"n1".parse().unwrap(), machine: &machine, family };
            // Files travel in base64, each on a line.
            let script = super::configure(place, super::Around::default()).text;
            let decoded = script.lines().filter_map(|line| base64::engine::general_purpose::STANDARD.decode(line).ok());
            decoded.filter_map(|file| String::from_utf8(file).ok()).collect::<Vec<_>>().join("\n")
        };
        let debian = text_of(Family::Debian);
        let written = [
            "Address=10.1.0.5/24\n\n[Route]\nDestination=10.2.0.0/24\nGateway=10.1.0.1\n",
            "UseHostname=no\n\n[Route]\nDestination=10.3.0.0/24\nGateway=192.168.58.1\n",
            "inet dhcp\n    up ip route replace 10.3.0.0/24 via 192.168.58.1",
        ];
        for text in written {
            assert_eq!(debian.matches(text).count(), 1, "{text}: {debian}");
        }
        let ubuntu = text_of(Family::Ubuntu);
        assert!(ubuntu.contains("dhcp4: true\n      routes:\n        - {to: \"10.3.0.0/24\", via: \"192.168.58.1\"}"), "{ubuntu}");
        let rocky = text_of(Family::Rocky);
        assert!(rocky.contains("method=auto\nroute1=10.3.0.0/24,192.168.58.1\n"), "{rocky}");
        assert!(rocky.contains("address1=10.1.0.5/24\nroute1=10.2.0.0/24,10.1.0.1\n"), "{rocky}");
    }
}
