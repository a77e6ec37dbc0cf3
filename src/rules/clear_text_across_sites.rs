//! A flow crosses between sites, or must be encrypted, and can be read on the way.
//!
//! ## Why
//! What leaves a site passes wires and machines of other people. In clear text each of them can read it and change it:
//! passwords, queries, whole tables. A private address at both ends does not help.
//!
//! A flow that says `encrypted: true` is held to it within a site too. Where every link between the two sites has a
//! tunnel, the tunnel encrypts. Meshes of BEAM nodes are the business of `distribution-without-tls`.
//!
//! ## Example
//! ```ron
//! flows: [(from: "app1", to: "db2/db")]
//! ```
//! with `app1` in one site, `db2` in another, and MariaDB without `tls`.
//!
//! ## Do this instead
//! Set `tls` on the service, or give the link between the sites a `tunnel`.

use super::contract::Verdict;
use super::tunnel_without_ends::shared_tunnels;
use super::{Facts, Report, exposure};
use crate::model::{Edit, Endpoint, Flow, Link, ListEdit, Node, NodeName, Service, ServiceName, ServiceRef, SiteName, Subject, Value};

pub(super) fn check(facts: &Facts<'_>, flow: &Flow, _: &Verdict<'_>, report: &mut Report) {
    let Some((node_name, node, name, service)) = target(facts, &flow.to) else { return };
    let from = match &flow.from {
        Endpoint::Node(node) => facts.lab.nodes.get(node),
        Endpoint::Service(at) => facts.lab.nodes.get(&at.node),
        Endpoint::Vip(_) | Endpoint::Outside => None,
    };
    let sites = from.and_then(|from| Some((from.site.as_ref()?, node.site.as_ref()?))).filter(|(one, other)| one != other);
    let crosses = sites.filter(|(one, other)| !is_tunnelled(facts, one, other));
    let Some(entry) = facts.entry(service) else { return };
    if crosses.is_none() && !flow.encrypted || entry.behaviour.is_beam() && service.cluster.is_some() {
        return;
    }
    let wanted = flow.port.or_else(|| entry.main_port(service));
    let Some((port, _)) = entry.ports_of(service).find(|(_, number)| Some(*number) == wanted) else { return };
    if entry.is_encrypted(service, port) {
        return;
    }
    let what = match crosses {
        Some((one, other)) => format!("goes from site {one} to {other} in clear text"),
        None => "must be encrypted, and goes in clear text".to_owned(),
    };
    let mut found = report
        .add(Subject::flow(flow), format!("{flow} {what}"))
        .involving(Subject::Service(ServiceRef { node: node_name.clone(), service: name.clone() }));
    for (index, link) in crosses.into_iter().flat_map(|(one, other)| links(facts, one, other)).filter(|(_, link)| link.tunnel.is_none()) {
        if let Some(tunnel) = shared_tunnels(facts, link).first() {
            let to = Link { tunnel: Some((*tunnel).clone()), ..link.clone() };
            found = found.fix(format!("Let the link {link} use the tunnel {tunnel}"), vec![Edit::Link { index, change: ListEdit::Replace(to) }]);
        }
    }
    let mut encrypting = service.clone();
    encrypting.settings.insert("tls".into(), Value::Bool(true));
    if entry.is_encrypted(&encrypting, port) {
        found.fix(format!("Turn tls on for {node_name}/{name}"), vec![exposure::put(node_name, name, encrypting)]);
    }
}

/// The service at the end of a flow; for a VIP, on the node that holds it first.
fn target<'a>(facts: &Facts<'a>, end: &'a Endpoint) -> Option<(&'a NodeName, &'a Node, &'a ServiceName, &'a Service)> {
    let (node_name, name) = match end {
        Endpoint::Service(at) => (&at.node, &at.service),
        Endpoint::Vip(vip) => {
            let vip = facts.lab.vips.get(vip)?;
            (&vip.first_holder()?.node, vip.follows.as_ref()?)
        }
        Endpoint::Node(_) | Endpoint::Outside => return None,
    };
    let node = facts.lab.nodes.get(node_name)?;
    Some((node_name, node, name, node.services.get(name)?))
}

/// Whether all links between two sites are tunnels, and there is one.
fn is_tunnelled(facts: &Facts<'_>, one: &SiteName, other: &SiteName) -> bool {
    let mut links = links(facts, one, other).peekable();
    links.peek().is_some() && links.all(|(_, link)| link.tunnel.is_some())
}

/// The links between two sites, with their places in the lab's list.
fn links<'a>(facts: &Facts<'a>, one: &SiteName, other: &SiteName) -> impl Iterator<Item = (usize, &'a Link)> + use<'a> {
    let (one, other) = (one.clone(), other.clone());
    let joins = move |between: &(SiteName, SiteName)| (between.0 == one && between.1 == other) || (between.0 == other && between.1 == one);
    facts.lab.links.iter().enumerate().filter(move |(_, link)| joins(&link.between))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn across(kind: &str, flow: &str, to_site: &str, links: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", sites: {{"us": (), "eu": ()}}, networks: {{"wan": internal(purpose: wan)}}, nodes: {{
                "app1": (role: app, site: "us", adapters: [(network: "wan")]),
                "db2": (role: database, site: "{to_site}", adapters: [(network: "wan")], services: {{"db": ({kind})}})}},
                flows: [(from: "app1", to: "db2/db"{flow})], links: [{links}])"#
        ))
    }

    #[test]
    fn a_database_across_the_sea() {
        let code = "clear-text-across-sites";
        let clear = across(r#"kind: "mariadb""#, "", "eu", "");
        check(code, &clear, &["app1 -> db2/db goes from site us to eu in clear text"]);
        assert_eq!(fixes(code, &clear), ["Turn tls on for db2/db"]);
        check(code, &across(r#"kind: "todo""#, "", "eu", ""), &["app1 -> db2/db goes from site us to eu in clear text"]);
        let open_link = r#"(between: ("us", "eu"), network: "wan")"#;
        check(code, &across(r#"kind: "mariadb""#, "", "eu", open_link), &["app1 -> db2/db goes from site us to eu in clear text"]);
        check(code, &across(r#"kind: "mariadb""#, ", encrypted: true", "us", ""), &["app1 -> db2/db must be encrypted, and goes in clear text"]);
        for (kind, flow, site, links) in [
            (r#"kind: "mariadb", settings: {"tls": true}"#, "", "eu", ""),
            (r#"kind: "mariadb""#, "", "us", ""),
            (r#"kind: "mariadb""#, "", "eu", r#"(between: ("eu", "us"), network: "wan", tunnel: "wg")"#),
            (r#"kind: "nginx""#, ", port: 443", "eu", ""),
            (r#"kind: "beam", cluster: "mesh", settings: {"tls": false}"#, "", "eu", ""),
            (r#"kind: "of-another-catalog""#, "", "eu", ""),
        ] {
            check(code, &across(kind, flow, site, links), &[]);
        }
    }
}
