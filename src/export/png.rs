//! The picture as PNG: our SVG, drawn by resvg with the fonts that we ship. No window, no GPU, no fonts of the system.

use super::{Background, PictureOptions};
use crate::{
    catalog::Catalog,
    look::FontFace,
    model::Lab,
    picture::{Rect, Scene, Shapes, point},
};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{self, fontdb},
};
use std::sync::Arc;

/// The most pixels that a picture may have: 128 million.
pub const PIXELS_MAX: u64 = 128_000_000;
/// The least scale: a picture of the size of a stamp.
pub const SCALE_MIN: f32 = 0.1;
/// The largest scale: sharp on every screen and in print.
pub const SCALE_MAX: f32 = 4.0;
/// The most pixels that are drawn at a time: 16 MB.
const BAND_PIXELS_MAX: u64 = 4_000_000;
/// About how many shapes are drawn at a time: each text is held as its outlines meanwhile.
const BAND_SHAPES: usize = 15_000;
/// The most bands: each looks at all shapes.
const BANDS_MAX: u64 = 128;

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
    /// The scale is out of range.
    #[error("the scale {0} is out of range; use 1 to {SCALE_MAX}, or down to {SCALE_MIN} for a small picture")]
    Scale(f32),
    /// Our own SVG was not understood.
    #[error("the picture could not be drawn: {0}")]
    Draw(String),
    /// The file could not be written.
    #[error("the picture could not be written as PNG: {0}")]
    Encode(#[from] image::ImageError),
}

/// A lab as a PNG file. Drawn in bands: the outlines of all texts of a large lab would take hundreds of megabytes.
///
/// # Errors
/// Where the picture would have more than [`PIXELS_MAX`] pixels, or the scale is out of range.
pub fn png(lab: &Lab, catalog: &Catalog, options: &PictureOptions<'_>) -> Result<Vec<u8>, PngError> {
    let (shapes, area, (width, height)) = measured(lab, catalog, options)?;
    let settings = usvg::Options { fontdb: fonts(), font_family: "Inter".into(), ..usvg::Options::default() };
    let (color, channels) = match options.background {
        Background::Theme => (ExtendedColorType::Rgb8, 3),
        Background::Transparent => (ExtendedColorType::Rgba8, 4),
    };
    let mut rows: Vec<u8> = Vec::with_capacity(usize::try_from(u64::from(width) * u64::from(height) * channels).unwrap_or_default());
    let band_height = band_height(width, height, shapes.list.len());
    for top in (0..height).step_by(usize::try_from(band_height).unwrap_or(1)) {
        let band = Band { width, top, height: band_height.min(height - top) };
        draw(lab, options, &settings, &shapes, area, band, &mut rows)?;
    }
    let mut file = Vec::new();
    PngEncoder::new(&mut file).write_image(&rows, width, height, color)?;
    Ok(file)
}

/// The size of that file's picture in pixels.
///
/// # Errors
/// As [`png`].
pub fn png_size(lab: &Lab, catalog: &Catalog, options: &PictureOptions<'_>) -> Result<(u32, u32), PngError> {
    measured(lab, catalog, options).map(|(_, _, size)| size)
}

/// The shapes of a picture, the area that they are shown in, and its size in pixels.
fn measured(lab: &Lab, catalog: &Catalog, options: &PictureOptions<'_>) -> Result<(Shapes, Rect, (u32, u32)), PngError> {
    if !(SCALE_MIN..=SCALE_MAX).contains(&options.scale) {
        return Err(PngError::Scale(options.scale));
    }
    refuse_too_large(lab, catalog, options)?;
    let (shapes, area) = super::picture::shapes(lab, catalog, options);
    let size = dimensions(area, options.scale)?;
    Ok((shapes, area, size))
}

/// Rows of the picture, in pixels.
#[derive(Clone, Copy)]
struct Band {
    width: u32,
    top: u32,
    height: u32,
}

