//! The page of the book that belongs to one node, and what it comes to.

use super::{addresses::vrrp_runs, pace::Pace, steady::Steady};
use crate::model::{Health, Ipv4Net, ObservedNode, Power, ServiceName};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddrV4},
};

/// What is full, in percent of a disk.
const DISK_PERCENT_MAX: u32 = 98;
/// What is left, in percent of the memory, where it is too little.
const MEMORY_FREE_PERCENT_MIN: u32 = 4;
/// How far a node's clock may be off, in seconds: it is asked for whole seconds, and the answer travels.
const CLOCK_OFF_SECS_MAX: i64 = 5;

const VRRP_STOPPED: &str = "keepalived does not run: it takes no part in the election of its VIPs";

/// What one service says.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) steady: Steady,
    pub(super) facts: BTreeMap<String, String>,
    /// Its health as it was told last; kept while it is asked anew.
    pub(super) told: Health,
}

/// What one node says.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) seen_ms: Option<u64>,
    /// As `seen_ms`, and not forgotten while the machine is frozen.
    pub(super) spoke_ms: u64,
    /// When it spoke again after it was frozen.
    pub(super) thawed_ms: Option<u64>,
    pub(super) rounds: u64,
    pub(super) pace: Pace,
    /// Services by slug.
    pub(super) lines: BTreeMap<String, Line>,
    pub(super) addresses: BTreeSet<(String, Ipv4Net)>,
    pub(super) has_addresses: bool,
    pub(super) listening: Vec<SocketAddrV4>,
    pub(super) heard: BTreeSet<Ipv4Addr>,
    pub(super) heard_ms: Option<u64>,
    pub(super) facts: BTreeMap<String, String>,
    /// By how much its clock was ahead of ours when we heard it, in seconds: what it says travels, so it seems later than it is.
    pub(super) clock_ahead_secs: i64,
    pub(super) numbers: BTreeMap<char, u64>,
}

impl Page {
    /// How long the node has been silent, in milliseconds.
    fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.seen_ms.unwrap_or(0))
    }

    /// Whether the node has said something so lately that it counts.
    pub(super) fn is_fresh(&self, now_ms: u64) -> bool {
        self.seen_ms.is_some() && self.age_ms(now_ms) <= self.pace.stale_ms()
    }
}

/// The addresses that a node has for good.
pub(super) fn home(node: &ObservedNode) -> Vec<Ipv4Addr> {
    let adapters = node.spec.iter().flat_map(|spec| &spec.adapters);
    adapters.filter_map(|adapter| adapter.address).map(|net| net.addr()).collect()
}

/// Fills in what a node says of itself and its services.
pub(super) fn fill_node<'a>(node: &mut ObservedNode, page: Option<&Page>, now_ms: u64, slug: impl Fn(&ServiceName) -> Option<&'a String>) {
    let seen_ms = page.and_then(|page| page.seen_ms);
    node.seen_ms = seen_ms.unwrap_or(0);
    let stale_secs = page.filter(|page| page.seen_ms.is_some() && !page.is_fresh(now_ms)).map(|page| page.age_ms(now_ms) / 1000);
    // What has answered since is up.
    node.is_booting &= seen_ms.is_none() || stale_secs.is_some();
    let mut health = Health::Healthy;
    let home = home(node);
    for (name, service) in &mut node.services {
        let line = slug(name).and_then(|slug| page?.lines.get(slug));
        let (now, reason) = match (node.power, stale_secs, line) {
            (Power::Running, Some(secs), _) => (Health::Unknown, format!("not heard of for {secs} s")),
            (Power::Running, None, Some(line)) => (line.steady.health(), line.steady.reason().to_owned()),
            (Power::Running, None, None) if node.is_booting => (Health::Unknown, "its machine is booting".to_owned()),
            (Power::Running, None, None) => (Health::Unknown, "not heard of yet".to_owned()),
            (Power::Stopped, ..) if node.is_booting => (Health::Unknown, "its machine is booting".to_owned()),
            (power, ..) => (Health::Down, format!("its machine is {}", power.title())),
        };
        service.health = now;
        service.reason = reason;
        if let Some(line) = line.filter(|_| node.power == Power::Running) {
            service.facts.clone_from(&line.facts);
            service.since_ms = line.steady.since_ms();
        }
        let listening = page.filter(|_| node.power == Power::Running).map(|page| page.listening.as_slice()).unwrap_or_default();
        service.listening = own_sockets(service.spec.as_ref(), listening, &home);
        health = health.worse(now);
    }
    let vrrp = || page.filter(|page| !node.vips.is_empty() && !vrrp_runs(page)).map(|_| VRRP_STOPPED.to_owned());
    let own = page.filter(|_| stale_secs.is_none()).and_then(|page| trouble(page).or_else(vrrp));
    // What is known of the machine as such stays.
    if let Some(own) = &own {
        node.reason.clone_from(own);
    } else if node.is_booting && node.reason.is_empty() {
        node.reason = "it is booting and does not answer yet".to_owned();
    }
    node.health = match node.power {
        Power::Stopped if node.is_booting => Health::Unknown,
        Power::Missing | Power::Stopped | Power::Paused => Health::Down,
        Power::Running if seen_ms.is_none() || stale_secs.is_some() => Health::Unknown,
        Power::Running if own.is_some() => health.worse(Health::Degraded),
        Power::Running => health,
    };
}

/// What ails a node as such.
fn trouble(page: &Page) -> Option<String> {
    let number = |name: &str| page.facts.get(name).and_then(|value| value.parse::<u32>().ok());
    if let Some(percent) = number("disk-percent").filter(|percent| *percent >= DISK_PERCENT_MAX) {
        return Some(format!("its disk is full ({percent}%)"));
    }
    if let Some(percent) = number("memory-free-percent").filter(|percent| *percent < MEMORY_FREE_PERCENT_MIN) {
        return Some(format!("its memory is used up ({percent}% left)"));
    }
    // What a node says comes within its round, or it would say less often.
    let late_secs = i64::try_from(page.pace.round_ms() / 1000).unwrap_or(i64::MAX).max(CLOCK_OFF_SECS_MAX);
    let ahead_secs = page.clock_ahead_secs;
    (ahead_secs > CLOCK_OFF_SECS_MAX || ahead_secs < -late_secs).then(|| format!("its clock is {} s off", ahead_secs.unsigned_abs()))
}

/// The sockets of a node that are this service's, by the ports that it was told to listen on.
fn own_sockets(spec: Option<&crate::model::ServiceSpec>, all: &[SocketAddrV4], home: &[Ipv4Addr]) -> Vec<SocketAddrV4> {
    let Some(spec) = spec else { return Vec::new() };
    let wanted: Vec<&SocketAddrV4> = spec.listen.values().flatten().collect();
    let is_own = |socket: &&SocketAddrV4| {
        wanted.iter().any(|at| {
            at.port() == socket.port()
                && (at.ip() == socket.ip() || at.ip().is_unspecified() || socket.ip().is_unspecified() || home.contains(socket.ip()))
        })
    };
    all.iter().filter(is_own).copied().collect()
}
