//! The words for what a fault would do, for window and command line: a line for each thing that it would touch, and one for requests from
//! outside.

use crate::model::{ClusterState, EntryForecast, Fault, Health, NodeName, Prediction, Subject, VipForecast, VipName};

/// What is said where a prediction knows nothing of users.
const NO_REQUESTS: &str = "No requests enter from outside, so nothing is known of users.";
/// How often something is so that comes and goes for as long as a fault lasts.
const NOW_AND_THEN: &str = "now and then";
/// The shortest time without a good answer that is worth a word, in milliseconds.
const GAP_MS_MIN: u64 = 250;

/// What a fault would do to requests from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// No requests enter the lab, so nothing is known.
    NoRequests,
    /// None fails.
    None,
    /// Some fail, the last of them so many milliseconds after the fault.
    Until(u64),
    /// Some fail now and then for as long as the fault lasts.
    NowAndThen,
    /// Some fail for as long as the fault lasts.
    Partial,
    /// None is answered for as long as the fault lasts.
    Total,
}

impl Outage {
    fn of(prediction: &Prediction) -> Self {
        match prediction.recovers_after_ms {
            _ if prediction.requests == 0 => Self::NoRequests,
            Some(_) if prediction.requests_failed == 0 => Self::None,
            _ if prediction.alternates => Self::NowAndThen,
            Some(ms) => Self::Until(ms),
            None if prediction.answered_at_end => Self::Partial,
            None => Self::Total,
        }
    }

    /// How long requests would fail, in milliseconds; `None`: they would not, or it is not known.
    pub fn ms(self) -> Option<u64> {
        if let Self::Until(ms) = self { Some(ms) } else { None }
    }
}

/// What a fault would do to one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForecastLine {
    /// The thing.
    pub subject: Subject,
    /// What it would do or be, to stand behind its name: "would be down and stay so".
    pub says: String,
    /// The same with the name, as a sentence.
    sentence: String,
}

impl ForecastLine {
    fn new(subject: Subject, name: &str, says: String) -> Self {
        Self { subject, sentence: format!("{name} {says}."), says }
    }

    /// Whether it would move or go on elsewhere, and not be lost.
    pub fn is_move(&self) -> bool {
        matches!(self.subject, Subject::Vip(_))
    }
}

/// What a fault would take with it, says the simulator.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// The fault.
    pub fault: Fault,
    /// What it would do to things, what matters most first.
    pub lines: Vec<ForecastLine>,
    /// Which nodes would hold the VIPs that move.
    pub holders: Vec<(VipName, Vec<NodeName>)>,
    /// What would become of requests from outside.
    pub outage: Outage,
    /// The same in words.
    pub requests: String,
    /// Why nothing would be noticed, where that is so and needs words.
    pub because: Option<&'static str>,
}

/// What the window shows of a prediction.
pub fn forecast(fault: &Fault, prediction: &Prediction) -> Forecast {
    let moves = prediction.vips.iter().filter(|vip| vip.before != vip.after);
    let outage = Outage::of(prediction);
    let requests = match outage {
        Outage::NoRequests => NO_REQUESTS.to_owned(),
        Outage::None => "No request from outside would fail.".to_owned(),
        Outage::Until(_) | Outage::NowAndThen | Outage::Partial | Outage::Total => format!("{}.", Failing::of(prediction)),
    };
    Forecast {
        fault: fault.clone(),
        lines: things(prediction).chain(entries(prediction)).collect(),
        holders: moves.map(|vip| (vip.vip.clone(), vip.after.clone())).collect(),
        outage,
        requests,
        because: prediction.because,
    }
}

/// The prediction as sentences, what matters most first. Never empty.
pub fn sentences(prediction: &Prediction) -> Vec<String> {
    let no_requests = prediction.requests == 0;
    if prediction.is_harmless() {
        let users = if no_requests { NO_REQUESTS } else { "" };
        return ["Nothing would be noticed.", prediction.because.unwrap_or_default(), users]
            .into_iter()
            .filter(|text| !text.is_empty())
            .map(ToOwned::to_owned)
            .collect();
    }
    let mut said: Vec<String> = things(prediction).map(|line| line.sentence).collect();
    if prediction.requests_failed > 0 {
        said.push(format!("{}.", Failing::of(prediction)));
    }
    said.extend(entries(prediction).map(|line| line.sentence));
    if no_requests {
        said.push(NO_REQUESTS.to_owned());
    }
    said
}

