//! How Sandtable looks, as plain data: colours, sizes, icons and the width of words.
//!
//! Pure. This layer knows no window: the screen, the picture and the exporters read the same data from here, so that
//! what is exported is what was seen. It never decides what is drawn.

mod color;
mod icon;
mod outline;
mod svg;
mod text;
mod tokens;

pub use color::Color;
pub use icon::{ICON_SIDE, ICON_STROKE, Icon};
pub use outline::{Drawing, Ends, Outline, Paint, Piece, Point};
pub use text::{FontFace, elide, line_height, width};
pub use tokens::{
    Appearance, DARK, LIGHT, Motion, Palette, Preference, RAIL_HUES, Scale, Tone, duration_secs, ease_out, font_size, radius, size, stroke,
};
