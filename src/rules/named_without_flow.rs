//! A setting names a service that it has no flow to.
//!
//! ## Why
//! A node's firewall lets in what is drawn and nothing else. A path that is passed to one server only, or a backup of a
//! service, needs the flow that carries it: to the service itself, or for a backup to a service of its node such as ssh.
//!
//! ## Example
//! `gate/web` has `admin_to: "editor/php"`, and flows to the other servers only; or a backup lists `db1/db`, and no flow leads
//! from it to `db1`.
//!
//! ## Do this instead
//! Draw the flow.

use super::{Facts, Report, offer};
use crate::catalog::{Behaviour, Carries, Named};
use crate::model::{Endpoint, NodeName, ServiceRef, Subject};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    for (at, service) in facts.naming() {
        let Some(entry) = facts.entry(service) else { continue };
        for reference in entry.named(service) {
            let (path, setting, named) = (reference.path(), reference.setting, reference.named.to_string());
            // What is on the same node needs no flow; what is not there is another finding.
            let (node, to, subject) = match reference.named {
                Named::Service(to) if facts.lab.service(&to).is_some() => (to.node.clone(), Some(to.clone()), Subject::Service(to)),
                Named::Node(node) if facts.lab.nodes.contains_key(&node) => (node.clone(), None, Subject::Node(node)),
                Named::Service(_) | Named::Node(_) | Named::Host(_) | Named::Subnet(_) => continue,
            };
            if setting.carries == Carries::Nothing || node == at.node {
                continue;
            }
            let from_here = |end: &Endpoint| match end {
                Endpoint::Service(from) => from == at,
                Endpoint::Node(node) => *node == at.node,
                Endpoint::Vip(_) | Endpoint::Outside => false,
            };
            let leads_there = |end: &Endpoint| match end {
                Endpoint::Service(end) => to.as_ref() == Some(end) || setting.carries == Carries::ToItsNode && end.node == node,
                Endpoint::Node(end) => *end == node,
                Endpoint::Vip(vip) => facts.lab.vips.get(vip).is_some_and(|vip| {
                    vip.follows.as_ref() == to.as_ref().map(|to| &to.service) && vip.holders.iter().any(|holder| holder.node == node)
                }),
                Endpoint::Outside => false,
            };
            if facts.flows_of(&at.node).any(|(_, flow)| from_here(&flow.from) && leads_there(&flow.to)) {
                continue;
            }
            let target = if setting.carries == Carries::ToItsNode { shell(facts, &node) } else { to };
            let lacks = match setting.carries {
                Carries::ToItsNode => format!("to a service of {node}"),
                Carries::ToIt | Carries::Nothing => "to it".to_owned(),
            };
            let found = report
                .add(Subject::Service(at.clone()), format!("{at} names {named} in {}, and no flow leads from it {lacks}", setting.name))
                .within(path)
                .involving(subject);
            if let Some(target) = target {
                found.fix(format!("Draw a flow to {target}"), offer::flow(facts, at, &target));
            }
        }
    }
}

/// What lets in on a node.
fn shell(facts: &Facts<'_>, node: &NodeName) -> Option<ServiceRef> {
    let services = &facts.lab.nodes.get(node)?.services;
    let (shell, _) = services.iter().find(|(_, service)| facts.behaviour(service) == Some(Behaviour::Shell))?;
    Some(ServiceRef { node: node.clone(), service: shell.clone() })
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    const CODE: &str = "named-without-flow";

    fn press(service: &str, flows: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                "gate": (role: balancer, adapters: [(network: "lan", address: "10.1.0.10")], services: {{"s": ({service})}}),
                "editor": (role: app, adapters: [(network: "lan", address: "10.1.0.11")], services: {{"php": (kind: "apache"), "ssh": (kind: "sshd")}}),
            }}, flows: [{flows}])"#
        ))
    }

    #[test]
    fn a_path_needs_its_flow() {
        let web = r#"kind: "nginx", settings: {"admin_path": "/office", "admin_to": "editor/php"}"#;
        check(CODE, &press(web, ""), &["gate/s names editor/php in admin_to, and no flow leads from it to it"]);
        assert_eq!(fixes(CODE, &press(web, "")), ["Draw a flow to editor/php"]);
        check(CODE, &press(web, r#"(from: "gate/s", to: "editor/php")"#), &[]);
        check(CODE, &press(web, r#"(from: "gate/s", to: "editor/ssh")"#), &["gate/s names editor/php in admin_to, and no flow leads from it to it"]);
    }

    #[test]
    fn a_backup_needs_a_way() {
        let backup = r#"kind: "rsync-backup", settings: {"services": ["editor/php"]}"#;
        check(CODE, &press(backup, ""), &["gate/s names editor/php in services, and no flow leads from it to a service of editor"]);
        assert_eq!(fixes(CODE, &press(backup, "")), ["Draw a flow to editor/ssh"]);
        for to in ["editor/ssh", "editor/php", "editor"] {
            check(CODE, &press(backup, &format!(r#"(from: "gate/s", to: "{to}")"#)), &[]);
        }
    }
}
