//! Two nodes may hold a VIP with the same priority.
//!
//! ## Why
//! Of two holders with one priority the higher address wins (RFC 5798, section 6.4.3), which cannot be read off the
//! drawing; and while both believe that they hold it, neither gives way at once.
//!
//! ## Example
//! `db1` and `db2` may both hold `database` with priority 100.
//!
//! ## Do this instead
//! Give each a priority of its own, the highest to the one that should hold it first.

use super::{Facts, Report, offer};
use crate::model::{Edit, Subject, Vip, VipName};

/// The priority of the last holder, and how far apart holders are, where this rule chooses them.
const LAST: u8 = 100;
const STEP: u8 = 10;

pub(super) fn check(_: &Facts<'_>, name: &VipName, vip: &Vip, report: &mut Report) {
    let alike = vip.holders.iter().find_map(|one| {
        let same: Vec<_> = vip.holders.iter().filter(|other| other.priority == one.priority).collect();
        same.iter().any(|other| other.node != one.node).then_some(same)
    });
    let Some(alike) = alike else { return };
    let priority = alike.first().map_or(0, |holder| holder.priority);
    let nodes = || alike.iter().map(|holder| &holder.node);
    let mut found =
        report.add(Subject::Vip(name.clone()), format!("{} may hold {name} with the same priority, {priority}", offer::row(nodes())));
    for node in nodes() {
        found = found.involving(Subject::Node(node.clone()));
    }
    if let Some((title, to)) = spread(vip) {
        found.fix(title, vec![Edit::Vip { name: name.clone(), at: None, to: Some(to) }]);
    }
}

/// The VIP with a priority of its own for each holder, in the order that they have now.
fn spread(vip: &Vip) -> Option<(String, Vip)> {
    let mut to = vip.clone();
    let mut order: Vec<usize> = (0..to.holders.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse(vip.holders.get(*place).map(|holder| holder.priority)));
    let (top, step) = if order.len() <= 15 { (usize::from(LAST) + usize::from(STEP) * (order.len() - 1), usize::from(STEP)) } else { (254, 1) };
    let mut priorities = Vec::new();
    for (rank, place) in order.into_iter().enumerate() {
        let priority = u8::try_from(top.checked_sub(rank * step)?).ok().filter(|priority| *priority > 0)?;
        to.holders.get_mut(place)?.priority = priority;
        priorities.push(priority);
    }
    let word = if priorities.len() > 2 { "priorities" } else { "priority" };
    Some((format!("Use {word} {}", offer::row(&priorities)), to))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn one_priority_for_two() {
        let held = |one: u8, other: u8| {
            lab(&format!(
                r#"(name: "x", networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                    "db1": (role: database, adapters: [(network: "lan", address: "10.1.0.10")]),
                    "db2": (role: database, adapters: [(network: "lan", address: "10.1.0.11")]),
                }}, vips: {{"v": (address: "10.1.0.30", network: "lan", id: 51, holders: [(node: "db1", priority: {one}), (node: "db2", priority: {other})])}})"#
            ))
        };
        check("vip-equal-priorities", &held(100, 100), &["db1 and db2 may hold v with the same priority, 100"]);
        assert_eq!(fixes("vip-equal-priorities", &held(100, 100)), ["Use priority 110 and 100"]);
        check("vip-equal-priorities", &held(101, 100), &[]);
    }
}
