//! What a fault would take with it, in sentences.

use crate::{
    model::{ClusterState, NodeName},
    sim::{EntryForecast, Prediction},
};

/// What is said where a prediction knows nothing of users.
const NO_REQUESTS: &str = "No requests enter from outside, so nothing is known of users.";

/// The shortest time without a good answer that is worth a word, in milliseconds.
const GAP_MS_MIN: u64 = 250;

/// The prediction as sentences, what matters most first. Never empty.
pub fn sentences(prediction: &Prediction) -> Vec<String> {
    let no_requests = prediction.requests == 0;
    if prediction.is_harmless() {
        let users = if no_requests { NO_REQUESTS } else { "" };
        return ["Nothing would be noticed.", users].into_iter().filter(|text| !text.is_empty()).map(ToOwned::to_owned).collect();
    }
    let mut said = Vec::new();
    let holders = |nodes: &[NodeName]| match nodes {
        [] => "nobody".to_owned(),
        nodes => nodes.iter().map(NodeName::as_str).collect::<Vec<_>>().join(" and "),
    };
    for vip in &prediction.vips {
        let mut text = match (vip.before == vip.after, vip.after.as_slice()) {
            (false, []) => {
                format!("The VIP {} would leave {}: no node would hold it at the end of the forecast", vip.vip, holders(&vip.before))
            }
            (false, _) => format!("The VIP {} would move from {} to {}", vip.vip, holders(&vip.before), holders(&vip.after)),
            (true, _) => format!("The VIP {} would leave {} for a while", vip.vip, holders(&vip.before)),
        };
        if vip.unheld_ms > 0 && !vip.after.is_empty() {
            text.push_str(&format!(", held by nobody for {}", seconds(vip.unheld_ms)));
        }
        if vip.shared_ms > 0 {
            text.push_str(&format!(", held by several for {}", seconds(vip.shared_ms)));
        }
        said.push(text + ".");
    }
    for (cluster, forecast) in &prediction.clusters {
        let what = match forecast.worst {
            ClusterState::Whole => "be whole",
            ClusterState::Partial => "miss members and work on",
            ClusterState::Stopped => "stop: no part of it has a majority",
            ClusterState::Split => "split into parts that do not see each other",
        };
        let end = if forecast.at_end == ClusterState::Whole { ", and be whole again at the end" } else { "" };
        said.push(format!("The cluster {cluster} would {what}{end}."));
    }
    for (one, other) in &prediction.apart {
        said.push(format!("{one} and {other} would not see each other."));
    }
    for service in &prediction.services {
        let reason = if service.reason.is_empty() { String::new() } else { format!(" ({})", service.reason) };
        let end =
            if service.at_end == service.worst { "and stay so".to_owned() } else { format!("and be {} again", service.at_end.title()) };
        said.push(format!("{} would be {}{reason} {end}.", service.service, service.worst.title()));
    }
    for flow in &prediction.flows {
        let end = if flow.at_end == flow.worst { "and stay so".to_owned() } else { format!("and be {} again", flow.at_end.title()) };
        said.push(format!("The flow {} would be {} {end}.", flow.id, flow.worst.title()));
    }
    if prediction.requests_failed > 0 {
        let Prediction { requests, requests_failed, longest_gap_ms, recovers_after_ms, answered_at_end, .. } = *prediction;
        let what = Failing { requests, failed: requests_failed, gap_ms: longest_gap_ms, recovers_after_ms, answered_at_end };
        said.push(format!("{what}."));
    }
    // Of several entries, one may be out while others go on.
    for entry in prediction.entries.iter().filter(|entry| entry.failed > 0 && prediction.entries.len() > 1) {
        let EntryForecast { ref id, requests, failed, longest_gap_ms: gap_ms, recovers_after_ms, answered_at_end } = *entry;
        said.push(format!("By {id}: {}.", Failing { requests, failed, gap_ms, recovers_after_ms, answered_at_end }));
    }
    if no_requests {
        said.push(NO_REQUESTS.to_owned());
    }
    said
}

