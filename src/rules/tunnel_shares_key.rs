//! Both ends of a WireGuard tunnel have the same private key.
//!
//! ## Why
//! A private key is what one end has and the other does not. WireGuard ignores a peer whose public key is its own, without a word: the
//! tunnel comes up at both ends and carries nothing.
//!
//! A named secret is one secret wherever it is named.
//!
//! ## Example
//! ```ron
//! "wg": (kind: "wireguard", cluster: "sites", secrets: {"key": "tunnel-key"})
//! ```
//! on both gateways.
//!
//! ## Do this instead
//! Leave the key out: each end gets one of its own. Or give each end another name.

use super::{Facts, Report, offer};
use crate::catalog::{Behaviour, SettingType};
use crate::model::{ClusterName, SecretName, ServiceRef, Subject};
use std::collections::BTreeMap;

pub(super) fn check(facts: &Facts<'_>, name: &ClusterName, report: &mut Report) {
    let mut ends: BTreeMap<(&str, &SecretName), Vec<&ServiceRef>> = BTreeMap::new();
    for (at, service) in facts.members(name) {
        let Some(entry) = facts.entry(service).filter(|entry| entry.behaviour == Behaviour::Tunnel) else { continue };
        for setting in entry.settings.iter().filter(|setting| setting.takes == SettingType::Secret) {
            if let Some(secret) = service.secrets.get(&setting.name) {
                ends.entry((&setting.name, secret)).or_default().push(at);
            }
        }
    }
    for ((setting, secret), ends) in ends.into_iter().filter(|(_, ends)| ends.len() > 1) {
        let message = format!("{} have the same {setting}, {secret}: WireGuard ignores a peer that has its own", offer::row(&ends));
        let found = report.add(Subject::Cluster(name.clone()), message);
        let found = found.involving_all(ends.iter().map(|at| Subject::Service((*at).clone())));
        if ends.len() > offer::ENTRIES_MAX {
            continue;
        }
        let own = ends.iter().filter_map(|at| Some((at, facts.lab.service(at)?))).flat_map(|(at, service)| {
            offer::service(&at.node, &at.service, service, |service| drop(service.secrets.remove(setting)))
        });
        found.fix(format!("Give each a {setting} of its own"), own.collect());
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn one_key_for_both_ends() {
        let code = "tunnel-shares-key";
        let ends = |one: &str, other: &str| {
            lab(&format!(
                r#"(name: "x", nodes: {{
                    "a": (role: gateway, services: {{"wg": (kind: "wireguard", cluster: "sites"{one})}}),
                    "b": (role: gateway, services: {{"wg": (kind: "wireguard", cluster: "sites"{other})}}),
                }})"#
            ))
        };
        let key = |name: &str| format!(r#", secrets: {{"key": "{name}"}}"#);
        let shared = ends(&key("tunnel"), &key("tunnel"));
        check(code, &shared, &["a/wg and b/wg have the same key, tunnel: WireGuard ignores a peer that has its own"]);
        assert_eq!(fixes(code, &shared), ["Give each a key of its own"]);
        check(code, &ends(&key("tunnel-a"), &key("tunnel-b")), &[]);
        check(code, &ends(&key("tunnel"), ""), &[]);
        check(code, &ends("", ""), &[]);
    }
}
