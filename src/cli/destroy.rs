//! `sandtable destroy`: leaves nothing of a deployed lab.

use super::deploy::{confirm, finish, follow, forget};
use super::args::Target;
use super::place::{Place, provider_failed, wait};
use super::{Format, Outcome, Result, Terminal};
use crate::deploy::{Ending, Journal};
use crate::model::Health;
use crate::plan::destroy;
use serde::Serialize;

/// What `destroy` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Report {
    lab: String,
    provider: &'static str,
    removed: Vec<String>,
    left: bool,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let place = args.target.open_or_sim()?;
    if !place.folder.exists() {
        match args.target.format() {
            Format::Json => terminal.json(&report(&place, Vec::new(), false))?,
            Format::Text => terminal.line(format_args!("{} is not deployed: nothing to destroy.", place.lab.name)),
        }
        return Ok(Outcome::Good);
    }
    if !args.yes {
        confirm(terminal, &format!("All machines of {} go, with their disks. Destroy?", place.lab.name))?;
    }
    let (locked, provider) = place.provider_locked()?;
    let mut journal = Journal::open(&locked).map_err(|error| super::Failure::Provider(error.into()))?;
    let observed = wait(provider.observe())?.map_err(provider_failed)?;
    let plan = destroy(&observed);
    let mut stderr = Terminal::stderr();
    let out = if args.target.format() == Format::Json { &mut stderr } else { &mut *terminal };
    let (ending, results) = follow(&plan, &observed, &provider, &mut journal, out)?;
    let now = wait(provider.observe())?.map_err(provider_failed)?;
    drop((provider, journal));
    let is_gone = ending == Ending::Done && now.is_empty();
    if is_gone {
        forget(locked)?;
    }
    let removed = results.into_iter().filter(|(_, (result, _))| *result == "done").map(|(id, _)| id).collect();
    match args.target.format() {
        Format::Json => terminal.json(&report(&place, removed, !is_gone))?,
        Format::Text if is_gone => terminal.line(format_args!("Nothing of {} is left on {}.", place.lab.name, place.on)),
        Format::Text => terminal.line(format_args!("Part of {} is left on {}; destroy again.", place.lab.name, place.on)),
    }
    finish(&ending, if is_gone { Health::Healthy } else { Health::Down })
}

fn report(place: &Place, removed: Vec<String>, left: bool) -> Report {
    Report { lab: place.lab.name.clone(), provider: place.on.title(), removed, left }
}
