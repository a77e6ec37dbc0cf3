//! `sandtable image`: makes an image with what a lab needs, so that its nodes need no way to the internet.

use super::open::{open, selection};
use super::{Failure, Outcome, Result, Style, Terminal};
use crate::session::{Done, Image, Monitor, Packages, Progress, ProviderId, ProviderSelection, SessionError};
use std::path::PathBuf;

/// What `image` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The layout whose nodes it is for
    layout: PathBuf,
    /// Where it is to be
    #[arg(long, value_name = "PROVIDER")]
    on: Option<ProviderId>,
    /// Put in the packages of all recipes, for labs of any kind
    #[arg(long)]
    packages_of_all: bool,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let provider = selection(args.on, ProviderSelection::DeployedOr(ProviderId::Incus(None)));
    let (session, _) = open(&args.layout, provider)?;
    let image = session.image(if args.packages_of_all { Packages::OfAllRecipes } else { Packages::OfLab }).map_err(|error| match error {
        SessionError::NoImages(_) => Failure::input(format!("images are made for Incus: sandtable image {} --on incus", args.layout.display())),
        error => error.into(),
    })?;
    terminal.line(format_args!("{}: the base and {}", image.alias(), listed(&image)));
    terminal.show();
    let mut progress = |progress| {
        if let Progress::Message(text) = progress {
            let mut errors = Terminal::stderr();
            errors.line(text);
            errors.show();
        }
    };
    let done = image.make(&mut Monitor::new(Default::default(), &mut progress))?;
    let word = match done {
        Done::Changed => "made",
        Done::AlreadySo => "there already, with the same contents",
    };
    let word = terminal.paint(Style::Good, word);
    terminal.line(format_args!("{}: {word}", image.alias()));
    Ok(Outcome::Good)
}

fn listed(image: &Image) -> String {
    match image.packages().as_slice() {
        [] => "no further packages".to_owned(),
        packages => format!("{} packages: {}", packages.len(), packages.join(" ")),
    }
}
