//! The gateway of a linked site does not join the site to the link.
//!
//! ## Why
//! What leaves a site goes to its gateway over the site's own network, and the gateway passes it on. A gateway that is not on
//! that network has no way to the nodes that it is for; one that neither routes nor tunnels drops what is not for itself.
//! A management network is no way round: it carries nothing for others.
//!
//! A BEAM node passes on for its mesh, and a balancer, a port forwarding or an ssh tunnel for what they are for: that is enough
//! where nothing else crosses.
//!
//! ## Example
//! `w-gate` is the gateway of `west`, and is on `road` and `management` only.
//!
//! ## Do this instead
//! Put it on the site's network, with a router or a tunnel.

use super::{Facts, Report, offer};
use crate::catalog::Behaviour;
use crate::model::{Node, SiteName, Subject};

/// Whether a gateway is on none of its site's networks, where the site has some.
pub(super) fn is_off(facts: &Facts<'_>, site: &SiteName, gateway: &Node) -> bool {
    let own = facts.networks_of_site(site);
    !own.is_empty() && !gateway.adapters.is_empty() && !own.iter().any(|network| gateway.adapter_on(network).is_some())
}

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    if facts.lab.links.is_empty() {
        return;
    }
    for (site_name, site) in &facts.lab.sites {
        let is_linked = facts.lab.links.iter().any(|link| link.between.0 == *site_name || link.between.1 == *site_name);
        let own = facts.networks_of_site(site_name);
        if own.is_empty() || !is_linked {
            continue;
        }
        for (gateway, node) in site.gateways.iter().filter_map(|name| Some((name, facts.lab.nodes.get(name)?))) {
            if node.adapters.is_empty() {
                continue;
            }
            if is_off(facts, site_name, node) {
                let message = format!("{gateway} is the gateway of {site_name} and is not on {}", offer::row(own));
                let found = report.add(Subject::Node(gateway.clone()), message).involving(Subject::Site(site_name.clone()));
                if let Some(network) = own.first() {
                    let (title, edits) = offer::adapter(facts, gateway, node, network);
                    found.fix(title, edits);
                }
                continue;
            }
            let passes_on = |service: &crate::model::Service| {
                facts.behaviour(service).is_none_or(|behaviour| {
                    behaviour.is_beam()
                        || matches!(behaviour, Behaviour::Router | Behaviour::Tunnel | Behaviour::SshTunnel | Behaviour::PortForward | Behaviour::Balancer)
                })
            };
            if !node.services.values().any(passes_on) {
                let message = format!("{gateway} is the gateway of {site_name} and neither routes nor tunnels: nothing passes it");
                let found = report.add(Subject::Node(gateway.clone()), message).involving(Subject::Site(site_name.clone()));
                let router = facts.catalog.iter().find(|(_, entry)| entry.behaviour == Behaviour::Router);
                if let Some((kind, name)) = router.and_then(|(kind, entry)| Some((kind, entry.name.parse().ok()?))) {
                    let to = Some(Box::new(crate::model::Service::new(kind.clone())));
                    found.fix("Add a router", vec![crate::model::Edit::Service { node: gateway.clone(), name, at: None, to }]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_gateway_that_does_not_join() {
        let code = "gateway-off-its-site";
        let farm = |adapters: &str, services: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{
                    "east-lan": internal(subnet: "10.1.0.0/24", site: "east"), "west-lan": internal(subnet: "10.2.0.0/24", site: "west"), "road": internal(subnet: "172.20.0.0/24"),
                }}, nodes: {{
                    "e-gate": (role: gateway, site: "east", adapters: [(network: "east-lan", address: "10.1.0.2"), (network: "road", address: "172.20.0.11")], services: {{"router": (kind: "gateway")}}),
                    "w-gate": (role: gateway, site: "west", adapters: [{adapters}(network: "road", address: "172.20.0.12")], services: {{{services}}}),
                }}, sites: {{"east": (gateways: ["e-gate"]), "west": (gateways: ["w-gate"])}}, links: [(between: ("east", "west"), network: "road")])"#
            ))
        };
        let (lan, router) = (r#"(network: "west-lan", address: "10.2.0.2"), "#, r#""router": (kind: "gateway")"#);
        check(code, &farm(lan, router), &[]);
        check(code, &farm("", router), &["w-gate is the gateway of west and is not on west-lan"]);
        assert_eq!(fixes(code, &farm("", router)), ["Put w-gate on west-lan with 10.2.0.10"]);
        check(code, &farm(lan, ""), &["w-gate is the gateway of west and neither routes nor tunnels: nothing passes it"]);
        assert_eq!(fixes(code, &farm(lan, "")), ["Add a router"]);
        check(code, &farm(lan, r#""door": (kind: "beam-gateway")"#), &[]);
    }
}
