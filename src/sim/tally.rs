//! What became of requests: in total and second by second, counted alike for simulated and real nodes.
//!
//! Times are arguments, in microseconds of the lab's clock.

use super::{
    event::Cause,
    time::{MS, SECOND},
};
use crate::model::FlowId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Seconds that are kept of all requests, one result each.
const SECONDS_MAX: usize = 900;
/// Seconds that are kept of each entry.
const ENTRY_SECONDS_MAX: usize = 180;
/// No count of a world that was simulated comes near this.
const NUMBERS_MAX: u64 = 1 << 60;

/// What became of the requests that ended in one second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LoadSecond {
    /// When the second begins, in milliseconds of the world's clock.
    pub at_ms: u64,
    /// What stretch its requests came in, in milliseconds: a second, or for the first one all the time since the first request.
    pub span_ms: u64,
    /// Requests answered well.
    pub ok: u32,
    /// Requests that failed.
    pub failed: u32,
    /// The mean time to a good answer, in milliseconds.
    pub latency_ms: f32,
    /// The longest time to a good answer, in milliseconds.
    pub latency_ms_max: f32,
    /// The longest time without a good answer that ended in this second, in milliseconds.
    pub longest_gap_ms: u64,
}

/// What became of all requests since the load was set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadTotals {
    /// Requests that came in.
    pub sent: u64,
    /// Requests answered well.
    pub ok: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Requests still under way: always `sent - ok - failed`.
    pub in_flight: u64,
    /// The longest time without a good answer while requests came in, in milliseconds; one that is not over counts so far. Of several
    /// entries, that of the entry with the longest.
    pub longest_gap_ms: u64,
    /// The sum of the times to good answers, in microseconds.
    #[serde(default)]
    pub latency_us: u64,
    /// The longest time to a good answer, in microseconds.
    #[serde(default)]
    pub latency_us_max: u64,
    /// Failed requests by their cause.
    pub causes: BTreeMap<Cause, u64>,
}

impl LoadTotals {
    /// The mean time to a good answer, in milliseconds; `None`: there was none.
    pub fn latency_ms(&self) -> Option<f32> {
        (self.ok > 0).then(|| ms(self.latency_us / self.ok))
    }

    /// The longest time to a good answer, in milliseconds; `None`: there was none.
    pub fn latency_ms_max(&self) -> Option<f32> {
        (self.ok > 0).then(|| ms(self.latency_us_max))
    }

    /// What was counted since an earlier count of the same requests. Its gap is what this count has.
    #[must_use]
    pub fn since(mut self, before: &Self) -> Self {
        self.ok = self.ok.saturating_sub(before.ok);
        self.failed = self.failed.saturating_sub(before.failed);
        self.sent = self.ok + self.failed + self.in_flight;
        self.latency_us = self.latency_us.saturating_sub(before.latency_us);
        for (cause, count) in &before.causes {
            let left = self.causes.get(cause).copied().unwrap_or(0).saturating_sub(*count);
            if left == 0 {
                self.causes.remove(cause)
            } else {
                self.causes.insert(*cause, left)
            };
        }
        self
    }
}

/// The requests that come in by one flow.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryLoad {
    /// The flow.
    pub id: FlowId,
    /// All of them.
    pub totals: LoadTotals,
    /// The time since the first request that came in after the last good answer, in milliseconds: a gap that is not over.
    pub open_gap_ms: u64,
    /// One result each second, oldest first; at most three minutes.
    pub seconds: Vec<LoadSecond>,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Second {
    number: u64,
    /// When the first request came in, in the first second that any ended in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_us: Option<u64>,
    ok: u32,
    failed: u32,
    latency_us: u64,
    latency_us_max: u64,
    #[serde(default)]
    gap_us: u64,
}

/// A count that goes on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Tally {
    totals: LoadTotals,
    /// When the first request came in since the count began.
    #[serde(default)]
    first_us: Option<u64>,
    /// When the first request came in since the last good answer. No time in which nothing is asked is a gap.
    #[serde(default)]
    waiting_since_us: Option<u64>,
    seconds: VecDeque<Second>,
}

