//! Faults, as they are offered: what can be broken about a thing of the lab, and what that would take with it.
//!
//! Pure. It breaks nothing: how a fault is done and undone is the providers' business.

mod forecast;
mod menu;

pub use forecast::{HORIZON_MS, sentences};
pub use menu::{Offer, offers, partition};
