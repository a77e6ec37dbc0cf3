//! The lab in other formats.
//!
//! Pure: a lab in, a text or bytes out. Never writes a file.

/// Whether a terminal or a reader obeys a character, or shows the text around it in another order, instead of showing it
/// (ECMA-48 controls and bidirectional marks): documents from a stranger's layout hold none.
fn is_obeyed(letter: char) -> bool {
    let bidirectional = matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || bidirectional || matches!(letter, '\u{2028}' | '\u{2029}')
}

mod markdown;
mod mermaid;
mod picture;
mod png;
mod svg;
mod topology;

pub use markdown::markdown;
pub use mermaid::mermaid;
pub use picture::{Background, PictureOptions};
pub use png::{PIXELS_MAX, PngError, SCALE_MAX, SCALE_MIN, png, png_size};
pub use svg::{svg, svg_size};
pub use topology::{LinkState, Topology, TopologyLink, TopologyLinkKind, TopologySite};
