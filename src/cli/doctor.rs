//! `sandtable doctor`: whether this machine is ready for each provider, and what to do where it is not.

use super::place::{On, wait};
use super::{Format, Outcome, Result, Style, Terminal};
use crate::provider::{
    doctor::{Check, State, is_ready},
    incus, virtualbox,
};
use serde::Serialize;

/// What `doctor` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
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
    let asked = if args.on.is_empty() { vec![On::Sim, On::VirtualBox(None), On::Incus(None)] } else { args.on };
    let mut providers = Vec::new();
    for on in asked {
        let checks = checks_of(&on)?;
        providers.push(ProviderReport { provider: on.to_string(), ready: is_ready(&checks), checks });
    }
    let outcome = if providers.iter().all(|provider| provider.ready) { Outcome::Good } else { Outcome::Unwell };
    match args.format {
        Format::Json => terminal.json(&Report { providers })?,
        Format::Text => providers.iter().for_each(|provider| write(provider, terminal)),
    }
    Ok(outcome)
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
