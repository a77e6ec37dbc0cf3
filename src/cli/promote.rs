//! `sandtable promote`: makes a replica the primary.

use super::args::Running;
use super::place::{Place, provider_failed, wait};
use super::{Failure, Format, Outcome, Result, Style, Terminal};
use crate::catalog::Catalog;
use crate::model::{Observed, ServiceRef};
use crate::plan::{OldPrimary, Promotion, promotable, promotion};
use crate::provider::Done;
use serde::Serialize;
use tokio::sync::mpsc;

/// How long the replica may take until it takes writes, in milliseconds of the provider's clock.
const TAKES_WRITES_MS_MAX: u64 = 60_000;
/// Lines that may wait for the terminal.
const SAID_MAX: usize = 64;

/// What `promote` takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Writes that the replica had not copied yet are lost. The old primary is not changed: when it comes back, it takes writes as a \
                  second primary. Keep it off until the layout says which of the two is the primary; `plan` reports the difference and \
                  how to end it, and `deploy` is refused until then."
)]
pub(super) struct Args {
    #[command(flatten)]
    lab: Running,
    /// The replica
    #[arg(value_name = "NODE/SERVICE")]
    replica: Option<ServiceRef>,
    /// Promote although the primary may still take writes: their data will differ
    #[arg(long)]
    force: bool,
}

#[derive(Serialize)]
struct Report {
    lab: String,
    provider: String,
    service: String,
    /// What it copied from.
    old_primary: Option<String>,
    changed: bool,
    takes_writes: bool,
    /// Replicas that copy from it now.
    followers: Vec<String>,
    /// Replicas that still copy from the old primary.
    stale: Vec<String>,
}

pub(super) fn run(mut args: Args, terminal: &mut Terminal) -> Result {
    if args.lab.lab.is_some() && args.replica.is_none() {
        // The lab is named, so the first word is the replica.
        let word = args.lab.layout.take().map(|word| word.to_string_lossy().into_owned());
        args.replica = word.map(|word| word.parse().map_err(Failure::input)).transpose()?;
    }
    let place = args.lab.open_deployed()?;
    let Some(at) = &args.replica else { return Err(Failure::input("say which replica to promote: NODE/SERVICE")) };
    if place.lab.service(at).is_none() {
        return Err(Failure::input(format!("there is no service {at} in the layout")));
    }
    let (_locked, provider) = place.provider_locked()?;
    let observed = wait(provider.observe())?.map_err(provider_failed)?;
    let old = if args.force { OldPrimary::Any } else { OldPrimary::Down };
    let planned = promotion(&place.lab, Catalog::embedded(), &place.id, &observed, at, old);
    let planned = planned.map_err(|refused| Failure::input(refused.why + &known(&observed, at)))?;
    let mut stderr = Terminal::stderr();
    let out = if args.lab.format() == Format::Json { &mut stderr } else { &mut *terminal };
    let (done, now) = match &planned {
        None => (Done::AlreadySo, observed),
        Some(planned) => {
            let done = follow(planned, provider.as_ref(), out)?;
            let is_done = |seen: &Observed| takes_writes(seen, at) && planned.followers.iter().all(|(one, _)| follows(seen, one, at));
            (done, wait(provider.settle(&is_done, TAKES_WRITES_MS_MAX))?.map_err(provider_failed)?)
        }
    };
    let report = report(&place, at, planned.as_ref(), done, &now);
    let works = report.takes_writes;
    match args.lab.format() {
        Format::Json => terminal.json(&report)?,
        Format::Text => show(&args, &report, terminal),
    }
    Ok(if works { Outcome::Good } else { Outcome::Unwell })
}

/// Does it, and writes what it is at.
fn follow(planned: &Promotion, provider: &dyn crate::provider::Provider, out: &mut Terminal) -> Result<Done> {
    let (sender, mut said) = mpsc::channel::<String>(SAID_MAX);
    let done = wait(async {
        let promote = async {
            let says = move |text: &str| {
                // Progress may be lost; the promotion must not wait for the terminal.
                let _lost = sender.try_send(text.to_owned());
            };
            provider.promote(planned, &says).await
        };
        let read = async {
            while let Some(text) = said.recv().await {
                out.line(&text);
                out.show();
            }
        };
        tokio::join!(promote, read).0
    })?;
    done.map_err(provider_failed)
}

/// The replicas that can be promoted, for a refusal about another service.
fn known(observed: &Observed, at: &ServiceRef) -> String {
    let all: Vec<String> = promotable(Catalog::embedded(), observed).map(|(replica, _)| replica.to_string()).collect();
    match all.as_slice() {
        [] => String::new(),
        all if all.contains(&at.to_string()) => String::new(),
        all => format!("; replicas that can be promoted: {}", all.join(", ")),
    }
}

fn takes_writes(seen: &Observed, at: &ServiceRef) -> bool {
    let spec = seen.nodes.get(&at.node).and_then(|node| node.services.get(&at.service)).and_then(|there| there.spec.as_ref());
    spec.is_some_and(|spec| spec.replica_of.is_none()) && crate::plan::takes_writes(seen, at) == Some(true)
}

fn follows(seen: &Observed, replica: &ServiceRef, primary: &ServiceRef) -> bool {
    let there = seen.nodes.get(&replica.node).and_then(|node| node.services.get(&replica.service)).and_then(|there| there.spec.as_ref());
    there.is_some_and(|spec| spec.replica_of.as_ref() == Some(primary))
}

fn report(place: &Place, at: &ServiceRef, planned: Option<&Promotion>, done: Done, now: &Observed) -> Report {
    let spec = now.nodes.get(&at.node).and_then(|node| node.services.get(&at.service)).and_then(|there| there.spec.as_ref());
    let old = planned.map(|planned| &planned.primary).or_else(|| spec?.promoted_from.as_ref());
    let all = planned.map(|planned| planned.followers.iter().map(|(one, _)| one)).into_iter().flatten();
    let (followers, left): (Vec<&ServiceRef>, Vec<&ServiceRef>) = all.partition(|one| follows(now, one, at));
    let stale = left.into_iter().chain(planned.map(|planned| planned.stale.iter()).into_iter().flatten());
    Report {
        lab: place.lab.name.clone(),
        provider: place.on.to_string(),
        service: at.to_string(),
        old_primary: old.map(ToString::to_string),
        changed: done == Done::Changed,
        takes_writes: takes_writes(now, at),
        followers: followers.into_iter().map(ToString::to_string).collect(),
        stale: stale.map(ToString::to_string).collect(),
    }
}

fn show(args: &Args, report: &Report, terminal: &mut Terminal) {
    let at = &report.service;
    let word = match (report.changed, report.takes_writes) {
        (false, true) => terminal.paint(Style::Faint, "was promoted already"),
        (false, false) => terminal.paint(Style::Bad, "was promoted already and does not take writes now"),
        (true, true) => terminal.paint(Style::Good, "is the primary and takes writes"),
        (true, false) => terminal.paint(Style::Bad, "does not take writes yet"),
    };
    terminal.line(format_args!("{at} {word}"));
    for one in &report.followers {
        terminal.line(format_args!("{one} copies from {at}"));
    }
    let old = report.old_primary.as_deref().unwrap_or("the old primary");
    for one in &report.stale {
        terminal.line(format_args!("{one} is stale: it still copies from {old}"));
    }
    terminal.line(format_args!(
        "Whenever {old} runs, it takes writes too. `sandtable plan {}` says how to keep this or to go back.",
        args.lab.shown()
    ));
}
