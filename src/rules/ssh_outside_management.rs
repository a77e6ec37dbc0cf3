//! A node with a management network takes ssh on other networks too.
//!
//! ## Why
//! A management network is drawn so that ssh is reached there and nowhere else. As long as the same ssh answers on the
//! frontend, everything that can be said to it (stolen keys, tomorrow's hole) can be said by any client that sends requests.
//!
//! A bastion is meant to take ssh from elsewhere. A node that is on no management network is the business of
//! `node-without-management-path`, and NAT counts for nothing here: no host reaches a node through it.
//!
//! ## Example
//! ```ron
//! networks: {"frontend": internal(purpose: frontend), "management": host_only(purpose: management)},
//! nodes: {"app1": (role: app, adapters: [(network: "frontend"), (network: "management")], services: {"ssh": (kind: "sshd")})},
//! ```
//!
//! ## Do this instead
//! Bind it there: `bind: on("management")`, or let in only that network: `allow: only(["network:management"])`.

use super::{Facts, Report, exposure};
use crate::catalog::Behaviour;
use crate::model::{Allow, Bind, NetworkName, Node, NodeName, Peer, Purpose, Role, Service, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    if node.role == Role::Bastion {
        return;
    }
    let is_management = |network: &NetworkName| facts.network(network).is_some_and(|network| network.purpose == Purpose::Management);
    let Some(management) = node.adapters.iter().map(|adapter| &adapter.network).find(|network| is_management(network)) else { return };
    for (service_name, service) in &node.services {
        let from_management = |peer: &Peer| matches!(peer, Peer::Network(network) if is_management(network));
        let is_shielded = matches!(&service.allow, Allow::Only(peers) if peers.iter().all(from_management));
        if facts.behaviour(service) != Some(Behaviour::Shell) || is_shielded {
            continue;
        }
        let mut others = exposure::heard_on(facts, node, service)
            .filter(|(_, _, network)| network.kind.joins_nodes() && network.purpose != Purpose::Management);
        let Some((_, adapter, _)) = others.next() else { continue };
        let bound = Service { bind: Bind::On(management.clone()), ..service.clone() };
        report
            .add(
                exposure::subject(name, service_name),
                format!("{name}/{service_name} is reached on {}, not on {management} alone", adapter.network),
            )
            .involving(Subject::Network(adapter.network.clone()))
            .fix(format!("Bind to {management}"), vec![exposure::put(name, service_name, bound)]);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn shell(role: &str, adapters: &str, service: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"internet": nat(), "front": internal(purpose: frontend), "mgmt": host_only(purpose: management)}},
                nodes: {{"n": (role: {role}, adapters: [{adapters}], services: {{"ssh": ({service})}})}})"#
        ))
    }

    #[test]
    fn ssh_where_requests_arrive() {
        let code = "ssh-outside-management";
        let both = r#"(network: "internet"), (network: "front"), (network: "mgmt")"#;
        check(code, &shell("app", both, r#"kind: "sshd""#), &["n/ssh is reached on front, not on mgmt alone"]);
        check(code, &shell("app", both, r#"kind: "sshd", bind: on("front")"#), &["n/ssh is reached on front, not on mgmt alone"]);
        assert_eq!(fixes(code, &shell("app", both, r#"kind: "sshd""#)), ["Bind to mgmt"]);
        for (role, adapters, service) in [
            ("app", both, r#"kind: "sshd", bind: on("mgmt")"#),
            ("app", both, r#"kind: "sshd", allow: only(["network:mgmt"])"#),
            ("bastion", both, r#"kind: "sshd""#),
            ("app", r#"(network: "front")"#, r#"kind: "sshd""#),
            ("app", r#"(network: "internet"), (network: "mgmt")"#, r#"kind: "sshd""#),
            ("app", both, r#"kind: "nginx""#),
        ] {
            check(code, &shell(role, adapters, service), &[]);
        }
    }
}
