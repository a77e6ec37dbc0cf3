//! `sandtable snapshot`: keeps nodes as they are, for `sandtable restore`.

use super::args::Target;
use super::follow::{finish, run as follow, with_messages};
use super::{Failure, Format, Outcome, Result, Terminal};
use crate::model::{Health, NodeName, Observed};
use crate::session::{Session, SessionError, SnapshotTask, Snapshots};
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
    let session = args.target.open_deployed()?;
    if args.list {
        let observed = session.handle()?.observe()?;
        let nodes = Session::deployed_nodes(&observed, args.node.as_deref())?;
        return show(args.target.format(), &session, &observed, (&nodes, false), terminal);
    }
    let task = match (args.delete, args.replace) {
        (true, _) => SnapshotTask::Delete,
        (false, true) => SnapshotTask::Replace,
        (false, false) => SnapshotTask::Take,
    };
    let wanted = Snapshots { task, node: args.node.clone(), name: args.name.clone() };
    let mut stderr = Terminal::stderr();
    let out = if args.target.format() == Format::Json { &mut stderr } else { &mut *terminal };
    let prepared = with_messages(out, |monitor| Ok(session.prepare_snapshots(&wanted, monitor)))?;
    let (nodes, prepared) = prepared.map_err(|error| refused(error, &args.target.shown().to_string()))?;
    let (finished, results) = follow(prepared, out)?;
    if args.target.format() == Format::Json {
        let changed = results.values().any(|(result, _)| *result == "done");
        show(args.target.format(), &session, &finished.observed, (&nodes, changed), terminal)?;
    }
    finish(&finished.ending, Health::Healthy)
}

/// An error with the commands to type next.
fn refused(error: SessionError, layout: &str) -> Failure {
    let SessionError::SnapshotsExist(existing) = &error else { return error.into() };
    let Some((node, snapshot)) = existing.first() else { return error.into() };
    Failure::input(format!(
        "{error}. Keep both with another name: sandtable snapshot {layout} {node} NAME. \
         Or replace what exists: --replace. To see all: sandtable snapshot {layout} --list. To go back: sandtable restore {layout} {node} {snapshot}"
    ))
}

/// Whether a name can be a snapshot's with every hypervisor.
fn is_name(name: &str) -> bool {
    let is_plain = name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.'));
    is_plain && (1..=64).contains(&name.chars().count()) && !name.starts_with(['-', '.'])
}

/// Says which snapshots nodes have, and whether that is new.
pub(super) fn show(format: Format, session: &Session, seen: &Observed, (nodes, changed): (&[NodeName], bool), terminal: &mut Terminal) -> Result {
    let of = |node: &NodeName| seen.nodes.get(node).map(|node| node.snapshots.clone()).unwrap_or_default();
    match format {
        Format::Json => {
            let nodes = nodes.iter().map(|node| (node.to_string(), of(node))).collect();
            terminal.json(&Report { lab: session.lab.name.clone(), provider: session.provider.to_string(), nodes, changed })?;
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
