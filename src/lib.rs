//! Sandtable: draw a distributed-system lab, be told what is wrong with it, deploy it, watch it and break it.
//!
//! The layers, each using only those above it: see ARCHITECTURE.md.

#![deny(missing_docs)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic))]
#![deny(clippy::print_stdout, clippy::print_stderr, clippy::dbg_macro, clippy::todo, clippy::unimplemented)]

pub mod activity;
pub mod app;
pub mod catalog;
pub mod cli;
pub mod deploy;
pub mod export;
pub mod fault;
pub mod host;
pub mod layout;
pub mod look;
pub mod model;
pub mod picture;
pub mod plan;
pub mod probe;
pub mod provider;
pub mod provision;
pub mod reach;
pub mod rules;
pub mod session;
pub mod sim;
#[doc(hidden)]
pub mod testing;
#[cfg(feature = "desktop")]
pub mod ui;
