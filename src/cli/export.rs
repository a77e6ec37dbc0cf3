//! `sandtable export`: a layout as a picture or a document.

use super::args::Layout;
use super::input::read_layout;
use super::{Failure, Outcome, Result, Terminal};
use crate::app::{ExportFormat, ExportOptions, Permit, SaveError, export::export, save::save_export};
use crate::look::Appearance;
use std::path::PathBuf;

/// What `export` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    layout: Layout,
    /// What to make of it
    #[arg(long, value_enum)]
    to: Target,
    /// The file to write; without it a text goes to stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, requires = "output")]
    force: bool,
    /// The colours of a picture
    #[arg(long, value_enum, default_value_t)]
    theme: Theme,
    /// Pixels for each unit of the drawing, in a PNG
    #[arg(long, default_value_t = 2.0)]
    scale: f32,
}

/// What a layout can be made into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Target {
    /// The drawing, to be scaled and edited
    Svg,
    /// The drawing in pixels
    Png,
    /// A Mermaid flowchart, as README files show it
    Mermaid,
    /// A document: what there is, who talks to whom, and the flowchart
    Markdown,
}

/// The colours of a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Theme {
    /// Dark on light, as paper is
    #[default]
    Light,
    /// Light on dark
    Dark,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let lab = read_layout(&args.layout.layout)?.lab;
    let appearance = match args.theme {
        Theme::Light => Appearance::Light,
        Theme::Dark => Appearance::Dark,
    };
    let format = match args.to {
        Target::Svg => ExportFormat::Svg,
        Target::Png => ExportFormat::Png,
        Target::Mermaid => ExportFormat::Mermaid,
        Target::Markdown => ExportFormat::Markdown,
    };
    let made = export(&lab, ExportOptions { format, appearance, scale: args.scale })?;
    match (args.output, args.to) {
        (Some(path), _) => {
            let permit = if args.force { Permit::Confirmed } else { Permit::New };
            save_export(&path, &made, permit).map_err(|error| match error {
                SaveError::Exists { .. } => Failure::input(format!("{error}; choose another file with -o, or add --force")),
                error => Failure::input(error),
            })?;
        }
        (None, Target::Png) => return Err(Failure::input("a PNG is no text: name the file to write it to with -o FILE")),
        (None, _) => terminal.document(String::from_utf8_lossy(&made).trim_end()),
    }
    Ok(Outcome::Good)
}
