//! A colour in sRGB, and the arithmetic of contrast. It knows no window and no file format but `#rrggbb`.

use std::fmt;

/// A colour: sRGB with straight alpha, each 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Color {
    /// Red.
    pub r: u8,
    /// Green.
    pub g: u8,
    /// Blue.
    pub b: u8,
    /// Opacity: 0 is clear, 255 is solid.
    pub a: u8,
}

impl Color {
    /// Nothing at all.
    pub const CLEAR: Self = Self { r: 0, g: 0, b: 0, a: 0 };

    /// A solid colour from `0xRRGGBB`.
    pub const fn hex(rgb: u32) -> Self {
        let [_, r, g, b] = rgb.to_be_bytes();
        Self { r, g, b, a: 255 }
    }

    /// The same colour at an opacity of 0 to 1 of its own.
    pub fn fade(self, opacity: f32) -> Self {
        Self { a: channel(f32::from(self.a) * opacity), ..self }
    }

    /// This colour mixed with another: 0 is this one, 1 the other.
    pub fn mix(self, other: Self, amount: f32) -> Self {
        let amount = amount.clamp(0.0, 1.0);
        let between = |from: u8, to: u8| channel(f32::from(from) + (f32::from(to) - f32::from(from)) * amount);
        Self { r: between(self.r, other.r), g: between(self.g, other.g), b: between(self.b, other.b), a: between(self.a, other.a) }
    }

    /// How it looks laid on a solid ground.
    pub fn over(self, ground: Self) -> Self {
        let solid = Self { a: 255, ..self };
        Self { a: 255, ..ground.mix(solid, f32::from(self.a) / 255.0) }
    }

    /// Relative luminance, 0 (black) to 1 (white), by WCAG 2.2. Opacity does not count.
    pub fn luminance(self) -> f32 {
        let linear = |channel: u8| {
            let value = f32::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.r) + 0.7152 * linear(self.g) + 0.0722 * linear(self.b)
    }

    /// Contrast ratio with another colour, 1 to 21, by WCAG 2.2. Opacity does not count.
    pub fn contrast(self, other: Self) -> f32 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// Opacity, 0 to 1, as SVG wants it.
    pub fn opacity(self) -> f32 {
        f32::from(self.a) / 255.0
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the value is clamped to a byte first")]
fn channel(value: f32) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

/// `#rrggbb`; the opacity is written apart ([`Color::opacity`]), as SVG 1.1 wants it.
impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.r, self.g, self.b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_standard() {
        let (black, white) = (Color::hex(0), Color::hex(0xFFFFFF));
        assert!((black.contrast(white) - 21.0).abs() < 1e-4);
        assert!((white.contrast(white) - 1.0).abs() < 1e-4);
        // 4.54 : 1 is the published figure for #767676 on white.
        assert!((Color::hex(0x767676).contrast(white) - 4.54).abs() < 0.005);
    }

    #[test]
    fn mixing_and_laying_over() {
        let (black, white) = (Color::hex(0), Color::hex(0xFFFFFF));
        assert_eq!(black.mix(white, 0.0), black);
        assert_eq!(black.mix(white, 7.0), white);
        assert_eq!(white.fade(0.5).over(black).to_string(), "#808080");
        assert_eq!(white.fade(0.0).over(black), black);
    }
}
