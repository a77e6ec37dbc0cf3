//! What a fault would do, as the simulator predicts it.

use super::{ClusterName, ClusterState, FlowId, Health, NodeName, ServiceRef, VipName};
use std::collections::BTreeMap;

/// What an answer must take longer for anybody to notice, in microseconds.
const SLOWER_US_MIN: u64 = 500;

/// A service that would suffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceForecast {
    /// The service.
    pub service: ServiceRef,
    /// The worst that it would come to.
    pub worst: Health,
    /// What it would be at the end.
    pub at_end: Health,
    /// Whether it would be worse now and then for as long as the fault lasts, whatever it is at the end.
    pub alternates: bool,
    /// Why, in a few words, at its worst.
    pub reason: String,
}

/// A flow that would suffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowForecast {
    /// Which flow.
    pub id: FlowId,
    /// The worst that it would come to.
    pub worst: Health,
    /// What it would be at the end.
    pub at_end: Health,
    /// Whether it would be worse now and then for as long as the fault lasts, whatever it is at the end.
    pub alternates: bool,
}

/// What requests by one flow from outside would come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryForecast {
    /// The flow.
    pub id: FlowId,
    /// Requests that would come in.
    pub requests: u64,
    /// Those that would fail.
    pub failed: u64,
    /// The longest time without a good answer, in milliseconds; one that is not over at the end counts to the end.
    pub longest_gap_ms: u64,
    /// When requests would be answered again for good, in milliseconds after the fault: 0 where none fails, `None` where they still
    /// fail at the end of the time looked at, or fail now and then.
    pub recovers_after_ms: Option<u64>,
    /// Whether requests would fail now and then for as long as the fault lasts, with good answers between.
    pub alternates: bool,
    /// Whether any request was still answered well towards the end of the time looked at.
    pub answered_at_end: bool,
    /// The mean time to a good answer towards the end of the time looked at, in microseconds; `None`: there was none.
    pub latency_us: Option<u64>,
    /// The same without the fault.
    pub usual_latency_us: Option<u64>,
}

impl EntryForecast {
    /// The mean times to a good answer without the fault and with it, in microseconds, if that is noticed.
    pub fn slower_us(&self) -> Option<(u64, u64)> {
        let both = self.usual_latency_us.zip(self.latency_us);
        both.filter(|(usual, with)| *with >= usual + SLOWER_US_MIN && *with >= usual + usual / 10)
    }
}

/// A VIP that would move, be lost or be held twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VipForecast {
    /// The VIP.
    pub vip: VipName,
    /// Who holds it before.
    pub before: Vec<NodeName>,
    /// Who holds it at the end.
    pub after: Vec<NodeName>,
    /// How long nobody would hold it, in milliseconds.
    pub unheld_ms: u64,
    /// How long more than one would hold it, in milliseconds.
    pub shared_ms: u64,
    /// Whether it would come and go for as long as the fault lasts.
    pub alternates: bool,
}

/// A cluster that would be in another state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterForecast {
    /// The worst that it would come to.
    pub worst: ClusterState,
    /// What it would be at the end.
    pub at_end: ClusterState,
    /// Whether it would be worse now and then for as long as the fault lasts, whatever it is at the end.
    pub alternates: bool,
}

/// What a fault would do, as the simulator sees it. What would happen without the fault as well is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prediction {
    /// Services that would be worse than they are, in the order of nodes.
    pub services: Vec<ServiceForecast>,
    /// Flows that would be worse than they are, in the contract's order, whether requests use them or not.
    pub flows: Vec<FlowForecast>,
    /// VIPs that would not stay as they are.
    pub vips: Vec<VipForecast>,
    /// Clusters that would be in another state.
    pub clusters: BTreeMap<ClusterName, ClusterForecast>,
    /// Members of a mesh that would both run and not see each other.
    pub apart: Vec<(ServiceRef, ServiceRef)>,
    /// Requests that would come in from outside.
    pub requests: u64,
    /// Those that would fail.
    pub requests_failed: u64,
    /// The longest time without a good answer at one of the entries, in milliseconds; one that is not over at the end counts to the end.
    pub longest_gap_ms: u64,
    /// When requests would be answered again for good, in milliseconds after the fault: 0 where none fails, `None` where
    /// they still fail at the end of the time looked at, or fail now and then.
    pub recovers_after_ms: Option<u64>,
    /// Whether the requests of an entry would fail now and then for as long as the fault lasts, and none for good.
    pub alternates: bool,
    /// Whether any request was still answered well towards the end of the time looked at.
    pub answered_at_end: bool,
    /// What the requests of each flow from outside would come to, in the contract's order.
    pub entries: Vec<EntryForecast>,
    /// Services that would lose what they keep in memory, and what is lost with it.
    pub forgotten: Vec<(ServiceRef, String)>,
    /// Why nothing would be noticed, where that is so and needs words.
    pub because: Option<&'static str>,
}

impl Prediction {
    /// Whether nothing would be noticed.
    pub fn is_harmless(&self) -> bool {
        self.services.is_empty()
            && self.flows.is_empty()
            && self.vips.is_empty()
            && self.clusters.is_empty()
            && self.apart.is_empty()
            && self.forgotten.is_empty()
            && self.requests_failed == 0
            && self.entries.iter().all(|entry| entry.slower_us().is_none())
    }
}
