//! `sandtable import`: makes a layout from machines that exist.

use super::place::{On, provider_failed, wait};
use super::{Failure, Outcome, Result, Terminal};
use crate::app::{Permit, SaveError, save::save_layout};
use crate::layout::write;
use crate::provider::virtualbox::{VirtualBox, open_manage};
use std::path::PathBuf;

/// What `import` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The machines, by name or UUID; all that are not a lab's where none is named
    machines: Vec<String>,
    /// Where they are: virtualbox, or virtualbox:ssh://HOST
    #[arg(long, value_name = "PROVIDER")]
    on: On,
    /// The file to make; without it the layout is written here
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What the lab is called
    #[arg(long)]
    name: Option<String>,
    /// Replace the file if it exists (the old one is kept as FILE~)
    #[arg(long, alias = "replace", requires = "output")]
    force: bool,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let On::VirtualBox(host) = &args.on else {
        return Err(Failure::input(format!("machines are read from VirtualBox, not from {}: sandtable import --on virtualbox", args.on)));
    };
    if let Some(path) = args.output.as_ref().filter(|path| path.exists() && !args.force) {
        return Err(Failure::input(format!("{} exists; choose another file with -o, or add --force", path.display())));
    }
    let manage = open_manage(host.as_deref()).map_err(provider_failed)?;
    let mut imported = wait(VirtualBox::import(&manage, &args.machines))?.map_err(provider_failed)?;
    if let Some(name) = args.name {
        imported.lab.name = name;
    }
    match &args.output {
        Some(path) => {
            let permit = if args.force { Permit::Confirmed } else { Permit::New };
            save_layout(path, &imported.lab, permit).map_err(|error| match error {
                SaveError::Exists { .. } => Failure::input(format!("{error}; choose another file with -o, or add --force")),
                error => Failure::input(error),
            })?;
            terminal.line(format_args!("{}: {} nodes on {} networks", path.display(), imported.lab.nodes.len(), imported.lab.networks.len()));
        }
        None => terminal.document(write(&imported.lab).trim_end()),
    }
    terminal.show();
    let mut errors = Terminal::stderr();
    imported.unknown.iter().for_each(|line| errors.line(line));
    errors.show();
    Ok(Outcome::Good)
}
