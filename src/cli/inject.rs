//! `sandtable inject`: says what a fault would take with it, and breaks it.

use super::args::Target;
use super::{Failure, Format, Outcome, Result, Style, Terminal};
use crate::activity::sentences;
use crate::model::{Author, ClusterForecast, ClusterState, Fault, Health, NodeName, Prediction, fault_secs};
use crate::session::{FaultDuration, InjectOptions};
use serde::Serialize;
use std::collections::BTreeMap;

/// What `inject` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = verbs())]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// What to break: a verb and what it falls on, such as: stop db1/galera
    #[arg(required = true, num_args = 1.., value_name = "FAULT")]
    fault: Vec<String>,
    /// How long it may last before it heals by itself, such as 90s or 5m; on real nodes 10m where this is not said
    #[arg(long = "for", value_name = "TIME", value_parser = fault_secs)]
    seconds: Option<u32>,
    /// Only say what it would do
    #[arg(long)]
    predict: bool,
}

impl Args {
    fn duration(&self) -> FaultDuration {
        self.seconds.map_or(FaultDuration::Usual, FaultDuration::Secs)
    }
}

#[derive(Serialize)]
struct Report {
    lab: String,
    provider: String,
    id: Option<u64>,
    what: &'static str,
    on: String,
    predicted: Option<Predicted>,
}

#[derive(Serialize)]
struct Predicted {
    says: Vec<String>,
    /// Why nothing would be noticed, where that is so and needs words.
    because: Option<&'static str>,
    requests: u64,
    requests_failed: u64,
    longest_gap_ms: u64,
    recovers_after_ms: Option<u64>,
    answered_at_end: bool,
    /// Whether requests would keep failing now and then.
    alternates: bool,
    entries: Vec<EntryPredicted>,
    services: Vec<ServicePredicted>,
    flows: Vec<FlowPredicted>,
    vips: Vec<VipPredicted>,
    clusters: BTreeMap<String, ClusterPredicted>,
    /// Services that would start empty, and what is lost with what they kept in memory.
    forgotten: Vec<(String, String)>,
    /// Members of a mesh that would not see each other.
    apart: Vec<(String, String)>,
}

#[derive(Serialize)]
struct EntryPredicted {
    from: String,
    to: String,
    port: Option<u16>,
    /// The mean time to a good answer towards the end, with the fault and without it.
    latency_ms: Option<f64>,
    usual_latency_ms: Option<f64>,
    requests: u64,
    requests_failed: u64,
    longest_gap_ms: u64,
    recovers_after_ms: Option<u64>,
    answered_at_end: bool,
    /// Whether requests would keep failing now and then.
    alternates: bool,
}

#[derive(Serialize)]
struct ServicePredicted {
    service: String,
    worst: Health,
    at_end: Health,
    alternates: bool,
    reason: String,
}

#[derive(Serialize)]
struct FlowPredicted {
    from: String,
    to: String,
    port: Option<u16>,
    worst: Health,
    at_end: Health,
    alternates: bool,
}

#[derive(Serialize)]
struct VipPredicted {
    vip: String,
    before: Vec<String>,
    after: Vec<String>,
    unheld_ms: u64,
    shared_ms: u64,
    alternates: bool,
}

#[derive(Serialize)]
struct ClusterPredicted {
    worst: ClusterState,
    at_end: ClusterState,
    alternates: bool,
}