impl Tally {
    /// Begins again. Requests that are under way are counted when they end.
    pub fn reset(&mut self) {
        let in_flight = self.totals.in_flight;
        self.totals = LoadTotals { sent: in_flight, in_flight, ..LoadTotals::default() };
        self.first_us = None;
        self.waiting_since_us = None;
    }

    /// A request comes in.
    pub fn arrived(&mut self, now_us: u64) {
        self.totals.sent += 1;
        self.totals.in_flight += 1;
        self.first_us.get_or_insert(now_us);
        self.waiting_since_us.get_or_insert(now_us);
    }

    /// A request of an entry has ended, with the time to its good answer or the cause of its failure. Gives the gap that it ends, in
    /// microseconds.
    pub fn ended(&mut self, now_us: u64, result: Result<u64, Cause>) -> u64 {
        // At least as long as its answer took.
        let gap_us = match result {
            Ok(latency_us) => self.waiting_since_us.take().map_or(0, |since_us| now_us.saturating_sub(since_us).max(latency_us)),
            Err(_) => 0,
        };
        self.count(now_us, result, gap_us, ENTRY_SECONDS_MAX);
        gap_us
    }

    /// A request of one of several entries has ended, and with it a gap of that entry.
    pub fn ended_with_gap(&mut self, now_us: u64, result: Result<u64, Cause>, gap_us: u64) {
        self.count(now_us, result, gap_us, SECONDS_MAX);
    }

    fn count(&mut self, now_us: u64, result: Result<u64, Cause>, gap_us: u64, seconds_max: usize) {
        let number = now_us / SECOND;
        if self.seconds.back().is_none_or(|second| second.number < number) {
            let first_us = self.first_us.filter(|_| self.totals.ok + self.totals.failed == 0);
            self.seconds.push_back(Second { number, first_us, ..Second::default() });
            if self.seconds.len() > seconds_max {
                self.seconds.pop_front();
            }
        }
        let Some(second) = self.seconds.back_mut() else { return };
        match result {
            Ok(latency_us) => {
                second.ok += 1;
                second.latency_us = second.latency_us.saturating_add(latency_us);
                second.latency_us_max = second.latency_us_max.max(latency_us);
                self.totals.ok += 1;
                self.totals.latency_us = self.totals.latency_us.saturating_add(latency_us);
                self.totals.latency_us_max = self.totals.latency_us_max.max(latency_us);
                second.gap_us = second.gap_us.max(gap_us);
                self.totals.longest_gap_ms = self.totals.longest_gap_ms.max(gap_us / MS);
            }
            Err(cause) => {
                second.failed += 1;
                self.totals.failed += 1;
                *self.totals.causes.entry(cause).or_default() += 1;
            }
        }
        self.totals.in_flight = self.totals.in_flight.saturating_sub(1);
    }

    /// The time since the first request that came in after the last good answer, in microseconds.
    pub fn open_gap_us(&self, now_us: u64) -> u64 {
        self.waiting_since_us.map_or(0, |since_us| now_us.saturating_sub(since_us))
    }

    /// The mean time to a good answer of those that came since this time, in microseconds; `None`: there was none.
    pub(super) fn latency_since_us(&self, since_us: u64) -> Option<u64> {
        let late = self.seconds.iter().filter(|second| second.number >= since_us / SECOND);
        let (ok, latency_us) = late.fold((0, 0), |(ok, us), second| (ok + u64::from(second.ok), us + second.latency_us));
        latency_us.checked_div(ok)
    }

    /// All of them so far.
    pub fn totals(&self) -> &LoadTotals {
        &self.totals
    }

    /// The requests of an entry so far, where a gap that is not over at this time counts; `None`: none come in any more. `shown_ms` tells
    /// what the lab's clock shows at a time.
    pub fn seen(&self, id: &FlowId, now_us: Option<u64>, shown_ms: impl Fn(u64) -> u64) -> EntryLoad {
        let open_gap_ms = now_us.map_or(0, |now_us| self.open_gap_us(now_us)) / MS;
        let longest_gap_ms = self.totals.longest_gap_ms.max(open_gap_ms);
        let totals = LoadTotals { longest_gap_ms, ..self.totals.clone() };
        EntryLoad { id: id.clone(), totals, open_gap_ms, seconds: self.seconds(shown_ms) }
    }

