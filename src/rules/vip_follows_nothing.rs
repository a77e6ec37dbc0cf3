//! A VIP follows no service, although all that may hold it have one.
//!
//! ## Why
//! VRRP elects by advertisements and knows no services (RFC 5798, section 6.4): a node whose database is dead goes on
//! advertising, and keeps the address. What must be well where the address is has to be named, so that it is checked
//! (keepalived.conf(5), `track_script`).
//!
//! ## Example
//! `database` may be held by `db1` and `db2`, both with the service `galera`, and has no `follows`.
//!
//! ## Do this instead
//! ```ron
//! follows: "galera"
//! ```

use super::{Facts, Report, offer};
use crate::catalog::Audience;
use crate::model::{ServiceName, Subject, Vip, VipName};

pub(super) fn check(facts: &Facts<'_>, name: &VipName, vip: &Vip, report: &mut Report) {
    if vip.follows.is_some() {
        return;
    }
    let mut holders = vip.holders.iter().filter_map(|holder| facts.lab.nodes.get(&holder.node));
    let Some(first) = holders.next() else { return };
    let rest: Vec<_> = holders.collect();
    // Every node has ssh and a clock: only what clients ask may be meant.
    let is_asked = |service: &crate::model::Service| {
        facts.entry(service).and_then(|entry| entry.ports.first()).is_some_and(|port| port.audience == Audience::Clients)
    };
    let shared = first.services.iter().filter(|(_, service)| is_asked(service)).filter(|(service_name, service)| {
        rest.iter().all(|node| node.services.get(*service_name).is_some_and(|there| there.kind == service.kind))
    });
    let shared: Vec<&ServiceName> = shared.map(|(name, _)| name).collect();
    if shared.is_empty() {
        return;
    }
    let message = format!("{name} follows no service: it stays on a node whose {} is dead", offer::row(&shared));
    let mut found = report.add(Subject::Vip(name.clone()), message);
    for service in shared {
        found = found.fix(format!("Follow {service}"), offer::vip(name, vip, |vip| vip.follows = Some(service.clone())));
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn a_vip_that_follows_nothing() {
        let code = "vip-follows-nothing";
        let held = |services: &str, follows: &str| {
            lab(&format!(
                r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                    "db1": (role: database, adapters: [(network: "lan", address: "10.1.0.10")], services: {{"db": (kind: "mariadb"), "ssh": (kind: "sshd")}}),
                    "db2": (role: database, adapters: [(network: "lan", address: "10.1.0.11")], services: {{{services}}}),
                }}, vips: {{"v": (address: "10.1.0.30", network: "lan", id: 51{follows}, holders: [(node: "db1", priority: 110), (node: "db2", priority: 100)])}})"#
            ))
        };
        let both = r#""db": (kind: "mariadb"), "ssh": (kind: "sshd")"#;
        check(code, &held(both, ""), &["v follows no service: it stays on a node whose db is dead"]);
        assert_eq!(fixes(code, &held(both, "")), ["Follow db"]);
        check(code, &held(both, r#", follows: "db""#), &[]);
        check(code, &held(r#""ssh": (kind: "sshd")"#, ""), &[]);
    }
}
