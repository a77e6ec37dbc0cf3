//! `sandtable console`: a node's screen, for people. What is left where ssh does not answer.

pub(super) use super::shell::OnNode as Args;
use super::shell::open;
use super::{Result, Terminal};

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    open(args, &[], terminal, |session, node, _| session.console(node))
}
