//! `sandtable probe`: every flow of the contract, tried both ways.

use super::args::Target;
use super::{Format, Outcome as Exit, Result, Style, Terminal};
use crate::probe::{Need, Outcome, Verdict, judge};
use serde::Serialize;

/// What `probe` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
}

#[derive(Serialize)]
struct Report {
    lab: String,
    provider: String,
    kept: bool,
    flows: Vec<FlowLine>,
}

#[derive(Serialize)]
struct FlowLine {
    from: String,
    to: String,
    port: Option<u16>,
    optional: bool,
    outcome: &'static str,
    forward: bool,
    backward: bool,
    latency_ms: Option<f32>,
    reason: String,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let session = args.target.open_deployed()?;
    let observed = session.handle()?.observe()?;
    let verdicts = judge(&session.lab, &observed);
    let kept = !verdicts.iter().any(Verdict::breaks_contract);
    match args.target.format() {
        Format::Json => {
            let flows = verdicts.iter().map(flow_line).collect();
            terminal.json(&Report { lab: session.lab.name.clone(), provider: session.provider.to_string(), kept, flows })?;
        }
        Format::Text => {
            let rows: Vec<_> = verdicts.iter().map(row).collect();
            terminal.table(&rows);
            let good = verdicts.iter().filter(|verdict| verdict.outcome == Outcome::Good).count();
            let word = if kept { "kept" } else { "broken" };
            terminal.line(format_args!("{good} of {} flows good; the contract is {word}.", verdicts.len()));
        }
    }
    Ok(if kept { Exit::Good } else { Exit::Unwell })
}

fn flow_line(verdict: &Verdict) -> FlowLine {
    FlowLine {
        from: verdict.id.from.to_string(),
        to: verdict.id.to.to_string(),
        port: verdict.id.port,
        optional: verdict.need == Need::Optional,
        outcome: verdict.outcome.title(),
        forward: verdict.forward,
        backward: verdict.backward,
        latency_ms: verdict.latency_ms,
        reason: verdict.reason.clone(),
    }
}

fn row(verdict: &Verdict) -> Vec<(Style, String)> {
    let style = match (verdict.outcome, verdict.need) {
        (Outcome::Good, _) => Style::Good,
        (Outcome::Unknown, _) => Style::Faint,
        (_, Need::Optional) => Style::Warn,
        (_, Need::Mandatory) => Style::Bad,
    };
    let way = match (verdict.forward, verdict.backward) {
        (true, true) => "both ways",
        (true, false) => "there only",
        (false, true) => "back only",
        (false, false) => "no way",
    };
    vec![
        (Style::Strong, verdict.id.to_string()),
        (style, verdict.outcome.title().to_owned()),
        (Style::Plain, way.to_owned()),
        (Style::Faint, verdict.latency_ms.map_or_else(String::new, |ms| format!("{ms:.1} ms"))),
        (Style::Plain, verdict.reason.clone()),
    ]
}
