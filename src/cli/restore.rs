//! `sandtable restore`: takes a node back to a snapshot.

use super::args::Target;
use super::follow::{confirm, finish, run as follow, with_messages};
use super::snapshot::show;
use super::{Format, Result, Terminal};
use crate::model::Health;
use crate::session::Ending;

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
    let session = args.target.open_deployed()?;
    let mut stderr = Terminal::stderr();
    let out = if args.target.format() == Format::Json { &mut stderr } else { &mut *terminal };
    let (node, snapshot, prepared) =
        with_messages(out, |monitor| session.prepare_restore(&args.node, args.snapshot.as_deref(), monitor))?;
    if !args.yes {
        confirm(out, &format!("What {node} did since {snapshot} is lost. Restore?"))?;
    }
    let (finished, _) = follow(prepared, out)?;
    let (ending, now) = (&finished.ending, &finished.observed);
    match args.target.format() {
        Format::Json => {
            show(args.target.format(), &session, now, (std::slice::from_ref(&node), *ending == Ending::Done), terminal)?;
        }
        Format::Text if *ending == Ending::Done => {
            let next = format!("what is drawn and was not there then comes by: sandtable deploy {}", args.target.shown());
            let restored = finished.restored(&node, &snapshot);
            terminal.line(format_args!("{restored}; {next}"));
            for active in &restored.faults {
                terminal.line(format_args!("heal {} with: sandtable heal {} {}", active.fault, args.target.shown(), active.id));
            }
        }
        Format::Text => {}
    }
    finish(ending, Health::Healthy)
}
