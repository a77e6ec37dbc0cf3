//! `sandtable export`: a layout as a picture or a document.

use super::input::read_layout;
use super::{Outcome, Result, Terminal};
use crate::host::file::{Backup, save_atomically};
use crate::model::Lab;
use std::path::PathBuf;

/// What `export` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The layout to export
    layout: PathBuf,
    /// What to make of it
    #[arg(long, value_enum)]
    to: Target,
    /// The file to write; without it the result goes to stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What a layout can be made into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Target {
    /// A Mermaid flowchart, as README files show it
    Mermaid,
    /// A document: what there is, who talks to whom, and the flowchart
    Markdown,
}

impl Target {
    fn make(self, lab: &Lab) -> String {
        match self {
            Self::Mermaid => crate::export::mermaid(lab),
            Self::Markdown => crate::export::markdown(lab),
        }
    }
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let lab = read_layout(&args.layout)?.lab;
    let made = args.to.make(&lab);
    match args.output {
        Some(path) => save_atomically(&path, made.as_bytes(), Backup::None)?,
        None => terminal.line(made.trim_end()),
    }
    Ok(Outcome::Good)
}
