//! A node that watches the others carries a workload itself.
//!
//! ## Why
//! When the lab is in trouble, the workload takes the memory and the processor that watching needs, and when the node
//! fails, both are gone: just then the reason cannot be seen.
//!
//! Votes in a cluster (arbitrators), names, time, tunnels and backups are no workload.
//!
//! ## Example
//! ```ron
//! "mon1": (role: monitor, services: {"prometheus": (kind: "prometheus"), "web": (kind: "nginx")})
//! ```
//!
//! ## Do this instead
//! Give the workload, or the monitoring, a node of its own.

use super::{Facts, Report, exposure};
use crate::catalog::Behaviour;
use crate::model::{Node, NodeName, Role, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    let watches = |service| facts.behaviour(service) == Some(Behaviour::Monitor);
    if node.role != Role::Monitor && !node.services.values().any(watches) {
        return;
    }
    let mut workload = node.services.iter().filter(|(_, service)| facts.behaviour(service).is_some_and(is_workload));
    let Some((first, _)) = workload.next() else { return };
    let message = match workload.count() {
        0 => format!("{name} watches the others and also runs {first}"),
        more => format!("{name} watches the others and also runs {first} and {more} more"),
    };
    report.add(Subject::Node(name.clone()), message).involving(exposure::subject(name, first));
}

fn is_workload(behaviour: Behaviour) -> bool {
    match behaviour {
        Behaviour::Web
        | Behaviour::Balancer
        | Behaviour::App
        | Behaviour::Database
        | Behaviour::Galera
        | Behaviour::Cache
        | Behaviour::Sync
        | Behaviour::Directory
        | Behaviour::FileServer
        | Behaviour::Beam
        | Behaviour::BeamGateway => true,
        Behaviour::Arbitrator
        | Behaviour::Backup
        | Behaviour::Login
        | Behaviour::Mount
        | Behaviour::Vault
        | Behaviour::Router
        | Behaviour::PortForward
        | Behaviour::Names
        | Behaviour::Tunnel
        | Behaviour::SshTunnel
        | Behaviour::Monitor
        | Behaviour::Exporter
        | Behaviour::Shell
        | Behaviour::Clock => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, lab};

    fn node(role: &str, services: &str) -> crate::model::Lab {
        lab(&format!(r#"(name: "x", nodes: {{"n": (role: {role}, services: {{{services}}})}})"#))
    }

    #[test]
    fn a_workload_beside_the_monitoring() {
        let code = "workload-on-monitor";
        let (watch, web) = (r#""prometheus": (kind: "prometheus")"#, r#""web": (kind: "nginx")"#);
        check(code, &node("monitor", web), &["n watches the others and also runs web"]);
        check(code, &node("app", &format!(r#"{watch}, {web}, "redis": (kind: "redis")"#)), &["n watches the others and also runs web and 1 more"]);
        check(code, &node("monitor", &format!(r#"{watch}, "garbd": (kind: "garbd"), "ssh": (kind: "sshd"), "x": (kind: "of-another-catalog")"#)), &[]);
        check(code, &node("app", web), &[]);
    }
}
