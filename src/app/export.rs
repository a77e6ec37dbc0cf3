//! What the lab can be exported as, and how: the choices of the export dialog and of `sandtable export`.

use crate::catalog::Catalog;
use crate::export::{PictureOptions, markdown, mermaid, png, svg};
use crate::look::Appearance;
use crate::model::Lab;
use std::path::{Path, PathBuf};

/// What a lab can be made into.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExportFormat {
    /// The drawing, to be scaled and edited.
    #[default]
    Svg,
    /// The drawing in pixels.
    Png,
    /// A Mermaid flowchart, as README files show it.
    Mermaid,
    /// A document: what there is, who talks to whom, and the flowchart.
    Markdown,
}

impl ExportFormat {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Svg, Self::Png, Self::Mermaid, Self::Markdown];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Svg => "SVG",
            Self::Png => "PNG",
            Self::Mermaid => "Mermaid",
            Self::Markdown => "Markdown",
        }
    }

    /// What it is good for.
    pub fn about(self) -> &'static str {
        match self {
            Self::Svg => "The drawing as shapes: sharp at every size, can be edited.",
            Self::Png => "The drawing in pixels: for chats, slides and documents.",
            Self::Mermaid => "A flowchart as text, which GitHub and GitLab draw.",
            Self::Markdown => "A document with tables of nodes, networks and flows, and the flowchart.",
        }
    }

    /// What its file's name ends with; the first is proposed.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Svg => &["svg"],
            Self::Png => &["png"],
            Self::Mermaid => &["mmd", "mermaid"],
            Self::Markdown => &["md", "markdown"],
        }
    }

    /// Whether it is a picture, which has a theme.
    pub fn is_picture(self) -> bool {
        matches!(self, Self::Svg | Self::Png)
    }

    /// The path with this format's extension: kept where it has one, added where it has none or another.
    pub fn named(self, path: PathBuf) -> PathBuf {
        with_extension(path, self.extensions())
    }
}

/// A path whose name ends with one of these extensions: the first is added where it has none of them.
pub fn with_extension(path: PathBuf, extensions: &[&str]) -> PathBuf {
    let has = |path: &Path| path.extension().is_some_and(|ending| extensions.iter().any(|it| ending.eq_ignore_ascii_case(it)));
    match extensions.first() {
        Some(first) if !has(&path) => {
            let mut name = path.into_os_string();
            name.push(".");
            name.push(first);
            name.into()
        }
        _ => path,
    }
}

/// How to export.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExportOptions {
    /// As what.
    pub format: ExportFormat,
    /// The colours of a picture.
    pub appearance: Appearance,
    /// Pixels for each unit of the drawing, in a PNG.
    pub scale: f32,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self { format: ExportFormat::Svg, appearance: Appearance::Light, scale: 2.0 }
    }
}

/// The content of the exported file.
///
/// # Errors
/// Where the picture would be too large.
pub fn export(lab: &Lab, options: ExportOptions) -> anyhow::Result<Vec<u8>> {
    let picture = PictureOptions { appearance: options.appearance, scale: options.scale, ..PictureOptions::default() };
    Ok(match options.format {
        ExportFormat::Svg => svg(lab, Catalog::embedded(), &picture).into_bytes(),
        ExportFormat::Png => png(lab, Catalog::embedded(), &picture)?,
        ExportFormat::Mermaid => mermaid(lab).into_bytes(),
        ExportFormat::Markdown => markdown(lab).into_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_kept_or_added_and_never_replaced() {
        let named = |format: ExportFormat, name: &str| format.named(name.into()).display().to_string();
        assert_eq!(named(ExportFormat::Svg, "a"), "a.svg");
        assert_eq!(named(ExportFormat::Svg, "a.SVG"), "a.SVG");
        assert_eq!(named(ExportFormat::Svg, "a.ron"), "a.ron.svg");
        assert_eq!(named(ExportFormat::Png, "v1.2"), "v1.2.png");
        assert_eq!(named(ExportFormat::Markdown, "a.markdown"), "a.markdown");
    }
}
