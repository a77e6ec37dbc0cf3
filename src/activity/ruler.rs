//! The failover ruler: how long requests from outside had no good answer after a fault, and how a VIP moved meanwhile. Simulated and real
//! nodes are measured by this one; it only receives moments and the ends of requests.
//!
//! Times are microseconds of the lab's clock, which a deployment does not move on; what is shown are its milliseconds.

use crate::model::{EntryOutage, FailoverRuler, FlowId, MoveCause, NodeName, RequestOutage, VipName};
use serde::{Deserialize, Serialize};

/// How long after the first good request those that were under way before are still counted, in microseconds.
const SETTLE_US: u64 = 4_000_000;
/// How long every entry must have had good answers only until all count as answered again, in microseconds.
const CALM_US: u64 = 1_000_000;
const MS: u64 = 1000;

/// A moment, as the ruler counts and as it is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// In microseconds.
    pub us: u64,
    /// In milliseconds of the lab's clock.
    pub shown_ms: u64,
}

/// The end of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// When it came in, in microseconds.
    pub began_us: u64,
    /// Whether it was answered well.
    pub is_good: bool,
    /// The time without a good answer that it ends at its entry, in microseconds.
    pub gap_us: u64,
    /// Whether the new holder of the VIP that moved last took part in its answer.
    pub by_new_holder: bool,
}

/// Every entry, in the contract's order, with the time since the first request that came in after its last good answer, in microseconds.
pub type OpenGaps<'a> = &'a dyn Fn() -> Vec<(FlowId, u64)>;

/// What is counted of one entry.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Count {
    requests: u64,
    failed: u64,
    gap_us: u64,
    /// The first good answer after the last failure.
    good_since_us: Option<u64>,
}

/// The requests since a moment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Counts {
    since: Moment,
    /// Sorted by flow.
    entries: Vec<(FlowId, Count)>,
    /// From when on no more are counted, but for those under way.
    over_us: Option<u64>,
}

impl Counts {
    fn since(since: Moment) -> Self {
        Self { since, ..Self::default() }
    }

    fn add(&mut self, entry: &FlowId, ended: &Ended, now_us: u64) {
        let place = match self.entries.binary_search_by(|(id, _)| id.cmp(entry)) {
            Ok(place) => place,
            Err(place) => {
                self.entries.insert(place, (entry.clone(), Count::default()));
                place
            }
        };
        let Some((_, count)) = self.entries.get_mut(place) else { return };
        count.requests += 1;
        count.failed += u64::from(!ended.is_good);
        count.gap_us = count.gap_us.max(ended.gap_us.min(now_us.saturating_sub(self.since.us)));
        count.good_since_us = if ended.is_good { count.good_since_us.or(Some(now_us)) } else { None };
    }

    fn of(&self, entry: &FlowId) -> Option<&Count> {
        let place = self.entries.binary_search_by(|(id, _)| id.cmp(entry)).ok()?;
        self.entries.get(place).map(|(_, count)| count)
    }

    fn sum(&self, of: impl Fn(&Count) -> u64) -> u64 {
        self.entries.iter().map(|(_, count)| of(count)).sum()
    }

    /// The counts of all entries, in their order; gaps that are not over count while requests are counted.
    fn outages(&self, now_us: u64, open: OpenGaps<'_>) -> Vec<EntryOutage> {
        let outage = |(id, open_us): (FlowId, u64)| {
            let count = self.of(&id).cloned().unwrap_or_default();
            let open_us = if self.over_us.is_none() { open_us.min(now_us.saturating_sub(self.since.us)) } else { 0 };
            let longest_gap_ms = count.gap_us.max(open_us) / MS;
            EntryOutage { id, requests: count.requests, failed_requests: count.failed, longest_gap_ms }
        };
        open().into_iter().map(outage).collect()
    }

    /// Ends the count: gaps that are not over count as they are now.
    fn end(&mut self, now_us: u64, open: OpenGaps<'_>) {
        self.over_us = Some(now_us);
        for (id, open_us) in open() {
            if let Some((_, count)) = self.entries.iter_mut().find(|(known, _)| *known == id) {
                count.gap_us = count.gap_us.max(open_us.min(now_us.saturating_sub(self.since.us)));
            }
        }
    }

