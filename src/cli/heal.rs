//! `sandtable heal`: heals injected faults.

use super::args::Running;
use super::{Failure, Format, Outcome, Result, Style, Terminal};
use crate::session::FaultSelection;
use serde::Serialize;

/// What `heal` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    lab: Running,
    /// The fault's number, as inject and status give it
    #[arg(conflicts_with = "all")]
    fault: Option<u64>,
    /// Heal all that lasts
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct Report {
    lab: String,
    provider: String,
    healed: Vec<FaultLine>,
}

#[derive(Serialize)]
struct FaultLine {
    id: u64,
    what: &'static str,
    on: String,
}

pub(super) fn run(mut args: Args, terminal: &mut Terminal) -> Result {
    if args.lab.lab.is_some() && args.fault.is_none() {
        // The lab is named, so the first word is the fault.
        let word = args.lab.layout.take();
        let number = word.map(|word| word.to_string_lossy().parse().map_err(|_| Failure::input(format!("{} is no fault's number", word.display()))));
        args.fault = number.transpose()?;
    }
    let session = args.lab.open_deployed()?;
    let which = match args.fault {
        Some(id) => FaultSelection::One(id),
        None if args.all => FaultSelection::All,
        None => return Err(Failure::input("say which fault to heal by its number, or --all")),
    };
    let healed = session.heal(which)?;
    match args.lab.format() {
        Format::Json => {
            let healed = healed.iter().map(|one| FaultLine { id: one.id, what: one.fault.word(), on: one.fault.on() }).collect();
            terminal.json(&Report { lab: session.lab.name.clone(), provider: session.provider.to_string(), healed })?;
        }
        Format::Text if healed.is_empty() => terminal.line("Nothing was broken."),
        Format::Text => {
            for one in &healed {
                let word = terminal.paint(Style::Good, "healed");
                terminal.line(format_args!("{word} {}: {}", one.id, one.fault));
            }
        }
    }
    Ok(Outcome::Good)
}
