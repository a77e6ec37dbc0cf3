//! A node whose system is of no family that is known: its name, the names of others, addresses and routes, and no more.
//!
//! It needs a POSIX shell, `ip` and a place where its system runs scripts at each start. There are no packages, no services and no
//! firewall of ours on it, and that is said.

use super::{Place, Script, scene::interface_token, script::Draft};
use crate::model::RouteSpec;

const CONFIGURE_SECS: u32 = 240;
/// Where the script lies that gives the node its addresses at each start.
const FILE: &str = "/etc/sandtable/network";

/// Sets up the node as far as its specification can be met there.
pub(super) fn configure(place: Place<'_>) -> Script {
    let mut draft = Draft::new();
    draft.call("named", [place.machine.hostname.as_str()]);
    draft.call_with("hosts", [place.machine.hostname.as_str()], &super::configure::hosts(place));
    draft.lines("stage=\"writing the addresses\"");
    draft.call_with("put", [FILE, "0755", "root:root", "nothing"], &network(place));
    draft.call("at_each_start", [FILE]);
    draft.call("sh", [FILE]);
    for (token, address) in place.machine.adapters.iter().filter_map(|adapter| Some((interface_token(adapter.mac), adapter.address?))) {
        draft.call("addressed", [token, address.to_string()]);
    }
    draft.lines("say \"this system is not one of the families that are known: names and addresses only, no firewall\"");
    draft.finish("configure", CONFIGURE_SECS)
}

/// What gives the node its addresses and routes. Cards are found by their hardware address whenever it runs.
fn network(place: Place<'_>) -> String {
    let mut text = CARD.to_owned();
    for (slot, adapter) in place.machine.adapters.iter().enumerate() {
        let mut routes = place.machine.routes_by(slot).peekable();
        if adapter.address.is_none() && routes.peek().is_none() {
            continue;
        }
        text.push_str(&format!("if card {}; then\n    ip link set \"$name\" up\n", adapter.mac));
        // The drawn address is the only one: a DHCP server there may have given another.
        text.extend(adapter.address.map(|address| format!("    only {address}\n")));
        for RouteSpec { to, through, .. } in routes {
            text.push_str(&format!("    ip route add {to} via {through} dev \"$name\" 2>/dev/null || true\n"));
        }
        text.push_str("fi\n");
    }
    text
}

/// Finds a card by its hardware address and leaves its name in `name`.
const CARD: &str = "\
#!/bin/sh
# Addresses of this node as drawn; written by Sandtable.
card() {
    for found in /sys/class/net/*; do
        read -r mac <\"$found/address\" || continue
        if [ \"$mac\" = \"$1\" ]; then name=${found##*/}; return 0; fi
    done
    return 1
}
only() {
    if [ \"$(ip -o -4 addr show dev \"$name\" | awk '{ printf \"%s \", $4 }')\" != \"$1 \" ]; then
        ip -4 addr flush dev \"$name\"
        ip addr add \"$1\" dev \"$name\"
    fi
}
";

#[cfg(test)]
mod tests {
    use crate::{
        model::{AdapterSpec, Family, Mac, MachineSpec, RouteSpec},
        provision::Place,
    };

    #[test]
    fn names_and_addresses_and_nothing_else() {
        let adapter = |last, address: Option<&str>| AdapterSpec {
            network: "lab".parse().unwrap(),
            mac: Mac([2, 0, 0, 0, 0, last]),
            address: address.map(|address| address.parse().unwrap()),
            forwards: Vec::new(),
        };
        let machine = MachineSpec {
            routes: vec![RouteSpec {
                to: "10.2.0.0/24".parse().unwrap(),
                through: "10.1.0.1".parse().unwrap(),
                network: "lab".parse().unwrap(),
            }],
            ..crate::testing::machine("tiny", vec![adapter(1, None), adapter(2, Some("10.1.0.5/24"))])
        };
        let place = Place { node: &"tiny".parse().unwrap(), machine: &machine, family: Family::Other };
        let text = super::network(place);
        assert!(text.contains("card 02:00:00:00:00:02; then") && !text.contains("00:00:01"), "{text}");
        assert!(text.contains("only 10.1.0.5/24") && text.contains("ip route add 10.2.0.0/24 via 10.1.0.1"), "{text}");
        let script = super::configure(place).text;
        let own = script.rsplit_once("main()").map_or(script.as_str(), |(_, own)| own);
        for absent in ["systemctl", "nft", "networkd", "apt"] {
            assert!(!own.contains(absent), "{absent}: {own}");
        }
    }
}
