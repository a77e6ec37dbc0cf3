//! Sandtable: draw a distributed-system lab, be told what is wrong with it, deploy it, watch it and break it.
//!
//! The layers, each using only those above it: see ARCHITECTURE.md.

pub mod catalog;
pub mod deploy;
pub mod fault;
pub mod host;
pub mod model;
pub mod plan;
pub mod provider;
pub mod rules;
pub mod sim;
