//! The failover ruler: how long after a fault it was noticed, another node took over, and all requests were answered again.
//!
//! It only listens to what was observed; a part that was not seen stays empty.

use super::{LoadSample, run::SAMPLE_MS};
use crate::model::{Fault, Health, NodeName, Observed, VipName};

/// One failover, as far as it has come. Times are milliseconds after the fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Ruler {
    /// What was broken.
    pub fault: Fault,
    /// When, in milliseconds of the lab's clock.
    pub since_ms: u64,
    /// Somebody noticed: a service went bad or a VIP was left.
    pub detected_ms: Option<u64>,
    /// A VIP has its new holder.
    pub elected_ms: Option<u64>,
    /// Since when all requests are answered again: after the last that failed, or after the election.
    pub good_ms: Option<u64>,
    /// Requests that failed since.
    pub failed: u64,
    /// All requests since.
    pub requests: u64,
    /// What the simulator said that it would take until requests are good again.
    pub predicted_ms: Option<u64>,
    holders: Vec<(VipName, Vec<NodeName>)>,
    /// When the last stretch with a failed request ended, in milliseconds of the lab's clock.
    bad_until_ms: u64,
}

impl Ruler {
    /// Begins with a fault, on the lab as it was seen last.
    pub fn start(fault: Fault, since_ms: u64, before: &Observed, predicted_ms: Option<u64>) -> Self {
        let holders = before.vips.iter().map(|(name, vip)| (name.clone(), vip.holders.clone())).collect();
        Self {
            fault,
            since_ms,
            detected_ms: None,
            elected_ms: None,
            good_ms: None,
            failed: 0,
            requests: 0,
            predicted_ms,
            holders,
            bad_until_ms: since_ms,
        }
    }

    /// Whether all that can be measured is.
    pub fn is_done(&self) -> bool {
        self.good_ms.is_some()
    }

    /// A new look at the lab.
    pub fn observe(&mut self, observed: &Observed) {
        let after = |at_ms: u64| at_ms.saturating_sub(self.since_ms);
        let service_is_bad = self.fault.nodes().iter().any(|name| {
            observed
                .nodes
                .get(*name)
                .is_none_or(|node| node.health >= Health::Degraded || node.services.values().any(|service| service.health == Health::Down))
        });
        let mut moved = None;
        for (name, before) in &self.holders {
            let Some(vip) = observed.vips.get(name) else { continue };
            if vip.holders != *before {
                let at_ms = if vip.since_ms >= self.since_ms { vip.since_ms } else { observed.at_ms };
                moved = Some((after(at_ms), !vip.holders.is_empty() && vip.holders.iter().all(|holder| !before.contains(holder))));
            }
        }
        if self.detected_ms.is_none() && (service_is_bad || moved.is_some()) {
            let seen = after(observed.at_ms);
            self.detected_ms = Some(moved.map_or(seen, |(at_ms, _)| at_ms.min(seen)));
        }
        if self.elected_ms.is_none()
            && let Some((at_ms, true)) = moved
        {
            self.elected_ms = Some(at_ms);
        }
    }

    /// Requests that were made meanwhile.
    pub fn requests(&mut self, sample: &LoadSample) {
        if sample.at_ms < self.since_ms || self.is_done() {
            return;
        }
        self.requests += u64::from(sample.good) + u64::from(sample.failed);
        self.failed += u64::from(sample.failed);
        if sample.failed > 0 {
            self.bad_until_ms = sample.at_ms;
        }
        let recovered = self.failed > 0 || self.elected_ms.is_some();
        if recovered && sample.good > 0 && sample.failed == 0 {
            let began_ms = sample.at_ms.saturating_sub(SAMPLE_MS).max(self.bad_until_ms);
            self.good_ms = Some(began_ms.saturating_sub(self.since_ms));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ObservedVip;

    fn holding(holders: &[&str], since_ms: u64, at_ms: u64) -> Observed {
        let holders = holders.iter().map(|name| name.parse().unwrap()).collect();
        let vip = ObservedVip { holders, since_ms, ..ObservedVip::default() };
        Observed { at_ms, vips: [("database".parse().unwrap(), vip)].into(), ..Observed::default() }
    }

    #[test]
    fn it_measures_what_was_seen() {
        let mut ruler = Ruler::start("stop db1/galera".parse().unwrap(), 1000, &holding(&["db1"], 0, 1000), Some(2200));
        ruler.observe(&holding(&["db1"], 0, 1100));
        // db1 is not among the observed nodes: somebody noticed.
        assert_eq!(ruler.detected_ms, Some(100));
        ruler.observe(&holding(&[], 1900, 2000));
        assert_eq!(ruler.elected_ms, None);
        ruler.observe(&holding(&["db2"], 2300, 2400));
        assert_eq!(ruler.elected_ms, Some(1300));
        for (at_ms, good, failed) in [(900, 9, 9), (2000, 0, 20), (3000, 7, 13), (3400, 20, 0), (4000, 0, 5)] {
            ruler.requests(&LoadSample { at_ms, span_ms: SAMPLE_MS, good, failed });
        }
        assert_eq!((ruler.good_ms, ruler.failed, ruler.requests), (Some(2000), 33, 60));
    }

    #[test]
    fn good_requests_alone_end_nothing() {
        let mut ruler = Ruler::start("pause db2".parse().unwrap(), 0, &holding(&["db1"], 0, 0), None);
        ruler.requests(&LoadSample { at_ms: 500, span_ms: SAMPLE_MS, good: 10, failed: 0 });
        assert!(!ruler.is_done());
    }
}
