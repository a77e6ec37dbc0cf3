//! The layout file: a lab as text, and a text as a lab.
//!
//! Pure: text in, lab out. Reading never panics, never half-loads, and says of each problem where it stands and what was
//! expected; writing is stable. This layer opens no file and judges no lab: what reads is whole, not good.

mod de;
mod pen;
mod positions;
mod problem;
mod read;
mod scan;
mod templates;
mod tree;
mod values;
mod write;

pub use positions::Positions;
pub use problem::{Place, Problem};
pub use read::{VERSION, positions, read, read_bytes};
pub use scan::{BYTES_MAX, DEPTH_MAX, ENTRIES_MAX, NODES_MAX, VALUES_MAX};
pub use templates::{Template, template, templates};
pub use values::wrong_values;
pub use write::{rewrite, write};