fn things(prediction: &Prediction) -> impl Iterator<Item = ForecastLine> {
    let vips =
        prediction.vips.iter().map(|vip| ForecastLine::new(Subject::Vip(vip.vip.clone()), &format!("The VIP {}", vip.vip), moves(vip)));
    let clusters = prediction.clusters.iter().map(|(name, cluster)| {
        let what = match cluster.worst {
            ClusterState::Whole => "be whole",
            ClusterState::Partial => "miss members and work on",
            ClusterState::Stopped => "stop: no part of it has a majority",
            ClusterState::Split => "split into parts that do not see each other",
        };
        let end = match cluster.at_end {
            _ if cluster.alternates => format!(", {NOW_AND_THEN}"),
            ClusterState::Whole => ", and be whole again at the end".to_owned(),
            ClusterState::Partial | ClusterState::Stopped | ClusterState::Split => String::new(),
        };
        ForecastLine::new(Subject::Cluster(name.clone()), &format!("The cluster {name}"), format!("would {what}{end}"))
    });
    let apart = prediction.apart.iter().map(|(one, other)| ForecastLine {
        subject: Subject::Service(one.clone()),
        says: format!("would not see {other}"),
        sentence: format!("{one} and {other} would not see each other."),
    });
    let services = prediction.services.iter().map(|service| {
        let reason = if service.reason.is_empty() { String::new() } else { format!(" ({})", service.reason) };
        let says = format!("would be {}{reason} {}", service.worst.title(), then(service.worst, service.at_end, service.alternates));
        ForecastLine::new(Subject::Service(service.service.clone()), &service.service.to_string(), says)
    });
    let flows = prediction.flows.iter().map(|flow| {
        let says = format!("would be {} {}", flow.worst.title(), then(flow.worst, flow.at_end, flow.alternates));
        ForecastLine::new(Subject::Flow(flow.id.clone()), &format!("The flow {}", flow.id), says)
    });
    let forgotten = prediction.forgotten.iter().map(|(service, lost)| {
        ForecastLine::new(Subject::Service(service.clone()), &service.to_string(), format!("would start empty: {lost}"))
    });
    vips.chain(clusters).chain(apart).chain(forgotten).chain(services).chain(flows)
}

/// Of several entries, one may be out while others go on.
fn entries(prediction: &Prediction) -> impl Iterator<Item = ForecastLine> {
    let failing = prediction.entries.iter().filter(|entry| entry.failed > 0 && prediction.entries.len() > 1);
    let failing = failing.map(|entry| {
        let EntryForecast { ref id, requests, failed, longest_gap_ms: gap_ms, recovers_after_ms, answered_at_end, alternates, .. } = *entry;
        let says = Failing { requests, failed, gap_ms, recovers_after_ms, answered_at_end, alternates }.to_string();
        ForecastLine::new(Subject::Flow(id.clone()), &format!("By {id}:"), says)
    });
    let slower = prediction.entries.iter().filter_map(|entry| {
        let ms = |us: u64| format!("{}.{} ms", us / 1000, us % 1000 / 100);
        let (usual, with) = entry.slower_us()?;
        let says = format!("answers would take {} instead of {}", ms(with), ms(usual));
        Some(ForecastLine::new(Subject::Flow(entry.id.clone()), &format!("By {}:", entry.id), says))
    });
    failing.chain(slower)
}

fn moves(vip: &VipForecast) -> String {
    let before = holders(&vip.before);
    let mut text = match (vip.before == vip.after, vip.after.as_slice()) {
        (false, []) => format!("would leave {before}: no node would hold it at the end of the forecast"),
        (false, _) => format!("would move from {before} to {}", holders(&vip.after)),
        (true, _) if vip.alternates => format!("would leave {before} {NOW_AND_THEN}"),
        (true, _) => format!("would leave {before} for a while"),
    };
    if vip.alternates && vip.before != vip.after {
        text.push_str(&format!(", and be elsewhere {NOW_AND_THEN}"));
    }
    if vip.unheld_ms > 0 && !vip.after.is_empty() {
        text.push_str(&format!(", held by no node for {}", seconds(vip.unheld_ms)));
    }
    if vip.shared_ms > 0 {
        text.push_str(&format!(", held by several for {}", seconds(vip.shared_ms)));
    }
    text
}

fn holders(nodes: &[NodeName]) -> String {
    match nodes {
        [] => "no node".to_owned(),
        nodes => nodes.iter().map(NodeName::as_str).collect::<Vec<_>>().join(" and "),
    }
}

