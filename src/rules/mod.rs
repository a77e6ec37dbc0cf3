//! The reviewer: one rule a file, each a pure look at the lab.
//!
//! A rule never fails on a half-drawn lab and never changes one: it reports, and offers edits.

mod finding;

pub use finding::{Finding, Fix, Severity};