    /// Since when every entry that failed has had good answers only, if that is long enough ago.
    fn answered_since_us(&self, now_us: u64, open: OpenGaps<'_>) -> Option<u64> {
        let mut since_us = None;
        for (_, count) in self.entries.iter().filter(|(_, count)| count.failed > 0) {
            let good_us = count.good_since_us.filter(|good_us| good_us + CALM_US <= now_us)?;
            since_us = since_us.max(Some(good_us));
        }
        // An entry where requests wait may be about to fail.
        since_us.filter(|_| open().iter().all(|(_, open_us)| *open_us <= CALM_US))
    }
}

/// A VIP that moved.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Move {
    vip: VipName,
    from: Option<NodeName>,
    to: NodeName,
    detected_ms: u64,
    elected_ms: u64,
    first_good_ms: Option<u64>,
}

/// What is measured from the last fault or heal on.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Moving {
    cause: MoveCause,
    counts: Counts,
    detected: Option<(VipName, u64)>,
    to: Option<Move>,
}

/// The ruler of one lab.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Ruler {
    #[serde(default)]
    moving: Option<Moving>,
    /// What is counted from the last fault on; a heal does not end it.
    #[serde(default)]
    outage: Option<Counts>,
    #[serde(default)]
    answered_us: Option<u64>,
    /// The last move before the last fault or heal.
    #[serde(default)]
    last: Option<FailoverRuler>,
}

impl Ruler {
    /// A fault was injected or healed: what moves from now on, moves because of it.
    pub fn mark(&mut self, cause: MoveCause, now: Moment, open: OpenGaps<'_>) {
        self.last = self.failover(now.us, open);
        self.moving = Some(Moving { cause, counts: Counts::since(now), detected: None, to: None });
        if cause == MoveCause::Fault {
            self.outage = Some(Counts::since(now));
            self.answered_us = None;
        }
    }

    /// Something noticed that a VIP must move.
    pub fn noticed(&mut self, vip: &VipName, now: Moment) {
        let Some(moving) = &mut self.moving else { return };
        if moving.detected.as_ref().is_none_or(|(known, _)| known != vip) {
            moving.detected = Some((vip.clone(), now.shown_ms));
        }
    }

    /// A node took a VIP from another, or from nobody. Without a fault or a heal before, there is nothing to measure from.
    pub fn taken(&mut self, vip: &VipName, from: Option<NodeName>, to: &NodeName, now: Moment) {
        let Some(moving) = &mut self.moving else { return };
        let detected = moving.detected.take().filter(|(known, _)| known == vip);
        moving.to = Some(Move {
            vip: vip.clone(),
            from,
            to: to.clone(),
            detected_ms: detected.map_or(now.shown_ms, |(_, at_ms)| at_ms),
            elected_ms: now.shown_ms,
            first_good_ms: None,
        });
    }

    /// A request has ended now.
    pub fn ended(&mut self, entry: &FlowId, ended: &Ended, now: Moment, open: OpenGaps<'_>) {
        if let Some(moving) = &mut self.moving {
            moving.ended(entry, ended, now, open);
        }
        let Some(outage) = self.outage.as_mut().filter(|outage| outage.over_us.is_none() && ended.began_us >= outage.since.us) else {
            return;
        };
        outage.add(entry, ended, now.us);
        if let Some(since_us) = outage.answered_since_us(now.us, open) {
            self.answered_us = Some(since_us);
            outage.end(now.us, open);
        }
    }

    /// Whether a request that ends now may count.
    pub fn counts(&self, now_us: u64) -> bool {
        let is_open = |counts: &Counts, settle_us| counts.over_us.is_none_or(|over_us| now_us <= over_us + settle_us);
        self.moving.as_ref().is_some_and(|moving| is_open(&moving.counts, SETTLE_US))
            || self.outage.as_ref().is_some_and(|outage| is_open(outage, 0))
    }

