//! A network of the lab has addresses that belong to others on the internet.
//!
//! ## Why
//! Nodes on it take those addresses for their neighbours: whatever really lies there is not reached any more. The addresses for
//! networks of one's own are 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16 (RFC 1918); 172.1.0.0 is none of them.
//!
//! A bridged network has the addresses of the network outside, so it is left alone.
//!
//! ## Example
//! ```ron
//! networks: {"lane": internal(subnet: "172.1.9.0/24")}
//! ```
//!
//! ## Do this instead
//! Use a subnet of one of the private ranges.

use super::{Facts, Report, readdress};
use crate::model::{Ipv4Net, Network, NetworkKind, NetworkName, Path, Subject};

/// Ranges that nobody on the internet has: private (RFC 1918), shared by providers (RFC 6598), for examples (RFC 5737), for
/// benchmarks (RFC 2544), link-local, and those that no adapter can have, which is another finding.
const OWN: [&str; 11] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "192.0.2.0/24",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "198.18.0.0/15",
    "169.254.0.0/16",
    "127.0.0.0/8",
    "224.0.0.0/3",
];

/// The ranges for networks of one's own.
const PRIVATE: [&str; 3] = ["192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8"];

pub(super) fn check(facts: &Facts<'_>, name: &NetworkName, network: &Network, report: &mut Report) {
    let Some(subnet) = network.subnet.filter(|_| network.kind != NetworkKind::Bridged) else { return };
    if ranges(&OWN).any(|range| range.contains(&subnet)) {
        return;
    }
    let message = format!("{name} has {subnet}, which is not private: what lies there on the internet is not reached from this lab");
    let found = report.add(Subject::Network(name.clone()), message).within(Path::root().field("subnet"));
    let private: Vec<Ipv4Net> = match network.kind {
        NetworkKind::HostOnly => facts.context.host_only_ranges.clone(),
        _ => ranges(&PRIVATE).collect(),
    };
    if let Some((title, edits)) = readdress::network_to_free(facts, name, &private, subnet) {
        found.fix(title, edits);
    }
}

fn ranges(texts: &'static [&'static str]) -> impl Iterator<Item = Ipv4Net> {
    texts.iter().filter_map(|text| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn addresses_of_others() {
        let code = "public-subnet";
        let lab = |network: &str| lab(&format!(r#"(name: "x", networks: {{"lane": {network}}})"#));
        let public = lab(r#"internal(subnet: "172.1.9.0/24")"#);
        check(code, &public, &["lane has 172.1.9.0/24, which is not private: what lies there on the internet is not reached from this lab"]);
        assert_eq!(fixes(code, &public), ["Move lane to 192.168.0.0/24"]);
        for own in [r#"internal(subnet: "172.16.9.0/24")"#, r#"internal(subnet: "203.0.113.0/24")"#, "internal()", r#"bridged(subnet: "8.8.8.0/24")"#] {
            check(code, &lab(own), &[]);
        }
    }
}
