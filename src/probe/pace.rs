//! How fast a node reports, and therefore after which silence what it said is stale.
//!
//! A round is two seconds of pauses and what its work takes. On a slow or busy host (a guest that is emulated, for one) the work takes
//! far longer than the pauses, so a fixed age would call a node silent that has just not finished its round.

use std::collections::VecDeque;

/// The shortest age after which what a node said is stale, in milliseconds: three rounds of a node that does them in their time.
pub const STALE_MS: u64 = 6500;
/// The longest, in milliseconds: the silence after which its stream is begun anew.
const STALE_MS_MAX: u64 = 30_000;
/// A round without any work, in milliseconds.
const ROUND_MS: u64 = 2000;
/// Flows to ssh servers are tried each fifth round while nothing changes; so much older, in rounds, their answers may be.
const GREETED_ROUNDS: u64 = 8;
/// Rounds that are looked back on. Their median counts, so a node that was frozen for once is not taken for a slow one.
const MEMORY: usize = 5;

/// The last rounds of one node.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace {
    /// The number of the last round, and when it was over.
    last: Option<(u64, u64)>,
    /// What the last rounds took, in milliseconds.
    rounds_ms: VecDeque<u64>,
}

impl Pace {
    /// The stream begins anew: the rounds are counted from one again.
    pub(super) fn begin(&mut self) {
        self.last = None;
    }

    /// A round is over.
    pub(super) fn over(&mut self, round: u64, now_ms: u64) {
        if let Some((before, at_ms)) = self.last.replace((round, now_ms))
            && round > before
        {
            self.rounds_ms.push_back(now_ms.saturating_sub(at_ms) / (round - before));
            while self.rounds_ms.len() > MEMORY {
                self.rounds_ms.pop_front();
            }
        }
    }

    /// What a round takes, in milliseconds: 2000 at least.
    pub(super) fn round_ms(&self) -> u64 {
        let mut sorted: Vec<u64> = self.rounds_ms.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default().max(ROUND_MS)
    }

    /// The age after which what the node said is stale, in milliseconds.
    pub(super) fn stale_ms(&self) -> u64 {
        (self.round_ms() * STALE_MS / ROUND_MS).min(STALE_MS_MAX)
    }

    /// Likewise for its flows to ssh servers.
    pub(super) fn greeted_stale_ms(&self) -> u64 {
        self.stale_ms() + (self.round_ms() * GREETED_ROUNDS).min(4 * STALE_MS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_node_has_more_time_and_one_long_round_changes_nothing() {
        let mut pace = Pace::default();
        assert_eq!((pace.stale_ms(), pace.greeted_stale_ms()), (6500, 22_500), "nothing is known of its rounds");
        for round in 1..=6 {
            pace.over(round, round * 2100);
        }
        assert_eq!(pace.stale_ms(), 6825);
        pace.over(7, 6 * 2100 + 60_000);
        assert_eq!(pace.stale_ms(), 6825, "it was frozen for a minute");
        pace.begin();
        for round in 1..=4 {
            pace.over(round, 100_000 + round * 6000);
        }
        assert_eq!((pace.stale_ms(), pace.greeted_stale_ms()), (19_500, 67_500));
        for round in 5..=10 {
            pace.over(round, 200_000 + round * 40_000);
        }
        assert_eq!(pace.stale_ms(), 30_000);
    }
}
