//! A host-only network lies where VirtualBox refuses to make one.
//!
//! ## Why
//! Since 6.1.28 VirtualBox on Linux and macOS makes host-only networks only within 192.168.56.0/21 (192.168.56.0 to
//! 192.168.63.255), unless the host's administrator allows more in `/etc/vbox/networks.conf`. Anything else ends in
//! `E_ACCESSDENIED` when the lab is deployed. Other providers do not mind.
//!
//! ## Example
//! ```ron
//! networks: {"frontend": host_only(subnet: "192.168.50.0/24")}
//! ```
//!
//! ## Do this instead
//! Move the network into the range, or put the line that the finding names into `/etc/vbox/networks.conf` on the host:
//! ```text
//! * 192.168.50.0/24
//! ```

use super::{Facts, Report, readdress};
use crate::model::{Network, NetworkKind, NetworkName, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NetworkName, network: &Network, report: &mut Report) {
    let ranges = &facts.context.host_only_ranges;
    let Some(subnet) = network.subnet.filter(|_| network.kind == NetworkKind::HostOnly) else { return };
    if ranges.iter().any(|range| range.contains(&subnet)) {
        return;
    }
    let message = format!("VirtualBox makes {name} ({subnet}) only with the line \"* {}\" in /etc/vbox/networks.conf", subnet.trunc());
    let found = report.add(Subject::Network(name.clone()), message);
    if let Some((title, edits)) = readdress::network_to_free(facts, name, ranges, subnet) {
        found.fix(title, edits);
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;
    use crate::model::Lab;
    use crate::rules::testing::{check, findings, fixes, lab};
    use crate::rules::{Context, check as check_in};

    fn network(network: &str) -> Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"lab": host_only(subnet: "192.168.56.0/24"), "n": {network}}}, nodes: {{
                "a": (role: app, adapters: [(network: "n", address: "192.168.50.11")],
                    services: {{"web": (kind: "nginx", bind: address("192.168.50.11"), allow: only(["192.168.50.0/25", "10.0.0.0/8"]))}}),
                "b": (role: app, adapters: [(network: "n")])}},
                vips: {{"v": (address: "192.168.50.30", network: "n", id: 7)}})"#
        ))
    }

    #[test]
    fn a_subnet_that_must_be_allowed() {
        let code = "host-only-outside-allowed-range";
        let wrong = network(r#"host_only(subnet: "192.168.50.0/24")"#);
        check(code, &wrong, &["VirtualBox makes n (192.168.50.0/24) only with the line \"* 192.168.50.0/24\" in /etc/vbox/networks.conf"]);
        assert_eq!(fixes(code, &wrong), ["Move n to 192.168.57.0/24"]);
        check(code, &network(r#"host_only(subnet: "192.168.57.0/24")"#), &[]);
        check(code, &network(r#"internal(subnet: "192.168.50.0/24")"#), &[]);
        check(code, &network("host_only()"), &[]);
        // Too large for the range: nothing to offer.
        assert_eq!(fixes(code, &network(r#"host_only(subnet: "192.168.0.0/16")"#)), [] as [&str; 0]);
        let context = Context { host_only_ranges: vec!["192.168.0.0/16".parse().unwrap()], ..Context::default() };
        assert!(check_in(&wrong, Catalog::embedded(), &context).iter().all(|finding| finding.rule != code));
    }

    #[test]
    fn all_that_has_an_address_there_moves() {
        let mut lab = network(r#"host_only(subnet: "192.168.50.0/24", dhcp: (from: "192.168.50.100", to: "192.168.50.200"))"#);
        let found = findings(&lab).into_iter().find(|finding| finding.rule == "host-only-outside-allowed-range").unwrap();
        lab.apply(&found.fixes[0].edits).unwrap();
        let expected = network(r#"host_only(subnet: "192.168.57.0/24", dhcp: (from: "192.168.57.100", to: "192.168.57.200"))"#);
        let text = ron::to_string(&expected).unwrap().replace("192.168.50.", "192.168.57.");
        assert_eq!(ron::to_string(&lab).unwrap(), text);
    }
}