    /// What became of the requests of the last seconds, oldest first; `shown_ms` tells what the lab's clock shows at a time. Seconds in
    /// which none ended are left out.
    pub fn seconds(&self, shown_ms: impl Fn(u64) -> u64) -> Vec<LoadSecond> {
        let seen = |second: &Second| LoadSecond {
            at_ms: shown_ms(second.number * SECOND),
            span_ms: second.first_us.map_or(SECOND, |first_us| ((second.number + 1) * SECOND).saturating_sub(first_us)).max(MS) / MS,
            ok: second.ok,
            failed: second.failed,
            latency_ms: ms(second.latency_us / u64::from(second.ok.max(1))),
            latency_ms_max: ms(second.latency_us_max),
            longest_gap_ms: second.gap_us / MS,
        };
        self.seconds.iter().map(seen).collect()
    }

    pub(super) fn is_sound(&self) -> bool {
        let LoadTotals { sent, ok, failed, in_flight, .. } = self.totals;
        sent < NUMBERS_MAX && in_flight.checked_add(ok).and_then(|sum| sum.checked_add(failed)) == Some(sent)
    }
}

fn ms(us: u64) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "latencies are shown to a tenth of a millisecond")]
    let ms = us as f32 / MS as f32;
    ms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longest_gap_ms(tally: &Tally, now_us: u64) -> u64 {
        tally.seen(&"outside -> a/web".parse().unwrap(), Some(now_us), |us| us / MS).totals.longest_gap_ms
    }

    #[test]
    fn a_gap_is_the_time_in_which_requests_wait_for_a_good_answer() {
        let mut tally = Tally::default();
        for second in 0..5 {
            tally.arrived(second * SECOND);
            assert_eq!(tally.ended(second * SECOND + 4 * MS, Ok(4 * MS)), 4 * MS);
        }
        assert_eq!(longest_gap_ms(&tally, 60 * SECOND), 4, "nothing is asked, so nothing is missed");
        for second in 60..64 {
            tally.arrived(second * SECOND);
            tally.ended(second * SECOND, Err(Cause::Refused));
        }
        assert_eq!(longest_gap_ms(&tally, 64 * SECOND), 4000, "a gap that is not over counts so far");
        tally.arrived(64 * SECOND);
        assert_eq!(tally.ended(65 * SECOND, Ok(SECOND)), 5 * SECOND);
        assert_eq!((tally.totals().longest_gap_ms, tally.totals().latency_ms_max()), (5000, Some(1000.0)));
    }

    #[test]
    fn a_gap_without_any_good_answer_is_the_whole_time() {
        let mut tally = Tally::default();
        tally.arrived(SECOND);
        tally.ended(5 * SECOND, Err(Cause::Timeout));
        assert_eq!(longest_gap_ms(&tally, 9 * SECOND), 8000);
        assert_eq!(tally.totals().latency_ms(), None);
    }

    #[test]
    fn what_ended_is_counted_by_the_second() {
        let mut tally = Tally::default();
        (0..3).for_each(|_| tally.arrived(100 * MS));
        tally.ended(900 * MS, Ok(5 * MS));
        tally.ended(1900 * MS, Ok(7 * MS));
        let before = tally.totals().clone();
        tally.ended(1950 * MS, Err(Cause::Timeout));
        let seconds = tally.seconds(|us| us / MS);
        let seconds: Vec<_> = seconds.iter().map(|second| (second.at_ms, second.span_ms, second.ok, second.failed)).collect();
        assert_eq!(seconds, [(0, 900, 1, 0), (1000, 1000, 1, 1)], "the first second of the load begins with its first request");
        let totals = tally.totals();
        assert_eq!((totals.sent, totals.ok, totals.failed, totals.in_flight), (3, 2, 1, 0));
        let later = totals.clone().since(&before);
        assert_eq!((later.ok, later.failed, later.causes.get(&Cause::Timeout)), (0, 1, Some(&1)));
    }
}
