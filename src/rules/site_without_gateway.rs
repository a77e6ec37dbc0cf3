//! A site is linked to another, and has no gateway on the link.
//!
//! ## Why
//! A link joins the gateways of two sites. A site that names none, or none that is on the link's network, is cut off,
//! however well the other side is drawn; and nothing says through whom its traffic is meant to go.
//!
//! Sites without links only group nodes and need no gateway; a flow that finds no path between such sites is left to
//! `no-route-between-sites`.
//!
//! ## Example
//! A link joins `us-east` and `eu-west` over `wan`, and `eu-west` names no gateway.
//!
//! ## Do this instead
//! Name a node of the site as its gateway, with an adapter on the link's network.

use super::{Facts, Report, offer};
use crate::model::{Edit, Lab, Link, NodeName, Role, Site, SiteName, Subject};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    for (name, site) in &facts.lab.sites {
        let missed = facts.lab.links.iter().find(|link| lacks_end(facts.lab, link, name));
        if let Some(link) = missed {
            let found = report.add(Subject::Site(name.clone()), format!("{name} has no gateway on {}, over which it is linked", link.network));
            let found = found.involving(Subject::Link(link.between.0.clone(), link.between.1.clone()));
            if let Some((gateway, node)) = site.gateways.first().and_then(|gateway| facts.lab.nodes.get_key_value(gateway)) {
                let (title, edits) = offer::adapter(facts, gateway, node, &link.network);
                found.fix(title, edits);
            } else if let Some(gateway) = candidate(facts, name, &link.network) {
                found.fix(format!("Make {gateway} the gateway of {name}"), named(name, site, gateway));
            }
        }
    }
}

/// Whether two sites are linked, and one of them has no gateway on any of the links: then that is what is said.
pub(super) fn lacks_gateway(lab: &Lab, one: &SiteName, other: &SiteName) -> bool {
    let joins = |link: &&Link| (link.between.0 == *one && link.between.1 == *other) || (link.between.0 == *other && link.between.1 == *one);
    let mut links = lab.links.iter().filter(joins).peekable();
    links.peek().is_some() && links.all(|link| lacks_end(lab, link, one) || lacks_end(lab, link, other))
}

/// Whether a link ends at a site and no gateway of the site is on its network.
fn lacks_end(lab: &Lab, link: &Link, name: &SiteName) -> bool {
    let ends_here = link.between.0 == *name || link.between.1 == *name;
    let on_network = |gateway: &NodeName| lab.nodes.get(gateway).is_some_and(|node| node.adapter_on(&link.network).is_some());
    ends_here && lab.sites.get(name).is_some_and(|site| !site.gateways.iter().any(on_network))
}

/// The node of a site that is most like a gateway.
fn candidate<'a>(facts: &Facts<'a>, site: &SiteName, network: &str) -> Option<&'a NodeName> {
    let of_site = facts.lab.nodes.iter().filter(|(_, node)| node.site.as_ref() == Some(site));
    let fitting = of_site.filter(|(_, node)| node.adapter_on(network).is_some());
    fitting.rev().max_by_key(|(name, node)| (node.role == Role::Gateway, facts.is_router(name))).map(|(name, _)| name)
}

fn named(name: &SiteName, site: &Site, gateway: &NodeName) -> Vec<Edit> {
    let mut site = site.clone();
    site.gateways.push(gateway.clone());
    vec![Edit::Site { name: name.clone(), at: None, to: Some(site) }]
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn sites(eu: &str, wan: &str, links: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", sites: {{"us": (gateways: ["gw-us"]), "eu": ({eu})}}, networks: {{
                "us-lan": internal(subnet: "10.1.0.0/24", site: "us"), "eu-lan": internal(subnet: "10.2.0.0/24", site: "eu"), "wan": internal(subnet: "10.9.0.0/24"),
            }}, nodes: {{
                "gw-us": (role: gateway, site: "us", adapters: [(network: "us-lan", address: "10.1.0.11"), (network: "wan", address: "10.9.0.10")], services: {{"router": (kind: "gateway")}}),
                "gw-eu": (role: gateway, site: "eu", adapters: [(network: "eu-lan", address: "10.2.0.11"){wan}], services: {{"router": (kind: "gateway")}}),
            }}, links: [{links}], flows: [(from: "gw-us", to: "gw-eu")])"#
        ))
    }

    #[test]
    fn a_link_that_ends_nowhere() {
        let wan = r#", (network: "wan", address: "10.9.0.11")"#;
        let link = r#"(between: ("us", "eu"), network: "wan")"#;
        let unnamed = sites("", wan, link);
        check("site-without-gateway", &unnamed, &["eu has no gateway on wan, over which it is linked"]);
        assert_eq!(fixes("site-without-gateway", &unnamed), ["Make gw-eu the gateway of eu"]);
        let off = sites(r#"gateways: ["gw-eu"]"#, "", link);
        check("site-without-gateway", &off, &["eu has no gateway on wan, over which it is linked"]);
        check("no-route-between-sites", &off, &[]);
        assert_eq!(fixes("site-without-gateway", &off), ["Put gw-eu on wan with 10.9.0.11"]);
        check("site-without-gateway", &sites(r#"gateways: ["gw-eu"]"#, wan, link), &[]);
    }

    #[test]
    fn sites_without_links_only_group_nodes() {
        check("site-without-gateway", &sites("", "", ""), &[]);
        check("no-route-between-sites", &sites("", "", ""), &["gw-us has no path to gw-eu: nothing routes from us to eu"]);
    }
}
