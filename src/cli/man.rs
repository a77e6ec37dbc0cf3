//! `sandtable man`: the man pages, one for the program and one for each command, from the definition of the command line.

use super::{Cli, Failure, Outcome, Result, Terminal};
use clap::CommandFactory;
use std::path::{Path, PathBuf};

/// What `man` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder, such as share/man/man1; made if it is missing
    folder: PathBuf,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    std::fs::create_dir_all(&args.folder).map_err(|error| unwritten(&args.folder, &error))?;
    for (name, page) in pages().map_err(Failure::output)? {
        let path = args.folder.join(name);
        std::fs::write(&path, page).map_err(|error| unwritten(&path, &error))?;
        terminal.line(path.display());
    }
    Ok(Outcome::Good)
}

/// The pages by file name.
fn pages() -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut cli = Cli::command();
    // Each page names its command in full, and the program's page refers to the others.
    cli.build();
    let mut pages = vec![page(cli.clone())?];
    for command in cli.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help") {
        pages.push(page(command.clone().version(super::VERSION))?);
    }
    Ok(pages)
}

fn page(command: clap::Command) -> std::io::Result<(String, Vec<u8>)> {
    let man = clap_mangen::Man::new(command);
    let mut text = Vec::new();
    man.render(&mut text)?;
    Ok((man.get_filename(), text))
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Output(anyhow::anyhow!("cannot write {}: {error}", path.display()))
}
