//! `sandtable export`: a layout as a picture or a document.

use super::args::Layout;
use super::input::read_layout;
use super::{Failure, Outcome, Result, Terminal};
use crate::app::{
    ExportFormat, ExportOptions, ExportPart, ExportTheme, Permit,
    export::{export, picture_size},
    save::save_export,
};
use crate::look::Appearance;
use crate::model::NodeName;
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
    /// The colours of a picture [default: light]
    #[arg(long, value_enum)]
    theme: Option<Theme>,
    /// What a picture is drawn on [default: theme]
    #[arg(long, value_enum)]
    background: Option<Background>,
    /// Pixels for each unit of the drawing, in a PNG: 1 to 4, or down to 0.1 for a small picture [default: 2]
    #[arg(long)]
    scale: Option<f32>,
    /// Export these nodes only, with their networks, flows and VIPs
    #[arg(long, value_name = "NODE,...", value_delimiter = ',')]
    only: Vec<NodeName>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Theme {
    /// Dark on light, as paper is
    Light,
    /// Light on dark
    Dark,
}

/// What a picture is drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Background {
    /// The ground of the theme
    Theme,
    /// Nothing: what lies below shows through
    Transparent,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let options = options(&args)?;
    let lab = read_layout(&args.layout.layout)?.lab;
    if args.to == Target::Png && args.output.is_none() {
        return Err(Failure::input("a PNG is no text: name the file to write it to with -o FILE"));
    }
    let size = picture_size(&lab, &options).map_err(Failure::input)?;
    if let (Some((width, height)), Some(path)) = (size, &args.output) {
        super::note(&format!("{} will have {width} x {height} pixels", path.display()));
    }
    let made = export(&lab, &options).map_err(Failure::input)?;
    match args.output {
        Some(path) => {
            let permit = if args.force { Permit::Confirmed } else { Permit::New };
            save_export(&path, &made, permit)?;
        }
        None => terminal.document(String::from_utf8_lossy(&made).trim_end()),
    }
    Ok(Outcome::Good)
}

/// What is asked for. An option that the format has no use for is refused.
fn options(args: &Args) -> Result<ExportOptions> {
    let format = match args.to {
        Target::Svg => ExportFormat::Svg,
        Target::Png => ExportFormat::Png,
        Target::Mermaid => ExportFormat::Mermaid,
        Target::Markdown => ExportFormat::Markdown,
    };
    let ending = args.output.as_deref().and_then(|path| path.extension()?.to_str()).map(str::to_lowercase);
    let is_of = |of: &ExportFormat| ending.as_deref().is_some_and(|ending| of.extensions().contains(&ending));
    if let Some(other) = ExportFormat::ALL.into_iter().find(is_of).filter(|other| *other != format && (other.is_picture() || format.is_picture())) {
        let (named, made) = (other.title(), format.title());
        return Err(Failure::input(format!("the file's name is that of {named}, and --to makes {made}; change one of them")));
    }
    if args.scale.is_some() && format != ExportFormat::Png {
        return Err(Failure::input(format!("--scale is for a PNG, and {} has no pixels; leave it out", format.title())));
    }
    if !format.is_picture() && (args.theme.is_some() || args.background.is_some()) {
        return Err(Failure::input(format!("--theme and --background are for pictures, and {} is a text; leave them out", format.title())));
    }
    let appearance = match args.theme {
        None | Some(Theme::Light) => Appearance::Light,
        Some(Theme::Dark) => Appearance::Dark,
    };
    let background = match args.background {
        None | Some(Background::Theme) => crate::export::Background::Theme,
        Some(Background::Transparent) => crate::export::Background::Transparent,
    };
    let part = if args.only.is_empty() { ExportPart::Everything } else { ExportPart::Nodes(args.only.iter().cloned().collect()) };
    let usual = ExportOptions::default();
    Ok(ExportOptions { format, theme: ExportTheme::Fixed(appearance), background, scale: args.scale.unwrap_or(usual.scale), part })
}
