//! `sandtable doctor`: whether this machine is ready for each provider, and what to do where it is not.

use super::open::{open, selection, settings};
use super::{Failure, Format, Outcome, Result, Style, Terminal};
use crate::session::{Check, CheckState, Extent, ProviderId, ProviderSelection, checks, is_ready};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Where a lab can run on this machine.
const ALL: [ProviderId; 3] = [ProviderId::Sim, ProviderId::VirtualBox(None), ProviderId::Incus(None)];

/// What `doctor` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Look at what this layout needs as well
    layout: Option<PathBuf>,
    /// Look at this provider alone; may be given more than once
    #[arg(long, value_name = "PROVIDER")]
    on: Vec<ProviderId>,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Report {
    providers: Vec<ProviderReport>,
}

#[derive(Serialize)]
struct ProviderReport {
    provider: String,
    ready: bool,
    checks: Vec<Check>,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let settings = settings();
    // Those of this machine, and the remotes of the preferences.
    let all = || ALL.into_iter().chain(settings.remotes.iter().cloned()).collect::<Vec<_>>();
    let asked = match &args.layout {
        _ if !args.on.is_empty() => args.on,
        // A lab that is deployed can be nowhere else.
        Some(layout) => match open(layout, ProviderSelection::Deployed) {
            Ok((session, _)) => vec![session.provider],
            Err(Failure::Input(_)) => all(),
            Err(error) => return Err(error),
        },
        None => all(),
    };
    let mut providers = Vec::new();
    for on in asked {
        let mut checks = checks(&on, &settings)?;
        if let Some(layout) = &args.layout {
            needed(layout, &on, &mut checks)?;
        }
        providers.push(ProviderReport { provider: on.to_string(), ready: is_ready(&checks), checks });
    }
    let outcome = if providers.iter().all(|provider| provider.ready) { Outcome::Good } else { Outcome::Unwell };
    match args.format {
        Format::Json => terminal.json(&Report { providers })?,
        Format::Text => providers.iter().for_each(|provider| write(provider, terminal)),
    }
    Ok(outcome)
}

/// What the layout needs of a provider, in place of what is looked at for any layout.
fn needed(layout: &Path, on: &ProviderId, checks: &mut Vec<Check>) -> Result<()> {
    let (session, _) = open(layout, selection(Some(on.clone()), ProviderSelection::Deployed))?;
    // What is in the way of an observation has been said already, unless all else is good.
    let looked = session.plan(Extent::Full).and_then(|proposed| session.handle()?.preflight(&proposed.plan, &proposed.observed));
    match looked {
        Ok(found) => {
            checks.retain(|check| !found.iter().any(|one| one.title == check.title));
            checks.extend(found);
            Ok(())
        }
        Err(_) if !is_ready(checks) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn write(report: &ProviderReport, terminal: &mut Terminal) {
    let word = if report.ready { terminal.paint(Style::Good, "ready") } else { terminal.paint(Style::Bad, "not ready") };
    terminal.line(format_args!("{}: {word}", report.provider));
    let row = |check: &Check| {
        let (style, word) = match check.state {
            CheckState::Good => (Style::Good, "good"),
            CheckState::Doubtful => (Style::Warn, "doubtful"),
            CheckState::Bad => (Style::Bad, "bad"),
        };
        vec![(Style::Plain, "  ".to_owned() + check.title), (style, word.to_owned()), (Style::Plain, check.found.clone())]
    };
    for check in &report.checks {
        terminal.table(&[row(check)]);
        if !check.next.is_empty() {
            terminal.line(format_args!("    -> {}", check.next));
        }
    }
}