/// The rows of a band: so few that neither their pixels nor their shapes take much memory.
fn band_height(width: u32, height: u32, shapes: usize) -> u32 {
    let by_pixels = (u64::from(width) * u64::from(height)).div_ceil(BAND_PIXELS_MAX);
    let by_shapes = u64::try_from(shapes / BAND_SHAPES).unwrap_or(u64::MAX);
    let bands = by_pixels.max(by_shapes).clamp(1, BANDS_MAX);
    u32::try_from(u64::from(height).div_ceil(bands)).unwrap_or(height).max(1)
}

/// Draws a band and adds its pixels: three bytes each on an opaque ground, else four.
fn draw(
    lab: &Lab,
    options: &PictureOptions<'_>,
    settings: &usvg::Options<'_>,
    shapes: &Shapes,
    area: Rect,
    band: Band,
    rows: &mut Vec<u8>,
) -> Result<(), PngError> {
    let units = |pixels: u32| f64::from(pixels) / f64::from(options.scale);
    #[expect(clippy::cast_possible_truncation, reason = "coordinates of the drawing are f32")]
    let (top, height) = ((f64::from(area.min.y) + units(band.top)) as f32, units(band.height) as f32);
    let text = super::svg::part(lab, options, shapes, Rect::at(point(area.min.x, top), area.width(), height));
    let tree = usvg::Tree::from_str(&text, settings).map_err(|error| PngError::Draw(error.to_string()))?;
    drop(text);
    let size = || PngError::Draw(format!("{} x {} pixels are no picture", band.width, band.height));
    let mut pixels = Pixmap::new(band.width, band.height).ok_or_else(size)?;
    resvg::render(&tree, Transform::from_scale(options.scale, options.scale), &mut pixels.as_mut());
    match options.background {
        Background::Theme => rows.extend(pixels.pixels().iter().flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()])),
        Background::Transparent => rows.extend(pixels.pixels().iter().flat_map(|pixel| {
            // PNG holds colours that are not multiplied by their opacity.
            let pixel = pixel.demultiply();
            [pixel.red(), pixel.green(), pixel.blue(), pixel.alpha()]
        })),
    }
    Ok(())
}

/// Refuses a picture that is far too large before anything is drawn: drawing is slow for the very labs that are too large.
fn refuse_too_large(lab: &Lab, catalog: &Catalog, options: &PictureOptions<'_>) -> Result<(), PngError> {
    let mut scene = Scene::new(lab, catalog);
    scene.set_overlay(lab, &options.overlay);
    let rough = options.area.unwrap_or_else(|| scene.bounds().grow(super::picture::MARGIN));
    if rough.exists() { dimensions(rough, options.scale).map(|_| ()) } else { Ok(()) }
}

/// The picture's size in pixels.
fn dimensions(area: Rect, scale: f32) -> Result<(u32, u32), PngError> {
    let (width, height) = pixels_of(area, scale);
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(across), Ok(down)) if width.saturating_mul(height) <= PIXELS_MAX => Ok((across, down)),
        _ => Err(PngError::TooLarge { width, height, scale_max: scale_max(width, height, scale) }),
    }
}