    /// The last move of a VIP; `None`: none moved yet.
    pub fn failover(&self, now_us: u64, open: OpenGaps<'_>) -> Option<FailoverRuler> {
        let Some((moving, to)) = self.moving.as_ref().and_then(|moving| Some((moving, moving.to.clone()?))) else {
            return self.last.clone();
        };
        Some(FailoverRuler {
            vip: to.vip,
            from: to.from,
            to: to.to,
            cause: moving.cause,
            fault_at_ms: moving.counts.since.shown_ms,
            detected_at_ms: to.detected_ms,
            elected_at_ms: to.elected_ms,
            first_good_at_ms: to.first_good_ms,
            failed_requests: moving.counts.sum(|count| count.failed),
            requests: moving.counts.sum(|count| count.requests),
            entries: moving.counts.outages(now_us, open),
        })
    }

    /// What became of requests since the last fault; `None`: nothing was broken yet.
    pub fn outage(&self, now_us: u64, open: OpenGaps<'_>) -> Option<RequestOutage> {
        let counts = self.outage.as_ref()?;
        Some(RequestOutage {
            fault_at_ms: counts.since.shown_ms,
            requests: counts.sum(|count| count.requests),
            failed_requests: counts.sum(|count| count.failed),
            answered_after_ms: self.answered_us.map(|at_us| at_us.saturating_sub(counts.since.us) / MS),
            entries: counts.outages(now_us, open),
        })
    }
}

