//! What members of a group should have in common: the value that most have, and who differs from it.

use std::collections::BTreeMap;

/// The value that most members have (of several, the first member's) and the members that have another; `None` where all
/// agree.
pub(super) fn minority<M: Copy, V: Ord + Copy>(members: &[(M, V)]) -> Option<(V, Vec<(M, V)>)> {
    let mut counts: BTreeMap<V, usize> = BTreeMap::new();
    for (_, value) in members {
        *counts.entry(*value).or_default() += 1;
    }
    if counts.len() < 2 {
        return None;
    }
    let count = |value: &V| counts.get(value).copied().unwrap_or_default();
    let (_, common) = members.iter().rev().max_by_key(|(_, value)| count(value))?;
    Some((*common, members.iter().filter(|(_, value)| value != common).copied().collect()))
}

#[cfg(test)]
mod tests {
    use super::minority;

    #[test]
    fn who_differs() {
        assert_eq!(minority(&[("a", 1), ("b", 2), ("c", 2)]), Some((2, vec![("a", 1)])));
        assert_eq!(minority(&[("a", 1), ("b", 2)]), Some((1, vec![("b", 2)])));
        assert_eq!(minority(&[("a", 1), ("b", 1)]), None);
    }
}
