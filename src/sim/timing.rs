//! The numbers that a service works with: those that its settings and its kind's recipe write into the real configuration.

use super::time::{MS, SECOND};
use crate::{
    catalog::{Behaviour, Entry, Recipes},
    model::{LOOKUP_PORTS, ServiceSpec, Value},
};
use serde::{Deserialize, Serialize};

/// What is configured in numbers. What neither settings nor recipe say anything of is as programs have it by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Timing {
    /// How long it waits for a connection to what it calls.
    pub(super) connect_us: u64,
    /// How long it waits for an answer over a connection that stands.
    pub(super) answer_us: u64,
    /// The same where it passes bytes on without understanding them.
    pub(super) raw_answer_us: u64,
    /// How often it tries another of those behind it.
    pub(super) retries: u8,
    /// How long it waits for the answer to a check of those behind it.
    pub(super) check_timeout_us: u64,
    /// Time until systemd starts it again after it died.
    pub(super) restart_us: u64,
    /// Erlang's `net_ticktime`.
    pub(super) net_tick_us: u64,
    /// How often members of its cluster look for each other in the time after which they suspect one.
    pub(super) checks_per_suspect: u64,
    /// Time between two checks of one of those behind it.
    pub(super) check_us: u64,
    /// Failed checks in a row after which one of those is left out.
    pub(super) fall: u64,
    /// Good checks in a row after which it is used again.
    pub(super) rise: u64,
    /// Silence after which a member of its cluster is suspected: `evs.suspect_timeout`.
    pub(super) suspect_us: u64,
    /// Silence after which it is left out, whatever the others hear: `evs.inactive_timeout`.
    pub(super) inactive_us: u64,
    /// How long who asks it for accounts or files waits where the server does not answer, in milliseconds; 0: it serves neither.
    #[serde(default)]
    pub(super) gives_up_ms: u32,
}

/// How long a program waits for the answer of a name server, and how often it asks, where nothing is configured (resolv.conf(5), timeout
/// and attempts).
const RESOLVER_TIMEOUT_MS: u32 = 5000;
const RESOLVER_ATTEMPTS: u32 = 2;

/// How long a program waits that looks a name up at a port where nothing answers, in milliseconds; 0: names are not looked up there.
pub(super) fn lookup_ms(port: u16) -> u32 {
    if LOOKUP_PORTS.contains(&port) { RESOLVER_TIMEOUT_MS * RESOLVER_ATTEMPTS } else { 0 }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect_us: 2 * SECOND,
            answer_us: 10 * SECOND,
            raw_answer_us: 10 * SECOND,
            retries: 3,
            check_timeout_us: SECOND,
            restart_us: SECOND,
            // Erlang, kernel application, net_ticktime: 60 s where nothing is set.
            net_tick_us: 60 * SECOND,
            checks_per_suspect: 4,
            check_us: 2 * SECOND,
            fall: 3,
            rise: 2,
            suspect_us: 5 * SECOND,
            inactive_us: 15 * SECOND,
            gives_up_ms: 0,
        }
    }
}

impl Timing {
    /// Those of a service: from its settings, the catalog's defaults, and its kind's recipe.
    pub(super) fn of(spec: &ServiceSpec, entry: Option<&Entry>) -> Self {
        let usual = Self::default();
        let folder = Recipes::embedded().get(&spec.kind);
        let constant = |name: &str| folder.and_then(|folder| folder.recipe.constants.get(name)).copied();
        let setting = |name: &str| {
            let value = spec.settings.get(name).or_else(|| entry?.setting(name)?.default.as_ref());
            if let Some(Value::Number(number)) = value { u64::try_from(*number).ok() } else { None }
        };
        let setting_us = |name: &str, usual_us: u64| setting(name).map_or(usual_us, |ms| ms.max(1).saturating_mul(MS));
        let us = |name: &str, usual_us: u64| constant(name).map_or(usual_us, |ms| ms.saturating_mul(MS));
        let answer_us = us("answer_ms", usual.answer_us);
        let gives_up_ms = match entry.map(|entry| entry.behaviour) {
            Some(Behaviour::Login) => setting("timeout_secs").map(|secs| secs.saturating_mul(1000)),
            // Over TCP each further try waits longer by the first (nfs(5), timeo, retrans and soft).
            Some(Behaviour::Mount) => constant("nfs_timeo_ms").map(|ms| ms * (1 + constant("nfs_retrans").unwrap_or(0))),
            _ => None,
        };
        Self {
            connect_us: us("connect_ms", usual.connect_us),
            answer_us,
            raw_answer_us: us("raw_answer_ms", answer_us),
            retries: constant("retries").and_then(|count| u8::try_from(count).ok()).unwrap_or(usual.retries),
            check_timeout_us: us("check_timeout_ms", usual.check_timeout_us),
            restart_us: us("restart_ms", usual.restart_us),
            net_tick_us: constant("net_ticktime_secs").map_or(usual.net_tick_us, |secs| secs.saturating_mul(SECOND)),
            checks_per_suspect: constant("checks_per_suspect").unwrap_or(usual.checks_per_suspect).max(1),
            check_us: setting_us("check_ms", usual.check_us),
            fall: setting("fall").unwrap_or(usual.fall),
            rise: setting("rise").unwrap_or(usual.rise),
            suspect_us: setting_us("suspect_ms", usual.suspect_us),
            inactive_us: setting_us("inactive_ms", usual.inactive_us),
            gives_up_ms: gives_up_ms.and_then(|ms| u32::try_from(ms).ok()).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number that the simulator looks for and no recipe has any more would silently become the usual one.
    #[test]
    fn every_number_stands_in_a_recipe() {
        for (kind, name) in [
            ("haproxy", "connect_ms"),
            ("haproxy", "answer_ms"),
            ("haproxy", "raw_answer_ms"),
            ("haproxy", "retries"),
            ("haproxy", "check_timeout_ms"),
            ("nginx", "retries"),
            ("todo", "answer_ms"),
            ("garbd", "restart_ms"),
            ("beam", "net_ticktime_secs"),
            ("beam-gateway", "net_ticktime_secs"),
            ("galera", "checks_per_suspect"),
            ("automount", "nfs_timeo_ms"),
            ("automount", "nfs_retrans"),
        ] {
            assert!(Recipes::embedded().get(kind).unwrap().recipe.constants.contains_key(name), "{kind} {name}");
        }
        let of = |kind: &str| Timing::of(&crate::testing::service(kind), crate::catalog::Catalog::embedded().get(kind));
        assert_eq!(of("beam").net_tick_us, 8 * SECOND);
        assert_eq!((of("haproxy").check_us, of("haproxy").fall, of("galera").suspect_us), (SECOND / 2, 2, 2 * SECOND));
        assert_eq!((of("ldap-login").gives_up_ms, of("automount").gives_up_ms, of("haproxy").gives_up_ms), (5000, 15_000, 0));
        assert_eq!(of("no-such-kind"), Timing::default());
    }
}
