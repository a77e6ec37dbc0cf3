//! A machine's clock: reading it, and moving it by a difference. It is never set to a moment that was written down elsewhere, for on
//! the way a script may wait longer than the clock is wrong.

use super::Script;

/// How long either may take, in seconds.
const CLOCK_SECS: u32 = 60;

/// Prints the clock in seconds since 1970; prints nothing in a container, which has its host's clock.
pub fn read() -> Script {
    let text = "systemd-detect-virt -cq 2>/dev/null || date +%s\n".to_owned();
    Script { title: "read the clock".into(), text, timeout_secs: CLOCK_SECS }
}

/// Moves the clock by so many seconds: forward, or backward where they are negative.
pub fn shift(by_secs: i64) -> Script {
    let text = format!("date -s \"@$(($(date +%s) + ({by_secs})))\" >/dev/null\n");
    Script { title: "set the clock".into(), text, timeout_secs: CLOCK_SECS }
}