fn then(worst: Health, at_end: Health, alternates: bool) -> String {
    match at_end {
        _ if alternates => NOW_AND_THEN.to_owned(),
        at_end if at_end == worst => "and stay so".to_owned(),
        at_end => format!("and be {} again", at_end.title()),
    }
}

/// The part of some requests that fails: "1.7 %".
fn rate(failed: u64, requests: u64) -> String {
    let tenths = (failed * 1000).checked_div(requests).unwrap_or(0);
    if tenths == 0 && failed > 0 { "less than 0.1 %".to_owned() } else { format!("{}.{} %", tenths / 10, tenths % 10) }
}

/// How many of some requests would fail, and for how long.
struct Failing {
    requests: u64,
    failed: u64,
    gap_ms: u64,
    recovers_after_ms: Option<u64>,
    answered_at_end: bool,
    alternates: bool,
}

impl Failing {
    fn of(prediction: &Prediction) -> Self {
        let Prediction { requests, requests_failed, longest_gap_ms, recovers_after_ms, answered_at_end, alternates, .. } = *prediction;
        Self { requests, failed: requests_failed, gap_ms: longest_gap_ms, recovers_after_ms, answered_at_end, alternates }
    }
}

impl std::fmt::Display for Failing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} requests would fail", self.failed, self.requests)?;
        // A gap of a moment says nothing.
        if self.gap_ms >= GAP_MS_MIN {
            write!(f, ", with up to {} without a good answer", seconds(self.gap_ms))?;
        }
        match self.recovers_after_ms {
            _ if self.alternates => write!(f, "; they keep failing {NOW_AND_THEN} ({})", rate(self.failed, self.requests)),
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
    use crate::model::{ServiceForecast, VipForecast};

    #[test]
    fn what_lasts_to_the_end_is_said_to_stay_so() {
        let vip = VipForecast {
            vip: "store".parse().unwrap(),
            before: vec!["elm".parse().unwrap()],
            after: Vec::new(),
            unheld_ms: 20_000,
            shared_ms: 0,
            alternates: false,
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
            alternates: false,
            latency_us: Some(5000),
            usual_latency_us: Some(4900),
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
    fn a_rate_is_never_nothing_where_something_fails() {
        for (failed, requests, text) in
            [(0, 0, "0.0 %"), (0, 9, "0.0 %"), (1, 2400, "less than 0.1 %"), (41, 2400, "1.7 %"), (5, 5, "100.0 %")]
        {
            assert_eq!(rate(failed, requests), text);
        }
    }

    #[test]
    fn what_comes_and_goes_is_never_said_to_recover() {
        let service = |alternates| ServiceForecast {
            service: "app1/todo".parse().unwrap(),
            worst: Health::Degraded,
            at_end: Health::Healthy,
            alternates,
            reason: String::new(),
        };
        let cluster = crate::model::ClusterForecast { worst: ClusterState::Partial, at_end: ClusterState::Whole, alternates: true };
        let prediction = Prediction {
            services: vec![service(true), service(false)],
            clusters: [("data".parse().unwrap(), cluster)].into(),
            requests: 2400,
            requests_failed: 41,
            longest_gap_ms: 1700,
            answered_at_end: true,
            alternates: true,
            ..Prediction::default()
        };
        assert_eq!(
            sentences(&prediction),
            [
                "The cluster data would miss members and work on, now and then.",
                "app1/todo would be degraded now and then.",
                "app1/todo would be degraded and be healthy again.",
                "41 of 2400 requests would fail, with up to 1.7 s without a good answer; they keep failing now and then (1.7 %).",
            ]
        );
        assert_eq!(Outage::of(&prediction), Outage::NowAndThen);
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
                alternates: false,
            }],
            apart: vec![("bee/hive".parse().unwrap(), "wasp/hive".parse().unwrap())],
            services: vec![ServiceForecast {
                service: "app1/todo".parse().unwrap(),
                worst: Health::Down,
                at_end: Health::Healthy,
                alternates: false,
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
                "The VIP database would move from db1 to db2, held by no node for 1.2 s.",
                "bee/hive and wasp/hive would not see each other.",
                "app1/todo would be down (no database) and be healthy again.",
                "12 of 100 requests would fail, with up to 2.3 s without a good answer; none would be answered until the fault is healed.",
            ]
        );
    }
}
