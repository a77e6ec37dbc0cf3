//! Recovery of a cluster that has stopped as a whole: the member whose data goes furthest begins it anew.
//!
//! The order that worked: those that only vote are stopped, so that they do not hold on to what is no longer a cluster; each
//! member says how far its data goes; the furthest is begun as the first; the others join it; the voters come last.

use crate::model::ServiceRef;

/// How far a member's data goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The member.
    pub at: ServiceRef,
    /// How far: more is further; below zero: it does not know.
    pub position: i64,
}

/// The members in the order in which they are started: the furthest first, equals as they come.
pub fn order(mut positions: Vec<Position>) -> Vec<ServiceRef> {
    positions.sort_by_key(|one| std::cmp::Reverse(one.position));
    positions.into_iter().map(|one| one.at).collect()
}

/// The number that a `position` script said.
pub fn position_of<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<i64> {
    lines.into_iter().filter_map(|line| line.strip_prefix("::value ")).last()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_furthest_begins() {
        let at = |name: &str| name.parse::<ServiceRef>().unwrap();
        let all = [("db1/galera", 41), ("db2/galera", 42), ("db3/galera", -1), ("db4/galera", 42)];
        let positions = all.map(|(name, position)| Position { at: at(name), position }).to_vec();
        assert_eq!(order(positions), [at("db2/galera"), at("db4/galera"), at("db1/galera"), at("db3/galera")]);
    }

    #[test]
    fn a_position_is_read_from_what_a_script_said() {
        assert_eq!(position_of(["noise", "::value 17", "::done same"]), Some(17));
        assert_eq!(position_of(["::value -1"]), Some(-1));
        assert_eq!(position_of(["17"]), None);
    }
}
