//! `sandtable completions`: what a shell completes, from the definition of the command line.

use super::{Cli, Outcome, Result, Terminal};
use clap::CommandFactory;
use clap_complete::{Shell, generate};

/// What `completions` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    sandtable completions bash > ~/.local/share/bash-completion/completions/sandtable\n  \
    sandtable completions fish > ~/.config/fish/completions/sandtable.fish\n\
    dist/install installs the scripts for bash, zsh and fish.")]
pub(super) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "sandtable", &mut script);
    terminal.document(String::from_utf8_lossy(&script).trim_end());
    Ok(Outcome::Good)
}
