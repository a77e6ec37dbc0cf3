//! Nodes' clocks beside this machine's.
//!
//! How long a question and its answer travel is not known; on a slow host that is half a minute. So a node's clock is read between two
//! moments of ours, which bounds how far it is off (F. Cristian, "Probabilistic clock synchronization", 1989), and moved by the middle.

use super::{
    core::Core,
    journal::{Entry, Faults},
};
use crate::{
    model::{Fault, NodeName},
    provider::{Done, ProviderError, Retry, transport::Command},
    provision::{Script, clock},
};
use std::time::Duration;

/// A clock that may be right within so much is not touched, in milliseconds.
const RIGHT_MS: i64 = 2000;
/// Readings go on until they bound how far a clock is off within so much, in milliseconds: it is read in whole seconds.
const WIDTH_MS: i64 = 4000;
/// The most readings.
const READINGS_MAX: u32 = 3;

/// How far a clock is ahead of ours, at least and at most, in milliseconds; negative where it is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Offset {
    min_ms: i64,
    max_ms: i64,
}

impl Offset {
    /// From one reading: ours when it was asked, its whole seconds, and ours when the answer had come.
    fn read(asked_ms: u64, node_secs: u64, heard_ms: u64) -> Self {
        let since_1970 = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        let node_ms = since_1970(node_secs.saturating_mul(1000));
        // Ours may have been set back between the two.
        let heard_ms = heard_ms.max(asked_ms);
        Self {
            min_ms: node_ms.saturating_sub(since_1970(heard_ms)),
            max_ms: node_ms.saturating_add(999).saturating_sub(since_1970(asked_ms)),
        }
    }

    /// What both readings leave. Where they exclude each other the clock was set between them, and the later one counts.
    fn and(self, later: Self) -> Self {
        let both = Self { min_ms: self.min_ms.max(later.min_ms), max_ms: self.max_ms.min(later.max_ms) };
        if both.min_ms <= both.max_ms { both } else { later }
    }

    fn width_ms(self) -> i64 {
        self.max_ms.saturating_sub(self.min_ms)
    }

    /// By how much to move the clock, in seconds; `None` where it may be right.
    fn correction_secs(self) -> Option<i64> {
        if self.min_ms <= RIGHT_MS && self.max_ms >= -RIGHT_MS {
            return None;
        }
        let middle_ms = self.min_ms.midpoint(self.max_ms);
        Some(-((middle_ms.saturating_add(middle_ms.signum() * 500)) / 1000))
    }
}

/// Sets a machine's clock where it is wrong. A container's is its host's, and one that is wrong on purpose, by a fault, stays so.
///
/// # Errors
/// Where the node does not answer, or its clock cannot be set.
pub(super) async fn set(core: &Core, node: &NodeName) -> Result<Done, ProviderError> {
    let is_skewed = |entry: &Entry| matches!(&entry.fault, Fault::Skew(there, _) if there == node);
    if Faults::read(&core.folder).is_ok_and(|faults| faults.entries.iter().any(is_skewed)) {
        return Ok(Done::AlreadySo);
    }
    let mut known: Option<Offset> = None;
    for _ in 0..READINGS_MAX {
        let asked_ms = (core.clock)();
        let said = run(core, node, &clock::read()).await?;
        let heard_ms = (core.clock)();
        if said.trim() == clock::OF_HOST {
            return Ok(Done::AlreadySo);
        }
        let node_secs = seconds(node, &clock::read(), &said)?;
        let offset = Offset::read(asked_ms, node_secs, heard_ms);
        let offset = known.map_or(offset, |before| before.and(offset));
        known = Some(offset);
        if offset.width_ms() <= WIDTH_MS {
            break;
        }
    }
    let Some(by_secs) = known.and_then(Offset::correction_secs) else { return Ok(Done::AlreadySo) };
    tracing::debug!(%node, by_secs, "its clock was wrong");
    let shift = clock::shift(by_secs);
    seconds(node, &shift, &run(core, node, &shift).await?)?;
    Ok(Done::Changed)
}

/// The clock that a script printed. Without one the script did not run to its end: a busy daemon was seen to lose its input or output.
fn seconds(node: &NodeName, script: &Script, said: &str) -> Result<u64, ProviderError> {
    let garbled = |_| ProviderError { retry: Retry::Worth, ..refused(node, script, format!("it answered {:?}", said.trim())) };
    said.trim().parse().map_err(garbled)
}

/// Runs a script and gives what it wrote.
async fn run(core: &Core, node: &NodeName, script: &Script) -> Result<String, ProviderError> {
    let timeout = Duration::from_secs(u64::from(script.timeout_secs));
    let output = core.transport(node).await?.run(Command::script(script.text.as_bytes(), timeout)).await?;
    if output.code != 0 {
        let why = format!("it ended with {}: {}", output.code, String::from_utf8_lossy(&output.stderr).trim());
        return Err(refused(node, script, why));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn refused(node: &NodeName, script: &Script, why: String) -> ProviderError {
    ProviderError {
        what: format!("{} of {node}", script.title),
        node: Some(node.clone()),
        why,
        next: "Set the node's clock by hand, then deploy again.".into(),
        retry: Retry::Useless,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reading that was asked at second 1000, answered so many seconds later, of a clock that is so far ahead; it was read so many
    /// seconds after it was asked.
    fn reading(ahead_secs: i64, read_after_secs: u64, took_secs: u64) -> Offset {
        let node_secs = (1000 + read_after_secs).checked_add_signed(ahead_secs).unwrap();
        Offset::read(1_000_000, node_secs, (1000 + took_secs) * 1000)
    }

    #[test]
    fn a_clock_that_may_be_right_is_left_alone_however_long_the_answer_took() {
        for read_after_secs in [0, 10, 40] {
            assert_eq!(reading(0, read_after_secs, 40).correction_secs(), None, "{read_after_secs}");
        }
        assert_eq!(reading(2, 0, 0).correction_secs(), None);
    }

    #[test]
    fn a_wrong_clock_is_moved_to_within_half_of_what_the_answer_took() {
        for (ahead_secs, took_secs) in [(90, 1), (-90, 1), (90, 40), (-90, 40), (3_000_000, 4)] {
            for read_after_secs in [0, took_secs] {
                let correction = reading(ahead_secs, read_after_secs, took_secs).correction_secs().unwrap();
                let left = (ahead_secs + correction).unsigned_abs();
                assert!(left <= took_secs / 2 + 1, "{ahead_secs} s ahead, {read_after_secs} of {took_secs} s: {left} s are left");
            }
        }
    }

    #[test]
    fn readings_bound_each_other() {
        let both = reading(30, 40, 40).and(reading(30, 0, 40));
        assert!(both.width_ms() < 1001 && both.correction_secs() == Some(-30), "{both:?}");
        assert_eq!(reading(30, 0, 1).and(reading(-30, 0, 1)), reading(-30, 0, 1), "the clock was set between the two readings");
    }

    #[test]
    fn no_number_is_too_large() {
        let offset = Offset::read(0, u64::MAX, u64::MAX);
        assert!(offset.and(Offset::read(u64::MAX, 0, 0)).width_ms() >= 0);
        let _any = offset.correction_secs();
    }
}
