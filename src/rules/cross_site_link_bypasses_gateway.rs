//! A node that is no gateway of its site is on a network between sites, or on that of another site.
//!
//! ## Why
//! Sites should meet in one place each. What crosses there can be encrypted, watched and cut; a fault in one site stays in
//! it. A node that reaches over by itself undoes all of that, and nothing on the gateways shows it.
//!
//! The same holds for a node of one site on the network of another: what passes there goes round gateways, tunnel and
//! firewall.
//!
//! A network lies between sites if a link uses it, or if it is for wide-area traffic and nodes of two sites are on it.
//! Sites that are not linked only group nodes, and may share any other network.
//!
//! ## Example
//! `edge-us-1` is on `wan`, beside the gateways of `us-east` and `eu-west`.
//!
//! ## Do this instead
//! Take the node off the network and let its flows go through the gateway, or name the node a gateway of its site.

use super::{Facts, Report, tunnel_without_ends};
use crate::model::{Edit, ListEdit, Network, NetworkName, Purpose, SiteName, Subject};
use std::collections::BTreeSet;

pub(super) fn check(facts: &Facts<'_>, name: &NetworkName, network: &Network, report: &mut Report) {
    if let Some(home) = &network.site {
        strangers(facts, name, home, report);
        return;
    }
    // A link whose tunnel ends elsewhere is drawn on the wrong network: that is the finding.
    let is_linked =
        facts.lab.links.iter().any(|link| link.network == *name && tunnel_without_ends::ends_elsewhere(facts, link).is_none());
    if !(is_linked || network.purpose == Purpose::Wan) {
        return;
    }
    let site_of = |node: &str| facts.lab.nodes.get(node).and_then(|node| node.site.as_ref());
    let sites: BTreeSet<&SiteName> = facts.on_network(name).filter_map(|(node, _)| site_of(node)).collect();
    if sites.len() < 2 {
        return;
    }
    for (node, slot) in facts.on_network(name) {
        let Some((site_name, site)) = site_of(node).and_then(|site| facts.lab.sites.get_key_value(site)) else { continue };
        // A site without any gateway has a finding of its own.
        if site.gateways.is_empty() || site.gateways.contains(node) {
            continue;
        }
        let mut named = site.clone();
        named.gateways.push(node.clone());
        report
            .add(Subject::Adapter(node.clone(), slot, name.clone()), format!("{node} is on {name} and is no gateway of {site_name}"))
            .involving(Subject::Site(site_name.clone()))
            .fix(format!("Take {node} off {name}"), vec![Edit::Adapter { node: node.clone(), slot, change: ListEdit::Remove }])
            .fix(format!("Make {node} a gateway of {site_name}"), vec![Edit::Site { name: site_name.clone(), at: None, to: Some(named) }]);
    }
}

/// Reports nodes of other sites on the network of a site.
fn strangers(facts: &Facts<'_>, name: &NetworkName, home: &SiteName, report: &mut Report) {
    for (node_name, slot) in facts.on_network(name) {
        let Some(site) = facts.lab.nodes.get(node_name).and_then(|node| node.site.as_ref()).filter(|site| *site != home) else { continue };
        let is_gateway = facts.lab.sites.get(site).is_some_and(|site| site.gateways.contains(node_name));
        let is_off = |node| super::node_off_its_site::missed(facts, node_name, node).is_some();
        // A node that is on no network of its own site stands in the wrong one: that is the finding.
        if is_gateway || facts.lab.nodes.get(node_name).is_some_and(is_off) {
            continue;
        }
        let message = format!("{node_name} of {site} is on {name}, a network of {home}: what passes there goes round the gateways");
        report
            .add(Subject::Adapter(node_name.clone(), slot, name.clone()), message)
            .involving(Subject::Site(site.clone()))
            .fix(format!("Take {node_name} off {name}"), vec![Edit::Adapter { node: node_name.clone(), slot, change: ListEdit::Remove }]);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_worker_on_the_wide_area_network() {
        let sites = |worker: &str, gateways: &str| {
            lab(&format!(
                r#"(name: "x", sites: {{"us": (gateways: [{gateways}]), "eu": (gateways: ["gw-eu"])}}, networks: {{
                    "us-lan": internal(subnet: "10.1.0.0/24", site: "us"), "wan": internal(subnet: "10.9.0.0/24"),
                }}, nodes: {{
                    "gw-us": (role: gateway, site: "us", adapters: [(network: "us-lan", address: "10.1.0.11"), (network: "wan", address: "10.9.0.10")]),
                    "w1": (role: worker, site: "us", adapters: [(network: "us-lan", address: "10.1.0.12"){worker}]),
                    "gw-eu": (role: gateway, site: "eu", adapters: [(network: "wan", address: "10.9.0.11")]),
                }}, links: [(between: ("us", "eu"), network: "wan")])"#
            ))
        };
        let on_wan = r#", (network: "wan", address: "10.9.0.12")"#;
        let bypass = sites(on_wan, r#""gw-us""#);
        check("cross-site-link-bypasses-gateway", &bypass, &["w1 is on wan and is no gateway of us"]);
        assert_eq!(fixes("cross-site-link-bypasses-gateway", &bypass), ["Take w1 off wan"]);
        check("cross-site-link-bypasses-gateway", &sites("", r#""gw-us""#), &[]);
        check("cross-site-link-bypasses-gateway", &sites(on_wan, r#""gw-us", "w1""#), &[]);
        check("cross-site-link-bypasses-gateway", &sites(on_wan, ""), &[]);
    }

    #[test]
    fn a_node_on_the_network_of_another_site() {
        let code = "cross-site-link-bypasses-gateway";
        let farm = |gateways: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"west-lan": internal(subnet: "10.2.0.0/24", site: "west")}}, nodes: {{
                    "loader": (role: worker, site: "east", adapters: [(network: "west-lan", address: "10.2.0.10")]),
                }}, sites: {{"east": (gateways: [{gateways}]), "west": ()}})"#
            ))
        };
        check(code, &farm(""), &["loader of east is on west-lan, a network of west: what passes there goes round the gateways"]);
        check(code, &farm(r#""loader""#), &[]);
    }
}
