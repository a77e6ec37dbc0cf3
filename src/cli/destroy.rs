//! `sandtable destroy`: removes all of a deployed lab. It needs the lab's state, or the hypervisor's ownership tags, and no layout
//! that can be read.

use super::args::Running;
use super::follow::{confirm, finish, run as follow, with_messages};
use super::{Failure, Format, Outcome, Result, Terminal};
use crate::model::Health;
use crate::session::Session;
use serde::Serialize;

/// What `destroy` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    lab: Running,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Report {
    lab: String,
    provider: String,
    removed: Vec<String>,
    left: bool,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let session = args.lab.open()?;
    if !session.is_deployed() && !is_found(&args, &session)? {
        return nothing(&args, &session, terminal);
    }
    let mut stderr = Terminal::stderr();
    let out = if args.lab.format() == Format::Json { &mut stderr } else { &mut *terminal };
    if !args.yes {
        confirm(out, &format!("All machines of {} on {} are removed, with their disks. Destroy?", session.lab.name, session.provider))?;
    }
    let prepared = with_messages(out, |monitor| session.prepare_destroy(monitor))?;
    let (finished, results) = follow(prepared, out)?;
    let (ending, is_gone) = (finished.ending, finished.is_gone);
    let removed = results.into_iter().filter(|(_, (result, _))| *result == "done").map(|(id, _)| id).collect();
    match args.lab.format() {
        Format::Json => terminal.json(&report(&session, removed, !is_gone))?,
        Format::Text if is_gone => terminal.line(format_args!("Nothing of {} is left on {}.", session.lab.name, session.provider)),
        Format::Text => terminal.line(format_args!("Part of {} is left on {}; destroy again.", session.lab.name, session.provider)),
    }
    finish(&ending, if is_gone { Health::Healthy } else { Health::Down })
}

/// Whether a provider that was named has machines or networks with the ownership tag of a lab that no state is kept of.
fn is_found(args: &Args, session: &Session) -> Result<bool> {
    if args.lab.on.is_none() {
        return Ok(false);
    }
    let observed = session.handle()?.observe()?;
    if !observed.is_empty() {
        super::note(&format!(
            "no state of {} is kept on this computer, but {} has {} nodes and {} networks with its ownership tag",
            session.lab.name,
            session.provider,
            observed.nodes.len(),
            observed.networks.len()
        ));
    }
    Ok(!observed.is_empty())
}

/// Says that there is nothing to destroy, as far as that is known.
fn nothing(args: &Args, session: &Session, terminal: &mut Terminal) -> Result {
    if let Some(layout) = &args.lab.layout
        && let Some(hint) = session.moved_hint(layout)?
    {
        return Err(Failure::input(format!("{} is not deployed from this file; {hint}", session.lab.name)));
    }
    if let Some(hint) = session.unreadable_hint() {
        super::note(&hint);
    }
    with_messages(terminal, |monitor| session.remove_empty_state(monitor))?;
    match (args.lab.format(), &args.lab.on) {
        (Format::Json, _) => terminal.json(&report(session, Vec::new(), false))?,
        (Format::Text, Some(on)) => terminal.line(format_args!(
            "{} is not deployed on {on}, which has no machine with its ownership tag: nothing to destroy.",
            session.lab.name
        )),
        (Format::Text, None) => terminal.line(format_args!(
            "{} is not deployed as far as this computer's state says: nothing to destroy. To ask a hypervisor: sandtable destroy {} --on \
             virtualbox, or --on incus",
            session.lab.name,
            args.lab.shown()
        )),
    }
    Ok(Outcome::Good)
}

fn report(session: &Session, removed: Vec<String>, left: bool) -> Report {
    Report { lab: session.lab.name.clone(), provider: session.provider.to_string(), removed, left }
}
