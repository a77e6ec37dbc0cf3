//! What requests from outside say of the flow that they came in by: a connection is not yet an answer.

use super::Book;
use crate::{
    model::Health,
    probe::{Answered, answered},
};

/// The last requests that came in by one flow.
#[derive(Debug, Default)]
pub(super) struct Lately {
    good_ms: Option<u64>,
    failed: Option<(u64, String)>,
}

impl Lately {
    /// How well the flow is by its requests, and why; `None`: none failed lately.
    pub(super) fn evaluate(&self, now_ms: u64) -> Option<(Health, String)> {
        let (failed_ms, why) = self.failed.as_ref()?;
        let ago_ms = |at_ms: u64| now_ms.saturating_sub(at_ms);
        match answered(self.good_ms.map(ago_ms), Some(ago_ms(*failed_ms))) {
            Answered::All => None,
            Answered::Some => Some((Health::Degraded, format!("some requests fail: {why}"))),
            Answered::None => Some((Health::Down, format!("requests fail: {why}"))),
        }
    }
}

impl Book {
    /// Takes what became of a request that came in from outside by the flow of this try: good, or why it failed.
    pub fn take_request(&mut self, number: usize, result: Result<(), String>, now_ms: u64) {
        let flow = self.tries.get(number).map(|one| one.flow);
        let Some(way) = flow.and_then(|flow| self.ways.get_mut(flow)) else { return };
        match result {
            Ok(()) => way.lately.good_ms = Some(now_ms),
            Err(why) => way.lately.failed = Some((now_ms, why)),
        }
    }
}
