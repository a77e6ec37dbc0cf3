//! What happens in a lab that runs: one stream of typed events with their times and authors, and the words for them, for the window and
//! `status --watch` alike.
//!
//! Pure. It compares observations and never guesses why something changed; it reads no clock and knows no terminal or window.

mod changes;
mod event;
mod words;

pub use changes::between;
pub use event::{Author, Event, Fact, Operation, Sample, Viewer};
