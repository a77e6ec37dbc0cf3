//! A machine's clock: reading it, and moving it by a difference. It is never set to a moment that was written down elsewhere, for on
//! the way a script may wait longer than the clock is wrong.

use super::Script;

/// How long either may take, in seconds.
const CLOCK_SECS: u32 = 60;

/// What [`read`] prints in a container.
pub const OF_HOST: &str = "host";

/// Prints the clock in seconds since 1970, or [`OF_HOST`] in a container, which has its host's clock. An answer that was lost is neither.
pub fn read() -> Script {
    let text = format!("if systemd-detect-virt -cq 2>/dev/null; then echo {OF_HOST}; else date +%s; fi\n");
    Script { title: "read the clock".into(), text, timeout_secs: CLOCK_SECS }
}

/// Moves the clock by so many seconds, forward, or backward where they are negative, and prints it.
pub fn shift(by_secs: i64) -> Script {
    let text = format!("date -s \"@$(($(date +%s) + ({by_secs})))\" >/dev/null && date +%s\n");
    Script { title: "set the clock".into(), text, timeout_secs: CLOCK_SECS }
}