/// How many of some requests would fail, and for how long.
struct Failing {
    requests: u64,
    failed: u64,
    gap_ms: u64,
    recovers_after_ms: Option<u64>,
    answered_at_end: bool,
}

impl std::fmt::Display for Failing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} requests would fail", self.failed, self.requests)?;
        // A gap of a moment says nothing.
        if self.gap_ms >= GAP_MS_MIN {
            write!(f, ", with up to {} without a good answer", seconds(self.gap_ms))?;
        }
        match self.recovers_after_ms {
            Some(ms) => write!(f, "; all are answered again after {}", seconds(ms)),
            None if self.answered_at_end => f.write_str("; some would still fail at the end"),
            None => f.write_str("; none would be answered until the fault is healed"),
        }
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Health, sim::VipForecast};

    #[test]
    fn what_lasts_to_the_end_is_said_to_stay_so() {
        let vip = VipForecast {
            vip: "store".parse().unwrap(),
            before: vec!["elm".parse().unwrap()],
            after: Vec::new(),
            unheld_ms: 20_000,
            shared_ms: 0,
        };
        let prediction = Prediction { vips: vec![vip], requests: 9, ..Prediction::default() };
        assert_eq!(sentences(&prediction), ["The VIP store would leave elm: no node would hold it at the end of the forecast."]);
    }

    #[test]
    fn an_entry_that_is_out_is_told_although_others_go_on() {
        let entry = |to: &str, failed, longest_gap_ms, recovers_after_ms| EntryForecast {
            id: format!("outside -> {to}").parse().unwrap(),
            requests: 200,
            failed,
            longest_gap_ms,
            recovers_after_ms,
            answered_at_end: failed == 0,
        };
        let prediction = Prediction {
            requests: 400,
            requests_failed: 190,
            longest_gap_ms: 19_000,
            answered_at_end: true,
            recovers_after_ms: None,
            entries: vec![entry("p1/php", 190, 19_000, None), entry("p2/php", 0, 0, Some(0))],
            ..Prediction::default()
        };
        assert_eq!(
            sentences(&prediction),
            [
                "190 of 400 requests would fail, with up to 19.0 s without a good answer; some would still fail at the end.",
                "By outside -> p1/php: 190 of 200 requests would fail, with up to 19.0 s without a good answer; none would be answered until the fault is healed.",
            ]
        );
    }

    #[test]
    fn a_harmless_fault_says_so_and_a_harmful_one_what_it_takes() {
        assert_eq!(sentences(&Prediction { requests: 9, ..Prediction::default() }), ["Nothing would be noticed."]);
        assert_eq!(sentences(&Prediction::default()), ["Nothing would be noticed.", NO_REQUESTS], "no requests is not no failure");
        let prediction = Prediction {
            vips: vec![VipForecast {
                vip: "database".parse().unwrap(),
                before: vec!["db1".parse().unwrap()],
                after: vec!["db2".parse().unwrap()],
                unheld_ms: 1250,
                shared_ms: 0,
            }],
            apart: vec![("bee/hive".parse().unwrap(), "wasp/hive".parse().unwrap())],
            services: vec![crate::sim::ServiceForecast {
                service: "app1/todo".parse().unwrap(),
                worst: Health::Down,
                at_end: Health::Healthy,
                reason: "no database".into(),
            }],
            requests: 100,
            requests_failed: 12,
            longest_gap_ms: 2340,
            recovers_after_ms: None,
            ..Prediction::default()
        };
        assert_eq!(
            sentences(&prediction),
            [
                "The VIP database would move from db1 to db2, held by nobody for 1.2 s.",
                "bee/hive and wasp/hive would not see each other.",
                "app1/todo would be down (no database) and be healthy again.",
                "12 of 100 requests would fail, with up to 2.3 s without a good answer; none would be answered until the fault is healed.",
            ]
        );
    }
}
