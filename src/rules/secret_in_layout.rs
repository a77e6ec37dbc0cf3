//! A layout file holds a secret.
//!
//! ## Why
//! A layout is made to be shared: it lies in git, goes out by mail, is shown on a wall. A password in it is known to
//! everyone who ever sees the file, and changing it there does not change it in the history.
//!
//! ## Example
//! ```ron
//! "db": (kind: "mariadb", settings: {"password": "hunter2"})
//! ```
//!
//! ## Do this instead
//! Name the secret and let it be made when the lab is deployed: `secrets: {"password": "db-password"}`. Services that
//! name the same secret share it.

use super::{Facts, Report, exposure};
use crate::catalog::SettingType;
use crate::model::{Endpoint, Node, NodeName, SecretName, Service, ServiceName, Value};

pub(super) fn check(facts: &Facts<'_>, name: &NodeName, node: &Node, report: &mut Report) {
    for (service_name, service) in &node.services {
        for (setting, value) in &service.settings {
            let takes = facts.entry(service).and_then(|entry| entry.setting(setting)).map(|setting| &setting.takes);
            let is_secret = takes == Some(&SettingType::Secret);
            if !is_secret && !is_private_key(value) {
                continue;
            }
            let message = format!("{name}/{service_name} holds its {setting} in the layout, for everybody to read");
            let found = report.add(exposure::subject(name, service_name), message);
            if is_secret && let Some(secret) = secret_name(name, service_name, service, setting) {
                let mut named = service.clone();
                named.settings.remove(setting);
                // Clients that name no secret of their own share the lab's.
                if !has_unnamed_client(facts, name, service_name, setting) {
                    named.secrets.insert(setting.clone(), secret);
                }
                found.fix("Have it made at deployment", vec![exposure::put(name, service_name, named)]);
            }
        }
    }
}

/// Whether a service that leads here has the setting and names no secret for it.
fn has_unnamed_client(facts: &Facts<'_>, node: &NodeName, name: &ServiceName, setting: &str) -> bool {
    let is_here = |end: &Endpoint| matches!(end, Endpoint::Service(at) if at.node == *node && at.service == *name);
    let is_unnamed = |end: &Endpoint| match end {
        Endpoint::Service(at) => facts.lab.service(at).is_some_and(|client| {
            !client.secrets.contains_key(setting) && facts.entry(client).is_some_and(|entry| entry.setting(setting).is_some())
        }),
        _ => false,
    };
    facts.flows_of(node).any(|(_, flow)| is_here(&flow.to) && is_unnamed(&flow.from))
}

/// What the secret is called: after the cluster, whose members share it, else after the service.
fn secret_name(node: &NodeName, name: &ServiceName, service: &Service, setting: &str) -> Option<SecretName> {
    let whose = service.cluster.as_ref().map_or_else(|| format!("{node}-{name}"), ToString::to_string);
    format!("{whose}-{setting}").parse().ok()
}

fn is_private_key(value: &Value) -> bool {
    matches!(value, Value::Text(text) if text.contains("PRIVATE KEY-----"))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn service(text: &str) -> crate::model::Lab {
        lab(&format!(r#"(name: "x", nodes: {{"n": (role: worker, services: {{"s": ({text})}})}})"#))
    }

    #[test]
    fn a_password_in_the_file() {
        let code = "secret-in-layout";
        let held = |what: &str| format!("n/s holds its {what} in the layout, for everybody to read");
        let password = service(r#"kind: "mariadb", settings: {"password": "hunter2"}"#);
        check(code, &password, &[&held("password")]);
        assert_eq!(fixes(code, &password), ["Have it made at deployment"]);
        check(code, &service(r#"kind: "beam", cluster: "mesh", settings: {"cookie": "monster"}"#), &[&held("cookie")]);
        check(code, &service(r#"kind: "of-another-catalog", settings: {"tls": "-----BEGIN EC PRIVATE KEY-----"}"#), &[&held("tls")]);
        check(code, &service(r#"kind: "mariadb", secrets: {"password": "db-password"}, settings: {"read_only": true}"#), &[]);
        check(code, &service(r#"kind: "of-another-catalog", settings: {"password": "file:/etc/key"}"#), &[]);
    }
}
