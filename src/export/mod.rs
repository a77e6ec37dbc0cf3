//! The lab in other formats.
//!
//! Pure: a lab in, a text or bytes out. Never writes a file.

mod markdown;
mod mermaid;
mod picture;
mod png;
mod svg;
mod topology;

pub use markdown::markdown;
pub use mermaid::mermaid;
pub use picture::PictureOptions;
pub use png::{PIXELS_MAX, PngError, png};
pub use svg::svg;
pub use topology::{LinkState, Topology, TopologyLink, TopologyLinkKind, TopologySite};
