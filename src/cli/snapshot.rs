//! `sandtable snapshot`: keeps nodes as they are, for `sandtable restore`.

use super::args::Target;
use super::deploy::{finish, follow, open_journal};
use super::place::{Place, provider_failed, wait};
use super::{Failure, Format, Outcome, Result, Terminal};
use crate::model::{Health, NodeName, Observed, Power};
use crate::plan::{delete_snapshots, existing_snapshots, snapshot_name, take_snapshots};
use serde::Serialize;
use std::collections::BTreeMap;

/// What `snapshot` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// The node; all where none is named
    node: Option<String>,
    /// What to call it; NODE-configured where nothing is said
    #[arg(conflicts_with = "list")]
    name: Option<String>,
    /// List what there is
    #[arg(long)]
    list: bool,
    /// Delete it instead of taking it
    #[arg(long, conflicts_with = "list")]
    delete: bool,
    /// Take it in the place of one that has the same name, which is deleted
    #[arg(long, conflicts_with_all = ["list", "delete"])]
    replace: bool,
}

#[derive(Serialize)]
struct Report {
    lab: String,
    provider: String,
    nodes: BTreeMap<String, Vec<String>>,
    changed: bool,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    if let Some(name) = args.name.as_deref().filter(|name| !is_name(name)) {
        return Err(Failure::input(format!("{name:?} is no name of a snapshot: letters, digits, dashes, dots and underscores, at most 64")));
    }
    let place = args.target.open_deployed()?;
    if args.list {
        let seen = wait(place.provider()?.observe())?.map_err(provider_failed)?;
        let nodes = chosen(args.node.as_deref(), &seen)?;
        return show(args.target.format(), &place, &seen, (&nodes, false), terminal);
    }
    let (locked, provider) = place.provider_locked()?;
    let mut journal = open_journal(&locked)?;
    let seen = wait(provider.observe())?.map_err(provider_failed)?;
    let nodes = chosen(args.node.as_deref(), &seen)?;
    let named: Vec<_> = nodes.iter().map(|node| (node.clone(), args.name.clone().unwrap_or_else(|| snapshot_name(node)))).collect();
    if !args.delete && !args.replace {
        refuse_existing(&named, &seen, &args.target.shown().to_string())?;
    }
    let plan = if args.delete { delete_snapshots(&named) } else { take_snapshots(&named, &seen) };
    let mut stderr = Terminal::stderr();
    let out = if args.target.format() == Format::Json { &mut stderr } else { &mut *terminal };
    let (ending, results) = follow(&plan, &seen, &provider, &mut journal, out)?;
    if args.target.format() == Format::Json {
        let seen = wait(provider.observe())?.map_err(provider_failed)?;
        let changed = results.values().any(|(result, _)| *result == "done");
        show(args.target.format(), &place, &seen, (&nodes, changed), terminal)?;
    }
    finish(&ending, Health::Healthy)
}

/// A snapshot that exists is not overwritten without being asked to.
fn refuse_existing(named: &[(NodeName, String)], seen: &Observed, layout: &str) -> Result<()> {
    let existing = existing_snapshots(named, seen);
    let Some((node, snapshot)) = existing.first() else { return Ok(()) };
    let all = existing.iter().map(|(node, snapshot)| format!("{node} has a snapshot {snapshot:?}")).collect::<Vec<_>>().join(", ");
    Err(Failure::input(format!(
        "{all} already, so nothing was done. Keep both with another name: sandtable snapshot {layout} {node} NAME. \
         Or replace what exists: --replace. To see all: sandtable snapshot {layout} --list. To go back: sandtable restore {layout} {node} {snapshot}"
    )))
}

/// Whether a name can be a snapshot's with every hypervisor.
fn is_name(name: &str) -> bool {
    let is_plain = name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.'));
    is_plain && (1..=64).contains(&name.chars().count()) && !name.starts_with(['-', '.'])
}

/// The nodes that are there.
fn there(seen: &Observed) -> impl Iterator<Item = &NodeName> {
    seen.nodes.iter().filter(|(_, node)| node.power != Power::Missing).map(|(name, _)| name)
}

/// The node of a name.
pub(super) fn find(name: &str, seen: &Observed) -> Result<NodeName> {
    there(seen).find(|node| node.as_str() == name).cloned().ok_or_else(|| {
        let all = there(seen).map(|node| node.as_str()).collect::<Vec<_>>().join(", ");
        Failure::input(format!("no node {name:?} is deployed; there are: {all}"))
    })
}

/// The node that is named, or all that are there.
fn chosen(name: Option<&str>, seen: &Observed) -> Result<Vec<NodeName>> {
    match name {
        Some(name) => Ok(vec![find(name, seen)?]),
        None => Ok(there(seen).cloned().collect()),
    }
}

/// Says which snapshots nodes have, and whether that is new.
pub(super) fn show(format: Format, place: &Place, seen: &Observed, (nodes, changed): (&[NodeName], bool), terminal: &mut Terminal) -> Result {
    let of = |node: &NodeName| seen.nodes.get(node).map(|node| node.snapshots.clone()).unwrap_or_default();
    match format {
        Format::Json => {
            let nodes = nodes.iter().map(|node| (node.to_string(), of(node))).collect();
            terminal.json(&Report { lab: place.lab.name.clone(), provider: place.on.to_string(), nodes, changed })?;
        }
        Format::Text => {
            let width = nodes.iter().map(|node| node.as_str().chars().count()).max().unwrap_or_default();
            for node in nodes {
                let names = of(node);
                let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                terminal.line(format_args!("{node:width$}  {names}"));
            }
        }
    }
    Ok(Outcome::Good)
}
