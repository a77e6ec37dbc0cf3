//! `sandtable snapshot` and `sandtable restore`: a node's state kept under a name, and gone back to.

use super::args::Target;
use super::place::{provider_failed, wait};
use super::{Format, Outcome, Result, Terminal};
use crate::model::NodeName;
use crate::provider::Done;
use serde::Serialize;

/// What `snapshot` takes; `restore` takes the same.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// The node
    node: NodeName,
    /// The snapshot's name; left out: NODE-configured
    name: Option<String>,
}

#[derive(Serialize)]
struct Report {
    lab: String,
    provider: String,
    node: String,
    snapshot: String,
    changed: bool,
}

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Keep,
    Back,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    go(args, Way::Keep, terminal)
}

pub(super) fn go(args: Args, way: Way, terminal: &mut Terminal) -> Result {
    let place = args.target.open_deployed()?;
    let name = args.name.unwrap_or_else(|| format!("{}-configured", args.node));
    let (_locked, provider) = place.provider_locked()?;
    let done = match way {
        Way::Keep => wait(provider.snapshot(&args.node, &name)),
        Way::Back => wait(provider.restore(&args.node, &name)),
    }?
    .map_err(provider_failed)?;
    let changed = done == Done::Changed;
    match args.target.format() {
        Format::Json => terminal.json(&Report {
            lab: place.lab.name.clone(),
            provider: place.on.to_string(),
            node: args.node.to_string(),
            snapshot: name,
            changed,
        })?,
        Format::Text => {
            let what = match (way, changed) {
                (Way::Keep, true) => "is kept as",
                (Way::Keep, false) => "has already the snapshot",
                (Way::Back, _) => "is back at",
            };
            terminal.line(format_args!("{} {what} {name}.", args.node));
        }
    }
    Ok(Outcome::Good)
}
