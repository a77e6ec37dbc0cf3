//! Sandtable: draw a distributed-system lab, be told what is wrong with it, deploy it, watch it and break it.
//!
//! The layers, each using only those above it: see ARCHITECTURE.md.

pub mod look;
pub mod model;
#[cfg(feature = "desktop")]
pub mod ui;
