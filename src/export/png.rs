//! The picture as PNG: our SVG, drawn by resvg with the fonts that we ship. No window, no GPU, no fonts of the system.

use super::{PictureOptions, svg};
use crate::{catalog::Catalog, look::FontFace, model::Lab};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{self, fontdb},
};
use std::sync::Arc;

/// The most pixels that a picture may have: 128 million, half a gigabyte while it is drawn.
pub const PIXELS_MAX: u64 = 128_000_000;

/// Why a picture could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    /// It would be too large.
    #[error(
        "the picture would have {width} x {height} pixels, and {PIXELS_MAX} are the most; \
         use a scale of at most {scale_max:.2}, export a part of the lab, or export SVG"
    )]
    TooLarge {
        /// Pixels across.
        width: u64,
        /// Pixels down.
        height: u64,
        /// The largest scale that fits.
        scale_max: f32,
    },
    /// The scale makes no sense.
    #[error("a scale of {0} draws nothing; write a number above 0, such as 2")]
    Scale(f32),
    /// Our own SVG was not understood.
    #[error("the picture could not be drawn: {0}")]
    Draw(String),
    /// The file could not be written.
    #[error("the picture could not be written as PNG: {0}")]
    Encode(#[from] image::ImageError),
}

/// A lab as a PNG file.
///
/// # Errors
/// Where the picture would have more than [`PIXELS_MAX`] pixels, or the scale is not above 0.
pub fn png(lab: &Lab, catalog: &Catalog, options: &PictureOptions<'_>) -> Result<Vec<u8>, PngError> {
    if !options.scale.is_finite() || options.scale <= 0.0 {
        return Err(PngError::Scale(options.scale));
    }
    let (width, height) = dimensions(lab, catalog, options)?;
    let text = svg(lab, catalog, options);
    let settings = usvg::Options { fontdb: fonts(), font_family: "Inter".into(), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(&text, &settings).map_err(|error| PngError::Draw(error.to_string()))?;
    let mut pixels = Pixmap::new(width, height).ok_or_else(|| PngError::Draw(format!("{width} x {height} pixels are no picture")))?;
    resvg::render(&tree, Transform::from_scale(options.scale, options.scale), &mut pixels.as_mut());
    let straight: Vec<u8> = pixels
        .pixels()
        .iter()
        .flat_map(|pixel| {
            let color = pixel.demultiply();
            [color.red(), color.green(), color.blue(), color.alpha()]
        })
        .collect();
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(&straight, width, height, ExtendedColorType::Rgba8)?;
    Ok(file)
}

/// The picture's size in pixels, checked before anything is drawn.
fn dimensions(lab: &Lab, catalog: &Catalog, options: &PictureOptions<'_>) -> Result<(u32, u32), PngError> {
    // The area is known from where things are; drawing them first would be slow for the very labs that are too large.
    let mut scene = crate::picture::Scene::new(lab, catalog);
    scene.set_overlay(lab, &options.overlay);
    let rough = options.area.unwrap_or_else(|| scene.bounds());
    let (rough_width, rough_height) = (pixels(rough.width(), options.scale), pixels(rough.height(), options.scale));
    let too_large = |width: u64, height: u64| PngError::TooLarge { width, height, scale_max: scale_max(width, height, options.scale) };
    if rough.exists() && rough_width.saturating_mul(rough_height) > PIXELS_MAX {
        return Err(too_large(rough_width, rough_height));
    }
    let (_, area) = super::picture::shapes(lab, catalog, options);
    let (width, height) = (pixels(area.width(), options.scale).max(1), pixels(area.height(), options.scale).max(1));
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(across), Ok(down)) if width.saturating_mul(height) <= PIXELS_MAX => Ok((across, down)),
        _ => Err(too_large(width, height)),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, and a length is never negative")]
fn pixels(length: f32, scale: f32) -> u64 {
    (f64::from(length) * f64::from(scale)).ceil() as u64
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a hint in a message")]
fn scale_max(width: u64, height: u64, scale: f32) -> f32 {
    let share = PIXELS_MAX as f64 / (width as f64 * height as f64).max(1.0);
    // Rounded down, so that the scale that the message names fits.
    let fits = f64::from(scale) * share.sqrt();
    ((fits * 100.0).floor() / 100.0) as f32
}

fn fonts() -> Arc<fontdb::Database> {
    let mut fonts = fontdb::Database::new();
    for face in FontFace::ALL {
        fonts.load_font_data(face.bytes().to_vec());
    }
    fonts.set_sans_serif_family("Inter");
    fonts.set_monospace_family("JetBrains Mono");
    Arc::new(fonts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{look::Appearance, model::Pos, picture::fixture};

    fn decoded(options: &PictureOptions<'_>) -> image::RgbaImage {
        let file = png(&fixture::mini_cloud(), Catalog::embedded(), options).unwrap();
        image::load_from_memory(&file).unwrap().to_rgba8()
    }

    #[test]
    fn the_picture_has_its_size_and_its_ground() {
        let one = decoded(&PictureOptions { scale: 1.0, ..PictureOptions::default() });
        let two = decoded(&PictureOptions { scale: 2.0, ..PictureOptions::default() });
        assert!((f64::from(two.width()) / f64::from(one.width()) - 2.0).abs() < 0.01);
        for appearance in Appearance::ALL {
            let ground = appearance.palette().canvas;
            let image = decoded(&PictureOptions { appearance, scale: 1.0, ..PictureOptions::default() });
            assert_eq!(image.get_pixel(2, 2).0, [ground.r, ground.g, ground.b, 255]);
            let other = image.pixels().filter(|pixel| pixel.0 != [ground.r, ground.g, ground.b, 255]).count();
            assert!(other > 10_000, "something is drawn");
        }
    }

    #[test]
    fn words_are_drawn_with_our_fonts() {
        // Without fonts resvg leaves texts out: the name of a rail would be missing.
        let palette = Appearance::Light.palette();
        let image = decoded(&PictureOptions { scale: 2.0, ..PictureOptions::default() });
        let color = palette.rail(1);
        let above_bar = image.enumerate_pixels().filter(|(_, _, pixel)| pixel.0 == [color.r, color.g, color.b, 255]).count();
        assert!(above_bar > 0);
        let text = svg(&fixture::mini_cloud(), Catalog::embedded(), &PictureOptions::default());
        let settings = usvg::Options { fontdb: fonts(), ..usvg::Options::default() };
        let tree = usvg::Tree::from_str(&text, &settings).unwrap();
        assert!(tree.root().children().iter().any(|child| matches!(child, usvg::Node::Text(text) if text.bounding_box().width() > 5.0)));
    }

    #[test]
    fn a_picture_that_is_too_large_is_refused_before_it_is_drawn() {
        let mut lab = fixture::mini_cloud();
        lab.canvas.nodes.insert("db1".parse().unwrap(), Pos(2_000_000_000, 2_000_000_000));
        let error = png(&lab, Catalog::embedded(), &PictureOptions::default()).unwrap_err();
        assert!(matches!(error, PngError::TooLarge { .. }), "{error}");
        assert!(error.to_string().contains("export SVG"));
        for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            let options = PictureOptions { scale, ..PictureOptions::default() };
            assert!(matches!(png(&fixture::mini_cloud(), Catalog::embedded(), &options), Err(PngError::Scale(_))));
        }
    }

    #[test]
    fn the_scale_that_the_refusal_names_fits() {
        let options = PictureOptions { scale: 40.0, ..PictureOptions::default() };
        let Err(PngError::TooLarge { scale_max, .. }) = dimensions(&fixture::mini_cloud(), Catalog::embedded(), &options) else {
            panic!("40 times is too large")
        };
        assert!(dimensions(&fixture::mini_cloud(), Catalog::embedded(), &PictureOptions { scale: scale_max * 0.98, ..options }).is_ok());
    }
}
