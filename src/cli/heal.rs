//! `sandtable heal`: mends what was broken on purpose.

use super::args::Running;
use super::place::{provider_failed, wait};
use super::{Failure, Format, Outcome, Result, Style, Terminal};
use crate::provider::Which;
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
    let place = args.lab.open_deployed()?;
    let provider = place.provider()?;
    let which = match args.fault {
        Some(id) => Which::One(id),
        None if args.all => Which::All,
        None => return Err(Failure::input("say which fault to heal by its number, or --all")),
    };
    // Without a look first: what mends knows what is broken, and looking into all nodes takes its time.
    let healed = wait(provider.heal(which))?;
    if let (Which::One(id), false) = (which, healed.as_ref().is_ok_and(|healed| !healed.is_empty())) {
        let lasting = wait(provider.observe())?.map_err(provider_failed)?.faults;
        if !lasting.iter().any(|fault| fault.id == id) {
            let known: Vec<String> = lasting.iter().map(|fault| format!("{} ({})", fault.id, fault.fault)).collect();
            let known = if known.is_empty() { "nothing is broken".to_owned() } else { format!("what lasts: {}", known.join(", ")) };
            return Err(Failure::input(format!("there is no fault {id}; {known}")));
        }
    }
    let healed = healed.map_err(provider_failed)?;
    match args.lab.format() {
        Format::Json => {
            let healed = healed.iter().map(|one| FaultLine { id: one.id, what: one.fault.word(), on: one.fault.on() }).collect();
            terminal.json(&Report { lab: place.lab.name.clone(), provider: place.on.to_string(), healed })?;
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
