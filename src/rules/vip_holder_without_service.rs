//! A node may hold a VIP, and does not have the service that the VIP follows.
//!
//! ## Why
//! The address goes where the followed service is well. A node without it can never take over; where no holder has it,
//! no node ever holds the address.
//!
//! A holder that is not on the VIP's network is left to `vip-holder-off-network`.
//!
//! ## Example
//! `database` follows `galera`; `app1`, which has no `galera`, is one of its holders.
//!
//! ## Do this instead
//! Take the node off the holders, or follow the service that they do have.

use super::{Facts, Report, offer};
use crate::model::{Holder, Path, Subject, Vip, VipName, nearest};

pub(super) fn check(facts: &Facts<'_>, name: &VipName, vip: &Vip, report: &mut Report) {
    let Some(follows) = &vip.follows else { return };
    let has = |holder: &&Holder| facts.lab.nodes.get(&holder.node).is_none_or(|node| node.services.contains_key(follows));
    if !vip.holders.is_empty() && !vip.holders.iter().any(|holder| has(&holder)) {
        let services = vip.holders.iter().filter_map(|holder| facts.lab.nodes.get(&holder.node)).flat_map(|node| node.services.keys());
        let near = nearest(follows, &mut services.map(AsRef::as_ref));
        let hint = near.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        let found = report
            .add(Subject::Vip(name.clone()), format!("{name} follows {follows}, which none of its holders has{hint}"))
            .within(Path::root().field("follows"));
        if let Some(meant) = near.and_then(|near| near.parse().ok()) {
            found.fix(format!("Follow {meant}"), offer::vip(name, vip, |vip| vip.follows = Some(meant)));
        }
        return;
    }
    for holder in vip.holders.iter().filter(|holder| !has(holder)) {
        let on_network = facts.lab.nodes.get(&holder.node).is_some_and(|node| node.adapter_on(&vip.network).is_some());
        if !on_network {
            continue;
        }
        let (title, edits) = offer::not_holding(name, vip, &holder.node);
        report
            .add(Subject::Vip(name.clone()), format!("{} may hold {name} and has no {follows}, which {name} follows", holder.node))
            .involving(Subject::Node(holder.node.clone()))
            .fix(title, edits);
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    fn held(second: &str, follows: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                "db1": (role: database, adapters: [(network: "lan", address: "10.1.0.10")], services: {{"galera": (kind: "galera")}}),
                "db2": (role: database, adapters: [(network: "lan", address: "10.1.0.11")], services: {{{second}}}),
            }}, vips: {{"v": (address: "10.1.0.30", network: "lan", id: 51, follows: "{follows}", holders: [(node: "db1", priority: 110), (node: "db2", priority: 100)])}})"#
        ))
    }

    #[test]
    fn holders_without_what_is_followed() {
        let code = "vip-holder-without-service";
        check(code, &held("", "galera"), &["db2 may hold v and has no galera, which v follows"]);
        assert_eq!(fixes(code, &held("", "galera")), ["Take db2 off the holders"]);
        check(code, &held("", "galeras"), &["v follows galeras, which none of its holders has; did you mean galera?"]);
        check(code, &held(r#""galera": (kind: "galera")"#, "galera"), &[]);
        assert_eq!(fixes(code, &held(r#""galera": (kind: "galera")"#, "galeras")), ["Follow galera"]);
    }
}
