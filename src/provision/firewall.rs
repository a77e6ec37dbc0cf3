//! The node's firewall: one nftables table, one fragment a service, nothing open that the drawing does not show.
//!
//! A fragment stands at the level of the table and opens its chains again to add rules, so that fragments know nothing of each
//! other and all of them are loaded as one.

use super::{Place, scene};
use crate::{
    catalog::{Catalog, Protocol},
    model::{Ipv4Net, ServiceSpec, VipSpec},
};
use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddrV4},
};

/// Where fragments are kept on a node.
pub const FOLDER: &str = "/etc/sandtable/firewall";

/// The unit that loads the firewall at each start, before the network is up.
pub const UNIT: &str = "\
[Unit]
Description=Firewall of this lab
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
After=local-fs.target systemd-sysctl.service
Conflicts=shutdown.target
ConditionPathExists=/etc/sandtable/firewall.nft

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=nft -f /etc/sandtable/firewall.nft

[Install]
WantedBy=sysinit.target
";

/// A way in that the provider itself needs: from where, to which TCP port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// Who comes in.
    pub from: Ipv4Net,
    /// To which port.
    pub port: u16,
}

/// What every node has: nobody comes in but who was called, the node itself, ICMP (1 and 58, for a small image has no names of
/// protocols), DHCP's answers, and the provider by its doors.
pub fn base(doors: &[Door]) -> String {
    let mut text = "\
\tchain input {
\t\ttype filter hook input priority 0; policy drop;
\t\tct state established,related accept
\t\tct state invalid drop
\t\tiif \"lo\" accept
\t\tmeta l4proto { 1, 58 } accept
\t\tudp sport 67 udp dport 68 accept
"
    .to_owned();
    for door in doors {
        text.push_str(&format!("\t\tip saddr {} tcp dport {} accept\n", door.from.trunc(), door.port));
    }
    text.push_str("\t}\n");
    text
}

/// What a service opens: each port where it listens, for those that it lets in. `passing` are rules of its own for what passes
/// through the node.
pub fn service(place: Place<'_>, catalog: &Catalog, spec: &ServiceSpec, passing: Option<&str>) -> String {
    let mut rules = String::new();
    let sources = spec.allow.as_ref().map(merged);
    for (port, sockets) in scene::opened(catalog, spec) {
        for (number, addresses) in by_port(place, sockets) {
            let Some(from) = from_words(sources.as_deref()) else { continue };
            let to = to_words(&addresses);
            let protocol = if port.protocol == Protocol::Tcp { "tcp" } else { "udp" };
            rules.push_str(&format!("\t\t{from}{to}{protocol} dport {number} accept\n"));
        }
    }
    let mut text = String::new();
    if !rules.is_empty() {
        text.push_str(&format!("\tchain input {{\n{rules}\t}}\n"));
    }
    if let Some(passing) = passing {
        text.push_str(PASSING);
        text.push_str(passing);
        if !passing.ends_with('\n') {
            text.push('\n');
        }
    }
    text
}

/// The chains for what passes through a gateway. Saying them twice is saying them once.
const PASSING: &str = "\
\tchain forward {
\t\ttype filter hook forward priority 0; policy drop;
\t\tct state established,related accept
\t}
\tchain prerouting {
\t\ttype nat hook prerouting priority -100;
\t}
\tchain postrouting {
\t\ttype nat hook postrouting priority 100;
\t}
";

/// What a VIP opens: the other holders' advertisements, and nobody else's.
pub fn vip(spec: &VipSpec) -> String {
    if spec.peers.is_empty() {
        return String::new();
    }
    let peers = spec.peers.iter().map(ToString::to_string).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ");
    format!("\tchain input {{\n\t\tip saddr {{ {peers} }} ip protocol 112 accept\n\t}}\n")
}

/// Subnets without overlaps, which an nftables set refuses.
fn merged(nets: &BTreeSet<Ipv4Net>) -> Vec<Ipv4Net> {
    Ipv4Net::aggregate(&nets.iter().map(Ipv4Net::trunc).collect())
}

