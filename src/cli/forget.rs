//! `sandtable forget`: gives up what is kept of a deployed lab. Whatever runs of it goes on running, and only its ownership tags
//! lead back to it.

use super::args::Written;
use super::follow::confirm;
use super::{Failure, Format, Outcome, Result, Terminal};
use crate::host::state::{StateFolder, Wait};
use crate::session::{DeployedError, ProviderId, labs};
use serde::Serialize;
use std::sync::Arc;

/// What `forget` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The lab by its identity, as `sandtable labs` lists it, or the beginning of one
    #[arg(long, value_name = "ID")]
    lab: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    written: Written,
}

#[derive(Serialize)]
struct Report {
    id: String,
    provider: Option<String>,
    forgotten: bool,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let known = labs::named(&StateFolder::of_user()?, &args.lab)?;
    let provider = known.deployed.as_ref().ok().map(|deployed| deployed.on.clone());
    let left = match &provider {
        Some(ProviderId::Sim) => "The simulated lab ends with it.".to_owned(),
        Some(on) => format!(
            "Its machines on {on} go on running; generated secrets and login keys are lost. `sandtable destroy --lab {}` removes them \
             instead.",
            known.id
        ),
        // Only a simulated lab is lost with its world.
        None if matches!(known.deployed, Err(DeployedError::Lost { .. })) => "The simulated lab ends with it.".to_owned(),
        None => "It is not known where it was deployed: machines of it may go on running, and their login keys are lost.".to_owned(),
    };
    if !args.yes {
        confirm(terminal, &format!("What is kept of {} in {} is removed. {left} Forget?", known.id, known.folder.path().display()))?;
    }
    let locked = known.folder.lock(Wait::No).map_err(|error| Failure::State(error.into()))?;
    for path in labs::forget(Arc::new(locked))? {
        super::note(&format!("{} is not Sandtable's and was left where it is", path.display()));
    }
    match args.written.format {
        Format::Json => {
            terminal.json(&Report { id: known.id.to_string(), provider: provider.map(|on| on.to_string()), forgotten: true })?;
        }
        Format::Text => terminal.line(format_args!("{} is forgotten. {left}", known.id)),
    }
    Ok(Outcome::Good)
}
