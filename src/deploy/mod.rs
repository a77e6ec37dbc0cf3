//! Runs a plan: in parallel where its order allows, with a journal, retries, and a way out.
//!
//! It makes no choice: what is done, and after what, stands in the plan. A run that is cut off anywhere is taken up by
//! planning again from what is there and from the journal ([`Journal::unfinished`], [`crate::plan::doubt`]).

mod deployed;
mod event;
mod journal;
pub mod labs;
mod lines;
mod run;
mod settle;

pub use deployed::{DEPLOYED_FILE, Deployed, DeployedError, keep_layout, kept_layout};
pub use event::{Ending, Event, Failure};
pub use journal::{JOURNAL_FILE, Journal, JournalError, Log, Record};
pub use run::{Cancel, Canceller, Options, PREFLIGHT, Pause, canceller, pause_by_timer, run};
pub use settle::settle;

#[cfg(test)]
mod real_tests;
#[cfg(test)]
mod sim_tests;
#[cfg(test)]
mod tests;
