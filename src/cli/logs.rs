//! `sandtable logs`: what was logged of a node's set-up, also while a deployment runs.

use super::args::Target;
use super::{Failure, Format, Outcome, Result, Style, Terminal};
use crate::model::NodeName;
use serde::Serialize;

/// What `logs` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// The node
    node: String,
    /// Only the log of this step
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
}

#[derive(Serialize)]
struct Report {
    lab: String,
    node: String,
    steps: Vec<StepLine>,
}

#[derive(Serialize)]
struct StepLine {
    step: String,
    age_secs: u64,
    text: String,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let session = args.target.open_deployed()?;
    let node: NodeName = args.node.parse().map_err(|why| Failure::input(format!("{:?} is no node: {why}", args.node)))?;
    if !session.lab.nodes.contains_key(&node) {
        let known: Vec<&str> = session.lab.nodes.keys().map(|name| name.as_str()).collect();
        return Err(Failure::input(format!("there is no node {node}; the lab has {}", known.join(", "))));
    }
    let logs = session.step_logs(&node)?.into_iter();
    let all: Vec<StepLine> = logs.map(|log| StepLine { step: log.step, age_secs: log.age_secs, text: log.text }).collect();
    let known: Vec<String> = all.iter().map(|line| line.step.clone()).collect();
    let steps: Vec<StepLine> = all.into_iter().filter(|line| args.step.as_ref().is_none_or(|step| *step == line.step)).collect();
    if let Some(step) = args.step.as_ref().filter(|_| steps.is_empty()) {
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(Failure::input(format!("{node} has no log of a step {step}; it has {known}")));
    }
    if args.target.format() == Format::Json {
        terminal.json(&Report { lab: session.lab.name.clone(), node: node.to_string(), steps })?;
        return Ok(Outcome::Good);
    }
    if steps.is_empty() {
        terminal.line(format_args!("nothing is logged of {node}; a simulated node runs no commands"));
    }
    for line in &steps {
        terminal.line(format_args!("{} ({} s ago)", terminal.paint(Style::Strong, &line.step), line.age_secs));
        line.text.lines().for_each(|text| terminal.line(text));
    }
    Ok(Outcome::Good)
}
