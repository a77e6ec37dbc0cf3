//! `sandtable restore`: see [`super::snapshot`], which does it.

use super::snapshot::{Way, go};
use super::{Result, Terminal};

/// What `restore` takes.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    #[command(flatten)]
    like: super::snapshot::Args,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    go(args.like, Way::Back, terminal)
}
