//! The lab in other formats.
//!
//! Pure: a lab in, a text out. Never writes a file.

mod markdown;
mod mermaid;
mod topology;

pub use markdown::markdown;
pub use mermaid::mermaid;
pub use topology::{Topology, TopologyLink, TopologyLinkKind, TopologySite};
