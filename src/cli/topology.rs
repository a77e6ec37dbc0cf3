//! `sandtable topology`: the sites, nodes and links of a lab as one parseable report.

use super::input::read_layout;
use super::{Format, Outcome, Result, Terminal};
use crate::catalog::Catalog;
use crate::export::Topology;
use std::path::PathBuf;

/// What `topology` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The layout to show
    layout: PathBuf,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let lab = read_layout(&args.layout)?.lab;
    let topology = Topology::of(&lab, Catalog::embedded());
    match args.format {
        Format::Json => terminal.json(&topology)?,
        Format::Text => topology.lines().into_iter().for_each(|line| terminal.line(line)),
    }
    Ok(Outcome::Good)
}
