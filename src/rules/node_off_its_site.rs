//! A node belongs to a site and is on none of the site's networks.
//!
//! ## Why
//! A site's networks are where its nodes meet, and where its gateway finds them. A node that is on the management network
//! alone has no way for anything else: that network carries nothing for others.
//!
//! Gateways are left to `gateway-off-its-site`, nodes without adapters to `isolated-node`.
//!
//! ## Example
//! `node3` is in `annex`, whose network is `annex-lan`, and is on `management` only.
//!
//! ## Do this instead
//! Put it on the site's network, or say another site.

use super::{Facts, Report, offer};
use crate::model::{Node, NodeName, SiteName, Subject};

/// The site of a node that is on none of the site's networks, where it has some; gateways are another rule's matter.
pub(super) fn missed<'a>(facts: &Facts<'a>, name: &NodeName, node: &'a Node) -> Option<&'a SiteName> {
    let site = node.site.as_ref().filter(|_| !node.adapters.is_empty())?;
    let own = facts.networks_of_site(site);
    let is_gateway = facts.lab.sites.get(site).is_some_and(|site| site.gateways.contains(name));
    let is_off = !own.is_empty() && !is_gateway && !own.iter().any(|network| node.adapter_on(network).is_some());
    is_off.then_some(site)
}

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    let Some(site) = missed(facts, name, node) else { return };
    let own = facts.networks_of_site(site);
    let found = report
        .add(Subject::Node(name.clone()), format!("{name} is in {site} and is not on {}", offer::row(own)))
        .involving(Subject::Site(site.clone()));
    if let Some(network) = own.first() {
        let (title, edits) = offer::adapter(facts, name, node, network);
        found.fix(title, edits);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_node_that_is_not_where_its_site_is() {
        let code = "node-off-its-site";
        let farm = |adapters: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"west-lan": internal(subnet: "10.2.0.0/24", site: "west"), "control": host_only(subnet: "192.168.56.0/24", purpose: management)}}, nodes: {{
                    "press": (role: worker, site: "west", adapters: [(network: "control", address: "192.168.56.10"), {adapters}]),
                }}, sites: {{"west": ()}})"#
            ))
        };
        check(code, &farm(""), &["press is in west and is not on west-lan"]);
        assert_eq!(fixes(code, &farm("")), ["Put press on west-lan with 10.2.0.10"]);
        check(code, &farm(r#"(network: "west-lan", address: "10.2.0.21")"#), &[]);
    }
}
