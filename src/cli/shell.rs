//! `sandtable shell`: a shell on a node, for people; or one command there, whose exit code is the program's.

use super::args::Layout;
use super::open::open_deployed;
use super::{Failure, Outcome, Result, Terminal};
use crate::host::ssh::quoted_all;
use crate::model::NodeName;
use crate::session::{ProviderId, Session, SessionResult};
use std::process::ExitStatus;

/// What `shell` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    on_node: OnNode,
    /// A command to run there instead of a shell; its exit code is the program's
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// A node, and whether something is really run on it.
#[derive(Debug, clap::Args)]
pub(super) struct OnNode {
    #[command(flatten)]
    layout: Layout,
    /// The node
    node: String,
    /// Where it is deployed; may be left out where it is deployed in one place
    #[arg(long, value_name = "PROVIDER")]
    on: Option<ProviderId>,
    /// Only say what would be run
    #[arg(long)]
    print: bool,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    open(args.on_node, &args.command, terminal, Session::shell)
}

/// The program of this machine for a node and a command.
type Words = fn(&Session, &NodeName, &[String]) -> SessionResult<Vec<String>>;

/// Runs the program that a provider names for a node, and waits for its end.
pub(super) fn open(
    args: OnNode,
    command: &[String],
    terminal: &mut Terminal,
    words: Words,
) -> Result {
    let session = open_deployed(&args.layout.layout, args.on)?;
    let node: NodeName = args.node.parse().map_err(|why| Failure::input(format!("{:?} is no node: {why}", args.node)))?;
    let words = words(&session, &node, command)?;
    drop(session);
    if args.print {
        terminal.line(quoted_all(words.iter().map(String::as_str)));
        return Ok(Outcome::Good);
    }
    let [program, arguments @ ..] = words.as_slice() else { return Err(Failure::input("there is nothing to run")) };
    terminal.show();
    let ended = std::process::Command::new(program).args(arguments).status();
    let ended = ended.map_err(|error| Failure::Provider(anyhow::anyhow!("{program}: {error}. Install it, or put it into PATH")))?;
    Ok(outcome(ended))
}

/// The exit code as it was; 128 and the signal where a signal ended it, as shells say.
fn outcome(ended: ExitStatus) -> Outcome {
    if ended.success() {
        return Outcome::Good;
    }
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&ended).map(|signal| 128 + signal);
    #[cfg(not(unix))]
    let signal = None;
    ended.code().or(signal).and_then(|code| u8::try_from(code).ok()).map_or(Outcome::Unwell, Outcome::Ended)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn the_exit_code_of_what_ran_is_kept() {
        for (raw, expected) in [(0, Outcome::Good), (3 << 8, Outcome::Ended(3)), (255 << 8, Outcome::Ended(255)), (9, Outcome::Ended(137))] {
            assert_eq!(outcome(ExitStatus::from_raw(raw)), expected, "{raw}");
        }
    }
}
