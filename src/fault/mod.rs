//! Faults, as they are offered and told: what can be broken about a thing of the lab, and the words for it.
//!
//! Pure. It breaks nothing: how a fault is done and undone is the providers' business.

mod offers;
mod words;

pub use offers::{VERBS, of_verb, offers};
pub use words::{done, falls_on, state, subject_of, told_about};
