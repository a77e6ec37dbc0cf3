//! `sandtable destroy`: removes all of a deployed lab. It needs the lab's state, or the hypervisor's ownership tags, and no layout
//! that can be read.

use super::args::Running;
use super::deploy::{confirm, finish, follow, forget, open_journal};
use super::place::{Place, provider_failed, wait};
use super::{Failure, Format, Outcome, Result, Terminal};
use crate::deploy::{Ending, labs};
use crate::host::state::Wait;
use crate::model::Health;
use crate::plan::destroy;
use serde::Serialize;
use std::sync::Arc;

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
    let place = args.lab.open()?;
    if !place.is_deployed && !is_found(&args, &place)? {
        return nothing(&args, &place, terminal);
    }
    let mut stderr = Terminal::stderr();
    let out = if args.lab.format() == Format::Json { &mut stderr } else { &mut *terminal };
    if !args.yes {
        confirm(out, &format!("All machines of {} on {} are removed, with their disks. Destroy?", place.lab.name, place.on))?;
    }
    let (locked, provider) = place.provider_locked()?;
    let mut journal = open_journal(&locked)?;
    if !place.is_deployed {
        // If this is interrupted, the next call must find what is left.
        place.record(&locked)?;
    }
    let observed = wait(provider.observe())?.map_err(provider_failed)?;
    let plan = destroy(&observed);
    let (ending, results) = follow(&plan, &observed, &provider, &mut journal, out)?;
    let now = wait(provider.observe())?.map_err(provider_failed)?;
    drop((provider, journal));
    let is_gone = ending == Ending::Done && now.is_empty();
    if is_gone {
        forget(locked)?;
    }
    let removed = results.into_iter().filter(|(_, (result, _))| *result == "done").map(|(id, _)| id).collect();
    match args.lab.format() {
        Format::Json => terminal.json(&report(&place, removed, !is_gone))?,
        Format::Text if is_gone => terminal.line(format_args!("Nothing of {} is left on {}.", place.lab.name, place.on)),
        Format::Text => terminal.line(format_args!("Part of {} is left on {}; destroy again.", place.lab.name, place.on)),
    }
    finish(&ending, if is_gone { Health::Healthy } else { Health::Down })
}

/// Whether a provider that was named has machines or networks with the ownership tag of a lab that no state is kept of.
fn is_found(args: &Args, place: &Place) -> Result<bool> {
    if args.lab.on.is_none() {
        return Ok(false);
    }
    let observed = wait(place.provider()?.observe())?.map_err(provider_failed)?;
    if !observed.is_empty() {
        super::note(&format!(
            "no state of {} is kept on this computer, but {} has {} nodes and {} networks with its ownership tag",
            place.lab.name,
            place.on,
            observed.nodes.len(),
            observed.networks.len()
        ));
    }
    Ok(!observed.is_empty())
}

/// Says that there is nothing to destroy, as far as that is known.
fn nothing(args: &Args, place: &Place, terminal: &mut Terminal) -> Result {
    if let Some(layout) = &args.lab.layout
        && let Some(hint) = labs::moved_hint(layout, &place.moved()?)
    {
        return Err(Failure::input(format!("{} is not deployed from this file; {hint}", place.lab.name)));
    }
    if let Some(hint) = place.unreadable() {
        super::note(&hint);
    }
    if place.folder.exists() {
        // A lock, a journal of nothing: left by a call that ended before it made anything.
        forget(Arc::new(place.folder.lock(Wait::No)?))?;
    }
    match (args.lab.format(), &args.lab.on) {
        (Format::Json, _) => terminal.json(&report(place, Vec::new(), false))?,
        (Format::Text, Some(on)) => terminal.line(format_args!(
            "{} is not deployed on {on}, which has no machine with its ownership tag: nothing to destroy.",
            place.lab.name
        )),
        (Format::Text, None) => terminal.line(format_args!(
            "{} is not deployed as far as this computer's state says: nothing to destroy. To ask a hypervisor: sandtable destroy {} --on \
             virtualbox, or --on incus",
            place.lab.name,
            args.lab.shown()
        )),
    }
    Ok(Outcome::Good)
}

fn report(place: &Place, removed: Vec<String>, left: bool) -> Report {
    Report { lab: place.lab.name.clone(), provider: place.on.to_string(), removed, left }
}