/// `None`: nobody comes in.
fn from_words(sources: Option<&[Ipv4Net]>) -> Option<String> {
    match sources {
        None => Some(String::new()),
        Some([]) => None,
        Some(nets) if nets.iter().any(|net| net.prefix_len() == 0) => Some(String::new()),
        Some(nets) => Some(format!("ip saddr {{ {} }} ", nets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))),
    }
}

/// `None` in place of addresses: all.
fn to_words(addresses: &Option<BTreeSet<Ipv4Addr>>) -> String {
    let Some(addresses) = addresses else { return String::new() };
    format!("ip daddr {{ {} }} ", addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

/// The numbers on which a port listens, each with its addresses. What listens on the loopback alone is nobody's business.
fn by_port(place: Place<'_>, sockets: &[SocketAddrV4]) -> Vec<(u16, Option<BTreeSet<Ipv4Addr>>)> {
    let numbers: BTreeSet<u16> = sockets.iter().map(SocketAddrV4::port).collect();
    let natted = |address: &Ipv4Addr| *address == crate::model::NAT_ADDRESS && !place.addresses().any(|own| own == *address);
    let found = numbers.into_iter().filter_map(|number| {
        let here = sockets.iter().filter(|socket| socket.port() == number).map(|socket| *socket.ip());
        let addresses: BTreeSet<Ipv4Addr> = here.filter(|address| !address.is_loopback()).collect();
        // The address behind NAT is another provider's: which one it is here, DHCP says.
        let anywhere = addresses.iter().any(|address| address.is_unspecified() || natted(address));
        match (anywhere, addresses.is_empty()) {
            (true, _) => Some((number, None)),
            (false, true) => None,
            (false, false) => Some((number, Some(addresses))),
        }
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Family;

    fn spec(allow: Option<&[&str]>, listen: &[&str]) -> ServiceSpec {
        ServiceSpec {
            listen: [("http".to_owned(), listen.iter().map(|at| at.parse().unwrap()).collect())].into(),
            allow: allow.map(|nets| nets.iter().map(|net| net.parse().unwrap()).collect()),
            ..crate::testing::service("nginx")
        }
    }

    fn rules(allow: Option<&[&str]>, listen: &[&str]) -> String {
        let machine = crate::testing::machine("web", Vec::new());
        let place = Place { node: &"web".parse().unwrap(), machine: &machine, family: Family::Debian };
        service(place, Catalog::embedded(), &spec(allow, listen), None)
    }

    #[test]
    fn only_who_is_let_in_and_only_where_it_listens() {
        for (allow, listen, line) in [
            (None, &["0.0.0.0:80"][..], "tcp dport 80 accept"),
            (None, &["10.0.0.1:80"], "ip daddr { 10.0.0.1 } tcp dport 80 accept"),
            (Some(&["10.0.0.0/24", "10.0.0.7/32"][..]), &["0.0.0.0:80"], "ip saddr { 10.0.0.0/24 } tcp dport 80 accept"),
            (Some(&["10.0.0.7/32"]), &["10.0.0.1:80"], "ip saddr { 10.0.0.7/32 } ip daddr { 10.0.0.1 } tcp dport 80 accept"),
            (Some(&["0.0.0.0/0"]), &["0.0.0.0:80"], "tcp dport 80 accept"),
        ] {
            assert_eq!(rules(allow, listen), format!("\tchain input {{\n\t\t{line}\n\t}}\n"), "{allow:?}");
        }
        assert_eq!(rules(Some(&[]), &["0.0.0.0:80"]), "", "nobody");
        assert_eq!(rules(None, &["127.0.0.1:80"]), "", "the loopback is let in anyway");
    }

    #[test]
    fn the_base_lets_nobody_in() {
        let base = base(&[Door { from: "10.0.2.2/32".parse().unwrap(), port: 22 }]);
        assert!(base.contains("policy drop") && base.contains("ip saddr 10.0.2.2/32 tcp dport 22 accept"), "{base}");
    }
}
