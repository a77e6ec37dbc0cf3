//! What a fault would take with it, in sentences.

use crate::{
    model::{ClusterState, NodeName},
    sim::Prediction,
};

/// What is said where a prediction knows nothing of users.
const NO_REQUESTS: &str = "No requests enter from outside, so nothing is known of users.";

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
        let end = match prediction.recovers_after_ms {
            Some(ms) => format!("; all are answered again after {}", seconds(ms)),
            None if prediction.answered_at_end => "; some would still fail at the end".to_owned(),
            None => "; none would be answered until the fault is healed".to_owned(),
        };
        let gap = match prediction.longest_gap_ms {
            // Others may be answered meanwhile: a gap of a moment says nothing.
            0..250 => String::new(),
            ms => format!(", with up to {} without a good answer", seconds(ms)),
        };
        said.push(format!("{} of {} requests would fail{gap}{end}.", prediction.requests_failed, prediction.requests));
    }
    if no_requests {
        said.push(NO_REQUESTS.to_owned());
    }
    said
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
