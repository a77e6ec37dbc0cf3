//! How wide words are, from the fonts that we ship. It lays nothing out beyond one line and reads no other font.

use std::{borrow::Cow, sync::LazyLock};
use ttf_parser::Face;

/// The faces that we ship.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FontFace {
    /// Inter 400: words.
    #[default]
    Regular,
    /// Inter 500: words in buttons and tabs.
    Medium,
    /// Inter 600: names and titles.
    SemiBold,
    /// JetBrains Mono 400: addresses, times, rule names.
    Mono,
}

impl FontFace {
    /// All faces.
    pub const ALL: [Self; 4] = [Self::Regular, Self::Medium, Self::SemiBold, Self::Mono];

    /// The font file (OpenType).
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Self::Regular => include_bytes!("../../assets/fonts/Inter-Regular.otf"),
            Self::Medium => include_bytes!("../../assets/fonts/Inter-Medium.otf"),
            Self::SemiBold => include_bytes!("../../assets/fonts/Inter-SemiBold.otf"),
            Self::Mono => include_bytes!("../../assets/fonts/JetBrainsMono-Regular.ttf"),
        }
    }

    /// The family's name, as in the file and in SVG's `font-family`.
    pub fn family(self) -> &'static str {
        match self {
            Self::Regular | Self::Medium | Self::SemiBold => "Inter",
            Self::Mono => "JetBrains Mono",
        }
    }

    /// The weight, as in SVG's `font-weight`.
    pub fn weight(self) -> u16 {
        match self {
            Self::Regular | Self::Mono => 400,
            Self::Medium => 500,
            Self::SemiBold => 600,
        }
    }

    fn metrics(self) -> &'static Metrics {
        static REGULAR: LazyLock<Metrics> = LazyLock::new(|| Metrics::read(FontFace::Regular));
        static MEDIUM: LazyLock<Metrics> = LazyLock::new(|| Metrics::read(FontFace::Medium));
        static SEMI_BOLD: LazyLock<Metrics> = LazyLock::new(|| Metrics::read(FontFace::SemiBold));
        static MONO: LazyLock<Metrics> = LazyLock::new(|| Metrics::read(FontFace::Mono));
        match self {
            Self::Regular => &REGULAR,
            Self::Medium => &MEDIUM,
            Self::SemiBold => &SEMI_BOLD,
            Self::Mono => &MONO,
        }
    }
}

/// Advances of one face, in parts of the font size.
struct Metrics {
    ascii: [f32; 128],
    ascent: f32,
    descent: f32,
    face: Option<Face<'static>>,
}

impl Metrics {
    /// A width for a character that the face lacks: about that of a digit.
    const ADVANCE_UNKNOWN: f32 = 0.6;

    fn read(face: FontFace) -> Self {
        // The files are our own and a test reads each; a broken one would still give a usable width.
        let face = Face::parse(face.bytes(), 0).ok();
        let mut metrics = Self { ascii: [0.0; 128], ascent: 0.97, descent: -0.24, face };
        let mut ascii = [0.0; 128];
        for (code, advance) in (0_u8..).zip(&mut ascii) {
            *advance = if code < b' ' { 0.0 } else { metrics.look_up(char::from(code)) };
        }
        metrics.ascii = ascii;
        if let Some(face) = &metrics.face {
            let em = f32::from(face.units_per_em());
            (metrics.ascent, metrics.descent) = (f32::from(face.ascender()) / em, f32::from(face.descender()) / em);
        }
        metrics
    }

    fn look_up(&self, character: char) -> f32 {
        let advance = || {
            let face = self.face.as_ref()?;
            let units = face.glyph_hor_advance(face.glyph_index(character)?)?;
            Some(f32::from(units) / f32::from(face.units_per_em()))
        };
        advance().unwrap_or(Self::ADVANCE_UNKNOWN)
    }

    fn advance(&self, character: char) -> f32 {
        match self.ascii.get(character as usize) {
            Some(advance) => *advance,
            None => self.look_up(character),
        }
    }
}

/// The width of one line of text, in the unit of `size`. Kerning is left out: words as labs
/// have them are drawn within two percent of it, and capitals in a row up to five percent narrower.
pub fn width(text: &str, face: FontFace, size: f32) -> f32 {
    let metrics = face.metrics();
    text.chars().map(|character| metrics.advance(character)).sum::<f32>() * size
}

/// The height of one line of text, in the unit of `size`.
pub fn line_height(face: FontFace, size: f32) -> f32 {
    let metrics = face.metrics();
    (metrics.ascent - metrics.descent) * size
}

/// The text, cut at its end with an ellipsis where it is wider than `width_max`; empty where not even that fits.
pub fn elide(text: &str, face: FontFace, size: f32, width_max: f32) -> Cow<'_, str> {
    const ELLIPSIS: char = '…';
    if width(text, face, size) <= width_max {
        return Cow::Borrowed(text);
    }
    let metrics = face.metrics();
    let room = width_max / size - metrics.advance(ELLIPSIS);
    if room < 0.0 {
        return Cow::Borrowed("");
    }
    let mut used = 0.0;
    let end = text
        .char_indices()
        .find(|(_, character)| {
            used += metrics.advance(*character);
            used > room
        })
        .map_or(text.len(), |(at, _)| at);
    let kept = text.get(..end).unwrap_or_default().trim_end();
    Cow::Owned(format!("{kept}{ELLIPSIS}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_face_can_be_read_and_has_our_characters() {
        for face in FontFace::ALL {
            let parsed = face.metrics().face.as_ref().expect("the shipped font is sound");
            for character in (' '..='~').chain("…·→×–é".chars()) {
                assert!(parsed.glyph_index(character).is_some(), "{face:?} lacks {character:?}");
            }
            let family = parsed.names().into_iter().filter_map(|name| name.to_string()).any(|name| name == face.family());
            assert!(family, "{face:?} is not {}", face.family());
            assert_eq!(parsed.weight().to_number(), face.weight());
        }
    }

    #[test]
    fn widths_add_up_and_scale() {
        let one = width("db1", FontFace::SemiBold, 13.0);
        assert!((width("db1db1", FontFace::SemiBold, 13.0) - 2.0 * one).abs() < 1e-3);
        assert!((width("db1", FontFace::SemiBold, 26.0) - 2.0 * one).abs() < 1e-3);
        assert!((width("192.168.60.30", FontFace::Mono, 10.0) - 13.0 * 6.0).abs() < 1e-3, "a mono face has one advance of 0.6");
        assert!(width("W", FontFace::Regular, 10.0) > width("i", FontFace::Regular, 10.0));
        assert_eq!(width("", FontFace::Regular, 10.0), 0.0);
        assert!(width("\u{10FFFF}", FontFace::Regular, 10.0) > 0.0);
    }

    fn check_elide(text: &str, width_max: f32, expected: &str) {
        let cut = elide(text, FontFace::Mono, 10.0, width_max);
        assert_eq!(cut, expected);
        assert!(width(&cut, FontFace::Mono, 10.0) <= width_max.max(0.0));
    }

    #[test]
    fn long_text_is_cut() {
        check_elide("database", 48.0, "database");
        check_elide("database", 47.9, "databa…");
        check_elide("data base", 36.0, "data…");
        check_elide("zuñiga", 24.0, "zuñ…");
        check_elide("database", 6.0, "…");
        check_elide("database", 5.0, "");
        check_elide("database", -1.0, "");
    }
}
