//! A link between sites names a tunnel that does not have two ends which know each other.
//!
//! ## Why
//! A tunnel works between a service on a gateway of each side. WireGuard answers known peers only (wg(8)): the two ends must
//! be in one cluster, and each must listen on the link's network. Otherwise the sites do not meet, or meet in clear text,
//! while the drawing shows an encrypted link.
//!
//! ## Example
//! The link says `tunnel: "wire"`, and the gateway of `west` has no service `wire`; or `e-gate/wire` is in the cluster
//! `pipe` and `w-gate/wire` in `pipes`; or `w-gate/wire` is bound to `west-lan`, while the link runs over `road`.
//!
//! ## Do this instead
//! Give a gateway of each side the tunnel by the name that the link says, bound to the link's network, in one cluster.

use super::{Facts, Report, offer};
use crate::catalog::Behaviour;
use crate::model::{Bind, Edit, Lab, Link, ListEdit, NetworkName, Node, NodeName, Path, Service, ServiceName, ServiceRef, SiteName, Subject, nearest};

/// What a gateway has by the name of a link's tunnel.
type End<'a> = (&'a NodeName, &'a Node, &'a Service);

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    for (index, link) in facts.lab.links.iter().enumerate() {
        let Some(tunnel) = &link.tunnel else { continue };
        let subject = || Subject::Link(link.between.0.clone(), link.between.1.clone());
        let sites = [&link.between.0, &link.between.1];
        // A site without a gateway on the link has a finding of its own.
        if sites.iter().any(|site| gateways(facts.lab, link, site).next().is_none()) {
            continue;
        }
        let ends = sites.map(|site| end(facts, link, site, tunnel));
        let (one, other) = match ends {
            [Some(one), Some(other)] => (one, other),
            [None, None] => {
                let near = shared_tunnels(facts, link);
                let meant = nearest(tunnel, &mut near.iter().map(|name| name.as_str())).or_else(|| near.first().map(ToString::to_string));
                let hint = meant.as_ref().map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
                let found = report
                    .add(subject(), format!("the link {link} crosses by the tunnel {tunnel}, which no gateway has{hint}"))
                    .within(Path::root().field("tunnel"));
                if let Some(name) = meant.and_then(|meant| meant.parse().ok()) {
                    let to = Link { tunnel: Some(name), ..link.clone() };
                    found.fix("Use that tunnel", vec![Edit::Link { index, change: ListEdit::Replace(to) }]);
                }
                continue;
            }
            [Some(there), None] => {
                lacking(facts, link, &link.between.1, tunnel, there, report);
                continue;
            }
            [None, Some(there)] => {
                lacking(facts, link, &link.between.0, tunnel, there, report);
                continue;
            }
        };
        if one.2.cluster.is_none() || one.2.cluster != other.2.cluster {
            apart(link, tunnel, one, other, report);
            continue;
        }
        if let Some(network) = ends_elsewhere(facts, link) {
            let to = Link { network: network.clone(), ..link.clone() };
            report
                .add(subject(), format!("both ends of {tunnel} are bound to {network}, and the link {link} runs over {}", link.network))
                .within(Path::root().field("network"))
                .fix(format!("Run the link over {network}"), vec![Edit::Link { index, change: ListEdit::Replace(to) }]);
            continue;
        }
        for (name, _, service) in [one, other] {
            let at = ServiceRef { node: name.clone(), service: tunnel.clone() };
            let Bind::On(network) = &service.bind else { continue };
            if *network != link.network {
                let (title, edits) = offer::bind(name, tunnel, service, &link.network);
                report
                    .add(subject(), format!("{at} is bound to {network}, and the link {link} runs over {}", link.network))
                    .involving(Subject::Service(at))
                    .fix(title, edits);
            }
        }
    }
}

/// The gateways of a site that are on a link's network.
fn gateways<'a>(lab: &'a Lab, link: &'a Link, site: &SiteName) -> impl Iterator<Item = (&'a NodeName, &'a Node)> + use<'a> {
    let named = lab.sites.get(site).into_iter().flat_map(|site| &site.gateways);
    named.filter_map(|name| Some((name, lab.nodes.get(name)?))).filter(|(_, node)| node.adapter_on(&link.network).is_some())
}

/// The network that both ends of a link's tunnel are bound to, where the link runs over another.
pub(super) fn ends_elsewhere<'a>(facts: &Facts<'a>, link: &'a Link) -> Option<&'a NetworkName> {
    let tunnel = link.tunnel.as_ref()?;
    let bound = |site| match &end(facts, link, site, tunnel)?.2.bind {
        Bind::On(network) if *network != link.network => Some(network),
        _ => None,
    };
    let (one, other) = (bound(&link.between.0)?, bound(&link.between.1)?);
    (one == other).then_some(one)
}

fn end<'a>(facts: &Facts<'a>, link: &'a Link, site: &SiteName, tunnel: &ServiceName) -> Option<End<'a>> {
    gateways(facts.lab, link, site).find_map(|(name, node)| {
        let service = node.services.get(tunnel)?;
        // Of a kind that the catalog does not have nothing can be said.
        facts.behaviour(service).is_none_or(|behaviour| matches!(behaviour, Behaviour::Tunnel | Behaviour::SshTunnel)).then_some((name, node, service))
    })
}

