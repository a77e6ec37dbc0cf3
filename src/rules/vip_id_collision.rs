//! Two VIPs of one network have the same router id.
//!
//! ## Why
//! Nodes tell VIPs apart by this number alone (VRRP's virtual router id, RFC 5798). Two groups with one number hear each
//! other's advertisements as their own, and one of the two VIPs has no holder.
//!
//! ## Example
//! `web` and `database` are both on `backend` with id 51.
//!
//! ## Do this instead
//! Give each VIP of a network an id of its own, from 1 to 255.

use super::{Facts, Report};
use crate::model::{Edit, NetworkName, Subject, Vip, VipName};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let mut first: BTreeMap<(&NetworkName, u8), &VipName> = BTreeMap::new();
    let taken: BTreeSet<(&NetworkName, u8)> = facts.lab.vips.values().map(|vip| (&vip.network, vip.id)).collect();
    for (name, vip) in &facts.lab.vips {
        let Some(other) = first.get(&(&vip.network, vip.id)).copied() else {
            first.insert((&vip.network, vip.id), name);
            continue;
        };
        let found = report
            .add(Subject::Vip(name.clone()), format!("{name} and {other} both have id {} on {}", vip.id, vip.network))
            .involving(Subject::Vip(other.clone()));
        let taken = |id: &u8| taken.contains(&(&vip.network, *id));
        if let Some(id) = (vip.id..=255).chain(1..vip.id).find(|id| !taken(id)) {
            let to = Vip { id, ..vip.clone() };
            found.fix(format!("Use id {id}"), vec![Edit::Vip { name: name.clone(), at: None, to: Some(to) }]);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn one_id_for_two() {
        let vips = |network: &str, id: u8| {
            lab(&format!(
                r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24"), "back": internal(subnet: "10.2.0.0/24")}}, vips: {{
                    "a": (address: "10.1.0.30", network: "lan", id: 51), "b": (address: "10.1.0.31", network: "{network}", id: {id}),
                }})"#
            ))
        };
        check("vip-id-collision", &vips("lan", 51), &["b and a both have id 51 on lan"]);
        assert_eq!(fixes("vip-id-collision", &vips("lan", 51)), ["Use id 52"]);
        check("vip-id-collision", &vips("lan", 52), &[]);
        check("vip-id-collision", &vips("back", 51), &[]);
    }
}
