//! The simulator's forecast of a fault, by the things that it is about.

use super::{Outage, Prediction};
use crate::model::{ClusterState, Fault, Health, NodeName, Subject};

/// What the window shows of a forecast.
pub(super) fn prediction(fault: &Fault, found: &crate::sim::Prediction) -> Prediction {
    let mut lost: Vec<(Subject, String)> = Vec::new();
    for service in &found.services {
        let why = if service.reason.is_empty() { String::new() } else { format!(": {}", service.reason) };
        let then = if service.at_end == Health::Healthy { ", then healthy again" } else { "" };
        lost.push((Subject::Service(service.service.clone()), format!("{}{why}{then}", service.worst.title())));
    }
    for (cluster, forecast) in &found.clusters {
        let what = match forecast.worst {
            ClusterState::Whole => continue,
            ClusterState::Partial => "misses members and works on",
            ClusterState::Stopped => "stops: no part of it has a majority",
            ClusterState::Split => "splits into parts that do not see each other",
        };
        let then = if forecast.at_end == ClusterState::Whole { ", then whole again" } else { "" };
        lost.push((Subject::Cluster(cluster.clone()), format!("{what}{then}")));
    }
    for (one, other) in &found.apart {
        lost.push((Subject::Service(one.clone()), format!("does not see {other}")));
    }
    for flow in &found.flows {
        let then = if flow.at_end == Health::Healthy { ", then healthy again" } else { "" };
        lost.push((Subject::Flow(flow.id.clone()), format!("{}{then}", flow.worst.title())));
    }
    // Of several entries one may be out while others go on.
    for entry in found.entries.iter().filter(|entry| entry.failed > 0 && found.entries.len() > 1) {
        let then = if entry.recovers_after_ms.is_some() { ", then answered again" } else { "" };
        let gap = format!("{}.{} s", entry.longest_gap_ms / 1000, entry.longest_gap_ms % 1000 / 100);
        let text = format!("{} of {} requests fail, {gap} without a good answer{then}", entry.failed, entry.requests);
        lost.push((Subject::Flow(entry.id.clone()), text));
    }
    let names = |nodes: &[NodeName]| match nodes {
        [] => "nobody".to_owned(),
        nodes => nodes.iter().map(|node| node.as_str()).collect::<Vec<_>>().join(" and "),
    };
    let moved = found
        .vips
        .iter()
        .filter(|vip| vip.before != vip.after)
        .map(|vip| (Subject::Vip(vip.vip.clone()), format!("moves from {} to {}", names(&vip.before), names(&vip.after))));
    Prediction {
        fault: fault.clone(),
        lost,
        moved: moved.collect(),
        holders: found.vips.iter().filter(|vip| vip.before != vip.after).map(|vip| (vip.vip.clone(), vip.after.clone())).collect(),
        outage: match found.recovers_after_ms {
            _ if found.requests == 0 => Outage::NoRequests,
            Some(_) if found.requests_failed == 0 => Outage::None,
            Some(ms) => Outage::Until(ms),
            None if found.answered_at_end => Outage::Partial,
            None => Outage::Total,
        },
    }
}