/// The names of tunnels that a gateway of each side of a link has.
pub(super) fn shared_tunnels<'a>(facts: &Facts<'a>, link: &'a Link) -> Vec<&'a ServiceName> {
    let of = |site: &SiteName| -> Vec<&'a ServiceName> {
        let services = gateways(facts.lab, link, site).flat_map(|(_, node)| &node.services);
        services.filter(|(_, service)| facts.behaviour(service) == Some(Behaviour::Tunnel)).map(|(name, _)| name).collect()
    };
    let there = of(&link.between.1);
    of(&link.between.0).into_iter().filter(|name| there.contains(name)).collect()
}

fn lacking(facts: &Facts<'_>, link: &Link, site: &SiteName, tunnel: &ServiceName, there: End<'_>, report: &mut Report) {
    let Some((gateway, node)) = gateways(facts.lab, link, site).next() else { return };
    let subject = Subject::Link(link.between.0.clone(), link.between.1.clone());
    let found = report
        .add(subject, format!("the link {link} crosses by the tunnel {tunnel}, and {gateway}, the gateway of {site}, has none"))
        .involving(Subject::Node(gateway.clone()));
    if node.services.contains_key(tunnel) {
        return;
    }
    let mut copy = there.2.clone();
    copy.bind = Bind::On(link.network.clone());
    // Each end has a key of its own.
    copy.secrets.clear();
    let edit = Edit::Service { node: gateway.clone(), name: tunnel.clone(), at: None, to: Some(Box::new(copy)) };
    found.fix(format!("Put {tunnel} on {gateway}"), vec![edit]);
}

fn apart(link: &Link, tunnel: &ServiceName, one: End<'_>, other: End<'_>, report: &mut Report) {
    let called = |end: End<'_>| match &end.2.cluster {
        Some(cluster) => format!("{}/{tunnel} is in the cluster {cluster}", end.0),
        None => format!("{}/{tunnel} is in no cluster", end.0),
    };
    let subject = Subject::Link(link.between.0.clone(), link.between.1.clone());
    let mut found = report.add(subject, format!("{}, {}: neither is the other's peer", called(one), called(other)));
    for end in [one, other] {
        found = found.involving(Subject::Service(ServiceRef { node: end.0.clone(), service: tunnel.clone() }));
    }
    for (end, cluster) in [(other, &one.2.cluster), (one, &other.2.cluster)] {
        if let Some(cluster) = cluster {
            let edits = offer::service(end.0, tunnel, end.2, |service| service.cluster = Some(cluster.clone()));
            found = found.fix(format!("Put {}/{tunnel} in {cluster}", end.0), edits);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    const CODE: &str = "tunnel-without-ends";

    fn farm(east: &str, west: &str, tunnel: &str) -> crate::model::Lab {
        let gate = |name: &str, site: &str, host: u8, services: &str| {
            format!(r#""{name}": (role: gateway, site: "{site}", adapters: [(network: "{site}-lan"), (network: "road", address: "172.20.0.{host}")], services: {{{services}}}),"#)
        };
        lab(&format!(
            r#"(name: "x", networks: {{"east-lan": internal(subnet: "10.1.0.0/24"), "west-lan": internal(subnet: "10.2.0.0/24"), "road": internal(subnet: "172.20.0.0/24")}},
                nodes: {{{}{}}}, sites: {{"east": (gateways: ["e-gate"]), "west": (gateways: ["w-gate"])}}, links: [(between: ("east", "west"), network: "road", tunnel: "{tunnel}")])"#,
            gate("e-gate", "east", 11, east),
            gate("w-gate", "west", 12, west)
        ))
    }

    #[test]
    fn both_ends_of_a_tunnel() {
        let wire = |bind: &str, cluster: &str| format!(r#""wire": (kind: "wireguard", bind: on("{bind}"), cluster: "{cluster}")"#);
        let good = wire("road", "pipe");
        check(CODE, &farm(&good, &good, "wire"), &[]);
        let nobody = farm(&good, &good, "cable");
        check(CODE, &nobody, &["the link east - west crosses by the tunnel cable, which no gateway has; did you mean wire?"]);
        assert_eq!(fixes(CODE, &nobody), ["Use that tunnel"]);
        let one = farm(&good, "", "wire");
        check(CODE, &one, &["the link east - west crosses by the tunnel wire, and w-gate, the gateway of west, has none"]);
        assert_eq!(fixes(CODE, &one), ["Put wire on w-gate"]);
        let apart = farm(&good, &wire("road", "pipes"), "wire");
        check(CODE, &apart, &["e-gate/wire is in the cluster pipe, w-gate/wire is in the cluster pipes: neither is the other's peer"]);
        assert_eq!(fixes(CODE, &apart), ["Put w-gate/wire in pipe", "Put e-gate/wire in pipes"]);
        let off = farm(&good, &wire("west-lan", "pipe"), "wire");
        check(CODE, &off, &["w-gate/wire is bound to west-lan, and the link east - west runs over road"]);
        assert_eq!(fixes(CODE, &off), ["Bind wire to road"]);
        let elsewhere = farm(&wire("west-lan", "pipe"), &wire("west-lan", "pipe"), "wire");
        check(CODE, &elsewhere, &["both ends of wire are bound to west-lan, and the link east - west runs over road"]);
    }
}
