//! The canvas.

mod drag;

pub use drag::PaletteDrag;
