//! `sandtable import`: makes a layout from machines that exist.

use super::open::settings;
use super::{Failure, Outcome, Result, Terminal};
use crate::app::{Permit, save::save_layout};
use crate::layout::write;
use crate::session::{ProviderId, import_machines};
use std::path::PathBuf;

/// What `import` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The machines, by name or UUID; all that are not a lab's where none is named
    machines: Vec<String>,
    /// Where they are: virtualbox, or virtualbox:ssh://HOST
    #[arg(long, value_name = "PROVIDER")]
    on: ProviderId,
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
    let ProviderId::VirtualBox(host) = &args.on else {
        return Err(Failure::input(format!("machines are read from VirtualBox, not from {}: sandtable import --on virtualbox", args.on)));
    };
    if let Some(path) = args.output.as_ref().filter(|path| path.exists() && !args.force) {
        return Err(Failure::input(format!("{} exists; choose another file with -o, or add --force", path.display())));
    }
    let settings = settings();
    let (mut lab, unknown) = import_machines(host.as_deref(), &args.machines, &settings)?;
    if let Some(name) = args.name {
        lab.name = name;
    }
    match &args.output {
        Some(path) => {
            let permit = if args.force { Permit::Confirmed } else { Permit::New };
            save_layout(path, &lab, permit)?;
            terminal.line(format_args!("{}: {} nodes on {} networks", path.display(), lab.nodes.len(), lab.networks.len()));
        }
        None => terminal.document(write(&lab).trim_end()),
    }
    terminal.show();
    let mut errors = Terminal::stderr();
    unknown.iter().for_each(|line| errors.line(line));
    errors.show();
    Ok(Outcome::Good)
}