impl Predicted {
    fn of(one: &Prediction, says: Vec<String>) -> Self {
        let texts = |nodes: &[NodeName]| nodes.iter().map(ToString::to_string).collect();
        let entries = one.entries.iter().map(|entry| EntryPredicted {
            from: entry.id.from.to_string(),
            to: entry.id.to.to_string(),
            port: entry.id.port,
            requests: entry.requests,
            requests_failed: entry.failed,
            longest_gap_ms: entry.longest_gap_ms,
            recovers_after_ms: entry.recovers_after_ms,
            answered_at_end: entry.answered_at_end,
            alternates: entry.alternates,
            latency_ms: entry.latency_us.map(ms),
            usual_latency_ms: entry.usual_latency_us.map(ms),
        });
        let services = one.services.iter().map(|service| ServicePredicted {
            service: service.service.to_string(),
            worst: service.worst,
            at_end: service.at_end,
            alternates: service.alternates,
            reason: service.reason.clone(),
        });
        let flows = one.flows.iter().map(|flow| FlowPredicted {
            from: flow.id.from.to_string(),
            to: flow.id.to.to_string(),
            port: flow.id.port,
            worst: flow.worst,
            at_end: flow.at_end,
            alternates: flow.alternates,
        });
        let vips = one.vips.iter().map(|vip| VipPredicted {
            vip: vip.vip.to_string(),
            before: texts(&vip.before),
            after: texts(&vip.after),
            unheld_ms: vip.unheld_ms,
            shared_ms: vip.shared_ms,
            alternates: vip.alternates,
        });
        let clusters = one.clusters.iter();
        let predicted = |one: &ClusterForecast| ClusterPredicted { worst: one.worst, at_end: one.at_end, alternates: one.alternates };
        let clusters = clusters.map(|(name, one)| (name.to_string(), predicted(one)));
        Self {
            says,
            because: one.because,
            requests: one.requests,
            requests_failed: one.requests_failed,
            longest_gap_ms: one.longest_gap_ms,
            recovers_after_ms: one.recovers_after_ms,
            answered_at_end: one.answered_at_end,
            alternates: one.alternates,
            entries: entries.collect(),
            services: services.collect(),
            flows: flows.collect(),
            vips: vips.collect(),
            clusters: clusters.collect(),
            forgotten: one.forgotten.iter().map(|(service, lost)| (service.to_string(), lost.clone())).collect(),
            apart: one.apart.iter().map(|(one, other)| (one.to_string(), other.to_string())).collect(),
        }
    }
}

/// Microseconds as milliseconds, to a tenth.
fn ms(us: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "no answer takes years")]
    let tenths = (us / 100) as f64;
    tenths / 10.0
}

/// The manual of the verbs, from their one table.
fn verbs() -> String {
    let mut text = String::from("Faults:\n");
    for verb in Fault::VERBS {
        let usage = format!("{} {}", verb.word, verb.takes);
        text.push_str(&format!("  {usage:<34} {}\n", verb.does));
    }
    text
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    // One word each, or all in one quoted text.
    let words: Vec<&str> = match args.fault.as_slice() {
        [one] => one.split_whitespace().collect(),
        many => many.iter().map(String::as_str).collect(),
    };
    let words: Vec<String> = words.into_iter().map(super::usage::typed).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let fault = Fault::from_words(&words).map_err(Failure::input)?;
    let session = args.target.open_deployed()?;
    let predicted = session.predict(&fault, args.seconds.map(|secs| u64::from(secs) * 1000))?;
    let says = predicted.as_ref().map(sentences).unwrap_or_default();
    if args.target.format() == Format::Text {
        if !args.predict && !says.is_empty() {
            terminal.line("Forecast from before the injection:");
        }
        says.iter().for_each(|sentence| terminal.line(sentence));
        terminal.show();
    }
    let options = InjectOptions { duration: args.duration(), by: Author::CommandLine };
    let id = if args.predict { None } else { Some(session.inject(&fault, options)?) };
    match args.target.format() {
        Format::Json => {
            let predicted = predicted.map(|one| Predicted::of(&one, says));
            let (what, on) = (fault.word(), fault.on());
            terminal.json(&Report { lab: session.lab.name.clone(), provider: session.provider.to_string(), id, what, on, predicted })?;
        }
        Format::Text => {
            if let Some(id) = id {
                let word = terminal.paint(Style::Bad, "injected");
                let next = match fault.is_over_at_once() {
                    false => format!("heal it with: sandtable heal {} {id}", args.target.shown()),
                    true => "over at once, nothing to heal".to_owned(),
                };
                terminal.line(format_args!("{word} {id}: {fault} ({next})"));
            }
        }
    }
    Ok(Outcome::Good)
}
