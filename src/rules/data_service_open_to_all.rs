//! A service that holds data allows every client.
//!
//! ## Why
//! A database port should accept connections from the few nodes that use it, and from no others. The firewall on its
//! node is what still stands when another node of the lab is taken over.
//!
//! A flow drawn from outside straight to such a service counts too: what is drawn is let in. File servers have a rule of
//! their own, `nfs-exported-to-all`.
//!
//! ## Example
//! ```ron
//! "db": (kind: "mariadb", bind: on("backend"), allow: everyone)
//! ```
//!
//! ## Do this instead
//! Leave `allow` out: then exactly those get in that have a flow to it. Or name them: `allow: only(["app1", "app2"])`.

use super::exposure::{self, Opening};
use super::{Facts, Report};
use crate::catalog::Behaviour;
use crate::model::{Allow, Edit, ListEdit, Node, NodeName, Service};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        if !exposure::hands_out_data(facts, service) || facts.behaviour(service) == Some(Behaviour::FileServer) {
            continue;
        }
        let subject = exposure::subject(name, service_name);
        match exposure::opening(facts, name, node, service_name) {
            Some(Opening::List(whom, allow)) => {
                let title = if allow == Allow::Drawn { "Let in what is drawn" } else { "Let in the others only" };
                let edits = vec![exposure::put(name, service_name, Service { allow, ..service.clone() })];
                report.add(subject, format!("{name}/{service_name} lets in {whom}")).fix(title, edits);
            }
            Some(Opening::Flow(index)) => {
                let edits = vec![Edit::Flow { index, change: ListEdit::Remove }];
                report.add(subject, format!("a flow leads from outside straight to {name}/{service_name}")).fix("Remove the flow", edits);
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn allowing(kind: &str, allow: &str, flows: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"back": internal()}}, nodes: {{"app1": (role: app), "db1": (role: database,
                adapters: [(network: "back")], services: {{"db": (kind: "{kind}", bind: on("back"), allow: {allow})}})}}, flows: [{flows}])"#
        ))
    }

    #[test]
    fn a_database_that_lets_everybody_in() {
        let code = "data-service-open-to-all";
        check(code, &allowing("mariadb", "everyone", ""), &["db1/db lets in everyone"]);
        assert_eq!(fixes(code, &allowing("mariadb", "everyone", "")), ["Let in what is drawn"]);
        check(code, &allowing("mariadb", r#"only(["app1", "0.0.0.0/0"])"#, ""), &["db1/db lets in 0.0.0.0/0"]);
        assert_eq!(fixes(code, &allowing("mariadb", r#"only(["app1", "outside"])"#, "")), ["Let in the others only"]);
        let outside = r#"(from: "outside", to: "db1/db")"#;
        check(code, &allowing("mariadb", "drawn", outside), &["a flow leads from outside straight to db1/db"]);
        assert_eq!(fixes(code, &allowing("mariadb", "drawn", outside)), ["Remove the flow"]);
        check(code, &allowing("mariadb", "drawn", r#"(from: "app1", to: "db1/db")"#), &[]);
        check(code, &allowing("mariadb", r#"only(["app1", "network:back", "10.0.0.0/8"])"#, ""), &[]);
        check(code, &allowing("nginx", "everyone", outside), &[]);
    }
}
