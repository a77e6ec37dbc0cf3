//! `sandtable topology`: the sites, nodes and links of a lab as one parseable report.

use super::args::{Layout, Written};
use super::input::read_layout;
use super::{Format, Outcome, Result, Terminal};
use crate::catalog::Catalog;
use crate::export::Topology;

/// What `topology` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    layout: Layout,
    #[command(flatten)]
    written: Written,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let lab = read_layout(&args.layout.layout)?.lab;
    let topology = Topology::of(&lab, Catalog::embedded());
    match args.written.format {
        Format::Json => terminal.json(&topology)?,
        Format::Text => topology.lines().into_iter().for_each(|line| terminal.line(line)),
    }
    Ok(Outcome::Good)
}
