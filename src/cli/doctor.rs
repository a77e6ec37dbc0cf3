//! `sandtable doctor`: whether this machine is ready for each provider, and what to do where it is not.

use super::place::{On, Place, provider_failed, wait};
use super::plan::make;
use super::{Failure, Format, Outcome, Result, Style, Terminal};
use crate::provider::{
    doctor::{Check, State, is_ready},
    incus,
    preflight::Needs,
    virtualbox,
};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Where a lab can run on this machine.
const ALL: [On; 3] = [On::Sim, On::VirtualBox(None), On::Incus(None)];

/// What `doctor` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Look at what this layout needs as well
    layout: Option<PathBuf>,
    /// Look at this provider alone; may be given more than once
    #[arg(long, value_name = "PROVIDER")]
    on: Vec<On>,
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
    let asked = match &args.layout {
        _ if !args.on.is_empty() => args.on,
        // A lab that is deployed can be nowhere else.
        Some(layout) => match Place::open(layout, None) {
            Ok(place) => vec![place.on],
            Err(Failure::Input(_)) => ALL.to_vec(),
            Err(error) => return Err(error),
        },
        None => ALL.to_vec(),
    };
    let mut providers = Vec::new();
    for on in asked {
        let mut checks = checks_of(&on)?;
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
fn needed(layout: &Path, on: &On, checks: &mut Vec<Check>) -> Result<()> {
    let place = Place::open(layout, Some(on.clone()))?;
    // What is in the way of a look has been said already, unless all else is well.
    let looked = place.provider().and_then(|provider| {
        let observed = wait(provider.observe())?.map_err(provider_failed)?;
        let plan = make(&place, observed.clone()).0;
        wait(provider.preflight(&Needs::of(&plan, &observed)))?.map_err(provider_failed)
    });
    match looked {
        Ok(found) => {
            checks.retain(|check| !found.iter().any(|one| one.title == check.title));
            checks.extend(found);
            Ok(())
        }
        Err(_) if !is_ready(checks) => Ok(()),
        Err(error) => Err(error),
    }
}

fn checks_of(on: &On) -> Result<Vec<Check>> {
    match on {
        On::Sim => Ok(vec![Check::good("simulator", "it is built in and needs nothing")]),
        On::Incus(remote) => wait(incus::doctor(remote.as_deref(), &incus::Settings::of_environment())),
        On::VirtualBox(host) => wait(virtualbox::doctor::doctor(host.as_deref(), &[])),
    }
}

fn write(report: &ProviderReport, terminal: &mut Terminal) {
    let word = if report.ready { terminal.paint(Style::Good, "ready") } else { terminal.paint(Style::Bad, "not ready") };
    terminal.line(format_args!("{}: {word}", report.provider));
    let row = |check: &Check| {
        let (style, word) = match check.state {
            State::Good => (Style::Good, "good"),
            State::Doubtful => (Style::Warn, "doubtful"),
            State::Bad => (Style::Bad, "bad"),
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
