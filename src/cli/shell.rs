//! `sandtable shell`: a shell on a node, for people.

use super::args::Layout;
use super::place::{On, Place, provider_failed, wait};
use super::{Failure, Outcome, Result, Terminal};
use crate::host::ssh::quoted_all;
use crate::model::NodeName;
use crate::provider::{Answer, Provider};

/// What `shell` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    layout: Layout,
    /// The node
    node: String,
    /// Where it is deployed; may be left out where it is deployed in one place
    #[arg(long, value_name = "PROVIDER")]
    on: Option<On>,
    /// Only say what would be run
    #[arg(long)]
    print: bool,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    open(args, terminal, |provider, node| provider.shell(node))
}

/// Runs the program that a provider names for a node, and waits for its end.
pub(super) fn open(
    args: Args,
    terminal: &mut Terminal,
    words: for<'a> fn(&'a dyn Provider, &'a NodeName) -> Answer<'a, Vec<String>>,
) -> Result {
    let place = Place::open_deployed(&args.layout.layout, args.on)?;
    let node: NodeName = args.node.parse().map_err(|why| Failure::input(format!("{:?} is no node: {why}", args.node)))?;
    let provider = place.provider()?;
    let words = wait(words(&*provider, &node))?.map_err(provider_failed)?;
    drop(provider);
    if args.print {
        terminal.line(quoted_all(words.iter().map(String::as_str)));
        return Ok(Outcome::Good);
    }
    let [program, arguments @ ..] = words.as_slice() else { return Err(Failure::input("there is nothing to run")) };
    terminal.flush();
    let ended = std::process::Command::new(program).args(arguments).status();
    let ended = ended.map_err(|error| Failure::Provider(anyhow::anyhow!("{program}: {error}. Install it, or put it into PATH")))?;
    Ok(if ended.success() { Outcome::Good } else { Outcome::Unwell })
}
