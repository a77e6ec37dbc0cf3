//! `sandtable topology`: the sites, nodes and links of a lab as one parseable report, with what is seen of them where it runs.

use super::args::Target;
use super::{Format, Outcome, Result, Terminal};
use crate::catalog::Catalog;
use crate::export::Topology;

/// What `topology` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// Only what is drawn, whether it runs or not
    #[arg(long)]
    drawn: bool,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let session = args.target.open_or_sim()?;
    let catalog = Catalog::embedded();
    let topology = if args.drawn || !session.is_deployed() {
        Topology::of(&session.lab, catalog)
    } else {
        Topology::seen(&session.lab, catalog, &session.handle()?.observe()?)
    };
    match args.target.format() {
        Format::Json => terminal.json(&topology)?,
        Format::Text => topology.lines().into_iter().for_each(|line| terminal.line(line)),
    }
    Ok(if topology.is_well() { Outcome::Good } else { Outcome::Unwell })
}
