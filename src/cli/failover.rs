//! The failover ruler as `status` and `load` report it.

use crate::model::{EntryOutage, FailoverRuler, RequestOutage};
use serde::Serialize;

/// The last move of a VIP, measured from its fault.
#[derive(Serialize, PartialEq)]
pub(super) struct FailoverLine {
    vip: String,
    from: Option<String>,
    to: String,
    detected_ms: u64,
    elected_ms: u64,
    first_good_ms: Option<u64>,
    failed_requests: u64,
    requests: u64,
    entries: Vec<OutageLine>,
}

/// What became of requests from outside since the last fault.
#[derive(Serialize, PartialEq)]
pub(super) struct OutageSum {
    since: u64,
    pub(super) requests: u64,
    failed_requests: u64,
    answered_after_ms: Option<u64>,
    entries: Vec<OutageLine>,
}

impl OutageSum {
    pub(super) fn of(outage: &RequestOutage) -> Self {
        Self {
            since: outage.fault_at_ms,
            requests: outage.requests,
            failed_requests: outage.failed_requests,
            answered_after_ms: outage.answered_after_ms,
            entries: outage.entries.iter().map(OutageLine::of).collect(),
        }
    }

    /// The same as a sentence.
    pub(super) fn text(&self) -> String {
        let then = match self.answered_after_ms {
            Some(ms) => format!(", all are answered again since {} after it", gap(ms)),
            None if self.failed_requests > 0 => ", not all are answered again".to_owned(),
            None => String::new(),
        };
        format!("since the last fault: {} of {} requests failed{then}", self.failed_requests, self.requests)
    }
}

/// What became of the requests of one flow from outside since a fault.
#[derive(Serialize, PartialEq)]
struct OutageLine {
    from: String,
    to: String,
    port: Option<u16>,
    requests: u64,
    failed_requests: u64,
    longest_gap_ms: u64,
}

impl OutageLine {
    fn of(outage: &EntryOutage) -> Self {
        Self {
            from: outage.id.from.to_string(),
            to: outage.id.to.to_string(),
            port: outage.id.port,
            requests: outage.requests,
            failed_requests: outage.failed_requests,
            longest_gap_ms: outage.longest_gap_ms,
        }
    }
}

impl FailoverLine {
    pub(super) fn of(ruler: &FailoverRuler) -> Self {
        let after = |at_ms: u64| at_ms.saturating_sub(ruler.fault_at_ms);
        Self {
            vip: ruler.vip.to_string(),
            from: ruler.from.as_ref().map(ToString::to_string),
            to: ruler.to.to_string(),
            detected_ms: after(ruler.detected_at_ms),
            elected_ms: after(ruler.elected_at_ms),
            first_good_ms: ruler.first_good_at_ms.map(after),
            failed_requests: ruler.failed_requests,
            requests: ruler.requests,
            entries: ruler.entries.iter().map(OutageLine::of).collect(),
        }
    }

    /// The move in a line, and what became of requests at the entries where some failed, where there are several entries.
    pub(super) fn texts(&self) -> Vec<String> {
        let Self { vip, to, detected_ms, elected_ms, failed_requests, requests, .. } = self;
        let good = self.first_good_ms.map_or_else(String::new, |ms| format!(", first good request after {ms} ms"));
        let whole = format!(
            "last failover: {vip} to {to}, noticed after {detected_ms} ms, elected after {elected_ms} ms{good}, {failed_requests} of \
             {requests} requests failed"
        );

        let failing = self.entries.iter().filter(|entry| entry.failed_requests > 0 && self.entries.len() > 1);
        let text = |entry: &OutageLine| {
            let port = entry.port.map_or_else(String::new, |port| format!(":{port}"));
            let (failed, all, gap) = (entry.failed_requests, entry.requests, gap(entry.longest_gap_ms));
            format!("  {} -> {}{port}: {failed} of {all} requests failed, longest gap {gap}", entry.from, entry.to)
        };
        std::iter::once(whole).chain(failing.map(text)).collect()
    }
}

/// A time without a good answer, in seconds.
pub(super) fn gap(ms: u64) -> String {
    format!("{}.{:02} s", ms / 1000, ms % 1000 / 10)
}
