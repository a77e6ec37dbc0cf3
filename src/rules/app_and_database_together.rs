//! One node runs the application and keeps its data.
//!
//! ## Why
//! An application node is open to those who use it, a database node to the application alone: on one machine the data is
//! as open as the application. They fight for the same memory, fail together, and cannot be multiplied apart.
//!
//! A node's role counts as much as what runs on it: a database on a node drawn as `app` is this mistake too, and so is an
//! application on a node drawn as `database`. Caches and arbitrators may stand beside the application.
//!
//! ## Example
//! ```ron
//! "app1": (role: app, services: {"web": (kind: "nginx"), "db": (kind: "mariadb", bind: loopback)})
//! ```
//!
//! ## Do this instead
//! Give the data a node of its own, on an inner network, with a flow from the application to it.

use super::{Facts, Report, exposure};
use crate::catalog::Behaviour;
use crate::model::{Edit, Node, NodeName, Role, ServiceName, Subject};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    let first = |wanted: &dyn Fn(Behaviour) -> bool| -> Option<&ServiceName> {
        node.services.iter().find(|(_, service)| facts.behaviour(service).is_some_and(wanted)).map(|(name, _)| name)
    };
    let app = first(&|behaviour| matches!(behaviour, Behaviour::App | Behaviour::Web | Behaviour::Balancer));
    let database = first(&|behaviour| matches!(behaviour, Behaviour::Database | Behaviour::Galera));
    let (message, better) = match (app, database) {
        (Some(app), Some(database)) => (format!("{name} runs {app} and keeps the data of {database}"), None),
        (None, Some(database)) if node.role == Role::App => {
            (format!("{name} is an application node and keeps the data of {database}"), Some(Role::Database))
        }
        (Some(app), None) if node.role == Role::Database => (format!("{name} is a database node and runs {app}"), Some(Role::App)),
        _ => return,
    };
    let mut found = report.add(Subject::Node(name.clone()), message);
    for service in app.into_iter().chain(database) {
        found = found.involving(exposure::subject(name, service));
    }
    if let Some(role) = better {
        let to = Node { role, ..node.clone() };
        found.fix(format!("Make {name} a node for {}", role.title()), vec![Edit::Node { name: name.clone(), at: None, to: Some(Box::new(to)) }]);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn node(role: &str, services: &str) -> crate::model::Lab {
        lab(&format!(r#"(name: "x", nodes: {{"n": (role: {role}, services: {{{services}}})}})"#))
    }

    #[test]
    fn one_machine_for_both() {
        let code = "app-and-database-together";
        let (web, db) = (r#""web": (kind: "nginx")"#, r#""db": (kind: "galera", bind: loopback)"#);
        check(code, &node("worker", &format!("{web}, {db}")), &["n runs web and keeps the data of db"]);
        check(code, &node("app", db), &["n is an application node and keeps the data of db"]);
        assert_eq!(fixes(code, &node("app", db)), ["Make n a node for database"]);
        check(code, &node("database", web), &["n is a database node and runs web"]);
        check(code, &node("app", &format!(r#"{web}, "garbd": (kind: "garbd"), "redis": (kind: "redis")"#)), &[]);
        check(code, &node("database", db), &[]);
        check(code, &node("app", r#""x": (kind: "of-another-catalog")"#), &[]);
        check(code, &node("app", ""), &[]);
    }
}