/// The pixels of an area, across and down.
pub(super) fn pixels_of(area: Rect, scale: f32) -> (u64, u64) {
    (pixels(area.width(), scale).max(1), pixels(area.height(), scale).max(1))
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
    fn a_transparent_picture_shows_what_lies_below() {
        let options = PictureOptions { background: Background::Transparent, scale: 1.0, ..PictureOptions::default() };
        let (lab, catalog) = (fixture::mini_cloud(), Catalog::embedded());
        let image = image::load_from_memory(&png(&lab, catalog, &options).unwrap()).unwrap();
        assert_eq!((image.width(), image.height()), png_size(&lab, catalog, &options).unwrap());
        let image = image.into_rgba8();
        assert_eq!(image.get_pixel(2, 2).0[3], 0);
        let opaque = image.pixels().filter(|pixel| pixel.0[3] == 255).count();
        assert!(opaque > 10_000, "cards are opaque");
    }

    /// The widths of all texts.
    fn words(group: &usvg::Group) -> Vec<f32> {
        let of = |node: &usvg::Node| match node {
            usvg::Node::Group(group) => words(group),
            usvg::Node::Text(text) => vec![text.bounding_box().width()],
            usvg::Node::Path(_) | usvg::Node::Image(_) => Vec::new(),
        };
        group.children().iter().flat_map(of).collect()
    }

    #[test]
    fn words_are_drawn_with_our_fonts() {
        // Without fonts resvg leaves texts out, without a word.
        let text = crate::export::svg(&fixture::mini_cloud(), Catalog::embedded(), &PictureOptions::default());
        let settings = usvg::Options { fontdb: fonts(), ..usvg::Options::default() };
        let tree = usvg::Tree::from_str(&text, &settings).unwrap();
        let drawn = words(tree.root());
        assert!(drawn.len() > 20 && drawn.iter().all(|width| *width > 3.0), "{drawn:?}");
        let bare = usvg::Tree::from_str(&text, &usvg::Options::default()).unwrap();
        assert!(words(bare.root()).is_empty(), "without our fonts there would be none");
    }

    #[test]
    fn a_picture_that_is_too_large_is_refused_before_it_is_drawn() {
        let mut lab = fixture::mini_cloud();
        lab.canvas.nodes.insert("db1".parse().unwrap(), Pos(2_000_000_000, 2_000_000_000));
        let error = png(&lab, Catalog::embedded(), &PictureOptions::default()).unwrap_err();
        assert!(matches!(error, PngError::TooLarge { .. }), "{error}");
        assert!(error.to_string().contains("export SVG"));
        for scale in [0.0, -1.0, 4.1, f32::NAN, f32::INFINITY] {
            let options = PictureOptions { scale, ..PictureOptions::default() };
            assert!(matches!(png(&fixture::mini_cloud(), Catalog::embedded(), &options), Err(PngError::Scale(_))));
        }
    }

    #[test]
    fn the_scale_that_the_refusal_names_fits() {
        let options = PictureOptions { scale: 40.0, ..PictureOptions::default() };
        let Err(PngError::TooLarge { scale_max, .. }) = refuse_too_large(&fixture::mini_cloud(), Catalog::embedded(), &options) else {
            panic!("40 times is too large")
        };
        assert!(
            refuse_too_large(&fixture::mini_cloud(), Catalog::embedded(), &PictureOptions { scale: scale_max * 0.98, ..options }).is_ok()
        );
    }

    #[test]
    fn a_picture_in_bands_is_the_picture_in_one_piece() {
        let (lab, catalog) = (fixture::mini_cloud(), Catalog::embedded());
        let options = PictureOptions { scale: 1.5, ..PictureOptions::default() };
        let (shapes, area) = super::super::picture::shapes(&lab, catalog, &options);
        let (width, height) = dimensions(area, options.scale).unwrap();
        let settings = usvg::Options { fontdb: fonts(), font_family: "Inter".into(), ..usvg::Options::default() };
        let drawn = |rows: u32| {
            let mut pixels = Vec::new();
            for top in (0..height).step_by(rows as usize) {
                let band = Band { width, top, height: rows.min(height - top) };
                draw(&lab, &options, &settings, &shapes, area, band, &mut pixels).unwrap();
            }
            pixels
        };
        let (whole, bands) = (drawn(height), drawn(97));
        assert_eq!(whole.len(), bands.len());
        // Shadows are blurred, and what a blur does depends a little on where its filter region ends.
        let differing = whole.iter().zip(&bands).filter(|(one, other)| one.abs_diff(**other) > 8).count();
        assert!(differing * 1000 < whole.len(), "{differing} of {} bytes differ", whole.len());
    }

    #[test]
    fn bands_are_small_in_pixels_and_in_shapes() {
        assert_eq!(band_height(1000, 800, 300), 800, "an ordinary picture is one band");
        assert!(u64::from(band_height(16_000, 8_000, 300)) * 16_000 <= BAND_PIXELS_MAX);
        assert_eq!(band_height(1000, 800, BAND_SHAPES * 10), 80);
        assert_eq!(band_height(1, 1, usize::MAX), 1);
    }
}
