//! `sandtable restore`: takes a node back to a snapshot.

use super::args::Target;
use super::deploy::{confirm, finish, follow, open_journal, settled};
use super::place::{provider_failed, wait};
use super::snapshot::{find, show};
use super::{Failure, Format, Result, Terminal};
use crate::catalog::Catalog;
use crate::deploy::Ending;
use crate::model::Health;
use crate::plan::{desired, restore, snapshot_name};
use crate::probe;

/// What `restore` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// The node
    node: String,
    /// The snapshot; NODE-configured where nothing is said
    snapshot: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let place = args.target.open_deployed()?;
    let (locked, provider) = place.provider_locked()?;
    let mut journal = open_journal(&locked)?;
    let seen = wait(provider.observe())?.map_err(provider_failed)?;
    let node = &find(&args.node, &seen)?;
    let snapshot = args.snapshot.unwrap_or_else(|| snapshot_name(node));
    let there = seen.nodes.get(node).map(|node| node.snapshots.as_slice()).unwrap_or_default();
    if !there.contains(&snapshot) {
        let has = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        return Err(Failure::input(format!("{node} has no snapshot {snapshot:?}; it has: {has}")));
    }
    let mut stderr = Terminal::stderr();
    let out = if args.target.format() == Format::Json { &mut stderr } else { &mut *terminal };
    if !args.yes {
        confirm(out, &format!("What {node} did since {snapshot} is lost. Restore?"))?;
    }
    let plan = restore(node, &snapshot, &desired(&place.lab, Catalog::embedded(), &place.id), &seen);
    let (ending, _) = follow(&plan, &seen, &provider, &mut journal, out)?;
    let was_well = probe::health(&place.lab, &seen) == Health::Healthy;
    let now = if ending == Ending::Done && was_well {
        settled(&place.lab, &provider, &plan, &seen, out)?
    } else {
        wait(provider.observe())?.map_err(provider_failed)?
    };
    match args.target.format() {
        Format::Json => {
            show(args.target.format(), &place, &now, (std::slice::from_ref(node), ending == Ending::Done), terminal)?;
        }
        Format::Text if ending == Ending::Done => {
            let next = format!("what is drawn and was not there then comes by: sandtable deploy {}", args.target.shown());
            terminal.line(format_args!("{node} is as it was at {snapshot}; {next}"));
        }
        Format::Text => {}
    }
    finish(&ending, Health::Healthy)
}
