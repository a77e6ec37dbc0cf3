//! Faults, as they are offered: what can be broken about a thing of the lab, and what each does.
//!
//! Pure. How a fault is done and undone is the providers' business.

mod menu;

pub use menu::{Offer, offers, partition};
