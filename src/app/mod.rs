//! What the window knows and does, without a window.

pub mod ops;
