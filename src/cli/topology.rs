//! `sandtable topology`: the sites, nodes and links of a lab as one parseable report, with what is seen of them where it runs.

use super::args::Target;
use super::place::{provider_failed, wait};
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
    let place = args.target.open_or_sim()?;
    let catalog = Catalog::embedded();
    let topology = if args.drawn || !place.is_deployed {
        Topology::of(&place.lab, catalog)
    } else {
        Topology::seen(&place.lab, catalog, &wait(place.provider()?.observe())?.map_err(provider_failed)?)
    };
    match args.target.format() {
        Format::Json => terminal.json(&topology)?,
        Format::Text => topology.lines().into_iter().for_each(|line| terminal.line(line)),
    }
    Ok(if topology.is_well() { Outcome::Good } else { Outcome::Unwell })
}