impl Moving {
    fn ended(&mut self, entry: &FlowId, ended: &Ended, now: Moment, open: OpenGaps<'_>) {
        let is_late = |over_us| ended.began_us > over_us || now.us > over_us + SETTLE_US;
        if ended.began_us < self.counts.since.us || self.counts.over_us.is_some_and(is_late) {
            return;
        }
        self.counts.add(entry, ended, now.us);
        if let Some(to) = self.to.as_mut().filter(|to| to.first_good_ms.is_none() && ended.is_good && ended.by_new_holder) {
            to.first_good_ms = Some(now.shown_ms);
            self.counts.end(now.us, open);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry that is out beside one that goes on.
    const SITE: &str = "outside -> vip:web";
    const OTHER: &str = "outside -> dir/dns";

    #[derive(Default)]
    struct Bench(Ruler);

    fn at(ms: u64) -> Moment {
        Moment { us: ms * MS, shown_ms: ms + 5 }
    }

    fn no_gaps() -> Vec<(FlowId, u64)> {
        [SITE, OTHER].map(|id| (id.parse().unwrap(), 0)).into()
    }

    impl Bench {
        fn mark(&mut self, cause: MoveCause, ms: u64) {
            self.0.mark(cause, at(ms), &no_gaps);
        }

        /// A request from one moment to another.
        fn request(&mut self, entry: &str, from_ms: u64, to_ms: u64, is_good: bool, gap_ms: u64) {
            let by_new_holder = is_good && entry == SITE;
            let ended = Ended { began_us: from_ms * MS, is_good, gap_us: gap_ms * MS, by_new_holder };
            self.0.ended(&entry.parse().unwrap(), &ended, at(to_ms), &no_gaps);
        }

        fn outage(&self, now_ms: u64) -> RequestOutage {
            self.0.outage(now_ms * MS, &no_gaps).unwrap()
        }
    }

    #[test]
    fn a_move_is_measured_from_its_fault_to_the_first_good_answer_of_the_new_holder() {
        let (vip, [db1, db2]) = ("web".parse().unwrap(), ["db1", "db2"].map(|name| name.parse::<NodeName>().unwrap()));
        let mut bench = Bench::default();
        bench.0.taken(&vip, Some(db1.clone()), &db2, at(10));
        assert_eq!(bench.0.failover(0, &no_gaps), None, "there is no fault to measure from");
        bench.mark(MoveCause::Fault, 1000);
        bench.request(SITE, 900, 1010, false, 0);
        bench.request(SITE, 1100, 1200, false, 0);
        bench.0.noticed(&vip, at(1900));
        bench.0.noticed(&vip, at(2000));
        bench.0.taken(&vip, Some(db1.clone()), &db2, at(2300));
        bench.request(OTHER, 2300, 2350, true, 50);
        bench.request(SITE, 2400, 2410, true, 1310);
        bench.request(SITE, 2405, 2900, false, 0);
        bench.request(SITE, 2500, 2950, false, 0);
        let moved = bench.0.failover(9_000_000, &no_gaps).unwrap();
        assert_eq!((moved.from, moved.to), (Some(db1), db2));
        assert_eq!((moved.fault_at_ms, moved.detected_at_ms, moved.elected_at_ms), (1005, 1905, 2305));
        assert_eq!((moved.first_good_at_ms, moved.failed_requests, moved.requests), (Some(2415), 2, 4));
        let gaps: Vec<u64> = moved.entries.iter().map(|entry| entry.longest_gap_ms).collect();
        assert_eq!(gaps, [1310, 50]);
        // A later fault that moves nothing leaves it as it was.
        bench.mark(MoveCause::Fault, 20_000);
        bench.request(SITE, 21_000, 21_010, false, 0);
        assert_eq!(bench.0.failover(30_000_000, &no_gaps).unwrap().failed_requests, 2);
    }

    #[test]
    fn an_outage_ends_when_every_entry_that_failed_is_answered_for_a_second() {
        let mut bench = Bench::default();
        bench.mark(MoveCause::Fault, 1000);
        bench.request(SITE, 1100, 1200, false, 0);
        bench.request(OTHER, 1100, 1300, false, 0);
        bench.request(OTHER, 1500, 1600, true, 500);
        bench.request(SITE, 1700, 1800, true, 700);
        assert_eq!(bench.outage(1900).answered_after_ms, None);
        // A good answer among failures is no recovery.
        bench.request(SITE, 1900, 2000, false, 0);
        bench.request(OTHER, 2900, 2950, true, 10);
        // A heal does not end it.
        bench.mark(MoveCause::Heal, 3000);
        bench.request(SITE, 3000, 3100, true, 1200);
        assert_eq!(bench.outage(3200).answered_after_ms, None);
        bench.request(SITE, 4200, 4210, true, 10);
        let outage = bench.outage(5000);
        assert_eq!((outage.fault_at_ms, outage.answered_after_ms), (1005, Some(2100)));
        assert_eq!((outage.failed_requests, outage.requests), (3, 8));
        assert_eq!(outage.entries.iter().map(|entry| entry.longest_gap_ms).collect::<Vec<_>>(), [1200, 500]);
        // What fails later is another matter.
        bench.request(SITE, 60_000, 60_010, false, 0);
        assert_eq!(bench.outage(70_000), outage);
    }

    #[test]
    fn requests_that_wait_keep_an_outage_open_and_good_ones_alone_end_nothing() {
        let mut bench = Bench::default();
        bench.mark(MoveCause::Fault, 0);
        bench.request(SITE, 100, 200, true, 10);
        bench.request(SITE, 5000, 5010, true, 10);
        assert_eq!((bench.outage(6000).answered_after_ms, bench.outage(6000).failed_requests), (None, 0));
        bench.request(OTHER, 6000, 6100, false, 0);
        bench.request(OTHER, 6200, 6300, true, 300);
        let hangs = || no_gaps().into_iter().zip([2_000_000, 0]).map(|((id, _), open_us)| (id, open_us)).collect();
        let ended = Ended { began_us: 7_300_000, is_good: true, gap_us: 10, by_new_holder: false };
        bench.0.ended(&OTHER.parse().unwrap(), &ended, at(7400), &hangs);
        let outage = bench.0.outage(7_400_000, &hangs).unwrap();
        assert_eq!((outage.answered_after_ms, outage.entries[0].longest_gap_ms), (None, 2000), "an open gap counts");
        bench.request(OTHER, 8000, 8010, true, 10);
        assert_eq!(bench.outage(9000).answered_after_ms, Some(6300));
    }
}
