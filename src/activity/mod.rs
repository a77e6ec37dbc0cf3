//! What happens in a lab that runs, for the window and the command line alike: one stream of typed events with their times and authors,
//! the failover ruler, and the words for events and forecasts.
//!
//! Pure. It compares observations and never guesses why something changed; it reads no clock and knows no terminal or window.

mod changes;
mod event;
mod forecast;
mod ruler;
mod words;

pub use changes::between;
pub use event::{Author, Event, Fact, Operation, Sample, Viewer};
pub use forecast::{Forecast, ForecastLine, Outage, forecast, sentences};
pub use ruler::{Ended, Moment, Ruler};
